"""The decision table, against literals: what each documented message makes vidup do stands here a second time, written by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidup.verdicts.judge import Reply, normalise, slug_of
from vidup.verdicts.rules import DOCUMENTED, TABLE

BY_PART = "video-content-range-by-part-"

UPLOAD_ERRORS = [
    # the table of "Video Upload Errors": message, slug, verdict, exit code when it ends the upload
    ("The uploaded file is empty.", "uploaded-file-empty", "abort", 6),
    ("The uploaded file is invalid.", "uploaded-file-invalid-file", "abort", 6),
    ("There are more than one uploaded file in the request.", "uploaded-file-multiple-files", "abort", 6),
    ("There is no uploaded file in the request.", "uploaded-file-no-file", "retry", 6),
    ("The uploaded file is too large.", "uploaded-file-too-large", "abort", 6),
    (
        "This video source has already been copied from an existing video when the video was created.",
        "video-source-already-copied", "abort", 6,
    ),
    ("This video source has already been downloaded when the video was created.", "video-source-already-downloaded", "abort", 6),
    ("This video source has already been uploaded.", "video-source-already-uploaded", "resume", 6),
]  # fmt: skip

BY_PART_ERRORS = [
    # the table of "Progressive Upload Errors - Content Range By Part": message, detail, slug, verdict, exit code
    (
        'The "total_parts" value in the "Content-Range" header must be the same than the one you already set for this video.',
        'The "total_parts" you already set for this video is 7.', "different-total-parts", "resume", 6,
    ),
    (
        'The "part" value in the "Content-Range" header collides with a previous one you already sent for this video.',
        "The part number 3 has already been sent.", "part-already-sent", "resume", 6,
    ),
    (
        'The "part" value in the "Content-Range" header is higher than the maximum number of parts allowed for a video.',
        'The "part" value in the "Content-Range" header is higher than the maximum number of parts allowed for a video. '
        "The maximum number of parts allowed for a video is 10000.", "part-too-high-allowed", "abort", 6,
    ),
    (
        'The "part" value in the "Content-Range" header is higher than the maximum number of parts allowed for a video.',
        "The maximum number of parts allowed for a video is 7.", "part-too-high-total", "resume", 6,
    ),
    ('The "part" value in the "Content-Range" header must be greater than 0.', "", "part-zero", "abort", 6),
    (
        'The "total_parts" value in the "Content-Range" header is higher than the maximum number of parts allowed for a video.',
        "The maximum number of parts allowed is 10000.", "total-parts-too-high", "abort", 6,
    ),
    (
        'The "total_parts" value in the "Content-Range" header is lower than or equal to a part number you already sent for this video.',
        "", "total-parts-too-low", "resume", 6,
    ),
    ('The "total_parts" value in the "Content-Range" header must be greater than 0.', "", "total-parts-zero", "abort", 6),
    ("he uploaded file is too small.", "", "uploaded-file-too-small", "abort", 6),
]  # fmt: skip

OTHER_ROWS = [
    # slug, status, verdict, exit code: the rest of the documented errors
    ("authentication-invalid-api-key", 401, "abort", 4),
    ("authentication-invalid-user-credentials", 400, "abort", 4),
    ("authentication-invalid-access-token", 401, "retry", 4),
    ("authentication-invalid-refresh-token", 401, "retry", 4),
    ("authentication-invalid-upload-token", 401, "abort", 4),
    ("authentication-invalid-authorization-header-value", 401, "abort", 4),
    ("authentication-missing-authorization-header", 401, "abort", 4),
    ("authentication-missing-upload-token", 401, "abort", 4),
    ("authorization-suspended-account", 403, "abort", 4),
    ("invalid-attribute", 400, "abort", 6),
    ("attribute-required", 400, "abort", 6),
    ("invalid-query-parameter", 400, "abort", 6),
    ("invalid-payload", 400, "abort", 6),
    ("webhook-limit-reached", 400, "abort", 6),
    ("resource-not-found", 404, "abort", 5),
    ("unrecognized-request-url", 404, "abort", 6),
    ("method-not-allowed", 405, "abort", 6),
    ("too-many-requests", 429, "retry", 75),
    ("summary-already-exists", 409, "abort", 6),
    ("uploaded-file-extension-invalid", 400, "abort", 6),
    ("video-content-range-started-with-part", 400, "abort", 6),
    ("video-content-range-started-with-bytes", 400, "abort", 6),
    ("video-content-range-malformed", 400, "abort", 6),
    ("video-content-range-already-initiated", 400, "resume", 6),
    *(
        (f"video-content-range-by-bytes-{name}", 400, "abort", 6)
        for name in (
            "different-total-bytes", "from-byte-too-high", "range-mismatch", "range-overlap", "range-too-large", "range-too-small",
            "to-byte-too-high-allowed", "to-byte-too-high-total", "total-bytes-too-high", "total-bytes-too-low", "total-bytes-zero",
        )
    ),
]  # fmt: skip

STATUSES = [
    # answers that nobody documented: status, verdict, exit code
    *((status, "retry", 75) for status in (408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 507, 599)),
    (401, "retry", 4), (407, "abort", 7), (413, "abort", 6), (404, "abort", 6), (405, "abort", 6), (301, "abort", 6), (302, "abort", 6),
    (307, "abort", 6), (308, "abort", 6), (400, "abort", 6), (402, "abort", 6), (403, "abort", 6), (409, "abort", 6), (418, "abort", 6),
    (422, "abort", 6), (451, "abort", 6),
]  # fmt: skip

FAILURES = [
    ("no-answer", "retry", 75), ("answer-lost", "resume", 75), ("certificate-not-trusted", "abort", 7), ("proxy-wants-password", "abort", 7),
    ("proxy-unusable", "abort", 7), ("proxy-refuses", "abort", 7), ("certificate-out-of-date", "abort", 7),
    ("certificate-for-another-name", "abort", 7), ("page-wants-password", "abort", 6),
]  # fmt: skip


def judged(reply: Reply) -> tuple[str, str, int]:
    rule = TABLE.judge(reply)
    return rule.slug, rule.verdict.value, int(rule.exit_code)


@pytest.mark.parametrize(("message", "slug", "verdict", "code"), UPLOAD_ERRORS)
def test_each_row_of_the_upload_error_map_decides(message: str, slug: str, verdict: str, code: int) -> None:
    """The message alone, without a `type`, is enough."""
    assert judged(Reply(status=400, title=message)) == (slug, verdict, code)


@pytest.mark.parametrize(("message", "detail", "slug", "verdict", "code"), BY_PART_ERRORS)
def test_each_row_of_the_by_part_error_map_decides(message: str, detail: str, slug: str, verdict: str, code: int) -> None:
    """Message and detail alone are enough; the title that stands twice is told apart by its detail."""
    assert judged(Reply(status=400, title=message, detail=detail)) == (BY_PART + slug, verdict, code)


@pytest.mark.parametrize(("message", "detail", "slug", "verdict", "code"), BY_PART_ERRORS)
def test_a_slug_beats_a_wrong_title(message: str, detail: str, slug: str, verdict: str, code: int) -> None:
    """Titles drift, slugs do not."""
    assert judged(Reply(status=400, slug=BY_PART + slug, title="The uploaded file is empty.")) == (BY_PART + slug, verdict, code)


@pytest.mark.parametrize(("slug", "status", "verdict", "code"), OTHER_ROWS)
def test_each_other_documented_error_decides(slug: str, status: int, verdict: str, code: int) -> None:
    """By the slug of its `type`."""
    assert judged(Reply(status=status, slug=slug)) == (slug, verdict, code)


def test_no_documented_error_is_without_a_literal_here() -> None:
    """A row added to the program must be added to this file, by hand."""
    here = {row[1] for row in UPLOAD_ERRORS} | {BY_PART + row[2] for row in BY_PART_ERRORS} | {row[0] for row in OTHER_ROWS}
    assert {rule.slug for rule in DOCUMENTED} - here == {"server-error", "parameter-out-of-range"}
    assert len(DOCUMENTED) == 54


@pytest.mark.parametrize(("status", "verdict", "code"), STATUSES)
def test_an_undocumented_answer_is_judged_by_its_status(status: int, verdict: str, code: int) -> None:
    """Its words are nobody's row."""
    assert judged(Reply(status=status, title="This is a teapot."))[1:] == (verdict, code)


@pytest.mark.parametrize(("status", "verdict", "code"), STATUSES)
def test_a_4xx_without_words_may_stand_for_a_part_that_is_stored(status: int, verdict: str, code: int) -> None:
    """A proxy's HTML or nothing at all: asked about, unless the status alone tells enough."""
    tells = verdict != "abort" or code != 6 or status in (404, 405, 413) or not 400 <= status < 500
    assert judged(Reply(status=status, text="<html>"))[1:] == ((verdict, code) if tells else ("resume", 6))


@pytest.mark.parametrize(("failure", "verdict", "code"), FAILURES)
def test_the_lack_of_an_answer_decides_too(failure: str, verdict: str, code: int) -> None:
    """Refused, lost, untrusted, or stopped by a proxy."""
    assert judged(Reply(failure=failure))[1:] == (verdict, code)


def test_a_promised_body_is_accepted_and_another_asks_first() -> None:
    """A 2xx whose body is not what was promised may hide a stored part."""
    assert TABLE.judge(Reply(status=201, promised=True)).verdict.value == "accept"
    assert TABLE.judge(Reply(status=201, promised=False)).verdict.value == "resume"


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("The source of the video is already uploaded.", "video-source-already-uploaded"),
        ("The video vi4blUQJFrYWbaG44NChkH27 has already been uploaded.", "video-source-already-uploaded"),
        ("There is more than one uploaded file in the request.", "uploaded-file-multiple-files"),
        ("The requested resource was not found.", "resource-not-found"),
        ("The requested resource could not be found.", "resource-not-found"),
        ("The uploaded file is too small.", BY_PART + "uploaded-file-too-small"),
        ('The "part" value in the "Content-Range" header is higher than the "total_parts" value you set for this video.', BY_PART + "part-too-high-total"),
        ('The "total_parts" value in the "Content-Range" header must be the same as the one you already set for this video.', BY_PART + "different-total-parts"),
        ('This "Content-Range" upload has been started with "bytes", you cannot continue it with "part"', "video-content-range-started-with-bytes"),
        ("An attribute is invalid.", "invalid-attribute"),
        ("  the UPLOADED   file is “too large”  ", "uploaded-file-too-large"),
        ("he uploaded file is empty", "uploaded-file-empty"),
        ("Too many requests", "too-many-requests"),
        ("Server error", "server-error"),
        ('The value of the "Content-Range" header is malformed, the expected format is "bytes `from_byte`-`to_byte`/`total_bytes`" or "part `part`/`total_parts`".', "video-content-range-malformed"),
    ],
)  # fmt: skip
def test_known_drift_of_titles_is_recognised(title: str, slug: str) -> None:
    """Other wordings, case, quotes, spaces, a lost full stop, a lost first letter, a video id in the middle."""
    assert TABLE.judge(Reply(status=400, title=title)).slug == slug


@pytest.mark.parametrize(
    ("link", "slug"),
    [
        ("https://docs.api.video/reference/uploaded-file-empty", "uploaded-file-empty"),
        ("https://docs.api.video/docs/filealreadyuploaded", "video-source-already-uploaded"),
        ("https://docs.api.video/docs/resourcenot_found", "resource-not-found"),
        ("https://docs.api.video/docs/authenticationinvalid_credentials", "authentication-invalid-user-credentials"),
        ("https://docs.api.video/docs/attributeinvalid/", "invalid-attribute"),
        ("https://docs.api.video/reference/bad-request?x=1#top", "invalid-payload"),
        ("https://docs.api.video/docs/multiplefilesuploaded", "uploaded-file-multiple-files"),
        ("https://docs.api.video/docs/filemissing", "uploaded-file-no-file"),
    ],
)
def test_new_and_old_link_forms_name_the_same_error(link: str, slug: str) -> None:
    """The last segment of `type`, wherever it points."""
    assert TABLE.judge(Reply(status=400, slug=slug_of(link))).slug == slug


def test_a_server_cannot_name_a_row_of_our_own() -> None:
    """A `type` that ends in the name of a network failure is an undocumented error like any other."""
    assert TABLE.judge(Reply(status=400, slug="answer-lost")).verdict.value == "abort"
    assert TABLE.judge(Reply(status=400, slug="accepted")).verdict.value == "abort"


def test_the_machine_readable_facts_agree_with_the_table() -> None:
    """Where the shared facts are at hand, every documented slug, title, variant and old link leads to its row."""
    facts = Path(__file__).parents[3] / "shared" / "error-map.json"
    if not facts.exists():
        pytest.skip("the shared facts are not beside this checkout")
    for fact in json.loads(facts.read_text()):
        slug = fact.get("slug")
        if slug is None:
            continue
        found = TABLE.rule(slug)
        assert found is not None and found.status in (fact.get("status"), 400)
        assert {normalise(t) for t in (fact["title"], *fact.get("title_variants", []))} <= {normalise(t) for t in found.titles}
        assert all(TABLE.rule(slug_of(link)) is found for link in fact.get("type_url_aliases", []))


@given(st.integers(100, 999), st.text(max_size=20), st.text(max_size=60), st.text(max_size=60), st.booleans())
def test_every_conceivable_answer_gets_a_verdict(status: int, slug: str, title: str, detail: str, promised: bool) -> None:
    """There is no answer that vidup has no row for."""
    assert TABLE.judge(Reply(status=status, slug=slug, title=title, detail=detail, promised=promised)).does
