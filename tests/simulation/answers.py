"""Replies as the transport would build them: documented refusals, promised bodies, and what is left of an answer that got hurt."""

from __future__ import annotations

from vidup.verdicts.judge import RateLimit, Reply
from vidup.verdicts.rules import TABLE

_NO_LIMIT = RateLimit()


def refused(slug: str, detail: str = "", date: float | None = None) -> Reply:
    """The documented error of this slug; `detail` replaces the documented one, whose X stands for a number."""
    rule = TABLE.rule(slug)
    assert rule is not None, f"no page documents {slug}"
    return Reply(status=rule.status, slug=slug, title=rule.title, detail=detail or rule.detail, date=date)


def good(status: int, body: dict[str, object] | None, date: float | None = None) -> Reply:
    """A 2xx with what the reference promises."""
    return Reply(status=status, promised=True, body=body, date=date)


def broken(status: int) -> Reply:
    """A 2xx whose body is not what was promised, or cut; also a 204 to whom a body was promised."""
    return Reply(status=status)


def bare(status: int, text: str = "") -> Reply:
    """A status without an error object: empty, or the text of a page of HTML."""
    return Reply(status=status, text=text)


def unanswered(all_out: bool, words: str) -> Reply:
    """No answer: `all_out` tells whether a whole body had gone out, which the server may have stored."""
    return Reply(failure="answer-lost" if all_out else "no-answer", text=words)


def too_many(limit: int | None, wait: float, date: float | None = None) -> Reply:
    """A 429 that says when to come back, with the headers of the limit where there is one."""
    rate = _NO_LIMIT if limit is None else RateLimit(limit, 0, wait)
    return refused("too-many-requests", date=date)._replace(retry_after=wait, rate=rate)
