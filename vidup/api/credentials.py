"""CORE: who is asking: an API key or an upload token and where it came from, and the one access token that all requests of a key carry.

Times are seconds of one clock.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, TypeGuard

from vidup.verdicts.judge import Reply

_LONGEST_LIFE: Final = 30 * 86400
"""Seconds after which a token is renewed at the latest, whatever its answer says; it may say anything."""

_USUAL_LIFE: Final = 3600.0
"""Seconds that a token lives where its answer does not say (https://docs.api.video/reference/authentication-guide)."""


class ApiKey(NamedTuple):
    """An API key and where it came from; only the source may be shown.

    `delegated`: it is an upload token, which may upload and nothing else: no log in, no status, no list
    (https://docs.api.video/vod/delegated-upload-tokens).
    """

    value: str
    source: str
    delegated: bool = False

    @property
    def noun(self) -> str:
        """What it is called."""
        return "upload token" if self.delegated else "API key"

    @property
    def short_noun(self) -> str:
        """The same, where it is clear which key is meant."""
        return "upload token" if self.delegated else "key"

    def __repr__(self) -> str:
        return f"ApiKey(source={self.source!r})"


class Token(NamedTuple):
    """A bearer token. `serial` tells one from another and may be shown; `renew_at` is when to ask for the next."""

    serial: int
    bearer: str
    refresh: str = ""
    renew_at: float = 0.0

    def __repr__(self) -> str:
        return f"Token(serial={self.serial})"


def is_token(body: dict[str, object]) -> bool:
    """Whether there is a token that can stand in a header."""
    return is_word(body.get("access_token"))


def is_word(value: object) -> TypeGuard[str]:
    """Whether this is one word of visible ASCII, as keys and tokens are."""
    return isinstance(value, str) and re.fullmatch(r"[!-~]+", value) is not None


class Credentials:
    """The token of the line: one for all requests, renewed once for all of them."""

    def __init__(self, needed: bool = True) -> None:
        """Not `needed`: requests carry no token, for an upload token stands in their address."""
        self._needed = needed
        self.token: Token | None = None
        self._refused: set[int] = set()
        self._works: set[int] = set()
        self._refresh_failed = False

    def is_valid(self, now: float) -> bool:
        """Whether requests may go out with the present token."""
        token = self.token
        return not self._needed or (token is not None and token.serial not in self._refused and now < token.renew_at)

    @property
    def can_refresh(self) -> bool:
        """Whether a refresh may be tried; whatever goes wrong with it, a log in with the key follows: a lost answer spends it, too."""
        return self.token is not None and bool(self.token.refresh) and not self._refresh_failed

    def works(self, serial: int) -> bool:
        """Whether a request was accepted with this token."""
        return self._needed and serial in self._works

    def accepted(self, serial: int) -> None:
        """A request was accepted with this token."""
        self._works.add(serial)

    def refused(self, serial: int) -> None:
        """A request was refused for this token: the next one gets a new one first, unless there is a newer one already."""
        self._refused.add(serial)

    def refresh_failed(self) -> None:
        """A refresh came to nothing."""
        self._refresh_failed = True

    def renewed(self, reply: Reply, asked_at: float) -> Token:
        """Take the token of this answer to a log in or a refresh, asked for at that moment."""
        body = reply.body or {}
        bearer, refresh, lives = body["access_token"], body.get("refresh_token"), body.get("expires_in")
        seconds = float(min(lives, _LONGEST_LIFE)) if isinstance(lives, int | float) and lives > 0 else _USUAL_LIFE
        serial = self.token.serial + 1 if self.token is not None else 1
        renew_at = asked_at + seconds - min(60.0, seconds / 10)
        self.token = Token(serial, str(bearer), refresh if isinstance(refresh, str) else "", renew_at)
        self._refresh_failed = False
        return self.token
