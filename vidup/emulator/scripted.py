"""EMULATOR: what a scripted fault answers with, and how it spoils an answer."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Final

from vidup.emulator.answers import HTML, JSON, Answer, Problem, Refused, html_answer, json_answer, refused_for, row
from vidup.emulator.faults import Fault
from vidup.emulator.limits import MAX_PARTS, MIB

HUGE: Final = 64 * MIB
"""Bytes of `body=huge`."""

_TYPICAL: Final = {
    400: "invalid-attribute",
    401: "authentication-invalid-access-token",
    403: "authorization-suspended-account",
    404: "resource-not-found",
    405: "method-not-allowed",
    429: "too-many-requests",
    500: "server-error",
}
"""The documented error that `status=` alone stands for; every other status comes from something in between, as HTML."""

_FIXED: Final = {"empty": b"", "garbage": bytes(range(256)), "array": b"[]"}

_ABOUT_THE_PART: Final = ("part-already-sent", "total-parts-too-low")
_ABOUT_THE_LIMIT: Final = ("part-too-high-allowed", "total-parts-too-high")


def answer_of(fault: Fault, part: int | None, total: int | None) -> Answer:
    """What this fault answers in the API's place; `part` and `total` fill the placeholder of a documented detail."""
    status = fault.status or fault.early
    if fault.redirect:
        answer = Answer(302, b"", HTML, (("Location", fault.redirect),))
    elif fault.error:
        answer = _documented(fault, part, total)
    elif status is None:
        answer = html_answer(503) if fault.retry_after is None else Refused("too-many-requests").answer()
    elif status in _TYPICAL:
        answer = Refused(_TYPICAL[status]).answer()
    else:
        answer = json_answer(status, {}) if status < 300 else html_answer(status)
    if fault.retry_after is not None:
        seconds = str(math.ceil(fault.retry_after))
        answer = answer.with_headers((("Retry-After", seconds), ("X-RateLimit-Retry-After", seconds)))
    return answer


def _documented(fault: Fault, part: int | None, total: int | None) -> Answer:
    slug = fault.error
    if fault.about:
        return refused_for((Problem(slug, fault.about, f'The "{fault.about}" attribute is not valid.'),)).answer()
    number = part if slug.endswith(_ABOUT_THE_PART) else MAX_PARTS if slug.endswith(_ABOUT_THE_LIMIT) else total
    detail = row(slug).detail
    return Refused(slug, detail=detail if number is None else detail.replace("X", str(number))).answer()


def spoil(answer: Answer, kind: str) -> Answer:
    """The same answer with the body that `body=` asks for; an empty kind changes nothing."""
    if kind == "html":
        return replace(answer, body=html_answer(answer.status).body, content_type=HTML)
    if kind == "truncated":
        return replace(answer, cut=True)
    if kind == "huge":
        return replace(answer, body=b'{"padding":"' + b"x" * HUGE + b'"}', content_type=JSON)
    if kind == "no-id":
        return replace(answer, body=_no_id(answer), content_type=JSON)
    return replace(answer, body=_FIXED[kind], content_type=JSON) if kind else answer


def _no_id(answer: Answer) -> bytes:
    try:
        value = json.loads(answer.body)
    except ValueError:
        value = {}
    return json.dumps({name: item for name, item in value.items() if name != "videoId"}).encode()
