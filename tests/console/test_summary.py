"""The last words of an upload: over every kind of failure they say what failed, why in the words of whoever refused, and what to do."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from vidup.commands.upload import upload
from vidup.console.retyping import status_command
from vidup.console.summary import failure_lines, success_lines
from vidup.errors import ExitCode, VidupError
from vidup.plan.parts import MIB, Plan
from vidup.upload.acting import Action, Do
from vidup.upload.outcome import Report, refused
from vidup.verdicts.judge import Reply, Rule, Verdict
from vidup.verdicts.rules import TABLE

ROOT = Path(__file__).parents[2] / "vidup"
REFUSALS = [rule for rule in TABLE.rules if rule.verdict is not Verdict.ACCEPT]


def report(error: VidupError | None, code: ExitCode, status: str = "failed") -> Report:
    command = "vidup resume k3f9abcd" if code.resumable else None
    return Report(
        status, "/films/movie.mp4", code, upload_id="k3f9abcd", video_id="vi1", size=50 * MIB, part_size=10 * MIB, total_parts=5, parts_done=2,
        resumable=code.resumable, resume_command=command, error=error,
    )  # fmt: skip


@pytest.mark.parametrize("rule", REFUSALS, ids=lambda rule: rule.slug)
def test_every_documented_error_is_told_whole(rule: Rule) -> None:
    """What, the server's own words, where the key came from if it is the key, and as the last line the action, filled in."""
    reply = Reply(status=rule.status, slug=rule.slug, title=rule.title, detail=rule.detail, text="" if rule.status else "reset by peer")
    error = refused(Action(Do.END, rule, reply), "Part 3 of 5 was refused", Plan(50 * MIB, 5))
    lines = failure_lines(report(error, error.code), "the environment variable VIDUP_API_KEY")
    text = "\n".join(lines)
    assert lines[0] == "Could not upload /films/movie.mp4: Part 3 of 5 was refused"
    assert (rule.title if rule.status else "reset by peer") in text and rule.detail in text
    assert ("came from the environment variable VIDUP_API_KEY" in text) == (error.code is ExitCode.AUTH)
    assert lines[-1].startswith("→ ") and len(lines[-1]) > 10
    assert "{" not in text
    assert ("vidup resume k3f9abcd" in lines[-1]) == error.code.resumable
    assert "2 of 5 parts (20.0 MiB of 50.0 MiB) are safe" in text


@pytest.mark.parametrize("code", list(ExitCode))
def test_every_exit_code_ends_with_an_action(code: ExitCode) -> None:
    """Whatever failed, the last line is what to do next; what can be continued is told with its command."""
    if code is ExitCode.OK:
        assert "\n".join(success_lines(report(None, code, "uploaded"))).startswith("movie.mp4 is already on the server")
        return
    signalled = code >= 128
    error = None if signalled else VidupError(code, "It failed", cause="no reason", advice="Do this.")
    lines = failure_lines(report(error, code, "interrupted" if signalled else "failed"))
    assert lines[0].startswith("Interrupted: movie.mp4" if signalled else "Could not upload /films/movie.mp4: It failed")
    again = code.resumable and code is not ExitCode.BUSY
    assert lines[-1] == ("→ Continue with: vidup resume k3f9abcd" if again else "→ Do this.")
    assert signalled or "  no reason" in lines


def test_every_error_that_vidup_raises_names_the_next_step() -> None:
    """No VidupError is made without an advice."""
    made = [
        (path.name, call.lineno)
        for path in ROOT.rglob("*.py") if path.name not in ("errors.py", "report.py")
        for call in ast.walk(ast.parse(path.read_text())) if isinstance(call, ast.Call)
        if isinstance(call.func, ast.Name) and call.func.id in ("VidupError", "NotThisFile", "FileChanged", "Busy")
        if not any(keyword.arg == "advice" for keyword in call.keywords)
    ]  # fmt: skip
    assert made == []


@pytest.mark.parametrize("public", [True, False])
def test_the_links_of_a_private_video_are_not_told(public: bool) -> None:
    """They carry a token."""
    links: dict[str, object] = {"player": "https://p/token", "hls": "https://h/token"}
    good = report(None, ExitCode.OK, "uploaded")._replace(public=public, parts_sent=5, assets=links)
    assert ("token" in "\n".join(success_lines(good))) == public


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"parts_sent": 5}, "Uploaded movie.mp4: 50.0 MiB, 5 parts in 5.0 s (10.0 MiB/s)"),
        ({"parts_sent": 3, "parts_skipped": 2, "retries": 9, "parts_again": 1}, "Uploaded movie.mp4: 50.0 MiB; 3 of 5 parts now, in 5.0 s (10.0 MiB/s), 1 sent again"),
        ({"parts_sent": 1, "total_parts": 1}, "Uploaded movie.mp4: 50.0 MiB in 5.0 s (10.0 MiB/s)"),
    ],
)  # fmt: skip
def test_time_and_speed_belong_to_this_run(numbers: dict[str, int], said: str) -> None:
    """After a resume the summary does not claim the whole size for the time of the rest."""
    good = report(None, ExitCode.OK, "uploaded")._replace(seconds=5.0, bytes_sent=50 * MIB, **numbers)  # type: ignore[arg-type]
    assert success_lines(good)[0] == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.04, "in 0.0 s"), (0.44, "in 0.4 s"), (9.94, "in 9.9 s (5.0 MiB/s)"), (9.96, "in 10 s (5.0 MiB/s)")]
)
def test_a_short_run_claims_no_speed(seconds: float, said: str) -> None:
    """Under ten seconds a tenth counts; under one what passed is mostly the start, and bytes over it would be no speed of the line."""
    good = report(None, ExitCode.OK, "uploaded")._replace(seconds=seconds, bytes_sent=50 * MIB, parts_sent=1, total_parts=1)
    assert success_lines(good)[0] == f"Uploaded movie.mp4: 50.0 MiB {said}"


def test_the_summary_leads_on() -> None:
    """Its last line is the command that shows what becomes of the video."""
    good = report(None, ExitCode.OK, "uploaded")._replace(parts_sent=5, seconds=20.0)
    assert success_lines(good, "vidup status vi1 --sandbox")[-1] == "→ See the encoding: vidup status vi1 --sandbox"


@pytest.mark.parametrize(
    ("words", "env", "url", "command"),
    [
        (["movie.mp4"], {}, "https://ws.api.video", "vidup status vi1"),
        (["movie.mp4", "--sandbox"], {}, "https://sandbox.api.video", "vidup status vi1 --sandbox"),
        (["movie.mp4"], {"VIDUP_SANDBOX": "1"}, "https://sandbox.api.video", "vidup status vi1"),
        (["m", "--base-url", "https://a b", "--api-key-file", "k"], {}, "https://a b", "vidup status vi1 --base-url 'https://a b' --api-key-file k"),
        (["m", "--api-key-file", "-"], {"VIDUP_BASE_URL": "https://a"}, "https://a", "vidup status vi1"),
    ],
)  # fmt: skip
def test_the_command_that_leads_on_asks_the_same_server(
    words: list[str], env: dict[str, str], url: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what was given on the command line; what the environment says holds for it anyway."""
    monkeypatch.setattr("vidup.console.retyping.program", lambda: ["vidup"])
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert status_command(upload.make_context("upload", words), url, "vi1") == command


def test_the_file_of_a_failure_is_named_once_and_as_it_was_given() -> None:
    """Not "x: x does not exist", nor by its last component."""
    error = VidupError(ExitCode.FILE, "dist/movie.mp4 does not exist", advice="Check the path.")
    lines = failure_lines(Report("failed", "dist/movie.mp4", ExitCode.FILE, error=error))
    assert lines[0] == "Could not upload dist/movie.mp4: it does not exist"


def test_what_concerns_all_is_not_told_as_of_the_file_it_stands_beside() -> None:
    """The manifest may be called as a video is; `it` would be the video then."""
    error = VidupError(ExitCode.USAGE, "c.mp4 is not a manifest of vidup", advice="Name another file with --manifest.", concerns_all=True)
    assert (
        failure_lines(Report("failed", "c.mp4", ExitCode.USAGE, error=error))[0]
        == "Could not upload c.mp4: c.mp4 is not a manifest of vidup"
    )
