"""CORE: what a person may be shown of an answer that is no JSON object: most likely a page, of a gateway, a proxy or a network's log-in."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_READ: Final = 32 * 1024
"""Bytes of a page in which its words are looked for: before them may come its styles."""

_SHOWN: Final = 300
"""Characters that are shown."""

_WORD: Final = 40
"""Characters of a word that is left out rather than cut."""

_UNSEEN: Final = re.compile(r"(?is)<!--.*?-->|<(head|script|style)\b.*?(?:</\1>|\Z)|<[^>]*(?:>|\Z)")


def page_words(raw: bytes, scrub: Callable[[str], str]) -> str:
    """What the page says to whoever looks at it; `scrub` strikes out what nobody may see. A text that is cut ends in an ellipsis."""
    from html import unescape

    seen = unescape(_UNSEEN.sub(" ", raw[:_READ].decode("utf-8", "replace")))
    words = scrub(" ".join(seen.split()))
    if len(words) <= _SHOWN:
        return words
    cut = words[: _SHOWN - 1]
    head, _, tail = cut.rpartition(" ")
    return f"{(head if head and len(tail) <= _WORD else cut).rstrip()}…"
