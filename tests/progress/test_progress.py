"""What a person or a pipe sees during an upload, on any width, encoding and kind of stderr."""

from __future__ import annotations

import fcntl
import io
import json
import os
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pexpect
import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import LONG
from tests.progress.course import Course
from vidup.events import Finishing, Note, PartChanged, Resumed, Retrying, Started, Waiting
from vidup.plan.parts import Plan
from vidup.progress import base
from vidup.progress.base import View
from vidup.progress.choice import ColorOption, Mode, ModeOption, Style, decide
from vidup.progress.layout import ASCII, BLOCKS, middle_cut, part_map
from vidup.progress.view import TerminalView
from vidup.progress.views import open_view
from vidup.upload.partbook import PartBook
from vidup.upload.tally import PartState, Tally

GIB = 1024**3
MIB = 1024**2
HOSTILE = "\x1b]0;x\x07[/x] :smile: \u202egpj\udcff\n::error::日本.mp4"
NAMES = ["a.mp4", "holiday-2026-final-cut.mp4", "x" * 251 + ".mp4", "日本語のとても長いファイル名" * 8 + ".mp4", HOSTILE, "👩‍👩‍👧❤️" * 20]
ESCAPES = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


@dataclass
class Body:
    """A body being sent, as the tally counts it."""

    handed: int
    all_out: bool = False


class Tape(io.StringIO):
    """A stream that keeps what was written and is as wide as the terminal behind `fd`."""

    def __init__(self, fd: int | None = None, encoding: str = "utf-8") -> None:
        super().__init__(newline="")
        self.fd, self.name_of_encoding = fd, encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.name_of_encoding

    def isatty(self) -> bool:
        return self.fd is not None

    def fileno(self) -> int:
        return super().fileno() if self.fd is None else self.fd

    def write(self, text: str) -> int:
        text.encode(self.name_of_encoding)
        return super().write(text)

    def lines(self) -> list[str]:
        return self.getvalue().splitlines()


class Hand:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def resize(fd: int, columns: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def started(total: int = 62, size: int = 3 * GIB, name: str = "holiday.mp4", done: int = 0) -> tuple[Course, Started]:
    plan = Plan(size, total)
    target = "api.video (production)"
    return Course(plan, done), Started(name, size, total, plan.part_size, 4, target, "vi4blUQJFrYWbaG44NChkH27", "k3f9", done)


def view_of(mode: Mode, tally: Tally, tape: io.StringIO, hand: Hand, color: bool = False, quiet: bool = False) -> View:
    return open_view(Style(mode, color, quiet), tally, tape, clock=hand, now=lambda: 1795348800.0)


def screen_of(tape: Tape, columns: int) -> list[str]:
    """The rows that a terminal of 24 lines shows, one that joins no emoji: pyte gives up on a text with a joiner."""
    screen = pyte.Screen(columns, 24)
    pyte.Stream(screen).feed(re.sub("[\u200d\ufe0f]", "", tape.getvalue()).replace("\n", "\r\n"))
    return [row.rstrip() for row in screen.display]


def objects(tape: Tape) -> list[dict[str, Any]]:
    return [json.loads(line) for line in tape.lines()]


def finish(tally: Course, total: int, first: int = 1) -> None:
    for number in range(first, total + 1):
        tally.done(number)


# the two decisions


@pytest.mark.parametrize(
    ("mode", "color", "environ", "isatty", "verbose", "style"),
    [
        ("auto", "auto", {}, True, 0, ("tty", True)),
        ("auto", "auto", {}, False, 0, ("plain", False)),
        ("auto", "auto", {}, True, 1, ("tty", True)),
        ("auto", "auto", {}, True, 2, ("plain", False)),
        ("tty", "auto", {}, True, 2, ("tty", True)),
        ("tty", "auto", {}, False, 0, ("plain", False)),
        ("tty", "auto", {"CI": "true"}, True, 0, ("tty", True)),
        ("auto", "auto", {"CI": "true"}, True, 0, ("plain", False)),
        ("auto", "auto", {"CI": "false"}, True, 0, ("tty", True)),
        ("auto", "auto", {"CI": "1", "FORCE_COLOR": "1"}, False, 0, ("plain", True)),
        ("auto", "auto", {"TERM": "dumb"}, True, 0, ("plain", False)),
        ("tty", "auto", {"TERM": "dumb"}, True, 0, ("plain", False)),
        ("auto", "auto", {"NO_COLOR": "1"}, True, 0, ("tty", False)),
        ("auto", "auto", {"NO_COLOR": ""}, True, 0, ("tty", True)),
        ("auto", "auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, 0, ("tty", False)),
        ("auto", "always", {"NO_COLOR": "1"}, True, 0, ("tty", True)),
        ("auto", "always", {}, False, 0, ("plain", True)),
        ("auto", "never", {"FORCE_COLOR": "1"}, True, 0, ("tty", False)),
        ("auto", "auto", {"FORCE_COLOR": "0"}, False, 0, ("plain", False)),
        ("auto", "auto", {"CLICOLOR_FORCE": "1"}, False, 0, ("plain", True)),
        ("auto", "auto", {"CLICOLOR_FORCE": "0"}, False, 0, ("plain", False)),
        ("auto", "auto", {"CLICOLOR": "0"}, True, 0, ("tty", False)),
        ("plain", "auto", {}, True, 0, ("plain", False)),
        ("json", "always", {"FORCE_COLOR": "1"}, True, 0, ("json", False)),
        ("none", "auto", {}, True, 0, ("none", True)),
    ],
)
def test_decisions(
    mode: ModeOption, color: ColorOption, environ: dict[str, str], isatty: bool, verbose: int, style: tuple[Mode, bool]
) -> None:
    """Animation and colour are decided apart, each by its own table."""
    assert decide(mode, color, False, verbose, environ, isatty) == Style(*style, False)


@pytest.mark.parametrize("mode", ["auto", "tty", "plain", "json", "none"])
def test_quiet_beats_every_progress(mode: ModeOption) -> None:
    """With -q there is no progress of any kind."""
    assert decide(mode, "auto", True, 0, {}, True) == Style("none", True, True)


@given(
    st.sampled_from(["auto", "tty", "plain", "json", "none"]),
    st.sampled_from(["auto", "always", "never"]),
    st.dictionaries(st.sampled_from(["FORCE_COLOR", "CLICOLOR_FORCE", "CLICOLOR", "TERM", "CI"]), st.sampled_from(["", "0", "1"])),
)
def test_only_a_terminal_animates(mode: ModeOption, color: ColorOption, environ: dict[str, str]) -> None:
    """No option and no variable makes a pipe animate."""
    assert decide(mode, color, False, 0, environ, False).mode != "tty"


# the live block


@pytest.mark.parametrize("columns", [40, 60, 80, 120, 200])
@pytest.mark.parametrize("total", [1, 7, 62, 1000, 10_000])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_three_lines_that_never_wrap(terminal: int, columns: int, total: int, encoding: str) -> None:
    """Whatever the width, the number of parts, the encoding and the name, the block is three lines, and goes without a trace."""
    resize(terminal, columns)
    for name in NAMES:
        tape, hand = Tape(terminal, encoding), Hand()
        tally, event = started(total, 40 * GIB, name, done=total // 3)
        view = view_of("tty", tally, tape, hand)
        view.tell(event)
        for number in range(total // 3 + 1, min(total, total // 3 + 5) + 1):
            tally.sending(number, Body(3 * MIB))
        hand.time += 2
        view.beat()
        rows = screen_of(tape, columns)
        assert all(rows[:3]) and not any(rows[3:]), rows
        assert max(map(len, rows)) < columns
        assert rows[0].endswith("  vi4blUQJFrYWbaG44NChkH27")
        assert re.search(r" \d+%", rows[1])
        assert rows[2].startswith(f"parts {total // 3:>{len(str(total))}}/{total} ")
        view.close()
        assert not any(screen_of(tape, columns))


def test_the_block_at_80_columns(terminal: int) -> None:
    """The picture in the README: who goes where, how far, how fast, and which parts."""
    resize(terminal, 80)
    tape, hand = Tape(terminal), Hand()
    tally, event = started(name="holiday-2026-final-cut.mp4", done=35)
    view = view_of("tty", tally, tape, hand)
    view.tell(event)
    bodies = [Body(0), Body(0), Body(0)]
    for number, body in zip((36, 38, 39), bodies, strict=True):
        tally.sending(number, body)
    tally.retrying(37)
    hand.time += 2
    for body in bodies:
        body.handed = 10 * MIB
    view.beat()
    assert screen_of(tape, 80)[:3] == [
        "holiday-2026-final-cut.mp4 → api.video (production)  vi4blUQJFrYWbaG44NChkH27",
        "━━━━━━━━━━━━━━━━━━──────────────   56%  1.69 GiB/3.00 GiB  15.0 MiB/s  eta 1:27",
        "parts 35/62 ████████████████████████▓▒▓···············  3 active, 1 retried",
    ]


def test_the_block_follows_a_resize(terminal: int) -> None:
    """The next frame after a resize fits the new width."""
    tape, hand = Tape(terminal), Hand()
    tally, event = started(1000, done=200)
    view = view_of("tty", tally, tape, hand)
    for columns in (120, 50, 200, 40):
        resize(terminal, columns)
        view.tell(event)
        view.beat()
        tape.truncate(0)
        tape.seek(0)
        tally.done(tally.snapshot().parts_done + 1)
        view.beat()
        rows = [re.sub(r"\x1b(\[[0-9;?]*[a-zA-Z]|[78D])", "", row).strip("\r") for row in tape.getvalue().split("\n")]
        assert [len(row) < columns for row in rows] == [True] * 3
        assert len(rows[1]) > columns - 12


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
def test_ascii_where_blocks_cannot_be_shown(terminal: int, encoding: str) -> None:
    """On a stream that is not UTF-8 each state still has its own sign, and every message arrives."""
    resize(terminal, 80)
    tape, hand = Tape(terminal, encoding), Hand()
    tally, event = started(7, name="日本.mp4", done=3)
    view = view_of("tty", tally, tape, hand)
    view.tell(event)
    tally.sending(4, Body(300 * MIB))
    tally.retrying(5)
    view.beat()
    view.message("✗ refused – see → …", "error")
    rows = screen_of(tape, 80)
    assert rows[0] == "x x refused - see -> ..."
    assert rows[1].startswith("\\u65e5\\u672c.mp4 -> api.video (production)")
    assert rows[2].startswith("=") and set(rows[2].split()[0]) == set("=-.")
    assert rows[3] == "parts 3/7 ###>!..  1 active, 1 retried"


def test_state_is_not_told_by_colour_alone() -> None:
    """All four states differ by their sign, for those who see no colour; an awaited answer counts as sending."""
    states = bytes([PartState.DONE, PartState.SENDING, PartState.ANSWER, PartState.RETRYING, PartState.WAITING])
    assert "".join(text for text, _ in part_map(states, 80, BLOCKS)) == "█▓▓▒·"
    assert "".join(text for text, _ in part_map(states, 80, ASCII)) == "#>>!."


def test_several_parts_share_a_cell() -> None:
    """A shared cell is done only when all of its parts are, and what is active in it shows."""
    done, wait, send, retry = (bytes([state]) for state in (PartState.DONE, PartState.WAITING, PartState.SENDING, PartState.RETRYING))
    states = done * 10 + done * 9 + wait + done * 5 + send * 5 + send * 9 + retry + wait * 10
    assert "".join(text for text, _ in part_map(states, 5, BLOCKS)) == "█·▓▒·"


@given(st.binary(max_size=2000).map(lambda raw: bytes(byte % 5 for byte in raw)).filter(bool), st.integers(1, 300))
def test_the_map_never_outgrows_its_cells(states: bytes, cells: int) -> None:
    """The map is exactly as wide as asked, or as there are parts."""
    assert sum(len(text) for text, _ in part_map(states, cells, ASCII)) == min(cells, len(states))


@given(st.text(alphabet="ab日本é.", max_size=60), st.integers(0, 40))
def test_a_cut_name_fits_and_keeps_both_ends(text: str, room: int) -> None:
    """A name that does not fit loses its middle, never its suffix, and never takes a cell too many."""

    def width(part: str) -> int:
        return sum(2 if character in "日本" else 1 for character in part)

    shown = middle_cut(text, room, "…", width)
    assert width(shown) <= room
    assert shown == text or room <= 1 or (text.startswith(shown.split("…")[0]) and text.endswith(shown.split("…")[1]))


def test_a_retry_scrolls_above_the_block(terminal: int) -> None:
    """What happened stays readable above; the block stays last."""
    resize(terminal, 80)
    tape, hand = Tape(terminal), Hand()
    tally, event = started(done=35)
    view = view_of("tty", tally, tape, hand)
    view.tell(Resumed(35, 62, "server"))
    view.tell(event)
    view.tell(Retrying(37, 1, 2.1, "connection reset"))
    view.tell(Note(HOSTILE, warning=True))
    view.message("two\nlines", "note")
    view.progress_line()
    rows = screen_of(tape, 80)
    assert rows[:2] == ["resuming: 35 of 62 parts are already on the server", "! part 37: connection reset, retry 1 in 2.1 s"]
    assert rows[2:4] == ["! \\x1b]0;x\\x07[/x] :smile: \\u202egpj\\udcff", ": :error::日本.mp4"]
    assert rows[4:6] == ["two", "lines"]
    assert rows[6] == "56%  1.69 GiB/3.00 GiB"
    assert rows[7].startswith("holiday.mp4 →") and rows[9].startswith("parts 35/62") and not any(rows[10:])


def test_a_stall_shows_and_claims_nothing(terminal: int) -> None:
    """After 5 s without a byte the line says so, with neither rate nor ETA; in a rate-limit wait it names the seconds left."""
    resize(terminal, 80)
    tape, hand = Tape(terminal), Hand()
    tally, event = started()
    view = view_of("tty", tally, tape, hand)
    view.tell(event)
    body = Body(0)
    tally.sending(1, body)
    for _ in range(4):
        hand.time += 1
        body.handed += 5 * MIB
        view.beat()
    assert "5.0 MiB/s  eta 10:10" in screen_of(tape, 80)[1]
    for _ in range(12):
        hand.time += 1
        view.beat()
    assert screen_of(tape, 80)[1].endswith("stalled 12 s")
    assert "eta" not in screen_of(tape, 80)[1] and "MiB/s" not in screen_of(tape, 80)[1]
    body.all_out = True
    view.beat()
    assert screen_of(tape, 80)[1].endswith("awaiting answer 12 s")
    view.tell(Waiting(12.0, "rate limit"))
    view.beat()
    assert screen_of(tape, 80)[1].endswith("rate limit: 12 s")


def test_what_is_all_out_awaits_its_answer(terminal: int) -> None:
    """When nothing is left to send there is no time to tell, and certainly not `eta 0 s`."""
    resize(terminal, 80)
    tape, hand = Tape(terminal), Hand()
    tally, event = started(2, 20 * MIB, done=1)
    view = view_of("tty", tally, tape, hand)
    view.tell(event)
    body = Body(0)
    tally.sending(2, body)
    hand.time += 2
    body.handed, body.all_out = 10 * MIB, True
    view.beat()
    row = screen_of(tape, 80)[1]
    assert row.endswith("awaiting answer") and "eta" not in row


def test_a_stop_shows_what_is_waited_for(terminal: int) -> None:
    """The seconds left and the answers awaited, neither rate nor ETA; nothing is promised where nothing is out."""
    resize(terminal, 80)
    tape, hand = Tape(terminal), Hand()
    tally, event = started()
    view = view_of("tty", tally, tape, hand)
    view.tell(event)
    bodies = [Body(0), Body(0)]
    for number, body in enumerate(bodies, 1):
        tally.sending(number, body)
    hand.time += 2
    bodies[0].handed, bodies[0].all_out, bodies[1].handed = 40 * MIB, True, 10 * MIB
    view.beat()
    view.stopping(5.0)
    hand.time += 1.5
    view.beat()
    row = screen_of(tape, 80)[1]
    assert row.endswith("stopping, 4 s for 1 answer") and "eta" not in row and "MiB/s" not in row
    tally.done(1)
    view.beat()
    assert screen_of(tape, 80)[1].endswith("  stopping")


def test_a_hundred_percent_only_with_the_last_answer(terminal: int) -> None:
    """All bytes handed out are not yet all confirmed; with the last answer come 100 % and `finishing`."""
    resize(terminal, 80)
    tape, hand = Tape(terminal), Hand()
    tally, event = started(done=61)
    view = view_of("tty", tally, tape, hand)
    view.tell(event)
    tally.sending(62, Body(Plan(3 * GIB, 62).part(62).length, all_out=True))
    view.beat()
    assert " 98%" in screen_of(tape, 80)[1]
    tally.done(62)
    view.beat()
    row = screen_of(tape, 80)[1]
    assert " 100%  3.00 GiB/3.00 GiB" in row and row.endswith("finishing") and "─" not in row


def test_percent_stays_below_a_hundred_to_the_last_byte(terminal: int) -> None:
    """A last part of one byte in 50 GB still keeps the line at 99 %."""
    resize(terminal, 80)
    tape = Tape(terminal)
    tally, event = started(10_000, 10_000 * 5 * MIB - 4_999_999, done=9_999)
    view = view_of("tty", tally, tape, Hand())
    view.tell(event)
    assert " 99%" in screen_of(tape, 80)[1] and "─" in screen_of(tape, 80)[1]


def test_an_unchanged_block_is_not_drawn_again(terminal: int) -> None:
    """Nothing new, no output."""
    resize(terminal, 80)
    tape = Tape(terminal)
    tally, event = started()
    view = view_of("tty", tally, tape, Hand())
    view.tell(event)
    before = tape.getvalue()
    view.beat()
    assert tape.getvalue() == before


def test_the_result_is_not_swallowed(terminal: int, capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed to stdout while the block lives goes to stdout."""
    resize(terminal, 80)
    tape = Tape(terminal)
    tally, event = started()
    view = view_of("tty", tally, tape, Hand())
    view.tell(event)
    print("vi-result")
    print("trace", file=sys.stderr)
    view.close()
    assert capsys.readouterr() == ("vi-result\n", "trace\n")


def test_after_close_no_event_draws(terminal: int) -> None:
    """A worker that speaks too late draws nothing; a message still comes as a plain line."""
    resize(terminal, 80)
    tape = Tape(terminal)
    tally, event = started()
    view = view_of("tty", tally, tape, Hand(), color=True)
    view.tell(event)
    view.close()
    before = len(tape.getvalue())
    view.tell(event)
    view.beat()
    view.message("[b]done[/b] :smile:", "success")
    assert tape.getvalue()[before:] == "\x1b[32m✓ [b]done[/b] :smile:\x1b[0m\n"


# plain lines


def test_plain_lines_over_a_whole_upload() -> None:
    """A start line with both ids, a line at every 10 %, retries at once, nothing that moves a cursor."""
    tape, hand = Tape(), Hand()
    tally, event = started()
    view = view_of("plain", tally, tape, hand)
    view.tell(event)
    for number in range(1, 63):
        hand.time += 4
        tally.done(number)
        view.beat()
        if number == 9:
            view.tell(Retrying(9, 1, 1.7, "HTTP 503"))
    view.tell(Finishing())
    lines = [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in tape.lines()]
    split = "(3.00 GiB, 62 parts of 49.5 MiB, 4 at a time)"
    assert lines[0] == f"vidup: uploading holiday.mp4 {split} as vi4blUQJFrYWbaG44NChkH27, upload id k3f9"
    shown = [line.split("  ")[0] for line in lines[1:]]
    assert shown == ["11%", "part 9: HTTP 503, retry 1 in 1.7 s", "20%", "30%", "40%", "50%", "61%", "70%", "80%", "90%", "100%"]
    assert lines[-1] == "100%  3.00 GiB/3.00 GiB  finishing"
    assert not ESCAPES.search(tape.getvalue())
    assert all(re.match(r"\d\d:\d\d:\d\d \S", line) for line in tape.lines())


def test_plain_lines_keep_their_distance() -> None:
    """A fast upload writes no more than a line each 10 s, a stuck one at least a line each 60 s that says so."""
    tape, hand = Tape(), Hand()
    tally, event = started(1000)
    view = view_of("plain", tally, tape, hand)
    view.tell(event)
    written: list[float] = []
    for second in range(1, 31):
        hand.time += 1
        finish(tally, second * 30, second * 30 - 29)
        view.beat()
        written += [hand.time] * (len(tape.lines()) - 1 - len(written))
    assert written == [1010.0, 1020.0, 1030.0]
    for _ in range(125):
        hand.time += 1
        view.beat()
    assert [line[9:] for line in tape.lines()[4:]] == [
        "90%  2.70 GiB/3.00 GiB  stalled 1:30",
        "90%  2.70 GiB/3.00 GiB  stalled 2:30",
    ]


def test_plain_says_what_was_resumed_and_why_it_waits() -> None:
    """Resuming, waiting, notes and asked-for progress are lines at once; one part needs no words about parts."""
    tape = Tape()
    tally, event = started(1, 4 * MIB, "dir/a\nb.mp4")
    view = view_of("plain", tally, tape, Hand())
    view.progress_line()
    for told in (Resumed(3, 9, "journal"), event, Waiting(12.0, "rate limit"), Note("part size not applied"), Note("old", warning=True)):
        view.tell(told)
    view.progress_line()
    view.message("::error::x\nnext", "error")
    assert [line[9:] for line in tape.lines()] == [
        "nothing is being sent now",
        "resuming: 3 of 9 parts were confirmed before, says this machine's record",
        "vidup: uploading a b.mp4 (4.0 MiB, in one part) as vi4blUQJFrYWbaG44NChkH27, upload id k3f9",
        "waiting 12 s: rate limit",
        "part size not applied",
        "warning: old",
        "0%  0 B/4.0 MiB  rate limit: 12 s",
        "error: : :error::x",
        "next",
    ]


def test_forced_colour_in_plain_lines_is_colour_alone() -> None:
    """Where colour is forced, lines carry colour sequences and nothing that moves."""
    tape = Tape()
    tally, event = started()
    view = view_of("plain", tally, tape, Hand(), color=True)
    view.tell(event)
    view.tell(Retrying(0, 2, 1.0, "HTTP 500"))
    assert re.findall(r"\x1b[^m]*m", tape.getvalue()) == ["\x1b[33m", "\x1b[0m"]
    assert tape.getvalue().count("\x1b") == 2 and "\r" not in tape.getvalue()


# silence


def test_quiet_lets_only_errors_pass() -> None:
    """With -q stderr is empty unless something failed."""
    tape = Tape()
    tally, event = started()
    view = view_of("none", tally, tape, Hand(), quiet=True)
    for told in (event, Retrying(1, 1, 1.0, "x"), Waiting(1.0, "x"), Note("n", warning=True), Finishing()):
        view.tell(told)
    view.beat()
    view.progress_line()
    view.message("note")
    view.message("done", "success")
    assert tape.getvalue() == ""
    view.message("refused", "error")
    assert tape.getvalue() == "error: refused\n"


def test_no_progress_is_not_quiet() -> None:
    """With --progress none there is no progress, but what people must be told still comes, and SIGUSR1 still answers."""
    tape = Tape()
    tally, event = started()
    view = view_of("none", tally, tape, Hand())
    for told in (event, Retrying(1, 1, 1.0, "x"), Note("the file moved")):
        view.tell(told)
    view.beat()
    assert tape.getvalue() == "the file moved\n"
    view.message("Uploaded", "success")
    view.progress_line()
    assert tape.lines()[1:] == ["Uploaded", "0%  0 B/3.00 GiB"]


# events


def whole_stream() -> list[dict[str, Any]]:
    """The events of an upload in which everything happens once."""
    tape, hand = Tape(), Hand()
    tally, event = started(2, 40 * MIB)
    view = view_of("json", tally, tape, hand)
    view.tell(Resumed(0, 2, "server"))
    view.tell(event)
    body = Body(0)
    tally.sending(1, body)
    view.tell(PartChanged(1, "sending", 1))
    view.beat()
    view.beat()
    hand.time += 2
    body.handed = 10 * MIB
    view.beat()
    for told in (Retrying(0, 1, 2.0, "HTTP 503"), Waiting(12.0, "rate limit"), Note("hm", warning=True)):
        view.tell(told)
    finish(tally, 2)
    view.tell(Finishing())
    view.result({"v": 1, "status": "uploaded", "assets": {"player": "https://embed.api.video/vod/x?token=secret"}})
    view.exit_(0, "ok", "done", False)
    view.tell(Note("too late"))
    view.message("too late", "error")
    view.result({})
    return objects(tape)


def test_every_event_is_versioned_and_exit_is_last() -> None:
    """Each line is one object with version, type and UTC time; nothing follows `exit`."""
    told = whole_stream()
    assert [one["type"] for one in told] == [
        *("resume", "start", "part", "progress", "progress", "retry", "wait", "note", "progress", "progress", "result", "exit")
    ]
    assert {(one["v"], one["time"]) for one in told} == {(1, "2026-11-22T12:00:00.000Z")}


def test_the_fields_of_each_event() -> None:
    """The fields are those of the contract; a private video's URLs are not among them."""
    told = [{name: one[name] for name in one if name not in ("v", "type", "time")} for one in whole_stream()]
    ids = {"video_id": "vi4blUQJFrYWbaG44NChkH27", "upload_id": "k3f9"}
    assert told[:4] == [
        {"parts_done": 0, "total_parts": 2, "source": "server"},
        {**ids, "file": "holiday.mp4", "size": 40 * MIB, "total_parts": 2, "part_size": 20 * MIB},
        {"part": 1, "state": "sending", "attempts": 1},
        {"bytes_confirmed": 0, "bytes_total": 40 * MIB, "parts_done": 0, "total_parts": 2, "rate": 0, "eta": None},
    ]
    assert (told[4]["rate"], told[4]["eta"]) == (5 * MIB, 6.0)
    assert told[5] == {"part": None, "attempt": 1, "wait": 2.0, "reason": "HTTP 503"}
    assert told[6:8] == [{"seconds": 12.0, "reason": "rate limit"}, {"text": "hm", "kind": "warning"}]
    assert (told[9]["bytes_confirmed"], told[9]["parts_done"]) == (40 * MIB, 2)
    assert told[10:] == [{"status": "uploaded", "assets": None}, {"code": 0, "kind": "ok", "message": "done", "resumable": False}]


def test_a_stall_ends_the_eta_of_the_stream() -> None:
    """When bytes stop, one more progress event takes the ETA back; then there is silence."""
    tape, hand = Tape(), Hand()
    tally, event = started()
    view = view_of("json", tally, tape, hand)
    view.tell(event)
    body = Body(0)
    tally.sending(1, body)
    for moved in [MIB] * 5 + [0] * 20:
        hand.time += 1
        body.handed += moved
        view.beat()
    told = [one for one in objects(tape) if one["type"] == "progress"]
    assert len(told) == 6
    assert told[4]["eta"] and (told[5]["rate"], told[5]["eta"]) == (0, None)


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\x1b\x7f\udc80\ud83d\ude00#[:\n")), max_size=50))
def test_events_are_inert_and_parse_anywhere(text: str) -> None:
    """Any text in an event is plain ASCII on one line, commands no CI runner, and can be encoded after parsing."""
    tape = Tape()
    view_of("json", Tally(), tape, Hand()).tell(Note(f"##[{text}"))
    line = tape.getvalue()
    assert line.isascii() and not ESCAPES.search(line) and line.count("\n") == 1 and "##[" not in line
    parsed = json.loads(line)["text"]
    parsed.encode()
    assert "\ufffd" in parsed or parsed == f"##[{text}"


# streams that break, threads, terminals


class Broken(Tape):
    """A stream whose other end is gone."""

    def __init__(self, fd: int, error: type[Exception]) -> None:
        super().__init__(fd)
        self.error = error

    def write(self, text: str) -> int:
        raise self.error("gone")


@pytest.mark.parametrize("mode", ["tty", "plain", "json", "none"])
@pytest.mark.parametrize("error", [BrokenPipeError, OSError, ValueError, BlockingIOError, None])
def test_a_broken_stderr_stops_nothing(mode: Mode, error: type[Exception] | None, terminal: int) -> None:
    """Whatever happens to stderr, every method returns."""
    stream = Tape(terminal) if error is None else Broken(terminal, error)
    if error is None:
        stream.close()
    tally, event = started()
    with open_view(Style(mode, True, False), tally, stream) as view:
        for told in (event, Retrying(1, 1, 1.0, "x"), Waiting(1.0, "x"), Note("n"), Finishing()):
            view.tell(told)
        view.message("m", "error")
        view.progress_line()
        view.result({})
        view.exit_(1, "internal", "m", False)
    view.message("after", "error")


@pytest.mark.parametrize("mode", ["tty", "plain", "json", "none"])
def test_many_threads_lose_no_line(mode: Mode, terminal: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What eight threads tell arrives whole, also when two of them close the view, once and again."""
    monkeypatch.setattr(base, "_PATIENCE", LONG)
    tape = Tape(terminal)
    tally, event = started()
    view = open_view(Style(mode, False, False), tally, tape)

    def speak() -> None:
        for number in range(50):
            view.message(f"line {number}")

    with view:
        view.tell(event)
        threads = [threading.Thread(target=speak) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        closers = [threading.Thread(target=view.close) for _ in range(2)]
        for thread in closers:
            thread.start()
        for thread in closers:
            thread.join()
    view.message("line last")
    assert len(re.findall(r"line \d+", tape.getvalue())) == 400
    assert tape.getvalue().count("line last") == 1
    assert not [thread for thread in threading.enumerate() if thread.name == "vidup-view"]


def test_a_full_pipe_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that stops reading neither blocks a worker's `tell` nor the end of the program; what waited is there when it reads again."""
    monkeypatch.setattr(base, "_PATIENCE", 0.05)
    reading, writing = os.pipe()
    stream = os.fdopen(writing, "w", encoding="utf-8")
    view = open_view(Style("json", False, False), Tally(), stream)
    with view:
        for _ in range(2000):
            view.tell(Note("x" * 200))
    assert base.stderr_is_stuck()
    seen = bytearray()

    def read_to_the_end() -> None:
        while block := os.read(reading, 1 << 20):
            seen.extend(block)

    reader = threading.Thread(target=read_to_the_end)
    reader.start()
    for thread in threading.enumerate():
        if thread.name == "vidup-view":
            thread.join()
    view.exit_(0, "ok", "", False)
    stream.close()
    reader.join()
    os.close(reading)
    kinds = [json.loads(line)["type"] for line in seen.splitlines()]
    assert kinds == ["note"] * 2000 + ["exit"]


def test_the_view_draws_by_itself(terminal: int) -> None:
    """Inside `with` the view's own thread paints, without anybody calling it."""
    tape = Tape(terminal)
    tally, event = started()
    drawn = threading.Event()

    class Watched(TerminalView):
        def beat(self) -> None:
            super().beat()
            if "parts  5/62" in tape.getvalue():
                drawn.set()

    with Watched(Style("tty", False, False), tally, tape, time.monotonic, time.time) as view:
        view.tell(event)
        finish(tally, 5)
        assert drawn.wait(LONG)


def test_several_files_one_after_the_other(terminal: int) -> None:
    """A second file begins its own block and its own measuring."""
    resize(terminal, 80)
    tape, hand = Tape(terminal), Hand()
    tally, event = started()
    view = view_of("tty", tally, tape, hand)
    view.tell(event)
    finish(tally, 62)
    view.beat()
    view.result({})
    view.message("Uploaded holiday.mp4")
    assert not any(screen_of(tape, 80)[1:])
    tally.begin(PartBook(Plan(GIB, 7)))
    view.tell(Started("b.mp4", GIB, 7, Plan(GIB, 7).part_size, 4, "api.video", "vi2", "u2", 0))
    rows = screen_of(tape, 80)[1:]
    assert rows[0] == "b.mp4 → api.video  vi2" and "  0%" in rows[1] and rows[2] == "parts 0/7 ·······  0 active"


CHILD = """
import sys
from vidup.events import Started
from vidup.progress.choice import Style
from vidup.progress.views import open_view
from vidup.upload.tally import Tally
with open_view(Style("tty", True, False), Tally(), sys.stderr) as view:
    view.tell(Started("a.mp4", 1, 1, 1, 1, "api.video", "vi1", "k1", 0))
    print("result", flush=True)
    sys.stdin.readline()
    raise SystemExit(3)
"""


def test_a_real_terminal_is_left_as_it_was() -> None:
    """A program that ends by an exception amid the live block takes the block away, and never hid the cursor."""
    root = str(Path(__file__).parents[2])
    environ = {**os.environ, "PYTHONPATH": root, "TERM": "xterm"}
    child = pexpect.spawn(sys.executable, ["-c", CHILD], env=cast(Any, environ), dimensions=(24, 80), encoding="utf-8", timeout=LONG)
    child.expect("parts 0/1")
    shown = f"{child.before}{child.after}"
    child.sendline("")
    child.expect(pexpect.EOF)
    child.close()
    shown += str(child.before)
    assert shown.rfind("\x1b[2K") > shown.rfind("parts 0/1") > -1
    assert "\x1b[?25" not in shown
    assert child.exitstatus == 3


def test_rich_is_only_loaded_to_draw() -> None:
    """Lines, events and silence, and even a terminal view that has nothing to draw, do without 40 ms of imports."""
    program = (
        "import io, sys\nfrom vidup.progress.choice import Style\nfrom vidup.progress.views import open_view\nfrom vidup.upload.tally import Tally\n"
        "for mode in ('tty', 'plain', 'json', 'none'):\n"
        "    open_view(Style(mode, False, False), Tally(), io.StringIO()).message('x', 'error')\n"
        "sys.exit('rich' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], timeout=LONG).returncode == 0


def test_on_a_terminal_the_start_line_is_folded(terminal: int) -> None:
    """TERM=dumb, or --progress plain: no line is wider than the terminal, and both ids stay whole."""
    resize(terminal, 80)
    tape, hand = Tape(terminal), Hand()
    tally, event = started()
    view_of("plain", tally, tape, hand).tell(event)
    first, second = tape.lines()
    assert max(len(first), len(second)) < 80
    assert "vidup: uploading holiday.mp4" in first and second.endswith("vi4blUQJFrYWbaG44NChkH27, upload id k3f9")
