"""EDGE: whole lines about many files for a log or a CI system: one for each that is done, but seldom, and else sums; and silence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from vidup.events import Event, Started
from vidup.progress.crowd import CrowdView, Whose
from vidup.progress.crowdlines import crowd_line
from vidup.progress.plain import PlainView, SilentView
from vidup.units import show_size

_APART: Final = 1.0
"""Seconds that at least lie between two lines about files that are done."""

_SUM_EVERY: Final = 10.0
"""Seconds that at least lie between two sums."""

_STEP: Final = 10
"""Percent of all bytes that are worth a sum, where no file was done."""

_HEARTBEAT: Final = 60.0
"""Seconds after which a sum comes in any case: CI systems kill what is silent."""


class CrowdPlainView(CrowdView, PlainView):
    """A line for a file that is done, at most one a second; those that got none are in a sum, at most every ten."""

    _done_at = _summed_at = 0.0
    _untold = 0
    _step = 0

    def beat(self) -> None:
        """Write a sum if one is due."""
        now = self._clock()
        if self._started is None:
            self._beat_waiting(now - self._line_at)
            return
        numbers, _pace = self._reading_all()
        step = _STEP * numbers.bytes_confirmed // max(1, numbers.bytes_total)
        if now - self._summed_at >= _SUM_EVERY and (self._untold or step > self._step or now - self._line_at >= _HEARTBEAT):
            self._progress_now()

    def _begun(self, event: Started) -> None:
        numbers = self._crowd.snapshot()
        self._line_at = self._summed_at = self._clock()
        size = f" ({show_size(numbers.bytes_total)})" if numbers.bytes_total else ""
        jobs = "1 part" if event.jobs == 1 else f"{event.jobs} parts"
        for line in self._fitted(
            f"vidup: uploading {numbers.to_come + len(numbers.open)} files{size}, {jobs} at a time, to {event.target}"
        ):
            self._line(line, "note")

    def _file_over(self, whose: Whose, report: dict[str, Any], told: Sequence[str]) -> None:
        now = self._clock()
        if told and now - self._done_at >= _APART:
            self._done_at = self._line_at = now
            self._line("  ".join([whose.name, *told]), "note")
        elif told:
            self._untold += 1

    def _shown_of(self, whose: Whose, event: Event) -> None:
        if (told := self._happened(whose, event)) is not None:
            self._line(*told)

    def _progress_now(self) -> None:
        numbers, pace = self._reading_all()
        self._untold = 0
        self._line_at = self._summed_at = self._clock()
        self._step = _STEP * numbers.bytes_confirmed // max(1, numbers.bytes_total)
        self._line(crowd_line(numbers, pace, self._down_now()), "note")


class CrowdSilentView(CrowdView, SilentView):
    """No progress; without `quiet` still what people must be told, and one line of progress when asked for."""

    beat_every = 1.0

    def beat(self) -> None:
        """Only measure, so that a line that is asked for can name the speed."""
        if self._started is not None:
            self._reading_all()

    def _file_over(self, whose: Whose, report: dict[str, Any], told: Sequence[str]) -> None:
        """The summary is all that is said."""

    def _shown_of(self, whose: Whose, event: Event) -> None:
        """Notes are all that is said."""

    def _progress_now(self) -> None:
        self._line(crowd_line(*self._reading_all(), self._down_now()), "note")
