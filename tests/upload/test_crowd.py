"""The numbers of all files together: counted as things happen, and true at every moment between."""

from __future__ import annotations

from vidup.plan.parts import MIB, Plan
from vidup.upload.crowd import Condition, Crowd
from vidup.upload.partbook import PartBook
from vidup.upload.rate import Meter
from vidup.upload.tally import Tally

SIZE = 30 * MIB


class _Body:
    """A body of which so much is out."""

    def __init__(self, handed: int = 0, all_out: bool = False) -> None:
        self.handed = handed
        self.all_out = all_out


def sent(tally: Tally, book: PartBook, number: int, body: _Body) -> None:
    """This part is on its way."""
    tally.begin(book)
    book.sending(number)
    tally.sending(number, body)


def test_every_file_is_somewhere_and_only_there() -> None:
    """To come, open, or over: the sum is always the number of files."""
    crowd = Crowd([10, 20, None, 40])
    seen = [crowd.snapshot()]
    crowd.began(0, "a.mp4", 10, Tally())
    seen.append(crowd.snapshot())
    crowd.ended(0, "uploaded")
    crowd.ended(1, "failed")
    seen.append(crowd.snapshot())
    crowd.began(2, "c.mp4", 30, Tally())
    crowd.ended(2, "interrupted")
    crowd.ended(3, "interrupted")
    crowd.never_begun("skipped", 5)
    seen.append(crowd.snapshot())
    assert [(one.files, one.over, len(one.open), one.to_come) for one in seen] == [(4, 0, 0, 4), (4, 0, 1, 3), (4, 2, 0, 2), (9, 9, 0, 0)]
    assert seen[-1][:5] == (9, 1, 1, 2, 5)


def test_the_total_is_what_is_confirmed_when_all_is_over() -> None:
    """A file that fails takes its missing bytes out of the total, so that the end is at 100 % and what is left is never a lie."""
    crowd = Crowd([SIZE, None, 500])
    assert crowd.snapshot().bytes_total == SIZE + 500
    crowd.began(1, "b.mp4", 1000, Tally())
    crowd.began(0, "a.mp4", SIZE + 7, Tally())  # it grew since it was listed
    assert crowd.snapshot().bytes_total == SIZE + 7 + 1000 + 500
    crowd.ended(1, "failed", 300)
    crowd.ended(0, "uploaded")
    crowd.ended(2, "interrupted")
    numbers = crowd.snapshot()
    assert numbers.bytes_total == numbers.bytes_confirmed == SIZE + 7 + 300


def test_an_open_file_tells_what_it_is_at() -> None:
    """Opened, sending, waiting for an answer or another try, confirming: in the order begun."""
    crowd, books = Crowd([SIZE] * 5), [PartBook(Plan(SIZE, 3)) for _ in range(5)]
    tallies = [Tally() for _ in range(5)]
    for number, tally in enumerate(tallies):
        crowd.began(number, f"{number}.mp4", SIZE, tally)
    sent(tallies[1], books[1], 2, _Body(handed=MIB))
    sent(tallies[2], books[2], 1, _Body(handed=10 * MIB, all_out=True))
    sent(tallies[3], books[3], 1, _Body())
    tallies[3].ended(1)
    books[3].again(1, 5.0)
    tallies[4].begin(books[4])
    books[4].listed([1, 2, 3])
    numbers = crowd.snapshot()
    assert [file.condition for file in numbers.open] == [
        Condition.OPENING, Condition.SENDING, Condition.ANSWER, Condition.RETRYING, Condition.CONFIRMING,
    ]  # fmt: skip
    assert [(file.confirmed, file.in_flight) for file in numbers.open] == [(0, 0), (0, MIB), (0, 10 * MIB), (0, 0), (SIZE, 0)]
    assert (numbers.bytes_confirmed, numbers.bytes_in_flight, numbers.bytes_handed) == (SIZE, 11 * MIB, 11 * MIB)


def test_bytes_handed_never_fall_when_a_file_ends() -> None:
    """A pace is measured by them: what a file sent stays counted once it is over."""
    crowd, tally, book = Crowd([SIZE]), Tally(), PartBook(Plan(SIZE, 3))
    crowd.began(0, "a.mp4", SIZE, tally)
    sent(tally, book, 1, _Body(handed=3 * MIB))
    before = crowd.snapshot().bytes_handed
    tally.ended(1)
    crowd.ended(0, "failed", 0)
    assert crowd.snapshot().bytes_handed == before == 3 * MIB


def test_a_pace_is_measured_over_all_files_as_over_one() -> None:
    """What measures one upload measures a crowd by its numbers as one."""
    crowd, tally, book, meter, body = Crowd([SIZE, SIZE]), Tally(), PartBook(Plan(SIZE, 3)), Meter(), _Body()
    crowd.began(0, "a.mp4", SIZE, tally)
    sent(tally, book, 1, body)
    for second in range(9):
        body.handed = second * MIB
        pace = meter.read(float(second), crowd.snapshot().as_one)
    assert pace.rate == 1.0 * MIB
    assert pace.eta == (2 * SIZE - 8 * MIB) / MIB
