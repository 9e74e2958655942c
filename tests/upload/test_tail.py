"""Which workers leave the last parts to others."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import MIB
from vidup.api.client import Api, SizedBody
from vidup.api.credentials import ApiKey
from vidup.emulator.server import Emulator
from vidup.upload.attempts import Sent
from vidup.upload.order import Order
from vidup.upload.tail import sit_out
from vidup.upload.upload import Upload
from vidup.upload.workers import Outcome, Workers
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


class Uneven(Workers):
    """Workers whose time is told, not spent: each part takes its worker so many seconds. Jobs are done when they are asked for."""

    def __init__(self, paces: list[float]) -> None:
        super().__init__(len(paces))
        self.paces = paces
        self.clock = 0.0
        self.at: dict[int, tuple[float, Callable[[], object]]] = {}
        self.idle = list(range(len(paces)))
        self.current = 0
        self.began = math.inf
        self.through = 0.0

    def submit(self, job: Callable[[], object], sparing: frozenset[int] = frozenset()) -> None:
        self.busy += 1
        worker = next(worker for worker in self.idle if worker not in sparing)
        self.idle.remove(worker)
        self.at[worker] = (self.clock, job)

    def prepare(self, count: int, first: Callable[[], object]) -> None:
        pass

    def working(self) -> dict[int, float]:
        return {worker: self.clock - began for worker, (began, _) in self.at.items()}

    def next(self, timeout: float) -> Outcome | None:
        if not self.at:
            return None
        worker = min(self.at, key=lambda each: self.at[each][0] + self.paces[each])
        began, job = self.at.pop(worker)
        self.clock = began + self.paces[worker]
        self.busy -= 1
        self.idle.append(worker)
        self.current = worker
        value = job()
        if isinstance(value, Sent):
            self.began, self.through = min(self.began, began), self.clock
        return Outcome(value, None, worker, self.paces[worker])


@pytest.mark.parametrize(
    ("paces", "parts", "seconds"),
    [([1.0, 4.5], 9, 8.0), ([1.0, 1.0, 1.0, 1.0], 12, 3.0), ([1.0, 30.0], 4, 30.0), ([1.0, 1.0, 4.5, 4.5], 14, 6.0)],
)  # fmt: skip
def test_a_slow_connection_does_not_hold_up_the_end(
    paces: list[float],
    parts: int,
    seconds: float,
    monkeypatch: pytest.MonkeyPatch,
    emulator: Emulator,
    video: Callable[..., Path],
    tmp_path: Path,
) -> None:
    """Told only how long parts took, the upload ends as early as it can: no slow worker begins what another has sooner."""
    workers = Uneven(paces)
    monkeypatch.setattr("vidup.upload.upload.Workers", lambda _jobs: workers)
    order = Order(
        path=str(video(parts * 5 * MIB)), base_url=emulator.url, key=ApiKey(emulator.api_key, "a test"), state_dir=tmp_path / "state",
        jobs=len(paces), part_size=5 * MIB,
    )  # fmt: skip
    report = Upload(order, lambda _event: None).run(lambda _report: True)
    assert report.parts_sent == parts
    assert workers.through - workers.began == seconds


@pytest.mark.parametrize("paces", [[1.0, 4.0], [1.0, 5.0, 5.0, 5.0]])
def test_nobody_waits_for_a_connection_that_was_fast_and_fails_now(
    paces: list[float], monkeypatch: pytest.MonkeyPatch, emulator: Emulator, video: Callable[..., Path], tmp_path: Path
) -> None:
    """Behind a balancer one connection may be bound to a broken server: the slow ones that work take its parts."""
    workers, send_part, sent = Uneven(paces), Api.send_part, Counter[int]()

    def fails_from_the_fourth(self: Api, video_id: str, content_range: str, body: SizedBody) -> Reply:
        sent[workers.current] += 1
        if workers.current == 0 and sent[0] > 3:
            return Reply(503)
        return send_part(self, video_id, content_range, body)

    monkeypatch.setattr("vidup.upload.upload.Workers", lambda _jobs: workers)
    monkeypatch.setattr(Api, "send_part", fails_from_the_fourth)
    order = Order(
        path=str(video(8 * 5 * MIB)), base_url=emulator.url, key=ApiKey(emulator.api_key, "a test"), state_dir=tmp_path / "state",
        jobs=len(paces), part_size=5 * MIB, retry_for=3,
    )  # fmt: skip
    report = Upload(order, lambda _event: None, backoff=lambda _failures: 0.0).run(lambda _report: True)
    assert (report.error, report.parts_sent) == (None, 8)
