"""Where the video id goes: it is never lost, and told once where once is enough."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.conftest import LONG, MIB, Cli
from vidup.console.results import print_line
from vidup.emulator.server import Emulator


@pytest.mark.parametrize("line", ["{vidup}", "{vidup} 2>/dev/null", "{vidup} --progress json 2>/dev/null", "{vidup} -q"])
def test_a_terminal_shows_the_id_once(line: str, emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """In the summary where that is shown on it, else by itself: also where stderr went elsewhere, or tells a program."""
    words = subprocess.list2cmdline(vidup.command("upload", str(video(MIB))))
    terminal = pexpect.spawn("sh", ["-c", line.format(vidup=words)], env=vidup.env(emulator, TERM="xterm"), timeout=LONG, encoding="utf-8")
    shown = terminal.read()
    terminal.close()
    (video_id,) = emulator.videos
    assert terminal.exitstatus == 0
    alone = [text for text in shown.splitlines() if text == video_id]
    assert (len(alone), "Uploaded movie.mp4" in shown) == ((0, True) if line == "{vidup}" else (1, False))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("words", [(), ("-q",), ("--json",)])
def test_a_stdout_that_takes_nothing_is_told(words: tuple[str, ...], emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """The upload is whole, so exit 0; the id stands on stderr instead, with the command that prints it where it was wanted."""
    with open("/dev/full", "w") as full:
        done = vidup.start("upload", video(6 * MIB), *words, emulator=emulator, stdout=full)
        _, stderr = done.communicate(timeout=LONG)
    (video_id,) = emulator.videos
    lines = stderr.splitlines()
    assert done.returncode == 0
    assert any(text.endswith(f"Standard output took nothing: the video is {video_id}.") for text in lines)
    command = lines[-1].partition("→ To have it there: ")[2].split()
    sent = len(emulator.requests)
    assert vidup(*command[1:], emulator=emulator).stdout == f"{video_id}\n"
    assert not [request for request in emulator.requests[sent:] if request.part is not None]


def test_id_and_next_step_stand_out(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """The first line is green or red, the id bold, the line to act upon without colour."""
    done = vidup("upload", "--color", "always", video(MIB), emulator=emulator)
    (video_id,) = emulator.videos
    what, id_line, *_, action = [line for line in done.stderr.splitlines() if "movie.mp4 (" not in line]
    assert "\x1b[32m" in what and f"\x1b[1m{video_id}\x1b[22m" in id_line and "\x1b[3" not in id_line
    assert "→ See the encoding: vidup status \x1b[1m" in action and "\x1b[3" not in action
    failed = vidup("upload", "--color", "always", "missing.mp4", emulator=emulator).stderr.splitlines()
    assert "\x1b[31m" in failed[0] and failed[-1].split(" ", 1)[1] == "→ Check the path."


def test_a_line_is_written_with_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with PYTHONUNBUFFERED: a second Ctrl-C heard after the one, and before the other, had the next object on the same line."""

    class Raw(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            written.append(bytes(data))
            return len(data)

    written = list[bytes]()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(Raw(), write_through=True))  # type: ignore[type-var]
    assert print_line('{"v": 1}')
    assert written == [b'{"v": 1}\n']
