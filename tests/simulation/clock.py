"""Virtual time and what happens in it: events, numbered steps at which a run can be killed, and the story of every fault."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

EPOCH: Final = 1_700_000_000.0
"""Seconds since 1970 at which every story begins."""

STUCK_AFTER: Final = 100_000
"""Steps of one run after which it counts as spinning; the longest honest run takes a few thousand."""

DIES_BEFORE, DIES_HALFWAY, DIES_AFTER = "before", "half", "after"
"""Where in a step a kill strikes: before it has an effect, in the middle of what it writes, or behind it."""


class Killed(BaseException):
    """The process is gone. Nothing may catch it but the harness; every further step raises it again."""


class Stuck(AssertionError):
    """A run that takes steps without end."""


class Flag:
    """The event that asks for a polite stop; `times` counts how often it was asked."""

    def __init__(self) -> None:
        self.times = 0

    def set(self) -> None:
        """Ask for a stop."""
        self.times += 1

    def is_set(self) -> bool:
        """Whether a stop was ever asked for."""
        return self.times > 0


class Fault(NamedTuple):
    """Something that went wrong: when (clock seconds), in which run, for which upload (-1: the whole line), of what kind, in words."""

    at: float
    run: int
    upload: int
    kind: str
    words: str

    def __str__(self) -> str:
        whose = "" if self.upload < 0 else f" upload {self.upload}"
        return f"{self.at:9.3f} s  run {self.run}{whose}  {self.kind}: {self.words}"


class Clock:
    """Time, the events that are still to come, and the steps of the run that is going on. One thread, one source of chance."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = Random(seed)
        self.story: list[Fault] = []
        self.run = 0
        self.stop = Flag()
        self.healed = False
        self.dead = False
        self.moving = 0
        self.idle = 0.0
        self.most_idle = 0.0
        self.still = 0.0
        self.most_still = 0.0
        """Idle time since a part was confirmed, whatever else went well."""
        self.steps = 0
        self.kill_at = 0
        self.kill_where = DIES_BEFORE
        self.kill_amid = ("", 0)
        """At which time of a step that is told with these words the run is killed; 0: never."""
        self.triggers: dict[int, list[Callable[[], None]]] = {}
        self._now = 0.0
        self._jumped = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = 0

    def now(self) -> float:
        """Virtual seconds, from 0; never goes back."""
        return self._now

    def wall(self) -> float:
        """Seconds since 1970 as this computer has them; may jump either way."""
        return EPOCH + self._now + self._jumped

    def true_wall(self) -> float:
        """Seconds since 1970 as everybody else has them."""
        return EPOCH + self._now

    def jump(self, seconds: float) -> None:
        """Put this computer's wall clock forward, or back."""
        self._jumped += seconds
        self.tell("clock", f"the wall clock jumps by {seconds:+.0f} s")

    def at(self, when: float, event: Callable[[], None]) -> None:
        """Have something happen at this clock time; what is due at once happens in the order it was asked for."""
        self._numbers += 1
        heapq.heappush(self._events, (when, self._numbers, event))

    def after(self, seconds: float, event: Callable[[], None]) -> None:
        """Have something happen in so many seconds."""
        self.at(self._now + seconds, event)

    def happen(self, until: float) -> bool:
        """Let the next event happen if it is due by then, else only time pass; whether there was one."""
        if self._events and self._events[0][0] <= until:
            when, _, event = heapq.heappop(self._events)
            self._pass(when)
            event()
            return True
        self._pass(until)
        return False

    def wait(self, seconds: float) -> None:
        """Let time go by outside any run: what is under way at the server goes on."""
        until = self._now + seconds
        while self.happen(until):
            pass

    def news(self) -> None:
        """The client got on: idle time is counted anew."""
        self.most_idle = max(self.most_idle, self.idle)
        self.idle = 0.0

    def confirmed(self) -> None:
        """A part was confirmed."""
        self.most_still = max(self.most_still, self.still)
        self.still = 0.0

    def _pass(self, until: float) -> None:
        passed = until - self._now
        if passed > 0:
            self._now = until
            if not self.moving:
                self.idle += passed
                self.still += passed

    def tell(self, kind: str, words: str, upload: int = -1) -> None:
        """Write a fault into the story."""
        self.story.append(Fault(self._now, self.run, upload, kind, words))

    def step(self, what: str) -> str:
        """The run is about to touch the world. Raises Killed if it dies here, else says whether (and where) it has to `die` in this step."""
        if self.dead:
            raise Killed(what)
        self.steps += 1
        if self.steps > STUCK_AFTER:
            raise Stuck(f"seed {self.seed}: run {self.run} took {self.steps} steps and still goes on: {what}")
        for event in self.triggers.pop(self.steps, ()):
            event()
        words, times = self.kill_amid
        if times and words in what:
            self.kill_amid = words, times - 1
            if times == 1:
                self.kill_at = self.steps
        if self.steps != self.kill_at:
            return ""
        if self.kill_where == DIES_BEFORE:
            self.die(f"before {what}")
        return self.kill_where

    def die(self, what: str) -> None:
        """The process is killed. Raises Killed."""
        self.dead = True
        self.tell("killed", f"at step {self.steps}, {what}")
        raise Killed(what)

    def begin(self) -> None:
        """A new process: no stop asked for, no step taken."""
        self.run += 1
        self.stop = Flag()
        self.dead = False
        self.steps, self.kill_at, self.kill_amid = 0, 0, ("", 0)
        self.triggers = {}
        self.idle = self.most_idle = self.still = self.most_still = 0.0
