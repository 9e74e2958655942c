"""EDGE: whole lines for a log or a CI system, each of them complete in itself; and silence."""

from __future__ import annotations

import time
from typing import Final

from vidup.events import Event, Resumed, Retrying, Started, Waiting
from vidup.progress.base import Kind, LineView
from vidup.progress.words import percent, progress_line, resumed_line, retry_line, start_line, waiting_line

_STEP: Final = 10
"""Percent. Progress that is worth a line."""

_SELDOM: Final = 10.0
"""Seconds that at least lie between two lines of progress."""

_HEARTBEAT: Final = 60.0
"""Seconds after which a line comes in any case: CI systems kill what is silent."""

_LEAST: Final = 20
"""Columns below which folding helps nobody."""


class PlainView(LineView):
    """Timestamped lines, without carriage returns and, unless colour is forced, without escapes."""

    _line_at = 0.0
    _line_step = 0

    def beat(self) -> None:
        """Write a line of progress if one is due."""
        if self._started is None:
            return
        numbers, pace = self._reading()
        silent = self._clock() - self._line_at
        if silent >= _HEARTBEAT or (silent >= _SELDOM and percent(numbers) // _STEP > self._line_step):
            self._mark()
            self._line(progress_line(numbers, pace), "note")

    def _shown(self, event: Event) -> None:
        match event:
            case Started():
                self._mark()
                for line in self._fitted(start_line(event)):
                    self._line(line, "note")
            case Retrying():
                self._line(retry_line(event), "warning")
            case Resumed():
                self._line(resumed_line(event), "note")
            case Waiting():
                self._line(waiting_line(event), "note")

    def _fitted(self, text: str) -> list[str]:
        """The text in as many lines as a terminal needs for it; in a log it stays whole, to be found by any word of it."""
        if not self.out.is_terminal():
            return [text]
        from textwrap import wrap

        room = self.out.size().columns - len("00:00:00 ") - 1
        return wrap(text, max(room, _LEAST), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)

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
