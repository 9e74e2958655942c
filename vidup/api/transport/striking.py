"""CORE: what must not be shown, and texts and answers without it: keys, tokens, and the passwords of URLs and proxies."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote


def mask_url(url: str) -> str:
    """A URL as it may be shown: a password, and a lone user that may be a token, become ***."""
    return re.sub(r"(?<=://)[^/\s]*@", "***@", url)


def mask_proxy(proxy: str) -> str:
    """A proxy as it may be shown, with or without a scheme."""
    return proxy.replace(f"{userinfo(proxy)}@", "***@") if "@" in proxy else proxy


def userinfo(proxy: str) -> str:
    """User and password of a proxy, as its variable has them: everything before the last @, also a slash that should have been escaped."""
    return re.sub(r"^[A-Za-z][\w+.-]*://", "", proxy.rpartition("@")[0])


class Secrets:
    """The values to strike out; any thread may add one."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._names: set[str] = set()

    def keep(self, *values: str) -> None:
        """Strike these out of everything from now on; what is shorter than 4 characters is in every other word."""
        self._values.update(value for value in values if len(value) >= 4)

    def keep_proxy(self, proxy: str) -> None:
        """Strike out its user and password: together, each alone, with their %-escapes resolved, and as they go over the wire."""
        both = userinfo(proxy)
        name, _, password = both.partition(":")
        self.keep(both, unquote(both), password, unquote(password))
        self.keep(*(b64encode(unquote(both).encode(encoding, "replace")).decode().rstrip("=") for encoding in ("utf-8", "latin-1") if both))
        self._names.update(name for name in (name, unquote(name)) if len(name) >= 4)

    def scrub(self, text: str) -> str:
        """The text without secrets and without passwords in URLs."""
        return mask_url(self._struck(text, self._names))

    def strike(self, body: dict[str, object]) -> None:
        """Take the secrets out of every string of a good body, however deep; in place, for nobody else has it yet.

        Not the name of a proxy's user: no server echoes it, and a link may well have that word in it.
        """
        waiting: list[Any] = [body]
        while waiting:
            holder = waiting.pop()
            for key, value in holder.items() if isinstance(holder, dict) else enumerate(holder):
                if isinstance(value, str):
                    holder[key] = self._struck(value)
                elif isinstance(value, dict | list):
                    waiting.append(value)

    def _struck(self, text: str, also: Iterable[str] = ()) -> str:
        for secret in sorted(
            (*tuple(self._values), *also), key=len, reverse=True
        ):  # the longest first: it may hold another that is too short
            text = text.replace(secret, "***")
        return text
