"""Sizes and durations, as people write and read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidup.units import option_size, parse_duration, parse_size, show_duration, show_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("5242880", 5242880), ("50MiB", 52428800), ("50M", 52428800), ("50m", 52428800), ("50MB", 50_000_000), ("1.5GiB", 1610612736),
     ("1K", 1024), ("1KB", 1000), ("7B", 7), (" 5 MiB ", 5242880), ("1T", 1099511627776)],
)  # fmt: skip
def test_sizes_are_1024_based_unless_they_say_mb(text: str, size: int) -> None:
    """K M G and KiB MiB GiB count in 1024, KB MB GB in 1000."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MiB", "5iB", "-5M", "5 potatoes", "1e9", "５M5"])
def test_what_is_no_size_is_refused(text: str) -> None:
    """With a sentence that shows how to write one."""
    with pytest.raises(ValueError, match="write 50MiB"):
        parse_size(text)


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("0", 0), ("1.5m", 90), ("7d", 604800)])
def test_durations_are_seconds_unless_they_say_more(text: str, seconds: float) -> None:
    """90, 90s, 15m, 2h."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1", "5 weeks"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """With a sentence that shows how to write one."""
    with pytest.raises(ValueError, match="write 90"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (37 * 2**20, "37.0 MiB"), (3 * 2**30, "3.00 GiB"), (5 * 2**40, "5120.00 GiB")],
)
def test_sizes_are_shown_binary_and_labelled(size: int, text: str) -> None:
    """Never a bare number, never MB for MiB."""
    assert show_size(size) == text


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (4.4, "4 s"), (59.6, "1:00"), (262, "4:22"), (3723, "1:02:03"), (-3, "0 s")])
def test_durations_are_shown_short(seconds: float, text: str) -> None:
    """Seconds below a minute, then a clock."""
    assert show_duration(seconds) == text


@given(st.integers(1, 2**40))
def test_an_option_size_reads_back_exactly(size: int) -> None:
    """What an advice prints can be pasted into the option."""
    assert parse_size(option_size(size)) == size
