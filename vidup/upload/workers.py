"""EDGE: the threads that make requests, so that the conductor itself never waits for a socket."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, TypeVar

Result = TypeVar("Result")
_Work = Callable[[], object]


class Outcome(NamedTuple):
    """How a job ended: what it returned, or what it raised; which worker did it, and in how many seconds."""

    value: object
    error: BaseException | None
    worker: int
    seconds: float


class Workers:
    """Up to `jobs` daemon threads, started as they are needed; each keeps its connection for the whole run. They are numbered from 0.

    They are daemons because a thread stuck in a send cannot be stopped, and must not hold up the end of the process.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.busy = 0
        self._lock = threading.Lock()
        self._inboxes: list[queue.SimpleQueue[_Work | None]] = []
        self._idle: list[int] = []
        self._waiting: deque[tuple[_Work, frozenset[int]]] = deque()
        self._began: dict[int, float] = {}
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

    def submit(self, job: _Work, sparing: frozenset[int] = frozenset()) -> None:
        """Have a job done by the worker that is idle for longest and not among those to be spared; its outcome comes out of `next`.

        What failed is so tried again by another worker, on another connection.
        """
        self.busy += 1
        if self.busy + len(sparing) > len(self._inboxes) and len(self._inboxes) < self.jobs:
            self._start()
        with self._lock:
            able = next((worker for worker in self._idle if worker not in sparing), None)
            if able is None:
                self._waiting.append((job, sparing))
            else:
                self._idle.remove(able)
                self._hand(able, job)

    def prepare(self, count: int, first: _Work) -> None:
        """Start up to `count` threads before there is work. Each calls `first`, whose failure is nobody's business, then waits for jobs."""
        for _ in range(min(count, self.jobs) - len(self._inboxes)):
            self._start(first)

    def working(self) -> dict[int, float]:
        """Seconds since each worker that has a job began it."""
        with self._lock:
            now = time.monotonic()
            return {worker: now - began for worker, began in self._began.items()}

    def next(self, timeout: float) -> Outcome | None:
        """The next outcome, or None after `timeout` seconds."""
        try:
            outcome = self._outcomes.get(timeout=timeout)
        except queue.Empty:
            return None
        self.busy -= 1
        return outcome

    def call(self, job: Callable[[], Result], waiting: Callable[[], None]) -> Result:
        """Have one job done while nothing else runs, and return or raise what it does; `waiting` is called ten times a second."""
        self.submit(job)
        while (outcome := self.next(0.1)) is None:
            waiting()
        if outcome.error is not None:
            raise outcome.error
        result: Result = outcome.value  # type: ignore[assignment]
        return result

    def close(self) -> None:
        """Let threads end as they become idle. Jobs that wait for one are not done any more."""
        for inbox in self._inboxes:
            inbox.put(None)

    def _start(self, first: _Work | None = None) -> None:
        number = len(self._inboxes)
        self._inboxes.append(queue.SimpleQueue())
        threading.Thread(target=self._serve, args=(number, first), name=f"vidup-{number + 1}", daemon=True).start()

    def _serve(self, number: int, first: _Work | None) -> None:
        with contextlib.suppress(Exception):
            if first is not None:
                first()
        self._ready(number)
        while (job := self._inboxes[number].get()) is not None:
            value, error, began = None, None, time.monotonic()
            try:
                value = job()
            except BaseException as raised:  # noqa: BLE001  the conductor raises it again where it is awaited
                error = raised
            self._ready(number)
            self._outcomes.put(Outcome(value, error, number, time.monotonic() - began))

    def _ready(self, number: int) -> None:
        """A worker has nothing to do: give it what waits for it, else note that it is idle."""
        with self._lock:
            self._began.pop(number, None)
            mine = next((waiting for waiting in self._waiting if number not in waiting[1]), None)
            if mine is None:
                self._idle.append(number)
            else:
                self._waiting.remove(mine)
                self._hand(number, mine[0])

    def _hand(self, number: int, job: _Work) -> None:
        self._began[number] = time.monotonic()
        self._inboxes[number].put(job)
