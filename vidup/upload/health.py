"""CORE: how the line is: how many requests may be on their way now, and when patience with it ends. Times are seconds of one clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from vidup.upload.acting import Backoff

ENDLESS_LIMIT: Final = 900.0
"""Seconds without any success, from the first 429, after which a rate limit is taken for one that never ends."""

_SLACK: Final = 5.0
"""Seconds that a body on its way may show no movement before that counts: a slow line takes bytes in steps."""


@dataclass(eq=False, repr=False)
class Health:
    """The health of the line for one kind of request. After `jobs` failures in a row one probe at a time goes out, with backoff.

    The width then grows again with every success.
    """

    jobs: int
    backoff: Backoff
    failures: int = 0
    probes: int = 0
    width: int = 0
    probe_at: float = 0.0

    def __post_init__(self) -> None:
        self.width = self.jobs

    @property
    def is_down(self) -> bool:
        """Whether nothing but a probe may go out."""
        return self.failures >= self.jobs

    def room(self, busy: int, now: float) -> bool:
        """Whether another request may go out while so many of its kind are on their way."""
        return busy < (1 if self.is_down else self.width) and (not self.is_down or now >= self.probe_at)

    def failed(self, now: float, asked: float = 0.0, most: float = math.inf, lost: bool = False) -> float:
        """A request failed. Seconds until the next probe where the line is down, of which the server itself may have `asked` for some.

        `most` seconds if our own backoff is longer. `lost`: the line is known to be down, after however few failures.
        """
        self.failures = max(self.failures + 1, self.jobs) if lost else self.failures + 1
        self.width = max(1, self.width - 1)
        if not self.is_down:
            return 0.0
        self.probes += 1
        wait = max(min(self.backoff(self.probes), most), asked)
        self.probe_at = max(self.probe_at, now + wait)
        return self.probe_at - now

    def succeeded(self) -> bool:
        """A request was answered well; whether the line was down until now."""
        was_down = self.is_down
        self.width = 2 if was_down else min(self.jobs, self.width + 1)
        self.width = min(self.width, self.jobs)
        self.failures = self.probes = 0
        self.probe_at = 0.0
        return was_down

    def restored(self) -> None:
        """The line is back, and at once as wide as ever: that nothing answered says nothing of how much the server bears."""
        self.succeeded()
        self.width = self.jobs


class RetryBudget:
    """How long to keep trying: seconds in which no byte moves, counted from the first failure; a confirmed part starts it anew.

    Waits that the server asked for do not count, but a rate limit that lets nothing through for 15 minutes ends it, too.
    """

    def __init__(self, seconds: float, limit: float = ENDLESS_LIMIT) -> None:
        """`seconds` of 0 means for ever. `limit` seconds are what a rate limit gets that lets nothing through."""
        self.seconds = seconds
        self.limit = limit
        self._spent = 0.0
        self._failing = False
        self._excused_until = 0.0
        self._looked_at = 0.0
        self._moved_at = -math.inf
        self._limited_since = math.inf

    def failed(self, now: float) -> None:
        """Something failed: from now on idle time counts."""
        if not self._failing:
            self._failing, self._looked_at = True, now

    def progressed(self) -> None:
        """The server confirmed a part: all is forgiven."""
        self._failing, self._spent, self._limited_since = False, 0.0, math.inf

    def excuse(self, until: float) -> None:
        """The server itself asked to wait until then, so that does not count."""
        self._excused_until = max(self._excused_until, until)

    def limited(self, now: float, until: float) -> None:
        """A 429 asked to wait until then."""
        self.excuse(until)
        self._limited_since = min(self._limited_since, now)

    def answered_well(self) -> None:
        """Some request was answered well: a rate limit that lets something through is not endless."""
        self._limited_since = math.inf

    def look(self, now: float, moved: bool, on_their_way: bool) -> None:
        """Count the time since the last look; `moved`: bytes moved in it, `on_their_way`: there are bodies that could move."""
        if moved:
            self._moved_at = now
        begin = max(self._looked_at, self._excused_until, self._moved_at + (_SLACK if on_their_way else 0.0))
        self._looked_at = now
        if self._failing and now > begin:
            self._spent += now - begin

    @property
    def left(self) -> float:
        """Seconds left, or infinity."""
        return max(0.0, self.seconds - self._spent) if self.seconds else math.inf

    def used_up(self, now: float) -> bool:
        """Whether it is time to stop trying."""
        return self.left <= 0 or self.limited_for_ever(now)

    def limited_for_ever(self, now: float) -> bool:
        """Whether a rate limit has let nothing through for so long that it will not."""
        return now - self._limited_since >= self.limit

    def ends_in(self, now: float) -> float:
        """Seconds until it may be used up at the earliest."""
        counting = max(now, self._excused_until) - now + self.left if self._failing else math.inf
        return min(counting, self._limited_since + self.limit - now)
