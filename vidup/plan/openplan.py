"""CORE: the plan for what has no size yet: parts of one size, known as they are filled, and which of them go last, one after the other.

It answers the questions that `Plan` answers. Parts are announced as `n/*`; the last one alone, as `n/n`, tells the server the total: until
it is there no set is whole, so it goes only when all others are confirmed, and when whoever made the bytes is known to be good.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from vidup.plan.parts import MIB, Part, Plan

USUAL_PART: Final = 16 * MIB
"""Bytes of a part where no size is asked for: at 100 parts a minute 26 MiB a second, and 156 GiB in 10,000 parts."""


FOLLOWED: Final = "follow:"
"""Stands before the path of a file that was still being written: an upload of the finished file is another one."""


class OpenPlan(NamedTuple):
    """What is known of something that grows: parts of `part_size` bytes of which `total_parts` may be sent by now, `size` bytes in all.

    `first_late`: part 1 goes after the others, for whoever writes goes back to it. `ended`: no more will come; the last part may then be
    shorter. `released`: what was read is good, so that the late parts may go.
    """

    part_size: int
    size: int = 0
    total_parts: int = 0
    first_late: bool = False
    ended: bool = False
    released: bool = False

    @property
    def late(self) -> tuple[int, ...]:
        """The parts that go alone when all others are confirmed, in this order."""
        first = (1,) if self.first_late and self.total_parts else ()
        last = (self.total_parts,) if self.ended and self.total_parts else ()
        return tuple(dict.fromkeys(first + last))

    def part(self, number: int) -> Part:
        """The part of this number, 1 to total_parts."""
        return Part(number, (number - 1) * self.part_size, self.length(number))

    def length(self, number: int) -> int:
        """Bytes of this part, 1 to total_parts."""
        return min(self.part_size, self.size - (number - 1) * self.part_size)

    def content_range(self, number: int) -> str:
        """The Content-Range value of this part: only the last one says the total (https://docs.api.video/vod/progressive-upload)."""
        return f"part {number}/{self.total_parts if self.ended and number == self.total_parts else '*'}"

    def missing(self, received: Collection[int]) -> list[int]:
        """The numbers of the known parts that are not in `received`, in order."""
        return [number for number in range(1, self.total_parts + 1) if number not in received]

    def bytes_of(self, received: Collection[int]) -> int:
        """How many bytes these parts hold."""
        return sum(self.length(number) for number in received)

    def fits(self, parts: Collection[int], total: int | None) -> bool:
        """Whether a status that lists these parts of that total can be of this upload: the server may know of parts that are still to come
        here a second time, but of no other end."""
        if self.ended:
            return total in (None, self.total_parts) and max(parts, default=0) <= self.total_parts
        return total is None or self.total_parts <= total

    def agreed(self, parts: Collection[int], total: int | None) -> OpenPlan | None:
        """The plan for the rest, where the server has these parts of that total; None where they cannot be of this upload."""
        return self if self.fits(parts, total) else None

    def is_finer(self, wanted: int) -> bool:
        """Whether parts of `wanted` bytes would be smaller than these."""
        return wanted < self.part_size

    def is_split_by(self, wanted: int) -> bool:
        """Whether these are the parts that somebody gets who asks for parts of `wanted` bytes."""
        return wanted == self.part_size


AnyPlan = Plan | OpenPlan
"""A split whose parts are all known, or one that grows; both answer the same questions."""


class Grown(NamedTuple):
    """What is new of a source that grows: the plan as it is now, and the SHA-256 of every part that is new in it."""

    plan: OpenPlan
    digests: Mapping[int, str]
