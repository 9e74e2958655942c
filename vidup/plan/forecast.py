"""CORE: what an upload will take: its parts, its requests, and the time that the limits alone cost."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from vidup.inert import file_fields, inert
from vidup.plan.parts import MAX_PART, MAX_SIZE, MIB, WARN_SIZE, Plan
from vidup.plan.rate import seconds_for
from vidup.units import option_size, show_duration, show_rate, show_size

_BESIDES_PARTS = 3
"""Requests of an upload that carry no part: log in, create the video, ask the status at the end."""

_EACH = 2
"""Those of them that every file has: all files of a run share one log in."""

_WINDOW = 60
"""Seconds for which api.video counts requests (https://docs.api.video/reference/README)."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """One file's plan under a limit of `uploads_per_minute`; `parts_done` of its parts are on the server already.

    `limit_rate`: bytes a second that vidup is told to keep to. `by_token`: an upload token alone sends it.
    """

    file: str
    plan: Plan
    uploads_per_minute: int
    parts_done: int = 0
    limit_rate: int | None = None
    by_token: bool = False

    @property
    def parts_left(self) -> int:
        """Parts that are still to be sent."""
        return self.plan.total_parts - self.parts_done

    @property
    def requests(self) -> int:
        """Requests in all, if none fails. Going on with a video saves creating one, but costs a status at the beginning."""
        return self.parts_left + (0 if self.by_token else _BESIDES_PARTS)

    @property
    def minimum_seconds(self) -> int:
        """Seconds that pass in any case, by whichever limit takes longer: that of requests, or --limit-rate."""
        return max(self.waiting_seconds, self.sending_seconds)

    @property
    def sending_seconds(self) -> int:
        """Seconds that --limit-rate alone costs; 0 without it."""
        return math.ceil(seconds_for(self.bytes_left, self.limit_rate))

    @property
    def bytes_left(self) -> int:
        """Bytes that are still to be sent."""
        return max(0, self.plan.size - self.parts_done * self.plan.part_size)

    @property
    def waiting_seconds(self) -> int:
        """Seconds that pass in any case until the limit of requests lets the last part start."""
        return max(0, self.parts_left - 1) // self.uploads_per_minute * _WINDOW

    @property
    def fastest(self) -> int:
        """Bytes a second over which the limit, not the line, holds a long upload in parts of this size back."""
        return self.plan.part_size * self.uploads_per_minute // _WINDOW

    @property
    def helpful_part_size(self) -> int | None:
        """The --part-size in bytes with which the limit matters least, None where it is not in the way or nothing larger is allowed."""
        if not self.waiting_seconds or self.parts_done:
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
            *rate_lines(self.limit_rate, self.bytes_left),
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
        if not self.waiting_seconds:
            return f"{limit}: it costs no time, the line alone decides"
        words = (
            f"{limit}: it alone takes {show_duration(self.waiting_seconds)}; over {show_size(self.fastest)}/s the limit binds, not the line"
        )
        helpful = self.helpful_part_size
        return f"{words}. This would help: --part-size {option_size(helpful)}" if helpful else words


def lines_of_all(forecasts: Iterable[Forecast], uploads_per_minute: int, limit_rate: int | None = None) -> list[str]:
    """What these files take together under these limits, for a person."""
    files = parts = requests = size = left = login = 0
    for one in forecasts:
        files += 1
        size += one.plan.size
        parts += one.parts_left
        requests += one.parts_left + (0 if one.by_token else _EACH)
        left += one.bytes_left
        login |= not one.by_token
    limit = f"{uploads_per_minute} uploads a minute"
    seconds = max(0, parts - 1) // uploads_per_minute * _WINDOW
    costs = f"it alone takes {show_duration(seconds)}" if seconds else "it costs no time, the line alone decides"
    return [
        f"files     {files} ({show_size(size)})",
        f"parts     {parts}",
        f"requests  {requests + login}",
        f"limit     {limit}: {costs}",
        *rate_lines(limit_rate, left),
    ]


def rate_lines(limit_rate: int | None, count: int) -> list[str]:
    """What --limit-rate alone costs for so many bytes; nothing without it."""
    if limit_rate is None:
        return []
    return [f"rate      {show_rate(limit_rate)}: it alone takes {show_duration(math.ceil(seconds_for(count, limit_rate)))}"]
