"""CORE: what `--limit-rate` makes of an upload: how many parts at a time, how large, in which steps they go out."""

from __future__ import annotations

from typing import Final

from vidup.plan.parts import MIB, MIN_PART

KIB: Final = 1024

SLOWEST: Final = 16 * KIB
"""Bytes a second. At less, the smallest part that api.video takes would be five minutes on its way, and servers hang up on such lines."""

_A_CONNECTION: Final = 250 * KIB
"""Bytes a second that a connection should have at least: what is shared by more only makes each part last longer."""

_LONGEST_PART: Final = 60
"""Seconds that a part should take at most: so much is what a dropped line loses."""

_MOST_ALONE: Final = 16 * MIB

_MOST_AT_ONCE: Final = 512 * KIB
_LEAST_AT_ONCE: Final = 16 * KIB
"""Bytes in a step, where that is at most a quarter of a second."""

_LEAST_BUFFER: Final = 64 * KIB
_USUAL_BUFFER: Final = 4 * MIB
"""Bytes. To what Linux lets the buffer of a connection grow by itself."""


def jobs_within(jobs: int, rate: int | None) -> int:
    """How many of `jobs` parts are worth sending at a time under a limit of `rate` bytes a second; all without one, or of 0."""
    return jobs if not rate else max(1, min(jobs, rate // _A_CONNECTION))


def most_in_part(jobs: int, rate: int | None, first_alone: bool = False) -> int | None:
    """Bytes that a part should have at most, where `jobs` share the limit; None for any. `first_alone`: nothing else moves while the first
    part is under way, so it should be short."""
    most = [_MOST_ALONE] if first_alone else []
    most += [max(MIN_PART, rate * _LONGEST_PART // jobs)] if rate is not None else []
    return min(most, default=None)


def seconds_for(count: int, rate: int | None) -> float:
    """Seconds that `count` bytes take under the limit alone; 0 without one."""
    return 0.0 if rate is None else count / rate


def step_of(rate: int) -> int:
    """Bytes that go out at once: about a twentieth of a second, so that ten seconds hold what they should, within fewer per cent."""
    return min(_MOST_AT_ONCE, max(min(_LEAST_AT_ONCE, rate // 4), rate // 20))


def buffer_of(jobs: int, rate: int | None) -> int | None:
    """Bytes that the kernel should hold for a connection at most: a second of its share. None where it would not hold more by itself.

    What it takes besides would leave in a burst, however slowly it was given.
    """
    share = None if rate is None else max(_LEAST_BUFFER, rate // jobs)
    return share if share is not None and share < _USUAL_BUFFER else None
