"""CORE: the one place that knows the state of a part, and which transitions are legal."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterable
from enum import IntEnum
from typing import Final

from vidup.plan.openplan import AnyPlan
from vidup.verdicts.judge import Reply, Rule


class Part(IntEnum):
    """What is known of one part.

    MISSING: not on the server, as far as anybody knows; may be sent. SENDING: an attempt is under way. UNSURE: an attempt ended
    without a clear answer, and the part may be on the server. ACCEPTED: the server took it, in this run or by the record of an earlier
    one. HELD: the server refused it as already there, after a whole body of ours. LISTED: the server's status lists it.
    """

    MISSING = 0
    SENDING = 1
    UNSURE = 2
    ACCEPTED = 3
    HELD = 4
    LISTED = 5


GOOD: Final = frozenset({Part.ACCEPTED, Part.HELD, Part.LISTED})

_MORE_TO_COME: Final = 1000
"""Parts that count as left where nobody knows how many will come."""

_LEGAL: Final[dict[Part, frozenset[Part]]] = {
    Part.MISSING: frozenset({Part.SENDING, Part.LISTED}),
    Part.SENDING: frozenset({Part.MISSING, Part.UNSURE, Part.ACCEPTED, Part.HELD, Part.LISTED}),
    Part.UNSURE: frozenset({Part.MISSING, Part.HELD, Part.LISTED}),
    Part.ACCEPTED: frozenset({Part.LISTED, Part.MISSING}),  # MISSING: accepted, and yet the status never lists it
    Part.HELD: frozenset({Part.LISTED, Part.MISSING}),
    Part.LISTED: frozenset(),
}


class Doubt(IntEnum):
    """Why a part is UNSURE, and so what it means if the status does not list it."""

    LOST = 0
    """No answer, or one of a broken gateway: not listed, it is sent again."""
    REFUSED = 1
    """A refusal that a stored part would explain: not listed for as long as a status may lag, the refusal stands."""


class Trouble:
    """What a part has been through. `retry_at` and `since` are seconds of the clock that the caller passes in."""

    attempts: int = 0
    failures: int = 1
    retry_at: float = 0.0
    retried: bool = False
    given_up: bool = False
    doubt: Doubt = Doubt.LOST
    since: float = 0.0
    wait: float = 0.0
    said: tuple[Rule, Reply] | None = None


class PartBook:
    """The state of every part of one plan."""

    def __init__(
        self, plan: AnyPlan, *, recorded: Collection[int] = (), listed: Collection[int] = (), touched: Collection[int] = ()
    ) -> None:
        """`recorded`: accepted, by the record of an earlier run. `listed`: by the status. `touched`: maybe sent by an earlier run."""
        self.plan = plan
        self._states = bytearray(plan.total_parts)
        self.touched = {*touched, *recorded}
        for number in recorded:
            self._states[number - 1] = Part.ACCEPTED
        for number in listed:
            self._states[number - 1] = Part.LISTED
        self.good = sum(state in GOOD for state in self._states)
        self.bytes_good = plan.bytes_of([number for number, state in enumerate(self._states, 1) if state in GOOD])
        self.began_with = self.good
        self.retries = 0
        self._troubles: dict[int, Trouble] = {}
        self._fresh = 1
        self._again: list[tuple[float, int]] = []
        self._queued: set[int] = set()
        self.unsure: set[int] = set()
        self.cuts = Counter[int]()
        """Bodies cut off in the middle, of each part, with no part confirmed in between."""

    # -- asked ---------------------------------------------------------------------------------------------------

    def state(self, number: int) -> Part:
        """What is known of this part."""
        return Part(self._states[number - 1])

    def states(self) -> bytes:
        """The state of every part, part 1 first; may be asked from any thread."""
        return bytes(self._states)

    def trouble(self, number: int) -> Trouble:
        """What this part has been through."""
        return self._troubles.setdefault(number, Trouble())

    def waiting_again(self) -> list[int]:
        """The parts that failed and wait for another try; may be asked from any thread."""
        return [number for number in tuple(self._queued) if number in self._troubles and self._troubles[number].retried]

    @property
    def retried(self) -> int:
        """How many parts were, or are to be, sent again; may be asked from any thread."""
        return sum(trouble.retried for trouble in list(self._troubles.values()))

    @property
    def all_good(self) -> bool:
        """Whether every part is known to be on the server, by whatever source."""
        return self.plan.ended and self.good == self.plan.total_parts

    @property
    def may_be_on_server(self) -> bool:
        """Whether any byte of any attempt, of this run or another, may be on the server."""
        return bool(self.touched) or self.good > 0

    @property
    def left(self) -> int:
        """Parts that are neither good nor under way, as far as they are known."""
        return self.plan.total_parts - self.good - self._states.count(Part.SENDING) + (0 if self.plan.ended else _MORE_TO_COME)

    def numbers(self, *states: Part) -> list[int]:
        """The parts in one of these states, in order."""
        return [number for number, state in enumerate(self._states, 1) if state in states]

    def next(self, now: float) -> int | None:
        """The part to send: one that is due for another try, else one never tried; None if none may be sent now."""
        while self._again and self._is_stale(self._again[0]):
            heapq.heappop(self._again)
        late = self.plan.late
        for due, number in sorted(self._again) if late else self._again[:1]:
            if due <= now and not self._is_stale((due, number)) and self._may_go(number):
                return number
        while self._fresh <= self.plan.total_parts:
            if self._states[self._fresh - 1] == Part.MISSING and self._fresh not in self._queued and self._fresh not in late:
                return self._fresh
            self._fresh += 1
        fresh = (number for number in late if self._states[number - 1] == Part.MISSING and number not in self._queued)
        return next((number for number in fresh if self._may_go(number)), None)

    def _may_go(self, number: int) -> bool:
        """Whether a part need not wait for others: one that goes late waits for all that go before it, and until the plan is released."""
        late = self.plan.late
        if number not in late:
            return True
        good_late = [one for one in late if self.state(one) in GOOD]
        before = late[: late.index(number)]
        others = self.plan.total_parts - len(late)
        return self.plan.released and self.good - len(good_late) == others and all(one in good_late for one in before)

    def due(self) -> float | None:
        """When the next try of a part that failed is due, or None."""
        return self._again[0][0] if self._again else None

    def _is_stale(self, entry: tuple[float, int]) -> bool:
        due, number = entry
        return self._states[number - 1] != Part.MISSING or self.trouble(number).retry_at != due

    # -- told ----------------------------------------------------------------------------------------------------

    def grow(self, plan: AnyPlan, *, recorded: Collection[int] = (), listed: Collection[int] = ()) -> None:
        """More parts are known, or their end is. `recorded` and `listed` as in the beginning; only new parts count among them."""
        before = self.plan.total_parts
        self.plan = plan
        self._states.extend(bytes(plan.total_parts - before))
        for number in range(before + 1, plan.total_parts + 1):
            known = Part.LISTED if number in listed else Part.ACCEPTED if number in recorded else Part.MISSING
            if known in GOOD:
                self._states[number - 1] = known
                self.touched.add(number)
                self.good += 1
                self.began_with += 1
                self.bytes_good += plan.length(number)

    def sending(self, number: int) -> None:
        """An attempt at this part begins; from now on it may be on the server."""
        self._become(number, Part.SENDING)
        self._queued.discard(number)
        self.trouble(number).attempts += 1
        self.touched.add(number)

    def accepted(self, number: int) -> bool:
        """The server took this part; whether that is news. A late answer to a part that the status listed meanwhile is none."""
        if self.state(number) in GOOD:
            return False
        self._become(number, Part.ACCEPTED)
        return True

    def listed(self, numbers: Iterable[int], on_their_way: bool = False) -> list[int]:
        """The status lists these parts. Those that are news; parts on their way are left alone unless asked for."""
        news = []
        for number in numbers:
            if number > self.plan.total_parts:
                continue  # it is still to come here
            state = self.state(number)
            if state == Part.LISTED or (state == Part.SENDING and not on_their_way):
                continue
            self._become(number, Part.LISTED)
            news += [number] if state not in GOOD else []
        return news

    def held(self, number: int) -> None:
        """The server refused this part as already there, and a whole body of ours explains it."""
        self._become(number, Part.HELD)

    def doubtful(self, number: int, doubt: Doubt, said: tuple[Rule, Reply], now: float, wait: float) -> None:
        """An attempt ended without a clear answer. If the part turns out to be missing it is sent again after `wait` seconds."""
        self._become(number, Part.UNSURE)
        trouble = self.trouble(number)
        trouble.doubt, trouble.said, trouble.since, trouble.wait = doubt, said, now, wait

    def again(self, number: int, at: float) -> None:
        """This part is missing, and is to be sent (again) not before `at`."""
        self._become(number, Part.MISSING)
        trouble = self.trouble(number)
        trouble.retried = True
        self.retries += 1
        self._queue(number, at)

    def put_back(self, number: int) -> None:
        """This attempt came to nothing, by nobody's fault: the part goes first again, and it counts as no retry."""
        self._become(number, Part.MISSING)
        self.trouble(number).attempts -= 1
        self._queue(number, 0.0)

    def clearly_refused(self, number: int) -> None:
        """The first try of this part was refused, so nothing of it is on the server by us."""
        self.touched.discard(number)

    def wake(self, now: float) -> None:
        """What waits for another try need wait no longer: the line is back."""
        waiting = {number for due, number in self._again if not self._is_stale((due, number))}
        for number in waiting:
            self.trouble(number).retry_at = min(self.trouble(number).retry_at, now)
        self._again = [(self.trouble(number).retry_at, number) for number in sorted(waiting)]
        heapq.heapify(self._again)

    def progressed(self) -> None:
        """A part was confirmed: bodies that were cut before count no longer."""
        self.cuts.clear()

    def _queue(self, number: int, at: float) -> None:
        self.trouble(number).retry_at = at
        self._queued.add(number)
        heapq.heappush(self._again, (at, number))

    def _become(self, number: int, state: Part) -> None:
        before = self.state(number)
        assert state in _LEGAL[before], f"part {number} cannot go from {before.name} to {state.name}"
        if state == Part.MISSING and before in GOOD:
            self.good -= 1
            self.bytes_good -= self.plan.length(number)
        if state in GOOD and before not in GOOD:
            self.good += 1
            self.bytes_good += self.plan.length(number)
        (self.unsure.add if state == Part.UNSURE else self.unsure.discard)(number)
        self._states[number - 1] = state
