"""The book of parts: which transitions are legal, that its sums agree with it, and which part is next."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from vidup.plan.parts import Plan
from vidup.upload.partbook import Doubt, Part, PartBook
from vidup.verdicts.judge import Reply
from vidup.verdicts.rules import TABLE

MISSING, SENDING, UNSURE, ACCEPTED, HELD, LISTED = Part.MISSING, Part.SENDING, Part.UNSURE, Part.ACCEPTED, Part.HELD, Part.LISTED

NO_ANSWER = Reply(failure="no-answer")
SAID = (TABLE.judge(NO_ANSWER), NO_ANSWER)
PLAN = Plan(95, 10)
"""Nine parts of 10 bytes, and a last one of 5."""


def doubtful(book: PartBook, number: int) -> None:
    book.doubtful(number, Doubt.LOST, SAID, now=100.0, wait=2.0)


def again(book: PartBook, number: int) -> None:
    book.again(number, 100.0)


def listed_on_its_way(book: PartBook, number: int) -> None:
    book.listed([number], on_their_way=True)


TOLD: dict[str, Callable[[PartBook, int], object]] = {
    "sending": PartBook.sending, "accepted": PartBook.accepted, "held": PartBook.held, "doubtful": doubtful, "again": again,
    "put_back": PartBook.put_back, "listed": lambda book, number: book.listed([number]), "listed on its way": listed_on_its_way,
}  # fmt: skip

WAYS: dict[Part, tuple[str, ...]] = {
    MISSING: (), SENDING: ("sending",), UNSURE: ("sending", "doubtful"), ACCEPTED: ("sending", "accepted"), HELD: ("sending", "held"),
    LISTED: ("listed",),
}  # fmt: skip

BECOMES: dict[tuple[Part, str], Part] = {
    (MISSING, "sending"): SENDING, (MISSING, "listed"): LISTED, (MISSING, "listed on its way"): LISTED,
    (SENDING, "accepted"): ACCEPTED, (SENDING, "held"): HELD, (SENDING, "doubtful"): UNSURE, (SENDING, "again"): MISSING,
    (SENDING, "put_back"): MISSING, (SENDING, "listed"): SENDING, (SENDING, "listed on its way"): LISTED,
    (UNSURE, "held"): HELD, (UNSURE, "again"): MISSING, (UNSURE, "put_back"): MISSING, (UNSURE, "listed"): LISTED,
    (UNSURE, "listed on its way"): LISTED,
    (ACCEPTED, "accepted"): ACCEPTED, (ACCEPTED, "again"): MISSING, (ACCEPTED, "put_back"): MISSING, (ACCEPTED, "listed"): LISTED,
    (ACCEPTED, "listed on its way"): LISTED,
    (HELD, "accepted"): HELD, (HELD, "again"): MISSING, (HELD, "put_back"): MISSING, (HELD, "listed"): LISTED,
    (HELD, "listed on its way"): LISTED,
    (LISTED, "accepted"): LISTED, (LISTED, "listed"): LISTED, (LISTED, "listed on its way"): LISTED,
}  # fmt: skip
"""What a part in this state becomes when this is told of it; whatever is not here is a fault of the program."""


def book_with(state: Part, number: int = 3) -> PartBook:
    """A book in which this part is in this state, and all others are missing."""
    book = PartBook(PLAN)
    for told in WAYS[state]:
        TOLD[told](book, number)
    assert book.state(number) is state
    return book


def sent(book: PartBook, now: float) -> list[int]:
    """Every part that may be sent now, in order; each is on its way afterwards."""
    order: list[int] = []
    while (number := book.next(now)) is not None:
        assert book.next(now) == number
        book.sending(number)
        order.append(number)
    return order


@pytest.mark.parametrize("told", TOLD)
@pytest.mark.parametrize("state", Part, ids=lambda state: state.name)
def test_each_transition_is_legal_or_a_fault(state: Part, told: str) -> None:
    """Of all pairs of a state and what is told of a part, those of the table pass, and every other one is noticed at once."""
    book = book_with(state)
    before = (book.states(), book.good, book.bytes_good, book.left, set(book.unsure), book.retries)
    if (state, told) in BECOMES:
        TOLD[told](book, 3)
        assert book.state(3) is BECOMES[state, told]
        return
    with pytest.raises(AssertionError, match=f"part 3 cannot go from {state.name}"):
        TOLD[told](book, 3)
    assert (book.states(), book.good, book.bytes_good, book.left, set(book.unsure), book.retries) == before


@pytest.mark.parametrize(("state", "news"), [(MISSING, [3]), (UNSURE, [3]), (ACCEPTED, []), (HELD, []), (LISTED, []), (SENDING, [])])
def test_only_what_was_not_known_good_is_news(state: Part, news: list[int]) -> None:
    """A part is confirmed once."""
    assert book_with(state).listed([3]) == news


def test_a_late_answer_to_a_part_that_is_listed_is_no_news() -> None:
    """The status was sooner."""
    book = book_with(SENDING)
    assert book.listed([3], on_their_way=True) == [3]
    assert not book.accepted(3)
    assert book_with(SENDING).accepted(3)


def test_a_book_begins_with_what_is_known() -> None:
    """The record's word, the status's word, which is better, and what may have been sent."""
    book = PartBook(PLAN, recorded=[1, 2], listed=[2, 10], touched=[5])
    assert [book.state(number) for number in (1, 2, 5, 10)] == [ACCEPTED, LISTED, MISSING, LISTED]
    assert (book.good, book.bytes_good, book.began_with, book.left) == (3, 25, 3, 7)
    assert book.touched == {1, 2, 5}
    assert book.may_be_on_server and not PartBook(PLAN).may_be_on_server
    assert PartBook(PLAN, touched=[5]).may_be_on_server


def test_whatever_may_be_on_the_server_is_remembered() -> None:
    """An attempt that was begun may have arrived, unless the server refused the first one clearly."""
    book = PartBook(PLAN)
    book.sending(4)
    book.put_back(4)
    assert book.touched == {4} and book.may_be_on_server
    book.clearly_refused(4)
    assert not book.may_be_on_server


def test_parts_go_out_in_order() -> None:
    """One after the other, past those that are there already; asked twice, it is the same."""
    book = PartBook(PLAN, listed=[1, 4])
    assert sent(book, 0.0) == [2, 3, 5, 6, 7, 8, 9, 10]
    assert book.left == 0


def test_a_part_that_is_due_again_goes_before_a_new_one() -> None:
    """But not before its time: until then new ones go."""
    book = book_with(SENDING, 1)
    book.again(1, 50.0)
    assert book.next(49.9) == 2
    assert book.due() == 50.0
    assert book.next(50.0) == 1


def test_parts_that_are_due_again_go_in_the_order_of_their_times() -> None:
    """The longest overdue first."""
    book = PartBook(PLAN)
    for number, at in ((1, 60.0), (2, 40.0), (3, 50.0)):
        book.sending(number)
        book.again(number, at)
    assert sent(book, 100.0)[:3] == [2, 3, 1]


def test_a_part_that_was_put_back_goes_first_of_all() -> None:
    """Its attempt came to nothing, by nobody's fault: it waits for nothing, and counts as no retry and no attempt."""
    book = PartBook(PLAN)
    for number in (1, 2):
        book.sending(number)
    book.again(1, 10.0)
    book.put_back(2)
    assert book.next(100.0) == 2
    assert (book.retries, book.retried, book.trouble(1).attempts, book.trouble(2).attempts) == (1, 1, 1, 0)
    assert book.waiting_again() == [1]


def test_a_part_that_waits_is_not_sent_as_a_new_one() -> None:
    """Its time is kept, also when nothing else is left to send."""
    book = PartBook(Plan(20, 2), listed=[2])
    book.sending(1)
    book.again(1, 50.0)
    assert (book.next(49.0), book.next(50.0)) == (None, 1)


def test_a_part_that_is_listed_while_it_waits_is_not_sent_again() -> None:
    """Nor is anybody woken for it."""
    book = book_with(SENDING, 1)
    book.again(1, 50.0)
    book.listed([1])
    assert book.next(100.0) == 2
    assert book.due() is None


def test_a_part_that_failed_twice_keeps_its_later_time() -> None:
    """What was queued before is void."""
    book = PartBook(Plan(10, 1))
    for at in (50.0, 90.0):
        book.sending(1)
        book.again(1, at)
    assert (book.next(60.0), book.next(90.0), book.due()) == (None, 1, 90.0)


def test_when_the_line_is_back_nothing_waits_any_longer() -> None:
    """What is due later is due now; what is due, or put back, keeps its turn."""
    book = PartBook(PLAN)
    for number, at in ((1, 500.0), (2, 90.0), (3, 900.0)):
        book.sending(number)
        book.again(number, at)
    book.sending(4)
    book.put_back(4)
    book.wake(100.0)
    assert sent(book, 100.0)[:5] == [4, 2, 1, 3, 5]


def test_a_part_in_doubt_is_not_sent() -> None:
    """First it must be known whether it is there; why it is in doubt is remembered."""
    book = book_with(UNSURE, 1)
    assert (book.next(1000.0), book.unsure, book.left) == (2, {1}, 10)
    trouble = book.trouble(1)
    assert (trouble.doubt, trouble.said, trouble.since, trouble.wait) == (Doubt.LOST, SAID, 100.0, 2.0)
    again(book, 1)
    assert (book.next(100.0), book.unsure) == (1, set())


def test_progress_forgives_cuts() -> None:
    """Bodies that were cut count in a row."""
    book = book_with(SENDING, 1)
    book.cuts[1] = 9
    book.progressed()
    assert not book.cuts


class AnyCourse(RuleBasedStateMachine):
    """Whatever is legally told of the parts, in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.book = PartBook(PLAN)
        self.now = 0.0
        self.again = 0

    numbers = st.integers(1, PLAN.total_parts)

    @rule(number=numbers, told=st.sampled_from(sorted(TOLD)))
    def tell(self, number: int, told: str) -> None:
        state = self.book.state(number)
        if (state, told) in BECOMES:
            TOLD[told](self.book, number)
            self.again += told == "again"
            assert self.book.state(number) is BECOMES[state, told]

    @rule(number=numbers, seconds=st.floats(0, 50))
    def fail(self, number: int, seconds: float) -> None:
        if self.book.state(number) in (SENDING, UNSURE):
            self.book.again(number, self.now + seconds)
            self.again += 1

    @rule(seconds=st.floats(0, 20))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def wake(self) -> None:
        self.book.wake(self.now)

    @precondition(lambda self: self.book.next(self.now) is not None)
    @rule()
    def send(self) -> None:
        number = self.book.next(self.now)
        assert number is not None and self.book.state(number) is MISSING
        assert self.book.trouble(number).retry_at <= self.now
        self.book.sending(number)

    @invariant()
    def the_sums_agree_with_the_states(self) -> None:
        states = [self.book.state(number) for number in range(1, PLAN.total_parts + 1)]
        good = [number for number, state in enumerate(states, 1) if state in (ACCEPTED, HELD, LISTED)]
        assert bytes(states) == self.book.states()
        assert (self.book.good, self.book.bytes_good) == (len(good), sum(5 if number == 10 else 10 for number in good))
        assert self.book.left == states.count(MISSING) + states.count(UNSURE)
        assert self.book.unsure == {number for number, state in enumerate(states, 1) if state is UNSURE}
        assert self.book.all_good == (len(good) == PLAN.total_parts)
        assert self.book.numbers(MISSING, LISTED) == [number for number, state in enumerate(states, 1) if state in (MISSING, LISTED)]
        assert self.book.retries == self.again

    @invariant()
    def every_missing_part_is_sent_sooner_or_later(self) -> None:
        number = self.book.next(self.now + 10_000)
        assert (number is not None) == (MISSING in self.book.states())
        due = self.book.due()
        waiting = [n for n in range(1, 11) if self.book.state(n) is MISSING and self.book.trouble(n).retry_at > self.now]
        assert not waiting or (due is not None and due <= min(self.book.trouble(n).retry_at for n in waiting))


TestAnyCourse = AnyCourse.TestCase
"""Its sums and its turns are right after every step."""
