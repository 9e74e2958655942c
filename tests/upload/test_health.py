"""How the line is, and how long to be patient with it; every moment is told."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from vidup.upload.health import Health, RetryBudget


def line(jobs: int = 4) -> Health:
    """A line whose probes are 10 s apart, then 20, then 30."""
    return Health(jobs, lambda probes: 10.0 * probes)


def widths(health: Health, now: float) -> int:
    """How many requests could be on their way now."""
    return next(busy for busy in range(health.jobs + 1) if not health.room(busy, now))


def down(jobs: int = 4) -> Health:
    """A line on which `jobs` requests in a row failed, the last one at 100 s."""
    health = line(jobs)
    for second in range(jobs):
        health.failed(101.0 - jobs + second)
    return health


def test_a_healthy_line_carries_all_jobs() -> None:
    """Nothing is held back before anything has failed."""
    assert widths(line(), 0.0) == 4


def test_each_failure_narrows_the_line_until_it_is_down() -> None:
    """What fails is not at once followed by as much again."""
    health = line()
    seen = []
    for _ in range(4):
        seen.append((widths(health, 0.0), health.is_down))
        health.failed(0.0)
    assert seen == [(4, False), (3, False), (2, False), (1, False)]
    assert health.is_down


def test_a_line_that_is_down_gets_one_probe_at_a_time_with_backoff() -> None:
    """A server in trouble is not hammered: nothing for the wait, then one request, then a longer wait."""
    health = down()
    assert [widths(health, now) for now in (100.0, 109.9, 110.0, 500.0)] == [0, 0, 1, 1]
    assert health.failed(111.0) == 20.0
    assert [widths(health, now) for now in (111.0, 130.9, 131.0)] == [0, 0, 1]
    assert health.failed(140.0) == 30.0


def test_a_probe_waits_for_what_the_server_asks() -> None:
    """A Retry-After longer than our own backoff is kept."""
    health = down()
    assert health.failed(111.0, asked=300.0) == 300.0
    assert widths(health, 410.9) == 0
    assert health.failed(411.0, asked=1.0) == 30.0


def test_a_late_failure_never_brings_a_probe_forward() -> None:
    """The wait that was begun is kept when an older request fails, too."""
    health = down()
    health.failed(111.0, asked=300.0)
    assert health.failed(112.0) == 299.0


def test_a_line_that_is_back_grows_with_every_success() -> None:
    """Two after the first answer, then one more each time, and never more than there are jobs."""
    health = down()
    assert health.succeeded()
    seen = [widths(health, 112.0)]
    for _ in range(4):
        assert not health.succeeded()
        seen.append(widths(health, 112.0))
    assert seen == [2, 3, 4, 4, 4]


def test_after_a_success_failures_count_from_one_and_waits_from_the_shortest() -> None:
    """A line that came back is not held to what it was."""
    health = down()
    health.failed(111.0)
    health.succeeded()
    assert [health.failed(200.0) for _ in range(4)] == [0.0, 0.0, 0.0, 10.0]


def test_one_job_is_enough_for_a_line_to_be_down() -> None:
    """With one at a time every failure is a line that is down, and the probe is that one."""
    health = line(1)
    assert health.failed(100.0) == 10.0
    assert [widths(health, 109.0), widths(health, 110.0)] == [0, 1]
    assert health.succeeded() and widths(health, 110.0) == 1


@given(st.integers(1, 16), st.lists(st.booleans(), max_size=60))
def test_a_line_is_never_shut_for_good(jobs: int, went_well: list[bool]) -> None:
    """Whatever comes, some request may go out after a while, and never more than jobs."""
    health, now = line(jobs), 0.0
    for well in went_well:
        now += 1.0
        _ = health.succeeded() if well else health.failed(now)
        assert 1 <= widths(health, now + 10_000.0) <= jobs
        assert widths(health, now + 10_000.0) == 1 or not health.is_down


# -- patience


def passed(budget: RetryBudget, begin: float, seconds: float, *, moving: float = math.inf, flying: bool = True) -> float:
    """Look once a second until so many seconds have passed; a byte moves in every one of `moving` of them. The time then."""
    for second in range(1, round(seconds) + 1):
        budget.look(begin + second, moved=second % moving == 0, on_their_way=flying)
    return begin + seconds


def test_before_a_failure_nothing_counts() -> None:
    """A server that thinks for an hour over an answer has failed nobody."""
    budget = RetryBudget(10)
    now = passed(budget, 0.0, 3600)
    assert (budget.left, budget.used_up(now), budget.ends_in(now)) == (10, False, math.inf)


def test_idle_time_counts_from_the_first_failure() -> None:
    """To the second, where no body is on its way."""
    budget = RetryBudget(10)
    budget.failed(100.0)
    assert budget.ends_in(100.0) == 10
    now = passed(budget, 100.0, 9, flying=False)
    assert (budget.left, budget.used_up(now), budget.ends_in(now)) == (1, False, 1)
    assert budget.used_up(passed(budget, now, 1, flying=False))


def test_moving_bytes_are_no_idle_time() -> None:
    """A slow line takes bytes in steps: while one comes every 5 s at least, a short patience lasts for hours."""
    budget = RetryBudget(3)
    budget.failed(100.0)
    budget.look(100.0, moved=True, on_their_way=True)
    now = passed(budget, 100.0, 7200, moving=5)
    assert (budget.left, budget.used_up(now)) == (3, False)


def test_bodies_that_stand_still_count_after_five_seconds() -> None:
    """Only what exceeds the slack counts."""
    budget = RetryBudget(10)
    budget.failed(100.0)
    budget.look(100.0, moved=True, on_their_way=True)
    assert passed(budget, 100.0, 5) and budget.left == 10
    assert passed(budget, 105.0, 4) and budget.left == 6


def test_a_line_that_moves_a_little_and_stands_long_runs_out() -> None:
    """Of every 8 s that end with a byte, the two between the slack and the look that saw it count."""
    budget = RetryBudget(6)
    budget.failed(100.0)
    budget.look(100.0, moved=True, on_their_way=True)
    now = passed(budget, 100.0, 24, moving=8)
    assert (budget.left, budget.used_up(now)) == (0, True)


def test_with_nothing_on_its_way_there_is_no_slack() -> None:
    """Bytes that moved before the line went down excuse nothing."""
    budget = RetryBudget(10)
    budget.look(99.0, moved=True, on_their_way=True)
    budget.failed(100.0)
    passed(budget, 100.0, 4, flying=False)
    assert budget.left == 6


def test_a_confirmed_part_starts_it_anew() -> None:
    """Nothing that failed before it counts, and nothing after it but the next failure."""
    budget = RetryBudget(10)
    budget.failed(0.0)
    now = passed(budget, 0.0, 9, flying=False)
    budget.progressed()
    now = passed(budget, now, 100, flying=False)
    assert budget.left == 10
    budget.failed(now)
    passed(budget, now, 2, flying=False)
    assert budget.left == 8


def test_a_wait_the_server_asked_for_does_not_count() -> None:
    """A rate limit is not a failure; what comes after the wait is."""
    budget = RetryBudget(2)
    budget.failed(0.0)
    budget.excuse(30.0)
    assert budget.ends_in(0.0) == 32
    now = passed(budget, 0.0, 30, flying=False)
    assert (budget.left, budget.used_up(now)) == (2, False)
    assert budget.used_up(passed(budget, now, 2, flying=False))


def test_a_shorter_excuse_does_not_end_a_longer_one() -> None:
    """Reads may be told to wait less than uploads."""
    budget = RetryBudget(2)
    budget.failed(0.0)
    budget.excuse(30.0)
    budget.excuse(5.0)
    assert not budget.used_up(passed(budget, 0.0, 30, flying=False))


def endless(budget: RetryBudget, until: float, every: float = 60.0) -> float | None:
    """A server that answers 429 once in so many seconds: when it is time to stop."""
    now = 0.0
    while now < until:
        budget.limited(now, now + every)
        for _ in range(round(every)):
            now += 1.0
            budget.look(now, moved=False, on_their_way=False)
            if budget.used_up(now):
                return now
    return None


def test_a_rate_limit_that_never_ends_ends_after_fifteen_minutes() -> None:
    """A quota or a block list answers 429 for ever; without any success it is waited for no longer, however patient the user."""
    for seconds in (3.0, 900.0, 0.0):
        budget = RetryBudget(seconds)
        assert endless(budget, 3600.0) == 900.0
        assert budget.limited_for_ever(900.0) and not budget.limited_for_ever(899.0)


def test_a_rate_limit_that_lets_something_through_is_waited_for() -> None:
    """Any good answer shows that it ends at times."""
    for well in (RetryBudget.answered_well, RetryBudget.progressed):
        budget = RetryBudget(3)
        assert endless(budget, 840.0) is None
        well(budget)
        assert budget.ends_in(840.0) == math.inf
        budget.limited(840.0, 900.0)
        assert (budget.used_up(1739.0), budget.used_up(1740.0)) == (False, True)


def test_the_end_of_a_rate_limit_is_foreseen() -> None:
    """Whoever waits is woken then."""
    budget = RetryBudget(0)
    budget.limited(100.0, 700.0)
    assert budget.ends_in(400.0) == 600.0


def test_zero_is_for_ever() -> None:
    """--retry-for 0."""
    budget = RetryBudget(0)
    budget.failed(0.0)
    now = passed(budget, 0.0, 100_000, flying=False)
    assert (budget.left, budget.used_up(now), budget.ends_in(now)) == (math.inf, False, math.inf)
