"""CORE: when many files will be over, judged by what the server confirmed in the last minute or two, its rate limits and all."""

from __future__ import annotations

import math
from typing import Final

from vidup.upload.crowd import CrowdNumbers

_MEMORY: Final = 120.0
"""Seconds. Two windows of the server's limits: ten seconds of a hundred files and fifty of none are one speed."""

_SETTLED: Final = 2.0
"""Seconds of measuring before anything is said."""

_SLEPT: Final = 5.0
"""Seconds between two readings over which the process itself must have been stopped (Ctrl-Z, laptop sleep)."""


class Outlook:
    """An exponential average over what is confirmed in successive numbers, read several times a minute or more often."""

    def __init__(self) -> None:
        self._read_at: float | None = None
        self._confirmed = 0
        self._average = 0.0
        self._weight = 0.0
        self._measured = 0.0

    def left(self, now: float, numbers: CrowdNumbers) -> float | None:
        """Seconds until all is confirmed, at `now` of a clock that never goes back; None while nobody can say."""
        passed = now - self._read_at if self._read_at is not None else 0.0
        if self._read_at is None or passed > _SLEPT:
            self._read_at, self._confirmed = now, numbers.bytes_confirmed
        elif passed > 0:
            keep = math.exp(-passed / _MEMORY)
            moved = max(0, numbers.bytes_confirmed - self._confirmed)
            self._average = self._average * keep + moved / passed * (1 - keep)
            self._weight = self._weight * keep + 1 - keep
            self._measured += passed
            self._read_at, self._confirmed = now, numbers.bytes_confirmed
        if self._measured < _SETTLED or self._average <= 0:
            return None
        return max(0, numbers.bytes_total - numbers.bytes_confirmed) * self._weight / self._average
