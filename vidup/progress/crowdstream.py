"""EDGE: the events of many files as JSON, one object a line: each names its file, and a `total` tells of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TextIO

from vidup.api.videostatus import encoding_words
from vidup.events import Encoding, Event, Finishing, Named, Note, Started
from vidup.inert import file_fields
from vidup.progress.base import Leaving
from vidup.progress.choice import Style
from vidup.progress.crowd import CrowdView, Whose
from vidup.progress.stream import StreamView
from vidup.upload.crowd import Crowd, CrowdNumbers, OpenFile
from vidup.upload.rate import Meter, Pace
from vidup.upload.tally import Snapshot


class CrowdStreamView(CrowdView, StreamView):
    """Events as they come, `progress` of each file that moves and `total` about once a second while something changes, `exit` last."""

    beat_every = 1.0

    def __init__(self, style: Style, crowd: Crowd, stream: TextIO, clock: Callable[[], float], now: Callable[[], float]) -> None:
        super().__init__(style, crowd, stream, clock, now)
        self._open: dict[int, tuple[Whose, Meter]] = {}
        self._seen: dict[int, tuple[int, int]] = {}
        self._unnamed: dict[int, Started] = {}
        self._waits: dict[int, str] = {}
        self._whose: Whose | None = None

    def beat(self) -> None:
        """Tell the progress of each open file, and of all, where any of it is new."""
        if self._started is None:
            super().beat()
            return
        numbers, pace = self._reading_all()
        for file in numbers.open:
            self._tell_file(file)
        state = (numbers.bytes_confirmed, numbers.bytes_handed, pace.stalled)
        if state != self._told:
            self._told = state
            self._total(numbers, pace)

    def _tell_file(self, file: OpenFile) -> None:
        whose, meter = self._open.get(file.number, (None, None))
        if whose is None or meter is None or not file.total_parts:
            return
        handed = file.confirmed + file.in_flight
        snapshot = Snapshot(file.size, file.confirmed, file.in_flight, handed, file.total_parts, file.parts_done, 0, 0, file.states)
        pace = meter.read(self._clock(), snapshot)
        if self._seen.get(file.number) == (file.confirmed, file.in_flight):
            return
        self._seen[file.number] = file.confirmed, file.in_flight
        self._object(
            "progress", **_naming(whose), bytes_confirmed=min(file.confirmed, file.size), bytes_total=file.size, parts_done=file.parts_done,
            total_parts=file.total_parts, rate=round(pace.rate), eta=None if pace.eta is None else round(pace.eta, 1),
        )  # fmt: skip

    def _total(self, numbers: CrowdNumbers, pace: Pace) -> None:
        self._object(
            "total", files=numbers.files, uploaded=numbers.done, failed=numbers.failed, interrupted=numbers.interrupted,
            skipped=numbers.skipped, bytes_confirmed=min(numbers.bytes_confirmed, numbers.bytes_total), bytes_total=numbers.bytes_total,
            rate=round(pace.rate), eta=None if pace.eta is None else round(pace.eta, 1),
        )  # fmt: skip

    def last_result(self, whose: Whose, report: Mapping[str, Any]) -> str:
        """What `result_of` would write; nothing is written."""
        return self._worded("result", {**report, **_naming(whose), "assets": None})

    def last_words_of_all(self, lines: Sequence[str], results: Iterable[str], leaving: Leaving) -> str:
        """The results and the exit."""
        return "".join([*results, self._worded("exit", leaving._asdict())])

    def _file_over(self, whose: Whose, report: dict[str, Any], told: Sequence[str]) -> None:
        self._open.pop(whose.number, None)
        self._seen.pop(whose.number, None)
        self._waits.pop(whose.number, None)
        self._object("result", **{**report, **_naming(whose), "assets": None})

    def _shown_of(self, whose: Whose, event: Event) -> None:
        if isinstance(event, Started):
            self._open[whose.number] = whose, Meter()
            event = event._replace(file=whose.file)
            if not event.video_id:
                self._unnamed[whose.number] = event
        elif isinstance(event, Named) and whose.number in self._unnamed:  # it is told again, now with its video
            event = self._unnamed.pop(whose.number)._replace(video_id=event.video_id)
        elif isinstance(event, Encoding):
            self._wait(whose, encoding_words(event.ingest, event.qualities))
            return
        elif isinstance(event, Finishing):
            return  # which shows the progress of one upload; of many, the next beat does
        self._whose = whose
        try:
            self._shown(event)
        finally:
            self._whose = None

    def _wait(self, whose: Whose, reason: str) -> None:
        """How far the encoding of this file is that is waited for, where that is news."""
        if self._waits.get(whose.number) != reason:
            self._waits[whose.number] = reason
            self._object("wait", **_naming(whose), seconds=0, reason=reason)

    def _note(self, whose: Whose, note: Note) -> None:
        self._object("note", **_naming(whose), text=note.text, kind="warning" if note.warning else "note")

    def _object(self, type_: str, **fields: Any) -> None:
        super()._object(type_, **({**_naming(self._whose), **fields} if self._whose is not None else fields))

    def _all_over(self) -> None:
        self._last_progress()


def _naming(whose: Whose) -> dict[str, Any]:
    """The fields that name a file: its path as it was given, and its place in the list, from 1."""
    return {**file_fields(whose.file), "index": whose.number + 1}
