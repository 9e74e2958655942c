"""From pasted text to a row of the table: slugs, links, messages with numbers in them, and misprints."""

from __future__ import annotations

import pytest

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
