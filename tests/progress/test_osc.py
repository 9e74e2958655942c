"""What only some terminals take: links in the summary, and progress in the taskbar; nowhere else is a byte of it sent."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from tests.conftest import MIB, Cli
from tests.progress.test_terminal import spawn
from vidup.emulator.server import Emulator
from vidup.progress.choice import decide
from vidup.progress.paint import linked, painted

Emulate = Callable[..., Emulator]

NEITHER, LINKS, PROGRESS, BOTH = (False, False), (True, False), (False, True), (True, True)
TERMINALS = [
    ({}, NEITHER), ({"TERM": "xterm-256color"}, NEITHER), ({"TERM_PROGRAM": "Apple_Terminal"}, NEITHER),
    ({"TERM_PROGRAM": "WezTerm"}, BOTH), ({"TERM_PROGRAM": "ghostty"}, BOTH), ({"WT_SESSION": "x"}, BOTH), ({"TERM_PROGRAM": "vscode"}, LINKS),
    ({"TERM_PROGRAM": "iTerm.app"}, LINKS), ({"TERM_PROGRAM": "iTerm.app", "TERM_FEATURES": "T3CwPaP"}, BOTH),
    ({"TERM_PROGRAM": "iTerm.app", "TERM_FEATURES": "T3CwPaSc"}, LINKS), ({"KITTY_WINDOW_ID": "1"}, LINKS),
    ({"VTE_VERSION": "4900"}, NEITHER), ({"VTE_VERSION": "7600"}, LINKS), ({"VTE_VERSION": "8100"}, BOTH), ({"VTE_VERSION": "new"}, NEITHER),
    ({"ConEmuANSI": "ON"}, PROGRESS), ({"ConEmuANSI": "OFF"}, NEITHER),
    ({"TERM_PROGRAM": "WezTerm", "TMUX": "/tmp/tmux"}, NEITHER), ({"WT_SESSION": "x", "TERM": "screen-256color"}, NEITHER),
    ({"TERM_PROGRAM": "WezTerm", "TERM": "dumb"}, NEITHER), ({"TERM_PROGRAM": "WezTerm", "CI": "true"}, NEITHER),
]  # fmt: skip


@pytest.mark.parametrize(("environ", "takes"), TERMINALS, ids=lambda value: " ".join(map(str, value)) if isinstance(value, dict) else "")
def test_only_terminals_known_to_take_them(environ: dict[str, str], takes: tuple[bool, bool]) -> None:
    """For others OSC 9 is a notification, and OSC 8 at best nothing; with stderr elsewhere neither."""
    style = decide("auto", "auto", False, 0, environ, True)
    assert (style.links, style.taskbar) == takes
    elsewhere = decide("auto", "always", False, 0, environ, False)
    assert (elsewhere.links, elsewhere.taskbar) == NEITHER


def test_only_the_urls_of_the_summary_become_links() -> None:
    """One that a server put into its words stays text, and so does one that is not plain ASCII; no colour breaks a link in two."""
    line = "  player  https://embed.api.video/vod/vi1"
    link = "\x1b]8;;https://embed.api.video/vod/vi1\x1b\\https://embed.api.video/vod/vi1\x1b]8;;\x1b\\"
    assert linked(painted(line, "32", "vi1")) == f"  player  {link}"
    for other in ("  see https://x.example", "✗ https://x.example", "  hls     javascript:alert(1)", "  hls     https://x.example/…"):
        assert linked(other) == other


def bars(shown: str) -> list[str]:
    return re.findall(r"\x1b\]9;4;([^\x1b]*)\x1b\\", shown)


def test_a_run_is_told_to_the_taskbar_and_taken_back(emulate: Emulate, video: Callable[..., Path], vidup: Cli) -> None:
    """Percents that grow, then nothing; links in the summary."""
    emulator = emulate(faults=["part=*,times=*:slow=20M"])
    shown = spawn(vidup, emulator, video(40 * MIB), env={"WT_SESSION": "x"}).read()
    told = bars(shown)
    percents = [int(text.removeprefix("1;")) for text in told[:-1]]
    assert told[-1] == "0;" and len(percents) >= 2 and percents == sorted(percents) and percents[-1] <= 100
    (video_id,) = emulator.videos
    assert f"\x1b]8;;https://embed.api.video/vod/{video_id}\x1b\\https://embed.api.video/vod/{video_id}\x1b]8;;" in shown


def test_a_terminal_that_is_not_known_gets_none_of_it(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """Not a byte."""
    assert "\x1b]" not in spawn(vidup, emulator, video(12 * MIB)).read()


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_takes_it_back(presses: int, emulate: Emulate, video: Callable[..., Path], vidup: Cli) -> None:
    """With the first one already, so that a second, which ends at once, leaves nothing behind."""
    emulator = emulate(faults=["part=*,times=*:stall-answer=30"])
    terminal = spawn(vidup, emulator, video(40 * MIB), env={"WT_SESSION": "x"})
    terminal.expect_exact("\x1b]9;4;1;0\x1b\\")
    assert emulator.wait_until(lambda: emulator.payload_bytes() >= 15 * MIB, 20)
    terminal.sendintr()
    terminal.expect_exact("\x1b]9;4;0;\x1b\\")
    if presses == 2:
        terminal.sendintr()
    rest = terminal.read()
    terminal.close()
    assert terminal.signalstatus == signal.SIGINT
    assert bars(rest) == []


def test_ctrl_z_takes_it_back(emulate: Emulate, video: Callable[..., Path], vidup: Cli) -> None:
    """A stopped upload moves nothing; continued it is told again."""
    emulator = emulate(faults=["part=*,times=*:slow=8M"])
    terminal = spawn(vidup, emulator, video(40 * MIB), env={"WT_SESSION": "x"})
    terminal.expect_exact("\x1b]9;4;1;0\x1b\\")
    terminal.kill(signal.SIGTSTP)
    terminal.expect_exact("\x1b]9;4;0;\x1b\\")
    terminal.kill(signal.SIGCONT)
    terminal.expect_exact("\x1b]9;4;1;")
    terminal.expect(pexpect.EOF)
