"""Answers at the wrong time or of the wrong shape: before the body with nobody reading on, and without any body."""

from __future__ import annotations

import http.client
import socket
import threading
from contextlib import closing

import pytest

from tests.conftest import LONG
from tests.emulator.calling import KIB, MIB, basic, call, connected, form, new_video, raw_upload, read, send, source
from vidup.emulator.server import Emulator
from vidup.emulator.wire import Wire


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_an_early_answer_comes_on_the_head_and_then_nobody_reads(small: Emulator) -> None:
    """The answer promises a living connection, not a byte of the body is read, and the connection ends with the client."""
    small.add_fault("part=1:early=413")
    video_id = new_video(small)
    with closing(raw_upload(small, video_id, 10 * MIB)) as client:
        response = http.client.HTTPResponse(client)
        response.begin()
        assert (response.status, response.headers["Connection"]) == (413, None)
        assert b"413" in response.read()
        client.sendall(b"x" * KIB)
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.recv(1)
        record = small.requests[-1]
        assert (record.part, record.status, record.body_bytes) == (1, 413, 0)
        serving = f"emulator-{record.connection}"
        assert serving in threads()
    assert small.wait_until(lambda: serving not in threads(), LONG)
    assert send(small, source(video_id), form(b"x" * KIB), "part 1/2")[0] == 201


@pytest.mark.parametrize(
    ("text", "slug"), [("early=401", "authentication-invalid-access-token"), ("early=429,retry-after=7", "too-many-requests")]
)
def test_an_early_answer_has_the_usual_body(small: Emulator, text: str, slug: str) -> None:
    """What `status=` would answer with, here before the body."""
    small.add_fault(f"on=source:{text}")
    with closing(raw_upload(small, new_video(small), 10 * MIB)) as client:
        response = http.client.HTTPResponse(client)
        response.begin()
        status, headers, body = read(response)
    assert (status, body["type"].rpartition("/")[2]) == (int(text[6:9]), slug)
    assert headers["Retry-After"] == ("7" if "retry" in text else None)


def test_the_wait_for_the_client_reads_nothing_and_is_bounded() -> None:
    """It ends with the client though its bytes lie unread, and at once when its time is over."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire = Wire(ours)
        wire.wait_for_hang_up(0)
        theirs.sendall(b"body")
        theirs.close()
        wire.wait_for_hang_up(60)
        assert ours.recv(10) == b"body"


def test_where_there_is_no_body_an_early_answer_is_a_plain_one(small: Emulator) -> None:
    """A GET is read as soon as its head is; the connection serves on."""
    small.add_fault("on=list:early=503")
    with connected(small) as connection:
        seen = []
        for _ in range(2):
            connection.request("GET", "/videos", headers={"Authorization": basic(small)})
            seen.append(read(connection.getresponse())[0])
    assert (seen, small.connections) == ([503, 200], 1)


@pytest.mark.parametrize("actions", ["status=204", "status=304", "status=204,body=html", "status=204,body=huge"])
def test_nothing_follows_a_status_that_has_no_body(small: Emulator, actions: str) -> None:
    """On the wire the next answer begins right behind the empty line, also when a body was scripted."""
    small.add_fault(f"on=get:{actions}")
    video_id = new_video(small)
    ask = f"GET /videos/{video_id} HTTP/1.1\r\nHost: x\r\nAuthorization: {basic(small)}\r\n"
    host, port = small.url.removeprefix("http://").split(":")
    with closing(socket.create_connection((host, int(port)), timeout=LONG)) as client:
        client.sendall(f"{ask}\r\n{ask}Connection: close\r\n\r\n".encode())
        raw = b"".join(iter(lambda: client.recv(65536), b""))
    first, _, second = raw.partition(b"\r\n\r\n")
    assert first.startswith(f"HTTP/1.1 {actions[7:10]} ".encode())
    assert b"content-" not in first.lower()
    assert second.startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_204_is_not_a_stored_part(small: Emulator) -> None:
    """As any `status=`, it answers in the API's place."""
    small.add_fault("part=1:status=204")
    video_id = new_video(small)
    status, _, body = send(small, source(video_id), form(b"x" * KIB), "part 1/2")
    assert (status, body, small.stored_parts(video_id)) == (204, b"", set())
    assert call(small, "GET", f"/videos/{video_id}/status")[0] == 200
