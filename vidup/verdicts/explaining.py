"""CORE: from text that somebody pasted to the rows of the error table it may mean."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Final

from vidup.verdicts.judge import Rule, Table, normalise, slug_of

_ALIKE: Final = 0.86
"""How alike two texts must be: a wrong letter or two passes, another sentence does not."""


def find_rules(table: Table, text: str) -> list[Rule]:
    """The rows that this slug, link, message, detail or JSON body names, best first; several only where the text fits them equally."""
    text = text.strip()
    if rule := table.rule(text) or table.rule(slug_of(text)):
        return [rule]
    if linked := [rule for slug in re.findall(r"/(?:reference|docs)/([\w-]+)", text) if (rule := table.rule(slug))]:
        return linked[:1]
    key = normalise(text)
    if not key:
        return []
    exact = [rule for rule in table.rules if any(_is(key, known) for known in _texts(rule))]
    if exact:
        return exact
    scored = [(max(SequenceMatcher(None, key, known).ratio() for known in _texts(rule)), rule) for rule in table.rules]
    best = max(score for score, _rule in scored)
    return [rule for score, rule in scored if score == best] if best >= _ALIKE else _within(table, key)


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
