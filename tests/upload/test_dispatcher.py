"""The one loop over several uploads, on a line whose time is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.upload.virtual import BY_PART, Run, Server, VirtualPool, early, order, refusal
from vidup.upload.exchange import Answer, Request, Verb
from vidup.verdicts.judge import Reply


class Watched(VirtualPool):
    """Notes how many uploads are open whenever an answer is awaited."""

    run: Run
    most = 0
    before_login = 0

    def next(self, timeout: float) -> Answer | None:
        count = sum(upload.begun and not upload.over for upload in self.run.uploads)
        self.most = max(self.most, count)
        if self.clock == 0:
            self.before_login = count
        return super().next(timeout)


@pytest.mark.parametrize("trouble", [None, Reply(429, retry_after=60.0), Reply(503)])
def test_of_many_files_few_are_open_at_a_time(trouble: Reply | None, tmp_path: Path) -> None:
    """Each holds files open and was read for its fingerprint: none but the first before there is a token, and two for each worker at most."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply:
        return trouble if trouble and request.verb is Verb.CREATE and pool.clock < 100 else server(request, worker)

    pool = Watched([1.0] * 2, answers)
    pool.run = Run(pool, [order(tmp_path, 2, 2, name=f"{n}.mp4") for n in range(12)], backoff=5.0, probes=5.0)
    reports = pool.run.run()
    assert [report.status for report in reports] == ["uploaded"] * 12
    assert pool.before_login == 1
    assert pool.most <= 4


def test_a_part_that_may_not_go_yet_does_not_hold_up_the_status(tmp_path: Path) -> None:
    """Its turn came while the line was down; the part in doubt is asked for when it is time, not when the line is probed."""
    server, sent = Server(), list[int]()

    def answers(request: Request, worker: int) -> Reply:
        if request.verb is Verb.PART and pool.clock < 30:
            sent.append(request.part)
            return early(request, Reply(503) if len(sent) > 1 else refusal(f"{BY_PART}part-already-sent"))
        return server(request, worker)

    pool = VirtualPool([1.0, 1.5, 2.0], answers)
    Run(pool, [order(tmp_path, 6, 3)], backoff=1.0, probes=200.0).run()
    asked = [began for began, _worker, request in pool.carried if request.verb is Verb.STATUS]
    assert asked[:4] == [3.5, 6.5, 12.0, 18.0]
