"""EDGE: chance: how long to wait so that many who failed at the same moment do not try again at the same moment (`tenacity`)."""

from __future__ import annotations

import random
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tenacity import RetryCallState

LONGEST_BACKOFF: Final = 60.0
"""Seconds."""


def full_jitter(attempt: int) -> float:
    """Seconds to wait before the next try after `attempt` failures: full jitter, also at the cap of 60 s."""
    from tenacity import wait_random_exponential

    return wait_random_exponential(multiplier=1, max=LONGEST_BACKOFF)(_state(attempt))


def apart() -> float:
    """Up to a second that keeps processes apart which were all told to wait equally long."""
    return random.uniform(0, 1)


def about(seconds: float) -> float:
    """So many seconds, give or take a fifth: those who began to wait together do not look together."""
    return seconds * random.uniform(0.8, 1.2)


@cache
def _state(attempt: int) -> RetryCallState:
    from tenacity import RetryCallState, Retrying

    state = RetryCallState(retry_object=Retrying(), fn=None, args=(), kwargs={})
    state.attempt_number = attempt
    return state
