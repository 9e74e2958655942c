"""`vidup demo` as a newcomer sees it: at 80 columns, to its end and stopped by Ctrl-C."""

from __future__ import annotations

import re
import signal

import pexpect
import pyte
import pytest

from tests.conftest import LONG, Cli
from vidup.commands.demo import _verdict


def spawn(vidup: Cli) -> pexpect.spawn[str]:
    command = vidup.command("demo")
    env = vidup.env(TERM="xterm-256color", LC_ALL="C.UTF-8", TMPDIR=str(vidup.cwd))
    return pexpect.spawn(command[0], command[1:], env=env, dimensions=(50, 80), timeout=2 * LONG, encoding="utf-8")


def rows(shown: str) -> list[str]:
    screen = pyte.Screen(80, 50)
    pyte.Stream(screen).feed(shown)
    return [line.rstrip() for line in screen.display]


def test_the_demo_fits_the_screen_and_leads_to_login(vidup: Cli) -> None:
    """No line of its own is longer than a terminal; no link leads to where the video is not; the last line keeps keys out of histories."""
    terminal = spawn(vidup)
    shown = terminal.read()
    terminal.close()
    assert terminal.exitstatus == 0
    told = [line for line in re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", shown).splitlines() if re.match(r"\d\. |   \S|→ Now|Now", line)]
    assert len(told) > 6 and max(map(len, told)) < 80
    assert "embed.api.video" not in shown and "VIDUP_API_KEY" not in shown
    assert "vidup login" in told[-1]


@pytest.mark.parametrize(
    ("again", "words"), [(0, "Nothing went over the wire twice: "), (6 * 1024**2, "6.0 MiB went over the wire twice: ")]
)
def test_what_the_kill_cost_is_told_as_a_person_would(again: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the parts in flight had all arrived whole nothing was sent twice, and "0 B" is no way to say that."""
    assert _verdict("a" * 64, "a" * 64, 5, again) == 0
    told = capsys.readouterr().err
    assert f"\n   {words}" in told and "0 B" not in told and max(map(len, told.splitlines()[:-1])) < 80


def test_ctrl_c_leaves_no_block_and_says_a_word(vidup: Cli) -> None:
    """Neither a bar nor a map stays, the last line says that it stopped, nothing is left on the disk, and it ends by the signal."""
    terminal = spawn(vidup)
    terminal.expect(r"parts +[1-9]\d*/1\d ")
    shown = f"{terminal.before}{terminal.after}"
    terminal.sendintr()
    shown += terminal.read()
    terminal.close()
    assert terminal.signalstatus == signal.SIGINT
    lines = [line for line in rows(shown) if line]
    assert not [line for line in lines if line.startswith("parts ") or "━" in line]
    assert lines[-1].startswith("Stopped the demo.")
    assert not list(vidup.cwd.glob("vidup-demo-*"))
