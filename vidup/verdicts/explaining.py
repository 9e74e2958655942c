"""CORE: from text that somebody pasted to the rows it may mean: of the error table, or of what vidup itself says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Final

from vidup.verdicts.judge import Rule, Table, normalise, slug_of
from vidup.verdicts.own import NETWORK, OWN

_ALIKE: Final = 0.86
"""How alike two texts must be: a wrong letter or two passes, another sentence does not."""


def find_rules(table: Table, text: str) -> list[Rule]:
    """The rows that this slug, link, message, detail or JSON body names, best first; several only where the text fits them equally."""
    text = text.strip()
    if rule := table.rule(text) or table.rule(slug_of(text)):
        return [rule]
    if named := _named(table, text.lower()):
        return named
    if linked := [rule for slug in re.findall(r"/(?:reference|docs)/([\w-]+)", text) if (rule := table.rule(slug))]:
        return linked[:1]
    key = normalise(text)
    if not key:
        return []
    exact = [rule for rule in table.rules if any(_is(key, known) for known in _texts(rule))]
    if exact:
        return exact
    scored = [(max(_likeness(key, known) for known in _texts(rule)), rule) for rule in (*table.rules, *OWN)]
    best = max(score for score, _rule in scored)
    if best >= _ALIKE:
        return [rule for score, rule in scored if score == best]
    return _within(table, key) or _of_network(table, key) or _of_status(table, key) or _of_ours(key)


def _likeness(key: str, known: str) -> float:
    """How alike the two are, from 0 to 1; 0 where a glance at length and letters tells that it is not enough."""
    matcher = SequenceMatcher(None, key, known)
    return matcher.ratio() if matcher.real_quick_ratio() >= _ALIKE and matcher.quick_ratio() >= _ALIKE else 0.0


def _named(table: Table, word: str) -> list[Rule]:
    """Rows that one word names: a slug without its beginning, or with a letter or two wrong."""
    if not re.fullmatch(r"[a-z0-9_]+(-[a-z0-9_]+)+", word):
        return []
    rules = (*table.rules, *OWN)
    ends = [rule for rule in rules if f"-{rule.slug}".endswith(f"-{word}")]
    if ends:
        return ends
    alike = [(SequenceMatcher(None, word, name).ratio(), rule) for rule in rules for name in _tails(rule.slug)]
    best = max(score for score, _rule in alike)
    return list({rule.slug: rule for score, rule in alike if score == best}.values()) if best >= _ALIKE else []


def _tails(slug: str) -> list[str]:
    """The slug, and what is left of it without its first words, as long as that says enough."""
    words = slug.split("-")
    return ["-".join(words[start:]) for start in range(max(1, len(words) - 2))]


def _of_network(table: Table, key: str) -> list[Rule]:
    """The row of what the network or OpenSSL said."""
    held = {slug: length for slug, phrases in NETWORK.items() if (length := _longest(phrases, key))}
    return [rule for rule in table.rules if rule.slug in held and held[rule.slug] == max(held.values())]


def _of_status(table: Table, key: str) -> list[Rule]:
    """Every row that may stand behind an HTTP status, where the text gives no more than that."""
    told = re.search(r"\bhttp (\d{3})\b", key) or re.match(r"(\d{3})\b", key)
    status = int(told[1]) if told else 0
    return [rule for rule in table.rules if status and (rule.status == status or status in rule.statuses)]


def _of_ours(key: str) -> list[Rule]:
    """What vidup itself said: the row with the longest phrase that stands in the text, else the phrase that the text is a piece of."""
    framed = re.search(r"\bcould not upload\b[^:]*: (.+)", key)
    if framed and (inside := _of_ours(framed[1])):
        return inside
    held = [(length, rule) for rule in OWN if (length := _longest(rule.titles, key))]
    longest = max((length for length, _rule in held), default=0)
    if held:
        return [rule for length, rule in held if length == longest]
    piece = " " in key and len(key) > 8
    return [rule for rule in OWN if piece and any(key in normalise(phrase) for phrase in rule.titles)]


def _longest(phrases: Iterable[str], key: str) -> int:
    """Characters of the longest of these phrases that stands in the text, whatever stands where it has …; 0 for none."""
    patterns = {phrase: ".*".join(re.escape(normalise(piece)) for piece in phrase.split("…")) for phrase in phrases}
    return max((len(phrase) for phrase, pattern in patterns.items() if re.search(pattern, key)), default=0)


def _texts(rule: Rule) -> list[str]:
    return [normalise(text) for text in (*rule.titles, rule.detail) if text]


def _is(key: str, known: str) -> bool:
    """Whether the text is this one, with placeholders filled in, or without the first letter that a page lost."""
    pattern = re.sub(r"\b(xxxx|x|y)\b", r"[\\w,.]+", re.escape(known))
    return bool(re.fullmatch(pattern, key)) or key == known[1:]


def _within(table: Table, key: str) -> list[Rule]:
    """Rows whose whole title stands somewhere in a longer text, as in a log line; the longest title wins."""
    held = [(len(known), rule) for rule in table.rules for known in _texts(rule) if len(known) > 15 and known in key]
    longest = max((length for length, _rule in held), default=0)
    return list({rule.slug: rule for length, rule in held if length == longest}.values())
