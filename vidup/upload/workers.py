"""EDGE: the threads that carry requests, so that whoever decides never waits for a socket; and the clock that they and it share."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from vidup.api.credentials import Token
from vidup.upload.exchange import Answer, Kind, Request
from vidup.verdicts.judge import Reply

TICK: Final = 0.1
"""Seconds between two looks at the stop while waiting: a Ctrl-C is answered within it."""

_HANDOVER: Final = 0.00005
"""Seconds for which whoever hands over a request leaves the interpreter to the one who gets it, and who needs it for half a millisecond
until the request is out. If they fight over it, thousands of small files take 3 % longer; four or ten times as long does not help more."""

_AWAKE: Final = 1.0
"""Seconds by which a short wait may be late; one that is later was interrupted by a suspension, which does not count as time."""

_Work = tuple[Request, Token | None]


class Carrier(Protocol):
    """Who makes the requests, in the thread of a worker."""

    def perform(self, request: Request, token: Token | None) -> Reply: ...

    def connect(self) -> None: ...

    def hang_up(self, thread: int) -> None: ...


class Stop:
    """The wish to stop. A signal handler may utter it at any instant, hence one plain attribute: the lock inside a threading.Event
    may be held by the very thread that the handler interrupts."""

    def __init__(self) -> None:
        self._asked = False

    def set(self) -> None:
        """Stop, please."""
        self._asked = True

    def is_set(self) -> bool:
        """Whether a stop was asked for."""
        return self._asked


class Clock:
    """Seconds that never go back, without those for which the process was suspended while it waited."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._slept = 0.0

    def now(self) -> float:
        """The time."""
        return self._monotonic() - self._slept

    def waited(self, since: float, at_most: float) -> None:
        """A wait that began then was to take so long at most: what it took beyond that, but for a second, the process was suspended."""
        beyond = self.now() - since - at_most
        if beyond > _AWAKE:
            self._slept += beyond


class Workers:
    """Up to `jobs` daemon threads, and one more for what is no part, started when needed; each keeps its connection for the whole run.

    They are daemons because a thread stuck in a send cannot be stopped, and must not hold up the end of the process.
    """

    def __init__(self, jobs: int, carrier: Carrier, clock: Clock, stop: Stop) -> None:
        self.jobs = jobs
        self._carrier = carrier
        self._clock = clock
        self._stop = stop
        self._stop_told = False
        self._busy = 0
        self._lock = threading.Lock()
        self._inboxes: list[queue.SimpleQueue[_Work | None]] = []
        self._idents: dict[int, int] = {}
        self._idle: list[int] = []
        self._waiting: deque[tuple[_Work, frozenset[int]]] = deque()
        self._began: dict[int, tuple[float, Request]] = {}
        self._answers: queue.Queue[Answer] = queue.Queue()  # a SimpleQueue waits for ever once a signal's handler outlasts the timeout

    @property
    def busy(self) -> int:
        """Requests whose answer has not come out of `next`."""
        return self._busy

    @property
    def beside(self) -> bool:
        """Whether the one who carries no part has anything."""
        return self.jobs in self._began

    def submit(self, request: Request, token: Token | None, sparing: frozenset[int] = frozenset()) -> None:
        """Have a request carried by the worker that is idle for longest and not among those to be spared.

        What failed is so tried again by another worker, on another connection. Where there are several, the last one that is idle is left
        for a part, and a question goes to the one who carries no parts: so does every question, once that one is there.
        """
        self._busy += 1
        if self._busy + len(sparing) > len(self._inboxes) and len(self._inboxes) < self.jobs:
            self._start(connect=False)
        with self._lock:
            able = next((worker for worker in self._idle if worker not in sparing), None)
            left_for_part = self.jobs > 1 and (len(self._idle) == 1 or len(self._inboxes) > self.jobs)
            asks = request.kind is Kind.READ and left_for_part
            if (able is None or asks) and request.kind is not Kind.UPLOAD and self._asker_is_free():
                self._hand(self.jobs, (request, token))
            elif able is None:
                self._waiting.append(((request, token), sparing))
            else:
                self._idle.remove(able)
                self._hand(able, (request, token))
        time.sleep(_HANDOVER)

    def prepare(self, count: int) -> None:
        """Start up to `count` threads before there is work, each of which opens its connection; a failure there is nobody's business."""
        for _ in range(min(count, self.jobs) - len(self._inboxes)):
            self._start(connect=True)

    def working(self) -> dict[int, float]:
        """Seconds since each worker that has a request began it."""
        with self._lock:
            now = time.monotonic()
            return {worker: now - began for worker, (began, _request) in self._began.items()}

    def drop(self, request: Request) -> None:
        """Hang up on whoever waits for the answer to this."""
        with self._lock:
            mine = [worker for worker, (_began, carried) in self._began.items() if carried.serial == request.serial]
        for worker in mine:
            self._carrier.hang_up(self._idents[worker])

    def ready(self) -> Answer | None:
        """An answer that has come already, or None."""
        try:
            answer = self._answers.get_nowait()
        except queue.Empty:
            return None
        self._busy -= 1
        return answer

    def next(self, timeout: float) -> Answer | None:
        """The next answer, or None after `timeout` seconds; sooner when a stop is asked for, of which it tells once."""
        until = self._clock.now() + timeout
        while True:
            now = self._clock.now()
            left = until - now
            wait = max(0.0, min(left, TICK))
            try:
                answer = self._answers.get(timeout=wait)
            except queue.Empty:
                self._clock.waited(now, wait)
                if left <= 0 or self._is_newly_stopped():
                    return None
                continue
            self._busy -= 1
            return answer

    def close(self) -> None:
        """Let threads end as they become idle. Requests that wait for one are not made any more."""
        for inbox in self._inboxes:
            inbox.put(None)

    def _is_newly_stopped(self) -> bool:
        told, self._stop_told = self._stop_told, self._stop.is_set()
        return self._stop_told and not told

    def _asker_is_free(self) -> bool:
        """Whether the one who carries no part has nothing; it is started when it is first needed."""
        if len(self._inboxes) < self.jobs:
            return False
        if len(self._inboxes) == self.jobs:
            self._start(connect=False)
        return self.jobs not in self._began

    def _start(self, connect: bool) -> None:
        number = len(self._inboxes)
        self._inboxes.append(queue.SimpleQueue())
        threading.Thread(target=self._serve, args=(number, connect), name=f"vidup-{number + 1}", daemon=True).start()

    def _serve(self, number: int, connect: bool) -> None:
        self._idents[number] = threading.get_ident()
        if connect:
            with contextlib.suppress(Exception):
                self._carrier.connect()
        if number < self.jobs:
            self._ready(number)
        while (work := self._inboxes[number].get()) is not None:
            reply, error, began = None, None, time.monotonic()
            try:
                reply = self._carrier.perform(*work)
            except BaseException as raised:  # noqa: BLE001  the conductor decides what it means
                error = raised
            self._ready(number)
            self._answers.put(Answer(work[0], reply, error, number, time.monotonic() - began))

    def _ready(self, number: int) -> None:
        """A worker has nothing to do: give it what waits for it, else note that it is idle."""
        with self._lock:
            self._began.pop(number, None)
            if number == self.jobs:  # no part waits for it
                return
            mine = next((waiting for waiting in self._waiting if number not in waiting[1]), None)
            if mine is None:
                self._idle.append(number)
            else:
                self._waiting.remove(mine)
                self._hand(number, mine[0])

    def _hand(self, number: int, work: _Work) -> None:
        self._began[number] = time.monotonic(), work[0]
        self._inboxes[number].put(work)
