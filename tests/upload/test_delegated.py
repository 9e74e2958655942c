"""Uploads with an upload token alone: one video, no key, no status; what gets lost, and what is known after a kill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.upload.virtual import BY_PART, LOST, Killed, Later, Run, Server, VirtualPool, early, good, line, order, refusal
from vidup.api.credentials import ApiKey, Credentials
from vidup.errors import ExitCode
from vidup.events import Named, Note, Resumed, Started
from vidup.plan.parts import MIB
from vidup.upload.bodies import Beside
from vidup.upload.carrying import Carrying
from vidup.upload.exchange import Request, Verb
from vidup.upload.order import Order
from vidup.upload.outcome import Report
from vidup.verdicts.judge import Reply

TOKEN = ApiKey("to-secret", "a test", delegated=True)


class TokenServer(Server):
    """Takes parts by token: one that names no video makes one."""

    def __call__(self, request: Request, worker: int) -> Reply:
        assert request.verb is Verb.PART, f"{request.verb.name} needs a key"
        if not request.video_id:
            made = self._create({"title": "by token"})
            request = request._replace(video_id=made)
        elif request.video_id not in self.videos:
            return Reply(404, "resource-not-found", title="The requested resource was not found.")
        return super().__call__(request, worker)


def by_token(folder: Path, parts: int, jobs: int = 3) -> Order:
    return order(folder, parts, jobs)._replace(key=TOKEN)


@dataclass
class Scripted:
    """The server, but for answers that are lost or replaced: by part, those of its first attempts."""

    server: Server
    instead: dict[int, list[Reply]]
    stored: bool = True
    tried: dict[int, int] = field(default_factory=dict)

    def __call__(self, request: Request, worker: int) -> Reply:
        turn = self.tried.get(request.part, 0)
        self.tried[request.part] = turn + 1
        spoilt = self.instead.get(request.part, [])
        answer = self.server(request, worker) if self.stored or turn >= len(spoilt) else None
        return spoilt[turn] if turn < len(spoilt) else answer  # type: ignore[return-value]


def run(pool: VirtualPool, wanted: Order) -> tuple[Run, Report]:
    ran = Run(pool, [wanted])
    (report,) = ran.run()
    return ran, report


def notes(ran: Run) -> str:
    return "\n".join(event.text for event in ran.told if isinstance(event, Note))


def test_part_1_goes_alone_and_all_others_name_its_video(tmp_path: Path) -> None:
    """One upload, one video; nobody logs in, creates, asks or lists."""
    server = TokenServer()
    pool = line(server, [1.0] * 3)
    ran, report = run(pool, by_token(tmp_path, 5))
    assert (report.status, report.video_id, list(server.videos)) == ("uploaded", "vi1", ["vi1"])
    assert {request.verb for _at, _worker, request in pool.carried} == {Verb.PART}
    first, *others = pool.carried
    assert (first[2].part, first[2].video_id) == (1, "")
    assert {request.video_id for _at, _worker, request in others} == {"vi1"}
    assert all(at >= first[0] + 1.0 for at, _worker, _request in others)
    assert len({at for at, _worker, _request in others[:3]}) == 1  # parallel from then on
    assert "not verified" not in notes(ran)


def test_the_video_is_told_as_soon_as_it_has_a_name(tmp_path: Path) -> None:
    """Progress is shown before, for part 1 may take its time."""
    ran, _report = run(line(TokenServer(), [1.0] * 2), by_token(tmp_path, 2))
    told = [event for event in ran.told if isinstance(event, Started | Named)]
    assert [type(event) for event in told] == [Started, Named]
    assert [event.video_id for event in told] == ["", "vi1"]


def test_several_files_are_several_videos_each_with_its_own_first_part(tmp_path: Path) -> None:
    """Through one dispatcher: the first parts of different files need not wait for one another."""
    server = TokenServer()
    pool = line(server, [1.0] * 3)
    orders = [by_token(tmp_path, 3)._replace(path=by_token_file(tmp_path, f"{name}.mp4", 3)) for name in "abc"]
    reports = Run(pool, orders).run()
    assert [report.status for report in reports] == ["uploaded"] * 3
    assert len(server.videos) == len({report.video_id for report in reports}) == 3
    assert [request.part for _at, _worker, request in pool.carried[:3]] == [1, 1, 1]


def by_token_file(folder: Path, name: str, parts: int) -> str:
    return order(folder, parts, 3, name=name).path


def test_parts_are_of_16_mib_at_most_unless_asked_for(tmp_path: Path) -> None:
    """So that the lonely first one is short."""
    wanted = by_token(tmp_path, 100)._replace(part_size=None)
    _ran, report = run(line(TokenServer(), [1.0] * 3), wanted)
    assert report.part_size is not None and report.part_size <= 16 * MIB
    _ran, report = run(line(TokenServer(), [1.0] * 3), wanted._replace(part_size=100 * MIB, restart=True))
    assert report.part_size == 100 * MIB


def test_a_lost_first_answer_is_told_and_part_1_begins_another_video(tmp_path: Path) -> None:
    """What may stay behind is said once, in plain words."""
    server = TokenServer()
    ran, report = run(line(server, [1.0] * 3, Scripted(server, {1: [LOST, LOST]})), by_token(tmp_path, 4))
    assert (report.status, report.video_id, len(server.videos)) == ("uploaded", "vi3", 3)
    assert notes(ran).count("an incomplete video may be on the server, which api.video deletes after 7 days") == 1


def test_the_lost_answer_to_an_only_part_may_have_left_a_whole_video(tmp_path: Path) -> None:
    """Then it is another thing that has to be said."""
    server = TokenServer()
    ran, report = run(line(server, [1.0] * 3, Scripted(server, {1: [LOST]})), by_token(tmp_path, 1))
    assert (report.status, report.video_id) == ("uploaded", "vi2")
    assert "the video may be on the server, whole; sent again, it is a second one" in notes(ran)


def test_first_answers_are_not_lost_without_end(tmp_path: Path) -> None:
    """Each may have made a video: after three it is for later, and the same command begins anew."""
    server = TokenServer()
    _ran, report = run(line(server, [1.0] * 3, Scripted(server, {1: [LOST] * 9})), by_token(tmp_path, 4))
    assert (report.exit_code, report.resumable, report.video_id, len(server.videos)) == (ExitCode.AGAIN, True, None, 3)
    assert report.error is not None and "answer to part 1 was lost 3 times" in report.error.what
    assert report.total_parts is None  # nothing that `vidup resume` could go on with


@pytest.mark.parametrize("slug", [f"{BY_PART}part-already-sent", "video-source-already-uploaded"])
def test_a_lost_last_answer_is_a_success_that_is_not_verified(slug: str, tmp_path: Path) -> None:
    """All others were confirmed, and the server says that it has this one: that is all that a token can know."""
    server = TokenServer()
    answers = Scripted(server, {4: [LOST, refusal(slug)]})
    ran, report = run(line(server, [1.0] * 3, answers), by_token(tmp_path, 4))
    assert (report.status, report.exit_code, report.parts_done) == ("uploaded", ExitCode.OK, 4)
    assert "the answer to part 4 was lost" in notes(ran) and "this is not verified" in notes(ran)


def test_a_part_that_was_never_sent_cannot_be_there_already(tmp_path: Path) -> None:
    """A server that says so before our body is out speaks of another's."""
    server = TokenServer()

    def answers(request: Request, worker: int) -> Reply:
        return early(request, refusal(f"{BY_PART}part-already-sent")) if request.part == 3 else server(request, worker)

    _ran, report = run(line(server, [1.0] * 2, answers), by_token(tmp_path, 4))
    assert (report.status, report.exit_code) == ("failed", ExitCode.REJECTED)


def test_a_server_that_makes_a_video_of_every_part_is_not_fed_on(tmp_path: Path) -> None:
    """As it would be by the published clients: one video a part, none of which plays."""
    server = TokenServer()

    def answers(request: Request, worker: int) -> Reply:
        return server(request._replace(video_id=""), worker)._replace(promised=not request.video_id)

    _ran, report = run(line(server, [1.0], answers), by_token(tmp_path, 4, jobs=1))
    assert (report.exit_code, report.resumable) == (ExitCode.REJECTED, False)
    assert report.error is not None and "a video of its own, vi2, instead of vi1" in report.error.what
    assert len(server.videos) == 2


def test_a_kill_loses_only_the_parts_on_their_way_also_with_a_renewed_token(tmp_path: Path) -> None:
    """The record says what was confirmed, in place of the status; the token is no part of its name."""
    server = TokenServer()
    pool = line(server, [1.0] * 2)
    pool.killed_at = 2.5
    with pytest.raises(Killed):
        Run(pool, [by_token(tmp_path, 6, jobs=2)]).run()
    stored = sorted(server.parts["vi1"])
    assert stored == [1, 2, 3]
    again = line(server, [1.0] * 2)
    ran, report = run(again, by_token(tmp_path, 6, jobs=2)._replace(key=ApiKey("to-renewed", "a test", delegated=True)))
    assert (report.status, report.video_id, list(server.videos)) == ("uploaded", "vi1", ["vi1"])
    assert sorted(again.sent) == [4, 5, 6] and report.parts_skipped == 3
    assert [event.source for event in ran.told if isinstance(event, Resumed)] == ["journal"]


def test_a_part_that_was_stored_when_the_process_was_killed_counts_when_it_is_sent_again(tmp_path: Path) -> None:
    """The record did not live to hear of it; the refusal as already there does, also one that comes before the body is out."""
    server = TokenServer()
    pool = line(server, [1.0] * 2)
    pool.killed_at = 2.5
    with pytest.raises(Killed):
        Run(pool, [by_token(tmp_path, 4, jobs=2)]).run()
    server.parts["vi1"][4] = 2.6

    def answers(request: Request, worker: int) -> Reply:
        reply = server(request, worker)
        return reply if reply.promised else early(request, reply)

    ran, report = run(line(server, [1.0] * 2, answers), by_token(tmp_path, 4, jobs=2))
    assert (report.status, report.video_id) == ("uploaded", "vi1")
    assert "not verified" in notes(ran)


def test_what_was_confirmed_whole_before_a_kill_is_uploaded_without_a_word(tmp_path: Path) -> None:
    """Killed between the last answer and the end: the record holds all of it."""
    server = TokenServer()
    with pytest.raises(RuntimeError, match="killed"):
        ran = Run(line(server, [1.0] * 2), [by_token(tmp_path, 3, jobs=2)])
        ran.uploads[0]._deliver = _killed
        ran.run()
    again = line(server, [1.0] * 2)
    _ran, report = run(again, by_token(tmp_path, 3, jobs=2))
    assert (report.status, report.video_id, again.carried) == ("uploaded", "vi1", [])


def _killed(_report: Report) -> bool:
    raise RuntimeError("killed")


def test_an_upload_that_a_key_began_can_be_gone_on_with_by_a_token(tmp_path: Path) -> None:
    """Into the same video; what the record did not live to hear of, the server says itself."""
    server = TokenServer()
    pool = line(server, [1.0] * 2, lambda request, worker: Server.__call__(server, request, worker))
    pool.asking, pool.killed_at = 0.1, 1.3
    with pytest.raises(Killed):
        Run(pool, [order(tmp_path, 6, 2)]).run()
    stored = dict(server.parts["vi1"])
    assert stored and len(stored) < 6
    _ran, report = run(line(server, [1.0] * 2), by_token(tmp_path, 6, jobs=2))
    assert (report.status, report.video_id, list(server.videos)) == ("uploaded", "vi1", ["vi1"])
    assert sorted(server.parts["vi1"]) == [1, 2, 3, 4, 5, 6] and all(server.parts["vi1"][part] == at for part, at in stored.items())


@pytest.mark.parametrize(
    ("reply", "code", "resumable"),
    [(Reply(401, "authentication-invalid-upload-token"), ExitCode.AUTH, True), (Reply(404, "resource-not-found"), ExitCode.UNKNOWN, False)],
)
def test_a_token_that_may_not_go_on_is_told_with_the_way_out(reply: Reply, code: ExitCode, resumable: bool, tmp_path: Path) -> None:
    """It expired, or is of another project: a new one goes on, or a new video is begun."""
    server = TokenServer()
    pool = line(server, [1.0] * 2)
    pool.killed_at = 2.5
    with pytest.raises(Killed):
        Run(pool, [by_token(tmp_path, 6, jobs=2)]).run()
    _ran, report = run(line(server, [1.0] * 2, lambda _request, _worker: reply), by_token(tmp_path, 6, jobs=2))
    assert (report.exit_code, report.resumable, report.video_id) == (code, resumable, "vi1")
    assert report.error is not None and "--restart" in report.error.advice


def test_a_401_that_nobody_documented_is_tried_once_more_and_no_longer(tmp_path: Path) -> None:
    """There is no token to renew, and that parts were accepted before says nothing of one that expires."""
    server = TokenServer()

    def answers(request: Request, worker: int) -> Reply:
        return Reply(401) if request.part > 2 else server(request, worker)

    pool = line(server, [1.0], answers)
    _ran, report = run(pool, by_token(tmp_path, 4, jobs=1))
    assert (report.exit_code, pool.sent[3]) == (ExitCode.AUTH, 2)
    assert not Credentials(needed=False).works(0)


def test_a_stop_while_part_1_is_out_gives_its_answer_time_to_name_the_video(tmp_path: Path) -> None:
    """So that what was sent is not lost."""
    server = TokenServer()
    pool = line(server, [1.0] * 2, lambda request, worker: Later(server(request, worker), 3.0))
    pool.stop_at = 2.0
    ran, report = run(pool, by_token(tmp_path, 4, jobs=2))
    assert (report.status, report.video_id, report.parts_done) == ("interrupted", "vi1", 1)
    assert ran.record.checkpoint.video_id == "vi1" and ran.record.confirmed == {1}


def test_a_stop_before_the_video_has_a_name_tells_what_may_be_left(tmp_path: Path) -> None:
    """And leaves no record, for nothing could be gone on with; the same command begins anew."""
    server = TokenServer()
    pool = line(server, [1.0] * 2, lambda request, worker: Later(server(request, worker), 30.0))
    pool.stop_at = 2.0
    ran, report = run(pool, by_token(tmp_path, 4, jobs=2))
    assert (report.status, report.video_id, report.total_parts, report.resumable) == ("interrupted", None, None, True)
    assert "an incomplete video may be on the server" in notes(ran)
    assert list(ran.folder.records()) == []


# -- how a part is sent


class FakeApi:
    """An API that has only a token."""

    key = TOKEN

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes, int]] = []

    def connect(self) -> None: ...

    def hang_up(self, thread: int) -> None: ...

    def send_part_by_token(self, video_id: str, content_range: str, body: Beside) -> Reply:
        raw = b"".join(bytes(block) for block in body)
        assert len(raw) == len(body)
        body.moved(len(raw))
        self.sent.append((video_id, content_range, raw, len(raw)))
        return good(videoId=video_id or "vi1")


@pytest.fixture
def part(video: Callable[..., Path]) -> Callable[[str, int], Request]:
    """Make the request for a part of a small file."""
    from vidup.plan.parts import Plan
    from vidup.source.videofile import open_video
    from vidup.upload.flights import Stopper

    source = open_video(str(video(100)))
    plan = Plan(100, 2)
    return lambda video_id, number: Request(
        Verb.PART, 0, video_id, number, plan.content_range(number), source.body(plan.part(number), Stopper())
    )


def test_every_part_but_the_first_names_its_video_beside_the_file(part: Callable[[str, int], Request]) -> None:
    """In a form field of its own, which counts for no byte of the part."""
    api = FakeApi()
    carrying = Carrying(api)  # type: ignore[arg-type]
    for request in (part("", 1), part("vi1", 2)):
        carrying.perform(request, None)
        assert request.body is not None and (request.body.handed, request.body.all_out) == (50, True)
    (_, _, first, _), (_, _, second, _) = api.sent
    assert b"videoId" not in first
    assert second.count(b'name="videoId"\r\n\r\nvi1\r\n') == 1 and second.count(b'name="file"') == 1
    boundary = second.split(b"\r\n")[0]
    assert second.startswith(boundary) and second.endswith(boundary + b"--\r\n") and second.count(boundary) == 3


def test_the_bytes_of_the_field_are_no_payload(part: Callable[[str, int], Request]) -> None:
    """Taken piece by piece, and anew with every attempt."""
    request = part("vi1", 2)
    assert request.body is not None
    body = Beside(request.body, "videoId", "vi1")
    for _attempt in range(2):
        field, *rest = (bytes(block) for block in body)
        body.moved(len(field) - 5)
        assert request.body.handed == 0
        body.moved(5 + sum(map(len, rest)))
        assert request.body.handed == 50
    with pytest.raises(ValueError, match="multipart"):
        Beside(_Plain(), "videoId", "vi1")  # type: ignore[arg-type]


class _Plain:
    content_type = "video/mp4"
    all_out = False
