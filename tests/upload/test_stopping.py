"""Stories of a stop that comes late: what is whole by the end of the grace is uploaded, and only what is not is interrupted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.upload.virtual import Later, Run, Server, VirtualPool, line, order
from vidup.errors import ExitCode
from vidup.upload.ending import GRACE
from vidup.upload.exchange import Request, Verb
from vidup.upload.outcome import Report
from vidup.verdicts.judge import Reply

Answers = Callable[[Request, int], Reply | Later]


def stopped(folder: Path, answers: Answers, server: Server, at: float) -> tuple[Run, VirtualPool, Report]:
    """Two parts that are out at 2 s, with questions of 0.1 s, and a stop at this moment."""
    pool = line(server, [1.8, 1.8], answers)
    pool.asking, pool.stop_at = 0.1, at
    run = Run(pool, [order(folder, 2, 2)])
    (report,) = run.run()
    return run, pool, report


def late_answers(server: Server, seconds: float) -> Answers:
    """Parts are answered so late."""
    return lambda request, worker: Later(server(request, worker), seconds) if request.verb is Verb.PART else server(request, worker)


@pytest.mark.parametrize("late", [0.5, 2.0, 4.5])
def test_an_upload_whose_answers_all_come_within_the_grace_is_uploaded(late: float, tmp_path: Path) -> None:
    """The status is asked in what is left of it, and nothing is undone: 0, and no record stays."""
    server = Server()
    run, pool, report = stopped(tmp_path, late_answers(server, late), server, at=2.2)
    assert (report.status, report.exit_code, report.parts_done, report.resumable) == ("uploaded", ExitCode.OK, 2, False)
    assert [began > 2.2 for began in pool.began(Verb.STATUS)] == [True] and not list(run.folder.records())


def test_an_upload_that_lacks_an_answer_asks_no_status(tmp_path: Path) -> None:
    """It could tell nothing that leads to an end."""
    server = Server()
    answers = late_answers(server, 3.0)
    run, pool, report = stopped(
        tmp_path,
        lambda request, worker: Later(server(request, worker), 60.0) if request.part == 2 else answers(request, worker),
        server,
        2.2,
    )
    assert (report.status, report.exit_code, report.parts_done, report.resumable) == ("interrupted", ExitCode.SIGINT, 1, True)
    assert not pool.began(Verb.STATUS) and 2.2 + GRACE <= pool.clock < 2.4 + GRACE and run.record.confirmed == {1}


@pytest.mark.parametrize(("lag", "status"), [(3.0, "uploaded"), (30.0, "interrupted")])
def test_a_server_that_needs_time_to_see_the_whole_gets_the_grace_and_no_more(lag: float, status: str, tmp_path: Path) -> None:
    """Stopped while it is asked for the end: it may still say so within 5 s."""
    server = Server(lag=lag)
    _run, pool, report = stopped(tmp_path, server, server, at=2.3)
    assert (report.status, report.parts_done) == (status, 2)
    assert pool.clock <= 2.3 + GRACE + 0.1


def test_a_status_that_is_refused_in_the_grace_is_not_waited_for(tmp_path: Path) -> None:
    """Then the stop is what it ends by."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply | Later:
        return Reply(400, "teapot", title="no") if request.verb is Verb.STATUS else late_answers(server, 0.5)(request, worker)

    run, pool, report = stopped(tmp_path, answers, server, at=2.2)
    assert (report.status, report.exit_code, report.error) == ("interrupted", ExitCode.SIGINT, None)
    assert pool.clock <= 2.2 + GRACE + 0.1 and run.record.confirmed == {1, 2}


def test_a_video_that_is_whole_is_uploaded_when_the_stop_comes_amid_its_description(tmp_path: Path) -> None:
    """Its links are waited for within the grace, and done without."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply | Later:
        if request.verb is Verb.PART:
            return server(request, worker)._replace(body={})
        return Later(server(request, worker), 60.0) if request.verb is Verb.VIDEO else server(request, worker)

    _run, pool, report = stopped(tmp_path, answers, server, at=3.0)
    assert len(pool.began(Verb.VIDEO)) == 1 and pool.began(Verb.VIDEO)[0] < 3.0
    assert (report.status, report.exit_code, report.assets) == ("uploaded", ExitCode.OK, None)
    assert pool.clock <= 3.0 + GRACE + 0.1
