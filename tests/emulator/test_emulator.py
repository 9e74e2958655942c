"""The local api.video answers as the documents say, keeps what it is sent, and fails on demand."""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.conftest import LONG, Cli
from tests.emulator.calling import (
    DOCS,
    KIB,
    MIB,
    PART,
    Hands,
    Start,
    basic,
    call,
    connected,
    documented,
    form,
    new_video,
    plain_field,
    raw_upload,
    read,
    send,
    source,
)
from vidup.commands.emulator import emulator as command
from vidup.emulator.faults import parse_fault
from vidup.emulator.limits import parse_rate_limit
from vidup.emulator.server import Emulator


def test_a_key_buys_a_bearer_token_and_a_refresh_token_that_dies_when_used(emulator: Emulator) -> None:
    """Logging in and refreshing answer in the documented shape; a refresh token works once."""
    status, _, first = call(emulator, "POST", "/auth/api-key", {"apiKey": emulator.api_key}, Authorization="")
    assert (status, first["token_type"], first["expires_in"]) == (200, "Bearer", 3600)
    assert call(emulator, "GET", "/videos", Authorization=f"Bearer {first['access_token']}")[0] == 200
    status, _, second = call(emulator, "POST", "/auth/refresh", {"refreshToken": first["refresh_token"]}, Authorization="")
    assert status == 200
    assert second["refresh_token"] != first["refresh_token"]
    assert call(emulator, "GET", "/videos", Authorization=f"Bearer {second['access_token']}")[0] == 200
    reply = call(emulator, "POST", "/auth/refresh", {"refreshToken": first["refresh_token"]}, Authorization="")
    assert reply[2] == documented(401, "authentication-invalid-refresh-token", "The refresh token is invalid.")


def test_a_wrong_key_answers_400_as_the_openapi_file_says(emulator: Emulator) -> None:
    """A wrong key is a bad request with the documented body."""
    status, _, body = call(emulator, "POST", "/auth/api-key", {"apiKey": "wrong"}, Authorization="")
    assert (status, body) == (400, documented(400, "authentication-invalid-user-credentials", "The user credentials were incorrect."))


@pytest.mark.parametrize(
    ("header", "slug", "title"),
    [
        ("", "authentication-missing-authorization-header", 'The "Authorization" header is missing.'),
        ("Bearer", "authentication-invalid-authorization-header-value", 'The "Authorization" header value is invalid.'),
        ("Token abc", "authentication-invalid-authorization-header-value", 'The "Authorization" header value is invalid.'),
        ("Basic %%%", "authentication-invalid-authorization-header-value", 'The "Authorization" header value is invalid.'),
        ("Bearer abc", "authentication-invalid-access-token", "The access token is invalid or expired."),
        ("Basic d3Jvbmc6", "authentication-invalid-api-key", "The API key is invalid."),
    ],
)
def test_who_is_not_known_gets_the_documented_401(emulator: Emulator, header: str, slug: str, title: str) -> None:
    """Every documented 401 comes where the reference says."""
    status, _, body = call(emulator, "GET", "/videos", Authorization=header)
    assert (status, body) == (401, documented(401, slug, title))


def test_access_tokens_expire_by_time_and_on_demand(emulate: Start) -> None:
    """A token past its lifetime, or expired by the test, is refused with 401."""
    clock = Hands()
    emulator = emulate(clock=clock)
    old, new = (call(emulator, "POST", "/auth/api-key", {"apiKey": emulator.api_key}, Authorization="")[2]["access_token"] for _ in "ab")
    clock.passed = 3599.0
    assert call(emulator, "GET", "/videos", Authorization=f"Bearer {old}")[0] == 200
    clock.passed = 3600.0
    assert call(emulator, "GET", "/videos", Authorization=f"Bearer {old}")[0] == 401
    clock.passed = 0.0
    emulator.expire_tokens()
    assert call(emulator, "GET", "/videos", Authorization=f"Bearer {new}")[0] == 401


def test_a_new_video_has_what_it_was_given(emulator: Emulator) -> None:
    """The 201 is the full video object, and a private video's addresses carry a token."""
    given = {
        "title": "A film", "description": "About it", "public": False, "panoramic": True, "mp4Support": True, "playerId": "pl45",
        "tags": ["one", "two"], "metadata": [{"key": "k", "value": "v"}], "language": "fr",
    }  # fmt: skip
    status, _, video = call(emulator, "POST", "/videos", given)
    assert status == 201
    assert {name: video[name] for name in given} == given
    assert video["videoId"].startswith("vi")
    assert len(video["videoId"]) == 24
    assert video["videoId"].isalnum()
    assert video["source"] == {"uri": source(video["videoId"])}
    assert set(video["assets"]) == {"iframe", "player", "hls", "thumbnail", "mp4"}
    assert all("?token=" in video["assets"][name] for name in ("player", "hls"))
    public = call(emulator, "GET", f"/videos/{new_video(emulator)}")[2]
    assert "?token=" not in json.dumps(public)


@pytest.mark.parametrize(
    ("payload", "slug", "names"),
    [
        ({}, "attribute-required", ["title"]),
        ({"title": 7}, "invalid-attribute", ["title"]),
        ({"title": "x", "public": "yes", "tags": "a"}, "invalid-attribute", ["public", "tags"]),
        ({"title": "x", "metadata": [{"key": "k"}]}, "invalid-attribute", ["metadata"]),
        ({"title": "x", "language": "f r"}, "invalid-attribute", ["language"]),
        ({"public": 1}, "attribute-required", ["title", "public"]),
        (b"{", "invalid-payload", []),
        (b"[]", "invalid-payload", []),
    ],
)
def test_a_bad_creation_names_every_problem(emulator: Emulator, payload: object, slug: str, names: list[str]) -> None:
    """Missing and mistyped attributes are listed by name, the first one on top."""
    status, _, body = call(emulator, "POST", "/videos", payload)
    assert (status, body["type"], body["status"]) == (400, DOCS + slug, 400)
    assert [problem["name"] for problem in body.get("problems", [])] == names
    assert body["name"] == (names[0] if names else "")
    assert emulator.videos == {}


def test_a_video_is_read_changed_listed_and_deleted(emulator: Emulator) -> None:
    """GET, PATCH, list and DELETE work on what was created; afterwards it is unknown."""
    first, second = new_video(emulator), new_video(emulator)
    status, _, body = call(emulator, "PATCH", f"/videos/{first}", {"metadata": [{"key": "k", "value": "v"}], "title": "Renamed"})
    assert (status, body["title"], body["metadata"]) == (200, "Renamed", [{"key": "k", "value": "v"}])
    page = call(emulator, "GET", "/videos?pageSize=10")[2]
    assert [video["videoId"] for video in page["data"]] == [second, first]
    assert {name: page["pagination"][name] for name in ("currentPage", "pagesTotal", "itemsTotal")} == {
        "currentPage": 1, "pagesTotal": 1, "itemsTotal": 2,
    }  # fmt: skip
    assert call(emulator, "DELETE", f"/videos/{first}")[0] == 204
    emulator.delete_video(second)
    gone = documented(404, "resource-not-found", "The requested resource could not be found.", name="videoId")
    for method, path in (("GET", f"/videos/{first}"), ("GET", f"/videos/{second}/status"), ("DELETE", f"/videos/{first}")):
        status, _, body = call(emulator, method, path)
        assert (status, body) == (404, gone)
    assert send(emulator, source(first), form(b"x" * KIB))[2] == gone


def test_unknown_addresses_and_methods_have_their_own_errors(emulator: Emulator) -> None:
    """A wrong path is 404, a wrong method 405, before anybody asks for a key."""
    nowhere = call(emulator, "GET", "/nowhere", Authorization="")
    assert (nowhere[0], nowhere[2]) == (404, documented(404, "unrecognized-request-url", "Unrecognized request URL."))
    wrong = call(emulator, "PUT", "/videos", Authorization="")
    assert (wrong[0], wrong[2]) == (405, documented(405, "method-not-allowed", "Method is not allowed for this route."))


def test_parts_sent_out_of_order_and_in_parallel_become_the_file(emulate: Start, tmp_path: Path) -> None:
    """Whatever the order, the assembled file has the bytes in the order of the numbers, and the store holds nothing else."""
    emulator = emulate()
    noise = random.Random(1)
    pieces = [noise.randbytes(size) for size in (5 * MIB, 5 * MIB, 6 * MIB, 1)]
    video_id = new_video(emulator)
    answers: dict[int, int] = {}

    def put(number: int) -> None:
        answers[number] = send(emulator, source(video_id), form(pieces[number - 1]), f"part {number}/4")[0]

    put(4)
    threads = [threading.Thread(target=put, args=(number,)) for number in (3, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ingest = call(emulator, "GET", f"/videos/{video_id}/status")[2]["ingest"]
    assert ingest == {"status": "uploading", "filesize": None, "receivedBytes": [], "receivedParts": {"parts": [1, 3, 4], "total": 4}}
    assert emulator.stored_parts(video_id) == {1, 3, 4}
    put(2)
    assert answers == dict.fromkeys((1, 2, 3, 4), 201)
    status = call(emulator, "GET", f"/videos/{video_id}/status")[2]
    assert status["ingest"]["status"] == "uploaded"
    assert status["ingest"]["filesize"] == 16 * MIB + 1
    assert status["ingest"]["receivedParts"] == {"parts": [1, 2, 3, 4], "total": 4}
    assert status["encoding"]["playable"] is True
    assert emulator.sha256(video_id) == hashlib.sha256(b"".join(pieces)).hexdigest()
    assert [path.name for path in (tmp_path / "store").rglob("*") if path.is_file()] == [f"{video_id}.mp4"]
    assert emulator.payload_bytes(video_id) == 16 * MIB + 1


def test_a_video_becomes_playable_when_told(emulate: Start) -> None:
    """An uploaded video whose encoding never ends is not playable."""
    emulator = emulate(playable_after=float("inf"), min_part=KIB)
    video_id = new_video(emulator)
    send(emulator, source(video_id), form(b"x"))
    encoding = call(emulator, "GET", f"/videos/{video_id}/status")[2]["encoding"]
    assert encoding["playable"] is False
    assert [quality["status"] for quality in encoding["qualities"]] == ["encoding", "waiting", "waiting", "waiting", "waiting"]


def test_an_unknown_total_is_told_by_the_last_part(small: Emulator) -> None:
    """`part n/*` leaves the total null until `part n/n` comes."""
    video_id = new_video(small)
    for number in (1, 2):
        assert send(small, source(video_id), form(bytes([number]) * KIB), f"part {number}/*")[0] == 201
    assert call(small, "GET", f"/videos/{video_id}/status")[2]["ingest"]["receivedParts"] == {"parts": [1, 2], "total": None}
    assert send(small, source(video_id), form(b"z"), "part 3/3")[0] == 201
    assert small.sha256(video_id) == hashlib.sha256(b"\1" * KIB + b"\2" * KIB + b"z").hexdigest()


HIGHER = 'The "part" value in the "Content-Range" header is higher than the maximum number of parts allowed for a video.'
MALFORMED = (
    'The value of the "Content-Range" header is malformed, the expected format is '
    '"bytes <from_byte>-<to_byte>/<total_bytes>" or "part <part>/<total_parts>".'
)


@pytest.mark.parametrize(
    ("stored", "header", "slug", "title", "detail"),
    [
        (["2/4"], "part 1/5", PART + "different-total-parts",
         'The "total_parts" value in the "Content-Range" header must be the same than the one you already set for this video.',
         'The "total_parts" you already set for this video is 4.'),
        (["2/4"], "part 2/4", PART + "part-already-sent",
         'The "part" value in the "Content-Range" header collides with a previous one you already sent for this video.',
         "The part number 2 has already been sent."),
        ([], "part 10001/*", PART + "part-too-high-allowed", HIGHER, "The maximum number of parts allowed for a video is 10000."),
        ([], "part 5/4", PART + "part-too-high-total", HIGHER, "The maximum number of parts allowed for a video is 4."),
        (["2/4"], "part 5/*", PART + "part-too-high-total", HIGHER, "The maximum number of parts allowed for a video is 4."),
        ([], "part 0/4", PART + "part-zero", 'The "part" value in the "Content-Range" header must be greater than 0.', None),
        ([], "part 1/10001", PART + "total-parts-too-high",
         'The "total_parts" value in the "Content-Range" header is higher than the maximum number of parts allowed for a video.',
         "The maximum number of parts allowed is 10000."),
        (["5/*"], "part 1/3", PART + "total-parts-too-low",
         'The "total_parts" value in the "Content-Range" header is lower than or equal to a part number you already sent for this video.',
         "The part number 5 has already been sent."),
        ([], "part 1/0", PART + "total-parts-zero", 'The "total_parts" value in the "Content-Range" header must be greater than 0.', None),
        ([], "part one/two", "video-content-range-malformed", MALFORMED, None),
        ([], "bytes 0-9/10", "video-content-range-malformed", MALFORMED, 'This emulator takes "part" ranges only.'),
        (["2/4"], "bytes 0-9/10", "video-content-range-started-with-part",
         'This "Content-Range" upload has been started with "part", you cannot continue it with "bytes".', None),
        (["2/4"], "", "video-content-range-already-initiated",
         'This video source has already been initiated with a "Content-Range" upload.', None),
    ],
)  # fmt: skip
def test_every_documented_range_error_has_its_place(
    small: Emulator, stored: Sequence[str], header: str, slug: str, title: str, detail: str | None
) -> None:
    """A wrong Content-Range is answered by the documented body, with X filled in, and nothing is stored."""
    video_id = new_video(small)
    for begun in stored:
        assert send(small, source(video_id), form(b"x" * KIB), f"part {begun}")[0] == 201
    before = small.stored_parts(video_id)
    status, _, body = send(small, source(video_id), form(b"y" * KIB), header)
    assert (status, body) == (400, documented(400, slug, title, **({"detail": detail} if detail else {})))
    assert small.stored_parts(video_id) == before


TWO_FILES = form(b"a" * KIB, after=form(b"b")[: -len(b"--edge--\r\n")])


@pytest.mark.parametrize(
    ("body", "header", "slug", "title", "detail"),
    [
        (form(b""), "part 1/2", "uploaded-file-empty", "The uploaded file is empty.", None),
        (form(b""), "", "uploaded-file-empty", "The uploaded file is empty.", None),
        (b"--edge--\r\n", "", "uploaded-file-no-file", "There is no uploaded file in the request.", None),
        (b"", "", "uploaded-file-no-file", "There is no uploaded file in the request.", None),
        (plain_field("file", "x") + b"--edge--\r\n", "", "uploaded-file-no-file", "There is no uploaded file in the request.", None),
        (TWO_FILES, "", "uploaded-file-multiple-files", "There are more than one uploaded file in the request.", None),
        (form(b"x" * (64 * KIB + 1)), "part 1/2", "uploaded-file-too-large", "The uploaded file is too large.", None),
        (form(b"x" * 2 * MIB), "", "uploaded-file-too-large", "The uploaded file is too large.", None),
        (form(b"x" * (KIB - 1)), "part 1/2", PART + "uploaded-file-too-small", "he uploaded file is too small.",
         "The uploaded file is too small. It must be greater than or equal to 1,024 bytes, except if it is the last part."),
    ],
)  # fmt: skip
def test_every_documented_file_error_has_its_place(
    small: Emulator, body: bytes, header: str, slug: str, title: str, detail: str | None
) -> None:
    """An empty, missing, doubled, too large or too small file is answered by the documented body, and nothing is stored."""
    video_id = new_video(small)
    status, _, answer = send(small, source(video_id), body, header)
    expected = documented(400, slug, title, **({"detail": detail} if detail else {}))
    assert (status, answer) == (400, {**expected, "name": "file"})
    assert small.stored_parts(video_id) == set()
    assert small.file(video_id) is None


def test_the_usual_smallest_part_is_5_mib(emulator: Emulator) -> None:
    """Without other settings a part one byte short of 5 MiB is refused in the documented words, unless it is the last."""
    video_id = new_video(emulator)
    body = form(b"x" * (5 * MIB - 1))
    refusal = send(emulator, source(video_id), body, "part 1/2")[2]
    assert refusal["detail"] == (
        "The uploaded file is too small. It must be greater than or equal to 5 MiB (5,242,880 bytes), except if it is the last part."
    )
    assert send(emulator, source(video_id), body, "part 2/2")[0] == 201


def test_a_whole_file_is_taken_once_whatever_its_field_is_called(small: Emulator) -> None:
    """Any multipart part with a file name is the file; the second upload meets `already uploaded`."""
    video_id = new_video(small)
    body = form(b"x" * 3 * KIB, field="movie.mp4", before=plain_field("note", "hello"))
    status, _, video = send(small, source(video_id), body)
    assert (status, video["videoId"]) == (201, video_id)
    assert small.sha256(video_id) == hashlib.sha256(b"x" * 3 * KIB).hexdigest()
    ingest = call(small, "GET", f"/videos/{video_id}/status")[2]["ingest"]
    assert ingest["receivedBytes"] == [{"from": 0, "to": 3 * KIB - 1, "total": 3 * KIB}]
    for header in ("", "part 1/2"):
        again = send(small, source(video_id), body, header)
        expected = documented(400, "video-source-already-uploaded", "This video source has already been uploaded.", name="file")
        assert (again[0], again[2]) == (400, expected)


def test_a_video_made_from_elsewhere_takes_no_upload(small: Emulator) -> None:
    """A creation with a source answers 202, and uploads into it meet `already downloaded` or `already copied`."""
    known = new_video(small)
    for where, slug in (("https://example.org/a.mp4", "video-source-already-downloaded"), (known, "video-source-already-copied")):
        status, _, video = call(small, "POST", "/videos", {"title": "x", "source": where})
        assert status == 202
        assert send(small, source(video["videoId"]), form(b"x"))[2]["type"] == DOCS + slug


def test_of_two_same_parts_the_first_that_is_whole_is_stored(small: Emulator) -> None:
    """Two requests for one part may run side by side; only the one that ends second meets `already sent`."""
    video_id = new_video(small)
    body = form(b"a" * KIB)
    with closing(raw_upload(small, video_id, len(body))) as slow:
        slow.sendall(body[:-10])
        assert small.wait_until(lambda: small.in_progress() == 1, LONG)
        assert send(small, source(video_id), form(b"b" * KIB), "part 1/2")[0] == 201
        slow.sendall(body[-10:])
        response = http.client.HTTPResponse(slow)
        response.begin()
        assert read(response)[2]["type"] == DOCS + PART + "part-already-sent"
    assert send(small, source(video_id), form(b"c"), "part 2/2")[0] == 201
    assert small.sha256(video_id) == hashlib.sha256(b"b" * KIB + b"c").hexdigest()


def test_a_body_cut_off_is_counted_but_never_stored(small: Emulator) -> None:
    """What arrived of an unfinished part shows in the records; the part does not exist and its bytes are gone."""
    video_id = new_video(small)
    body = form(b"a" * 8 * KIB)
    with closing(raw_upload(small, video_id, len(body))) as client:
        client.sendall(body[: 4 * KIB])
        assert small.wait_until(lambda: small.payload_bytes(video_id) > 3 * KIB, LONG)
        assert small.in_progress() == 1
    assert small.wait_until(lambda: small.requests[-1].path == source(video_id), LONG)
    record = small.requests[-1]
    assert (record.part, record.total_parts, record.status, record.content_range) == (1, 2, None, "part 1/2")
    assert 3 * KIB < record.body_bytes < 4 * KIB
    assert small.in_progress() == 0
    assert small.stored_parts(video_id) == set()


def test_chunked_bodies_and_waiting_clients_are_understood(small: Emulator) -> None:
    """A chunked upload is stored; a client that expects a `100 Continue` gets one before it has sent a byte."""
    video_id = new_video(small)
    body = form(b"x" * 2 * KIB)
    with connected(small) as connection:
        headers = {"Authorization": basic(small), "Content-Type": "multipart/form-data; boundary=edge", "Content-Range": "part 1/2"}
        connection.request("POST", source(video_id), iter((body[:100], body[100:])), headers, encode_chunked=True)
        assert read(connection.getresponse())[0] == 201
    with closing(raw_upload(small, video_id, len(body), "part 2/2", "Expect: 100-continue")) as client:
        assert client.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        client.sendall(body)
        assert client.recv(100).startswith(b"HTTP/1.1 201 ")


def test_an_early_refusal_comes_before_the_body_and_leaves_the_connection_usable(small: Emulator) -> None:
    """The refusal can be read while the body is still to come; after the body the same connection serves on."""
    video_id = new_video(small)
    body = form(b"x" * 32 * KIB)
    with closing(raw_upload(small, "viunknown", len(body))) as client:
        response = http.client.HTTPResponse(client)
        response.begin()
        assert read(response)[0] == 404
        client.sendall(body + f"GET /videos/{video_id} HTTP/1.1\r\nHost: x\r\nAuthorization: {basic(small)}\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")
    refused = next(record for record in small.requests if record.status == 404)
    assert refused.body_bytes == 32 * KIB
    assert len({record.connection for record in small.requests[-2:]}) == 1


def test_the_rate_limit_counts_each_kind_by_itself_and_says_so_in_every_answer(emulate: Start) -> None:
    """Uploads, writes and reads have budgets of their own, and their headers come with refusals too."""
    emulator = emulate(rate_limit={"uploads": 1, "writes": 2, "reads": 1}, min_part=KIB)
    seen = [call(emulator, "POST", "/videos", {"title": "x"}) for _ in range(3)]
    assert [(reply[0], reply[1]["X-RateLimit-Limit"], reply[1]["X-RateLimit-Remaining"]) for reply in seen] == [
        (201, "2", "1"), (201, "2", "0"), (429, "2", "0"),
    ]  # fmt: skip
    assert 1 <= int(seen[2][1]["X-RateLimit-Retry-After"]) <= 60
    assert seen[2][2] == {"type": DOCS + "too-many-requests", "title": "Too many requests.", "status": 429}
    video_id = seen[0][2]["videoId"]
    assert send(emulator, source(video_id), form(b"x" * KIB), "part 1/2")[0] == 201
    assert send(emulator, source(video_id), form(b"x" * KIB), "part 2/2")[0] == 429
    assert call(emulator, "GET", "/nowhere")[1]["X-RateLimit-Remaining"] == "0"
    assert "X-RateLimit-Limit" not in call(emulate(), "GET", "/videos")[1]


def test_a_new_window_brings_a_new_budget(emulate: Start) -> None:
    """After the window has passed, requests are taken again."""
    clock = Hands()
    emulator = emulate(rate_limit={"reads": 1, "window": 60}, clock=clock)
    seen = []
    for moment in (0.0, 0.0, 59.5, 60.0):
        clock.passed = moment
        status, headers, _ = call(emulator, "GET", "/videos")
        seen.append((status, headers["X-RateLimit-Retry-After"]))
    assert seen == [(200, "60"), (429, "60"), (429, "1"), (200, "60")]


def test_upload_tokens_are_made_listed_and_dropped(emulator: Emulator) -> None:
    """An upload token has the documented shape and is unknown once deleted."""
    status, _, token = call(emulator, "POST", "/upload-tokens", {"ttl": 60})
    assert (status, set(token), token["ttl"]) == (200, {"token", "ttl", "createdAt", "expiresAt"}, 60)
    assert call(emulator, "POST", "/upload-tokens")[2]["expiresAt"] is None
    assert call(emulator, "POST", "/upload-tokens", {"ttl": "x"})[0] == 400
    assert len(call(emulator, "GET", "/upload-tokens")[2]["data"]) == 2
    path = f"/upload-tokens/{token['token']}"
    assert [call(emulator, method, path)[0] for method in ("GET", "DELETE", "GET")] == [200, 204, 404]


def test_a_token_uploads_without_a_key_the_first_part_makes_the_video(small: Emulator) -> None:
    """The first part creates a video titled after the file; later parts name it, before or after the file."""
    token = call(small, "POST", "/upload-tokens", {})[2]["token"]
    path = f"/upload?token={token}"
    status, _, video = send(small, path, form(b"1" * KIB), "part 1/3", Authorization="")
    assert (status, video["title"]) == (201, "movie.mp4")
    named = plain_field("videoId", video["videoId"])
    assert send(small, path, form(b"2" * KIB, before=named), "part 2/3", Authorization="")[0] == 201
    assert send(small, path, form(b"3", after=named), "part 3/3", Authorization="")[0] == 201
    assert small.sha256(video["videoId"]) == hashlib.sha256(b"1" * KIB + b"2" * KIB + b"3").hexdigest()
    assert send(small, path, form(b"whole"), Authorization="")[2]["videoId"] != video["videoId"]
    invalid = send(small, "/upload?token=wrong", form(b"x"), Authorization="")
    assert invalid[2] == documented(401, "authentication-invalid-upload-token", "The upload token is invalid or expired.", name="token")
    missing = send(small, "/upload", form(b"x"), Authorization="")
    assert missing[2] == documented(401, "authentication-missing-upload-token", "The upload token is missing.", name="token")


def test_a_token_goes_into_any_video_of_the_project(small: Emulator) -> None:
    """A video made with the key, or begun with another token, takes parts from a token; an unknown id is still 404."""
    video_id = new_video(small)
    named = plain_field("videoId", video_id)
    for number in (1, 2):
        token = call(small, "POST", "/upload-tokens", {})[2]["token"]
        status, _, video = send(
            small, f"/upload?token={token}", form(bytes([number]) * KIB, before=named), f"part {number}/3", Authorization=""
        )
        assert (status, video["videoId"], video["title"]) == (201, video_id, "A film")
    assert send(small, source(video_id), form(b"z"), "part 3/3")[0] == 201
    assert small.sha256(video_id) == hashlib.sha256(b"\1" * KIB + b"\2" * KIB + b"z").hexdigest()
    lost = form(b"x" * KIB, before=plain_field("videoId", "viunknown"))
    assert send(small, f"/upload?token={token}", lost, "part 1/2", Authorization="")[0] == 404


@pytest.mark.parametrize(
    ("actions", "status", "holds"),
    [
        ("status=503", 503, b"503 Service Unavailable"),
        ("status=500", 500, {"type": DOCS + "server-error", "title": "Server error", "status": 500, "name": ""}),
        ("status=522", 522, b"<html>"),
        (f"error={PART}part-already-sent", 400, {"detail": "The part number 1 has already been sent."}),
        ("error=video-source-already-uploaded", 400, {"title": "This video source has already been uploaded."}),
        ("retry-after=2", 429, {"title": "Too many requests."}),
        ("status=502,body=empty", 502, None),
        ("status=200,body=array", 200, []),
        ("redirect=http://example.org/login,a", 302, b""),
        ("close", 503, b"503"),
    ],
)
def test_a_fault_answers_in_the_apis_place_and_stores_nothing(small: Emulator, actions: str, status: int, holds: object) -> None:
    """The scripted answer comes once and nothing is stored; the same request then succeeds."""
    small.add_fault(f"part=1:{actions}")
    video_id = new_video(small)
    with connected(small) as connection:
        headers = {"Authorization": basic(small), "Content-Type": "multipart/form-data; boundary=edge", "Content-Range": "part 1/2"}
        connection.request("POST", source(video_id), form(b"x" * KIB), headers)
        response = connection.getresponse()
        body = response.read()
    assert response.status == status
    if isinstance(holds, dict):
        assert holds.items() <= json.loads(body).items()
    elif isinstance(holds, bytes):
        assert holds in body
    else:
        assert body == (b"" if holds is None else json.dumps(holds).encode())
    if "retry-after" in actions:
        assert (response.headers["Retry-After"], response.headers["X-RateLimit-Retry-After"]) == ("2", "2")
    if "redirect" in actions:
        assert response.headers["Location"] == "http://example.org/login,a"
    assert small.stored_parts(video_id) == set()
    assert send(small, source(video_id), form(b"x" * KIB), "part 1/2")[0] == 201


@pytest.mark.parametrize(
    ("body", "complete"), [("html", True), ("empty", True), ("truncated", False), ("garbage", True), ("array", True), ("no-id", True)]
)
def test_a_spoiled_answer_belongs_to_a_stored_part(small: Emulator, body: str, complete: bool) -> None:
    """With body= alone the part is stored and answered 201, but the body is not what was promised."""
    small.add_fault(f"part=*:body={body}")
    video_id = new_video(small)
    with connected(small) as connection:
        headers = {"Authorization": basic(small), "Content-Type": "multipart/form-data; boundary=edge", "Content-Range": "part 1/2"}
        connection.request("POST", source(video_id), form(b"x" * KIB), headers)
        response = connection.getresponse()
        assert response.status == 201
        if complete:
            assert b'"videoId"' not in response.read()
        else:
            with pytest.raises(http.client.IncompleteRead):
                response.read()
    assert small.stored_parts(video_id) == {1}


@pytest.mark.parametrize(
    ("actions", "stored", "least", "most"),
    [("reset=before", set(), 0, 0), ("reset=middle", set(), 1, 63 * KIB), ("reset=after", set(), 64 * KIB, 64 * KIB),
     ("drop-answer", {1}, 64 * KIB, 64 * KIB)],
)  # fmt: skip
def test_a_connection_is_reset_where_the_script_says(small: Emulator, actions: str, stored: set[int], least: int, most: int) -> None:
    """Resets strike on the head, in the middle, after the body, or after storing; no answer comes."""
    small.add_fault(f"part=1:{actions}")
    video_id = new_video(small)
    with pytest.raises(ConnectionError):
        send(small, source(video_id), form(b"x" * 64 * KIB), "part 1/2")
    assert small.wait_until(lambda: small.requests[-1].part == 1, LONG)
    assert small.requests[-1].status is None
    assert least <= small.requests[-1].body_bytes <= most
    assert small.stored_parts(video_id) == stored


def test_an_early_answer_closes_the_connection_without_reading_on(small: Emulator) -> None:
    """`close` answers on the head alone and hangs up."""
    small.add_fault("part=1:close,status=413")
    video_id = new_video(small)
    with closing(raw_upload(small, video_id, 10 * MIB)) as client:
        response = http.client.HTTPResponse(client)
        response.begin()
        assert (response.status, response.headers["Connection"]) == (413, "close")
        response.read()
        assert client.recv(1) == b""


@pytest.mark.parametrize("actions", ["stall=600", "stall-answer=600", "slow=1K"])
def test_a_stalled_request_ends_with_the_emulator(tmp_path: Path, actions: str) -> None:
    """A scripted wait holds the request back, and is cut short when the emulator ends."""
    with Emulator(store=tmp_path, min_part=KIB, faults=[f"part=1:{actions}"]) as emulator:
        video_id = new_video(emulator)
        body = form(b"x" * 60 * KIB)
        client = raw_upload(emulator, video_id, len(body))
        client.sendall(body)
        assert emulator.wait_until(lambda: emulator.payload_bytes(video_id) > 0, LONG)
        if actions == "stall=600":
            assert emulator.wait_until(lambda: emulator.payload_bytes(video_id) > 29 * KIB, LONG)
            assert emulator.payload_bytes(video_id) < 31 * KIB
        assert emulator.requests[-1].path == "/videos"
    with closing(client):
        assert client.recv(1) == b""
    assert emulator.requests[-1].status is None


def test_faults_choose_their_requests_by_place_number_and_turn(small: Emulator) -> None:
    """`on`, `part`, `after` and `times` together say which requests a fault meets."""
    for text in ("on=create,after=1,times=2:status=502", "on=status,times=*:status=504", "on=login:error=authorization-suspended-account"):
        small.add_fault(text)
    video_id = new_video(small)
    assert [call(small, "POST", "/videos", {"title": "x"})[0] for _ in range(3)] == [502, 502, 201]
    assert [call(small, "GET", f"/videos/{video_id}/status")[0] for _ in range(3)] == [504] * 3
    assert call(small, "POST", "/auth/api-key", {"apiKey": small.api_key})[0] == 403
    small.clear_faults()
    assert call(small, "GET", f"/videos/{video_id}/status")[0] == 200
    small.add_fault("part=2:status=503")
    assert send(small, source(video_id), form(b"x" * KIB), "part 1/3")[0] == 201
    assert [send(small, source(video_id), form(b"x" * KIB), "part 2/3")[0] for _ in range(2)] == [503, 201]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense", "WHERE:ACTION"), ("part=3:", "WHERE:ACTION"), ("part=0:close", "over 0"), ("part=3:status=99", "200 to 599"),
        ("part=3:error=no-such", "documented"), ("part=3:explode", "'explode' is not known"), ("where=3:close", "'where=3' is not known"),
        ("part=3,on=login:close", "on=source"), ("part=3:close,close", "twice"), ("on=moon:close", "create, login"),
        ("part=3:status=500,error=invalid-payload", "only one"), ("part=3:stall=long", "duration"), ("part=3:slow=0", "over 0"),
        ("part=3:error=no-answer", "documented"), ("on=status:commit-after=1", "only with on=source"), ("part=3:lag=1", "only with on=status or"),
        ("on=any:encode=failed", "only with on=status"), ("lag=1:times=3", "not known"), ("part=3:early=413,close", "keeps the connection open"),
        ("part=3:early=413,status=500", "only one"), ("part=3:commit-after=1,early=500", "needs the body"),
        ("on=status:encode=stuck,encode-after=3", "never ends"), ("on=status:encode=slow", "failed, partly"), ("part=3:early=99", "200 to 599"),
        ("on=status:lag=nan", "duration"), ("on=status:lag=inf", "duration"), ("on=status:lag=-1", "duration"), ("on=status:lag=366d", "365 days"),
        (f"part=3:stall={'9' * 400}", "ten years"), (f"part=3:stall-answer={'9' * 400}", "ten years"), (f"part=3:retry-after={'9' * 400}", "ten years"),
        ("part=3:slow=1e400", "size"), (f"part=3:slow={'9' * 400}", "more bytes"), ("part=3:slow=9G", "1 GiB"), ("part=3:slow=nan", "size"),
        (f"part={'9' * 5000}:close", "at most"), ("part=*,times=99999999999:close", "at most"), ("part=²:close", "over 0"),
        ("part=*,after=٣:close", "whole number"), ("on=create:about=tags", "error= goes with it"), ("on=status:unfiltered", "only with on=list"),
        ("on=create:error=invalid-attribute,about=", "name an attribute"),
    ],
)  # fmt: skip
def test_a_bad_fault_is_refused_with_a_sentence(text: str, says: str) -> None:
    """What is wrong with a fault is named together with its text."""
    with pytest.raises(ValueError, match=says) as caught:
        parse_fault(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "many",
        "uploads=0",
        "uploads=1.5",
        "downloads=4",
        "uploads=4,window=0",
        "40,5",
        "nan",
        "inf",
        "1e300",
        "uploads=4,window=nan",
        "uploads=4,window=1e10",
    ],
)
def test_a_bad_rate_limit_is_refused(text: str) -> None:
    """Only numbers over 0 for the known kinds make a rate limit."""
    with pytest.raises(ValueError, match="uploads=40"):
        parse_rate_limit(text)


def test_a_rate_limit_is_one_number_or_four() -> None:
    """One number counts for uploads and writes, as in the sandbox; what is left out is the sandbox's."""
    one, four = parse_rate_limit("7"), parse_rate_limit("uploads=1,writes=2,reads=3,window=0.5")
    assert (one.uploads, one.writes, one.reads, one.window) == (7, 7, 100, 60)
    assert (four.uploads, four.writes, four.reads, four.window) == (1, 2, 3, 0.5)


def test_tls_is_spoken_when_asked(emulate: Start, tmp_path: Path) -> None:
    """With a context the same API answers over https, and a client that speaks plain text is hung up on."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, key)
    emulator = emulate(tls=serving)
    assert emulator.url.startswith("https://127.0.0.1:")
    trusting = ssl.create_default_context(cafile=str(certificate))
    host = emulator.url.removeprefix("https://")
    with closing(http.client.HTTPSConnection(host, timeout=LONG, context=trusting)) as connection:
        connection.request("GET", "/videos", headers={"Authorization": basic(emulator)})
        assert connection.getresponse().status == 200
    with closing(http.client.HTTPConnection(host, timeout=LONG)) as connection, pytest.raises((OSError, http.client.HTTPException)):
        connection.request("GET", "/videos")
        connection.getresponse()


def test_connections_are_counted(small: Emulator) -> None:
    """The emulator knows how many connections were opened, and how many at a time."""
    with connected(small) as first, connected(small) as second:
        for connection in (first, second):
            connection.request("GET", "/videos", headers={"Authorization": basic(small)})
            connection.getresponse().read()
    assert (small.connections, small.peak_connections) == (2, 2)
    assert [record.connection for record in small.requests] == [1, 2]


def test_a_temporary_store_is_gone_afterwards() -> None:
    """Without a store the files live as long as the emulator."""
    with Emulator(min_part=KIB) as emulator:
        video_id = new_video(emulator)
        send(emulator, source(video_id), form(b"x"))
        path = emulator.file(video_id)
        assert path is not None
        assert path.read_bytes() == b"x"
    assert not path.parent.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_says_where_it_is_and_ends_politely(tmp_path: Path, number: signal.Signals) -> None:
    """The first line on stdout is one JSON object; a signal ends it with 0 and leaves only finished videos in the store."""
    line = [sys.executable, "-c", "from vidup.commands.emulator import emulator; emulator()", "--store", str(tmp_path / "store")]
    with subprocess.Popen([*line, "--rate-limit", "9"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        assert set(said) == {"url", "api_key"}
        with closing(http.client.HTTPConnection(said["url"].removeprefix("http://"), timeout=LONG)) as connection:
            connection.request("POST", "/auth/api-key", json.dumps({"apiKey": said["api_key"]}))
            response = connection.getresponse()
            assert (response.status, response.headers["X-RateLimit-Limit"]) == (200, "9")
        process.send_signal(number)
        out, err = process.communicate(timeout=LONG)
    assert (process.returncode, out) == (0, "")
    assert said["url"] in err
    assert list((tmp_path / "store").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--host", "0.0.0.0"], "--allow-remote"),
        (["--fault", "part=3:explode"], "'explode' is not known here"),
        (["--rate-limit", "many"], "is not a rate limit"),
    ],
)
def test_the_command_refuses_what_cannot_be_meant(words: list[str], says: str) -> None:
    """An open door, a bad fault and a bad limit exit 2 and name the trouble."""
    result = CliRunner().invoke(command, words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


def test_a_taken_port_is_told_with_exit_2(emulator: Emulator, vidup: Cli) -> None:
    """A port somebody else listens on is said, and what to do."""
    done = vidup("emulator", "--port", emulator.url.rpartition(":")[2])
    assert (done.returncode, done.stdout) == (2, "")
    assert "Address already in use" in done.stderr and "--port" in done.stderr.splitlines()[-1]
