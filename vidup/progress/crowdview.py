"""EDGE: the live block of many files on a terminal: a line for all of them and one for each that is open; what is done scrolls by above."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from vidup.events import Event
from vidup.progress.crowd import CrowdView, Whose
from vidup.progress.crowdlines import crowd_block, crowd_line, finished_line, lines_for
from vidup.progress.layout import ASCII, BLOCKS, Glyphs, Line, waiting_line
from vidup.progress.view import TerminalView

_APART: Final = 1.0
"""Seconds that at least lie between two times at which files that are done scroll by."""

_AT_ONCE: Final = 5
"""How many of them do so at a time; the others are counted."""


class CrowdTerminalView(CrowdView, TerminalView):
    """The block at the bottom of the terminal, of 8 lines or a third of the screen at most."""

    _kept: tuple[str, ...] = ()
    _more = 0
    _told_at = 0.0

    def beat(self) -> None:
        """Have what is done scroll by, if it is time, and draw the block."""
        if not self.out.is_lent():
            self._tell_done()
        super().beat()

    def _file_over(self, whose: Whose, report: dict[str, Any], told: Sequence[str]) -> None:
        if not told:
            return
        if len(self._kept) < _AT_ONCE:
            line = finished_line(whose.name, told, self.out.size().columns - 3, self._glyphs, self._width)
            self._kept = (*self._kept, line)
        else:
            self._more += 1
        self._tell_done()

    def _tell_done(self) -> None:
        if not self._kept or self._clock() - self._told_at < _APART:
            return
        lines, more = self._kept, self._more
        self._kept, self._more, self._told_at = (), 0, self._clock()
        for line in lines:
            self._line(f"{self.signs['success']}{line}", "success")
        if more:
            self._line(f"  and {more} more file{'s'[: more > 1]}", "note")

    def _all_over(self) -> None:
        self._told_at = float("-inf")
        self._tell_done()
        super()._all_over()

    def _shown_of(self, whose: Whose, event: Event) -> None:
        if (told := self._happened(whose, event)) is not None:
            self._say(*told)

    def _progress_now(self) -> None:
        self._line(crowd_line(*self._reading_all(), self._down_now()), "note")

    @property
    def _glyphs(self) -> Glyphs:
        return BLOCKS if self.out.is_utf8 else ASCII

    def _block(self, columns: int) -> tuple[Line, ...]:
        if self._started is None:
            waiting = self._waiting_now()
            return () if waiting is None else (waiting_line(*waiting, columns, self._glyphs, self._width),)
        lines = lines_for(self.out.size().lines)
        return crowd_block(*self._reading_all(), columns, lines, self._glyphs, self._width, self._down_now())
