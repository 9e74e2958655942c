"""A tally whose parts a test moves by hand, each only as an upload may."""

from __future__ import annotations

from vidup.plan.parts import Plan
from vidup.upload.partbook import Part, PartBook
from vidup.upload.tally import Counted, Tally


class Course(Tally):
    """The numbers of an upload that goes as the test says; the first `done` parts are on the server already."""

    def __init__(self, plan: Plan, done: int = 0) -> None:
        super().__init__()
        self.book = PartBook(plan, listed=range(1, done + 1))
        self.begin(self.book)

    def sending(self, number: int, body: Counted) -> None:
        self.book.sending(number)
        super().sending(number, body)

    def done(self, number: int) -> None:
        """The server takes this part, be it on its way or not begun."""
        self._land(number)
        self.book.accepted(number)

    def retrying(self, number: int) -> None:
        """An attempt at this part fails, and it waits for another."""
        self._land(number)
        self.book.again(number, 0.0)

    def _land(self, number: int) -> None:
        if self.book.state(number) is Part.MISSING:
            self.book.sending(number)
        else:
            self.ended(number)
