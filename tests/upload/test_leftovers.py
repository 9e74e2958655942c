"""What a run leaves behind, on the server and in the record, and whether the same command can go on with it."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from tests.upload.virtual import LOST, PART, Killed, Later, Run, Server, line, order
from vidup.errors import ExitCode
from vidup.events import Note
from vidup.plan.parts import MIB, Plan, total_parts_for
from vidup.state.disk import OsDisk
from vidup.upload.acting import Action, Do
from vidup.upload.exchange import Request, Verb
from vidup.upload.outcome import refused
from vidup.verdicts.judge import Reply
from vidup.verdicts.rules import TABLE


def test_once_a_part_was_attempted_its_split_is_fixed(tmp_path: Path) -> None:
    """The status is empty, but what a killed run sent may still be stored: another --part-size is not applied, and that is said."""
    server, wish = Server(), order(tmp_path, 4, 1)
    first = line(server, [1.0])
    first.killed_at = 2.5
    with pytest.raises(Killed):
        Run(first, [wish]).run()
    assert first.sent == {1: 1} and not server.parts["vi1"]
    story = Run(line(server, [1.0]), [wish._replace(part_size=2 * PART)])
    (report,) = story.run()
    assert (report.exit_code, report.total_parts, server.totals) == (ExitCode.OK, 4, {"vi1": 4})
    assert any(isinstance(event, Note) and "--part-size is not applied" in event.text for event in story.told)


def losing_creates(server: Server) -> Callable[[Request, int], Reply]:
    def answers(request: Request, worker: int) -> Reply:
        reply = server(request, worker)
        return LOST if request.verb is Verb.CREATE else reply

    return answers


def test_a_video_whose_answer_was_lost_is_found_by_its_nonce(tmp_path: Path) -> None:
    """With --portable a word of this run is in its metadata: no second video."""
    server, wish = Server(), order(tmp_path, 2, 2)._replace(portable=True, nonce="word")
    (report,) = Run(line(server, [1.0] * 2, losing_creates(server)), [wish]).run()
    assert (report.exit_code, report.video_id, list(server.videos)) == (ExitCode.OK, "vi1", ["vi1"])


def test_videos_are_not_created_in_a_loop(tmp_path: Path) -> None:
    """Without the word nobody can tell whose they are: two at most, both told, and 75."""
    server = Server()
    (report,) = Run(line(server, [1.0] * 2, losing_creates(server)), [order(tmp_path, 2, 2)]).run()
    assert (report.exit_code, list(server.videos)) == (ExitCode.AGAIN, ["vi1", "vi2"])
    assert report.error is not None and "vi1 and vi2" in report.error.advice


def test_a_disk_too_full_for_the_record_is_75_and_the_video_is_told(tmp_path: Path) -> None:
    """It was made, and nothing would ever find it."""

    class Full(OsDisk):
        def create(self, path: Path, data: bytes, lasting: bool = True) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (report,) = Run(line(Server(), [1.0]), [order(tmp_path, 2, 1)], disk=Full()).run()
    assert report.exit_code == ExitCode.AGAIN
    assert report.error is not None and "vi1" in report.error.advice


def unreadable(*_args: object) -> NoReturn:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize(
    ("status", "mib", "code", "resumable"),
    [(413, 10, ExitCode.REJECTED, False), (413, 5, ExitCode.REJECTED, True), (401, 5, ExitCode.AUTH, True), (407, 5, ExitCode.TRUST, True)],
)
def test_resumable_means_that_the_same_command_can_go_on(status: int, mib: int, code: ExitCode, resumable: bool, tmp_path: Path) -> None:
    """Not where the cure is --restart with smaller parts; but where it lies outside the upload, and there is a record."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply:
        return Reply(status) if request.verb is Verb.PART else server(request, worker)

    (report,) = Run(line(server, [1.0] * 2, answers), [order(tmp_path, 4, 2)._replace(part_size=mib * MIB)]).run()
    assert (report.exit_code, report.resumable) == (code, resumable)
    assert report.error is not None and ("--restart" in report.error.advice) is not resumable


@pytest.mark.parametrize(
    ("size", "part_size", "limit", "refusals"),
    [
        (20 * MIB + 5, 5 * MIB, 1 * MIB, 1),  # an equal split is nearly never of exactly 5 MiB
        (14 * MIB, 10 * MIB, 6 * MIB, 1),  # two parts of 7 MiB: three would be under 5
        (9 * MIB, 200 * MIB, 8 * MIB, 1),
        (20 * MIB + 5, 200 * MIB, 10 * MIB, 1),  # parts of 10 MiB, with what a request carries around them, would be over 10 MiB
        (40 * MIB, 20 * MIB, 10 * MIB, 1),
        (1000 * MIB, 200 * MIB, 50 * MIB, 2),
        (1000 * MIB, 128 * MIB, 32 * MIB, 2),
        (1000 * MIB, 64 * MIB, 1 * MIB, 5),
    ],
)
def test_the_advice_about_a_413_ends_with_parts_that_pass_or_with_none(size: int, part_size: int, limit: int, refusals: int) -> None:
    """Each advice names parts that are finer and at most half as large, until they pass or the limit itself is named: never the same plan."""
    plan, met = Plan(size, total_parts_for(size, part_size)), 0
    while plan.part_size + 300 > limit:
        met += 1
        advice = refused(Action(Do.END, TABLE.judge(Reply(413)), Reply(413)), "Part 1 was refused", plan).advice
        named = re.search(r"--part-size (\d+)MiB", advice)
        if named is None:
            assert "limit raised" in advice
            break
        finer = Plan(size, total_parts_for(size, int(named[1]) * MIB))
        assert finer.total_parts > plan.total_parts
        plan = finer
    assert met == refusals


def test_a_disk_that_fails_can_be_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file cannot be read any more: exit 3, and the same command goes on when it can."""
    server, wish = Server(), order(tmp_path, 4, 1)

    def answers(request: Request, worker: int) -> Reply:
        if request.part == 2:
            monkeypatch.setattr("vidup.source.partbody._read_into", unreadable)
        return server(request, worker)

    (report,) = Run(line(server, [1.0], answers), [wish]).run()
    assert (report.exit_code, report.resumable, report.parts_done) == (ExitCode.FILE, True, 2)
    monkeypatch.undo()
    again = line(server, [1.0])
    assert Run(again, [wish]).run()[0].exit_code == ExitCode.OK
    assert set(again.sent) == {3, 4}


@pytest.mark.parametrize(("late", "ends"), [(0.0, 3.0), (3.0, 6.0)])
def test_an_answer_that_comes_with_the_stop_counts(late: float, ends: float, tmp_path: Path) -> None:
    """At that very moment or within the grace: it is in the report and in the record, and nobody waits any longer."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply | Later:
        reply = server(request, worker)
        return Later(reply, late) if request.verb is Verb.PART else reply

    pool = line(server, [1.0], answers)
    pool.stop_at = 3.0
    story = Run(pool, [order(tmp_path, 4, 1)])
    (report,) = story.run()
    assert (report.exit_code, report.parts_done, sorted(story.record.confirmed)) == (ExitCode.SIGINT, 1, [1])
    assert report.seconds == ends
