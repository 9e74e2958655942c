"""EDGE: the live block of three lines on a terminal; the only room that knows rich, which it imports when first drawing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from threading import Event as Signal
from typing import IO, TYPE_CHECKING, ClassVar, Final, cast

from vidup.events import Event, LineDown, LineUp, Resumed, Retrying, Started
from vidup.progress.base import Kind, LineView
from vidup.progress.layout import ASCII, BLOCKS, Line, frame, waiting_line
from vidup.progress.words import down_line, resumed_line, retry_line, up_line

if TYPE_CHECKING:
    from rich.live import Live
    from rich.segment import Segment

_STYLES: Final[dict[str, str]] = {"warning": "yellow", "error": "red", "success": "green", "note": ""}


class TerminalView(LineView):
    """The block at the bottom of the terminal, redrawn by this view's thread; everything else scrolls by above it."""

    beat_every = 1 / 8
    signs: ClassVar[dict[str, str]] = {"note": "", "warning": "! ", "error": "✗ ", "success": "✓ "}

    _live: Live | None = None
    _drawn: tuple[Line, ...] | None = None

    def beat(self) -> None:
        """Draw the block as it is now; what has not changed costs no output."""
        size = self.out.size()
        block = self._block(size.columns)
        if not block or block == self._drawn:
            return
        from rich.segment import Segments

        live = self._live or self._begin()
        live.console.size = size
        live.update(Segments(_segments(block)), refresh=True)
        self._drawn = block

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
        """The block is left where it is; the next one begins below whatever is written meanwhile."""
        self._live, self._drawn = None, None
        super()._rest_until_go(parked)

    def _finish(self) -> None:
        super()._finish()
        self._rest()

    def _rest(self) -> None:
        super()._rest()
        live, self._live, self._drawn = self._live, None, None
        if live is None:
            return
        try:
            live.stop()
        except BaseException:
            self.out.write("\n")  # a block that cannot be taken away at least shares no line with what comes next
            raise

    def _shown(self, event: Event) -> None:
        match event:
            case Started():
                self.beat()
            case Retrying():
                self._say(retry_line(event), "warning")
            case LineDown() if self._down is None:
                self._say(down_line(event, self._numbers()), "warning")
            case LineUp():
                self._say(up_line(event), "note")
            case Resumed():
                self._say(resumed_line(event), "note")

    def _line(self, text: str, kind: Kind) -> None:
        if self._live is None:
            self.out.write(self._painted(text, kind) + "\n")
            self.out.flush()
            return
        from rich.text import Text

        self._live.console.print(Text(self.out.carried(text), _STYLES[kind]), soft_wrap=True)

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
