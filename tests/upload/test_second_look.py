"""What a second hostile look at the machine found: waits that are forgotten, looks that grow for ever, the last word of a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.upload.virtual import BY_PART, LOST, Later, Run, Server, VirtualPool, early, line, order, refusal
from vidup.errors import ExitCode
from vidup.events import Retrying
from vidup.state.disk import OsDisk
from vidup.upload.exchange import Request, Verb
from vidup.verdicts.judge import Reply

HOUR = 3600.0


class SlowDisk(OsDisk):
    """Every line takes a while."""

    pool: VirtualPool

    def append(self, path: Path, data: bytes, lasting: bool = True) -> None:
        super().append(path, data, lasting)
        self.pool.clock += 0.6


def test_what_fell_due_while_the_disk_was_slow_is_not_forgotten(tmp_path: Path) -> None:
    """A part that may go again in 0.1 s goes, though a line of the record took longer than that; it does not wait for a minute."""
    server, disk = Server(), SlowDisk()

    def answers(request: Request, worker: int) -> Reply:
        if request.part == 2 and pool.sent[2] == 1:
            return early(request, Reply(failure="no-answer"))
        return server(request, worker)

    pool = disk.pool = line(server, [1.0, 1.1], answers)
    (report,) = Run(pool, [order(tmp_path, 2, 2)], backoff=0.1, disk=disk).run()
    assert report.exit_code == ExitCode.OK and report.seconds < 15


def test_each_answer_that_never_comes_is_looked_for_as_soon_as_the_first(tmp_path: Path) -> None:
    """A look that brought news is no reason to wait longer before the next one."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply | Later:
        reply = server(request, worker)
        return Later(reply, HOUR) if request.verb is Verb.PART else reply

    pool = line(server, [1.0], answers)
    (report,) = Run(pool, [order(tmp_path, 12, 1)]).run()
    assert report.exit_code == ExitCode.OK and report.seconds < 12 * 16
    assert set(pool.sent.values()) == {1}


@pytest.mark.parametrize("refused", [refusal("resource-not-found")._replace(status=404), Reply(403)])
def test_a_status_that_is_refused_when_all_is_sent_is_worth_another_run(refused: Reply, tmp_path: Path) -> None:
    """Every part was accepted: whoever reads the status knows less than whoever took the parts. 75, and the same command ends well."""
    server, wish = Server(), order(tmp_path, 2, 2)
    pool = line(server, [1.0] * 2, lambda request, worker: refused if request.verb is Verb.STATUS else server(request, worker))
    (first,) = Run(pool, [wish]).run()
    assert (first.exit_code, first.resumable, first.parts_done) == (ExitCode.AGAIN, True, 2)
    (again,) = Run(line(server, [1.0] * 2), [wish]).run()
    assert (again.exit_code, again.parts_sent) == (ExitCode.OK, 0)


def test_a_whole_of_other_parts_is_not_ours(tmp_path: Path) -> None:
    """All parts were accepted, and then the status tells a complete set of another split: never exit 0."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply:
        reply = server(request, worker)
        if request.verb is Verb.STATUS:
            server.totals["vi1"], server.parts["vi1"] = 2, {1: 0.0, 2: 0.0}
            reply = server(request, worker)
        return reply

    (report,) = Run(line(server, [1.0] * 2, answers), [order(tmp_path, 4, 2)]).run()
    assert report.exit_code == ExitCode.REJECTED


def test_a_status_asked_before_the_question_does_not_answer_it(tmp_path: Path) -> None:
    """Parts of the old split are on their way when the split is put in question: it is changed when all have landed, and not before."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply | Later:
        if request.part == 1 and pool.sent[1] == 1:
            return early(request, LOST)
        if request.verb is Verb.STATUS:
            return Later(server(request, worker), 3.0)
        if request.part == 2 and pool.sent[2] == 1:
            return refusal(f"{BY_PART}different-total-parts")
        return server(request, worker)

    pool = line(server, [1.0, 1.5, 2.0, 2.5], answers)
    (report,) = Run(pool, [order(tmp_path, 8, 4)]).run()
    assert report.exit_code == ExitCode.OK
    assert report.parts_done == 8


def test_our_own_hang_up_is_no_failure_of_the_line(tmp_path: Path) -> None:
    """Four answers in a row never come and are hung up on: the line stays up, and the rest goes four at a time."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply | Later:
        reply = server(request, worker)
        return Later(reply, HOUR) if request.verb is Verb.PART and request.part <= 4 else reply

    run = Run(line(server, [1.0] * 4, answers), [order(tmp_path, 12, 4)], probes=HOUR)
    (report,) = run.run()
    assert report.exit_code == ExitCode.OK and report.seconds < 30
    assert not [event for event in run.told if isinstance(event, Retrying)]


def test_the_wait_that_is_told_is_the_one_that_is_kept(tmp_path: Path) -> None:
    """Once the line is down a part waits for the probe, so that is what is said."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply:
        down = request.verb is Verb.PART and pool.clock < 100
        return Reply(503) if down else server(request, worker)

    pool = line(server, [1.0] * 2, answers)
    run = Run(pool, [order(tmp_path, 6, 2)], backoff=0.1, probes=20.0)
    run.run()
    waits = [event.wait for event in run.told if isinstance(event, Retrying) and event.part]
    assert waits.count(0.1) == 1 and set(waits) == {0.1, 20.0}
