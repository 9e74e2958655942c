"""Draws the README's picture from a real run: `python tests/picture.py`. An upload to the emulator is killed, the same command resumes it.

What is drawn is what the two processes printed on a terminal, read back with pyte and drawn by rich. No font is fetched from anywhere.
"""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Final

import pexpect
import pyte
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.style import Style
from rich.text import Text

from vidup.emulator.server import Emulator

PICTURE: Final = Path(__file__).parent.parent / ".github" / "resumed-upload.svg"
MIB: Final = 1024 * 1024
SIZE: Final = 240 * MIB
KILL_AT: Final = 140 * MIB
COLUMNS: Final = 92
COMMAND: Final = "vidup upload holiday-2026.mp4"
FONTS: Final = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
COLOURS: Final = {"brown": "yellow"}
"""Where pyte calls a colour otherwise than rich does."""


def main() -> None:
    """Run, record, and write the picture."""
    with tempfile.TemporaryDirectory() as scratch:
        movie = Path(scratch) / "holiday-2026.mp4"
        with movie.open("wb") as file:
            for _ in range(SIZE // MIB):
                file.write(os.urandom(MIB))
        with Emulator(store=Path(scratch) / "store", faults=[f"part=*,times=*:slow={14 * MIB}"]) as server:
            killed = run(movie, server, kill=True)
            server.wait_until(lambda: not server.in_progress(), 30)
            resumed = run(movie, server, kill=False)
    prompt = "\x1b[1;32m$\x1b[0m "
    draw(f"{prompt}{COMMAND}\r\n{killed}\r\nKilled\r\n{prompt}{COMMAND}\r\n{resumed}{prompt}")


def run(movie: Path, server: Emulator, *, kill: bool) -> str:
    """What one upload printed on a terminal; with `kill` up to the moment when it was killed without warning."""
    words = ["-m", "vidup", "upload", movie.name]
    env = {
        **os.environ,
        "TERM": "xterm-256color",
        "VIDUP_BASE_URL": server.url,
        "VIDUP_API_KEY": server.api_key,
        "VIDUP_STATE_DIR": str(movie.parent / "state"),
    }
    terminal = pexpect.spawn(sys.executable, words, env=env, cwd=str(movie.parent), dimensions=(24, COLUMNS), encoding="utf-8", timeout=60)
    shown = io.StringIO()
    terminal.logfile_read = shown
    if kill:
        while server.payload_bytes() < KILL_AT:
            terminal.expect(r"parts +\d+/\d+ ")
        terminal.expect_exact("active")
        terminal.kill(9)
    terminal.expect(pexpect.EOF)
    terminal.close()
    return shown.getvalue()


def draw(output: str) -> None:
    """Save the last state of a terminal that was sent this output."""
    screen = pyte.Screen(COLUMNS, 24)
    pyte.Stream(screen).feed(output)
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor", legacy_windows=False)
    for row in range(screen.cursor.y + 1):
        cells = [screen.buffer[row][column] for column in range(COLUMNS)]
        line = Text(no_wrap=True)
        for (colour, bold), same in groupby(cells, lambda cell: (cell.fg, cell.bold)):
            line.append("".join(cell.data for cell in same), Style(color=COLOURS.get(colour, colour), bold=bold))
        line.rstrip()
        console.print(line, highlight=False)
    PICTURE.parent.mkdir(exist_ok=True)
    svg = console.export_svg(title="an upload, killed and resumed", code_format=without_fonts(CONSOLE_SVG_FORMAT), unique_id="vidup")
    PICTURE.write_text(re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE), encoding="utf-8")


def without_fonts(code: str) -> str:
    """Rich's frame, in the fonts that a machine has: GitHub fetches none."""
    code = re.sub(r"@font-face \{\{.*?\}\}", "", code, flags=re.DOTALL)
    return code.replace("Fira Code, monospace", FONTS)


if __name__ == "__main__":
    main()
