"""Planning: any file the API takes is split so that the API takes it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidup.plan.parts import MAX_PART, MAX_PARTS, MAX_SIZE, MIB, MIN_PART, Part, Plan, choose_total, is_valid_total, total_parts_for

sizes = st.integers(1, MAX_SIZE) | st.integers(1, 64).map(lambda n: n * MIB) | st.integers(1, 2000).map(lambda n: n * MIN_PART + 1)
wishes = st.integers(MIN_PART, MAX_PART)


@pytest.mark.parametrize(
    ("size", "wanted", "total", "part_size", "last"),
    [
        (1, 5 * MIB, 1, 1, 1),
        (5 * MIB - 1, 5 * MIB, 1, 5 * MIB - 1, 5 * MIB - 1),
        (5 * MIB, 5 * MIB, 1, 5 * MIB, 5 * MIB),
        (5 * MIB + 1, 5 * MIB, 1, 5 * MIB + 1, 5 * MIB + 1),
        (10 * MIB, 5 * MIB, 2, 5 * MIB, 5 * MIB),
        (10 * MIB + 1, 5 * MIB, 2, 5 * MIB + 1, 5 * MIB),
        (37 * MIB + 123, 5 * MIB, 7, 5_542_491, 5_542_489),
        (17 * MIB, 9 * MIB, 2, 17 * MIB // 2, 17 * MIB // 2),
        (300 * MIB, 200 * MIB, 2, 150 * MIB, 150 * MIB),
        (401 * MIB, 200 * MIB, 3, 140_159_659, 140_159_658),
        (MAX_SIZE, 5 * MIB, 10_000, 5_242_880, 5_242_880),
    ],
)
def test_known_sizes_split_as_computed_by_hand(size: int, wanted: int, total: int, part_size: int, last: int) -> None:
    """The split of the sizes that go wrong elsewhere, to the byte."""
    plan = Plan(size, total_parts_for(size, wanted))
    assert plan.total_parts == total
    assert plan.part_size == part_size
    assert plan.part(total).length == last
    assert sum(plan.part(n).length for n in range(1, total + 1)) == size


def test_a_part_knows_its_place_in_the_file() -> None:
    """Offsets follow from size and total alone."""
    assert [Plan(11, 3).part(n) for n in (1, 2, 3)] == [Part(1, 0, 4), Part(2, 4, 4), Part(3, 8, 3)]


def test_the_content_range_counts_parts_from_one() -> None:
    """`part n/N`, as the reference spells it."""
    assert Plan(11, 3).content_range(2) == "part 2/3"


def test_what_is_missing_is_what_was_not_received() -> None:
    """In order, whatever arrived."""
    assert Plan(40 * MIB, 8).missing({2, 3, 8}) == [1, 4, 5, 6, 7]


@given(size=sizes, wanted=wishes)
def test_every_plan_keeps_every_limit(size: int, wanted: int) -> None:
    """Never over 10,000 parts, none over 200 MiB, none but the last under 5 MiB, none empty, and together the file."""
    plan = Plan(size, total_parts_for(size, wanted))
    assert is_valid_total(size, plan.total_parts)
    last = plan.part(plan.total_parts)
    assert 0 < last.length <= plan.part_size <= MAX_PART
    assert plan.total_parts == 1 or plan.part_size >= MIN_PART
    assert last.offset + last.length == size


@given(size=sizes, jobs=st.integers(1, 16), limit=st.sampled_from([1, 40, 100, 1000]))
def test_the_chosen_plan_keeps_every_limit_and_fills_its_waves(size: int, jobs: int, limit: int) -> None:
    """Left to itself vidup plans within the limits, and few parts come in whole waves of jobs unless they would be too small."""
    total = choose_total(size, jobs, limit)
    assert is_valid_total(size, total)
    if 1 < total < 6 * jobs:
        assert total % jobs == 0 or not is_valid_total(size, -(-total // jobs) * jobs)


@given(size=sizes, wanted=wishes)
def test_no_part_is_larger_than_wanted_unless_the_floor_forces_it(size: int, wanted: int) -> None:
    """--part-size is a ceiling: it is passed only where one part more would make them smaller than 5 MiB."""
    plan = Plan(size, total_parts_for(size, wanted))
    assert plan.part_size <= wanted or -(-size // (plan.total_parts + 1)) < MIN_PART
    assert plan.part_size <= wanted or wanted < 2 * MIN_PART


@given(size=sizes, wanted=wishes)
def test_there_are_no_more_parts_than_that_takes(size: int, wanted: int) -> None:
    """One part fewer would be larger than wanted."""
    total = total_parts_for(size, wanted)
    assert total == 1 or -(-size // (total - 1)) > wanted


@pytest.mark.parametrize(
    ("size", "total", "valid"),
    [(1, 1, True), (10 * MIB, 2, True), (10 * MIB - 2, 2, False), (201 * MIB, 1, False), (MAX_SIZE, MAX_PARTS, True), (MAX_SIZE, MAX_PARTS + 1, False), (5, 0, False)],
)  # fmt: skip
def test_a_total_from_outside_is_checked_against_the_limits(size: int, total: int, valid: bool) -> None:
    """A total that the server names is only believed if this file can be split so."""
    assert is_valid_total(size, total) is valid


@pytest.mark.parametrize(
    ("size_mib", "jobs", "limit", "total"),
    [
        (4, 4, 100, 1),
        (19, 4, 100, 3),
        (20, 4, 100, 4),
        (30, 4, 100, 4),
        (50, 4, 100, 8),
        (100, 4, 100, 12),
        (150, 4, 100, 12),
        (160, 4, 100, 16),
        (200, 4, 100, 20),
        (400, 4, 100, 20),
        (600, 4, 100, 24),
        (1024, 16, 40, 32),
        (500, 14, 40, 28),
        (847, 11, 60, 44),
        (547, 7, 40, 28),
        (1024, 4, 100, 41),
        (1024, 4, 40, 30),
        (10 * 1024, 4, 100, 160),
    ],
)
def test_the_usual_plans(size_mib: int, jobs: int, limit: int, total: int) -> None:
    """What a user meets: one part when small, one to five parts for each connection, then 25 to 64 MiB by the limit."""
    assert choose_total(size_mib * MIB, jobs, limit) == total
