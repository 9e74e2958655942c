"""Chance: those who failed together do not come back together."""

from __future__ import annotations

import pytest

from vidup.upload.dice import LONGEST_BACKOFF, apart, full_jitter


@pytest.mark.parametrize(("attempt", "longest"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (30, 60), (5000, 60)])
def test_backoff_doubles_up_to_its_cap(attempt: int, longest: float) -> None:
    """A wait is never longer than a minute, nor a first one than a second."""
    draws = [full_jitter(attempt) for _ in range(300)]
    assert 0 <= min(draws) < longest / 4
    assert longest * 3 / 4 < max(draws) <= longest <= LONGEST_BACKOFF


def test_backoff_has_full_jitter_also_at_its_cap() -> None:
    """Many clients that failed together do not come back together, however long they have failed."""
    assert len({round(full_jitter(30)) for _ in range(300)}) > 20


def test_processes_that_are_told_the_same_go_on_within_a_second() -> None:
    """They share a limit, so each waits a moment of its own."""
    draws = [apart() for _ in range(300)]
    assert 0 <= min(draws) < 0.25 and 0.75 < max(draws) <= 1
