"""EMULATOR: the `Content-Range` header, and which documented error each wrong one meets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from vidup.emulator.answers import Refused
from vidup.emulator.limits import MAX_PARTS

_PART: Final = re.compile(r"part (\d+)/(\d+|\*)")
_BYTES: Final = re.compile(r"bytes \d*-\d*/(\d+|\*)")
_BY_PART: Final = "video-content-range-by-part-"


@dataclass(frozen=True, slots=True)
class PartRange:
    """`part number/total`; a total of None stands for `*`."""

    number: int
    total: int | None

    @property
    def last(self) -> bool:
        """Whether the header says that no higher part will come."""
        return self.number == self.total


def read_range(text: str | None, *, begun_by_part: bool) -> PartRange | None:
    """The range of this header, None without one. Refused when it is malformed or out of the documented bounds."""
    if text is None:
        return None
    match = _PART.fullmatch(text.strip())
    if match is None:
        if not _BYTES.fullmatch(text.strip()):
            raise Refused("video-content-range-malformed")
        if begun_by_part:
            raise Refused("video-content-range-started-with-part")
        raise Refused("video-content-range-malformed", detail='This emulator takes "part" ranges only.')
    wanted = PartRange(int(match[1]), None if match[2] == "*" else int(match[2]))
    _check_bounds(wanted)
    return wanted


def _check_bounds(wanted: PartRange) -> None:
    if wanted.total == 0:
        raise Refused(_BY_PART + "total-parts-zero")
    if wanted.total is not None and wanted.total > MAX_PARTS:
        raise Refused(_BY_PART + "total-parts-too-high", x=MAX_PARTS)
    if wanted.number == 0:
        raise Refused(_BY_PART + "part-zero")
    if wanted.number > MAX_PARTS:
        raise Refused(_BY_PART + "part-too-high-allowed", x=MAX_PARTS)
    if wanted.total is not None and wanted.number > wanted.total:
        raise Refused(_BY_PART + "part-too-high-total", x=wanted.total)


def check_against(wanted: PartRange, *, stored: set[int], total: int | None) -> None:
    """Refused when this range contradicts the parts and the total that the video already has."""
    if total is not None:
        if wanted.total is not None and wanted.total != total:
            raise Refused(_BY_PART + "different-total-parts", x=total)
        if wanted.number > total:
            raise Refused(_BY_PART + "part-too-high-total", x=total)
    if wanted.number in stored:
        raise Refused(_BY_PART + "part-already-sent", x=wanted.number)
    if total is None and wanted.total is not None and stored and wanted.total <= max(stored):
        raise Refused(_BY_PART + "total-parts-too-low", x=max(stored))
