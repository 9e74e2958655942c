"""The plan of what has no size yet: what each part is announced as, which go last, and what a status may say of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidup.plan.openplan import OpenPlan
from vidup.plan.parts import MIB
from vidup.upload.partbook import Part, PartBook

PART = 5 * MIB


@given(st.integers(1, 40 * PART), st.booleans())
def test_the_parts_of_an_ended_plan_are_the_whole(size: int, first_late: bool) -> None:
    """None is empty, all but the last have one size, and one alone tells the total."""
    total = -(-size // PART)
    plan = OpenPlan(PART, size, total, first_late, ended=True)
    parts = [plan.part(number) for number in range(1, total + 1)]
    assert sum(part.length for part in parts) == size and all(part.length > 0 for part in parts)
    assert [part.offset for part in parts] == [PART * number for number in range(total)]
    assert [plan.content_range(number) for number in range(1, total + 1)] == [f"part {n}/*" for n in range(1, total)] + [
        f"part {total}/{total}"
    ]
    assert plan.late == ((1, total) if first_late and total > 1 else (total,))


def test_before_its_end_no_part_tells_a_total() -> None:
    """Nor is any of them the last."""
    plan = OpenPlan(PART, 3 * PART, 3)
    assert [plan.content_range(number) for number in (1, 2, 3)] == ["part 1/*", "part 2/*", "part 3/*"]
    assert (plan.late, plan._replace(first_late=True).late) == ((), (1,))


@pytest.mark.parametrize(
    ("ended", "parts", "total", "fits"),
    [
        (False, {9}, None, True),
        (False, {1}, 3, True),
        (False, {1}, 2, False),
        (True, {1, 3}, 3, True),
        (True, {4}, None, False),
        (True, {1}, 4, False),
    ],
)
def test_a_status_of_another_end_is_refused(ended: bool, parts: set[int], total: int | None, fits: bool) -> None:
    """Of three parts so far: parts that are still to come a second time are fine, an end before them is not."""
    plan = OpenPlan(PART, 3 * PART, 3, ended=ended)
    assert plan.fits(parts, total) is fits
    assert (plan.agreed(parts, total) == plan) is fits


def send(book: PartBook) -> int | None:
    """Have the part sent that the book names."""
    number = book.next(0.0)
    if number is not None:
        book.sending(number)
    return number


def test_the_late_parts_go_one_after_the_other_when_all_others_are_confirmed() -> None:
    """And not before the plan is released."""
    book = PartBook(OpenPlan(PART))
    assert send(book) is None and not book.all_good
    book.grow(OpenPlan(PART, 3 * PART, 3, first_late=True))
    assert (send(book), send(book), send(book)) == (2, 3, None)
    ended = OpenPlan(PART, 3 * PART + 7, 4, first_late=True, ended=True)
    book.accepted(2)
    book.accepted(3)
    book.grow(ended)
    assert send(book) is None and not book.all_good
    book.grow(ended._replace(released=True))
    assert (send(book), send(book)) == (1, None)
    book.accepted(1)
    assert (send(book), send(book)) == (4, None)
    book.accepted(4)
    assert book.all_good and book.bytes_good == 3 * PART + 7


def test_a_late_part_that_failed_waits_for_one_that_got_lost() -> None:
    """The last one must not be there before the others."""
    book = PartBook(OpenPlan(PART))
    book.grow(OpenPlan(PART, 2 * PART, 2, ended=True, released=True))
    assert send(book) == 1
    book.accepted(1)
    assert send(book) == 2
    book.again(2, 0.0)
    book.again(1, 5.0)
    assert send(book) is None
    assert book.next(6.0) == 1


def test_what_was_confirmed_before_is_good_as_soon_as_it_comes() -> None:
    """By the record or by the status; what is still to come does not count yet."""
    book = PartBook(OpenPlan(PART), touched=[1, 2, 3])
    assert book.listed([1, 2, 3]) == []
    book.grow(OpenPlan(PART, 2 * PART, 2), recorded=[1, 3], listed=[2])
    assert (book.state(1), book.state(2), book.good, book.began_with) == (Part.ACCEPTED, Part.LISTED, 2, 2)
    assert send(book) is None and not book.all_good
