"""EDGE: the events of an upload as JSON, one object a line, for a program that reads stderr."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from vidup.events import Awaiting, Event, Finishing, LineDown, LineUp, Named, PartChanged, Resumed, Retrying, Started, Waiting
from vidup.inert import json_line
from vidup.progress.base import Kind, Leaving, Told, View
from vidup.progress.words import up_line


class StreamView(View):
    """Events as they come, `progress` about once a second while something changes, `exit` last."""

    beat_every = 1.0

    _told: tuple[int, int, bool] | None = None
    _ended = False
    _waited_for: Awaiting | None = None

    def beat(self) -> None:
        """Tell the progress if any of it is new, a stall that began included."""
        if self._started is None:
            if self._waiting_now() is not None and self._awaiting is not self._waited_for and self._awaiting is not None:
                self._waited_for = self._awaiting
                self._object("wait", seconds=0, reason=self._awaiting.what)
            return
        numbers, pace = self._reading()
        state = (numbers.bytes_confirmed, numbers.bytes_handed, pace.stalled)
        if state == self._told:
            return
        self._told = state
        self._object(
            "progress",
            bytes_confirmed=min(numbers.bytes_confirmed, numbers.bytes_total),
            bytes_total=numbers.bytes_total if numbers.ended else None,
            parts_done=numbers.parts_done,
            total_parts=numbers.total_parts if numbers.ended else None,
            rate=round(pace.rate),
            eta=None if pace.eta is None else round(pace.eta, 1),
        )

    def result(self, report: dict[str, Any], told: Told | None = None) -> None:
        """What one file came to, as `--json` has it but for the assets: a private video's URLs belong to stdout alone."""
        self._post_and(lambda: self._report(report), told)

    def exit_(self, code: int, kind: str, message: str, resumable: bool) -> None:
        """The last object; whatever is told after it is dropped."""
        self._post(lambda: self._leave(code, kind, message, resumable))
        self.close()

    def last_words(self, lines: Sequence[str], report: dict[str, Any]) -> str:
        """The result."""
        return self._worded("result", {**report, "assets": None})

    def last_word(self, leaving: Leaving) -> str:
        """The exit."""
        return self._worded("exit", leaving._asdict())

    def cut_in(self, text: Callable[[], str]) -> None:
        """Nothing where the exit was told: it is the last."""
        super().cut_in(lambda: "" if self._ended else text())

    def _wipe(self) -> str:
        return ""

    def _shown(self, event: Event) -> None:
        match event:
            case Started():
                self._told = None
                self._start(event)
            case Named() if self._started is not None:
                self._start(self._started)
            case PartChanged(part, state, attempts):
                self._object("part", part=part, state=state, attempts=attempts)
            case Retrying(part, attempt, wait, reason):
                self._object("retry", part=part or None, attempt=attempt, wait=round(wait, 3), reason=reason)
            case Resumed(parts_done, total_parts, source):
                self._object("resume", parts_done=parts_done, total_parts=total_parts, source=source)
            case Waiting(seconds, reason):
                self._object("wait", seconds=round(seconds, 3), reason=reason)
            case LineDown(reason, wait, _left, lost):
                self._object("wait", seconds=round(wait, 3), reason=f"{'no connection' if lost else 'server in trouble'}: {reason}")
            case LineUp():
                self._say(up_line(event), "note")
            case Finishing():
                self._look()

    def _start(self, event: Started) -> None:
        self._object(
            "start",
            video_id=event.video_id or None,
            upload_id=event.upload_id,
            file=event.file,
            size=event.size,
            total_parts=event.total_parts,
            part_size=event.part_size,
        )

    def _report(self, report: dict[str, Any]) -> None:
        self._last_progress()
        self._object("result", **{**report, "assets": None})

    def _leave(self, code: int, kind: str, message: str, resumable: bool) -> None:
        self._last_progress()
        self._object("exit", code=code, kind=kind, message=message, resumable=resumable)
        self._ended = True

    def _last_progress(self) -> None:
        self._told = None
        self._look()
        self._rest()

    def _end_progress(self) -> None:
        self._last_progress()

    def _progress_now(self) -> None:
        self._told = None
        if self._started is None and not self._dark:
            self._object("wait", seconds=0, reason=self._awaiting.what if self._awaiting is not None else "nothing is being sent now")
        self._look()

    def _say(self, text: str, kind: Kind) -> None:
        self._object("note", text=text, kind=kind)

    def _object(self, type_: str, **fields: Any) -> None:
        if self._ended:
            return
        self.out.write(self._worded(type_, fields))
        self.out.flush()

    def _worded(self, type_: str, fields: Mapping[str, Any]) -> str:
        moment = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return json_line({"v": 1, "type": type_, "time": moment, **fields}) + "\n"
