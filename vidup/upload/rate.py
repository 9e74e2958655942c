"""CORE: how fast bytes leave, how long the rest will take, and since when nothing has moved; time is a value passed in."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from vidup.upload.arrival import Arrival
from vidup.upload.tally import PartState, Snapshot

STALL_AFTER: Final = 5.0
"""Seconds without a byte after which a rate and an ETA would be a lie."""

_MEMORY: Final = 5.0
"""Seconds. The time constant of the average: what is older weighs less than a third."""

_SETTLED: Final = 1.0
"""Seconds of measuring before an ETA is shown; the first bytes only fill socket buffers."""

_SHORTEST: Final = 0.001
"""Seconds below which nothing is measured yet: bytes through next to no time is no speed, and may be an infinite number."""

_SLEPT: Final = 5.0
"""Seconds between two readings over which the process itself must have been stopped (Ctrl-Z, laptop sleep)."""


class Pace(NamedTuple):
    """The speed at one moment: `rate` in bytes a second (0 when stalled), `eta` in seconds or None when nobody can say.

    `idle`: seconds without a byte in which one might have moved. `limited`: seconds that a rate-limit wait still runs, else 0.
    `answering`: what was begun is sent and only the server's answers are awaited, so that being idle is not the line's fault.
    `stopping`: seconds that what is sent still gets for its answer, where the upload is being stopped; then there is neither rate nor eta.
    """

    rate: float
    eta: float | None
    idle: float
    limited: float
    answering: bool
    stopping: float | None = None

    @property
    def stalled(self) -> bool:
        """Whether no byte has moved for too long."""
        return self.idle >= STALL_AFTER


class Meter:
    """An exponential average over `bytes_handed` of successive snapshots, read several times a minute or more often."""

    def __init__(self) -> None:
        self._arrival = Arrival()
        self._read_at: float | None = None
        self._handed = 0
        self._average = 0.0
        self._weight = 0.0
        self._measured = 0.0
        self._idle_since = 0.0
        self._limited_until = -math.inf

    def wait_until(self, moment: float) -> None:
        """Nothing new is begun before `moment`, in seconds of the same clock: until then being idle is no stall."""
        self._limited_until = moment

    def read(self, now: float, numbers: Snapshot) -> Pace:
        """The pace at `now`, in seconds of a clock that never goes back."""
        self._advance(now, numbers.bytes_handed)
        idle = max(0.0, now - max(self._idle_since, self._limited_until))
        limited = max(0.0, self._limited_until - now)
        rate = self._average / self._weight if self._weight and idle < STALL_AFTER else 0.0
        sending = PartState.SENDING in numbers.states
        unsent = (numbers.bytes_total - numbers.bytes_confirmed - numbers.bytes_in_flight) / rate if rate >= 1.0 else 0.0
        eta = self._arrival.left(now, numbers) if numbers.ended else None
        if eta is None and self._measured >= _SETTLED:
            eta = unsent or None  # where all is out, that says nothing
        elif eta is not None and sending and PartState.WAITING not in numbers.states:
            eta = max(eta, unsent)  # those that are left need not become faster as others end
        answering = not sending and PartState.ANSWER in numbers.states
        return Pace(rate, eta if idle < STALL_AFTER and not limited and numbers.ended else None, idle, limited, answering)

    def _advance(self, now: float, handed: int) -> None:
        if self._read_at is None:
            self._read_at = self._idle_since = now
            self._handed = handed
        passed = now - self._read_at
        if passed < _SHORTEST:
            return
        self._read_at = now
        if passed > _SLEPT:
            self._arrival.slept(passed)
            self._idle_since += passed
            self._limited_until += passed
            self._handed = max(self._handed, handed)
            return
        keep = math.exp(-passed / _MEMORY)
        moved = max(0, handed - self._handed)
        self._average = self._average * keep + moved / passed * (1 - keep)
        self._weight = self._weight * keep + 1 - keep
        self._measured += passed
        if moved:
            self._handed, self._idle_since = handed, now
