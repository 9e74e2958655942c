"""CORE: what a server has said before http.client was asked to listen: is it an answer yet, and does it refuse the body?"""

from __future__ import annotations

import io
import re
from typing import Any, Final

LIMIT: Final = 16 * 1024
"""Bytes of which no answer has become: http.client is to say what is wrong with them."""

_INTERIM: Final = re.compile(rb"\A(?:HTTP/\d\.\d 1\d\d\b.*?\n\r?\n)+", re.DOTALL)
_NOT_YET: Final = re.compile(rb"HTTP/\d\.\d 1|.{0,9}\Z", re.DOTALL)
_GOOD: Final = re.compile(rb"HTTP/\d\.\d 2")


class Heard:
    """The bytes that came ahead, without interim answers (100, 103): those are none, and http.client would skip the 100 alone."""

    def __init__(self) -> None:
        self.bytes = b""
        self._ended = False

    def add(self, data: bytes) -> None:
        """More of what the server says; no bytes at all are its last word."""
        self.bytes = _INTERIM.sub(b"", self.bytes + data)
        self._ended = self._ended or not data

    @property
    def answer(self) -> bool:
        """Whether the answer has begun, or there will be none."""
        return self._ended or len(self.bytes) > LIMIT or not _NOT_YET.match(self.bytes)

    @property
    def refusal(self) -> bool:
        """Whether it is pointless to send on: only a good answer may come early and still want the rest of the body."""
        return self.answer and not _GOOD.match(self.bytes)


class Rejoined(io.RawIOBase):
    """A stream that begins with the bytes that were read ahead of it."""

    def __init__(self, ahead: bytes, rest: Any) -> None:
        self._ahead = ahead
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, space: Any) -> int:
        if not self._ahead:
            return int(self._rest.readinto1(space))
        taken = min(len(space), len(self._ahead))
        space[:taken], self._ahead = self._ahead[:taken], self._ahead[taken:]
        return taken

    def close(self) -> None:
        super().close()
        self._rest.close()
