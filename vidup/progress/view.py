"""EDGE: the live block of three lines on a terminal; the only room that knows rich, which it imports when first drawing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from threading import Event as Signal
from typing import IO, TYPE_CHECKING, ClassVar, Final, cast

from vidup.events import Event, LineDown, LineUp, Named, Resumed, Retrying, Started
from vidup.progress.base import Kind
from vidup.progress.layout import ASCII, BLOCKS, Line, frame, rows, waiting_line
from vidup.progress.lines import LineView
from vidup.progress.paint import taskbar
from vidup.progress.words import down_line, folded, percent, resumed_line, retry_line, up_line

if TYPE_CHECKING:
    from rich.live import Live
    from rich.segment import Segment


_FEW_SPARE: Final = 2
_MANY_SPARE: Final = 5
"""Rows kept free below the block: for the Enter that somebody presses twice, and once one was, for those of a key that is held."""


class TerminalView(LineView):
    """The block at the bottom of the terminal, redrawn by this view's thread; everything else scrolls by above it."""

    beat_every = 1 / 8
    signs: ClassVar[dict[str, str]] = {"note": "", "warning": "! ", "error": "✗ ", "success": "✓ "}

    _live: Live | None = None
    _drawn: tuple[Line, ...] | None = None
    _taskbar: int | None = None
    _columns = _lines = 0
    _typed = 0
    _spare = _FEW_SPARE

    def beat(self) -> None:
        """Draw the block as it is now; what has not changed costs no output."""
        if self.out.is_lent():
            self._leave_block()
            return
        size = self.out.size()
        block, typed = self._block(size.columns), self._was_typed_at()
        if not block or (block == self._drawn and size.columns == self._columns and not typed):
            return
        from rich.segment import Segments

        self._return()
        live = self._live or self._begin()
        live.console.size = size
        live.update(Segments(_segments(block)), refresh=True)
        self._drawn, self._columns, self._lines = block, size.columns, size.lines
        self._settle_cursor()
        if self._started is not None:
            numbers = self._tally.snapshot()
            self._tell_terminal(percent(numbers) if numbers.ended else None)

    def _tell_no_more(self) -> None:
        self._tell_terminal(None)
        super()._tell_no_more()

    def _tell_terminal(self, percents: int | None) -> None:
        """Show these percents where the terminal has a place of its own for them; None takes them away."""
        if self.style.taskbar and percents != self._taskbar:
            self._taskbar = percents
            self.out.write(taskbar(percents))
            self.out.flush()

    def _was_typed_at(self) -> bool:
        """Whether Enter was pressed since the last look: the cursor stands elsewhere then, and more may come while the key is held."""
        before, self._typed = self._typed, self.out.typed()
        if self._drawn is None or before == self._typed:
            return False
        self._spare = _MANY_SPARE
        return True

    def _settle_cursor(self) -> None:
        """Have the terminal remember where the block ends, and keep rows free below it, so that an echoed Enter scrolls nothing away."""
        spare = max(0, min(self._spare, self._lines - len(self._drawn or ()) - 1))
        self.out.write("\x1bD" * spare + (f"\x1b[{spare}A" if spare else "") + "\x1b7")
        self.out.flush()

    def _return(self) -> None:
        """Go back to where the block ends, before it is drawn anew or taken away."""
        self.out.write(self._way_back())
        self._unwrap(self.out.size().columns)

    def _way_back(self) -> str:
        """What puts the cursor where the block ends, whatever was typed since; in a window of another size nobody knows where that is."""
        size = self.out.size()
        return "\x1b8\x1b[J" if self._drawn is not None and (size.columns, size.lines) == (self._columns, self._lines) else ""

    def _unwrap(self, columns: int) -> None:
        """Take away the rows that the block has more than lines since the window became narrower; rich goes up by its lines."""
        if self._drawn is not None and columns < self._columns:
            more = rows(self._drawn, columns, self._width) - len(self._drawn)
            self.out.write("\r\x1b[2K" + "\x1b[1A\x1b[2K" * more)
            self._columns = columns

    def _block(self, columns: int) -> tuple[Line, ...]:
        """What is to be seen now: the progress, or before there is any what is waited for, or nothing."""
        glyphs = BLOCKS if self.out.is_utf8 else ASCII
        if self._started is not None:
            return frame(self._started, *self._reading(), columns, glyphs, self._width, self._down_now())
        waiting = self._waiting_now()
        return () if waiting is None else (waiting_line(*waiting, columns, glyphs, self._width),)

    def _begin(self) -> Live:
        from rich.console import Console
        from rich.live import Live

        class _Console(Console):
            def show_cursor(self, show: bool = True) -> bool:
                """Live would hide it, and neither a kill nor Ctrl-Z gives anybody the time to show it again."""
                return False

        console = _Console(
            file=cast("IO[str]", self.out),
            force_terminal=True,
            force_interactive=True,
            color_system="standard" if self.style.color else None,
            no_color=not self.style.color,
            markup=False,
            emoji=False,
            highlight=False,
            legacy_windows=False,
        )
        self._live = Live(
            console=console,
            auto_refresh=False,  # rich's own thread would end with a traceback on a closed terminal
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        self._live.start()
        return self._live

    def _rest_until_go(self, parked: Signal) -> None:
        self._leave_block()
        super()._rest_until_go(parked)

    def _wipe(self) -> str:
        """The block's rows, or the line on which a key was echoed."""
        more = rows(self._drawn, self.out.size().columns, self._width) - 1 if self._drawn is not None else 0
        return self._way_back() + "\r\x1b[2K" + "\x1b[1A\x1b[2K" * more

    def _leave_block(self) -> None:
        """The block is left where it is; the next one begins below whatever is written meanwhile."""
        self._live, self._drawn = None, None
        self._tell_terminal(None)

    def _finish(self) -> None:
        super()._finish()
        self._rest()

    def _rest(self) -> None:
        super()._rest()
        self._tell_terminal(None)
        self._make_room()

    def _make_room(self) -> None:
        """Take the block away."""
        narrower = self._live is not None and self.out.size().columns < self._columns
        self._return()
        live, self._live, self._drawn = self._live, None, None
        if live is None:
            return
        try:
            if narrower:
                live.update("")  # rich draws once more before it takes away, and what it has would wrap
            live.stop()
        except BaseException:
            self.out.write("\n")  # a block that cannot be taken away at least shares no line with what comes next
            raise

    def _shown(self, event: Event) -> None:
        match event:
            case Started() | Named():
                self.beat()
            case Retrying():
                self._say(retry_line(event), "warning")
            case LineDown() if self._down is None:
                text = down_line(event, self._numbers())
                self._say("\n".join(folded(text, self.out.size().columns - len(self.signs["warning"]) - 1)), "warning")
            case LineUp():
                self._say(up_line(event), "note")
            case Resumed():
                self._say(resumed_line(event), "note")

    def _line(self, text: str, kind: Kind) -> None:
        if self._live is not None and (self.out.size().columns != self._columns or self.out.is_lent()):
            self.beat()
        if self._live is None:
            self.out.write(self._worded(text, kind))
            self.out.flush()
            return
        from rich.text import Text

        self._return()
        self._live.console.print(Text.from_ansi(self._painted(self.out.carried(text), kind)), soft_wrap=True)
        self._settle_cursor()

    def _width(self, text: str) -> int:
        return _cells(self.out.carried(text))


def _segments(block: tuple[Line, ...]) -> Iterator[Segment]:
    """The block as rich writes it: already fitted to the width, so that no wrapping is computed eight times a second."""
    from rich.segment import Segment
    from rich.style import Style

    for number, line in enumerate(block):
        if number:
            yield Segment.line()
        for text, style in line:
            yield Segment(text, Style.parse(style))


@lru_cache(maxsize=1024)
def _cells(text: str) -> int:
    """How many cells, as an upper bound: joined emoji count one by one, as terminals that cannot join them show them."""
    if text.isascii():
        return len(text)
    from rich.cells import get_character_cell_size

    return sum(1 if character == "\ufe0f" else get_character_cell_size(character) for character in text)
