"""The live block in a window that echoes keys and changes its width: nothing of it stays behind."""

from __future__ import annotations

import pyte
import pytest

from tests.progress.test_progress import Body, Hand, Tape, resize, started, view_of
from vidup.events import Awaiting, LineDown
from vidup.progress.base import View
from vidup.upload.tally import Tally

MIB = 1024 * 1024


class Window:
    """A terminal that wraps its lines anew when its width changes, as most do, and what a view has drawn on it."""

    def __init__(self, terminal: int, columns: int, height: int = 60) -> None:
        self.tape = Tape(terminal)
        self._terminal = terminal
        self._height = height
        self._open(columns)

    def _open(self, columns: int) -> None:
        resize(self._terminal, columns)
        self._screen = pyte.Screen(columns, self._height)
        self._stream = pyte.Stream(self._screen)

    def echo(self, keys: str) -> None:
        self.lines()
        self._stream.feed(keys)

    def narrow(self, columns: int) -> None:
        """Every line is wrapped at the new width, and the cursor stays behind the last."""
        lines = self.lines()
        self._open(columns)
        self._stream.feed("\r\n".join(lines))

    def lines(self) -> list[str]:
        self._stream.feed(self.tape.getvalue().replace("\n", "\r\n"))
        self.tape.seek(0)
        self.tape.truncate()
        return "\n".join(row.rstrip() for row in self._screen.display).rstrip().split("\n")


def begun(window: Window, total: int) -> tuple[View, Tally, Hand]:
    hand, (tally, event) = Hand(), started(total, total * 40 * MIB, done=total // 3)
    view = view_of("tty", tally, window.tape, hand)
    view.message("what was above")
    view.tell(event)
    tally.sending(total // 3 + 1, Body(3 * MIB))
    hand.time += 2
    view.beat()
    return view, tally, hand


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
@pytest.mark.parametrize("total", [1, 20, 78, 614, 10_000])
@pytest.mark.parametrize("keys", ["^C", "^C^C"])
def test_an_echoed_key_leaves_nothing_behind(terminal: int, columns: int, total: int, keys: str) -> None:
    """Where the map fills the line, `^C` used to wrap, and the block's first line stayed for good."""
    window = Window(terminal, columns)
    view, _tally, _hand = begun(window, total)
    window.echo(keys)
    view.message("Stopping", "warning")
    assert [line[:6] for line in window.lines()] == ["what w", "! Stop", "holida", window.lines()[3][:6], "parts "]
    view.close()
    assert window.lines() == ["what was above", "! Stopping"]


@pytest.mark.parametrize("columns", [24, 40, 60, 80, 120])
@pytest.mark.parametrize("keys", ["^C", "^C^C"])
def test_a_key_echoed_while_all_wait_leaves_nothing_behind(terminal: int, columns: int, keys: str) -> None:
    """Before there is any progress the block is one line, and that one line leaves the echo its room, too."""
    window, hand = Window(terminal, columns), Hand()
    view = view_of("tty", started()[0], window.tape, hand)
    view.message("what was above")
    view.tell(Awaiting("connecting to a-very-long-name-of-a-server.example.com:8443: logging in"))
    view.tell(LineDown("x", 5.0, 900.0, lost=True))
    hand.time += 2
    view.beat()
    above = len(window.lines()) - 1
    window.echo(keys)
    view.message("Stopping", "warning")
    assert window.lines()[above] == "! Stopping" and len(window.lines()) == above + 2
    view.close()
    assert window.lines()[above:] == ["! Stopping"]


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
@pytest.mark.parametrize("above", [1, 40])
@pytest.mark.parametrize("keys", ["\r\n", "\r\n\r\n", "ls -l\r\n", "x" * 30, "x" * 30 + "\r\n"])
@pytest.mark.parametrize("act", ["draw", "speak", "end"])
def test_an_enter_leaves_nothing_behind(terminal: int, columns: int, above: int, keys: str, act: str) -> None:
    """Also at the bottom of the window, where it used to scroll the block up and leave its first line behind for good."""
    window = Window(terminal, columns, height=24)
    for number in range(above - 1):
        window.tape.write(f"shell {number}\n")
    view, tally, hand = begun(window, 78)
    window.echo(keys)
    if act == "draw":
        tally.sending(77, Body(MIB))
        hand.time += 1
        view.beat()
    elif act == "speak":
        view.message("said")
    if act in ("draw", "speak"):
        shown = [line[:6] for line in window.lines() if not line.startswith("shell ")]
        assert shown == ["what w", *(["said"] if act == "speak" else []), "holida", shown[-2], "parts "] and "%" in window.lines()[-2]
    view.close()
    left = ["said"] if act == "speak" else []
    assert [line for line in window.lines() if not line.startswith("shell ")] == ["what was above", *left]


@pytest.mark.parametrize("act", ["draw", "speak", "end"])
def test_a_window_made_narrower_keeps_no_line_of_the_block(terminal: int, act: str) -> None:
    """The rows that the block takes once its lines are wrapped are all taken away, and none above it."""
    window = Window(terminal, 120)
    view, _tally, hand = begun(window, 614)
    for columns in range(116, 36, -4) if act == "draw" else ():
        window.narrow(columns)
        hand.time += 1
        view.beat()
        assert [line[:6] for line in window.lines()] == ["what w", "holida", window.lines()[2][:6], "parts "], columns
    window.narrow(30)
    if act == "speak":
        view.message("said")
        assert [line[:6] for line in window.lines()] == ["what w", "said", "holida", window.lines()[3][:6], "parts "]
    view.close()
    assert window.lines() == ["what was above", *(["said"] if act == "speak" else [])]


def test_a_window_made_wider_takes_nothing_away(terminal: int) -> None:
    """There is nothing to go up for."""
    window = Window(terminal, 60)
    view, _tally, _hand = begun(window, 78)
    window.narrow(110)
    view.beat()
    view.close()
    assert window.lines() == ["what was above"]
