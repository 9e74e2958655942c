"""How the tests of the emulator speak to it: plain HTTP, one request a connection, no code of the client."""

from __future__ import annotations

import base64
import http.client
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.conftest import LONG
from vidup.emulator.clock import Clock
from vidup.emulator.server import Emulator

KIB = 1024
MIB = 1024 * KIB
DOCS = "https://docs.api.video/reference/"
PART = "video-content-range-by-part-"
Reply = tuple[int, http.client.HTTPMessage, Any]
Start = Callable[..., Emulator]


class Hands(Clock):
    """A clock that stands still until a test turns it: `passed` seconds after the first moment of 2026."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> float:
        return self.passed

    def date(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.passed)


def basic(emulator: Emulator) -> str:
    return "Basic " + base64.b64encode(f"{emulator.api_key}:".encode()).decode()


@contextmanager
def connected(emulator: Emulator) -> Iterator[http.client.HTTPConnection]:
    with closing(http.client.HTTPConnection(emulator.url.removeprefix("http://"), timeout=LONG)) as connection:
        yield connection


def read(response: http.client.HTTPResponse) -> Reply:
    body = response.read()
    return response.status, response.headers, json.loads(body) if response.headers.get_content_type() == "application/json" else body


def call(emulator: Emulator, method: str, path: str, body: object = None, **headers: str) -> Reply:
    """One request on a connection of its own, with the key unless a header says otherwise."""
    raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    sent = {name.replace("_", "-"): value for name, value in {"Authorization": basic(emulator), **headers}.items() if value}
    with connected(emulator) as connection:
        connection.request(method, path, raw, sent)
        return read(connection.getresponse())


def form(data: bytes, *, field: str = "file", before: bytes = b"", after: bytes = b"") -> bytes:
    """A multipart body with this file in it."""
    head = f'--edge\r\nContent-Disposition: form-data; name="{field}"; filename="movie.mp4"\r\nContent-Type: video/mp4\r\n\r\n'
    return before + head.encode() + data + b"\r\n" + after + b"--edge--\r\n"


def plain_field(name: str, value: str) -> bytes:
    return f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def send(emulator: Emulator, path: str, body: bytes, content_range: str = "", **headers: str) -> Reply:
    """One upload request."""
    return call(emulator, "POST", path, body, Content_Type="multipart/form-data; boundary=edge", Content_Range=content_range, **headers)


def new_video(emulator: Emulator, **attributes: object) -> str:
    return str(call(emulator, "POST", "/videos", {"title": "A film", **attributes})[2]["videoId"])


def source(video_id: str) -> str:
    return f"/videos/{video_id}/source"


def documented(status: int, slug: str, title: str, **more: object) -> dict[str, object]:
    """An error body as the reference prints it."""
    return {"type": DOCS + slug, "title": title, "status": status, "name": "", **more}


def raw_upload(emulator: Emulator, video_id: str, length: int, content_range: str = "part 1/2", extra: str = "") -> socket.socket:
    """A socket on which the head of an upload of `length` body bytes has been sent."""
    host, port = emulator.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=LONG)
    lines = (
        f"POST {source(video_id)} HTTP/1.1", "Host: local", f"Authorization: {basic(emulator)}", f"Content-Range: {content_range}",
        "Content-Type: multipart/form-data; boundary=edge", f"Content-Length: {length}",
    )  # fmt: skip
    connection.sendall("\r\n".join((*lines, extra, "") if extra else (*lines, "")).encode() + b"\r\n")
    return connection
