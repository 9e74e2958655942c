"""Waiting until a video plays: what ends it and what does not, how often is looked, and that nobody else waits for it."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from tests.upload.virtual import Killed, Later, Run, Server, good, line, order, refusal
from vidup.api.videostatus import read_video_status
from vidup.errors import ExitCode
from vidup.events import Encoding, LineDown, Note
from vidup.source.videofile import VideoFile
from vidup.state.disk import OsDisk
from vidup.upload.confirming import UNDESCRIBED
from vidup.upload.exchange import Request, Verb
from vidup.upload.order import Order
from vidup.upload.waiting import Turns
from vidup.verdicts.judge import RateLimit, Reply

OF_WORK: Final = ("waiting", "encoding", "encoded", "queued", "analyzing", "", None, 7, "FAILED")
"""States that are not the one that means failed, most of them such as nobody documented."""


def encoding(playable: object, *states: object) -> dict[str, object]:
    return {"playable": playable, "qualities": [{"type": "hls", "quality": f"{n}p", "status": state} for n, state in enumerate(states, 1)]}


class Studio(Server):
    """A server that encodes: `told` says what of a video, so many seconds after its last part."""

    def __init__(self, told: Callable[[float], object], **habits: Any) -> None:
        super().__init__(**habits)
        self.told = told
        self.looks: list[tuple[float, str]] = []
        self.failing: Callable[[float], Reply | None] = lambda _since: None
        self.reads: int | None = None

    def __call__(self, request: Request, worker: int) -> Reply:
        whole = self.whole_for(request.video_id)
        if request.verb is Verb.STATUS and whole is not None:
            self.looks.append((self.now(), request.video_id))
            trouble = self.failing(whole)
            if trouble is not None:
                return trouble
            body = {"ingest": self.ingest(request.video_id), "encoding": self.told(whole)}
            return good(**body)._replace(rate=RateLimit(self.reads, None, None))
        return super().__call__(request, worker)

    def whole_for(self, video_id: str) -> float | None:
        parts, total = self.parts.get(video_id, {}), self.totals.get(video_id)
        return self.now() - max(parts.values()) if total is not None and len(parts) == total else None


def until(seconds: float) -> Callable[[float], object]:
    """An encoding that takes so long."""
    return lambda since: encoding(since >= seconds, "encoded" if since >= seconds else "encoding", "waiting")


def waiting(folder: Path, wait: float = math.inf, **more: Any) -> Order:
    return order(folder, 2, 2, **more)._replace(wait=wait)


def run(server: Server, *orders: Order, paces: tuple[float, ...] = (1.0, 1.0)) -> Run:
    one = Run(line(server, paces), orders)
    one.pool.asking = 0.1
    one.run()
    return one


def test_it_ends_when_the_video_plays_and_the_record_goes(tmp_path: Path) -> None:
    """Status playable, exit 0; of the seconds it tells how many were waited."""
    done = run(Studio(until(40.0)), waiting(tmp_path))
    (report,) = done.reports
    assert (report.status, report.exit_code, report.resumable, report.whole) == ("playable", ExitCode.OK, False, True)
    assert 40.0 <= report.waited <= 56.0
    assert report.parts_sent == 2
    assert not list(done.folder.records())
    assert any("waiting until it plays" in event.text for event in done.told if isinstance(event, Note))


def test_looks_are_rarer_with_time_and_never_stop(tmp_path: Path) -> None:
    """2 s, half as long again each time up to 15; 30 s once ten minutes have passed."""
    server = Studio(until(1000.0))
    run(server, waiting(tmp_path))
    gaps = [later - sooner - 0.1 for (sooner, _a), (later, _b) in pairwise(server.looks[-60:])]
    first = next(place for place, gap in enumerate(gaps) if abs(gap - 2.0) < 0.01)
    assert gaps[first : first + 7] == pytest.approx([2.0, 3.0, 4.5, 6.75, 10.125, 15.0, 15.0])
    assert gaps[-10:] == pytest.approx([30.0] * 10)
    assert set(map(round, gaps[first + 5 :])) == {15, 30}


@pytest.mark.parametrize("states", [[state] for state in OF_WORK] + [["failed", state] for state in OF_WORK] + [[]])
def test_whatever_nobody_documented_means_working(states: list[object]) -> None:
    """Failed is only what has qualities, every one of them failed; states are told as they came."""
    seen = read_video_status("vi", {"encoding": encoding(False, *states)})
    assert not seen.failed
    assert not read_video_status("vi", {"encoding": encoding(True, "failed")}).failed
    assert read_video_status("vi", {"encoding": encoding(False, "failed", "failed")}).failed


@pytest.mark.parametrize("odd", [None, {}, [], "x", encoding("yes", "encoded"), encoding(None), {"playable": 1, "qualities": {}}])
def test_odd_answers_are_no_end(odd: object, tmp_path: Path) -> None:
    """Only a playable that is true is a yes."""
    server = Studio(lambda since: odd if since < 100.0 else encoding(True, "encoded"))
    (report,) = run(server, waiting(tmp_path)).reports
    assert (report.status, report.waited >= 100.0) == ("playable", True)


def test_every_quality_failed_is_exit_8_with_the_upload_good(tmp_path: Path) -> None:
    """Status uploaded, the qualities named, nothing to resume, and no record left: the same file again is another try."""
    server = Studio(lambda since: encoding(False, *(["failed", "failed"] if since > 20.0 else ["failed", "encoding"])))
    done = run(server, waiting(tmp_path))
    (report,) = done.reports
    assert (report.status, report.exit_code, report.resumable, report.video_id) == ("uploaded", ExitCode.ENCODING, False, "vi1")
    assert report.error is not None
    assert "1p, 2p" in report.error.cause
    assert report.waited > 20.0
    assert not list(done.folder.records())


@pytest.mark.parametrize("patience", [1.0, 30.0, 3600.0])
def test_a_wait_that_is_too_short_is_exit_9_and_the_same_command_waits_on(tmp_path: Path, patience: float) -> None:
    """Counted from the last part; then nothing is sent again, and the wait begins anew."""
    server, wish = Studio(until(5000.0)), waiting(tmp_path, patience)
    first = run(server, wish)
    (report,) = first.reports
    assert (report.status, report.exit_code, report.resumable) == ("uploaded", ExitCode.NOT_PLAYABLE, False)
    assert report.waited == pytest.approx(patience, abs=3.5)
    assert report.error is not None
    assert "encoding: 1p encoding, 2p waiting" in report.error.cause
    assert server.looks[-1][0] >= first.pool.clock - 4.5, "a last look just before the end"
    server.told = until(0.0)
    second = run(server, wish)
    (report,) = second.reports
    assert (report.status, report.exit_code, report.parts_sent, report.parts_skipped) == ("playable", ExitCode.OK, 0, 2)
    assert not second.pool.sent
    assert list(server.videos) == ["vi1"]


def test_patience_is_counted_from_the_last_part(tmp_path: Path) -> None:
    """A status that lags by 50 s after it leaves ten of the minute."""
    server = Studio(until(5000.0), lag=50.0)
    (report,) = run(server, waiting(tmp_path, 60.0)).reports
    assert report.exit_code is ExitCode.NOT_PLAYABLE
    assert report.waited == pytest.approx(60.0, abs=1.0)


TROUBLES: Mapping[str, Reply] = {
    "503": Reply(503),
    "a page": Reply(200, text="<html>"),
    "no answer": Reply(failure="no-answer", text="refused"),
    "429": Reply(429, "too-many-requests", retry_after=30.0),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_no_trouble_ends_it_before_its_time(trouble: str, tmp_path: Path) -> None:
    """20 minutes of it with a patience for sending of ten seconds: the wait outlives it, and sees the end."""
    server = Studio(until(10.0))
    server.failing = lambda since: TROUBLES[trouble] if 3.0 < since < 1200.0 else None
    (report,) = run(server, waiting(tmp_path, 3000.0, retry_for=10.0)).reports
    assert (report.status, report.exit_code) == ("playable", ExitCode.OK)
    assert 1190.0 < report.waited < 1400.0


@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_to_the_end_is_exit_9_at_its_time(trouble: str, tmp_path: Path) -> None:
    """Also where the last question is never answered; and what is told of the line names the patience that holds."""
    server = Studio(until(10.0))
    server.failing = lambda since: TROUBLES[trouble] if since > 3.0 else None
    done = run(server, waiting(tmp_path, 300.0, retry_for=10.0))
    (report,) = done.reports
    assert (report.status, report.exit_code) == ("uploaded", ExitCode.NOT_PLAYABLE)
    assert report.waited == pytest.approx(300.0, abs=1.0)
    assert all(event.left > 10.0 for event in done.told if isinstance(event, LineDown) and report.waited < 280.0)


def test_a_connection_that_hangs_does_not_outlast_it(tmp_path: Path) -> None:
    """A question that is under way when the time is up is left alone."""
    server = Studio(until(5000.0))
    one = Run(line(server, (1.0, 1.0)), [waiting(tmp_path, 30.0)])
    one.pool.asking = 25.0
    one.run()
    assert one.reports[0].waited == pytest.approx(30.0, abs=0.1)


def test_a_video_that_is_deleted_meanwhile_ends_it_but_a_lagging_reader_does_not(tmp_path: Path) -> None:
    """A minute of refusals is a word; less is lag. The upload was good, so there is nothing to go on with."""
    gone = refusal("resource-not-found")._replace(status=404)
    server = Studio(until(100.0))
    server.failing = lambda since: gone if 5.0 < since < 50.0 else None
    assert run(server, waiting(tmp_path)).reports[0].status == "playable"
    server = Studio(until(1000.0))
    server.failing = lambda since: gone if since > 5.0 else None
    (report,) = run(server, waiting(tmp_path, name="b.mp4")).reports
    assert (report.status, report.exit_code, report.resumable, report.whole) == ("failed", ExitCode.UNKNOWN, False, True)


def test_a_stop_says_that_the_video_is_whole_and_the_same_command_sends_nothing(tmp_path: Path) -> None:
    """130, not resumable, at once; the record stays until it plays."""
    server, wish = Studio(until(500.0)), waiting(tmp_path)
    one = Run(line(server, (1.0, 1.0)), [wish])
    one.pool.asking = 0.1
    one.pool.stop_at = one.pool.clock + 100.0
    (report,) = one.run()
    assert (report.status, report.exit_code, report.resumable, report.whole) == ("interrupted", ExitCode.SIGINT, False, True)
    assert one.pool.clock == one.pool.stop_at
    again = run(server, wish._replace(wait=None))
    assert (again.reports[0].status, again.reports[0].parts_sent, dict(again.pool.sent)) == ("uploaded", 0, {})
    assert not list(again.folder.records())


def test_a_kill_in_it_costs_no_second_video(tmp_path: Path) -> None:
    """The record stays, and knows every part."""
    server, wish = Studio(until(500.0)), waiting(tmp_path)
    one = Run(line(server, (1.0, 1.0)), [wish])
    one.pool.killed_at = one.pool.clock + 100.0
    with pytest.raises(Killed):
        one.run()
    again = run(server, wish)
    assert (again.reports[0].status, list(server.videos), dict(again.pool.sent)) == ("playable", ["vi1"], {})


def test_other_files_go_on_however_many_wait(tmp_path: Path) -> None:
    """Twelve files with one worker: each is sent as soon as the one before is, though none plays before an hour has passed."""
    server = Studio(until(3600.0))
    wishes = [order(tmp_path, 1, 1, name=f"{number}.mp4")._replace(wait=math.inf) for number in range(12)]
    done = run(server, *wishes, paces=(1.0,))
    assert [report.status for report in done.reports] == ["playable"] * 12
    began = done.pool.began(Verb.PART)
    assert max(began) - min(began) < 60.0
    assert max(report.waited for report in done.reports) >= 3600.0


@pytest.mark.parametrize(("reads", "gap"), [(None, 1.2), (500, 0.24), (100, 1.2), (10, 12.0)])
def test_all_that_wait_take_half_of_the_read_limit_at_most_and_each_has_its_turn(tmp_path: Path, reads: int | None, gap: float) -> None:
    """One at a time; nobody is left out while the others are asked for again and again."""
    server = Studio(until(400.0))
    server.reads = reads
    wishes = [order(tmp_path, 1, 4, name=f"{number}.mp4")._replace(wait=math.inf) for number in range(20)]
    done = run(server, *wishes, paces=(0.5,) * 4)
    assert [report.status for report in done.reports] == ["playable"] * 20
    looks = [(at, video) for at, video in server.looks if at > 60.0]
    assert min(later - sooner for (sooner, _a), (later, _b) in pairwise(looks)) >= gap - 0.001
    for video in server.videos:
        seen = [60.0, *(at for at, one in looks if one == video), 400.0]
        assert max(later - sooner for sooner, later in pairwise(seen)) < max(60.0, 30 * gap)


def test_a_line_that_is_down_ends_those_that_send_and_not_those_that_wait(tmp_path: Path) -> None:
    """The patience with what moves no byte is for what has bytes to move; looks that are answered do not renew it."""
    server = Studio(until(2000.0))

    def answers(request: Request, worker: int) -> Reply:
        if request.verb is Verb.PART and request.upload == 1:
            return early_503(request)
        return server(request, worker)

    pool = line(server, (1.0, 1.0), answers)
    pool.asking = 0.1
    done = Run(pool, [waiting(tmp_path, retry_for=100.0), waiting(tmp_path, name="b.mp4", retry_for=100.0)], backoff=5.0, probes=5.0)
    sends, waits = done.run()
    assert (sends.status, sends.exit_code, sends.resumable) == ("failed", ExitCode.AGAIN, True)
    assert sends.seconds < 250.0
    assert (waits.status, waits.exit_code) == ("playable", ExitCode.OK)


class Refusing(OsDisk):
    """Refuses the second record, for this reason."""

    def __init__(self, reason: int) -> None:
        self.reason = reason
        self.records = 0

    def create(self, path: Path, data: bytes, lasting: bool = True) -> None:
        self.records += path.suffix == ".jsonl"
        if self.records > 1 and self.reason:
            raise OSError(self.reason, os.strerror(self.reason))
        super().create(path, data, lasting)


@pytest.mark.parametrize(("wait", "status"), [(None, "uploaded"), (math.inf, "playable")])
@pytest.mark.parametrize(("reason", "code"), [(0, ExitCode.AGAIN), (errno.ENOSPC, ExitCode.AGAIN), (errno.EROFS, ExitCode.FILE)])
def test_what_ends_all_others_does_not_end_a_whole_video_of_which_only_the_links_are_asked(
    reason: int, code: ExitCode, wait: float | None, status: str, tmp_path: Path
) -> None:
    """Patience with the line, a disk that is full or cannot be written: its links are done without, and it is waited for as wished."""
    server = Studio(until(300.0))

    def answers(request: Request, worker: int) -> Reply | Later:
        if request.verb is Verb.PART:
            return early_503(request) if request.upload == 1 else server(request, worker)._replace(body={})
        if request.verb is Verb.VIDEO or (request.verb is Verb.CREATE and request.upload == 1):
            return Later(server(request, worker), 3600.0 if request.verb is Verb.VIDEO else 20.0)
        return server(request, worker)

    pool = line(server, (1.0, 1.0), answers)
    pool.asking = 0.1
    wishes = [order(tmp_path, 2, 2, name=name, retry_for=100.0)._replace(wait=wait) for name in ("a.mp4", "b.mp4")]
    done = Run(pool, wishes, backoff=5.0, probes=5.0, disk=Refusing(reason))
    whole, other = sorted(done.run(), key=lambda report: report.file or "")
    assert (whole.status, whole.exit_code, whole.resumable, whole.error) == (status, ExitCode.OK, False, None)
    assert (other.status, other.exit_code) == ("failed", code)
    assert UNDESCRIBED in done.told and len(pool.began(Verb.VIDEO)) == 1
    assert whole.video_id not in {record.checkpoint.video_id for record in done.folder.records()}


def early_503(request: Request) -> Reply:
    assert request.body is not None
    request.body.all_out = False
    return Reply(503)


def test_a_refused_key_ends_all_and_the_wait_too(tmp_path: Path) -> None:
    """Exit 4 with the first refusal, for no lag explains it; the video is whole all the same."""
    server, refusals = Studio(until(1000.0)), list[float]()

    def suspended(since: float) -> Reply | None:
        refusals.extend([since] if since > 50.0 else [])
        return Reply(403, "authorization-suspended-account", title="x") if refusals else None

    server.failing = suspended
    (report,) = run(server, waiting(tmp_path)).reports
    assert (report.status, report.exit_code, report.resumable, report.whole) == ("failed", ExitCode.AUTH, False, True)
    assert len(refusals) == 1


def test_a_token_that_ends_in_it_is_renewed(tmp_path: Path) -> None:
    """Hours of waiting outlive a token of one hour."""
    server = Studio(until(3 * 3600.0))
    done = run(server, waiting(tmp_path))
    assert done.reports[0].status == "playable"
    assert len(done.pool.began(Verb.REFRESH)) >= 2


def test_the_encoding_is_told_as_it_goes(tmp_path: Path) -> None:
    """Each look tells the state of the video and of every quality; the last thing told is that it is over."""

    def told(since: float) -> object:
        return encoding(since > 30.0, "encoded" if since > 30.0 else "encoding", "waiting") if since > 10.0 else {"qualities": []}

    events = [event for event in run(Studio(told), waiting(tmp_path)).told if isinstance(event, Encoding)]
    assert events[0] == Encoding("vi1", "movie.mp4", "uploaded", ())
    assert (("1p", "encoding"), ("2p", "waiting")) in [event.qualities for event in events]
    assert [event.over for event in events] == [False] * (len(events) - 1) + [True]


def test_while_it_waits_it_holds_neither_file_nor_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand files may wait at a time, and the same command beside it waits, too. Each is given back once: a descriptor may be
    another's afterwards."""
    server = Studio(until(500.0))
    pool = line(server, (1.0, 1.0))
    done = Run(pool, [waiting(tmp_path)])
    given_back: list[tuple[str, float]] = []
    close = VideoFile.close

    def closed(video: VideoFile) -> None:
        given_back.append(("file", pool.clock))
        close(video)

    class Held:
        def release(self) -> None:
            given_back.append(("lock", pool.clock))

    monkeypatch.setattr(VideoFile, "close", closed)
    monkeypatch.setattr(done.folder, "lock", lambda _upload_id: Held())
    (report,) = done.run()
    assert (report.status, report.seconds > 500.0) == ("playable", True)
    early = [what for what, at in given_back if at < 100.0]
    assert sorted(early) == ["file", "lock"]
    assert [what for what, _at in given_back].count("file") == 1


def test_videos_are_watched_without_any_file(tmp_path: Path) -> None:
    """`vidup status --wait`: no record, no container, nothing sent; a video that nobody knows is told at once."""
    server = Studio(until(90.0))
    run(server, waiting(tmp_path))
    watched = [
        Order("", "http://virtual", order(tmp_path, 1, 1).key, tmp_path / "none", video_id=video, wait=50.0, watch=True)
        for video in ("vi1", "vi404")
    ]
    server.told = until(math.inf)
    known = server.__call__

    def answers(request: Request, worker: int) -> Reply:
        return refusal("resource-not-found")._replace(status=404) if request.video_id == "vi404" else known(request, worker)

    pool = line(server, (1.0,), answers)
    done = Run(pool, watched)
    missing, late = done.run()
    assert (missing.video_id, missing.status, missing.exit_code, missing.seconds < 5.0) == ("vi404", "failed", ExitCode.UNKNOWN, True)
    assert (late.video_id, late.status, late.exit_code) == ("vi1", "uploaded", ExitCode.NOT_PLAYABLE)
    assert done.uploads[0].seen is not None
    assert not (tmp_path / "none").exists()


def test_one_that_leaves_gives_its_turn_to_the_next() -> None:
    """Whether it looked, waited in the queue, or had its turn and went without looking."""
    turns = Turns()
    assert turns.left(1, 0.0) == 0.0
    assert turns.left(2, 0.0) > 0.0
    assert turns.left(3, 0.0) > turns.left(2, 0.0)
    turns.over(1, 0.1, None)
    assert turns.left(3, 0.1) > turns.left(2, 0.1) > 0.0
    turns.over(2, 0.2, None)
    assert turns.left(3, 0.1 + turns.gap) == 0.0
    turns.over(3, 2.0, None)
    assert turns.left(1, 2.0 + turns.gap) == 0.0
