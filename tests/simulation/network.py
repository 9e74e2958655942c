"""The line between a run and the server: who carries which request, how bodies move, and what happens to requests and answers on the way."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final

from tests.simulation import answers
from tests.simulation.clock import Killed
from tests.simulation.fates import CHANGES, TWICE, WITHOUT_SERVER
from tests.simulation.files import Content, FakeBody
from tests.simulation.server import Bearing
from tests.simulation.weather import EVERYBODYS, FINE
from tests.simulation.world import World
from vidup.upload.exchange import Answer, Kind, Request, Verb
from vidup.verdicts.judge import Reply

TIMEOUT: Final = 60.0
"""Seconds without a byte accepted, or without an answer to a request that has no body."""

ANSWER_TIMEOUT: Final = 300.0
"""Seconds a part's answer may take after its last byte."""

_TICK: Final = 0.001
"""Seconds that looking for an answer takes at least, so that nobody can look for ever in no time."""

_SLOW: Final = 0.2
"""How often the conductor is slow."""

_SLOWNESS: Final = 0.2
"""Seconds of that at most."""


class _Flight:
    """A request under way. `over`: its answer is there, or nobody waits for it any more; `cut`: nothing more of it reaches the server."""

    __slots__ = ("began", "blocks", "breaks", "cut", "fate", "over", "request", "skips", "sparing", "token", "whose", "worker")

    def __init__(self, request: Request, token: Bearing | None, sparing: frozenset[int], whose: int) -> None:
        self.request = request
        self.whose = whose
        self.token = token
        self.sparing = sparing
        self.worker = -1
        self.began = 0.0
        self.fate = FINE
        self.blocks: Iterator[memoryview] | None = None
        self.breaks = -1
        self.skips = 0
        self.over = False
        self.cut = False

    @property
    def out(self) -> bool:
        """Whether all of it has left."""
        return self.request.body is None or self.request.body.all_out


class FakePool:
    """`vidup.upload.exchange.Pool` in virtual time. One a run; `hang_up` is what the end of the process does to it."""

    def __init__(self, world: World, jobs: int) -> None:
        self.jobs = jobs
        self.busy = 0
        self._world = world
        self._idle = list(range(jobs))
        self._waiting: list[_Flight] = []
        self._carried: list[_Flight] = []
        self._ready: deque[Answer] = deque()
        self._asker_is_there = False
        self._stops = 0
        world.pool = self

    def submit(self, request: Request, token: Bearing | None, sparing: frozenset[int]) -> None:
        """As the protocol says: the worker that is idle for longest and not spared takes it, else the next that can."""
        dies = self._world.step(f"sending {request.verb.name} {request.part or ''}")
        self.busy += 1
        self._world.submitted(request)
        flight = _Flight(request, token, sparing, self._world.whose(request))
        worker = next((worker for worker in self._idle if worker not in sparing), None)
        asks = request.kind is Kind.READ and self.jobs > 1 and (len(self._idle) == 1 or self._asker_is_there)
        if (worker is None or asks) and request.kind is not Kind.UPLOAD and not self.beside:
            self._asker_is_there = True
            self._begin(flight, self.jobs)  # one more, for a question while all parts wait for their answers
        elif worker is None:
            self._waiting.append(flight)
        else:
            self._idle.remove(worker)
            self._begin(flight, worker)
        if dies:
            self._world.die(f"after sending {request.verb.name} {request.part or ''}")

    @property
    def beside(self) -> bool:
        """As the protocol says."""
        return any(carried.worker == self.jobs for carried in self._carried)

    def prepare(self, count: int) -> None:
        """As the protocol says; here nothing is gained by opening a connection early."""

    def working(self) -> Mapping[int, float]:
        """As the protocol says."""
        return {flight.worker: self._world.now() - flight.began for flight in self._carried}

    def drop(self, request: Request) -> None:
        """As the protocol says: the answer is there at once, and is that there is none."""
        for flight in (*self._carried, *self._waiting):
            if flight.request is request:
                flight.cut = flight.cut or not flight.out
                self._fail(flight, "hung up")
                return

    def next(self, timeout: float) -> Answer | None:
        """As the protocol says; time passes event by event, at least a millisecond where there is no answer."""
        world = self._world
        dies = world.step("waiting for an answer")
        world.settled()
        until = world.now() + max(timeout, _TICK)
        while not self._ready:
            if world.stop.times > self._stops:
                self._stops = world.stop.times
                break
            if world.now() >= until:
                break
            world.happen(until)
        answer = self._delivered()
        if dies:
            world.die("after an answer came" if answer else "while waiting")
        return answer

    def ready(self) -> Answer | None:
        """As the protocol says; at times the conductor was slow, and more has come meanwhile."""
        world = self._world
        if not self._ready and self._carried and world.rng.random() < _SLOW:
            until = world.now() + world.rng.uniform(0.0, _SLOWNESS)
            while not self._ready and world.happen(until):
                pass
        return self._delivered()

    def _delivered(self) -> Answer | None:
        answer = self._ready.popleft() if self._ready else None
        if answer is not None:
            self.busy -= 1
            self._world.delivered(answer)
        return answer

    def hang_up(self) -> None:
        """The process is gone: bodies that are not all out are cut, what is out may still arrive."""
        for flight in self._carried:
            if not flight.over:
                flight.over = True
                flight.cut = not flight.out or self._world.rng.random() < 0.2
        self._carried, self._waiting = [], []
        self._ready.clear()

    def _begin(self, flight: _Flight, worker: int) -> None:
        world = self._world
        flight.worker, flight.began = worker, world.now()
        self._carried.append(flight)
        flight.fate = world.fate(flight.request)
        if flight.fate not in (FINE, "late"):
            what = f"{flight.request.verb.name.lower()} {flight.request.part or ''}".strip()
            world.tell(flight.fate, what, -1 if flight.fate in EVERYBODYS else flight.whose)
        if flight.fate == "outage":
            world.after(world.rng.uniform(0.01, 1.0), lambda: self._fail(flight, "connection refused"))
        elif flight.fate == "black hole":
            world.after(TIMEOUT, lambda: self._fail(flight, "timed out"))
        elif flight.fate in WITHOUT_SERVER and flight.request.body is None:
            self._refuse(flight)
        elif flight.request.body is None:
            world.after(self._latency(), lambda: self._arrive(flight, None))
        else:
            if flight.fate in ("early", "reset", "stalled"):
                flight.breaks = world.rng.randrange(3)
            self._block(flight)

    def _block(self, flight: _Flight, number: int = 0) -> None:
        """Have the next block of the body read, and take it to the kernel in a while."""
        if flight.cut or flight.request.body is None:
            return
        try:
            if flight.blocks is None:
                flight.blocks = iter(flight.request.body)
            block = next(flight.blocks, None)
        except Killed:
            raise
        except BaseException as error:  # noqa: BLE001  whatever a body raises is what comes of the request
            flight.cut = True
            self._finish(flight, None, error)
            return
        if block is None:
            self._all_out(flight)
        elif number == flight.breaks:
            self._break(flight, len(block))
        else:
            self._world.moving += 1
            self._world.after(self._pace(), lambda: self._taken(flight, number, len(block)))

    def _taken(self, flight: _Flight, number: int, count: int) -> None:
        self._world.moving -= 1
        if not flight.cut and flight.request.body is not None:
            flight.request.body.moved(count)
            self._block(flight, number + 1)

    def _break(self, flight: _Flight, count: int) -> None:
        """The body gets no further than into this block."""
        world, body = self._world, flight.request.body
        assert body is not None
        flight.cut = True
        if flight.fate == "stalled":
            world.after(TIMEOUT, lambda: self._fail(flight, "took no data"))
            return
        body.moved(world.rng.randrange(count))
        if flight.fate == "early":
            world.after(self._latency(), lambda: self._finish(flight, WITHOUT_SERVER["early"](world.rng)))
        else:
            world.after(self._latency(), lambda: self._fail(flight, "connection reset"))

    def _all_out(self, flight: _Flight) -> None:
        body = flight.request.body
        assert body is not None
        self._world.after(ANSWER_TIMEOUT, lambda: self._fail(flight, "no answer"))
        if flight.fate in WITHOUT_SERVER:
            self._refuse(flight)
        elif flight.fate != "unheard":
            assert isinstance(body, FakeBody)
            content = body.content()
            self._world.after(self._latency(), lambda: self._arrive(flight, content))
        elif self._world.rng.random() < 0.5:  # else the line stays silent
            self._world.after(self._latency(), lambda: self._fail(flight, "connection reset"))

    def _refuse(self, flight: _Flight) -> None:
        """Somebody in between answers, and the server hears of nothing."""
        reply = WITHOUT_SERVER[flight.fate](self._world.rng)
        self._world.after(self._latency(), lambda: self._finish(flight, reply))

    def _arrive(self, flight: _Flight, content: Content | None) -> None:
        if flight.cut:
            return
        world, request = self._world, flight.request
        if request.body is None:
            world.after(TIMEOUT, lambda: self._fail(flight, "no answer"))
            if flight.fate == "unheard":
                return
        if flight.fate in TWICE:
            flight.skips = TWICE[flight.fate]
            world.after(world.rng.uniform(0.0, 2.0), lambda: self._hand_over(flight, content))
        self._hand_over(flight, content)

    def _hand_over(self, flight: _Flight, content: Content | None) -> None:
        request = flight.request
        if request.verb is Verb.CREATE or not request.video_id:
            request = request._replace(upload=flight.whose)
        self._world.server.receive(request, flight.token, content, lambda reply: self._answered(flight, reply))

    def _answered(self, flight: _Flight, reply: Reply) -> None:
        """The server has answered; the answer is on its way back, where it may get lost or hurt."""
        if flight.skips:
            flight.skips -= 1
            return
        world, fate = self._world, flight.fate
        if flight.over or fate == "lost silently":
            return
        if fate == "lost":
            world.after(self._latency(), lambda: self._fail(flight, "connection reset"))
            return
        changed = CHANGES[fate](world.rng, reply) if fate in CHANGES and reply.promised else reply
        wait = self._latency()
        if fate == "late":
            wait = world.rng.uniform(20.0, 290.0 if flight.request.body is not None else 55.0)
            world.tell("late", f"{flight.request.verb.name.lower()} {flight.request.part or ''} by {wait:.0f} s", flight.whose)
        world.after(wait, lambda: self._finish(flight, changed))

    def _fail(self, flight: _Flight, words: str) -> None:
        """No answer comes. Only what went out whole may have been acted upon."""
        self._finish(flight, answers.unanswered(flight.out and flight.fate not in ("outage", "black hole"), words))

    def _finish(self, flight: _Flight, reply: Reply | None, error: BaseException | None = None) -> None:
        """The request is over for the client: its worker takes the next one, its answer waits to be asked for."""
        if flight.over:
            return
        flight.over = True
        seconds = self._world.now() - flight.began if flight.worker >= 0 else 0.0
        self._ready.append(Answer(flight.request, reply, error, max(0, flight.worker), seconds))
        if flight.worker < 0:
            self._waiting.remove(flight)
            return
        self._carried.remove(flight)
        if flight.worker == self.jobs:
            return
        able = next((waiting for waiting in self._waiting if flight.worker not in waiting.sparing), None)
        if able is None:
            self._idle.append(flight.worker)
        else:
            self._waiting.remove(able)
            self._begin(able, flight.worker)

    def _latency(self) -> float:
        return self._world.rng.uniform(*self._world.weather.latency)

    def _pace(self) -> float:
        return self._world.rng.uniform(0.5, 1.5) * self._world.weather.pace
