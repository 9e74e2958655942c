"""EDGE: whole lines for a log or a CI system, each of them complete in itself; and silence."""

from __future__ import annotations

import time
from typing import Final

from vidup.events import Event, LineDown, LineUp, Named, Resumed, Retrying, Started, Waiting
from vidup.progress.base import Kind
from vidup.progress.lines import LineView
from vidup.progress.words import (
    down_line,
    folded,
    named_line,
    percent,
    progress_line,
    resumed_line,
    retry_line,
    start_line,
    up_line,
    waiting_line,
)

_STEP: Final = 10
"""Percent. Progress that is worth a line."""

_SELDOM: Final = 10.0
"""Seconds that at least lie between two lines of progress."""

_LONG: Final = 5.0
"""Seconds of waiting for an answer, before there is any progress, that are worth a line."""

_HEARTBEAT: Final = 60.0
"""Seconds after which a line comes in any case: CI systems kill what is silent."""


class PlainView(LineView):
    """Timestamped lines, without carriage returns and, unless colour is forced, without escapes."""

    _line_at = 0.0
    _line_step = 0
    _waited_for: str = ""

    def beat(self) -> None:
        """Write a line of progress if one is due."""
        silent = self._clock() - self._line_at
        if self._started is None:
            self._beat_waiting(silent)
            return
        numbers, pace = self._reading()
        if silent >= _HEARTBEAT or (silent >= _SELDOM and percent(numbers) // _STEP > self._line_step):
            self._mark()
            self._line(progress_line(numbers, pace, self._down_now()), "note")

    def _beat_waiting(self, silent: float) -> None:
        """What is waited for before there is progress: told once when that takes long, then as seldom as all else."""
        waiting = self._waiting_now()
        waited = self._clock() - self._awaiting_since
        if self._awaiting is None or waiting is None or waited < _LONG or (self._awaiting.what == self._waited_for and silent < _HEARTBEAT):
            return
        self._waited_for, self._line_at = self._awaiting.what, self._clock()
        self._line("  ".join(waiting), "note")

    def _shown(self, event: Event) -> None:
        match event:
            case Started():
                self._mark()
                for line in self._fitted(start_line(event)):
                    self._line(line, "note")
            case Named():
                for line in self._fitted(named_line(event)):
                    self._line(line, "note")
            case Retrying():
                self._line(retry_line(event), "warning")
            case Resumed():
                self._line(resumed_line(event), "note")
            case LineDown() if self._down is None:
                self._line_at = self._clock()
                self._waited_for = self._awaiting.what if self._awaiting is not None else ""
                for line in self._fitted(down_line(event, self._numbers())):
                    self._line(line, "warning")
            case LineUp():
                self._line(up_line(event), "note")
            case Waiting():
                self._line(waiting_line(event), "note")

    def _fitted(self, text: str) -> list[str]:
        """The text in as many lines as a terminal needs for it; in a log it stays whole, to be found by any word of it."""
        if not self.out.is_terminal():
            return [text]
        return folded(text, self.out.size().columns - len("00:00:00 ") - 1)

    def _line(self, text: str, kind: Kind) -> None:
        self.out.write(self._worded(text, kind))
        self.out.flush()

    def _worded(self, line: str, kind: Kind) -> str:
        stamp = time.strftime("%H:%M:%S", time.localtime(self._now()))
        return f"{stamp} {self._painted(line, kind)}\n"

    def _mark(self) -> None:
        self._line_at = self._clock()
        self._line_step = percent(self._tally.snapshot()) // _STEP


class SilentView(PlainView):
    """No progress; without `quiet` still what people must be told, and one line of progress when asked for."""

    beat_every = 1.0

    def beat(self) -> None:
        """Only measure, so that a line that is asked for can name the speed."""
        if self._started is not None:
            self._reading()

    def _shown(self, event: Event) -> None:
        """Notes are all that is said."""

    def _worded(self, line: str, kind: Kind) -> str:
        return f"{self._painted(line, kind)}\n" if kind == "error" or not self.style.quiet else ""
