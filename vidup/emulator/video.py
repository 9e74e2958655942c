"""EMULATOR: one container, what has arrived in it, and how it stood at any moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import uuid4


@dataclass(frozen=True, slots=True)
class Arrival:
    """A part that was stored: its number, the total its header named (None for `*`), and when, in seconds of the emulator's clock."""

    number: int
    total: int | None
    at: float


@dataclass(frozen=True, slots=True)
class Standing:
    """A video at one moment: the parts stored, sorted; size in bytes and seconds since the end once it is complete."""

    parts: list[int]
    total: int | None
    size: int | None
    complete_for: float | None


@dataclass
class Video:
    """One container: what it was created with, and what has arrived. `refuses` is the slug that answers any upload into it.

    `born` and `completed` are seconds of the emulator's clock, `parts` the bytes of each part.
    """

    video_id: str
    attributes: dict[str, object]
    created: datetime
    updated: datetime
    born: float
    refuses: str = ""
    private_token: str = field(default_factory=lambda: str(uuid4()))
    parts: dict[int, int] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    total: int | None = None
    file: Path | None = None
    file_size: int | None = None
    completed: float | None = None

    @property
    def all_there(self) -> bool:
        """Whether every part of a known total is stored."""
        return self.total is not None and len(self.parts) == self.total

    def arrived(self, arrival: Arrival, size: int) -> None:
        """A part of so many bytes is stored."""
        self.arrivals.append(arrival)
        self.parts[arrival.number] = size
        self.total = arrival.total or self.total

    def standing(self, moment: float) -> Standing:
        """How it stood at this moment of the emulator's clock."""
        then = [arrival for arrival in self.arrivals if arrival.at <= moment]
        total = next((arrival.total for arrival in reversed(then) if arrival.total is not None), None)
        parts = sorted(arrival.number for arrival in then)
        if self.completed is None or self.completed > moment:
            return Standing(parts, total, None, None)
        return Standing(parts, total, self.file_size, moment - self.completed)
