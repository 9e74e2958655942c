"""What the live block takes for granted of rich; after an upgrade these tell what broke."""

from __future__ import annotations

import io
import threading

import pyte
import pytest
from rich.console import Console
from rich.live import Live
from rich.segment import Segment, Segments


class Quiet(Console):
    """A console that leaves the cursor alone."""

    def show_cursor(self, show: bool = True) -> bool:
        return False


@pytest.mark.parametrize(("kind", "hides"), [(Console, True), (Quiet, False)])
def test_a_live_block_hides_the_cursor_by_the_consoles_method_alone(kind: type[Console], hides: bool) -> None:
    """Overriding `Console.show_cursor` is enough."""
    out = io.StringIO()
    with Live(console=kind(file=out, force_terminal=True, legacy_windows=False), auto_refresh=False) as live:
        live.update(Segments([Segment("first")]), refresh=True)
    assert ("\x1b[?25l" in out.getvalue()) == hides


def test_a_transient_block_without_refresh_is_drawn_in_place_by_no_thread_and_is_gone_at_the_end() -> None:
    """`Live(auto_refresh=False, transient=True)` with `Segments` of a fitting width."""
    threads, out = threading.active_count(), io.StringIO()
    console = Quiet(file=out, force_terminal=True, force_interactive=True, legacy_windows=False, width=40, height=10, color_system=None)
    live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False, vertical_overflow="crop")
    screen = pyte.Screen(40, 10)
    screen.set_mode(pyte.modes.LNM)
    terminal = pyte.Stream(screen)

    def shown() -> list[str]:
        terminal.feed(out.getvalue())
        out.seek(0)
        out.truncate()
        return "\n".join(line.rstrip() for line in screen.display).strip().split("\n")

    live.start()
    for word in ("first", "again"):
        live.update(Segments([Segment(word), Segment.line(), Segment("second")]), refresh=True)
        assert shown() == [word, "second"]
    console.print("above")
    assert shown() == ["above", "again", "second"]
    assert threading.active_count() == threads
    live.stop()
    assert shown() == ["above"]
