"""EMULATOR: one HTTP/1.1 connection: heads in, bodies in blocks, answers out, and the ways a connection can end badly."""

from __future__ import annotations

import contextlib
import io
import select
import socket
import ssl
import struct
from dataclasses import dataclass
from email.message import Message
from email.utils import formatdate
from http.client import HTTPException, parse_headers
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from vidup.emulator.answers import Answer, reason

BLOCK: Final = 256 * 1024
"""Bytes read from a connection at a time."""

_LONGEST_HEAD: Final = 64 * 1024
_LONGEST_CHUNK_LINE: Final = 4096
_BODILESS: Final = (204, 304)
"""Statuses after which a client reads no body: a byte of one would be taken for the next answer."""

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Gone(Exception):
    """The client has left, or broke the protocol beyond repair; nothing can be answered."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of one request. `length` is None for a chunked body."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Message
    length: int | None
    keep_alive: bool


def _parse_head(raw: bytes) -> Head:
    line, _, rest = raw.partition(b"\r\n")
    try:
        method, target, version = line.decode("ascii").split(" ")
        headers = parse_headers(io.BytesIO(rest))
        length = int(headers.get("Content-Length", "0"))
        url = urlsplit(target)
    except (ValueError, HTTPException) as error:
        raise Gone(f"not an HTTP request: {error}") from None
    if length < 0 or not version.startswith("HTTP/1."):
        raise Gone("not an HTTP/1.1 request")
    chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
    stays = version != "HTTP/1.0" and headers.get("Connection", "").lower() != "close"
    return Head(method, unquote(url.path), parse_qs(url.query, keep_blank_values=True), headers, None if chunked else length, stays)


class Wire:
    """A connection that was accepted. Every method that reads or writes raises Gone when the other side has left."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray()
        self._left = 0
        self._chunked = False
        self._expects = False
        self.stays = True

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Speaks TLS from here on, as the server."""
        try:
            encrypted = context.wrap_socket(self._sock, server_side=True, do_handshake_on_connect=False)
            self._sock = encrypted
            encrypted.do_handshake()
        except OSError as error:
            raise Gone(str(error)) from None

    def read_head(self) -> Head | None:
        """The next request's head; None when the client closed instead of sending one."""
        while b"\r\n\r\n" not in self._buffer:
            if len(self._buffer) > _LONGEST_HEAD:
                raise Gone("the head is too long")
            block = self._receive(BLOCK)
            if not block:
                return None
            self._buffer += block
        end = self._buffer.index(b"\r\n\r\n") + 4
        raw = bytes(self._buffer[:end])
        del self._buffer[:end]
        head = _parse_head(raw.lstrip(b"\r\n"))
        self._chunked = head.length is None
        self._left = head.length or 0
        self._expects = head.length != 0 and head.headers.get("Expect", "").lower() == "100-continue"
        self.stays = head.keep_alive
        return head

    @property
    def waits_for_word(self) -> bool:
        """Whether the client sends its body only after a `100 Continue` that it has not been sent."""
        return self._expects

    def read_block(self, limit: int = BLOCK) -> bytes:
        """The next bytes of the body, at most `limit`; empty at its end."""
        if self._expects:
            self._expects = False
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._chunked and self._left == 0:
            self._next_chunk()
        if self._left == 0:
            return b""
        block = self._take(min(limit, self._left))
        self._left -= len(block)
        if self._chunked and self._left == 0:
            self._read_line()
        return block

    def _next_chunk(self) -> None:
        try:
            self._left = int(self._read_line().partition(b";")[0], 16)
        except ValueError:
            raise Gone("not a chunked body") from None
        if self._left == 0:
            while self._read_line():
                pass
            self._chunked = False

    def _read_line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            if len(self._buffer) > _LONGEST_CHUNK_LINE:
                raise Gone("not a chunked body")
            self._buffer += self._receive(BLOCK) or self._cut_short()
        line, _, rest = self._buffer.partition(b"\r\n")
        self._buffer = rest
        return bytes(line)

    def _take(self, limit: int) -> bytes:
        if self._buffer:
            block = bytes(self._buffer[:limit])
            del self._buffer[:limit]
            return block
        return self._receive(limit) or self._cut_short()

    def _cut_short(self) -> bytes:
        raise Gone("the connection ended within a body")

    def _receive(self, limit: int) -> bytes:
        try:
            return self._sock.recv(limit)
        except OSError as error:
            raise Gone(str(error)) from None

    def _send(self, data: bytes) -> None:
        try:
            self._sock.sendall(data)
        except OSError as error:
            raise Gone(str(error)) from None

    def answer(self, answer: Answer, *, with_body: bool = True) -> None:
        """Sends head and body in one write; a cut answer promises its whole body, sends half of it, and the connection ends.

        After a 204 or 304 there is no body, whatever the answer holds.
        """
        lines = [f"HTTP/1.1 {answer.status} {reason(answer.status)}", "Server: vidup-emulator", f"Date: {formatdate(usegmt=True)}"]
        bodiless = answer.status in _BODILESS
        if not bodiless:
            lines += [f"Content-Type: {answer.content_type}", f"Content-Length: {len(answer.body)}"]
        lines += [f"{name}: {value}" for name, value in answer.headers]
        if answer.cut:
            self.stays = False
        if not self.stays:
            lines.append("Connection: close")
        body = answer.body[: len(answer.body) // 2] if answer.cut else answer.body
        self._send("\r\n".join((*lines, "", "")).encode("latin-1", "replace") + (body if with_body and not bodiless else b""))

    def wait_for_hang_up(self, seconds: float) -> None:
        """Returns when the client closes or resets the connection, at most so many seconds later; nothing is read."""
        poll = select.poll()
        poll.register(self._sock, getattr(select, "POLLRDHUP", 0))  # where it is not known, only a reset is noticed
        poll.poll(seconds * 1000)

    def narrow(self, size: int) -> None:
        """Lets the kernel take in at most about `size` bytes ahead of us, so that slow reading is felt by the sender."""
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)

    def reset(self) -> None:
        """Ends the connection with a TCP reset."""
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._sock.close()

    def hang_up(self) -> None:
        """Wakes whoever waits in this connection, from another thread."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends the connection in order."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
        self._sock.close()
