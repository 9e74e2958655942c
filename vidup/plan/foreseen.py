"""CORE: what an upload of something without a size will take, as far as that can be told before its end."""

from __future__ import annotations

from typing import NamedTuple

from vidup.inert import inert
from vidup.plan.openplan import OpenPlan
from vidup.plan.parts import MAX_PARTS, MAX_SIZE
from vidup.units import show_size

_WINDOW = 60
"""Seconds for which api.video counts requests (https://docs.api.video/reference/README)."""


class OpenForecast(NamedTuple):
    """The plan of a stream under a limit of `uploads_per_minute`, of which at most `spooled` parts lie on the disk."""

    file: str
    plan: OpenPlan
    uploads_per_minute: int
    spooled: int

    @property
    def fastest(self) -> int:
        """Bytes a second over which the limit holds the stream back."""
        return self.plan.part_size * self.uploads_per_minute // _WINDOW

    @property
    def longest(self) -> int:
        """Bytes that can be sent in parts of this size."""
        return min(self.plan.part_size * MAX_PARTS, MAX_SIZE)

    def to_json(self) -> dict[str, object]:
        """The object that `vidup plan --json` prints: null for what only the end of the stream tells."""
        return {
            "file": self.file,
            "size": None,
            "part_size": self.plan.part_size,
            "total_parts": None,
            "requests": None,
            "uploads_per_minute": self.uploads_per_minute,
            "minimum_seconds": None,
        }

    def lines(self) -> list[str]:
        """The same for a person."""
        size = show_size(self.plan.part_size)
        return [
            f"file      {inert(self.file)} (its size is not known before its end)",
            f"parts     of {size}, each sent once it is full; at most {show_size(self.longest)} in all",
            f"spool     at most {self.spooled} parts, {show_size(self.spooled * self.plan.part_size)} in the state folder, then it waits",
            f"limit     {self.uploads_per_minute} uploads a minute: over {show_size(self.fastest)}/s the limit binds, not the line",
        ]
