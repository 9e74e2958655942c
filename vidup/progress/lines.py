"""EDGE: what the views that people read have in common: whole lines, inert, marked and painted."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, ClassVar, Final

from vidup.inert import inert
from vidup.progress.base import Kind, Told, View
from vidup.progress.paint import linked, painted
from vidup.progress.words import progress_line

LONGEST_LINE: Final = 2000
"""Characters of one line of a message; a summary may hold long URLs and paths."""

_SGR: Final[dict[str, str]] = {"warning": "33", "error": "31", "success": "32"}


class LineView(View):
    """A view that people read: every line of a message is inert and its first one marked."""

    signs: ClassVar[dict[str, str]] = {"note": "", "warning": "warning: ", "error": "error: ", "success": ""}
    _video_id = ""

    def result(self, report: dict[str, Any], told: Told | None = None) -> None:
        """One file is over: its progress ends here. What it came to is told by the summary, a message."""
        self._post_and(partial(self._end, report), told)

    def _end(self, report: dict[str, Any]) -> None:
        self._video_id = inert(report.get("video_id") or "")
        self._rest()

    @abstractmethod
    def _line(self, text: str, kind: Kind) -> None:
        """Show one whole line."""

    def _say(self, text: str, kind: Kind) -> None:
        for line in self._signed(text, kind):
            self._line(line, kind)

    def _signed(self, text: str, kind: Kind) -> Iterator[str]:
        sign = self.signs[kind]
        for line in text.split("\n"):
            yield sign + inert(line, LONGEST_LINE)
            sign = ""

    def last_words(self, lines: Sequence[str], report: dict[str, Any]) -> str:
        """The lines, as warnings are shown."""
        return "".join(self._worded(line, "warning") for line in self._signed("\n".join(lines), "warning"))

    def _worded(self, line: str, kind: Kind) -> str:
        """One line as it stands in the stream, its end included."""
        return self._painted(line, kind) + "\n"

    def _progress_now(self) -> None:
        if self._started is not None:
            self._line(progress_line(*self._reading(), self._down_now()), "note")
        elif not self._dark:
            self._line("  ".join(self._waiting_now(0.0) or ("nothing is being sent now",)), "note")

    def _painted(self, text: str, kind: Kind) -> str:
        text = painted(text, _SGR.get(kind, ""), self._video_id) if self.style.color else text
        return linked(text) if self.style.links else text
