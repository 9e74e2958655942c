"""The last words of an upload: over every kind of failure they say what failed, why in the words of whoever refused, and what to do."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from vidup.console.summary import failure_lines, success_lines
from vidup.errors import ExitCode, VidupError
from vidup.plan.parts import MIB
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
    error = refused(Action(Do.END, rule, reply), "Part 3 of 5 was refused", 10 * MIB)
    lines = failure_lines(report(error, error.code), "the environment variable VIDUP_API_KEY")
    text = "\n".join(lines)
    assert lines[0] == "Could not upload movie.mp4: Part 3 of 5 was refused"
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
    assert lines[0].startswith("Interrupted: movie.mp4" if signalled else "Could not upload movie.mp4: It failed")
    again = code.resumable and code is not ExitCode.BUSY
    assert lines[-1] == ("→ Continue with: vidup resume k3f9abcd" if again else "→ Do this.")
    assert signalled or "  no reason" in lines


def test_every_error_that_vidup_raises_names_the_next_step() -> None:
    """No VidupError is made without an advice."""
    made = [
        (path.name, call.lineno)
        for path in ROOT.rglob("*.py") if path.name not in ("errors.py", "report.py")
        for call in ast.walk(ast.parse(path.read_text())) if isinstance(call, ast.Call)
        if isinstance(call.func, ast.Name) and call.func.id in ("VidupError", "FileChanged", "Busy")
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
        ({"parts_sent": 5}, "Uploaded movie.mp4: 50.0 MiB, 5 parts in 5 s (10.0 MiB/s)"),
        ({"parts_sent": 3, "parts_skipped": 2, "retries": 9, "parts_again": 1}, "Uploaded movie.mp4: 50.0 MiB; 3 of 5 parts now, in 5 s (10.0 MiB/s), 1 sent again"),
        ({"parts_sent": 1, "total_parts": 1}, "Uploaded movie.mp4: 50.0 MiB in 5 s (10.0 MiB/s)"),
    ],
)  # fmt: skip
def test_time_and_speed_belong_to_this_run(numbers: dict[str, int], said: str) -> None:
    """After a resume the summary does not claim the whole size for the time of the rest."""
    good = report(None, ExitCode.OK, "uploaded")._replace(seconds=5.0, bytes_sent=50 * MIB, **numbers)  # type: ignore[arg-type]
    assert success_lines(good)[0] == said
