"""Who is looked at in a turn of the dispatcher: those that are open, but not those that only wait for later."""

from __future__ import annotations

import math
from typing import cast

from vidup.upload.roster import Roster
from vidup.upload.upload import Upload


class One:
    """An upload as far as the roster sees it; `later`: until when it only waits."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.over = False
        self.in_flight = 0
        self.error = None
        self.later = 0.0

    def rests_until(self, now: float) -> float | None:
        return self.later if self.later > now else None

    def begin(self, ahead: bool = False) -> None: ...

    def settle(self) -> None: ...

    def heard_through(self, _through: object) -> None: ...

    def takes_turns(self, _turns: object) -> None: ...


def roster_of(count: int) -> tuple[Roster, list[One]]:
    """A roster, all of it begun."""
    ones = [One(number) for number in range(count)]
    roster = Roster(count, lambda number: cast(Upload, ones[number]))
    for _ in ones:
        roster.begin(lambda _number, tell: tell)
    return roster, ones


def numbers(uploads: list[Upload]) -> list[int]:
    return [upload.number for upload in uploads]


def test_those_that_wait_for_later_are_not_looked_at_until_then() -> None:
    """Thousands may wait until their videos play: each is taken back at its own moment, and is there for a view all the while."""
    roster, ones = roster_of(4)
    ones[0].later, ones[2].later = 30.0, 10.0
    roster.rest(0.0)
    assert (numbers(roster.open), roster.alarm) == ([1, 3], 10.0)
    assert sorted(numbers(roster.made)) == [0, 1, 2, 3] and not roster.all_over
    roster.rest(9.9)
    assert numbers(roster.open) == [1, 3]
    roster.rest(10.0)
    assert (sorted(numbers(roster.open)), roster.alarm) == ([1, 2, 3], 30.0)
    roster.rest(40.0)
    assert (len(roster.open), roster.alarm) == (4, math.inf)


def test_what_happens_to_all_happens_to_those_at_rest() -> None:
    """A line that is back, a stop: nobody sleeps through it."""
    roster, ones = roster_of(3)
    for one in ones:
        one.later = 100.0
    roster.rest(0.0)
    assert roster.open == []
    roster.awake()
    assert numbers(roster.open) == [0, 1, 2]
    roster.rest(1.0)
    ended = list[int]()
    roster.end_all(lambda upload: ended.append(upload.number))
    assert ended == [0, 1, 2]


def test_who_is_over_goes_once_nothing_is_awaited_for_it() -> None:
    """Until then its answers still find it."""
    roster, ones = roster_of(2)
    ones[0].over = ones[1].over = True
    ones[1].in_flight = 1
    assert numbers(list(roster.sweep())) == [0]
    assert roster[1].number == 1 and roster.all_over
    ones[1].in_flight = 0
    assert numbers(list(roster.sweep())) == [1] and roster.made == []
