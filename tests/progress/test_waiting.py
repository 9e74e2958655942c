"""What is seen while nothing moves: the line that is down, and what everything waits for before there is any progress."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.progress.test_progress import Body, Hand, Tape, objects, resize, screen_of, started, view_of
from vidup.events import Awaiting, LineDown, LineUp
from vidup.progress.choice import Mode
from vidup.progress.words import down_line

REFUSED = "127.0.0.1:18090 refused the connection"
SCHEMA = json.loads((Path(__file__).parent.parent / "schema.json").read_text())


def test_an_outage_is_one_line_and_a_field_of_the_block(terminal: int) -> None:
    """What failed, for how long it is tried and what is safe; then how long it lasts and when the next try comes; then that it is over."""
    resize(terminal, 100)
    tape, hand = Tape(terminal), Hand()
    tally, event = started(20, 200 * 1024**2, "movie.mp4", done=4)
    view = view_of("tty", tally, tape, hand)
    view.tell(event)
    view.tell(LineDown(REFUSED, 1.0, 900.0, lost=True))
    for second in range(42):
        hand.time += 1
        view.tell(LineDown(REFUSED, 5.0, 899.0 - second, lost=True))
    view.beat()
    rows = screen_of(tape, 100)
    assert rows[0] == f"! {REFUSED}: trying again for up to 15 min; 4 of 20 parts are safe"
    assert rows[1].startswith("movie.mp4 →") and rows[2].endswith("no connection 0:42, next try in 5 s") and not any(rows[4:])
    hand.time += 5
    view.beat()
    assert screen_of(tape, 100)[2].endswith("no connection 0:47, trying now")
    view.tell(LineUp(47.0, lost=True))
    view.beat()
    rows = screen_of(tape, 100)
    assert rows[1] == "the connection is back after 47 s"
    assert "connection" not in "".join(rows[2:])


@pytest.mark.parametrize("columns", [12, 24, 40, 60, 80, 120])
@pytest.mark.parametrize("begun", [True, False])
def test_the_state_of_the_line_fits_any_width(columns: int, begun: bool, terminal: int) -> None:
    """Nothing wraps: the block stays where it is."""
    resize(terminal, columns)
    tape, hand = Tape(terminal), Hand()
    tally, event = started()
    view = view_of("tty", tally, tape, hand)
    view.tell(event if begun else Awaiting("connecting to a-very-long-name-of-a-server.example.com:8443: logging in"))
    view.tell(LineDown("x", 5.0, 900.0, lost=False))
    above = [row for row in screen_of(tape, columns) if row]
    for _ in range(3):
        hand.time += 1
        view.beat()
    assert len([row for row in screen_of(tape, columns) if row]) == (len(above) if begun else len(above) + 1)


@pytest.mark.parametrize(("columns", "lost"), [(24, True), *((columns, lost) for columns in (40, 60, 80, 120) for lost in (True, False))])
def test_the_block_says_at_every_width_that_the_line_is_down(columns: int, lost: bool, terminal: int) -> None:
    """And for how long; the next try only where there is room for it. On a terminal of 40 columns it used to be a bare per cent."""
    resize(terminal, columns)
    tape, hand = Tape(terminal), Hand()
    tally, event = started(20, 200 * 1024**2, "movie.mp4", done=4)
    view = view_of("tty", tally, tape, hand)
    view.tell(event)
    view.tell(LineDown("x", 47.0, 900.0, lost=lost))
    hand.time += 42
    view.beat()
    (bar,) = [row for row in screen_of(tape, columns) if "0:42" in row]
    assert bar.endswith(f"{'no connection' if lost else 'server in trouble'} 0:42" + ", next try in 5 s" * (columns >= 60))
    assert " 20%" in bar or columns == 24


@pytest.mark.parametrize(("columns", "lost"), [(24, True), *((columns, lost) for columns in (40, 60, 80, 120) for lost in (True, False))])
@pytest.mark.parametrize("host", ["x.io", "a-very-long-name-of-a-server.example.com:8443"])
def test_what_is_waited_for_is_cut_but_never_how_it_goes(columns: int, lost: bool, host: str, terminal: int) -> None:
    """And neither is wrapped by the `^C` that a terminal echoes."""
    resize(terminal, columns)
    tape, hand = Tape(terminal), Hand()
    tally, _event = started()
    view = view_of("tty", tally, tape, hand)
    view.tell(Awaiting(f"connecting to {host}: logging in"))
    hand.time += 83
    view.beat()
    assert screen_of(tape, columns)[0].endswith("  1:23")
    view.tell(LineDown("x", 47.0, 900.0, lost=lost))
    hand.time += 42
    view.beat()
    (line,) = [row for row in screen_of(tape, columns) if "0:42" in row]
    state = f"{'no connection' if lost else 'server in trouble'} 0:42"
    assert line.endswith((state, f"{state}, next try in 5 s")) and len(line) + len("^C^C") < columns
    assert line.startswith("con") or columns == 24


def test_a_log_has_one_line_a_minute_while_the_line_is_down() -> None:
    """And one when it goes down and one when it is back, however many tries fail in between."""
    tape, hand = Tape(), Hand()
    tally, event = started(20, 200 * 1024**2, "movie.mp4", done=4)
    view = view_of("plain", tally, tape, hand)
    view.tell(event)
    for _ in range(180):
        view.tell(LineDown(REFUSED, 1.0, 900.0, lost=True))
        hand.time += 1
        view.beat()
    view.tell(LineUp(180.0, lost=True))
    lines = [line.partition(" ")[2] for line in tape.lines()][1:]
    assert lines[0] == f"{REFUSED}: trying again for up to 15 min; 4 of 20 parts are safe"
    assert [line.partition("no connection ")[2] for line in lines[1:-1]] == ["1:00, trying now", "2:00, trying now", "3:00, trying now"]
    assert lines[-1] == "the connection is back after 3:00"


def test_a_person_sees_within_a_second_what_is_waited_for(terminal: int) -> None:
    """Never blank: the server and the question, with the seconds; what is answered at once is not shown, and progress takes its place."""
    resize(terminal, 80)
    tape, hand = Tape(terminal), Hand()
    tally, event = started()
    view = view_of("tty", tally, tape, hand)
    view.tell(Awaiting("connecting to ws.api.video: logging in"))
    view.beat()
    assert not tape.getvalue()
    hand.time += 1
    view.beat()
    assert screen_of(tape, 80)[0] == "connecting to ws.api.video: logging in  1 s"
    view.tell(LineDown("no", 5.0, 900.0, lost=True, address="https://ws.api.video"))
    hand.time += 2
    view.beat()
    rows = screen_of(tape, 80)
    assert rows[0] == "! no: trying again for up to 15 min; nothing has answered yet at"
    assert rows[1].strip() == "https://ws.api.video (--base-url)"
    assert rows[2] == "connecting to ws.api.video: logging in  no connection 0:02, next try in 3 s"
    view.tell(LineUp(2.0, lost=True))
    view.tell(event)
    rows = screen_of(tape, 80)
    assert rows[2] == "the connection is back after 2 s" and rows[3].startswith("holiday.mp4 →") and not any(rows[6:])


def test_a_log_says_within_ten_seconds_what_is_waited_for() -> None:
    """Then once a minute; a question that is asked again is no news, another one is."""
    tape, hand = Tape(), Hand()
    tally, _event = started()
    view = view_of("plain", tally, tape, hand)
    for _ in range(13):
        view.tell(Awaiting("connecting to ws.api.video: logging in"))
        for _ in range(10):
            hand.time += 1
            view.beat()
    view.tell(Awaiting("waiting for ws.api.video: creating the video"))
    for _ in range(9):
        hand.time += 1
        view.beat()
    assert [line.partition(" ")[2] for line in tape.lines()] == [
        "connecting to ws.api.video: logging in  5 s", "connecting to ws.api.video: logging in  1:05",
        "connecting to ws.api.video: logging in  2:05", "waiting for ws.api.video: creating the video  5 s",
    ]  # fmt: skip


def test_the_stream_tells_waits_that_the_schema_knows() -> None:
    """`wait` for a question that takes a second, once, and for each try that fails; a note when the line is back."""
    tape, hand = Tape(), Hand()
    tally, _event = started()
    view = view_of("json", tally, tape, hand)
    for _ in range(2):
        view.tell(Awaiting("connecting to ws.api.video: logging in"))
        for _ in range(3):
            hand.time += 1
            view.beat()
    view.tell(LineDown(REFUSED, 1.25, math.inf, lost=True))
    view.tell(LineDown("HTTP 503", 5.0, 900.0, lost=False))
    view.tell(LineUp(7.0, lost=False))
    told = objects(tape)
    for one in told:
        Draft202012Validator({**SCHEMA, "$ref": "#/$defs/event"}).validate(one)
    assert [(one["type"], one.get("seconds"), one.get("reason", one.get("text"))) for one in told] == [
        ("wait", 0, "connecting to ws.api.video: logging in"), ("wait", 1.25, f"no connection: {REFUSED}"),
        ("wait", 5.0, "server in trouble: HTTP 503"), ("note", None, "the server is back after 7 s"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("left", "words"), [(900.0, "for up to 15 min"), (899.2, "for up to 15 min"), (20.0, "for up to 20 s"), (7200.0, "for up to 2:00:00"), (math.inf, "until it answers")]
)  # fmt: skip
def test_the_patience_in_words(left: float, words: str) -> None:
    """As the user would say it, and no number where there is no end."""
    assert down_line(LineDown("x", 1.0, left, lost=True), None) == f"x: trying again {words}"


@pytest.mark.parametrize("mode", ["plain", "none", "tty"])
def test_a_look_before_the_start_tells_what_is_waited_for(mode: Mode, terminal: int) -> None:
    """From the first moment, and as a line that stays: SIGUSR1 is never answered with nothing."""
    tape, hand = Tape(terminal if mode == "tty" else None), Hand()
    view = view_of(mode, started()[0], tape, hand)
    view.progress_line()
    view.tell(Awaiting("connecting to ws.api.video: logging in"))
    view.progress_line()
    hand.time += 3
    view.tell(LineDown(REFUSED, 5.0, 900.0, lost=True, address="http://127.0.0.1:18090"))
    view.progress_line()
    shown = tape.getvalue()
    assert shown.count("nothing is being sent now\n") == 1
    assert "connecting to ws.api.video: logging in  0 s\n" in shown
    assert "connecting to ws.api.video: logging in  no connection 0:00, next try in 5 s\n" in shown


def test_a_look_before_the_start_is_an_event(terminal: int) -> None:
    """What is waited for, valid by the schema."""
    tape = Tape()
    view = view_of("json", started()[0], tape, Hand())
    view.progress_line()
    view.tell(Awaiting("connecting to ws.api.video: logging in"))
    view.progress_line()
    events = objects(tape)
    for event in events:
        Draft202012Validator({**SCHEMA, "$ref": "#/$defs/event"}).validate(event)
    assert [(event["type"], event["reason"]) for event in events] == [
        ("wait", "nothing is being sent now"),
        ("wait", "connecting to ws.api.video: logging in"),
    ]


@pytest.mark.parametrize("mode", ["plain", "none", "tty"])
def test_a_look_in_an_outage_names_it_and_no_rate(mode: Mode, terminal: int) -> None:
    """What moved a moment ago says nothing of now."""
    tape, hand = Tape(terminal if mode == "tty" else None), Hand()
    tally, event = started(20, 200 * 1024**2, "movie.mp4", done=4)
    view = view_of(mode, tally, tape, hand)
    view.tell(event)
    for part in range(5, 9):
        tally.sending(part, Body(10 * 1024**2, all_out=True))
        hand.time += 1
        view.beat()
        tally.done(part)
    view.progress_line()
    assert "MiB/s" in tape.getvalue()
    view.tell(LineDown(REFUSED, 5.0, 900.0, lost=True))
    view.progress_line()
    assert "40%  80.0 MiB/200.0 MiB  no connection 0:00, next try in 5 s\n" in tape.getvalue()
