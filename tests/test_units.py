"""Sizes and durations, as people write and read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidup.units import option_size, parse_duration, parse_rate, parse_size, show_duration, show_rate, show_size


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


@pytest.mark.parametrize("text", ["9" * 400, "9" * 400 + "MiB", "8388608T", str(2**63)])
def test_more_bytes_than_a_file_can_have_are_no_size(text: str) -> None:
    """Also where a number with so many digits would be an infinite one."""
    with pytest.raises(ValueError, match="more bytes"):
        parse_size(text)


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("0", 0), ("1.5m", 90), ("7d", 604800)])
def test_durations_are_seconds_unless_they_say_more(text: str, seconds: float) -> None:
    """90, 90s, 15m, 2h."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1", "5 weeks", "inf", "nan", "1e9"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """With a sentence that shows how to write one."""
    with pytest.raises(ValueError, match="write 90"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["3651d", "9" * 400, "9" * 400 + "d"])
def test_what_nobody_lives_to_see_is_no_duration(text: str) -> None:
    """Ten years are; 0 is how `for ever` is written."""
    assert parse_duration("3650d") == 3650 * 86400
    with pytest.raises(ValueError, match="ten years"):
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


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(8_639_999, "2399:59:59"), (8_640_000, "over 100 days"), (1e300, "over 100 days"), (math.inf, "over 100 days"), (-math.inf, "0 s"), (math.nan, "0 s")],
)  # fmt: skip
def test_every_number_of_seconds_can_be_shown(seconds: float, text: str) -> None:
    """What a division made of a line that hardly moves is no reason to fail."""
    assert show_duration(seconds) == text


@given(st.integers(1, 2**40))
def test_an_option_size_reads_back_exactly(size: int) -> None:
    """What an advice prints can be pasted into the option."""
    assert parse_size(option_size(size)) == size


@pytest.mark.parametrize(
    ("text", "rate"), [("5M", 5 * 1024**2), ("5MiB/s", 5 * 1024**2), ("5 MB/s", 5_000_000), ("200KiB", 204800), ("0", 0), ("70000", 70000)]
)
def test_a_rate_is_a_size_a_second(text: str, rate: int) -> None:
    """With or without saying so."""
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "fast", "5M/min", "-1", "5Mbit"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    """Bits, too: who takes the one for the other is wrong by eight."""
    with pytest.raises(ValueError, match="bytes a second"):
        parse_rate(text)


@pytest.mark.parametrize(
    ("rate", "text"),
    [(5 * 1024**2, "5 MiB/s (42 Mbit/s)"), (200 * 1024, "200 KiB/s (1.6 Mbit/s)"), (16 * 1024, "16 KiB/s (131 kbit/s)"), (5_000_000, "4.8 MiB/s (40 Mbit/s)"),
     (2 * 1024**3, "2 GiB/s (17 Gbit/s)"), (124_990, "122.1 KiB/s (1.0 Mbit/s)")],
)  # fmt: skip
def test_a_rate_is_shown_in_bytes_and_in_bits(rate: int, text: str) -> None:
    """Lines are sold in bits, files have bytes."""
    assert show_rate(rate) == text
