"""EMULATOR: the record of every request, and the bell that rings when something moves."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from vidup.emulator.bodies import Body

_PART: Final = re.compile(r"\s*part (\d+)/(\d+|\*)\s*")
_LOOK_AGAIN: Final = 0.05
"""Seconds after which a waiting predicate is asked again though no bell rang; it may look at things outside the emulator."""

_SETTLES_WITHIN: Final = 2.0
"""Seconds a view of the records waits for refused bodies whose answer is already out."""


@dataclass(frozen=True, slots=True)
class Record:
    """One request that has ended. `status` is None when no answer was sent; `body_bytes` counts file bytes, also of an unfinished body.

    `authorized`: it had an Authorization header, good or not.
    """

    method: str
    path: str
    video_id: str | None
    part: int | None
    total_parts: int | None
    body_bytes: int
    status: int | None
    connection: int
    content_range: str | None
    authorized: bool = False


class Exchange:
    """One request while it runs."""

    def __init__(self, method: str, path: str, content_range: str | None, connection: int, body: Body, authorized: bool) -> None:
        self.method = method
        self.path = path
        self.content_range = content_range
        self.connection = connection
        self.body = body
        self.authorized = authorized
        self.is_upload = False
        self.answered = False
        self.video_id: str | None = None
        self.body_bytes = 0
        match = _PART.fullmatch(content_range or "")
        self.part = int(match[1]) if match else None
        self.total_parts = int(match[2]) if match and match[2] != "*" else None

    def record(self, status: int | None) -> Record:
        """What is kept of it once it has ended with this status."""
        return Record(
            self.method,
            self.path,
            self.video_id,
            self.part,
            self.total_parts,
            self.body_bytes,
            status,
            self.connection,
            self.content_range,
            self.authorized,
        )


class Ledger:
    """Every request of one emulator, running or ended."""

    def __init__(self, hear: Callable[[Record], None] | None = None) -> None:
        """`hear` is given each request once it has ended, in the thread that served it."""
        self._hear = hear
        self._bell = threading.Condition()
        self._turn = 0
        self._running: list[Exchange] = []
        self._ended: list[Record] = []

    def open(self, exchange: Exchange) -> None:
        """A request has begun."""
        with self._bell:
            self._running.append(exchange)
            self._ring()

    def seen(self, exchange: Exchange, count: int) -> None:
        """So many more file bytes of this request have arrived."""
        with self._bell:
            exchange.body_bytes += count
            self._ring()

    def close(self, exchange: Exchange, status: int | None) -> None:
        """The request has ended; a second call changes nothing."""
        with self._bell:
            if exchange not in self._running:
                return
            self._running.remove(exchange)
            record = exchange.record(status)
            self._ended.append(record)
            self._ring()
        if self._hear is not None:
            self._hear(record)

    def ring(self) -> None:
        """Something else has changed that somebody may wait for."""
        with self._bell:
            self._ring()

    def records(self) -> list[Record]:
        """The requests that have ended, in the order of their ends."""
        with self._bell:
            self._settle()
            return list(self._ended)

    def payload_bytes(self, video_id: str | None) -> int:
        """File bytes received for this video, or for all of them with None."""
        with self._bell:
            self._settle()
            everything: tuple[Record | Exchange, ...] = (*self._ended, *self._running)
            return sum(entry.body_bytes for entry in everything if video_id is None or entry.video_id == video_id)

    def receiving(self) -> int:
        """Uploads whose body has not been read to its end."""
        with self._bell:
            return sum(1 for exchange in self._running if exchange.is_upload and not exchange.body.read_to_end)

    def _settle(self) -> None:
        self._bell.wait_for(lambda: not any(exchange.answered for exchange in self._running), _SETTLES_WITHIN)

    def wait_until(self, predicate: Callable[[], object], timeout: float) -> bool:
        """Waits until the predicate holds, at most `timeout` seconds; whether it did. It is asked without a lock and may send requests."""
        deadline = time.monotonic() + timeout
        while True:
            turn = self._turn
            if predicate():
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            with self._bell:
                if self._turn == turn:
                    self._bell.wait(min(left, _LOOK_AGAIN))

    def _ring(self) -> None:
        self._turn += 1
        self._bell.notify_all()
