"""From pasted text to a row of the table: slugs, links, messages with numbers in them, and misprints."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import vidup
from vidup.upload.exchange import Verb
from vidup.verdicts.explaining import find_rules
from vidup.verdicts.rules import TABLE

PART = "video-content-range-by-part-"


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("uploaded-file-empty", "uploaded-file-empty"),
        ("UPLOADED-FILE-EMPTY", "uploaded-file-empty"),
        ("https://docs.api.video/reference/uploaded-file-empty", "uploaded-file-empty"),
        ("https://docs.api.video/docs/filealreadyuploaded", "video-source-already-uploaded"),
        ("he uploaded file is too small", PART + "uploaded-file-too-small"),
        ("The uploaded file is too small.", PART + "uploaded-file-too-small"),
        ("the uploadd file is too large", "uploaded-file-too-large"),
        ("The part number 12 has already been sent.", PART + "part-already-sent"),
        ('The "total_parts" you already set for this video is 7.', PART + "different-total-parts"),
        ("The video vi4blUQJFrYWbaG44NChkH27 has already been uploaded.", "video-source-already-uploaded"),
        ("The size of the file you sent is 10 bytes but the range length you set is 20.", "video-content-range-by-bytes-range-mismatch"),
        ('{"type":"https://docs.api.video/reference/resource-not-found","title":"x","status":404}', "resource-not-found"),
        ("12:04:40 HTTP 400: the api key is invalid.", "authentication-invalid-api-key"),
        ("part 9: Too many requests. (again)", "too-many-requests"),
        ("no-answer", "no-answer"),
        ("429", "too-many-requests"),
        ("part 3: HTTP 503, retry 1 in 0.1 s", "server-error"),
        ("127.0.0.1:80 refused the connection", "no-answer"),
        ("unable to get local issuer certificate", "certificate-not-trusted"),
        ("Logging in failed", "request-refused"),
        ("Gave up after 4 s in which nothing moved", "gave-up"),
        ("changed since", "file-changed"),
        ("chnged while it was being sent", "file-changed"),
        ("part-already-sent", PART + "part-already-sent"),
        ("part-alredy-sent", PART + "part-already-sent"),
        ("uploaded-file-to-large", "uploaded-file-too-large"),
    ],
)
def test_pasted_text_finds_its_row(text: str, slug: str) -> None:
    """As it was seen, with the number filled in, a letter wrong or missing, or inside a log line."""
    assert slug in [rule.slug for rule in find_rules(TABLE, text)]


@pytest.mark.parametrize("text", ["", "   ", "...", "the moon is made of cheese", "file", "error 400", "part", "\x1b[31m"])
def test_text_of_no_row_finds_none(text: str) -> None:
    """Better no answer than a wrong one."""
    assert find_rules(TABLE, text) == []


def test_a_title_that_stands_twice_finds_both_rows() -> None:
    """Without its detail nobody can tell."""
    title = 'The "part" value in the "Content-Range" header is higher than the maximum number of parts allowed for a video.'
    assert {rule.slug for rule in find_rules(TABLE, title)} == {PART + "part-too-high-allowed", PART + "part-too-high-total"}


def _messages() -> Iterator[str]:
    """The `what` of every error that the program makes, with something in each place that differs."""
    for path in Path(vidup.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
                place = {"VidupError": 1, "FileChanged": 1, "Busy": 1, "refused": 1, "gave_up": 1, "Refused": 2, "Homeless": 1}.get(
                    call.func.id
                )
                if place is not None and len(call.args) > place and (text := _text(call.args[place])).replace("x1", "").strip():
                    yield text


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return "".join(_text(piece) or "x1" for piece in node.values) if isinstance(node, ast.JoinedStr) else ""


@pytest.mark.parametrize("message", sorted({*_messages(), *(verb.value.format("x1") for verb in Verb)}))
def test_what_vidup_says_itself_is_found(message: str) -> None:
    """The README sends whoever reads a message to `vidup explain`."""
    assert find_rules(TABLE, message), message
    assert find_rules(TABLE, f"✗ Could not upload movie.mp4: {message}")


@pytest.mark.parametrize("status", [400, 401, 404, 500])
def test_a_status_alone_finds_all_that_it_may_stand_for(status: int) -> None:
    """As a log has it, where nothing else was told."""
    found = find_rules(TABLE, f"HTTP {status}")
    assert all(rule.status == status or status in rule.statuses for rule in found)
    assert TABLE.by_status(status) in found
