"""CORE: when the next request may start under the rate limits that the answers tell. Times are seconds of one clock, passed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from vidup.upload.acting import LONGEST_ASKED_WAIT, Backoff
from vidup.upload.exchange import Kind
from vidup.verdicts.judge import RateLimit

_WINDOW: Final = 60.0
"""Seconds of a window whose end no header tells (https://docs.api.video/reference/README)."""

_SAME: Final = 1.5
"""Seconds by which the end of one and the same window may be told differently: headers tell whole seconds, answers take time."""


class _Window:
    """What is known of one kind's window: `left` is the least that any answer of it told, `out` the requests not answered yet."""

    left: int | None = None
    resets_at: float = 0.0
    out: int = 0
    limit: int | None = None
    paused_at: float = 0.0
    paused_until: float = 0.0
    episodes: int = 0


@dataclass(eq=False, repr=False)
class Pacer:
    """Keeps this process within the limits, one window for each kind; without headers it holds nothing back."""

    backoff: Backoff
    apart: Callable[[], float]
    """A second or less that keeps several processes from going on at the same instant."""
    _windows: dict[Kind, _Window] = field(default_factory=lambda: {kind: _Window() for kind in Kind})

    def start(self, kind: Kind) -> None:
        """A request starts."""
        self._windows[kind].out += 1

    def ended(self, kind: Kind, rate: RateLimit, now: float) -> None:
        """A request is over, and its answer, if there was one, told this.

        Requests reach the server in another order than they start, so of one window the least that any answer told is what is left;
        and those not answered yet may or may not be counted in it.
        """
        window = self._windows[kind]
        window.out -= 1
        if rate.limit is not None:
            window.limit = rate.limit
        if rate.remaining is None:
            return
        resets_at = now + min(_WINDOW if rate.reset_after is None else rate.reset_after, LONGEST_ASKED_WAIT)
        same = window.left is not None and now < window.resets_at and resets_at < window.resets_at + _SAME
        window.left = min(window.left, rate.remaining) if same and window.left is not None else rate.remaining
        window.resets_at = max(window.resets_at, resets_at) if same else resets_at

    def answered(self, kind: Kind) -> None:
        """A request of this kind was not held back by the limit."""
        self._windows[kind].episodes = 0

    def limited(self, kind: Kind, asked: float | None, began: float, now: float) -> float:
        """A 429 to a request that began then: nothing of this kind starts for as long as the server asks. Until when.

        Requests that were under way when the pause began are refused by the same window, not by another one. Only a pause that did not
        help is followed by a longer one than was asked for.
        """
        window, least = self._windows[kind], min(asked or 0.0, LONGEST_ASKED_WAIT)
        if window.episodes and began < window.paused_at:
            until = now + least
        else:
            window.episodes += 1
            window.paused_at = now
            own = self.backoff(window.episodes) if window.episodes > 1 or asked is None else 0.0
            until = now + max(least, own) + self.apart()
        window.paused_until = max(window.paused_until, until)
        window.left = None
        return window.paused_until

    def delay(self, kind: Kind, now: float, owed: int = 0) -> float:
        """Seconds until a request of this kind may start beside so many that are to start first; 0 is now."""
        window = self._windows[kind]
        if now < window.paused_until:
            return window.paused_until - now
        if window.left is None or now >= window.resets_at:
            return 0.0
        return 0.0 if window.left - window.out - owed > 0 else window.resets_at - now
