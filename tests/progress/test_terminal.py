"""Whole uploads on real terminals of several widths: three lines that stay three lines, and a cursor that no kill can take away."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pexpect
import pyte
import pytest

from tests.conftest import LONG, MIB, Cli, Gate, bodies_out, patient
from vidup.emulator.server import Emulator

NAME = "holiday-2026-final-cut-with-a-long-name.mp4"
Emulate = Callable[..., Emulator]


def spawn(vidup: Cli, emulator: Emulator, *words: str | Path, columns: int = 80, env: dict[str, str] | None = None) -> pexpect.spawn[str]:
    command = vidup.command("upload", *words, "--part-size", "5MiB", "-j", "3")
    settings = vidup.env(emulator, **{"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **(env or {})})
    return pexpect.spawn(
        command[0], command[1:], env=settings, dimensions=(24, columns), timeout=LONG, encoding="utf-8", codec_errors="replace"
    )


class Watched:
    """A terminal fed with what was printed, looked at after every frame."""

    def __init__(self, columns: int) -> None:
        self.screen = pyte.Screen(columns, 24)
        self.stream = pyte.Stream(self.screen)
        self.blocks: list[list[str]] = []

    def feed(self, text: str) -> None:
        """Show the text frame by frame; a frame ends where the next begins by erasing. The cursor is never hidden."""
        assert "\x1b[?25" not in text
        for piece in re.split(r"(?=\r\x1b\[2K)", text):
            self.stream.feed(piece)
            lines = [line.rstrip() for line in self.screen.display]
            places = [place for place, line in enumerate(lines) if re.match(r"parts +\d+/\d+ ", line)]
            assert len(places) <= 1, lines
            if places and self.screen.cursor.y == places[0]:
                self.blocks.append(lines[max(0, places[0] - 2) : places[0] + 1])

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_a_run_at_this_width(columns: int, emulate: Emulate, video: Callable[..., Path], vidup: Cli) -> None:
    """The block never wraps, shows name, bar and map, and is gone in the end, where the summary is."""
    emulator = emulate(faults=["part=3:status=503", "part=*,times=*:slow=20M"])
    terminal = spawn(vidup, emulator, video(40 * MIB, NAME), columns=columns)
    watched = Watched(columns)
    watched.feed(terminal.read())
    terminal.close()
    assert terminal.exitstatus == 0
    assert len(watched.blocks) >= 3
    for name, bar, parts in watched.blocks:
        assert name.startswith("holida") and "%" in bar and parts.startswith("parts ")
        assert max(len(name), len(bar), len(parts)) < columns
    shown = watched.text()
    assert re.search(r"^! part 3: HTTP 503", shown, re.MULTILINE)
    assert "✓ Uploaded" in shown and "parts  " not in shown


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_after_a_signal_the_terminal_is_in_order(number: signal.Signals, emulate: Emulate, video: Callable[..., Path], vidup: Cli) -> None:
    """The block is gone, and the last line is the command that continues."""
    emulator = emulate(faults=["part=*,times=*:slow=1M"])
    terminal = spawn(vidup, emulator, video(40 * MIB, NAME))
    terminal.expect(r"parts +0/8 ")
    before = f"{terminal.before}{terminal.after}"
    terminal.kill(number)
    watched = Watched(80)
    watched.feed(before + terminal.read())
    terminal.close()
    assert terminal.signalstatus == number
    assert re.search(r"→ Continue with: vidup resume [a-z0-9]{8} --jobs 3$", watched.text())
    assert "Stopping" in watched.text()


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_ctrl_c_is_the_key_on_the_keyboard(columns: int, emulate: Emulate, video: Callable[..., Path], vidup: Cli, tmp_path: Path) -> None:
    """While it stops, the block says so; a second one ends at once, takes the block away, and leaves the command that continues."""
    emulator = emulate(faults=["part=*,times=*:stall-answer=600"])
    terminal = spawn(vidup, emulator, video(400 * MIB, NAME), columns=columns, env=patient(tmp_path / "out"))
    terminal.expect(r"parts +0/80 ")
    shown = f"{terminal.before}{terminal.after}"
    assert emulator.wait_until(lambda: bodies_out(tmp_path / "out") == 3, LONG)
    terminal.sendintr()
    terminal.expect("again to quit at once")
    shown += f"{terminal.before}{terminal.after}"
    terminal.expect("stopping, . s for 3 answers")
    assert "MiB/s" not in f"{terminal.before}" and "eta" not in f"{terminal.before}"
    shown += f"{terminal.before}{terminal.after}"
    terminal.send("\r")
    terminal.sendintr()
    watched = Watched(columns)
    watched.stream.feed(shown + terminal.read())
    terminal.close()
    assert terminal.signalstatus == signal.SIGINT
    lines = "".join(line.ljust(columns) for line in watched.text().split("\n"))
    assert re.search(r"→ Continue with: vidup resume [a-z0-9]{8} --jobs 3 *$", lines)
    assert re.findall(r"parts +\d|active|━|╍|^holiday", lines, re.MULTILINE) == []


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_enter_is_a_key_that_breaks_no_frame(columns: int, emulate: Emulate, gate: Gate, video: Callable[..., Path], vidup: Cli) -> None:
    """Pressed, pressed twice, and held, at the bottom of the window; what was typed is still there for the shell."""
    emulator = emulate(faults=["part=*,times=6:slow=2M"])
    gate.hold(lambda record: record.part is not None and sum(one.part is not None for one in emulator.requests) > 3)
    command = subprocess.list2cmdline(vidup.command("upload", str(video(40 * MIB, NAME)), "--part-size", "5MiB", "-j", "3"))
    settings = vidup.env(emulator, TERM="xterm-256color", LC_ALL="C.UTF-8")
    script = f"seq 30; {command}; read a; read b; echo read $a $b"
    terminal = pexpect.spawn(
        "sh", ["-c", script], env=settings, dimensions=(24, columns), timeout=LONG, encoding="utf-8", codec_errors="replace"
    )
    shown = ""

    def until(pattern: str) -> None:
        nonlocal shown
        terminal.expect(pattern)
        shown += f"{terminal.before}{terminal.after}"

    until(r"parts +0/8 ")
    for keys in ("one\r", "two\r", "\r\r", "\r", "\r\r\r\r"):  # a frame may know of the last but one alone
        terminal.send(keys)
        until("\n")  # the echo
        until(r"parts +\d/8 ")
    gate.open()
    shown += terminal.read()
    terminal.close()
    watched = Watched(columns)
    watched.feed(shown)
    assert terminal.exitstatus == 0
    text = watched.text()
    assert re.findall(r"^parts +\d|active|━|╍|^holiday", text, re.MULTILINE) == [] and "✓ Uploaded" in text
    assert text.endswith("\nread one two")


def test_after_an_error_the_terminal_is_in_order(emulate: Emulate, video: Callable[..., Path], vidup: Cli) -> None:
    """The block is gone, the error stands, the last line is the action."""
    emulator = emulate(faults=["part=4:error=uploaded-file-invalid-file", "part=*,times=*:slow=20M"])
    terminal = spawn(vidup, emulator, video(40 * MIB, NAME))
    watched = Watched(80)
    watched.feed(terminal.read())
    terminal.close()
    assert terminal.exitstatus == 6
    assert watched.text().splitlines()[-1].startswith("→ ")
    assert "✗ Could not upload" in watched.text() and not re.search(r"^parts ", watched.text(), re.MULTILINE)


def test_a_dumb_terminal_gets_lines(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """TERM=dumb: no escape at all."""
    shown = spawn(vidup, emulator, video(12 * MIB, NAME), env={"TERM": "dumb"}).read()
    assert "\x1b" not in shown and "Uploaded holiday" in shown


def test_a_terminal_that_is_not_utf_8_gets_ascii(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """LANG=C without Python's own help: bar, map and sentences in ASCII."""
    emulator.add_fault("part=*,times=*:slow=20M")
    ascii_only = {"LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    shown = spawn(vidup, emulator, video(40 * MIB, "été.mp4"), env=ascii_only).read()
    assert shown.isascii() and "#" in shown and "* Uploaded \\udcc3\\udca9t" in shown


@pytest.mark.parametrize("line", ["{vidup} | cat", "{vidup} 2>/dev/null", "{vidup} >/dev/null"])
def test_a_terminal_with_one_stream_elsewhere(line: str, emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """The view stays on the terminal if stderr does, the id goes where stdout goes."""
    words = subprocess.list2cmdline(vidup.command("upload", str(video(12 * MIB)), "--part-size", "5MiB"))
    terminal = pexpect.spawn("sh", ["-c", line.format(vidup=words)], env=vidup.env(emulator, TERM="xterm"), timeout=LONG, encoding="utf-8")
    shown = terminal.read()
    terminal.close()
    (video_id,) = emulator.videos
    assert terminal.exitstatus == 0
    assert ("\x1b[2K" in shown) == ("2>" not in line)
    assert ("Uploaded movie.mp4" in shown) == ("2>" not in line)
    if "| cat" in line:
        watched = Watched(80)
        watched.feed(shown)
        assert video_id in watched.text().splitlines()


def test_the_picture_needs_nothing_from_elsewhere() -> None:
    """The README shows it, and it fetches no font."""
    root = Path(__file__).parents[2]
    picture = (root / ".github" / "resumed-upload.svg").read_text()
    assert "(.github/resumed-upload.svg)" in (root / "README.md").read_text()
    assert "@font-face" not in picture and "url(http" not in picture
    assert "resuming" in picture and "Killed" in picture


def test_ctrl_z_and_fg_leave_the_shells_lines_alone(emulator: Emulator, gate: Gate, video: Callable[..., Path], vidup: Cli) -> None:
    """What the shell wrote while vidup was stopped stays, and the upload goes on in a new block below it."""
    gate.hold(lambda record: record.part)
    words = subprocess.list2cmdline(vidup.command("upload", str(video(40 * MIB, NAME)), "--part-size", "5MiB"))
    shell = pexpect.spawn("bash", ["--norc", "-i"], env=vidup.env(emulator, TERM="xterm", PS1="$ "), timeout=LONG, encoding="utf-8")
    shown = ""

    def until(pattern: str) -> None:
        nonlocal shown
        shell.expect(pattern)
        shown += f"{shell.before}{shell.after}"

    until(r"\$ ")
    shell.sendline(words)
    until(r"parts +0/8 ")
    shell.send("\x1a")
    until("Stopped.*\n")
    shell.sendline("echo of-the-$((40 + 2))-shell")
    until("of-the-42-shell")
    gate.open()
    shell.sendline("fg")
    until("Uploaded")
    shell.sendline("exit $?")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 0
    screen = pyte.Screen(200, 60)
    pyte.Stream(screen).feed(shown)
    lines = [line.rstrip() for line in screen.display]
    stopped = next(place for place, line in enumerate(lines) if "Stopped" in line)
    assert "of-the-42-shell" in lines[stopped:] and any(line.endswith("fg") for line in lines[stopped:])
    assert [line for line in lines if line.startswith("✓ Uploaded")] and lines[stopped - 1].startswith("parts ")


def test_in_the_background_nothing_is_drawn(emulator: Emulator, gate: Gate, video: Callable[..., Path], vidup: Cli) -> None:
    """The shell has the terminal: what is typed and printed there stays; with `fg` the block is back."""
    gate.hold(lambda record: record.part)
    words = subprocess.list2cmdline(vidup.command("upload", str(video(40 * MIB, NAME)), "--part-size", "5MiB"))
    shell = pexpect.spawn("bash", ["--norc", "-i"], env=vidup.env(emulator, TERM="xterm", PS1="$ "), timeout=LONG, encoding="utf-8")
    shell.expect(r"\$ ")
    shell.sendline(f"{words} &")
    assert emulator.wait_until(lambda: emulator.payload_bytes() > 8 * MIB, LONG)
    shell.sendline("echo of-the-$((40 + 2))-shell")
    shell.expect("of-the-42-shell")
    meanwhile = f"{shell.before}{shell.after}"
    shell.sendline("fg")
    shell.expect(r"parts +\d/8 ")
    assert "parts" not in meanwhile and "\x1b[2K" not in meanwhile
    shell.sendintr()
    shell.expect("Continue with")
    shell.close(force=True)


class Crowded(Watched):
    """A terminal on which many files are seen: the block is a line of all of them, and some of files below."""

    def feed(self, text: str) -> None:
        """As `Watched`; a frame is what stands from the line of all to the cursor."""
        assert "\x1b[?25" not in text
        for piece in re.split(r"(?=\r\x1b\[2K)", text):
            self.stream.feed(piece)
            lines = [line.rstrip() for line in self.screen.display]
            places = [place for place, line in enumerate(lines) if re.search(r"\d+( of |/)24( files)?  ", line) and "Uploaded" not in line]
            assert len(places) <= 1, lines
            if places and self.screen.cursor.y >= places[0]:
                self.blocks.append(lines[places[0] : self.screen.cursor.y + 1])


@pytest.mark.parametrize("columns", [40, 80, 120, 200])
def test_many_files_at_this_width(columns: int, emulate: Emulate, video: Callable[..., Path], vidup: Cli) -> None:
    """The block has 8 lines at most and never wraps; what is done scrolls by above; in the end there is the summary alone."""
    emulator = emulate(faults=["part=1,times=*:slow=300K"])
    names = [f"{'短い映画のとても長い名前' if n % 3 else NAME[:-4]} {n:02}.mp4" for n in range(24)]
    terminal = spawn(vidup, emulator, *[video(90_000 + n * 9000, name, n) for n, name in enumerate(names)], columns=columns)
    watched = Crowded(columns)
    watched.feed(terminal.read())
    terminal.close()
    assert terminal.exitstatus == 0
    assert len(watched.blocks) >= 3 and max(map(len, watched.blocks)) in range(3, 9)
    assert max(sum(1 + (ord(sign) > 0x2E80) for sign in line.replace(" ", "")) for block in watched.blocks for line in block) < columns
    shown = watched.text()
    assert "✓ Uploaded 24 of 24 files" in shown.replace("\n", "") and not re.search(r"^  .*%", shown, re.MULTILINE)


@pytest.mark.parametrize("columns", [40, 120])
def test_many_files_are_stopped_on_a_terminal(columns: int, emulate: Emulate, video: Callable[..., Path], vidup: Cli) -> None:
    """The echoed ^C breaks no frame; the block is gone, and the command that continues is the last thing said."""
    emulator = emulate(faults=["part=*,times=*:slow=300K"])
    terminal = spawn(vidup, emulator, *[video(6 * MIB, f"{n}.mp4", n) for n in range(24)], columns=columns)
    terminal.expect(r"0( of |/)24")
    before = f"{terminal.before}{terminal.after}"
    terminal.sendintr()
    watched = Crowded(columns)
    watched.feed(before + terminal.read())
    terminal.close()
    assert terminal.signalstatus == signal.SIGINT
    shown = watched.text().replace("\n", "")
    assert "24 are not uploaded yet" in shown and shown.endswith("→ To continue, run the same command again.")
    assert not re.search(r"\d%", watched.text())
