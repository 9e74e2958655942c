"""EMULATOR: the time that everything but waits on the wire is measured by, so that a test may turn the clock instead of sleeping."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """The real time. A test that wants hours to pass gives the emulator its own, with the same two methods."""

    def now(self) -> float:
        """Seconds since some fixed moment; never runs backwards."""
        return time.monotonic()

    def date(self) -> datetime:
        """The date and time in UTC."""
        return datetime.now(UTC)
