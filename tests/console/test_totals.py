"""What many files came to, in the words of the summary, and in which order results go out."""

from __future__ import annotations

import io
import sys

import pytest

from vidup.console.outlet import Outlet
from vidup.console.totals import Totals, summary_lines
from vidup.errors import ExitCode, VidupError
from vidup.upload.outcome import Report

MIB = 1024 * 1024


def good(name: str = "a.mp4", **more: object) -> Report:
    return Report(
        "uploaded", f"/films/{name}", ExitCode.OK, video_id=f"vi{name}", bytes_sent=10 * MIB, parts_sent=1, size=10 * MIB
    )._replace(**more)  # type: ignore[arg-type]


def bad(
    name: str, what: str = "it was refused", code: ExitCode = ExitCode.REJECTED, *, cause: str = "HTTP 400", all_: bool = False
) -> Report:
    error = VidupError(code, what, cause=cause, advice="Check the file.", concerns_all=all_)
    return Report("failed", f"/films/{name}", code, error=error, resumable=code.resumable)


def added(*reports: Report) -> Totals:
    totals = Totals(len(reports))
    for number, report in enumerate(reports):
        totals.add(number, report)
    return totals


def test_all_well_is_one_line() -> None:
    """How many, how much, how long, how fast."""
    assert summary_lines(added(good(), good("b.mp4")), 4.0, "vidup upload") == ["Uploaded 2 of 2 files: 20.0 MiB in 4.0 s (5.0 MiB/s)"]


def test_what_failed_alike_is_told_together_with_one_action() -> None:
    """Three names and a number; what is a file's own stands alone."""
    totals = added(good(), *(bad(f"{n}.mp4") for n in range(5)), bad("gone.mp4", "/films/gone.mp4 does not exist", ExitCode.FILE, cause=""))
    assert summary_lines(totals, 0.5, "vidup upload") == [
        "Uploaded 1 of 7 files: 10.0 MiB in 0.5 s",
        "  6 failed",
        "  0.mp4, 1.mp4, 2.mp4 and 2 more: it was refused",
        "    HTTP 400",
        "  → Check the file.",
        "  gone.mp4: it does not exist",
        "  → Check the file.",
    ]


def test_what_concerns_all_is_not_told_again() -> None:
    """It was told in full when it happened."""
    totals = added(good(), *(bad(f"{n}.mp4", "The key is refused", ExitCode.AUTH, all_=True) for n in range(40)))
    assert summary_lines(totals, 0.5, "vidup upload")[1:] == ["  40 failed"]


def test_the_command_that_continues_is_the_last_line() -> None:
    """If anything can be continued; what was interrupted has not failed."""
    stopped = Report("interrupted", "/films/c.mp4", ExitCode.SIGINT, resumable=True)
    lines = summary_lines(added(good(), stopped, stopped), 0.5, "vidup upload *.mp4")
    assert lines[1:] == ["  2 are not uploaded yet; what was sent is safe", "→ Continue with: vidup upload *.mp4"]
    assert summary_lines(added(good(), bad("b.mp4", code=ExitCode.AGAIN)), 0.5, "vidup x")[-1] == "→ Continue with: vidup x"
    assert "Continue" not in summary_lines(added(good(), bad("b.mp4")), 0.5, "vidup x")[-1]


def test_no_more_failures_are_listed_than_anybody_reads() -> None:
    """The others are counted; each was told when it happened."""
    lines = summary_lines(added(*(bad(f"{n}.mp4", f"reason {n}") for n in range(30)), good()), 0.5, "vidup upload")
    assert lines[-1] == "  and 20 more, each told above" and len(lines) == 2 + 10 * 3 + 1


def test_a_name_in_the_summary_does_nothing() -> None:
    """It is shown inert."""
    assert "\x1b" not in "".join(summary_lines(added(good(), bad("\x1b[31m::error::.mp4")), 0.5, "vidup upload"))


def test_a_video_that_does_not_play_is_on_the_server_all_the_same() -> None:
    """Its id counts, its code does, too, and it is not among those that failed."""
    error = VidupError(ExitCode.AGAIN, "it is not playable yet", advice="Look again later.")
    totals = added(good(), good("b.mp4", error=error, exit_code=ExitCode.AGAIN))
    assert (totals.video_ids(), totals.failed, totals.code(None)) == (["via.mp4", "vib.mp4"], 0, ExitCode.AGAIN)
    assert summary_lines(totals, 0.5, "vidup x")[1:] == [
        "  1 is on the server, whole, but cannot be played",
        "  b.mp4: it is not playable yet",
        "  → Look again later.",
    ]


def test_the_ids_are_in_the_order_given() -> None:
    """Whatever was done first."""
    totals = Totals(3)
    for number, name in ((2, "c"), (0, "a"), (1, "b")):
        totals.add(number, good(name))
    assert totals.video_ids() == ["via", "vib", "vic"] and totals.message() == "3 of 3 uploads are complete"


def test_a_command_of_thousands_of_names_is_not_repeated() -> None:
    """Nor a part of it, which would upload a part of them."""
    stopped = Report("interrupted", "/films/c.mp4", ExitCode.SIGINT, resumable=True)
    lines = summary_lines(added(good(), stopped), 0.5, "vidup upload " + "a.mp4 " * 1000)
    assert lines[-1] == "→ To continue, run the same command again."


def test_a_line_waits_for_those_before_it(capsys: pytest.CaptureFixture[str]) -> None:
    """And then goes out with them; a file of which nothing is printed holds up nobody."""
    outlet = Outlet()
    assert (outlet.put(2, "c"), outlet.put(1, ""), capsys.readouterr().out) == ([], [], "")
    assert (outlet.put(0, "a"), capsys.readouterr().out) == ([0, 1, 2], "a\nc\n")
    assert (outlet.put(3, "d"), outlet.turn, outlet.held(3)) == ([3], 4, None)


def test_a_stdout_that_broke_is_not_written_to_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has no line is out; what has one never will be."""

    class Broken(io.StringIO):
        writes = 0

        def write(self, text: str) -> int:
            Broken.writes += 1
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Broken())
    monkeypatch.setattr("vidup.console.results._silence_stdout", lambda: None)
    outlet = Outlet()
    assert (outlet.put(0, "a"), outlet.put(1, ""), outlet.put(2, "c")) == ([], [1], [])
    assert outlet.broken and Broken.writes == 1 and outlet.turn == 3


def test_a_signal_amid_a_write_finds_the_line_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is heard just after the write: the turn is over by then."""
    outlet = Outlet()
    turns = []

    class Slow(io.StringIO):
        def write(self, text: str) -> int:
            turns.append(outlet.turn)
            return len(text)

    monkeypatch.setattr(sys, "stdout", Slow())
    outlet.put(0, "a")
    assert turns[0] == 1
