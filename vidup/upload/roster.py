"""CORE: the uploads of a run. Those to come are mere numbers, those that are open are machines, and those that are over are gone.

However long the list is, a turn of the dispatcher looks at the open ones alone. Of those, the ones that only wait until their video plays
rest on a shelf until it is time to look: there may be thousands.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator

from vidup.errors import VidupError
from vidup.events import Tell
from vidup.upload.upload import Upload
from vidup.upload.waiting import Turns


class Roster:
    """The uploads in the order given; each is made, by its number from 0, when its turn comes."""

    def __init__(self, count: int, make: Callable[[int], Upload]) -> None:
        self._make = make
        self._numbers = iter(range(count))
        self._to_come = count
        self._open: dict[int, Upload] = {}
        self._turns = Turns()
        self._shelf: dict[int, Upload] = {}
        self._alarms: list[tuple[float, int]] = []

    @property
    def to_come(self) -> int:
        """How many are not begun."""
        return self._to_come

    @property
    def made(self) -> list[Upload]:
        """Those that are not gone yet, the older first: what is over is still here while an answer to it is awaited. From any thread."""
        return [*self._open.values(), *list(self._shelf.values())]

    @property
    def open(self) -> list[Upload]:
        """Those that are begun, not over and not at rest, the older first."""
        return [upload for upload in self._open.values() if not upload.over]

    @property
    def all_over(self) -> bool:
        """Whether none is open, and none is to come."""
        return not self._to_come and not self._shelf and all(upload.over for upload in self._open.values())

    def __getitem__(self, number: int) -> Upload:
        """One that is not gone yet: any that an answer is for."""
        return self._open[number]

    def begin(self, through: Callable[[int, Tell], Tell], ahead: bool = False) -> Upload:
        """The next one to come, begun, with all that it tells passing `through`; it may be over at once. `ahead` as `Upload.begin`."""
        upload = self._next()
        self._open[upload.number] = upload
        upload.heard_through(through)
        upload.takes_turns(self._turns)
        upload.begin(ahead)
        return upload

    def end_all(self, end: Callable[[Upload], None]) -> None:
        """End those that are open so, and then those to come, of which none is begun any more; nothing goes out for which to put it off."""
        self.awake()
        for upload in self.open:
            end(upload)
            upload.settle()
        while self._to_come:
            upload = self._next()
            end(upload)
            upload.settle()

    def sweep(self) -> Iterator[Upload]:
        """Let go of those that are over and that no answer is awaited for."""
        for upload in self.made:
            if upload.over and not upload.in_flight:
                yield self._open.pop(upload.number)

    def rest(self, now: float) -> None:
        """Put those on the shelf that want nothing before some later moment, and take back those whose moment has come."""
        while self._alarms and self._alarms[0][0] <= now:
            _, number = heapq.heappop(self._alarms)
            upload = self._shelf.pop(number, None)
            if upload is not None:
                self._open[number] = upload
        for upload in self.open:
            until = upload.rests_until(now)
            if until is not None:
                self._shelf[upload.number] = self._open.pop(upload.number)
                heapq.heappush(self._alarms, (until, upload.number))

    @property
    def alarm(self) -> float:
        """When the first of those on the shelf is to be taken back; infinity if there is none."""
        return self._alarms[0][0] if self._alarms else math.inf

    def awake(self) -> None:
        """Take back all that rest: something has happened that may concern them."""
        self._open |= self._shelf
        self._shelf.clear()
        self._alarms.clear()

    @property
    def concerns_all(self) -> VidupError | None:
        """The error of one that is over, or about to be, which ends the others, too: the first, if there is any."""
        errors = (upload.error for upload in self._open.values())
        return next((error for error in errors if error is not None and error.concerns_all), None)

    def _next(self) -> Upload:
        self._to_come -= 1
        return self._make(next(self._numbers))
