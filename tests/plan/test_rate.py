"""What --limit-rate makes of an upload: jobs, parts, steps and buffers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidup.plan.parts import MAX_SIZE, MIB, MIN_PART, choose_total, is_valid_total
from vidup.plan.rate import KIB, SLOWEST, buffer_of, jobs_within, most_in_part, seconds_for, step_of

rates = st.integers(SLOWEST, 10 * 1024 * MIB)


@pytest.mark.parametrize(
    ("jobs", "rate", "most"),
    [(4, 200 * KIB, 1), (4, 499 * KIB, 1), (4, 500 * KIB, 2), (4, 5 * MIB, 4), (16, 2500 * KIB, 10), (1, 10 * MIB, 1), (4, 0, 4), (4, None, 4)],
)  # fmt: skip
def test_each_part_in_flight_has_250_kib_a_second(jobs: int, rate: int | None, most: int) -> None:
    """Under a limit that is less than that for each, fewer go at a time; one goes in any case."""
    assert jobs_within(jobs, rate) == most


@given(size=st.integers(1, MAX_SIZE), jobs=st.integers(1, 16), rate=rates, limit=st.sampled_from([40, 100]))
def test_a_part_takes_a_minute_at_most(size: int, jobs: int, rate: int, limit: int) -> None:
    """So much is what a dropped line loses; but for the floor of 5 MiB, and the ceiling of 10,000 parts."""
    jobs = jobs_within(jobs, rate)
    most = most_in_part(jobs, rate)
    assert most is not None
    total = choose_total(size, jobs, limit, most)
    assert is_valid_total(size, total)
    part = -(-size // total)
    assert part <= max(most, 2 * MIN_PART - 1) or total == 10_000
    assert part <= MIN_PART or part / (rate / jobs) <= 60.001 or most == MIN_PART or part < 2 * MIN_PART


def test_without_a_limit_nothing_changes() -> None:
    assert (most_in_part(4, None), buffer_of(4, None), seconds_for(MIB, None)) == (None, None, 0.0)


@given(rate=rates)
def test_bytes_leave_in_small_steps(rate: int) -> None:
    """At least one each quarter of a second: whoever waits for the limit is never idle for longer; and ten seconds are met within 3 per cent."""
    assert 1 <= step_of(rate) <= 512 * KIB
    assert step_of(rate) / rate <= 0.25


@pytest.mark.parametrize(("rate", "step"), [(16 * KIB, 4 * KIB), (200 * KIB, 16 * KIB), (MIB, MIB // 20), (50 * MIB, 512 * KIB)])
def test_the_steps_that_the_limits_of_a_line_get(rate: int, step: int) -> None:
    assert step_of(rate) == step


@pytest.mark.parametrize(
    ("jobs", "rate", "buffer"), [(1, 200 * KIB, 200 * KIB), (4, 100 * KIB, 64 * KIB), (4, 5 * MIB, 1280 * KIB), (4, 50 * MIB, None), (1, 4 * MIB, None)],
)  # fmt: skip
def test_the_kernel_holds_a_second_of_each_connection(jobs: int, rate: int, buffer: int | None) -> None:
    """Not less than 64 KiB; and where a second is more than it would ever hold, it does as it likes."""
    assert buffer_of(jobs, rate) == buffer
