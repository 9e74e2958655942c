"""The conductor against the real emulator: every byte arrives, every documented error leads where the table says, and nothing is sent twice."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LONG, MIB, Gate, parts_sent, sha256, statuses
from tests.upload.runs import run_upload
from vidup.api.credentials import ApiKey
from vidup.emulator.clock import Clock
from vidup.emulator.server import Emulator
from vidup.errors import ExitCode
from vidup.events import Event, Note, Retrying, Waiting
from vidup.upload.order import Order
from vidup.upload.outcome import Report

Run = Callable[..., Report]


class Heard(list[Event]):
    """What an upload told."""

    def notes(self) -> str:
        return "\n".join(event.text for event in self if isinstance(event, Note))

    def retries(self) -> list[Retrying]:
        return [event for event in self if isinstance(event, Retrying)]


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def run(tmp_path: Path, heard: Heard) -> Run:
    """Upload in this process, without waiting between tries: run(emulator, path, part_size=…)."""

    def upload(emulator: Emulator, path: Path, *, key: str | None = None, backoff: float = 0.0, **more: Any) -> Report:
        settings: dict[str, Any] = {"part_size": 5 * MIB, "state_dir": tmp_path / "state", "timeout": LONG, **more}
        order = Order(path=str(path), base_url=emulator.url, key=ApiKey(key or emulator.api_key, "the test"), **settings)
        return run_upload(order, heard.append, backoff=backoff)

    return upload


def the_video(emulator: Emulator) -> str:
    (video_id,) = emulator.videos
    return video_id


@pytest.mark.parametrize(
    "size", [1, 5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 10 * MIB, 10 * MIB + 1, 37 * MIB + 123], ids=lambda size: f"{size}B"
)
def test_every_size_arrives_byte_for_byte(size: int, emulator: Emulator, video: Callable[..., Path], run: Run) -> None:
    """Around the part size, exact multiples and odd rests."""
    path = video(size)
    report = run(emulator, path)
    assert (report.status, report.exit_code) == ("uploaded", ExitCode.OK)
    assert emulator.sha256(the_video(emulator)) == sha256(path)
    assert emulator.payload_bytes() == size == report.bytes_sent
    assert report.parts_sent == report.total_parts == len(parts_sent(emulator))


def test_a_gibibyte_arrives_byte_for_byte(emulator: Emulator, video: Callable[..., Path], run: Run) -> None:
    """In parts of 200 MiB, the largest the API takes."""
    path = video(1024 * MIB)
    report = run(emulator, path, part_size=200 * MIB)
    assert report.total_parts == 6
    assert emulator.sha256(the_video(emulator)) == sha256(path)


def test_parts_travel_as_documented(emulator: Emulator, video: Callable[..., Path], run: Run) -> None:
    """`Content-Range: part n/N`, each part once, log in before create, one status at the end."""
    run(emulator, video(37 * MIB + 123))
    ranges = sorted(request.content_range or "" for request in emulator.requests if request.part)
    assert ranges == [f"part {n}/7" for n in range(1, 8)]
    assert [(r.method, r.path) for r in emulator.requests[:2]] == [("POST", "/auth/api-key"), ("POST", "/videos")]
    assert len(statuses(emulator, path_end="/status")) == 1


def test_a_resume_whose_record_is_gone_begins_nothing(emulator: Emulator, video: Callable[..., Path], run: Run) -> None:
    """Another vidup may have completed it a moment ago: a second video of the same file is not what was asked for."""
    report = run(emulator, video(MIB), continuing="gone1234")
    assert (report.exit_code, report.status) == (ExitCode.UNKNOWN, "failed")
    assert report.error is not None and "gone1234 is not known any more" in report.error.what
    assert not emulator.videos


def test_connections_are_kept_for_the_whole_upload(emulator: Emulator, video: Callable[..., Path], run: Run) -> None:
    """As many as jobs, not one a part; log in and create travel on the first of them."""
    run(emulator, video(60 * MIB), jobs=3)
    assert emulator.connections == 3


def test_no_more_parts_are_in_flight_than_jobs(emulator: Emulator, video: Callable[..., Path], run: Run) -> None:
    """--jobs bounds what a kill can cost."""
    run(emulator, video(40 * MIB), jobs=2)
    assert emulator.peak_connections == 2


@pytest.mark.parametrize(
    "fault",
    ["status=500", "status=502", "status=503", "status=504", "status=520", "status=408", "status=425", "reset=before", "reset=middle", "status=503,body=html", "status=502,body=empty",
     "status=500,body=truncated", "status=503,body=garbage", "status=503,body=array", "status=503,body=huge", "status=503,close"],
)  # fmt: skip
def test_what_may_pass_is_tried_again(
    fault: str, emulate: Callable[..., Emulator], video: Callable[..., Path], run: Run, heard: Heard
) -> None:
    """A 5xx, a timeout status or a lost connection costs one more try of that part, and no other part is sent again."""
    emulator, path = emulate(faults=[f"part=2:{fault}"]), video(20 * MIB)
    report = run(emulator, path)
    assert report.status == "uploaded"
    assert Counter(parts_sent(emulator)) == {1: 1, 2: 2, 3: 1, 4: 1}
    assert emulator.sha256(the_video(emulator)) == sha256(path)
    assert [retry.part for retry in heard.retries()] == [2]


@pytest.mark.parametrize(
    "fault", ["drop-answer", "body=html", "body=empty", "body=truncated", "body=array", "body=no-id", "body=garbage", "body=huge"]
)
def test_a_stored_part_whose_answer_is_lost_is_not_sent_again(
    fault: str, emulate: Callable[..., Emulator], video: Callable[..., Path], run: Run
) -> None:
    """The status is asked first, and it lists the part."""
    emulator, path = emulate(faults=[f"part=2:{fault}"]), video(20 * MIB)
    report = run(emulator, path)
    assert report.status == "uploaded"
    assert Counter(parts_sent(emulator)) == {1: 1, 2: 1, 3: 1, 4: 1}
    assert emulator.payload_bytes() == 20 * MIB


def test_a_lost_last_answer_is_success(emulate: Callable[..., Emulator], video: Callable[..., Path], run: Run) -> None:
    """The part that completes the set is stored, its answer is not heard: the status says that all is well."""
    emulator, path = emulate(faults=["part=1:drop-answer"]), video(3 * MIB)
    assert run(emulator, path).status == "uploaded"
    assert parts_sent(emulator) == [1]


def test_an_unstored_part_whose_answer_is_lost_is_sent_again(
    emulate: Callable[..., Emulator], video: Callable[..., Path], run: Run
) -> None:
    """The status does not list it, so it was not stored."""
    emulator, path = emulate(faults=["part=2:reset=after"]), video(20 * MIB)
    assert run(emulator, path).status == "uploaded"
    assert Counter(parts_sent(emulator))[2] == 2
    assert emulator.sha256(the_video(emulator)) == sha256(path)


def test_many_lost_answers_are_explained_by_few_status_calls(
    emulate: Callable[..., Emulator], video: Callable[..., Path], run: Run
) -> None:
    """One status answer serves all parts that wait for it."""
    emulator = emulate(faults=["part=*,times=8:drop-answer"])
    assert run(emulator, video(40 * MIB), jobs=8).status == "uploaded"
    assert emulator.payload_bytes() == 40 * MIB
    assert len(statuses(emulator, path_end="/status")) <= 9


@pytest.mark.parametrize(
    ("slug", "code"),
    [
        ("uploaded-file-empty", 6), ("uploaded-file-invalid-file", 6), ("uploaded-file-multiple-files", 6), ("uploaded-file-too-large", 6),
        ("video-source-already-copied", 6), ("video-source-already-downloaded", 6), ("video-content-range-started-with-bytes", 6),
        ("video-content-range-malformed", 6), ("video-content-range-by-part-part-too-high-allowed", 6),
        ("video-content-range-by-part-part-zero", 6), ("video-content-range-by-part-total-parts-too-high", 6),
        ("video-content-range-by-part-total-parts-zero", 6), ("video-content-range-by-part-uploaded-file-too-small", 6),
        ("video-content-range-by-bytes-range-overlap", 6), ("authorization-suspended-account", 4), ("resource-not-found", 5),
        ("authentication-missing-authorization-header", 4), ("method-not-allowed", 6), ("invalid-payload", 6),
    ],
)  # fmt: skip
def test_an_abort_is_never_tried_again(
    slug: str, code: int, emulate: Callable[..., Emulator], video: Callable[..., Path], run: Run
) -> None:
    """One answer ends the upload, with the exit code of its row and the server's words."""
    emulator = emulate(faults=[f"part=2:error={slug}"])
    report = run(emulator, video(20 * MIB), jobs=1)
    assert (report.status, int(report.exit_code)) == ("failed", code)
    assert parts_sent(emulator) == [1, 2]
    error = report.to_json()["error"]
    assert isinstance(error, dict)
    assert (error["slug"], error["verdict"]) == (slug, "abort")


@pytest.mark.parametrize(
    ("fault", "option"),
    [
        ("error=uploaded-file-too-large", "--part-size 5MiB"), ("status=413", "--part-size 5MiB"),
        ("error=video-content-range-by-part-uploaded-file-too-small", "--part-size 20MiB"),
    ],
)  # fmt: skip
def test_a_wrong_size_is_answered_with_one_that_would_work(
    fault: str, option: str, emulate: Callable[..., Emulator], video: Callable[..., Path], run: Run
) -> None:
    """The advice names the option and a value."""
    report = run(emulate(faults=[f"part=2:{fault}"]), video(40 * MIB), part_size=10 * MIB)
    assert report.error is not None
    assert option in report.error.advice
    assert "--restart" in report.error.advice


@pytest.mark.parametrize("slug", ["video-source-already-uploaded", "video-content-range-already-initiated"])
def test_a_refusal_that_passes_is_planned_anew_from_the_status(
    slug: str, emulate: Callable[..., Emulator], video: Callable[..., Path], run: Run
) -> None:
    """Our own container, incomplete by parts: the rest is sent, what is stored is not."""
    emulator, path = emulate(faults=[f"part=3:error={slug}"]), video(20 * MIB)
    assert run(emulator, path, jobs=1).status == "uploaded"
    assert Counter(parts_sent(emulator)) == {1: 1, 2: 1, 3: 2, 4: 1}
    assert emulator.sha256(the_video(emulator)) == sha256(path)


def test_a_body_lost_on_the_way_is_sent_again_at_most_twice(emulate: Callable[..., Emulator], video: Callable[..., Path], run: Run) -> None:
    """`There is no uploaded file in the request.` passes once or twice, then something is wrong for good."""
    emulator = emulate(faults=["part=1,times=2:error=uploaded-file-no-file"])
    assert run(emulator, video(3 * MIB)).status == "uploaded"
    stubborn = emulate(faults=["part=1,times=*:error=uploaded-file-no-file"])
    assert int(run(stubborn, video(3 * MIB)).exit_code) == 6
    assert parts_sent(stubborn) == [1, 1, 1]


def test_an_expired_token_is_renewed_once_for_all(emulator: Emulator, video: Callable[..., Path], run: Run, tmp_path: Path) -> None:
    """A 401 in the middle costs a refresh, not the upload."""
    path = video(60 * MIB)
    emulator.add_fault("part=5:stall=0.2")
    emulator.add_fault("part=4:error=authentication-invalid-access-token")
    report = run(emulator, path, jobs=2)
    assert report.status == "uploaded"
    assert len(statuses(emulator, path_end="/auth/refresh")) == 1
    assert len(statuses(emulator, path_end="/auth/api-key")) == 1
    assert emulator.sha256(the_video(emulator)) == sha256(path)


def test_all_workers_share_one_renewal(emulator: Emulator, gate: Gate, video: Callable[..., Path], run: Run) -> None:
    """Four workers refused at once make one refresh."""
    gate.hold(lambda record: record.path == "/videos")

    def expire() -> None:
        assert emulator.wait_until(lambda: bool(emulator.videos), LONG)
        emulator.expire_tokens()
        gate.open()

    expirer = threading.Thread(target=expire)
    expirer.start()
    report = run(emulator, video(40 * MIB), jobs=4)
    expirer.join()
    assert report.status == "uploaded"
    assert [request.status for request in emulator.requests].count(401) >= 2
    assert len(statuses(emulator, path_end="/auth/refresh")) == 1


def test_tokens_that_live_shortly_are_renewed_before_they_expire(
    emulate: Callable[..., Emulator], video: Callable[..., Path], run: Run
) -> None:
    """No part meets a 401 because its token was known to be old; the server's second is a long one, for requests that are under way."""

    class Slow(Clock):
        def now(self) -> float:
            return super().now() / LONG

    emulator, path = emulate(token_lifetime=1.0, clock=Slow(), faults=["part=*,times=*:slow=20M"]), video(60 * MIB)
    assert run(emulator, path, jobs=1).status == "uploaded"
    assert len(statuses(emulator, path_end="/auth/refresh")) >= 1
    assert 401 not in {request.status for request in emulator.requests}


@pytest.mark.parametrize(
    "fault",
    [
        "on=refresh,times=*:error=authentication-invalid-refresh-token",
        "on=refresh:drop-answer",
        "on=refresh:status=500",
        "on=refresh:body=garbage",
    ],
)
def test_a_refused_or_lost_refresh_falls_back_to_the_key(
    fault: str, emulate: Callable[..., Emulator], video: Callable[..., Path], run: Run
) -> None:
    """Whatever is wrong with the refresh, the key can still log in."""
    emulator = emulate(faults=["part=2:error=authentication-invalid-access-token", fault])
    assert run(emulator, video(20 * MIB)).status == "uploaded"
    assert len(statuses(emulator, path_end="/auth/api-key")) == 2


def test_a_second_401_in_a_row_is_the_end(emulate: Callable[..., Emulator], video: Callable[..., Path], run: Run) -> None:
    """A new token that is refused like the old one will not get better."""
    emulator = emulate(faults=["part=2,times=*:error=authentication-invalid-access-token"])
    report = run(emulator, video(20 * MIB), jobs=1)
    assert (int(report.exit_code), Counter(parts_sent(emulator))[2]) == (4, 2)


@pytest.mark.parametrize(
    "slug", ["authentication-invalid-user-credentials", "authentication-invalid-api-key", "authorization-suspended-account"]
)
def test_a_wrong_key_is_found_before_any_video_is_created(
    slug: str, emulate: Callable[..., Emulator], video: Callable[..., Path], run: Run
) -> None:
    """400 and 401 forms alike: exit 4, no container."""
    emulator = emulate(faults=[f"on=login:error={slug}"])
    assert int(run(emulator, video(3 * MIB)).exit_code) == 4
    assert not emulator.videos


def test_the_wrong_key_itself_is_refused(emulator: Emulator, video: Callable[..., Path], run: Run) -> None:
    """Not by a scripted fault: the emulator does not know the key."""
    assert int(run(emulator, video(3 * MIB), key="not-the-key").exit_code) == 4
    assert [request.status for request in emulator.requests] == [400]


def test_a_429_pauses_all_and_is_told(emulate: Callable[..., Emulator], video: Callable[..., Path], run: Run, heard: Heard) -> None:
    """The wait that the server names is waited, and not counted as failure."""
    emulator = emulate(faults=["part=2:retry-after=1"])
    report = run(emulator, video(20 * MIB), retry_for=0.5)
    assert report.status == "uploaded"
    assert any(isinstance(event, Waiting) and event.seconds >= 1 for event in heard)
    assert not heard.retries()


def test_a_steady_upload_meets_at_most_one_429_a_window(emulate: Callable[..., Emulator], video: Callable[..., Path], run: Run) -> None:
    """X-RateLimit-Remaining is read, so the limit is kept instead of hit."""
    emulator = emulate(rate_limit={"uploads": 5, "writes": 40, "reads": 100, "window": 2})
    report = run(emulator, video(60 * MIB), jobs=4)
    assert report.status == "uploaded"
    windows = report.seconds // 2 + 1
    late = 1  # on a busy machine a request may arrive in the window after the one it was started for
    assert len(parts_sent(emulator)) - 12 <= windows + late


def test_patience_ends_after_retry_for(emulate: Callable[..., Emulator], video: Callable[..., Path], run: Run) -> None:
    """A server that stays down ends the upload with 75, and everything so far is safe."""
    emulator = emulate(faults=["part=3,times=*:status=503"])
    path = video(20 * MIB)
    report = run(emulator, path, retry_for=0.3, backoff=0.2)
    assert (report.status, int(report.exit_code), report.resumable) == ("failed", 75, True)
    assert report.parts_done == 3
    emulator.clear_faults()
    assert run(emulator, path).status == "uploaded"
    assert emulator.sha256(the_video(emulator)) == sha256(path)


def test_one_failing_part_does_not_hold_up_the_others(emulate: Callable[..., Emulator], video: Callable[..., Path], run: Run) -> None:
    """With one job, all other parts are through although the first keeps failing."""
    emulator = emulate(faults=["part=1,times=3:status=503"])
    assert run(emulator, video(20 * MIB), jobs=1).status == "uploaded"
    assert Counter(parts_sent(emulator)) == {1: 4, 2: 1, 3: 1, 4: 1}


def test_a_part_cut_off_ten_times_asks_for_smaller_parts(emulate: Callable[..., Emulator], video: Callable[..., Path], run: Run) -> None:
    """A line that drops before a part is through will not carry it the eleventh time either."""
    emulator = emulate(faults=["part=2,times=*:reset=middle"])
    report = run(emulator, video(80 * MIB), part_size=40 * MIB, jobs=1)
    assert int(report.exit_code) == 75
    assert Counter(parts_sent(emulator))[2] == 10
    assert report.error is not None
    assert "--restart --part-size 10MiB" in report.error.advice


def test_a_redirect_is_shown_and_not_followed(emulate: Callable[..., Emulator], video: Callable[..., Path], run: Run) -> None:
    """The key and the video go nowhere but where the user pointed."""
    elsewhere = emulate(store=None)
    emulator = emulate(faults=[f"part=2:redirect={elsewhere.url}/steal"])
    report = run(emulator, video(20 * MIB))
    assert int(report.exit_code) == 6
    assert report.error is not None
    assert elsewhere.url in report.error.cause
    assert not elsewhere.requests


def test_a_create_answer_without_a_video_id_is_tried_again(emulate: Callable[..., Emulator], video: Callable[..., Path], run: Run) -> None:
    """Nothing can be sent to a video without an id."""
    emulator = emulate(faults=["on=create:body=no-id"])
    assert run(emulator, video(3 * MIB)).status == "uploaded"


def test_refused_attributes_are_listed_by_name(emulator: Emulator, video: Callable[..., Path], run: Run) -> None:
    """Every problem of an invalid-attribute answer is shown."""
    report = run(emulator, video(3 * MIB), video={"tags": "not a list", "public": "perhaps"})
    assert int(report.exit_code) == 6
    assert report.error is not None
    assert "tags" in report.error.cause and "public" in report.error.cause


def test_the_video_is_created_as_asked(emulator: Emulator, video: Callable[..., Path], run: Run) -> None:
    """Title from the file name, the rest from the options."""
    run(emulator, video(MIB, name="holiday 2026.final.mp4"), video={"tags": ["a", "b"], "public": False})
    view = emulator.videos[the_video(emulator)]
    assert view.title == "holiday 2026.final"
    assert (view.attributes["tags"], view.attributes["public"]) == (["a", "b"], False)


def test_a_server_that_takes_its_time_to_put_the_video_together_is_waited_for(
    emulate: Callable[..., Emulator], video: Callable[..., Path], run: Run
) -> None:
    """A status that cannot be read at the end is asked for again."""
    emulator = emulate(faults=["on=status,times=2:status=503"])
    assert run(emulator, video(12 * MIB)).status == "uploaded"


def test_two_uploads_of_different_files_share_nothing(emulator: Emulator, video: Callable[..., Path], run: Run) -> None:
    """Two files, two videos."""
    for name, seed in (("a.mp4", 1), ("b.mp4", 2)):
        assert run(emulator, video(6 * MIB, name=name, seed=seed)).status == "uploaded"
    assert len(emulator.videos) == 2


def test_a_finished_upload_leaves_no_record(emulator: Emulator, video: Callable[..., Path], run: Run, tmp_path: Path) -> None:
    """The state folder holds unfinished uploads only."""
    run(emulator, video(6 * MIB))
    assert not list((tmp_path / "state").glob("*.jsonl"))


def test_a_file_that_changes_while_it_is_sent_never_completes(emulator: Emulator, gate: Gate, video: Callable[..., Path], run: Run) -> None:
    """Before the last block of a part goes out, size and time must still be those of the start."""
    path = video(20 * MIB)
    gate.hold(lambda record: record.part == 3)
    with contextlib.ExitStack() as later:

        def grow() -> None:
            assert emulator.wait_until(lambda: emulator.payload_bytes() > 12 * MIB, LONG)
            with path.open("ab") as file:
                file.write(b"more")
            gate.open()

        writer = threading.Thread(target=grow)
        writer.start()
        later.callback(writer.join)
        report = run(emulator, path, jobs=1)
    assert (report.status, int(report.exit_code)) == ("failed", 3)
    assert not emulator.videos[the_video(emulator)].complete
    assert int(run(emulator, path).exit_code) == 3
