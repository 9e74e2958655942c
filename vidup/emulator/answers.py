"""EMULATOR: one answer as a value, and the documented refusals built from the rows of the error table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final

from vidup.verdicts.judge import DOCS, Rule
from vidup.verdicts.rules import TABLE

_WITHOUT_PAGE: Final = ("parameter-out-of-range",)
"""Documented by its example alone: the error has no page, so its body has no `type`."""

JSON: Final = "application/json"
HTML: Final = "text/html; charset=UTF-8"

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body and headers of one answer. `cut` breaks it off after half of its body."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: Headers = ()
    cut: bool = False

    def with_headers(self, headers: Headers) -> Answer:
        """The same answer with these headers; a name said twice keeps its first value."""
        names = {name.lower() for name, _ in self.headers}
        return replace(self, headers=self.headers + tuple(pair for pair in headers if pair[0].lower() not in names))


def reason(status: int) -> str:
    """The usual words for a status, also for those only a CDN sends."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def json_answer(status: int, value: object) -> Answer:
    """An answer whose body is this value as JSON."""
    return Answer(status, json.dumps(value, ensure_ascii=False).encode())


def html_answer(status: int) -> Answer:
    """What a proxy or a CDN in between answers with."""
    text = f"{status} {reason(status)}"
    page = f"<html>\r\n<head><title>{text}</title></head>\r\n<body>\r\n<center><h1>{text}</h1></center>\r\n</body>\r\n</html>\r\n"
    return Answer(status, page.encode(), HTML)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a request: the row that documents it, the attribute, what in particular, and the range it must lie in."""

    slug: str
    name: str = ""
    detail: str = ""
    bounds: Mapping[str, int] = field(default_factory=dict)


def row(slug: str) -> Rule:
    """The documented row of this slug; KeyError for a slug that no server sends."""
    rule = TABLE.rule(slug)
    if rule is None or rule.status is None:
        raise KeyError(slug)
    return rule


class Refused(Exception):
    """Raised anywhere in a request to answer it with a documented error.

    `x` fills the placeholder of the row's own detail; `detail` replaces it. Several problems are listed, the first stands on top.
    """

    def __init__(self, slug: str, *, name: str = "", detail: str = "", x: int | None = None, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(slug)
        self.slug = slug
        self.name = name
        self.problems = problems
        self.detail = detail or (row(slug).detail.replace("X", str(x)) if x is not None else "")

    def answer(self) -> Answer:
        """The error as api.video sends it."""
        rule = row(self.slug)
        status = rule.status or 500
        body: dict[str, object] = {**_kind(rule), "status": status}
        if status != 429:  # the recorded 429 has nothing else
            body["name"] = self.name
            if self.detail:
                body["detail"] = self.detail
            if self.problems:
                body |= {"range": dict(self.problems[0].bounds)} if self.problems[0].bounds else {}
                body["problems"] = [_problem(problem) for problem in self.problems]
        return json_answer(status, body)


def refused_for(problems: tuple[Problem, ...]) -> Refused:
    """The refusal that lists these problems, the first one on top as api.video does."""
    first = problems[0]
    return Refused(first.slug, name=first.name, detail=first.detail, problems=problems)


def _kind(rule: Rule) -> dict[str, str]:
    title = {"title": rule.title}
    return title if rule.slug in _WITHOUT_PAGE else {"type": DOCS + rule.slug, **title}


def _problem(problem: Problem) -> dict[str, object]:
    entry: dict[str, object] = {**_kind(row(problem.slug)), "name": problem.name}
    entry |= {"detail": problem.detail} if problem.detail else {}
    return entry | ({"range": dict(problem.bounds)} if problem.bounds else {})
