"""Stories in which other uploaders lose data, or call a whole video refused. What is on the server, in the record and in the report agree."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.upload.virtual import BY_PART, LOST, Killed, Later, Run, Server, VirtualPool, line, order, refusal
from vidup.errors import ExitCode
from vidup.plan.parts import MIB
from vidup.upload.exchange import Request, Verb
from vidup.upload.order import Order
from vidup.upload.outcome import Report
from vidup.verdicts.judge import Reply


def run(pool: VirtualPool, wish: Order, *, backoff: float = 0.0) -> Report:
    (report,) = Run(pool, [wish], backoff=backoff).run()
    return report


# -- a file that changes (finding 1) --------------------------------------------------------------------------------


def write(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(3 * MIB)
        file.write(b"other")
    os.utime(path, ns=(2 * 10**18, 2 * 10**18))


def truncate(path: Path) -> None:
    os.truncate(path, 11 * MIB)


def edited_while_out(folder: Path, edit: Callable[[Path], None]) -> tuple[Server, VirtualPool, Order]:
    """Two parts are stored, their answers are late, and the file is edited before the third is out."""
    server, wish = Server(), order(folder, 5, 3)
    os.utime(wish.path, ns=(10**18, 10**18))

    def answers(request: Request, worker: int) -> Reply | Later:
        reply = server(request, worker)
        if request.verb is not Verb.PART:
            return reply
        if len(server.parts["vi1"]) == 2:
            edit(Path(wish.path))
        return Later(reply, 4.5)

    pool = line(server, [1.0, 1.0, 2.0], answers)
    pool.asking = 1.0
    return server, pool, wish


@pytest.mark.parametrize("edit", [write, truncate])
def test_a_file_written_to_while_no_part_is_confirmed_is_not_gone_on_with(edit: Callable[[Path], None], tmp_path: Path) -> None:
    """What is out may be of the old content: exit 3, exit 3 again for the same command, and no video of two versions."""
    server, pool, wish = edited_while_out(tmp_path, edit)
    first, again = run(pool, wish), run(line(server, [1.0] * 3), wish)
    assert (first.exit_code, first.resumable) == (again.exit_code, again.resumable) == (ExitCode.FILE, False)
    assert again.error is not None and "while parts of it were being sent" in again.error.cause
    assert (first.parts_done, len(server.parts["vi1"]), list(server.videos)) == (2, 2, ["vi1"])


def test_that_the_file_changed_is_written_down_before_anybody_waits(tmp_path: Path) -> None:
    """A kill within the grace, as by a second Ctrl-C, forgets nothing."""
    server, pool, wish = edited_while_out(tmp_path, write)
    pool.killed_at = 4.5
    killed = Run(pool, [wish])
    with pytest.raises(Killed):
        killed.run()
    assert not killed.reports and killed.record.file_changed
    again = run(line(server, [1.0] * 3), wish)
    assert again.exit_code == ExitCode.FILE
    assert again.error is not None and "while parts of it were being sent" in again.error.cause


def test_that_the_file_changed_is_written_down_when_a_stop_comes(tmp_path: Path) -> None:
    """No part is begun after it that would notice: a copy made before the next run would hide it."""
    server, wish = Server(), order(tmp_path, 5, 1)

    def answers(request: Request, worker: int) -> Reply:
        if request.part == 2:
            write(Path(wish.path))
        return server(request, worker)

    pool = line(server, [2.0], answers)
    pool.asking, pool.stop_at = 0.1, 5.0
    stopped = Run(pool, [wish])
    (report,) = stopped.run()
    assert report.status == "interrupted" and stopped.record.file_changed


# -- a status that lags (finding 2) ---------------------------------------------------------------------------------


def test_one_lost_answer_and_a_status_behind_is_no_refusal(tmp_path: Path) -> None:
    """The last part is stored, its answer is lost, the status is 8 s behind: success, and the part is not sent for ever."""
    server = Server(lag=8)

    def answers(request: Request, worker: int) -> Reply:
        reply = server(request, worker)
        return LOST if request.part == 4 and pool.sent[4] == 1 else reply

    pool = line(server, [1.0] * 2, answers)
    report = run(pool, order(tmp_path, 4, 2), backoff=0.5)
    assert report.exit_code == ExitCode.OK
    assert pool.sent[4] <= 2 and pool.sent.total() <= 5


def test_a_rerun_sends_nothing_that_the_record_confirms(tmp_path: Path) -> None:
    """Killed, run again at once, the status 20 s behind: the record is believed."""
    server, wish = Server(lag=20), order(tmp_path, 10, 4)
    first = line(server, [1.0] * 4)
    first.killed_at = 4.5
    killed = Run(first, [wish])
    with pytest.raises(Killed):
        killed.run()
    confirmed = killed.record.confirmed
    assert len(confirmed) == 8
    again = line(server, [1.0] * 4)
    assert run(again, wish).exit_code == ExitCode.OK
    assert set(again.sent) == set(range(1, 11)) - confirmed


def test_a_status_far_behind_is_waited_for(tmp_path: Path) -> None:
    """Ten good answers and a status 45 s behind: success, and each part was sent once."""
    pool = line(Server(lag=45), [1.0] * 4)
    assert run(pool, order(tmp_path, 10, 4)).exit_code == ExitCode.OK
    assert set(pool.sent.values()) == {1}


def test_a_status_that_never_lists_what_was_accepted_is_no_refusal(tmp_path: Path) -> None:
    """After a minute parts are sent once more, after another the run ends: 75, for the parts are good by some source."""
    pool = line(Server(lag=10**6), [1.0] * 4)
    report = run(pool, order(tmp_path, 10, 4))
    assert (report.exit_code, report.resumable) == (ExitCode.AGAIN, True)
    assert 60 <= report.seconds <= 150
    assert max(pool.sent.values()) == 2


def test_a_part_refused_as_sent_that_the_status_never_lists_is_not_sent_for_ever(tmp_path: Path) -> None:
    """The server contradicts itself: twice at most, then 75."""
    server = Server(unlisted={2})

    def answers(request: Request, worker: int) -> Reply:
        return refusal(f"{BY_PART}part-already-sent") if request.part == 2 else server(request, worker)

    pool = line(server, [1.0] * 2, answers)
    assert run(pool, order(tmp_path, 4, 2)).exit_code == ExitCode.AGAIN
    assert pool.sent == {1: 1, 2: 2, 3: 1, 4: 1}


def test_a_video_called_whole_that_is_not_is_worth_another_run(tmp_path: Path) -> None:
    """A container of ours with one part in it, and every other refused as `already uploaded`: 75."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply:
        return refusal("video-source-already-uploaded") if request.part > 1 else server(request, worker)

    pool = line(server, [1.0] * 2, answers)
    report = run(pool, order(tmp_path, 4, 2))
    assert (report.exit_code, report.resumable) == (ExitCode.AGAIN, True)
    assert max(pool.sent.values()) <= 3 and report.seconds < 200


def test_a_split_that_is_refused_for_ever_is_an_end(tmp_path: Path) -> None:
    """`Different total` though the status shows no other: tried once more, waited for, and then it is exit 6."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply:
        return refusal(f"{BY_PART}different-total-parts") if request.verb is Verb.PART else server(request, worker)

    pool = line(server, [1.0] * 2, answers)
    report = run(pool, order(tmp_path, 4, 2))
    assert (report.exit_code, report.resumable) == (ExitCode.REJECTED, False)
    assert pool.sent and max(pool.sent.values()) <= 3 and report.seconds < 100


# -- answers that say too little ------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [Reply(400), Reply(403, text="<html>"), Reply(502), Reply(200), Reply(204), LOST])
@pytest.mark.parametrize("lag", [0.0, 20.0])
def test_a_part_that_the_status_lists_is_sent(said: Reply, lag: float, tmp_path: Path) -> None:
    """It is stored and the answer does not say so: the status is asked. A refusal is no reason to send it again; else twice is enough."""
    server = Server(lag=lag)

    def answers(request: Request, worker: int) -> Reply:
        reply = server(request, worker)
        return said if request.part == 2 and pool.sent[2] == 1 else reply

    pool = line(server, [1.0] * 2, answers)
    report = run(pool, order(tmp_path, 4, 2), backoff=0.5)
    refused = said.status is not None and said.status >= 400 and said.status < 500
    assert report.exit_code == ExitCode.OK
    assert pool.sent[2] == 1 if refused or not lag else pool.sent[2] == 2


def test_a_refusal_without_words_that_no_status_explains_is_one(tmp_path: Path) -> None:
    """A part that is never listed was refused: exit 6, once no lag explains it."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply:
        return Reply(400) if request.part == 2 else server(request, worker)

    pool = line(server, [1.0] * 2, answers)
    report = run(pool, order(tmp_path, 4, 2))
    assert report.exit_code == ExitCode.REJECTED
    assert 60 <= report.seconds <= 80 and pool.sent[2] == 1
