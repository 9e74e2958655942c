"""CORE: sizes and durations, from what people write and to what people read."""

from __future__ import annotations

import re
from typing import Final

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)(b?)", re.IGNORECASE)
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)?", re.IGNORECASE)
_POWER: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_size(text: str) -> int:
    """Bytes of `50MiB`, `50M` (both 1024-based), `50MB` (1000-based) or `52428800`; ValueError for anything else."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or (match[3] and not match[2]):
        raise ValueError(f"{text!r} is not a size: write 50MiB, 50M, 50MB or a number of bytes")
    base = 1000 if match[4] and match[2] and not match[3] else 1024
    return round(float(match[1]) * float(base ** _POWER[match[2].lower()]))


def parse_duration(text: str) -> float:
    """Seconds of `90`, `90s`, `15m`, `2h` or `7d`; ValueError for anything else."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration: write 90, 90s, 15m or 2h")
    return float(match[1]) * _SECONDS[(match[2] or "s").lower()]


def show_size(count: float) -> str:
    """`0 B`, `1.5 KiB`, `37.0 MiB`, `3.00 GiB`: always binary, always labelled."""
    if count < 1024:
        return f"{int(count)} B"
    for unit, digits in (("KiB", 1), ("MiB", 1), ("GiB", 2)):
        count /= 1024
        if count < 1023.95 or unit == "GiB":
            return f"{count:.{digits}f} {unit}"
    raise AssertionError("unreachable")


def option_size(count: int) -> str:
    """A size as an option takes it, exact: `25MiB` where it is whole, else bytes."""
    mebibytes, rest = divmod(count, 1024 * 1024)
    return str(count) if rest else f"{mebibytes}MiB"


def show_duration(seconds: float) -> str:
    """`4 s`, `4:22`, `1:02:03`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
