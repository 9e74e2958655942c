"""Faults of time: a status that lags, and parts that are stored only after they were answered."""

from __future__ import annotations

import hashlib
from contextlib import closing
from typing import Any

import pytest

from tests.conftest import LONG
from tests.emulator.calling import (
    DOCS,
    KIB,
    PART,
    Hands,
    call,
    form,
    new_video,
    plain_field,
    raw_upload,
    send,
    source,
)
from vidup.emulator.server import Emulator


def ingest(emulator: Emulator, video_id: str) -> Any:
    """The `ingest` of the status, or its status code when it is refused."""
    status, _, body = call(emulator, "GET", f"/videos/{video_id}/status")
    return body["ingest"] if status == 200 else status


def received(emulator: Emulator, video_id: str) -> tuple[list[int], int | None]:
    told = ingest(emulator, video_id)["receivedParts"]
    return told["parts"], told["total"]


def put(emulator: Emulator, video_id: str, content_range: str, data: bytes = b"x" * KIB) -> int:
    return send(emulator, source(video_id), form(data), content_range)[0]


def test_a_lagging_status_answers_as_it_was_so_long_ago(small: Emulator, hands: Hands) -> None:
    """Parts, total and the end of the upload show `lag` seconds after they happened, while the server has them."""
    small.add_fault("on=status,times=*:lag=8")
    video_id = new_video(small)
    hands.passed = 5.0
    put(small, video_id, "part 1/*")
    hands.passed = 10.0
    put(small, video_id, "part 2/2")
    assert small.file(video_id) is not None
    seen = []
    for moment in (10.0, 12.9, 13.0, 17.9, 18.0):
        hands.passed = moment
        told = ingest(small, video_id)
        seen.append((told["status"], told["filesize"], told["receivedParts"]["parts"], told["receivedParts"]["total"]))
    assert seen == [
        ("uploading", None, [], None), ("uploading", None, [], None), ("uploading", None, [1], None), ("uploading", None, [1], None),
        ("uploaded", 2 * KIB, [1, 2], 2),
    ]  # fmt: skip


def test_a_lag_strikes_only_the_status_and_only_as_often_as_told(small: Emulator) -> None:
    """`times` counts status requests alone; the lag of one answer leaves the next one fresh."""
    small.add_fault("times=2:lag=1h")
    video_id = new_video(small)
    put(small, video_id, "part 1/2")
    assert [received(small, video_id) for _ in range(3)] == [([], None), ([], None), ([1], 2)]


def test_a_lagging_list_leaves_new_videos_out(small: Emulator, hands: Hands) -> None:
    """A list that is some seconds old does not know what was created since."""
    small.add_fault("on=list,times=*:lag=8")
    first = new_video(small)
    hands.passed = 8.0
    second = new_video(small)
    assert [video["videoId"] for video in call(small, "GET", "/videos")[2]["data"]] == [first]
    hands.passed = 16.0
    assert [video["videoId"] for video in call(small, "GET", "/videos")[2]["data"]] == [second, first]


def test_a_part_is_answered_now_and_stored_later(small: Emulator, hands: Hands) -> None:
    """Until its time has come the part does not exist; then it is there, and may complete the video."""
    small.add_fault("part=2:commit-after=5")
    video_id = new_video(small)
    assert [put(small, video_id, "part 2/2", b"z"), put(small, video_id, "part 1/2")] == [201, 201]
    hands.passed = 4.9
    assert (received(small, video_id), small.stored_parts(video_id), small.file(video_id)) == (([1], 2), {1}, None)
    hands.passed = 5.0
    assert small.sha256(video_id) == hashlib.sha256(b"x" * KIB + b"z").hexdigest()
    assert received(small, video_id) == ([1, 2], 2)


def test_a_lag_counts_from_when_the_part_was_stored(small: Emulator, hands: Hands) -> None:
    """Admitted at 0, stored at 5, seen at 8, whenever somebody first asks."""
    for text in ("part=1:commit-after=5", "on=status,times=*:lag=3"):
        small.add_fault(text)
    video_id = new_video(small)
    put(small, video_id, "part 1/2")
    seen = []
    for moment in (7.9, 8.0):
        hands.passed = moment
        seen.append(received(small, video_id))
    assert seen == [([], None), ([1], 2)]


@pytest.mark.parametrize("ending", ["", ",drop-answer", ",body=garbage"])
def test_how_the_answer_fares_does_not_change_what_is_stored(small: Emulator, hands: Hands, ending: str) -> None:
    """The part comes after the delay also when its answer was cut or spoiled."""
    small.add_fault(f"part=1:commit-after=5{ending}")
    video_id = new_video(small)
    if ending:
        with pytest.raises((ConnectionError, ValueError)):
            put(small, video_id, "part 1/2")
    else:
        assert put(small, video_id, "part 1/2") == 201
    assert small.stored_parts(video_id) == set()
    hands.passed = 5.0
    assert small.stored_parts(video_id) == {1}


def test_a_gateway_gives_up_while_the_server_stores(small: Emulator, hands: Hands) -> None:
    """With a status the answer is the scripted one, and yet the part is there later."""
    small.add_fault("part=1:status=504,commit-after=5")
    video_id = new_video(small)
    assert put(small, video_id, "part 1/2") == 504
    hands.passed = 5.0
    assert received(small, video_id) == ([1], 2)


def test_a_part_is_stored_though_its_client_is_gone(small: Emulator, hands: Hands) -> None:
    """A client that dies right after its last byte leaves a part behind that shows up later."""
    small.add_fault("part=1:commit-after=5")
    video_id = new_video(small)
    body = form(b"x" * KIB)
    with closing(raw_upload(small, video_id, len(body))) as client:
        client.sendall(body)
    assert small.wait_until(lambda: small.requests[-1].part == 1, LONG)
    assert received(small, video_id) == ([], None)
    hands.passed = 5.0
    assert received(small, video_id) == ([1], 2)


def test_a_body_cut_off_is_not_stored_later_either(small: Emulator, hands: Hands) -> None:
    """Only a whole body is admitted."""
    small.add_fault("part=1:commit-after=5")
    video_id = new_video(small)
    body = form(b"x" * KIB)
    with closing(raw_upload(small, video_id, len(body))) as client:
        client.sendall(body[:-3])
    assert small.wait_until(lambda: small.requests[-1].part == 1, LONG)
    hands.passed = 5.0
    assert received(small, video_id) == ([], None)


@pytest.mark.parametrize(
    ("held", "meanwhile", "then"),
    [
        ("part 1/2", "part 1/2", ([1], 2)),
        ("part 1/2", "part 2/3", ([2], 3)),
        ("part 3/*", "part 1/2", ([1], 2)),
        ("", "part 1/2", ([1], 2)),
    ],
    ids=["the same part", "another total", "a part above the total", "the whole file"],
)
def test_what_was_admitted_is_checked_again_before_it_is_stored(
    small: Emulator, hands: Hands, held: str, meanwhile: str, then: tuple[list[int], int]
) -> None:
    """A part answered 201 is dropped when what came meanwhile contradicts it."""
    small.add_fault("part=*:commit-after=5")
    video_id = new_video(small)
    assert put(small, video_id, held, b"held" * KIB) == 201
    assert put(small, video_id, meanwhile) == 201
    hands.passed = 5.0
    assert received(small, video_id) == then
    assert small.file(video_id) is None


def test_of_two_held_parts_the_earlier_due_is_stored(small: Emulator, hands: Hands) -> None:
    """Both were answered 201; the shorter delay wins, whichever came first."""
    for text in ("part=1:commit-after=9", "part=1:commit-after=5"):
        small.add_fault(text)
    video_id = new_video(small)
    assert [put(small, video_id, "part 1/2", data * KIB) for data in (b"a", b"b")] == [201, 201]
    hands.passed = 20.0
    assert put(small, video_id, "part 2/2", b"z") == 201
    assert small.sha256(video_id) == hashlib.sha256(b"b" * KIB + b"z").hexdigest()


def test_on_arrival_everything_is_checked_as_ever(small: Emulator, hands: Hands) -> None:
    """Too small, or already there: refused at once, and nothing comes later."""
    small.add_fault("part=*,times=*,after=1:commit-after=5")
    video_id = new_video(small)
    assert put(small, video_id, "part 1/3") == 201
    replies = [
        send(small, source(video_id), form(data), which)[2]["type"] for data, which in ((b"x", "part 2/3"), (b"x" * KIB, "part 1/3"))
    ]
    assert replies == [DOCS + PART + "uploaded-file-too-small", DOCS + PART + "part-already-sent"]
    hands.passed = 5.0
    assert received(small, video_id) == ([1], 3)


def test_a_video_deleted_meanwhile_gets_nothing(small: Emulator, hands: Hands) -> None:
    """The held part of a video that is gone is dropped."""
    small.add_fault("part=1:commit-after=5")
    video_id, other = new_video(small), new_video(small)
    put(small, video_id, "part 1/1")
    small.delete_video(video_id)
    hands.passed = 5.0
    assert ingest(small, video_id) == 404
    assert set(small.videos) == {other}


def test_a_token_s_first_part_makes_the_video_at_once_and_is_stored_later(small: Emulator, hands: Hands) -> None:
    """The id is told in the answer; the part comes after the delay."""
    small.add_fault("part=1:commit-after=5")
    path = f"/upload?token={call(small, 'POST', '/upload-tokens', {})[2]['token']}"
    video_id = send(small, path, form(b"x" * KIB), "part 1/2", Authorization="")[2]["videoId"]
    named = plain_field("videoId", video_id)
    assert send(small, path, form(b"z", before=named), "part 2/2", Authorization="")[0] == 201
    assert received(small, video_id) == ([2], 2)
    hands.passed = 5.0
    assert small.sha256(video_id) == hashlib.sha256(b"x" * KIB + b"z").hexdigest()
