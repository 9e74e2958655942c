"""EDGE: who waits until bytes may leave: the threads that send, each in the middle of its body, between two steps of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from vidup.errors import Cancelled
from vidup.plan.rate import step_of
from vidup.upload.bodies import Around, Sent
from vidup.upload.bucket import Bucket
from vidup.upload.exchange import Cut

_TICK: Final = 0.05
"""Seconds between two looks at whether the rest of the body is still wanted."""


class Throttle:
    """One limit for all bodies of this process, whatever they are read from. `now` and `sleep` count seconds."""

    def __init__(self, rate: int, now: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep) -> None:
        """`rate` in bytes a second."""
        self.step = step_of(rate)
        self._now = now
        self._sleep = sleep
        self._bucket = Bucket(rate, now())
        self._lock = threading.Lock()

    def wait(self, count: int, cut: Cut) -> None:
        """Until so many bytes may leave. Raises Cancelled once the body is cut."""
        with self._lock:
            due = self._now()
            due += self._bucket.take(count, due)
        while not cut.is_set():
            left = due - self._now()
            if left <= 0:
                return
            self._sleep(min(left, _TICK))
        with self._lock:
            self._bucket.give_back(count)
        raise Cancelled


class Throttled(Around):
    """A body that goes out no faster than the limit lets it.

    It waits where no send does: neither the time in which a line may stall nor that of an answer runs meanwhile.
    """

    def __init__(self, body: Sent, throttle: Throttle) -> None:
        super().__init__(body)
        self._throttle = throttle

    def __iter__(self) -> Iterator[memoryview]:
        step, cut = self._throttle.step, self.cut
        for block in self.body:
            for begin in range(0, len(block), step):
                piece = block[begin : begin + step]
                self._throttle.wait(len(piece), cut)
                yield piece
