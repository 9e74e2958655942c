"""CORE: how much has arrived of what was handed out, and how fast it arrives, judged by nothing but what the server confirmed.

A kernel takes megabytes long before a line carries them: what it took says how much is on its way, never how fast it goes.
"""

from __future__ import annotations

from typing import Final

from vidup.upload.tally import PartState, Snapshot

_RECENT: Final = 0.3
"""The weight of the newest part in the average of how long a part takes."""

_ACTIVE: Final = (PartState.SENDING, PartState.ANSWER)


class Arrival:
    """Watches the parts of successive snapshots, each from its first byte to its confirmation."""

    def __init__(self) -> None:
        self._begun: dict[int, float] = {}
        self._usual = 0.0
        self._slots = 0
        self._tail_at: float | None = None

    def slept(self, seconds: float) -> None:
        """Time passed that does not count."""
        self._begun = {part: began + seconds for part, began in self._begun.items()}

    def left(self, now: float, numbers: Snapshot) -> float | None:
        """Seconds until all is confirmed, if the line stays as it is; None before a part is confirmed, and while none is on its way."""
        states = numbers.states
        active = [part for part, state in enumerate(states) if state in _ACTIVE]
        self._learn(now, states, active)
        if not self._usual or not active:
            return None
        ages = [now - self._begun[part] for part in active]
        usual = max(self._usual, sum(ages) / len(ages))  # nothing is as fast as it was
        size = -(-numbers.bytes_total // numbers.total_parts)
        faster = self._slots / len(active) - 1 if self._tail_at is not None else 0.0
        alone = now - self._tail_at if self._tail_at is not None else 0.0
        arrived = sum(min(1.0, (age + faster * min(age, alone)) / usual) for age in ages) * size
        missing = numbers.bytes_total - numbers.bytes_confirmed - min(arrived, numbers.bytes_in_flight)
        return max(0.0, missing) * usual / (self._slots * size)

    def _learn(self, now: float, states: bytes, active: list[int]) -> None:
        """From the parts that were confirmed since the last look, and how many share the line: fewer in the end, each then the faster."""
        for part, began in self._begun.items():
            if states[part] == PartState.DONE:
                took = now - began
                self._usual += _RECENT * (took - self._usual) if self._usual else took
        in_tail = PartState.WAITING not in states and PartState.RETRYING not in states
        if not in_tail:
            self._tail_at = None
            self._slots = max(len(active), len(self._begun))
        elif self._tail_at is None:
            self._tail_at = now
        self._slots = max(self._slots, len(active))
        self._begun = {part: self._begun.get(part, now) for part in active}
