"""CORE: upload tokens as the server tells of them, and how one is called without being shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from vidup.api.credentials import is_word
from vidup.inert import inert
from vidup.units import show_duration

SHOWN: Final = 6
"""Characters of a token that are shown: enough to tell a few from one another, too few to upload with."""


class UploadToken(NamedTuple):
    """One token. `ttl` in seconds, 0 for ever; the moments in the server's words, None where it did not tell, or for ever."""

    value: str
    ttl: int | None
    created_at: str | None
    expires_at: str | None

    def __repr__(self) -> str:
        return f"UploadToken(expires_at={self.expires_at!r})"

    def seconds_left(self, now: float) -> float | None:
        """Until it expires, at `now` seconds since 1970; None for ever, or where nobody can tell."""
        try:
            expires = datetime.fromisoformat((self.expires_at or "").replace("Z", "+00:00"))
        except ValueError:
            return None
        return (expires if expires.tzinfo else expires.replace(tzinfo=UTC)).timestamp() - now


def read_token(body: Mapping[str, object]) -> UploadToken | None:
    """The token in an answer or in an entry of a list; None where there is none that could be one."""
    value, ttl = body.get("token"), body.get("ttl")
    if not is_word(value):
        return None
    return UploadToken(value, ttl if isinstance(ttl, int) else None, _text(body.get("createdAt")), _text(body.get("expiresAt")))


def prefixes(tokens: Iterable[UploadToken]) -> dict[str, str]:
    """How each token may be called: its first six characters, or as many as it takes to mean no other."""
    values = sorted({token.value for token in tokens})
    return {value: _prefix(value, [other for other in values if other != value]) for value in values}


def _prefix(value: str, others: list[str]) -> str:
    length = SHOWN
    while length < len(value) - 1 and any(other.startswith(value[:length]) for other in others):
        length += 1
    return value[: min(length, len(value) - 1)]


def token_fields(token: UploadToken, prefix: str) -> dict[str, object]:
    """What `--json` tells of a token in a list."""
    return {"prefix": prefix, "ttl": token.ttl, "created_at": token.created_at, "expires_at": token.expires_at}


def token_line(token: UploadToken, prefix: str, now: float) -> str:
    """`to4f9a…  expires in 1:59:12  (2026-11-28T17:15:00+00:00)`."""
    left = token.seconds_left(now)
    if left is None:
        return f"{inert(prefix)}…  {'never expires' if not token.expires_at else inert(token.expires_at)}"
    when = f"expires in {show_duration(left)}" if left > 0 else "has expired"
    return f"{inert(prefix)}…  {when}  ({inert(token.expires_at or '')})"


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
