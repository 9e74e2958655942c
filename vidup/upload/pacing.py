"""EDGE: the clock. When the next request may start, how long to wait after a failure, and when patience ends (the only `tenacity`)."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

from vidup.errors import Cancelled, ExitCode
from vidup.verdicts.judge import Reply, Rule, Then, Verdict

if TYPE_CHECKING:
    from tenacity import RetryCallState

LONGEST_PAUSE: Final = 600.0
"""Seconds. No server is waited for longer at a time, whatever it asks."""

LONGEST_BACKOFF: Final = 60.0

_TICK: Final = 0.1
"""Seconds between two looks at the stop event while waiting: a Ctrl-C is answered within it."""

_AWAKE: Final = 1.0
"""Seconds. A longer gap between two looks means that the process was suspended, which does not count as waiting."""


class Kind(Enum):
    """What a request counts as: the API limits each kind by itself (https://docs.api.video/reference/README)."""

    UPLOAD = "upload"
    WRITE = "write"
    READ = "read"


Backoff = Callable[[int], float]


def full_jitter(attempt: int) -> float:
    """Seconds to wait before the next try after `attempt` failures: full jitter, also at the cap of 60 s."""
    from tenacity import wait_random_exponential

    return wait_random_exponential(multiplier=1, max=LONGEST_BACKOFF)(_state(attempt))


def _state(attempt: int) -> RetryCallState:
    from tenacity import RetryCallState, Retrying

    state = RetryCallState(retry_object=Retrying(), fn=None, args=(), kwargs={})
    state.attempt_number = attempt
    return state


class RetryBudget:
    """How long to keep trying: seconds in which no byte moves, counted from the first failure; a confirmed part starts it anew."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`seconds` of 0 means for ever."""
        self.seconds = seconds
        self._clock = clock
        self._spent = 0.0
        self._failing = False
        self._excused_until = 0.0
        self._looked_at = clock()
        self._handed = -1

    def failed(self) -> None:
        """Something failed: from now on idle time counts."""
        self._failing = True

    def progressed(self) -> None:
        """The server confirmed something: all is forgiven."""
        self._failing, self._spent = False, 0.0

    def excuse(self, seconds: float) -> None:
        """The server itself asked for this wait, so it does not count."""
        self._excused_until = max(self._excused_until, self._clock() + seconds)

    def look(self, handed: int) -> None:
        """Note the payload bytes handed to sockets so far; to be called several times a second."""
        now = self._clock()
        passed, self._looked_at = now - self._looked_at, now
        moved, self._handed = handed != self._handed, handed
        if self._failing and not moved and now > self._excused_until:
            self._spent += min(passed, _AWAKE)

    @property
    def left(self) -> float:
        """Seconds left, or infinity."""
        return max(0.0, self.seconds - self._spent) if self.seconds else float("inf")

    @property
    def used_up(self) -> bool:
        """Whether it is time to stop trying."""
        return self.left <= 0


@dataclass(slots=True)
class _Window:
    """What is known of one kind's window: at start number `start`, `left` requests were left until `resets_at`."""

    starts: int = 0
    known_at: int = 0
    left: int | None = None
    resets_at: float = 0.0
    paused_until: float = 0.0
    limit: int | None = None


@dataclass(slots=True)
class Pacer:
    """Keeps this process within the rate limits that the answers tell, one window for each kind; without headers it holds nothing back."""

    clock: Callable[[], float] = time.monotonic
    _windows: dict[Kind, _Window] = field(default_factory=lambda: {kind: _Window() for kind in Kind})

    def start(self, kind: Kind) -> int:
        """A request starts; the ticket goes back in with its answer."""
        window = self._windows[kind]
        window.starts += 1
        return window.starts

    def learn(self, kind: Kind, ticket: int, reply: Reply) -> None:
        """Read an answer's rate headers. Requests begun since are taken off what it says is left: they may not be counted yet."""
        window, now = self._windows[kind], self.clock()
        rate = reply.rate
        if rate.limit is not None:
            window.limit = rate.limit
        if rate.remaining is None or (ticket < window.known_at and now < window.resets_at):
            return
        window.known_at, window.left = ticket, rate.remaining
        window.resets_at = now + min(60.0 if rate.reset_after is None else rate.reset_after, LONGEST_PAUSE)

    def pause(self, kind: Kind, seconds: float) -> float:
        """A 429: nothing of this kind starts for so long (at most 600 s), plus a little that keeps several processes apart."""
        wait = min(seconds, LONGEST_PAUSE) + random.uniform(0, 1)
        window = self._windows[kind]
        window.paused_until = max(window.paused_until, self.clock() + wait)
        window.left = None
        return wait

    def delay(self, kind: Kind) -> float:
        """Seconds until a request of this kind may start; 0 is now."""
        window, now = self._windows[kind], self.clock()
        if now < window.paused_until:
            return window.paused_until - now
        if window.left is None or now >= window.resets_at:
            return 0.0
        return 0.0 if window.left - (window.starts - window.known_at) > 0 else window.resets_at - now

    def limit(self, kind: Kind) -> int | None:
        """Requests a minute, as the answers tell."""
        return self._windows[kind].limit


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


class Patience:
    """One upload's waiting: its stop, its retry budget, its pacer; and single requests made until they are decided."""

    def __init__(self, stop: Stop, budget: RetryBudget, pacer: Pacer, handed: Callable[[], int], backoff: Backoff = full_jitter) -> None:
        """`handed` tells the payload bytes given to sockets so far, `backoff` the seconds to wait after so many failures."""
        self.stop = stop
        self.backoff = backoff
        self.budget = budget
        self.pacer = pacer
        self._handed = handed

    def look(self) -> None:
        """Count the time that passed; raises Cancelled when the upload is being stopped."""
        self.budget.look(self._handed())
        if self.stop.is_set():
            raise Cancelled

    def sleep(self, seconds: float) -> None:
        """Wait, counting; raises Cancelled at once when the upload is stopped, so that a cut wait never sends once more."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.look()
            time.sleep(min(left, _TICK))
        self.look()

    def wait_after(self, reply: Reply, attempt: int) -> float:
        """Seconds until the next try after this failure: backoff, or longer if the server says so, but within the budget left."""
        return min(max(self.backoff(attempt), min(reply.retry_after or 0.0, LONGEST_PAUSE)), self.budget.left)

    def persist(self, attempt: Callable[[], tuple[Reply, Rule]], told: Callable[[Rule, Reply, int, float], None]) -> tuple[Reply, Rule]:
        """Make one request again and again while its failure may pass (it carries no part, so nothing can be resumed) and the budget lasts.

        `told(rule, reply, attempt, wait)` hears of every failure before its wait. Returns the last answer.
        """
        answers = [attempt()]
        if answers[0][1].verdict is Verdict.ACCEPT:
            return answers[0]  # as nearly always: tenacity is not even imported

        from tenacity import Retrying, retry_if_result

        refused = 0

        def again(answer: tuple[Reply, Rule]) -> bool:
            nonlocal refused
            rule = answer[1]
            refused = refused + 1 if rule.then is Then.RENEW_TOKEN else 0
            passing = rule.verdict is Verdict.RETRY or (rule.verdict is Verdict.RESUME and rule.exit_code is ExitCode.AGAIN)
            return passing and refused < 2

        def wait(state: RetryCallState) -> float:
            reply, rule = _answer(state)
            if rule.then in (Then.RENEW_TOKEN, Then.PAUSE_ALL):
                return 0.0
            self.budget.failed()
            return self.wait_after(reply, state.attempt_number)

        def before_sleep(state: RetryCallState) -> None:
            reply, rule = _answer(state)
            told(rule, reply, state.attempt_number, state.upcoming_sleep)

        retrying = Retrying(
            retry=retry_if_result(again),
            wait=wait,
            stop=lambda _state: self.budget.used_up,
            sleep=self.sleep,
            before_sleep=before_sleep,
            retry_error_callback=_answer,
        )
        return retrying(lambda: answers.pop() if answers else attempt())


def _answer(state: RetryCallState) -> tuple[Reply, Rule]:
    assert state.outcome is not None
    answer: tuple[Reply, Rule] = state.outcome.result()
    return answer
