"""Every sentence that vidup says is found by `vidup explain`, and leads to its own row: collected from the source, where it is said."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

import vidup
from vidup.console.summary import stopping_lines, undelivered_lines
from vidup.errors import ExitCode
from vidup.events import LineDown, LineUp, Resumed
from vidup.progress.words import down_line, down_state, resumed_line, up_line
from vidup.upload.outcome import Report
from vidup.verdicts.explaining import find_rules
from vidup.verdicts.judge import Rule
from vidup.verdicts.own import OWN
from vidup.verdicts.rules import TABLE

ROOT = Path(vidup.__file__).parent
TOLD = {"UsageError": 0, "BadParameter": 0, "Note": 0, "message": 0}
"""Calls that tell people something, and which argument holds the words."""


class Said(NamedTuple):
    """A sentence in the source, with x1 for what differs; `under` is the sentence that a cause stands under."""

    text: str
    codes: frozenset[str]
    under: str = ""


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _text(node: ast.expr | None) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(piece.value if isinstance(piece, ast.Constant) and isinstance(piece.value, str) else "x1" for piece in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _codes(node: ast.expr) -> frozenset[str]:
    """The exit codes that this argument may be, where it names them."""
    held = [one for one in ast.walk(node) if isinstance(one, ast.Attribute)]
    return frozenset(one.attr for one in held if isinstance(one.value, ast.Name) and one.value.id == "ExitCode")


def _said(tree: ast.AST) -> Iterator[Said]:
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        places = [place for place, node in enumerate(call.args[:3]) if _codes(node)]
        if places and len(call.args) > places[0] + 1:
            codes, what = _codes(call.args[places[0]]), _text(call.args[places[0] + 1])
            yield Said(what, codes)
            causes = [keyword.value for keyword in call.keywords if keyword.arg == "cause"]
            yield from (Said(_text(cause), codes, what) for cause in causes)
        elif _name(call) in TOLD and len(call.args) > TOLD[_name(call)]:
            usage = frozenset({"USAGE"}) if _name(call) in ("UsageError", "BadParameter") else frozenset({"OK"})
            yield Said(_text(call.args[TOLD[_name(call)]]), usage)


@cache
def _sentences() -> tuple[Said, ...]:
    found = {said for path in ROOT.rglob("*.py") if path.parent.name != "emulator" for said in _said(ast.parse(path.read_text()))}
    return tuple(
        sorted((said for said in found if said.text.replace("x1", "").strip(" :;,.\"'")), key=lambda said: (said.text, said.under))
    )


def _found(text: str) -> list[Rule]:
    return find_rules(TABLE, text)


def test_the_source_is_full_of_sentences() -> None:
    """So that nobody's refactoring leaves the tests below with nothing to look at."""
    assert len(_sentences()) > 60
    assert {code for said in _sentences() for code in said.codes} >= {"USAGE", "FILE", "AUTH", "REJECTED", "AGAIN", "BUSY", "UNKNOWN", "OK"}


@pytest.mark.parametrize("said", _sentences(), ids=lambda said: said.text[:40])
def test_what_vidup_says_leads_to_its_own_row(said: Said) -> None:
    """To one of them, whose exit code is the one that comes with the sentence; pasted as it was shown, too."""
    (rule,) = _found(said.text)
    assert rule in OWN or rule.slug == "too-many-requests"
    told = {ExitCode[code] for code in said.codes}
    assert not told or rule.exit_code in told or said.text in LATER
    if not said.under and ExitCode.OK not in told:
        assert _found(f"✗ Could not upload /tmp/movie.mp4: {said.text}") == [rule]
    if said.under:
        assert _found(said.under) == [rule]
    elif ExitCode.OK in told:
        assert _found(f"warning: {said.text}") == [rule]


LATER = {
    "Not forgotten, for another vidup is at it now: x1", "There are x1 interrupted uploads; name one, or continue them all:\nx1",
    "the record of an earlier upload of this file is damaged and cannot be used; beginning anew",
    "Gave up after x1 in which the rate limit let nothing through",
}  # fmt: skip
"""Sentences whose exit code is another than that of the row that explains them best."""

REPORT = Report(status="interrupted", exit_code=ExitCode.SIGINT, file="movie.mp4", video_id="vi4blUQJFrYWbaG44NChkH27")


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        (down_state(LineDown("x", 5.0, 900.0, lost=True), 42.0, 5.0), "line-is-down"),
        (down_state(LineDown("x", 5.0, 900.0, lost=False), 42.0, 0.0), "line-is-down"),
        ("nothing is being sent now", "waiting-for-the-server"), ("no connection 0:42", "line-is-down"), ("server in trouble", "line-is-down"),
        (down_line(LineDown("x", 5.0, 900.0, lost=True, address="http://x"), None), "line-is-down"),
        (down_line(LineDown("x", 5.0, math.inf, lost=True), None), "line-is-down"),
        (up_line(LineUp(60.0, lost=True)), "line-is-down"), (up_line(LineUp(60.0, lost=False)), "line-is-down"),
        (resumed_line(Resumed(3, 9, "server")), "goes-on-from-before"), (resumed_line(Resumed(3, 9, "journal")), "goes-on-from-before"),
        *((line, "interrupted") for answers in (0, 1, 4) for line in stopping_lines(REPORT, 5.0, answers)),
        (undelivered_lines(REPORT, "vidup upload movie.mp4")[0], "result-not-shown"),
        ("movie.mp4 was uploaded 2 min ago as vi4blUQJFrYWbaG44NChkH27;", "begins-anew"), ("this is a second video", "begins-anew"),
        ("movie.mp4 has changed since its upload was completed as vi1; uploading it anew", "begins-anew"),
        ("The state folder /x/y cannot be read", "state-folder-not-usable"), ("The record /x/y.jsonl cannot be read", "record-not-usable"),
        ("The record k3f9 is damaged: it does not tell its video", "record-not-usable"),
        ("The API key file /k cannot be read", "no-usable-key"), ("The key kept in /k cannot be read", "no-usable-key"),
        ("The key file /k cannot be written", "output-not-writable"), ("/x/movie.mp4 cannot be read", "file-not-usable"),
        ("no way to localhost: the proxy http://p answered CONNECT with 403 Filtered", "proxy-refuses"),
        ("no way to localhost: the proxy http://p answered CONNECT with 407 Proxy Authentication Required", "proxy-wants-password"),
        ("no way to localhost: the proxy http://p answered CONNECT with 502 Bad Gateway", "no-answer"),
        ("the certificate of localhost is not trusted: self-signed certificate (trusted: the certificates of this system)", "certificate-not-trusted"),
        ("the certificate of x cannot be accepted: certificate has expired", "certificate-out-of-date"),
        ("the certificate of x cannot be accepted: Hostname mismatch, certificate is not valid for 'x'.", "certificate-for-another-name"),
        ('HTTP 200, but not the API\'s answer: "Please log in to the WLAN"', "answer-broken"),
    ],
)  # fmt: skip
def test_what_is_put_together_from_pieces_leads_to_its_own_row(text: str, slug: str) -> None:
    """The state of the line, the words at a signal, and those that hold the network's."""
    assert [rule.slug for rule in _found(text)] == [slug]


def test_no_phrase_of_one_row_stands_in_another() -> None:
    """Each phrase finds the row that it stands in."""
    for rule in OWN:
        for phrase in rule.titles:
            assert rule in _found(phrase.replace("…", "x1")), phrase
