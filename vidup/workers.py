"""EDGE: the threads that make requests, so that the conductor itself never waits for a socket."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import NamedTuple, TypeVar

Result = TypeVar("Result")


class Outcome(NamedTuple):
    """How a job ended: what it returned, or what it raised."""

    value: object = None
    error: BaseException | None = None


class Workers:
    """Up to `jobs` daemon threads, started as they are needed; each keeps its connection for the whole run.

    They are daemons because a thread stuck in a send cannot be stopped, and must not hold up the end of the process.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.busy = 0
        self._started = 0
        self._work: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

    def submit(self, job: Callable[[], object]) -> None:
        """Have a job done by an idle thread; its outcome comes out of `next`."""
        self.busy += 1
        if self.busy > self._started:
            self._start()
        self._work.put(job)

    def prepare(self, count: int, first: Callable[[], object]) -> None:
        """Start up to `count` threads before there is work. Each calls `first`, whose failure is nobody's business, then waits for jobs."""
        for _ in range(min(count, self.jobs) - self._started):
            self._start(first)

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
        """Let idle threads end."""
        for _ in range(self._started):
            self._work.put(None)

    def _start(self, first: Callable[[], object] | None = None) -> None:
        self._started += 1
        threading.Thread(target=self._serve, args=(first,), name=f"vidup-{self._started}", daemon=True).start()

    def _serve(self, first: Callable[[], object] | None) -> None:
        with contextlib.suppress(Exception):
            if first is not None:
                first()
        while (job := self._work.get()) is not None:
            try:
                outcome = Outcome(job())
            except BaseException as error:  # noqa: BLE001  the conductor raises it again where it is awaited
                outcome = Outcome(error=error)
            self._outcomes.put(outcome)
