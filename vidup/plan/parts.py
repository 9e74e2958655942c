"""CORE: the plan that splits a file into parts, the Content-Range text of a part, and what is still missing.

A plan is a function of (size, total_parts) alone. A part on the wire carries no offset and the server's status tells only the total
and the numbers, so any machine can rebuild the very same split from the server's word, and two splits can never be mixed.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Final, NamedTuple

MIB: Final = 1024 * 1024

MIN_PART: Final = 5 * MIB
"""Bytes. The least a part may have that is not the last (https://docs.api.video/vod/video-best-practices)."""

MAX_PART: Final = 200 * MIB
"""Bytes. The most one request may carry, a part or a whole file (same page)."""

MAX_PARTS: Final = 10_000
"""The most parts one video may have (https://docs.api.video/reference/video-content-range-by-part-total-parts-too-high)."""

MAX_SIZE: Final = 52_428_800_000
"""Bytes. The largest video the error pages allow; the reference page says 30 GiB, over which vidup warns."""

WARN_SIZE: Final = 30 * 1024 * MIB
"""Bytes. The largest video the reference page allows."""

_USUAL_SMALL: Final = 25 * MIB
_USUAL_LARGE: Final = 64 * MIB
_SHARE_OF_LIMIT: Final = 0.8
"""Part of the uploads-per-minute limit that one upload plans with; the rest is left to other users of the key."""
_WAVES: Final = 3
_MORE_WAVES: Final = 5
_WORTH_MORE: Final = 10 * MIB
"""Parts a connection, at least, and where parts stay as large as this. Connections do not share a line evenly, and the line is not full
while the last ones end (measured at 200 Mbit/s and 50 ms: 100 MiB in 1 part a connection 1.5 times the ideal time, in 3 parts 1.3; 200
MiB in 3 parts 1.24, in 5 1.18, in 7 or 10 1.18). Each part costs a round trip and the server's work, so more is not better."""


class Part(NamedTuple):
    """One part: its number from 1, its first byte in the file, its length in bytes."""

    number: int
    offset: int
    length: int


class Plan(NamedTuple):
    """The split of a file of `size` bytes into `total_parts` parts, all equal but the last."""

    size: int
    total_parts: int

    @property
    def part_size(self) -> int:
        """Bytes of every part but the last."""
        return -(-self.size // self.total_parts)

    def part(self, number: int) -> Part:
        """The part of this number, 1 to total_parts."""
        offset = (number - 1) * self.part_size
        return Part(number, offset, min(self.part_size, self.size - offset))

    @property
    def ended(self) -> bool:
        """Whether the size is known: that of a file is."""
        return True

    @property
    def released(self) -> bool:
        """Whether the whole may be put together: what a file holds is all there."""
        return True

    @property
    def late(self) -> tuple[int, ...]:
        """Parts that go only when all others are confirmed: those of a file go in any order."""
        return ()

    def length(self, number: int) -> int:
        """Bytes of this part, 1 to total_parts."""
        return self.part(number).length

    def content_range(self, number: int) -> str:
        """The Content-Range value of this part, as https://docs.api.video/vod/progressive-upload spells it."""
        return f"part {number}/{self.total_parts}"

    def missing(self, received: Collection[int]) -> list[int]:
        """The numbers of the parts that are not in `received`, in order."""
        return [number for number in range(1, self.total_parts + 1) if number not in received]

    def bytes_of(self, received: Collection[int]) -> int:
        """How many bytes of the file these parts hold."""
        return sum(self.part(number).length for number in received)

    def fits(self, parts: Collection[int], total: int | None) -> bool:
        """Whether a status that lists these parts of that total can be of this plan."""
        return total in (None, self.total_parts) and max(parts, default=0) <= self.total_parts

    def agreed(self, parts: Collection[int], total: int | None) -> Plan | None:
        """The plan for the rest, where the server has these parts of that total; None where they cannot be of this file.

        What is stored binds: the server's total. Nothing stored binds nothing, so this plan may be kept.
        """
        total = total if parts and total is not None else self.total_parts
        return Plan(self.size, total) if is_valid_total(self.size, total) and max(parts, default=0) <= total else None

    def is_finer(self, wanted: int) -> bool:
        """Whether parts of `wanted` bytes would be smaller than these."""
        return total_parts_for(self.size, wanted) > self.total_parts

    def is_split_by(self, wanted: int) -> bool:
        """Whether these are the parts that somebody gets who asks for parts of `wanted` bytes."""
        return total_parts_for(self.size, wanted) == self.total_parts


def is_valid_total(size: int, total_parts: int) -> bool:
    """Whether a file of `size` bytes split into `total_parts` equal parts keeps every limit of the API."""
    if not 1 <= total_parts <= MAX_PARTS:
        return False
    part_size = -(-size // total_parts)
    return part_size <= MAX_PART and (total_parts == 1 or part_size >= MIN_PART)


def wanted_part_size(size: int, jobs: int, uploads_per_minute: int, most: int | None = None) -> int:
    """The part size in bytes to aim at when the user names none; at most `most`, but for the floor of 5 MiB.

    Small enough to lose little when a line drops, large enough that the file's parts fit one window of the uploads-per-minute
    limit. Each of `jobs` connections gets three to five parts where that costs no window, and one in any case.
    """
    in_one_window = math.ceil(size / max(1.0, _SHARE_OF_LIMIT * uploads_per_minute - 2))
    waves = max(1, min(_WAVES, size // (MIN_PART * jobs)), min(_MORE_WAVES, size // (_WORTH_MORE * jobs)))
    wanted = min(max(in_one_window, _USUAL_SMALL), _USUAL_LARGE, max(in_one_window, -(-size // (waves * jobs))))
    return max(min(wanted, -(-size // jobs), most or MAX_PART), MIN_PART)


def total_parts_for(size: int, wanted: int) -> int:
    """How many parts a file of `size` bytes (at least 1) is split into when parts of `wanted` bytes (5 to 200 MiB) are asked for.

    No part is larger than `wanted`, but where the floor of 5 MiB forces it: that is only where `wanted` is under 10 MiB.
    """
    total = min(-(-size // wanted), MAX_PARTS)
    while total > 1 and -(-size // total) < MIN_PART:
        total -= 1
    return total


def plan_for(size: int, part_size: int | None, jobs: int, uploads_per_minute: int, most: int | None = None) -> Plan:
    """The split of a file of `size` bytes: in parts of `part_size` bytes where that is asked for, else of `most` bytes at most."""
    return Plan(size, total_parts_for(size, part_size) if part_size else choose_total(size, jobs, uploads_per_minute, most))


def choose_total(size: int, jobs: int, uploads_per_minute: int, most: int | None = None) -> int:
    """How many parts to split into when the user names no part size; `most` bytes are to be in one at most, if that is given.

    Few parts are rounded to whole waves of `jobs`: up, where that costs no other window of the limit, else down.
    """
    total = total_parts_for(size, wanted_part_size(size, jobs, uploads_per_minute, most))
    if not 1 < total < (_MORE_WAVES + 1) * jobs:
        return total
    window = int(_SHARE_OF_LIMIT * uploads_per_minute)
    up, down = -(-total // jobs) * jobs, total // jobs * jobs
    if is_valid_total(size, up) and (up <= window or total > window):
        return up
    return down if is_valid_total(size, down) and -(-size // down) <= (most or MAX_PART) else total
