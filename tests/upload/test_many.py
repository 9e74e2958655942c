"""Many files over one line: who is next, what a kill may leave behind, and what ends one file or all of them. The time is told."""

from __future__ import annotations

import errno
import os
from collections import Counter
from itertools import accumulate
from pathlib import Path

import pytest

from tests.upload.virtual import PART, Later, Run, Server, VirtualPool, good, line, order, refusal
from vidup.errors import ExitCode, VidupError
from vidup.source.videofile import VideoFile, open_video
from vidup.state.disk import OsDisk
from vidup.state.journal import StateFolder, disk_refuses
from vidup.state.lock import Busy, Lock
from vidup.upload.exchange import Answer, Request, Verb
from vidup.upload.order import Order
from vidup.upload.outcome import Report
from vidup.verdicts.judge import RateLimit, Reply


def files(folder: Path, jobs: int, *parts: int) -> list[Order]:
    """An order for a file of so many parts each."""
    return [order(folder, count, jobs, name=f"{number:03}.mp4") for number, count in enumerate(parts)]


def ends(reports: list[Report]) -> dict[str, int]:
    """The place of each file in the order in which they ended."""
    return {Path(report.file or "").name: place for place, report in enumerate(reports)}


def owed(pool: VirtualPool) -> list[int]:
    """Videos made, or being made, into which nothing was sent, after each request."""
    steps = []
    seen = set[tuple[int, Verb]]()
    for _began, _worker, request in pool.carried:
        first = (request.upload, request.verb) not in seen
        seen.add((request.upload, request.verb))
        steps.append(int(first) * {Verb.CREATE: 1, Verb.PART: -1}.get(request.verb, 0))
    return list(accumulate(steps))


def test_small_files_pass_a_large_one_that_was_named_first(tmp_path: Path) -> None:
    """A worker takes the file with the fewest requests on their way; the large one is never left without any."""
    pool = VirtualPool([1.0] * 4, Server())
    reports = Run(pool, files(tmp_path, 4, 40, *[1] * 12)).run()
    assert ends(reports)["000.mp4"] == 12
    small_end = max(began for began, _worker, request in pool.carried if request.verb is Verb.PART and request.upload)
    large = [began for began, _worker, request in pool.carried if request.verb is Verb.PART and not request.upload and began <= small_end]
    assert len(large) >= small_end - 2  # one part a second, from when its video is there


def test_a_large_file_alone_has_all_workers(tmp_path: Path) -> None:
    """Those that wait for small ones no more do not rest."""
    pool = VirtualPool([1.0] * 4, Server())
    Run(pool, files(tmp_path, 4, 40, *[1] * 6)).run()
    last_small = max(began for began, _worker, request in pool.carried if request.upload > 0)
    then = Counter(began for began, _worker, request in pool.carried if request.verb is Verb.PART and began > last_small + 1)
    assert set(list(then.values())[:-1]) == {4}


def test_files_end_in_the_order_given_where_they_are_alike(tmp_path: Path) -> None:
    """Of those with equally few on their way the older is served first, so that none is begun for long before it ends."""
    reports = Run(VirtualPool([1.0] * 3, Server()), files(tmp_path, 3, *[2] * 15)).run()
    places = ends(reports)
    assert all(abs(places[f"{number:03}.mp4"] - number) <= 3 for number in range(15))


def test_a_file_of_one_part_takes_three_requests_and_all_take_one_log_in(tmp_path: Path) -> None:
    """Create, part, status."""
    pool = VirtualPool([1.0] * 4, Server())
    Run(pool, files(tmp_path, 4, *[1] * 20)).run()
    verbs = Counter(request.verb for _began, _worker, request in pool.carried)
    assert verbs == {Verb.LOGIN: 1, Verb.CREATE: 20, Verb.PART: 20, Verb.STATUS: 20}


def test_no_worker_rests_while_files_wait(tmp_path: Path) -> None:
    """In the middle of the run every worker has a request, whatever each file waits for."""
    pool = VirtualPool([1.0] * 4, Server())
    Run(pool, files(tmp_path, 4, *[1] * 24)).run()
    at = Counter(began for began, _worker, _request in pool.carried)
    assert {count for moment, count in at.items() if 3 <= moment <= 15} <= {4, 5}


def test_a_slow_worker_rests_at_the_end_of_the_last_file_alone(tmp_path: Path) -> None:
    """While others are to come, or open, the slowest helps: its pace with one file says nothing of a part of another size."""
    pool = VirtualPool([1.0, 1.0, 9.0], Server())
    pool.asking = 0.1
    Run(pool, files(tmp_path, 3, 3, 3, 3, 30)).run()
    slow = [request.upload for _began, worker, request in pool.carried if worker == 2 and request.verb is Verb.PART]
    assert slow[0] < 3 and 3 in slow
    last = max(began for began, worker, request in pool.carried if worker == 2 and request.verb is Verb.PART)
    assert last + 9.0 <= pool.clock  # nobody waited for it in the end


class Limited(Server):
    """Takes so many parts a minute, and says with every answer how many are left."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.window, self.left = 0.0, most
        self.refused = 0

    def __call__(self, request: Request, worker: int) -> Reply:
        if request.verb is not Verb.PART:
            return super().__call__(request, worker)
        if self.now() >= self.window + 60.0:
            self.window, self.left = self.now(), self.most
        reset = self.window + 60.0 - self.now()
        if not self.left:
            self.refused += 1
            return Reply(429, retry_after=reset, rate=RateLimit(self.most, 0, reset))
        self.left -= 1
        return super().__call__(request, worker)._replace(rate=RateLimit(self.most, self.left, reset))


def test_no_video_is_made_before_its_first_part_could_go(tmp_path: Path) -> None:
    """Under a limit of parts a minute that leaves room for many more videos: a kill leaves no crowd of empty ones behind."""
    server = Limited(10)
    pool = VirtualPool([0.5] * 4, server)
    server.now = lambda: pool.clock
    reports = Run(pool, files(tmp_path, 4, *[1] * 40)).run()
    assert {report.status for report in reports} == {"uploaded"}
    assert max(owed(pool)) <= 4
    assert server.refused <= 1
    waiting = [request for began, _worker, request in pool.carried if request.verb is Verb.CREATE and 30 <= began % 61 < 59]
    assert not waiting


def test_a_limit_is_used_up_and_hardly_ever_met(tmp_path: Path) -> None:
    """40 parts at 10 a minute take three minutes and not much more."""
    server = Limited(10)
    pool = VirtualPool([0.5] * 4, server)
    server.now = lambda: pool.clock
    Run(pool, files(tmp_path, 4, *[1] * 40)).run()
    assert 180 <= pool.clock <= 180 * 1.05


def test_while_parts_fail_no_more_videos_are_made(tmp_path: Path) -> None:
    """A server that takes no parts would else be given a video for each file that is open."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply:
        return Reply(503) if request.verb is Verb.PART and pool.clock < 300 else server(request, worker)

    pool = VirtualPool([1.0] * 4, answers)
    reports = Run(pool, files(tmp_path, 4, *[1] * 20), backoff=5.0, probes=10.0).run()
    assert {report.status for report in reports} == {"uploaded"}
    early = [request for began, _worker, request in pool.carried if request.verb is Verb.CREATE and began < 300]
    assert len(early) <= 4


def test_one_bad_file_stops_nobody(tmp_path: Path) -> None:
    """Missing, empty, or refused by the server: each is told, and the others are uploaded."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply:
        bad = request.verb is Verb.PART and request.upload == 5
        return refusal("uploaded-file-invalid-file") if bad else server(request, worker)

    orders = files(tmp_path, 2, *[1] * 9)
    Path(orders[0].path).unlink()
    Path(orders[3].path).write_bytes(b"")
    reports = Run(VirtualPool([1.0] * 2, answers), orders).run()
    codes = Counter(report.exit_code for report in reports)
    assert codes == {ExitCode.OK: 6, ExitCode.FILE: 2, ExitCode.REJECTED: 1}
    assert not any(report.error is not None and report.error.concerns_all for report in reports)


@pytest.mark.parametrize(
    ("verb", "slug", "code"),
    [(Verb.LOGIN, "authentication-invalid-api-key", ExitCode.AUTH), (Verb.PART, "authorization-suspended-account", ExitCode.AUTH)],
)
def test_what_concerns_all_ends_all_and_nothing_more_is_begun(verb: Verb, slug: str, code: ExitCode, tmp_path: Path) -> None:
    """A key that is refused, an account that is suspended: each file is told with it, of which one need be shown."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply:
        return (
            Reply(403, slug, title="x") if request.verb is verb and (verb is Verb.LOGIN or request.upload == 1) else server(request, worker)
        )

    pool = VirtualPool([1.0] * 2, answers)
    reports = Run(pool, files(tmp_path, 2, *[3] * 50)).run()
    failed = [report for report in reports if report.status == "failed"]
    assert len(reports) == 50 and len(failed) >= 48
    assert {report.exit_code for report in failed} == {code}
    assert all(report.error is not None and report.error.concerns_all for report in failed)
    assert len({id(report.error) for report in failed}) == len(failed), "each may word the advice for its own command"
    assert len(pool.began(Verb.CREATE)) <= 4


def test_of_what_concerns_all_the_one_that_met_it_is_told_first(tmp_path: Path) -> None:
    """Its words are those that people read: none of the others may be said to have been refused."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply:
        suspended = Reply(403, "authorization-suspended-account", title="x")
        return suspended if request.verb is Verb.PART and request.upload == 1 else server(request, worker)

    reports = Run(VirtualPool([1.0] * 3, answers), files(tmp_path, 3, *[1] * 20)).run()
    failed = [Path(report.file or "").stem for report in reports if report.status == "failed"]
    assert (failed[0], len(failed) >= 16) == ("001", True)


def test_a_full_disk_under_the_records_ends_all(tmp_path: Path) -> None:
    """No upload could be gone on with: 75 for each, and at most one empty video a worker."""

    class Filling(OsDisk):
        records = 0

        def create(self, path: Path, data: bytes, lasting: bool = True) -> None:
            self.records += path.suffix == ".jsonl"
            if self.records > 5:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            super().create(path, data, lasting)

    pool = VirtualPool([1.0] * 2, Server())
    reports = Run(pool, files(tmp_path, 2, *[1] * 30), disk=Filling()).run()
    codes = Counter(report.exit_code for report in reports)
    assert codes == {ExitCode.OK: codes[ExitCode.OK], ExitCode.AGAIN: 30 - codes[ExitCode.OK]} and 3 <= codes[ExitCode.OK] <= 5
    assert all(report.resumable for report in reports if report.exit_code is ExitCode.AGAIN)
    assert len(pool.began(Verb.CREATE)) <= 5 + 2


def test_an_upload_that_is_over_hangs_up_on_what_it_asked(tmp_path: Path) -> None:
    """A refused part ends it while its other part's answer is still awaited: the worker is free for the others at once."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply | Later:
        if request.verb is Verb.PART and request.upload == 0:
            return refusal("uploaded-file-invalid-file") if request.part == 2 else Later(good(videoId=request.video_id), 200.0)
        return server(request, worker)

    pool = VirtualPool([1.0] * 4, answers)
    reports = Run(pool, files(tmp_path, 4, 2, 20, 20)).run()
    assert Counter(report.status for report in reports) == {"uploaded": 2, "failed": 1}
    assert [(request.upload, request.part) for request in pool.dropped] == [(0, 1)]
    assert pool.clock < 30


class Punctual(VirtualPool):
    """Notes when the first report was there."""

    run: Run
    told_at: float | None = None

    def next(self, timeout: float) -> Answer | None:
        if self.run.reports and self.told_at is None:
            self.told_at = self.clock
        return super().next(timeout)


@pytest.mark.parametrize(("jobs", "told_at"), [(2, 100.0), (1, None)])
def test_the_next_file_is_looked_at_while_all_are_busy(jobs: int, told_at: float | None, tmp_path: Path) -> None:
    """One that is not there is told of at once, and no worker waits for a look at its file; with one job nothing is begun before its turn."""
    orders = files(tmp_path, jobs, *[1] * (jobs + 1))
    Path(orders[-1].path).unlink()
    pool = Punctual([100.0] * jobs, Server())
    pool.run = Run(pool, orders)
    reports = pool.run.run()
    assert Counter(report.status for report in reports) == {"uploaded": jobs, "failed": 1}
    assert pool.told_at == told_at


def test_the_time_of_a_file_begins_with_its_turn(tmp_path: Path) -> None:
    """Not when it was looked at, while the others had all workers; nor is it seen among those under way before."""

    class Seeing(VirtualPool):
        most = 0

        def next(self, timeout: float) -> Answer | None:
            if self.clock < 300.0:  # then the first two only ask whether all is there
                self.most = max(self.most, len(run.crowd.snapshot().open))
            return super().next(timeout)

    pool = Seeing([100.0] * 2, Server())
    run = Run(pool, files(tmp_path, 2, 1, 1, 1))
    assert [report.seconds for report in run.run()] == [400.0, 400.0, 300.0]  # the log in was awaited with the first two
    assert pool.most == 2


def test_what_ends_all_ends_them_as_it_is_met_ahead(tmp_path: Path) -> None:
    """A state folder that fills up while the next file is looked at: nobody waits for another answer before that is told."""
    orders = files(tmp_path, 2, 1, 1, 1)
    pool = Punctual([100.0] * 2, Server())
    pool.run = Run(pool, orders)
    lock = pool.run.folder.lock

    def full(upload_id: str) -> Lock:
        if pool.run.uploads[2].opening is not None:
            raise disk_refuses(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        return lock(upload_id)

    pool.run.folder.lock = full  # type: ignore[method-assign]
    reports = pool.run.run()
    assert [report.exit_code for report in reports] == [ExitCode.AGAIN] * 3
    assert pool.told_at == 100.0


class Counting(VirtualPool):
    """Notes how many uploads are there at all whenever an answer is awaited."""

    run: Run
    most = 0

    def next(self, timeout: float) -> Answer | None:
        self.most = max(self.most, len(self.run.roster.made))
        return super().next(timeout)


def test_of_a_long_list_only_the_open_files_are_there(tmp_path: Path) -> None:
    """What is to come is a number, what is over is gone, and the crowd knows them all."""
    pool = Counting([1.0] * 3, Server())
    (tmp_path / "x.mp4").write_bytes(b"x" * 1000)
    orders = [order(tmp_path, 1, 3, name=f"{number}.mp4")._replace(path=str(tmp_path / f"{number}.mp4")) for number in range(3)]
    for number in range(3, 300):
        os.link(tmp_path / "x.mp4", tmp_path / f"{number}.mp4")
        orders.append(orders[0]._replace(path=str(tmp_path / f"{number}.mp4")))
    pool.run = Run(pool, orders)
    reports = pool.run.run()
    assert Counter(report.status for report in reports) == {"uploaded": 300}
    assert pool.most <= 6
    numbers = pool.run.crowd.snapshot()
    assert (numbers.files, numbers.done, numbers.open) == (300, 300, ())
    assert numbers.bytes_confirmed == numbers.bytes_total == 3 * PART + 297 * 1000


def test_a_stop_tells_of_every_file_and_begins_none(tmp_path: Path) -> None:
    """Those not begun are interrupted too, and go on with the same command."""
    pool = VirtualPool([1.0] * 2, Server())
    pool.stop_at = 6.5
    reports = Run(pool, files(tmp_path, 2, *[2] * 40)).run()
    assert len(reports) == 40
    done = [report for report in reports if report.status == "uploaded"]
    assert {report.status for report in reports if report not in done} == {"interrupted"}
    assert all(report.resumable for report in reports if report not in done)
    assert not [request for began, _worker, request in pool.carried if began > 6.5]


def test_what_can_be_gone_on_with_outlives_a_power_failure(tmp_path: Path) -> None:
    """The record of a file of one part waits for the platter only where a later run needs it; one that is through never does."""

    class Watched(OsDisk):
        kept = 0
        waited = 0

        def append(self, path: Path, data: bytes, lasting: bool = True) -> None:
            self.waited += lasting
            super().append(path, data, lasting)

        def keep(self, path: Path) -> None:
            self.kept += 1
            super().keep(path)

    disk, pool = Watched(), VirtualPool([1.0] * 2, Server())
    pool.stop_at = 9.5
    reports = Run(pool, files(tmp_path, 2, *[1] * 20), disk=disk).run()
    begun = [report for report in reports if report.status == "interrupted" and report.total_parts]
    assert (disk.waited, disk.kept) == (0, len(begun)) and begun


def test_a_file_of_one_part_of_which_nothing_was_sent_may_change(tmp_path: Path) -> None:
    """A stop came while its video was being made: the record does not say that a part of what the file was may be on the server."""
    server = Server()
    pool = line(server, [1.0] * 2)
    pool.stop_at = 1.5
    stopped = Run(pool, files(tmp_path, 2, 1, 1))
    assert [report.status for report in stopped.run()] == ["interrupted"] * 2
    assert [record.attempted for record in stopped.folder.records()] == [frozenset()] * len(server.videos) and server.videos
    (tmp_path / "000.mp4").write_bytes(b"something else")
    assert [report.status for report in Run(line(server, [1.0] * 2), files(tmp_path, 2, 1, 1)).run()] == ["uploaded"] * 2


def test_an_error_has_a_twin_for_each_file() -> None:
    """The advice of one is worded for its own command; all else is the same."""
    error = VidupError(ExitCode.AGAIN, "what", cause="cause", advice="--restart", mended_outside=True, concerns_all=True)
    twin = error.twin()
    twin.advice = "vidup upload b.mp4 --restart"
    assert (type(twin), twin.args, twin.code, twin.what, twin.cause) == (VidupError, ("what",), ExitCode.AGAIN, "what", "cause")
    assert (error.advice, twin.mended_outside, twin.concerns_all) == ("--restart", True, True)


@pytest.mark.parametrize("rehearse", [True, False])
def test_files_that_are_over_as_they_begin_hold_nothing_open(rehearse: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them begin in one turn, thousands of a rehearsal, or of what another vidup is at."""
    held = list[int]()

    def counted(path: str) -> VideoFile:
        held.append(len(os.listdir("/dev/fd")))
        return open_video(path)

    def busy(_folder: StateFolder, _upload_id: str) -> Lock:
        raise Busy(ExitCode.BUSY, "Another vidup is uploading this file now")

    monkeypatch.setattr("tests.upload.virtual.open_video", counted)
    monkeypatch.setattr("tests.upload.virtual._Folder.lock", busy)
    orders = [one._replace(rehearse=rehearse) for one in files(tmp_path, 4, *[1] * 40)]
    reports = Run(VirtualPool([1.0] * 4, Server()), orders).run()
    assert [report.status for report in reports] == ["foreseen" if rehearse else "failed"] * 40
    assert max(held) <= held[0] + 2


def test_what_concerns_all_ends_at_once_those_that_wait_for_an_answer(tmp_path: Path) -> None:
    """The disk is full when the first part of one is about to go, while the server takes its time with a question of the other."""

    class Full(OsDisk):
        def append(self, path: Path, data: bytes, lasting: bool = True) -> None:
            if path.suffix == ".jsonl":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            super().append(path, data, lasting)

    server = Server()

    def answers(request: Request, worker: int) -> Reply | Later:
        if request.verb is Verb.FIND:
            return Later(good(data=[]), 100.0)
        return Reply(503) if request.verb is Verb.CREATE and request.upload else server(request, worker)

    pool = VirtualPool([1.0] * 3, answers)
    reports = Run(pool, files(tmp_path, 3, 3, 3), disk=Full()).run()
    assert [report.exit_code for report in reports] == [ExitCode.AGAIN] * 2
    assert pool.clock < 5
