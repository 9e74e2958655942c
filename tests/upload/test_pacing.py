"""The clock: backoff, the retry budget, and the rate limits that the answers tell; with a clock that the test turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MIB, Cli, parts_sent
from vidup.emulator.server import Emulator
from vidup.errors import Cancelled
from vidup.upload.pacing import LONGEST_BACKOFF, Kind, Pacer, Patience, RetryBudget, Stop, full_jitter
from vidup.verdicts.judge import RateLimit, Reply, Rule
from vidup.verdicts.rules import TABLE


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def told(remaining: int | None, reset: float | None, limit: int | None = 40) -> Reply:
    return Reply(status=201, rate=RateLimit(limit, remaining, reset))


def test_backoff_has_full_jitter_also_at_its_cap() -> None:
    """Many clients that failed together do not come back together."""
    assert all(0 <= full_jitter(1) <= 1 for _ in range(50))
    draws = [full_jitter(30) for _ in range(200)]
    assert max(draws) <= LONGEST_BACKOFF
    assert len({round(draw) for draw in draws}) > 20


def test_without_headers_nothing_is_held_back(clock: Clock) -> None:
    """No header, no pacing."""
    pacer = Pacer(clock)
    for _ in range(1000):
        ticket = pacer.start(Kind.UPLOAD)
        pacer.learn(Kind.UPLOAD, ticket, Reply(status=201))
        assert pacer.delay(Kind.UPLOAD) == 0


def test_what_is_left_is_spent_and_then_waited_for(clock: Clock) -> None:
    """Two left: two more start, the third waits until the window resets."""
    pacer = Pacer(clock)
    pacer.learn(Kind.UPLOAD, pacer.start(Kind.UPLOAD), told(2, 30))
    for _ in range(2):
        assert pacer.delay(Kind.UPLOAD) == 0
        pacer.start(Kind.UPLOAD)
    assert pacer.delay(Kind.UPLOAD) == 30
    clock.now += 30
    assert pacer.delay(Kind.UPLOAD) == 0


def test_requests_on_their_way_are_taken_off_what_is_left(clock: Clock) -> None:
    """An answer may have been counted before those that were started after it."""
    pacer = Pacer(clock)
    first = pacer.start(Kind.UPLOAD)
    for _ in range(3):
        pacer.start(Kind.UPLOAD)
    pacer.learn(Kind.UPLOAD, first, told(3, 20))
    assert pacer.delay(Kind.UPLOAD) == 20


def test_an_older_answer_does_not_undo_a_newer_one(clock: Clock) -> None:
    """Answers come in any order."""
    pacer = Pacer(clock)
    old, new = pacer.start(Kind.UPLOAD), pacer.start(Kind.UPLOAD)
    pacer.learn(Kind.UPLOAD, new, told(0, 20))
    pacer.learn(Kind.UPLOAD, old, told(9, 20))
    assert pacer.delay(Kind.UPLOAD) == 20


def test_limits_of_uploads_writes_and_reads_are_kept_apart(clock: Clock) -> None:
    """Reads may go on while uploads wait."""
    pacer = Pacer(clock)
    pacer.learn(Kind.UPLOAD, pacer.start(Kind.UPLOAD), told(0, 20))
    assert (pacer.delay(Kind.UPLOAD), pacer.delay(Kind.READ), pacer.delay(Kind.WRITE)) == (20, 0, 0)
    assert pacer.limit(Kind.UPLOAD) == 40


def test_a_429_pauses_its_kind_and_no_longer_than_ten_minutes(clock: Clock) -> None:
    """What the server says, plus a moment that keeps processes apart; at most 600 s."""
    pacer = Pacer(clock)
    assert 7 <= pacer.pause(Kind.UPLOAD, 7) <= 8
    assert 7 <= pacer.delay(Kind.UPLOAD) <= 8
    assert pacer.pause(Kind.UPLOAD, 99_999) <= 601


def test_the_budget_counts_only_idle_time_after_a_failure(clock: Clock) -> None:
    """Before a failure nothing counts; while bytes move nothing counts; a confirmed part starts it anew."""
    budget = RetryBudget(10, clock)
    handed = 0

    def pass_time(seconds: float, moving: bool) -> None:
        nonlocal handed
        for _ in range(round(seconds / 0.5)):
            clock.now += 0.5
            handed += moving
            budget.look(handed)

    pass_time(60, moving=False)
    assert budget.left == 10
    budget.failed()
    pass_time(60, moving=True)
    assert budget.left == 10
    pass_time(6, moving=False)
    assert budget.left == pytest.approx(4, abs=0.6)
    budget.progressed()
    pass_time(6, moving=False)
    assert budget.left == 10
    budget.failed()
    pass_time(11, moving=False)
    assert budget.used_up


def test_time_suspended_does_not_count(clock: Clock) -> None:
    """A laptop asleep, or Ctrl-Z, costs one second of patience at most."""
    budget = RetryBudget(10, clock)
    budget.failed()
    budget.look(0)
    clock.now += 3600
    budget.look(0)
    assert budget.left >= 9


def test_a_wait_the_server_asked_for_does_not_count(clock: Clock) -> None:
    """A rate limit is not a failure."""
    budget = RetryBudget(1, clock)
    budget.failed()
    budget.excuse(30)
    for _ in range(60):
        clock.now += 0.5
        budget.look(0)
    assert not budget.used_up


def test_zero_is_for_ever(clock: Clock) -> None:
    """--retry-for 0."""
    budget = RetryBudget(0, clock)
    budget.failed()
    for _ in range(100):
        clock.now += 1
        budget.look(0)
    assert not budget.used_up


def patience(budget: RetryBudget, stop: Stop | None = None) -> Patience:
    return Patience(stop or Stop(), budget, Pacer(), lambda: 0, backoff=lambda _failures: 0.0)


def test_a_single_request_is_made_until_it_is_answered() -> None:
    """And everybody hears of each failure."""
    answers = iter([Reply(failure="no-answer"), Reply(status=503), Reply(status=200, promised=True)])
    heard: list[int] = []

    def attempt() -> tuple[Reply, Rule]:
        reply = next(answers)
        return reply, TABLE.judge(reply)

    reply, _rule = patience(RetryBudget(60)).persist(attempt, lambda rule, reply, tries, wait: heard.append(tries))
    assert (reply.status, heard) == (200, [1, 2])


def test_a_single_request_that_is_refused_for_good_is_made_once() -> None:
    """An ABORT, and a documented refusal that only an upload could resume from."""
    for reply in (Reply(status=400, slug="invalid-payload"), Reply(status=400, slug="video-source-already-uploaded")):
        calls: list[int] = []

        def attempt(reply: Reply = reply, calls: list[int] = calls) -> tuple[Reply, Rule]:
            calls.append(1)
            return reply, TABLE.judge(reply)

        patience(RetryBudget(60)).persist(attempt, lambda *_: None)
        assert len(calls) == 1


def test_a_cancelled_wait_never_sends_once_more() -> None:
    """The stop event ends the wait by an exception, not by another try."""
    stop, calls = Stop(), list[int]()

    def attempt() -> tuple[Reply, Rule]:
        calls.append(1)
        stop.set()
        reply = Reply(status=503, retry_after=30)
        return reply, TABLE.judge(reply)

    began = time.monotonic()
    with pytest.raises(Cancelled):
        patience(RetryBudget(60), stop).persist(attempt, lambda *_: None)
    assert calls == [1]
    assert time.monotonic() - began < 5


def test_a_wait_never_outlasts_the_budget() -> None:
    """--retry-for is kept although the server asks for more."""
    assert patience(RetryBudget(3)).wait_after(Reply(status=503, retry_after=500), 1) == 3


def test_several_processes_on_one_key_all_finish(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """They share a limit that none of them knows of the others; each gets through."""
    emulator = emulate(rate_limit={"uploads": 6, "writes": 40, "reads": 100, "window": 2})
    paths = [video(25 * MIB, name=f"{n}.mp4", seed=n) for n in range(3)]
    running = [vidup.start("upload", path, "--part-size", "5MiB", emulator=emulator) for path in paths]
    for process in running:
        _out, err = process.communicate(timeout=90)
        assert process.returncode == 0, err
    assert len(set(parts_sent(emulator))) == 5
