"""EDGE: what the views of many files at once have in common: one set of numbers for all, and events that come with their file."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, TextIO

from vidup.events import Encoding, Event, Note, Resumed, Retrying, Started
from vidup.inert import inert
from vidup.progress.base import Kind, Leaving, View
from vidup.progress.choice import Style
from vidup.progress.outlook import Outlook
from vidup.progress.words import resumed_line, retry_line
from vidup.upload.crowd import Condition, Crowd, CrowdNumbers
from vidup.upload.rate import Pace
from vidup.upload.tally import Snapshot, Tally

_NOTES: Final = 200
"""Notes that are remembered, so that what holds for every file alike is told once."""


_PATIENCE: Final = 2.0
"""Seconds that a terminal which takes no output is waited for."""


class Whose(NamedTuple):
    """Which file something is told of: its place in the list, from 0, and its path as it was given."""

    number: int
    file: str

    @property
    def name(self) -> str:
        """The file without its folders, inert."""
        return inert(self.file.rstrip("/").rpartition("/")[2] or self.file)


class _AsOne(Tally):
    """The numbers of all files as those of one upload."""

    def __init__(self, crowd: Crowd) -> None:
        super().__init__()
        self._crowd = crowd

    def snapshot(self) -> Snapshot:
        """As a tally does."""
        numbers = self._crowd.snapshot().as_one
        return numbers._replace(bytes_total=max(1, numbers.bytes_total))


class CrowdView(View):
    """A view of many files. What concerns all of them comes by `tell`, what concerns one by `tell_of`; the numbers are a crowd's."""

    breath = 0.05

    def __init__(self, style: Style, crowd: Crowd, stream: TextIO, clock: Callable[[], float], now: Callable[[], float]) -> None:
        super().__init__(style, _AsOne(crowd), stream, clock, now)
        self._crowd = crowd
        self._outlook = Outlook()
        self._noted: set[str] = set()

    def tell_of(self, whose: Whose, event: Event) -> None:
        """Something happened to this file; from any thread."""
        self._post(partial(self._receive_of, whose, event))

    def result_of(self, whose: Whose, report: dict[str, Any], told: Sequence[str] = ()) -> None:
        """This file is over, and came to this report; `told` is what a line of one that ended well says behind its name, and what can be
        left out comes last."""
        self._post(partial(self._file_over, whose, report, told))

    def over(self) -> None:
        """All files are over: what was kept back is shown, and the live block is taken away."""
        self._post(self._all_over)

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Inside, nothing is drawn, and what others write to this terminal stands on lines of its own."""
        free = self._lock.acquire(timeout=_PATIENCE)
        try:
            if free:
                self._fenced(self._make_room)
            yield
        finally:
            if free:
                self._lock.release()

    def last_result(self, whose: Whose, report: dict[str, Any]) -> str:
        """What `result_of` would tell a program; nothing is written."""
        return ""

    def last_words_of_all(self, lines: Sequence[str], results: Iterable[str], leaving: Leaving) -> str:
        """What the end would be told as: for people these lines, for a program these results, each of `last_result`; nothing is written."""
        return self.last_words(lines, {})

    @abstractmethod
    def _file_over(self, whose: Whose, report: dict[str, Any], told: Sequence[str]) -> None:
        """Show that this file is over."""

    @abstractmethod
    def _shown_of(self, whose: Whose, event: Event) -> None:
        """Show what happened to this file."""

    def _begun(self, event: Started) -> None:
        """The first file is being sent."""

    def _all_over(self) -> None:
        self._rest()

    def _receive_of(self, whose: Whose, event: Event) -> None:
        if self._closed:
            return
        if isinstance(event, Note):
            self._note(whose, event)
        elif not self._dark:
            if isinstance(event, Started) and self._started is None:
                self._started, self._awaiting = event, None
                self._reading_all()
                self._begun(event)
            elif isinstance(event, Encoding) and self._started is None:  # nothing is sent in this run: the wait is all there is to see
                self._follow(event)
            self._shown_of(whose, event)

    def _note(self, whose: Whose, note: Note) -> None:
        """A note names its file; what is said of every file alike is said of the first."""
        if note.text in self._noted:
            return
        if len(self._noted) < _NOTES:
            self._noted.add(note.text)
        text = note.text if whose.name in note.text else f"{whose.name}: {note.text}"
        self._tell_people(text, "warning" if note.warning else "note")

    def _happened(self, whose: Whose, event: Event) -> tuple[str, Kind] | None:
        """The line for people about an event of this file that the numbers do not show."""
        match event:
            case Retrying():
                return f"{whose.name}: {retry_line(event)}", "warning"
            case Resumed():
                return f"{whose.name}: {resumed_line(event)}", "note"
        return None

    def _numbers(self) -> Snapshot | None:
        return None  # parts of one file, which is what is asked for, say nothing of many

    def _reading_all(self) -> tuple[CrowdNumbers, Pace]:
        numbers = self._crowd.snapshot()
        now = self._clock()
        conditions = {file.condition for file in numbers.open}
        answering = Condition.ANSWER in conditions and Condition.SENDING not in conditions
        pace = self._meter.read(now, numbers.as_one)
        left = self._outlook.left(now, numbers)
        eta = None if pace.stalled or pace.limited else pace.eta if left is None else left
        pace = pace._replace(eta=eta, answering=answering)
        if self._stop_by is not None:
            pace = pace._replace(rate=0.0, eta=None, stopping=max(0.0, self._stop_by - now))
        return numbers, pace
