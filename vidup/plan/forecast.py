"""CORE: what an upload will take: its parts, its requests, and the time that the rate limit alone costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vidup.inert import file_fields, inert
from vidup.plan.parts import MAX_PART, MAX_SIZE, MIB, WARN_SIZE, Plan
from vidup.units import option_size, show_duration, show_size

_BESIDES_PARTS = 3
"""Requests of an upload that carry no part: log in, create the video, ask the status at the end."""

_EACH = 2
"""Those of them that every file has: all files of a run share one log in."""

_WINDOW = 60
"""Seconds for which api.video counts requests (https://docs.api.video/reference/README)."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """One file's plan under a limit of `uploads_per_minute`; `parts_done` of its parts are on the server already."""

    file: str
    plan: Plan
    uploads_per_minute: int
    parts_done: int = 0

    @property
    def parts_left(self) -> int:
        """Parts that are still to be sent."""
        return self.plan.total_parts - self.parts_done

    @property
    def requests(self) -> int:
        """Requests in all, if none fails. Going on with a video saves creating one, but costs a status at the beginning."""
        return self.parts_left + _BESIDES_PARTS

    @property
    def minimum_seconds(self) -> int:
        """Seconds that pass in any case until the limit lets the last part start."""
        return max(0, self.parts_left - 1) // self.uploads_per_minute * _WINDOW

    @property
    def fastest(self) -> int:
        """Bytes a second over which the limit, not the line, holds a long upload in parts of this size back."""
        return self.plan.part_size * self.uploads_per_minute // _WINDOW

    @property
    def helpful_part_size(self) -> int | None:
        """The --part-size in bytes with which the limit matters least, None where it is not in the way or nothing larger is allowed."""
        if not self.minimum_seconds or self.parts_done:
            return None
        in_one_window = -(-self.plan.size // self.uploads_per_minute)
        size = min(-(-in_one_window // MIB) * MIB, MAX_PART)
        return size if size > self.plan.part_size else None

    def to_json(self) -> dict[str, object]:
        """The object that `vidup plan --json` prints."""
        return {
            **file_fields(self.file),
            "size": self.plan.size,
            "part_size": self.plan.part_size,
            "total_parts": self.plan.total_parts,
            "requests": self.requests,
            "uploads_per_minute": self.uploads_per_minute,
            "minimum_seconds": self.minimum_seconds,
        }

    def lines(self) -> list[str]:
        """The same for a person, with what to do where the limit is in the way."""
        total, part_size = self.plan.total_parts, show_size(self.plan.part_size)
        sent = f", {self.parts_done} of them on the server" if self.parts_done else ""
        return [
            f"file      {inert(self.file)} ({show_size(self.plan.size)})",
            f"parts     {'1 part' if total == 1 else f'{total} parts of {part_size}'}{sent}",
            f"requests  {self.requests}",
            f"limit     {self._limit()}",
            *self._too_large(),
        ]

    def _too_large(self) -> list[str]:
        if self.plan.size <= WARN_SIZE:
            return []
        return [
            f"note      over {show_size(WARN_SIZE)}, the most that api.video's reference names for a video; its error pages name "
            f"{show_size(MAX_SIZE)}: it may be refused when all is sent. Cut or compress it to be sure."
        ]

    def _limit(self) -> str:
        limit = f"{self.uploads_per_minute} uploads a minute"
        if not self.minimum_seconds:
            return f"{limit}: it costs no time, the line alone decides"
        words = (
            f"{limit}: it alone takes {show_duration(self.minimum_seconds)}; over {show_size(self.fastest)}/s the limit binds, not the line"
        )
        helpful = self.helpful_part_size
        return f"{words}. This would help: --part-size {option_size(helpful)}" if helpful else words


def lines_of_all(forecasts: Iterable[Forecast], uploads_per_minute: int) -> list[str]:
    """What these files take together under this limit, for a person."""
    files = parts = requests = size = 0
    for one in forecasts:
        files += 1
        size += one.plan.size
        parts += one.parts_left
        requests += one.parts_left + _EACH
    limit = f"{uploads_per_minute} uploads a minute"
    seconds = max(0, parts - 1) // uploads_per_minute * _WINDOW
    costs = f"it alone takes {show_duration(seconds)}" if seconds else "it costs no time, the line alone decides"
    return [
        f"files     {files} ({show_size(size)})",
        f"parts     {parts}",
        f"requests  {requests + 1 if files else 0}",
        f"limit     {limit}: {costs}",
    ]
