"""CORE: the live numbers of one upload, written by the conductor and its workers, read at any moment by a view.

Only single assignments to ints and dict entries happen here, which CPython makes atomic; no lock stands in the way of a send.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple, Protocol

from vidup.plan.parts import Plan


class PartState(IntEnum):
    """Where a part is. ANSWER: its whole body went out and the server's answer is awaited."""

    WAITING = 0
    SENDING = 1
    ANSWER = 2
    RETRYING = 3
    DONE = 4


class Counted(Protocol):
    """A body being sent: payload bytes handed to the socket so far, and whether all of it is out."""

    handed: int
    all_out: bool


class Snapshot(NamedTuple):
    """The numbers at one moment. Bytes are payload; `bytes_confirmed` is what the server acknowledged, and the truth.

    `bytes_in_flight` were handed to a socket but are not confirmed; `bytes_handed` counts all handed in this run, sent again
    included, and never falls for good. `states` holds one PartState a part, part 1 first.
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


class Tally:
    """The state of every part of the current plan, and bytes handed out."""

    def __init__(self) -> None:
        self._plan = Plan(1, 1)
        self._states = bytearray(1)
        self._bodies: dict[int, Counted] = {}
        self._finished_bytes = 0
        self._confirmed = 0
        self._retried: set[int] = set()
        self.retries = 0

    def begin(self, plan: Plan, done: set[int]) -> None:
        """Start over with this plan, of which these parts are confirmed; bytes handed so far stay counted."""
        states = bytearray(plan.total_parts)
        for number in done:
            states[number - 1] = PartState.DONE
        self._plan, self._states, self._confirmed = plan, states, plan.bytes_of(done)
        self._retried.clear()

    def sending(self, number: int, body: Counted) -> None:
        """This part's body is being handed to a socket."""
        self._bodies[number] = body
        self._states[number - 1] = PartState.SENDING

    def ended(self, number: int) -> None:
        """The attempt at this part is over; what it handed out stays counted."""
        self._finished_bytes += self._bodies[number].handed
        del self._bodies[number]
        self._states[number - 1] = PartState.WAITING

    def retrying(self, number: int) -> None:
        """This part will be sent again."""
        self._states[number - 1] = PartState.RETRYING
        self._retried.add(number)
        self.retries += 1

    def done(self, number: int) -> None:
        """The server acknowledged this part."""
        if self._states[number - 1] != PartState.DONE:
            self._states[number - 1] = PartState.DONE
            self._confirmed += self._plan.part(number).length

    @property
    def bytes_handed(self) -> int:
        """Payload bytes handed to sockets in this run, sent again included."""
        return self._finished_bytes + sum(body.handed for body in list(self._bodies.values()))

    def snapshot(self) -> Snapshot:
        """All numbers at this moment."""
        states = bytearray(self._states)
        in_flight = 0
        active = list(self._bodies.items())
        for number, body in active:
            in_flight += body.handed
            if body.all_out and states[number - 1] == PartState.SENDING:
                states[number - 1] = PartState.ANSWER
        return Snapshot(
            bytes_total=self._plan.size,
            bytes_confirmed=self._confirmed,
            bytes_in_flight=min(in_flight, self._plan.size - self._confirmed),
            bytes_handed=self.bytes_handed,
            total_parts=self._plan.total_parts,
            parts_done=states.count(PartState.DONE),
            parts_active=len(active),
            parts_retried=len(self._retried),
            states=bytes(states),
        )
