"""Which workers leave the last parts to others."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.upload.virtual import Run, Server, VirtualPool, early, order
from vidup.upload.exchange import Request, Verb
from vidup.upload.tail import sit_out
from vidup.verdicts.judge import Reply

seconds = st.floats(0.001, 1000)


@pytest.mark.parametrize(
    ("parts", "paces", "working", "out"),
    [
        (1, {0: 1.0, 1: 10.0}, {0: 0.5}, {1}),
        (4, {0: 1.0, 1: 5.0}, {0: 0.5}, {1}),
        (4, {0: 1.0, 1: 4.5}, {0: 0.5}, set()),
        (5, {0: 1.0, 1: 99.0}, {0: 0.5}, set()),
        (0, {0: 1.0, 1: 9.0}, {}, set()),
        (1, {0: 1.0, 1: 10.0}, {}, {1}),
        (1, {0: 5.0, 1: 10.0}, {0: 1.0}, {1}),
        (1, {0: 6.0, 1: 10.0}, {0: 1.0}, set()),
        (2, {0: 1.0, 1: 1.5, 2: 9.0}, {}, {2}),
        (1, {0: 1.0, 1: 1.0, 2: 1.0}, {}, set()),
        (1, {0: 1.0, 1: 1.0}, {0: 0.9}, set()),
        (1, {0: 1.0, 1: 10.0}, {0: 12.0}, set()),
        (1, {1: 10.0}, {0: 0.5}, set()),
        (1, {}, {}, set()),
    ],
)
def test_a_slow_worker_sits_out_when_the_others_are_sooner_through_with_all(
    parts: int, paces: dict[int, float], working: dict[int, float], out: set[int]
) -> None:
    """Equal workers never do, nor one that nobody can stand in for: the others are busy, overdue, or of unknown pace. Nor before the end."""
    assert sit_out(parts, paces, working) == out


@given(
    parts=st.integers(1, 50),
    paces=st.dictionaries(st.integers(0, 7), seconds, max_size=8),
    since=st.dictionaries(st.integers(0, 7), seconds, max_size=8),
)
def test_who_sits_out_is_not_missed(parts: int, paces: dict[int, float], since: dict[int, float]) -> None:
    """Within the time of its own part, the workers that stay could each count off enough parts; and there is always one that stays."""
    out = sit_out(parts, paces, since)
    staying = [(max(paces[worker], since.get(worker, 0)), since.get(worker)) for worker in paces.keys() - out]
    assert not out or staying
    assert not out & since.keys()
    for worker in out:
        within = paces[worker] * (1 + 1e-9)
        room = [within - (2 * pace - begun if begun is not None else pace) for pace, begun in staying]
        assert sum(math.floor(left / pace + 1e-6) + 1 for left, (pace, _) in zip(room, staying, strict=True) if left > 0) >= parts


@pytest.mark.parametrize(
    ("paces", "parts", "seconds"),
    [([1.0, 4.5], 9, 8.0), ([1.0, 1.0, 1.0, 1.0], 12, 3.0), ([1.0, 30.0], 4, 30.0), ([1.0, 1.0, 4.5, 4.5], 14, 6.0)],
)
def test_a_slow_connection_does_not_hold_up_the_end(paces: list[float], parts: int, seconds: float, tmp_path: Path) -> None:
    """Told only how long parts took, the upload ends as early as it can: no slow worker begins what another has sooner."""
    pool = VirtualPool(paces, Server())
    (report,) = Run(pool, [order(tmp_path, parts, len(paces))]).run()
    assert (report.error, report.parts_sent) == (None, parts)
    assert pool.part_ended - pool.part_began == seconds


@pytest.mark.parametrize("paces", [[1.0, 4.0], [1.0, 5.0, 5.0, 5.0]])
def test_nobody_waits_for_a_connection_that_was_fast_and_fails_now(paces: list[float], tmp_path: Path) -> None:
    """Behind a balancer one connection may be bound to a broken server: the slow ones that work take its parts."""
    server, sent = Server(), Counter[int]()

    def fails_from_the_fourth(request: Request, worker: int) -> Reply:
        sent[worker] += request.verb is Verb.PART
        if request.verb is Verb.PART and worker == 0 and sent[0] > 3:
            return early(request, Reply(503))
        return server(request, worker)

    pool = VirtualPool(paces, fails_from_the_fourth)
    (report,) = Run(pool, [order(tmp_path, 8, len(paces), retry_for=3)]).run()
    assert (report.error, report.parts_sent) == (None, 8)
