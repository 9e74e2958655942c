"""CORE: how fast bytes may leave: a token bucket for all that this process sends. Times are seconds of one clock, passed in."""

from __future__ import annotations

from typing import Final

DEPTH: Final = 0.25
"""Seconds of the rate that are kept for whoever was late: more would be a burst, less would be lost to a busy machine."""


class Bucket:
    """Lets `rate` bytes a second through, in the order in which they are asked for. It begins empty and keeps at most DEPTH seconds."""

    def __init__(self, rate: int, now: float) -> None:
        self._rate = rate
        self._paid_until = now
        """When all that was promised so far is paid for; before now by what is left in the bucket."""

    def take(self, count: int, now: float) -> float:
        """Promise so many bytes; the seconds, 0 or more, after which they may go out."""
        self._paid_until = max(self._paid_until, now - DEPTH) + count / self._rate
        return max(0.0, self._paid_until - now)

    def give_back(self, count: int) -> None:
        """So many bytes that were promised do not go out."""
        self._paid_until -= count / self._rate
