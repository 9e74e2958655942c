"""Foreign text can neither drive a terminal, nor forge a line of a log, nor command a CI runner."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidup.inert import github_escape, inert, json_line

HOSTILE = st.text(alphabet=st.one_of(st.characters(), st.sampled_from(":#[\x1b\x9b\r\n\t \u202e\u2066\udc80")))


@given(HOSTILE, st.integers(1, 50))
def test_nothing_unseen_survives_and_the_limit_holds(text: str, limit: int) -> None:
    """Whatever comes in, one line of visible characters within the limit comes out."""
    shown = inert(text, limit)
    assert len(shown) <= limit
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


@given(HOSTILE)
def test_a_runner_reads_no_command(text: str) -> None:
    """Neither `::` after leading blanks nor `##[` anywhere is left for a CI runner."""
    shown = inert(text)
    assert not shown.strip().startswith("::")
    assert "##[" not in shown


@given(HOSTILE)
def test_inert_text_is_left_alone(text: str) -> None:
    """Making text inert twice changes nothing more, so rooms need not know what others did."""
    assert inert(inert(text)) == inert(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("holiday 2026 – été 日本 👩‍👩‍👧.mp4", "holiday 2026 – été 日本 👩‍👩‍👧.mp4"),
        ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
        ("\x9b31mred\x7f", "\\x9b31mred\\x7f"),
        ("a\u202egpj.mp4", "a\\u202egpj.mp4"),
        ("caf\udce9.mp4", "caf\\udce9.mp4"),
        ("one\r\n\ttwo\u2028three", "one two\\u2028three"),
        ("::error::x", ": :error::x"),
        ("  ::error::x", "  : :error::x"),
        ("\n::error::x", " : :error::x"),
        (":::", ": ::"),
        ("say ##[error] and ###[x", "say # #[error] and ## #[x"),
        ("[/x] :smile:", "[/x] :smile:"),
        ("", ""),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    """Names that people use stay as they are, and each hostile one shows what it tried."""
    assert inert(text) == shown


def test_a_long_text_is_cut() -> None:
    """A page of text ends in an ellipsis at the limit, also when its first part collapses to little."""
    assert inert("x" * 400) == "x" * 299 + "…"
    assert inert("x" * 300) == "x" * 300
    assert inert("\n" * 10_000 + "end", 10) == " …"


@given(HOSTILE, st.booleans())
def test_an_annotation_can_be_read_back(text: str, is_property: bool) -> None:
    """The escaped form is one line without separators, and undoing it gives the text again."""
    escaped = github_escape(text, is_property)
    assert "\n" not in escaped and "\r" not in escaped
    assert not is_property or not set(escaped) & set(":,")
    for sign, code in ((",", "%2C"), (":", "%3A")) if is_property else ():
        escaped = escaped.replace(code, sign)
    assert escaped.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%") == text


def test_json_of_inert_text_needs_no_care() -> None:
    """Inert text can be encoded as UTF-8, which a raw undecodable file name cannot."""
    assert json.loads(json.dumps(inert("\udcff"))).encode() == b"\\udcff"


def test_a_number_that_is_none_becomes_null() -> None:
    """Python reads NaN, Infinity and 1e400 in a server's answer, and would write what no other parser takes."""
    assets = json.loads('{"a": NaN, "b": [Infinity, {"c": -Infinity}], "d": 1e400, "e": 1e300, "f": "NaN"}')
    assert json_line({"assets": assets}) == '{"assets": {"a": null, "b": [null, {"c": null}], "d": null, "e": 1e+300, "f": "NaN"}}'
