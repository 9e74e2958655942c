"""Stories of a line in trouble: what is waited for and how long, how often anybody is asked, and whom the trouble of one concerns."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.upload.virtual import Later, Run, Server, early, good, line, order, refusal
from vidup.errors import ExitCode
from vidup.events import Retrying, Waiting
from vidup.upload.exchange import Request, Verb
from vidup.verdicts.judge import Reply

HOUR = 3600.0
NO_ANSWER = Reply(failure="no-answer")


def busiest_minute(began: list[float]) -> int:
    """The most requests that began within any minute."""
    return max(sum(start <= other < start + 60 for other in began) for start in began)


def most_at_once(began: list[float], takes: float) -> int:
    return max(sum(start <= other < start + takes for other in began) for start in began)


def test_a_slow_line_that_moves_is_not_given_up(tmp_path: Path) -> None:
    """One 503, then parts that take two minutes each, on a line that takes bytes every four seconds: no 20 s ever pass without any."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply:
        return Reply(503) if request.part == 1 and pool.sent[1] == 1 else server(request, worker)

    pool = line(server, [120.0] * 2, answers)
    pool.asking, pool.step = 0.1, 4.0
    (report,) = Run(pool, [order(tmp_path, 4, 2, retry_for=20)], backoff=1.0).run()
    assert (report.exit_code, report.retries) == (ExitCode.OK, 1)


@pytest.mark.parametrize("before_the_end", [True, False])
def test_a_server_in_trouble_is_probed_and_not_hammered(before_the_end: bool, tmp_path: Path) -> None:
    """Every part meets a 503 for ten minutes: one probe at a time, and no line of log for each; then all workers are at it again."""
    server, trouble = Server(), 600.0

    def answers(request: Request, worker: int) -> Reply:
        if request.verb is not Verb.PART or pool.clock > trouble:
            return server(request, worker)
        return early(request, Reply(503)) if before_the_end else Reply(503)

    pool = line(server, [1.0] * 4, answers)
    pool.asking = 0.1
    story = Run(pool, [order(tmp_path, 40, 4, retry_for=HOUR)], backoff=1.0, probes=10.0)
    (report,) = story.run()
    parts = [began for began in pool.began(Verb.PART) if began < trouble]
    lines = sum(isinstance(event, Retrying) for event in story.told)
    assert report.exit_code == ExitCode.OK
    assert 50 <= len(parts) <= 4 + trouble / 10
    assert busiest_minute([began for began in pool.began(*Verb) if began < trouble]) <= 20
    assert report.retries == len(parts) and lines < 4
    assert most_at_once([began for began in pool.began(Verb.PART) if began > trouble], 1.0) == 4


@pytest.mark.parametrize("verb", [Verb.LOGIN, Verb.CREATE, Verb.PART, Verb.STATUS])
def test_a_rate_limit_that_never_ends_is_given_up(verb: Verb, tmp_path: Path) -> None:
    """15 minutes without any success: 75, whatever is limited. Until then its wait is told, and kept."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply:
        return Reply(429, retry_after=30.0) if request.verb is verb else server(request, worker)

    pool = line(server, [1.0] * 2, answers)
    story = Run(pool, [order(tmp_path, 4, 2, retry_for=3)])
    (report,) = story.run()
    assert (report.exit_code, report.resumable) == (ExitCode.AGAIN, True)
    assert 900 <= report.seconds <= 960
    assert report.error is not None and "rate limit" in report.error.what
    assert busiest_minute(pool.began(verb)) <= 2 * pool.jobs
    assert any(isinstance(event, Waiting) and event.seconds == 30 for event in story.told)


def test_a_failing_renewal_is_one_request_at_a_time(tmp_path: Path) -> None:
    """The token ends, and for three minutes there is no other: eight workers wait for one request, made again with a wait."""
    server, lives, dead = Server(), 60, 200.0

    def answers(request: Request, worker: int) -> Reply:
        if request.verb not in (Verb.LOGIN, Verb.REFRESH):
            return server(request, worker)
        if lives / 2 < pool.clock < dead:
            return NO_ANSWER
        return good(access_token="tok", refresh_token="ref", expires_in=lives)

    pool = line(server, [4.0] * 8, answers)
    (report,) = Run(pool, [order(tmp_path, 120, 8)], backoff=10.0).run()
    asked = [began for began in pool.began(Verb.LOGIN, Verb.REFRESH) if lives / 2 < began < dead]
    gaps = [after - before for before, after in pairwise(asked[1:])]  # the first failure is the refresh's
    assert report.exit_code == ExitCode.OK
    assert len(asked) > 5 and min(gaps) >= 6
    assert not [began for began in pool.began(Verb.PART) if asked[0] < began < dead]


def test_a_token_that_works_elsewhere_is_not_what_is_wrong(tmp_path: Path) -> None:
    """One part is refused with 401 four times in a row, others pass with that very token: the server is unsure, not the key."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply | Later:
        if request.part == 2 and pool.sent[2] <= 4:
            return Later(Reply(401), 2.0)
        return server(request, worker)

    pool = line(server, [1.0] * 2, answers)
    (report,) = Run(pool, [order(tmp_path, 12, 2)]).run()
    assert (report.exit_code, pool.sent[2]) == (ExitCode.OK, 5)
    assert len(pool.began(Verb.LOGIN, Verb.REFRESH)) <= 3


@pytest.mark.parametrize("part", [2, 4])
@pytest.mark.parametrize("jobs", [1, 2])
def test_an_answer_that_never_comes_costs_seconds(part: int, jobs: int, tmp_path: Path) -> None:
    """The part is stored: the status says so, its connection is dropped, and it is not sent again. Also if it is the last one."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply | Later:
        reply = server(request, worker)
        return Later(reply, HOUR) if request.part == part else reply

    pool = line(server, [1.0] * jobs, answers)
    (report,) = Run(pool, [order(tmp_path, 4, jobs)]).run()
    assert report.exit_code == ExitCode.OK and report.seconds < 30
    assert [request.part for request in pool.dropped] == [part]
    assert set(pool.sent.values()) == {1}


def test_what_one_upload_is_refused_concerns_no_other(tmp_path: Path) -> None:
    """Two over one line, the parts of the first are too large for it: the second knows nothing of it."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply:
        return Reply(413) if request.verb is Verb.PART and request.upload == 0 else server(request, worker)

    pool = line(server, [1.0] * 2, answers)
    refused, other = Run(pool, [order(tmp_path, 4, 2, name=name) for name in ("a.mp4", "b.mp4")]).run()
    assert (refused.exit_code, refused.parts_done) == (ExitCode.REJECTED, 0)
    assert (other.exit_code, other.parts_done, other.retries) == (ExitCode.OK, 4, 0)


def test_an_upload_that_ended_keeps_no_worker_waiting(tmp_path: Path) -> None:
    """One part is refused while the answer to another would take an hour: it is hung up on, and the worker is free for the other upload."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply | Later:
        if request.verb is Verb.PART and request.upload == 0:
            return Later(Reply(413), 1.0) if request.part == 1 else Later(server(request, worker), HOUR)
        return server(request, worker)

    pool = line(server, [1.0] * 3, answers)
    refused, other = Run(pool, [order(tmp_path, 4, 3, name="a.mp4"), order(tmp_path, 24, 3, name="b.mp4")]).run()
    assert (refused.exit_code, other.exit_code) == (ExitCode.REJECTED, ExitCode.OK)
    assert [(request.upload, request.part) for request in pool.dropped] == [(0, 2)]


def test_a_key_that_is_refused_is_refused_to_all(tmp_path: Path) -> None:
    """The token ends midway and the key gives no other: both end with 4, and can go on with another key."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply:
        if request.verb is Verb.REFRESH or (request.verb is Verb.LOGIN and pool.clock > 2):
            return refusal("authentication-invalid-api-key")
        return good(access_token="tok", refresh_token="ref", expires_in=10) if request.verb is Verb.LOGIN else server(request, worker)

    pool = line(server, [1.0] * 4, answers)
    reports = Run(pool, [order(tmp_path, 40, 4, name=name) for name in ("a.mp4", "b.mp4")]).run()
    assert [(report.exit_code, report.resumable) for report in reports] == [(ExitCode.AUTH, True)] * 2
    assert len(pool.began(Verb.LOGIN, Verb.REFRESH)) == 3
