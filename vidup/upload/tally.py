"""CORE: the live numbers of one upload, read at any moment by a view: what the book of parts knows, and what is on its way.

Only single assignments happen here, which CPython makes atomic; no lock stands in the way of a send.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple, Protocol

from vidup.plan.parts import Plan
from vidup.upload.partbook import Part, PartBook


class PartState(IntEnum):
    """What is shown of a part. ANSWER: its whole body went out and the server's answer is awaited."""

    WAITING = 0
    SENDING = 1
    ANSWER = 2
    RETRYING = 3
    DONE = 4


_SHOWN: Final = bytes(
    {
        Part.MISSING: PartState.WAITING,
        Part.SENDING: PartState.SENDING,
        Part.UNSURE: PartState.ANSWER,
        Part.ACCEPTED: PartState.DONE,
        Part.HELD: PartState.DONE,
        Part.LISTED: PartState.DONE,
    }.get(Part(value) if value < len(Part) else Part.MISSING, PartState.WAITING)
    for value in range(256)
)


class Counted(Protocol):
    """A body being sent: payload bytes that the kernel took so far, and whether it took all of it."""

    @property
    def handed(self) -> int: ...

    @property
    def all_out(self) -> bool: ...


class Snapshot(NamedTuple):
    """The numbers at one moment. Bytes are payload; `bytes_confirmed` is what the server acknowledged, and the truth.

    `bytes_in_flight` were handed to a socket but are not confirmed; `bytes_handed` counts all handed in this run, sent again
    included, and never falls for good. `states` holds one PartState a part, part 1 first. `ended`: the total is known; else more will come.
    `held` parts are kept back until then.
    """

    bytes_total: int
    bytes_confirmed: int
    bytes_in_flight: int
    bytes_handed: int
    total_parts: int
    parts_done: int
    parts_active: int
    parts_retried: int
    states: bytes
    ended: bool = True
    held: int = 0


class Tally:
    """The numbers of one upload."""

    def __init__(self) -> None:
        self.begun = False
        """Whether it is known of which parts the file is made: before that the numbers are of nothing."""
        self.encoding = False
        """Whether all of it is on the server, and only waited for until it plays."""
        self._book = PartBook(Plan(1, 1))
        self._bodies: dict[int, Counted] = {}
        self._finished_bytes = 0
        self._earlier_retries = 0
        self._tried: set[int] = set()
        self._again: set[int] = set()
        self._earlier_again = 0

    def begin(self, book: PartBook) -> None:
        """Show this book from now on; bytes handed so far stay counted."""
        self.begun = True
        if book is not self._book:
            self._earlier_retries += self._book.retries
            self._earlier_again += len(self._again)
            self._tried, self._again = set(), set()
            self._book = book

    def sending(self, number: int, body: Counted) -> None:
        """This part's body is being handed to a socket."""
        self._bodies[number] = body

    def ended(self, number: int) -> None:
        """The attempt at this part is over; what it handed out stays counted."""
        handed = self._bodies[number].handed
        self._finished_bytes += handed
        if handed:
            (self._again if number in self._tried else self._tried).add(number)
        del self._bodies[number]

    @property
    def parts_again(self) -> int:
        """Of how many parts bytes were handed out more than once."""
        return self._earlier_again + len(self._again)

    @property
    def retries(self) -> int:
        """How often a part was put back for another try, whether or not a byte of it had gone out."""
        return self._earlier_retries + self._book.retries

    @property
    def bytes_handed(self) -> int:
        """Payload bytes handed to sockets in this run, sent again included."""
        return self._finished_bytes + sum(body.handed for body in list(self._bodies.values()))

    def snapshot(self) -> Snapshot:
        """All numbers at this moment."""
        book = self._book
        states = bytearray(book.states().translate(_SHOWN))
        in_flight, active = 0, list(self._bodies.items())
        for number, body in active:
            in_flight += body.handed
            if body.all_out and states[number - 1] == PartState.SENDING:
                states[number - 1] = PartState.ANSWER
        for number in book.waiting_again():
            if states[number - 1] == PartState.WAITING:
                states[number - 1] = PartState.RETRYING
        return Snapshot(
            bytes_total=book.plan.size,
            bytes_confirmed=book.bytes_good,
            bytes_in_flight=min(in_flight, book.plan.size - book.bytes_good),
            bytes_handed=self.bytes_handed,
            total_parts=book.plan.total_parts,
            parts_done=states.count(PartState.DONE),
            parts_active=len(active),
            parts_retried=book.retried,
            states=bytes(states),
            ended=book.plan.ended,
            held=0 if book.plan.ended else len(book.plan.late),
        )


class Unwatched:
    """Is told which files of a run begin and end, and counts none: what a `Crowd` is where nobody looks at all files together."""

    def began(self, number: int, name: str, size: int, tally: Tally) -> None:
        """This file is open; its size in bytes is known now."""

    def ended(self, number: int, status: str, confirmed: int = 0) -> None:
        """This file is over: `status` as in its report, and the bytes that the server has of it."""
