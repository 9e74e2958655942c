"""CORE: the live numbers of all files of a run together, read at any moment by a view: counted as things happen, never by looking at all.

What happens replaces one value by another in a single assignment, so that a reader in another thread sees a file either as open or as
over, and never twice; a look costs as much as there are open files, however many the run has.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from enum import Enum
from typing import Final, NamedTuple

from vidup.upload.tally import PartState, Snapshot, Tally, Unwatched

_UNKNOWN, _OVER = -1, -2
"""Instead of a size."""


class Condition(Enum):
    """What an open file is at. The value is the word for it."""

    OPENING = "opening"
    SENDING = "sending"
    RETRYING = "retrying"
    ANSWER = "waiting for the answer"
    CONFIRMING = "confirming"
    ENCODING = "being encoded"


class OpenFile(NamedTuple):
    """One file that is open now. Bytes are payload: `confirmed` by the server, `in_flight` handed to a socket and not confirmed.

    `number` counts the files of the run from 0, in the order given; `states` holds one PartState a part, empty while it is opened.
    """

    number: int
    name: str
    size: int
    confirmed: int
    in_flight: int
    condition: Condition
    parts_done: int = 0
    total_parts: int = 0
    states: bytes = b""


class CrowdNumbers(NamedTuple):
    """All files at one moment. `files` = done + failed + interrupted + skipped + open + those to come.

    `bytes_total` is what would be confirmed if all that is not over ended well: of files whose size is known, those that are over count
    with what was confirmed of them. `bytes_handed` was handed to sockets in this run, sent again included. `open` is in the order begun.
    """

    files: int
    done: int
    failed: int
    interrupted: int
    skipped: int
    bytes_total: int
    bytes_confirmed: int
    bytes_in_flight: int
    bytes_handed: int
    open: tuple[OpenFile, ...]

    @property
    def over(self) -> int:
        """Files of which nothing more will come."""
        return self.done + self.failed + self.interrupted + self.skipped

    @property
    def to_come(self) -> int:
        """Files that are not begun."""
        return self.files - self.over - len(self.open)

    @property
    def only_encoding(self) -> bool:
        """Whether every byte is on the server, and videos are only waited for until they play."""
        return bool(self.open) and not self.to_come and all(file.condition is Condition.ENCODING for file in self.open)

    @property
    def as_one(self) -> Snapshot:
        """The same as the numbers of one upload whose parts are the files, for who measures a pace by them."""
        active = sum(file.condition in (Condition.SENDING, Condition.ANSWER) for file in self.open)
        return Snapshot(
            bytes_total=self.bytes_total, bytes_confirmed=self.bytes_confirmed, bytes_in_flight=self.bytes_in_flight,
            bytes_handed=self.bytes_handed, total_parts=self.files, parts_done=self.over, parts_active=active, parts_retried=0, states=b"",
        )  # fmt: skip


class _Open(NamedTuple):
    """A file that is open: where its own numbers are, once its size is known."""

    number: int
    name: str
    size: int
    tally: Tally


class _State(NamedTuple):
    """What was counted up to one moment; the bytes are those of files that are over, but for the total."""

    files: int
    open: tuple[_Open, ...] = ()
    done: int = 0
    failed: int = 0
    interrupted: int = 0
    skipped: int = 0
    total: int = 0
    confirmed: int = 0
    handed: int = 0


class Crowd(Unwatched):
    """The numbers of a run. Told by the conductor, read by anybody."""

    def __init__(self, sizes: Iterable[int | None]) -> None:
        """The size of each file in bytes, in the order given; None where nobody knows it before the file is opened."""
        self._sizes = array("q", (_UNKNOWN if size is None else size for size in sizes))
        self._state = _State(len(self._sizes), total=sum(size for size in self._sizes if size > 0))

    def never_begun(self, status: str, count: int = 1) -> None:
        """So many files besides those of the run are over before it: `skipped`, or `failed` for a reason found while looking at them."""
        state = self._state._replace(files=self._state.files + count)
        self._state = _counted(state, status, count)

    def began(self, number: int, name: str, size: int, tally: Tally) -> None:
        """This file is open; its size in bytes is known now."""
        expected, self._sizes[number] = max(self._sizes[number], 0), size
        opened = (*self._state.open, _Open(number, name, size, tally))
        self._state = self._state._replace(open=opened, total=self._state.total + size - expected)

    def ended(self, number: int, status: str, confirmed: int = 0) -> None:
        """This file is over, whether or not it was ever open: `status` as in its report, and the bytes that the server has of it."""
        if self._sizes[number] == _OVER:  # it failed while its report was being shown
            return
        state, size = self._state, max(self._sizes[number], 0)
        self._sizes[number] = _OVER
        handed = sum(one.tally.bytes_handed for one in state.open if one.number == number)
        confirmed = size if status in ("uploaded", "playable") else confirmed
        self._state = _counted(state, status)._replace(
            open=tuple(one for one in state.open if one.number != number),
            total=state.total - size + confirmed, confirmed=state.confirmed + confirmed, handed=state.handed + handed,
        )  # fmt: skip

    def snapshot(self) -> CrowdNumbers:
        """All numbers at this moment; from any thread."""
        state = self._state
        seen = [(_look(one), one.tally.bytes_handed) for one in state.open]
        return CrowdNumbers(
            files=state.files, done=state.done, failed=state.failed, interrupted=state.interrupted, skipped=state.skipped,
            bytes_total=state.total, bytes_confirmed=state.confirmed + sum(file.confirmed for file, _ in seen),
            bytes_in_flight=sum(file.in_flight for file, _ in seen), bytes_handed=state.handed + sum(handed for _, handed in seen),
            open=tuple(file for file, _ in seen),
        )  # fmt: skip


def _counted(state: _State, status: str, count: int = 1) -> _State:
    """With so many more files that ended so."""
    match status:
        case "uploaded" | "playable" | "foreseen":
            return state._replace(done=state.done + count)
        case "skipped":
            return state._replace(skipped=state.skipped + count)
        case "interrupted":
            return state._replace(interrupted=state.interrupted + count)
    return state._replace(failed=state.failed + count)


def _look(one: _Open) -> OpenFile:
    if not one.tally.begun:
        return OpenFile(one.number, one.name, one.size, 0, 0, Condition.ENCODING if one.tally.encoding else Condition.OPENING)
    numbers = one.tally.snapshot()
    condition = Condition.ENCODING if one.tally.encoding else _condition(numbers)
    return OpenFile(
        one.number, one.name, one.size, numbers.bytes_confirmed, numbers.bytes_in_flight, condition, numbers.parts_done,
        numbers.total_parts, numbers.states,
    )  # fmt: skip


def _condition(numbers: Snapshot) -> Condition:
    """What most tells how a file is doing: bytes that move before answers that are awaited, and these before what waits for another try."""
    for state, condition in _TELLING:
        if state in numbers.states:
            return condition
    return Condition.CONFIRMING if numbers.parts_done == numbers.total_parts else Condition.OPENING


_TELLING: Final = (
    (PartState.SENDING, Condition.SENDING),
    (PartState.ANSWER, Condition.ANSWER),
    (PartState.RETRYING, Condition.RETRYING),
)
