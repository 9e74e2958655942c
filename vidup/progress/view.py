"""EDGE: the live block of three lines on a terminal; the only room that knows rich, which it imports when first drawing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from threading import Event as Signal
from typing import IO, TYPE_CHECKING, ClassVar, cast

from vidup.events import Event, LineDown, LineUp, Named, Resumed, Retrying, Started
from vidup.progress.base import Kind
from vidup.progress.layout import ASCII, BLOCKS, Line, frame, rows, waiting_line
from vidup.progress.lines import LineView
from vidup.progress.paint import taskbar
from vidup.progress.words import down_line, folded, percent, resumed_line, retry_line, up_line

if TYPE_CHECKING:
    from rich.live import Live
    from rich.segment import Segment


class TerminalView(LineView):
    """The block at the bottom of the terminal, redrawn by this view's thread; everything else scrolls by above it."""

    beat_every = 1 / 8
    signs: ClassVar[dict[str, str]] = {"note": "", "warning": "! ", "error": "✗ ", "success": "✓ "}

    _live: Live | None = None
    _drawn: tuple[Line, ...] | None = None
    _taskbar: int | None = None
    _columns = 0

    def beat(self) -> None:
        """Draw the block as it is now; what has not changed costs no output."""
        if self.out.is_lent():
            self._leave_block()
            return
        size = self.out.size()
        block = self._block(size.columns)
        if not block or (block == self._drawn and size.columns == self._columns):
            return
        from rich.segment import Segments

        self._unwrap(size.columns)
        live = self._live or self._begin()
        live.console.size = size
        live.update(Segments(_segments(block)), refresh=True)
        self._drawn, self._columns = block, size.columns
        if self._started is not None:
            self._tell_terminal(percent(self._tally.snapshot()))

    def _tell_no_more(self) -> None:
        self._tell_terminal(None)
        super()._tell_no_more()

    def _tell_terminal(self, percents: int | None) -> None:
        """Show these percents where the terminal has a place of its own for them; None takes them away."""
        if self.style.taskbar and percents != self._taskbar:
            self._taskbar = percents
            self.out.write(taskbar(percents))
            self.out.flush()

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
        text = self._waiting_now()
        return (waiting_line(text, columns, glyphs, self._width),) if text else ()

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
        drawn = self._drawn
        return "\r\x1b[2K" + "\x1b[1A\x1b[2K" * (rows(drawn, self.out.size().columns, self._width) - 1 if drawn is not None else 0)

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
        narrower = self._live is not None and self.out.size().columns < self._columns
        self._unwrap(self.out.size().columns)
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

        self._live.console.print(Text.from_ansi(self._painted(self.out.carried(text), kind)), soft_wrap=True)

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
