"""EMULATOR: the documented limits, stated here a second time on purpose, and the requests-per-minute counters."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vidup.emulator.clock import Clock

MIB: Final = 1024 * 1024

MIN_PART: Final = 5 * MIB
"""Bytes. The least a part may have that is not the last."""

MAX_PART: Final = 200 * MIB
"""Bytes. The most one request may carry."""

MAX_PARTS: Final = 10_000
"""The most parts one video may have."""

MAX_VIDEO: Final = 52_428_800_000
"""Bytes. The largest video the error pages allow."""

SANDBOX: Final[Mapping[str, float]] = {"uploads": 40, "writes": 40, "reads": 100, "window": 60}
"""What a rate limit counts when a key is left out: the sandbox's requests a window, and the window in seconds."""

_HIGHEST: Final = 10**9
_FORM: Final = "write a number like 40, or uploads=40,writes=40,reads=100,window=60"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Requests of each kind allowed in one window of `window` seconds."""

    uploads: int = 40
    writes: int = 40
    reads: int = 100
    window: float = 60

    def allowed(self, kind: str) -> int:
        """Requests of this kind a window: `uploads`, `writes` or `reads`."""
        return {"uploads": self.uploads, "writes": self.writes, "reads": self.reads}[kind]


@dataclass(frozen=True, slots=True)
class Budget:
    """What one request finds: the limit, what is left after it, whole seconds to the next window, and whether it is refused."""

    limit: int
    remaining: int
    retry_after: int
    refused: bool

    def headers(self) -> tuple[tuple[str, str], ...]:
        """The three headers that api.video sends with every answer."""
        values = (("Limit", self.limit), ("Remaining", self.remaining), ("Retry-After", self.retry_after))
        return tuple((f"X-RateLimit-{name}", str(value)) for name, value in values)


def rate_limit_of(values: Mapping[str, float]) -> RateLimit:
    """A rate limit from a mapping; keys left out are the sandbox's. ValueError for an unknown key or a value that is not over 0."""
    unknown = sorted(set(values) - set(SANDBOX))
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not part of a rate limit: {_FORM}")
    whole = {**SANDBOX, **values}
    for name, value in whole.items():
        if not 0 < value <= _HIGHEST or (name != "window" and value != int(value)):
            raise ValueError(f"{name} must be {'a number' if name == 'window' else 'a whole number'} over 0, at most {_HIGHEST:,}: {_FORM}")
    return RateLimit(int(whole["uploads"]), int(whole["writes"]), int(whole["reads"]), whole["window"])


def parse_rate_limit(text: str) -> RateLimit:
    """A rate limit from `40` (uploads and writes 40, reads 100) or `uploads=40,window=5`; ValueError with a sentence for anything else."""
    pairs = [pair.partition("=")[::2] for pair in text.split(",")] if "=" in text else [("uploads", text), ("writes", text)]
    try:
        values = {name.strip(): float(value) for name, value in pairs}
    except ValueError:
        raise ValueError(f"{text!r} is not a rate limit: {_FORM}") from None
    return rate_limit_of(values)


class RateLimiter:
    """Counts requests in fixed windows, one for each kind; a window opens with the first request after the last one ended."""

    def __init__(self, limit: RateLimit, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[float, int]] = {}

    def count(self, kind: str) -> Budget:
        """Counts one request of this kind: `uploads`, `writes` or `reads`."""
        allowed = self._limit.allowed(kind)
        with self._lock:
            now = self._clock.now()
            opened, used = self._windows.get(kind, (now, 0))
            if now - opened >= self._limit.window:
                opened, used = now, 0
            refused = used >= allowed
            used = min(used + 1, allowed)
            self._windows[kind] = opened, used
            left = max(1, math.ceil(opened + self._limit.window - now))
        return Budget(allowed, allowed - used, left, refused)
