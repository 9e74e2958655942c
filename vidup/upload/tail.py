"""CORE: which workers leave the last parts to others: connections share a line unevenly, and the slowest would hold up the end."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import Final, NamedTuple

_LAST: Final = 2
"""Parts for each worker that count as the last. Further ahead nobody knows how fast a connection will be, and one that rests shows no
better."""


class _Turn(NamedTuple):
    """When a worker could be through with another part, in seconds from now, and the seconds it takes for each."""

    through: float
    pace: float


def sit_out(parts: int, paces: Mapping[int, float], working: Mapping[int, float]) -> frozenset[int]:
    """The idle workers that would still be at their part when the others are through with the last of the file, `parts` not begun.

    `paces` are the seconds that each worker's part took last; one that is not in it, because it has sent none or failed since, never
    sits out, nor counts for others. `working` are the seconds since each busy worker began what it does.
    """
    if not 0 < parts <= _LAST * len(paces):
        return frozenset()
    turns = [_next_turn(pace, working.get(worker)) for worker, pace in paces.items()]
    return frozenset(worker for worker, pace in paces.items() if worker not in working and _are_through(turns, parts, pace))


def _next_turn(pace: float, since: float | None) -> _Turn:
    """A busy worker ends its part at its pace first; when that is overdue, it has become so much slower."""
    if since is None:
        return _Turn(pace, pace)
    pace = max(pace, since)
    return _Turn(2 * pace - since, pace)


def _are_through(turns: list[_Turn], parts: int, seconds: float) -> bool:
    """Whether these workers, each part going to who ends it first, are through with so many in less than that time.

    One that itself takes that long, or longer, cannot help in it, so nobody need be left out of `turns`.
    """
    turns = turns.copy()
    heapq.heapify(turns)
    for _ in range(parts):
        through, pace = turns[0]
        if through >= seconds:
            return False
        heapq.heapreplace(turns, _Turn(through + pace, pace))
    return True
