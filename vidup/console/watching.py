"""DOOR: videos of which only the status is wanted: told at once, or waited for until they play."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from vidup.api.credentials import ApiKey
from vidup.api.videostatus import VideoStatus, read_video_status
from vidup.console.answering import answer, say, teller
from vidup.console.options import environment
from vidup.console.shown import show
from vidup.errors import ExitCode, VidupError
from vidup.upload.outcome import Report, combined, error_json

_OF_ALL: Final = (ExitCode.AUTH, ExitCode.TRUST)
"""What is refused to one video is refused to all."""


class Answers:
    """What is told of each of some videos, in the order given, and what that comes to."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._codes: list[ExitCode] = []

    def tell(self, video_id: str, seen: VideoStatus | None, error: VidupError | None, code: ExitCode = ExitCode.OK) -> None:
        """The last status of this video, if there was one, and what went wrong, if anything did; or the `code` of a signal."""
        if self._codes and not self._as_json:
            say([""])
        self._codes.append(error.code if error is not None else ExitCode.OK)
        fields: dict[str, object] = seen.to_json() if seen is not None else {"v": 1, "video_id": video_id}
        if error is not None:
            fields |= {"error": error_json(error), "exit_code": int(error.code)}
        elif code is not ExitCode.OK:
            fields |= {"exit_code": int(code)}
        if seen is not None or self._as_json:
            answer(seen.lines() if seen is not None else (), fields, self._as_json)
        if error is not None:
            show(error)

    @property
    def code(self) -> ExitCode:
        """The exit code of them all."""
        return combined(self._codes)


def ask_for(video_ids: Sequence[str], base_url: str, key: ApiKey, as_json: bool) -> ExitCode:
    """Tell the status of each video as it is. Raises VidupError for what ends all, or where there is only one."""
    from vidup.upload.exchange import Verb
    from vidup.upload.questions import ask_alone, open_line

    line, answers = open_line(base_url, key, teller()), Answers(as_json)
    for video_id in video_ids:
        try:
            reply = ask_alone(line, lambda asked=video_id: line.ask(Verb.STATUS, asked))  # type: ignore[misc]
        except VidupError as error:
            if len(video_ids) == 1 or error.code in _OF_ALL:
                raise
            answers.tell(video_id, None, error)
        else:
            answers.tell(video_id, read_video_status(video_id, reply.body or {}), None)
    return answers.code


def wait_for(video_ids: Sequence[str], base_url: str, key: ApiKey, patience: float, as_json: bool) -> ExitCode:
    """Wait until each of these videos plays, for so many seconds, and tell its status. Raises as `ask_for`."""
    from vidup.console.leaving import end
    from vidup.console.signals import ENDING, Signals
    from vidup.progress.choice import decide
    from vidup.progress.views import open_view
    from vidup.upload.batch import Batch
    from vidup.upload.order import Order
    from vidup.upload.tally import Tally

    stderr = sys.stderr if sys.stderr is not None else io.StringIO()
    view = open_view(decide("auto", "auto", False, 0, environment(), stderr.isatty()), Tally(), stderr)
    reports: list[Report] = []

    def deliver(report: Report) -> bool:
        reports.append(report)
        return True

    orders = [Order("", base_url, key, Path(), video_id=video_id, wait=patience, watch=True) for video_id in video_ids]
    batch = Batch([(order, view.tell, deliver) for order in orders], view.tell)
    signals = Signals(batch.stop_with, lambda: None, lambda: None, lambda _parks: None)
    with signals, view:
        if signals.received is not None:
            batch.stop_with(ENDING[signals.received])
        batch.run()
    by_id, answers = {report.video_id: report for report in reports}, Answers(as_json)
    for report in (by_id[video_id] for video_id in video_ids):
        if report.error is not None and report.seen is None and (len(video_ids) == 1 or report.error.code in _OF_ALL):
            raise report.error
        if as_json or report.exit_code not in ENDING.values():
            answers.tell(report.video_id or "", report.seen, report.error, report.exit_code)
    if signals.received is not None and ENDING[signals.received] in {report.exit_code for report in reports}:
        return end(ENDING[signals.received], signals)
    return answers.code
