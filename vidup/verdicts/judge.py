"""CORE: what an answer is (`Reply`), what a documented error makes vidup do (`Rule`), and the lookup from one to the other.

Rule 1: the words of an error are compared here and nowhere else in the program.
Rule 2: this file knows no row by name; the rows are data in `rules.py`, which `vidup explain` prints and the emulator answers from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from typing import Final, NamedTuple

from vidup.errors import ExitCode

DOCS: Final = "https://docs.api.video/reference/"
"""Where the `type` of a documented error points; the last path segment is the slug."""


class Verdict(Enum):
    """What vidup does about an answer to one request."""

    ACCEPT = "accept"
    RETRY = "retry"
    RESUME = "resume"
    ABORT = "abort"


class Then(Enum):
    """How a verdict is carried out."""

    GO_ON = "go on"
    BACK_OFF = "wait with backoff, then the same request again"
    PAUSE_ALL = "every worker waits as long as the server says"
    RENEW_TOKEN = "one new token for all workers, then the same request again"
    ASK_FOR_PART = "ask the status whether this part is stored"
    ASK_FOR_UPLOAD = "ask the status and plan the rest of the upload from it"
    STOP = "stop the whole upload"


class Problem(NamedTuple):
    """One entry of an error body's `problems` list."""

    name: str
    title: str
    detail: str = ""


class RateLimit(NamedTuple):
    """The X-RateLimit-* headers of one answer: requests a minute, requests left, seconds until the window resets."""

    limit: int | None = None
    remaining: int | None = None
    reset_after: float | None = None


class Reply(NamedTuple):
    """One answer, or the lack of one, reduced to what a decision needs.

    `failure` is the slug of a row of our own (`no-answer`, `answer-lost`, ...) when no HTTP answer was read, or one
    that is clearly not the API's (`page-wants-password`); `promised` says that a 2xx body was what the reference promises;
    `body` is the JSON object received, else empty; `text` is what a person may be shown when the body was not an error object
    (inert text is the display's business);
    `date` is the server's clock, in seconds since 1970.
    """

    status: int | None = None
    slug: str = ""
    title: str = ""
    detail: str = ""
    name: str = ""
    problems: tuple[Problem, ...] = ()
    failure: str = ""
    promised: bool = False
    body: dict[str, object] | None = None
    text: str = ""
    location: str = ""
    retry_after: float | None = None
    rate: RateLimit = RateLimit()
    date: float | None = None
    token: int = 0

    def with_token(self, serial: int) -> Reply:
        """The same reply, marked with the serial number of the token that its request carried."""
        return self._replace(token=serial)


class Rule(NamedTuple):
    """One row of the table: an error, its verdict, and what is said about it.

    `variants` are other titles seen for it, `aliases` other last segments of its `type`, `detail` the documented detail
    text with X and Y as placeholders. Where two rows share a title, `told_by` is the word that this row's detail holds.
    `statuses` lets the row judge answers that nobody documented. `at_most` limits a RETRY (0: only `--retry-for` does).
    `unreachable` says why an upload cannot meet the row. `holds` is what the server says it has already: a "part" or the "video".
    `mended_outside` marks a row after which the very same command may go on, once something outside vidup is put right.
    """

    slug: str
    status: int | None
    title: str
    verdict: Verdict
    then: Then
    does: str
    advice: str
    group: str
    variants: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    detail: str = ""
    told_by: str = ""
    statuses: frozenset[int] = frozenset()
    exit_code: ExitCode = ExitCode.REJECTED
    at_most: int = 0
    unreachable: str = ""
    holds: str = ""
    mended_outside: bool = False

    @property
    def titles(self) -> tuple[str, ...]:
        """Every title known for this row, the documented one first."""
        return (self.title, *self.variants)


def slug_of(type_link: str) -> str:
    """The last path segment of an error's `type`, in lower case; old and new link forms alike."""
    return re.split(r"[?#]", type_link)[0].rstrip("/").rpartition("/")[2].lower()


def normalise(text: str) -> str:
    """A title without what drifts between pages and payloads: case, quotes, escapes, spaces, the final full stop."""
    bare = re.sub(r"[\"'`´‘’“”„\\<>]", "", text.casefold())
    return " ".join(bare.split()).rstrip(" .")


def _pattern(known: str, placeholder: str) -> re.Pattern[str]:
    return re.compile(re.escape(normalise(known)).replace(placeholder, r"\S+"))


class Table:
    """The rows, indexed for `judge`. Built once, from the rows of `rules.py`."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules: Final = tuple(rules)
        self._by_slug = {slug: rule for rule in self.rules for slug in (rule.slug, *rule.aliases)}
        self._by_title: dict[str, list[Rule]] = {}
        self._patterns: list[tuple[re.Pattern[str], Rule]] = []
        for rule in self.rules:
            for title in rule.titles if rule.status is not None else ():  # no server says the words of our own rows
                self._by_title.setdefault(normalise(title), []).append(rule)
                if "xxxx" in title:
                    self._patterns.append((_pattern(title, "xxxx"), rule))
        for title, rules_of_title in list(self._by_title.items()):
            self._by_title.setdefault(title[1:], rules_of_title)  # the by-part page lost a first letter

    def rule(self, slug: str) -> Rule | None:
        """The row of this slug, of an alias of it, or None."""
        return self._by_slug.get(slug.lower())

    def by_title(self, title: str, detail: str = "") -> Rule | None:
        """The row of this title; one title belongs to two rows, which their detail tells apart."""
        key = normalise(title)
        if not key:
            return None
        rules = self._by_title.get(key) or [rule for pattern, rule in self._patterns if pattern.fullmatch(key)]
        words = re.findall(r"\w+", detail.replace(",", ""))
        told = [rule for rule in rules if rule.told_by in words] + [rule for rule in rules if not rule.told_by]
        return told[0] if told else None

    def by_status(self, status: int) -> Rule:
        """The row that judges an undocumented answer of this HTTP status."""
        return next(rule for rule in self.rules if status in rule.statuses)

    def judge(self, reply: Reply) -> Rule:
        """What to do about this reply: by slug, then by title (and detail), then by status alone."""
        if reply.failure or reply.status is None:
            return self._by_slug[reply.failure or "no-answer"]
        if 200 <= reply.status < 300:
            return self._by_slug["accepted" if reply.promised else "answer-broken"]
        known = self.rule(reply.slug) if reply.slug else None
        if known is None or known.status is None:  # a row of our own is never named by a server
            known = self.by_title(reply.title, reply.detail)
        if known is None and 400 <= reply.status < 500 and not _has_words(reply) and self.by_status(reply.status).slug == "undocumented":
            return self._by_slug["refused-without-words"]
        return known or self.by_status(reply.status)


def _has_words(reply: Reply) -> bool:
    """Whether the answer held an error object, be it one that nobody documented."""
    return bool(reply.slug or reply.title or reply.detail or reply.problems)
