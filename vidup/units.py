"""CORE: sizes and durations, from what people write and to what people read."""

from __future__ import annotations

import re
from typing import Final

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)(b?)", re.IGNORECASE)
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)?", re.IGNORECASE)
_POWER: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}

_MOST_BYTES: Final = float(2**63 - 1)
"""What a file can have at most on any system; digits without end would be an infinite number."""

_MOST_SECONDS: Final = 3650 * 86400.0
"""Ten years: longer than any wait that is meant, and within what the clocks of a system can wait for."""

_LONGEST_SHOWN: Final = 100 * 86400.0
"""Seconds from which the exact number says nothing any more: a line that hardly moves, or an infinite number."""


def parse_size(text: str) -> int:
    """Bytes of `50MiB`, `50M` (both 1024-based), `50MB` (1000-based) or `52428800`; ValueError for anything else, and above 2^63."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or (match[3] and not match[2]):
        raise ValueError(f"{text!r} is not a size: write 50MiB, 50M, 50MB or a number of bytes")
    base = 1000 if match[4] and match[2] and not match[3] else 1024
    count = float(match[1]) * float(base ** _POWER[match[2].lower()])
    if count >= _MOST_BYTES:
        raise ValueError("that is more bytes than a file can have")
    return round(count)


def parse_rate(text: str) -> int:
    """Bytes a second of what `parse_size` reads, with or without `/s`; ValueError for anything else."""
    try:
        return parse_size(re.sub(r"\s*(/\s*s|ps)\s*\Z", "", text, flags=re.IGNORECASE))
    except ValueError:
        raise ValueError(f"{text!r} is not a rate: write 5M, 5MiB or 5MB, which are bytes a second") from None


def parse_duration(text: str) -> float:
    """Seconds of `90`, `90s`, `15m`, `2h` or `7d`, at most ten years; ValueError for anything else."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration: write 90, 90s, 15m or 2h")
    seconds = float(match[1]) * _SECONDS[(match[2] or "s").lower()]
    if seconds > _MOST_SECONDS:
        raise ValueError("that is longer than ten years")
    return seconds


def show_size(count: float) -> str:
    """`0 B`, `1.5 KiB`, `37.0 MiB`, `3.00 GiB`: always binary, always labelled."""
    if count < 1024:
        return f"{int(count)} B"
    for unit, digits in (("KiB", 1), ("MiB", 1), ("GiB", 2)):
        count /= 1024
        if count < 1023.95 or unit == "GiB":
            return f"{count:.{digits}f} {unit}"
    raise AssertionError("unreachable")


def show_rate(count: int) -> str:
    """A rate that somebody set, in bytes and in bits, which are what lines are sold in: `5 MiB/s (42 Mbit/s)`."""
    bits, unit = count * 8 / 1e3, "kbit"
    for larger in ("Mbit", "Gbit"):
        if bits >= 999.5:
            bits, unit = bits / 1e3, larger
    digits = 1 if bits < 9.95 else 0
    return f"{re.sub(r'[.]0+ ', ' ', show_size(count))}/s ({bits:.{digits}f} {unit}/s)"


def option_size(count: int) -> str:
    """A size as an option takes it, exact: `25MiB` where it is whole, else bytes."""
    mebibytes, rest = divmod(count, 1024 * 1024)
    return str(count) if rest else f"{mebibytes}MiB"


def show_time(seconds: float) -> str:
    """How long something took: `0.4 s`, `9.9 s`, and from ten seconds on as `show_duration`."""
    return f"{max(0.0, seconds):.1f} s" if round(seconds, 1) < 10 else show_duration(seconds)


def show_duration(seconds: float) -> str:
    """`4 s`, `4:22`, `1:02:03`, `over 100 days`; any number can be shown."""
    if seconds >= _LONGEST_SHOWN:
        return "over 100 days"
    whole = round(max(0.0, seconds))  # of a number that is none this is 0
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
