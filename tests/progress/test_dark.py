"""A view that fails goes dark: nobody who tells it anything hears of it, and what people and programs must be told still comes."""

from __future__ import annotations

import io
import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from tests.conftest import LONG, MIB, Cli
from tests.console.test_outcomes import SMALL, checked
from tests.progress.test_progress import Hand, Tape, resize, screen_of, started, view_of
from vidup.emulator.server import Emulator
from vidup.events import Finishing, Note, Retrying, Waiting
from vidup.progress.base import View
from vidup.progress.choice import Mode, Style
from vidup.progress.plain import PlainView, SilentView
from vidup.progress.stream import StreamView
from vidup.progress.view import TerminalView
from vidup.progress.views import open_view

VIEWS: dict[Mode, type[View]] = {"tty": TerminalView, "plain": PlainView, "json": StreamView, "none": SilentView}
Patch = pytest.MonkeyPatch


def fail(*_: object, **__: object) -> NoReturn:
    raise ValueError("cannot convert float NaN to integer")


def tell_all(view: View) -> None:
    """Everything that a view can be told, as an upload and a signal tell it."""
    for event in (started()[1], Retrying(1, 1, 1.0, "x"), Waiting(1.0, "x"), Note("a note"), Finishing()):
        view.tell(event)
    view.progress_line()
    view.message("it came to this", "error")
    view.result({"status": "uploaded"})
    view.settle()
    view.exit_(0, "ok", "uploaded", False)


def assert_told(mode: Mode, tape: Tape) -> None:
    """The note, the message, and for programs the result and the exit; the fault in one line, and nothing live after it."""
    shown = tape.getvalue()
    assert [shown.count(text) for text in ("a note", "it came to this", "the display failed (ValueError)")] == [1, 1, 1]
    assert "Traceback" not in shown
    if mode == "json":
        kinds = [json.loads(line)["type"] for line in tape.lines()]
        assert kinds[-2:] == ["result", "exit"] and not {"progress", "retry", "wait"} & set(kinds)


@pytest.mark.parametrize("mode", VIEWS)
@pytest.mark.parametrize("broken", ["_reading", "_shown"])
def test_a_fault_in_what_is_shown_stays_there(mode: Mode, broken: str, terminal: int, monkeypatch: Patch) -> None:
    """Also in the caller's own thread, which a conductor or a signal handler may be."""
    monkeypatch.setattr(VIEWS[mode], broken, fail)
    tape = Tape(terminal)
    tell_all(view_of(mode, started()[0], tape, Hand()))
    assert_told(mode, tape)


@pytest.mark.parametrize("mode", VIEWS)
def test_the_thread_of_a_view_outlives_its_faults(mode: Mode, terminal: int, monkeypatch: Patch) -> None:
    """Inside `with`, too: the beat fails in the view's own thread, which goes on to show what it is told."""
    failed = threading.Event()

    def fail_and_say(*_: object) -> NoReturn:
        failed.set()
        fail()

    monkeypatch.setattr(VIEWS[mode], "beat_every", 0.001)
    monkeypatch.setattr(VIEWS[mode], "beat", fail_and_say)
    tape = Tape(terminal)
    with open_view(Style(mode, False, False), started()[0], tape) as view:
        assert failed.wait(LONG)
        tell_all(view)
    assert_told(mode, tape)


def test_the_block_of_a_display_that_fails_goes_away(terminal: int, monkeypatch: Patch) -> None:
    """No stale bar stands above the summary."""
    resize(terminal, 80)
    tape, (tally, event) = Tape(terminal), started()
    view = view_of("tty", tally, tape, Hand())
    view.tell(event)
    monkeypatch.setattr("vidup.progress.view.frame", fail)
    tell_all(view)
    assert screen_of(tape, 80)[:3] == ["! the display failed (ValueError); the upload goes on without it", "a note", "✗ it came to this"]


def test_a_terminal_that_rich_cannot_draw_on_gets_plain_lines(terminal: int, monkeypatch: Patch) -> None:
    """The very message at which it fails comes out all the same, on a line of its own."""
    resize(terminal, 80)
    tape, (tally, event) = Tape(terminal), started()
    view = view_of("tty", tally, tape, Hand())
    view.tell(event)
    monkeypatch.setattr("rich.console.Console.print", fail)
    view.message("it came to this", "error")
    assert tape.lines()[-2:] == ["! the display failed (ValueError); the upload goes on without it", "✗ it came to this"]


def test_quiet_is_quiet_also_about_its_own_faults(monkeypatch: Patch) -> None:
    """Only errors pass."""
    tape = io.StringIO()
    view = open_view(Style("none", False, True), started()[0], tape)
    monkeypatch.setattr(PlainView, "_reading", fail)
    tell_all(view)
    assert tape.getvalue() == "error: it came to this\n"


BREAK = """
import vidup.progress.base
def fail(*_):
    raise ValueError("cannot convert float NaN to integer")
vidup.progress.base.View._reading = fail
"""


@pytest.fixture
def broken(tmp_path: Path) -> dict[str, str]:
    """The environment in which every view fails when it reads the numbers."""
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "sitecustomize.py").write_text(BREAK)
    return {"PYTHONPATH": str(tmp_path / "broken")}


def test_an_upload_ends_well_without_its_display(
    broken: dict[str, str], emulator: Emulator, video: Callable[..., Path], vidup: Cli
) -> None:
    """0, the object on stdout, the events that a program waits for, and no traceback."""
    report, events = checked(vidup("upload", video(12 * MIB), *SMALL, emulator=emulator, env=broken), 0)
    assert report["status"] == "uploaded"
    assert [event["text"] for event in events if event["type"] == "note"] == [
        "the display failed (ValueError); the upload goes on without it"
    ]
    done = vidup("upload", video(12 * MIB, "b.mp4", 2), emulator=emulator, env=broken)
    assert (done.returncode, done.stdout.strip() in emulator.videos) == (0, True)
    assert "Uploaded b.mp4" in done.stderr and "Traceback" not in done.stderr


def test_a_signal_ends_an_upload_without_its_display(
    broken: dict[str, str], emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli
) -> None:
    """143, the object, and the command that continues."""
    emulator = emulate(faults=["part=*,times=*:slow=1M"])
    process = vidup.start("upload", video(40 * MIB), "--json", emulator=emulator, env=broken)
    assert emulator.wait_until(lambda: emulator.payload_bytes() > MIB, LONG)
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=LONG)
    assert (process.returncode, json.loads(stdout)["status"]) == (-signal.SIGTERM, "interrupted")
    assert "Continue with" in stderr and "Traceback" not in stderr
