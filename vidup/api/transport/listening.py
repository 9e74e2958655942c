"""EDGE: a connection that listens while it sends, and knows how much the kernel has taken."""

from __future__ import annotations

import contextlib
import errno
import io
import math
import socket
import ssl
import threading
import time
from collections.abc import Callable
from http.client import HTTPResponse
from typing import Any, Final

from vidup.api.transport.ahead import LIMIT, Heard, Rejoined
from vidup.api.transport.dialing import Dialing, seconds
from vidup.api.transport.kernel import READ, WRITE, StallWatch, ready

RECORD: Final = 16 * 1024
"""Bytes in a TLS record, and the least that is sent at once."""

_MOST: Final = 1024 * 1024
_FIRST: Final = 4 * RECORD
_SHORT, _LONG = 0.05, 0.2
"""Seconds: TLS says how much the kernel took only when it took all of a piece, so that pieces shrink until each is soon gone."""

_OFTEN: Final = 0.1
"""Seconds after which one looks for an answer although the kernel takes whatever it is given."""

_WOULD_WAIT: Final = (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError)


_awaiting: dict[int, socket.socket] = {}
"""The socket on which each thread waits for an answer. Each writes its own entry alone."""


def hang_up(thread: int) -> None:
    """Shut the connection on which this thread waits for an answer; nothing, where it does not."""
    sock = _awaiting.get(thread)
    if isinstance(sock, socket.socket):
        with contextlib.suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not that of TLS, which would change what the other thread holds


def _nobody(_taken: int) -> None:
    """Told of the bytes of a body that does not care."""


class Listening(Dialing):
    """A connection of which the body goes out without blocking, so that an answer is read when it comes.

    A box that refuses a request by its head (413, 401, 403, 429), and then neither reads on nor hangs up, is heard at once: BrokenPipeError
    makes urllib3 read the answer. The timeout counts while the kernel gets rid of nothing, during the body and after it.
    """

    _stall = math.inf
    _moved: Callable[[int], None] = staticmethod(_nobody)
    _in_body = False
    _sent = True
    _piece = _FIRST
    _looked = 0.0
    _layered = False
    """Whether this is TLS within TLS, through an https:// proxy: urllib3 does it in Python, and loses bytes where it would wait."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._heard = Heard()

    def request(self, method: str, url: str, body: Any = None, *args: Any, **options: Any) -> None:
        self._stall = seconds(self.timeout)  # that of a send; an answer has its own
        self._moved = getattr(body, "moved", _nobody)
        self._heard, self._sent = Heard(), False
        try:
            super().request(method, url, body, *args, **options)
            self._sent = True
        finally:
            self._in_body = False

    def endheaders(self, *args: Any, **options: Any) -> None:
        super().endheaders(*args, **options)
        self._in_body, self._looked = True, 0.0
        self._layered = not isinstance(self.sock, socket.socket)
        if not self._layered:
            self.sock.settimeout(0)

    def send(self, data: Any) -> None:
        if not self._in_body:
            super().send(data)
            return
        left, began = memoryview(data), time.monotonic()
        if began - self._looked > _OFTEN:
            self._looked = began
            if not self._heard.answer and ready(self.sock, READ, 0):
                self._listen()
        while left:
            piece = left[: RECORD if self._layered else self._piece]
            while not (taken := self._take(piece)):
                self._wait()
            left = left[taken:]
            self._moved(taken)
            now = time.monotonic()
            if now - began < _SHORT:
                self._piece = min(_MOST, self._piece * 2)
            elif now - began > _LONG:
                self._piece = max(RECORD, self._piece // 2)
            began = now

    def _take(self, piece: memoryview) -> int:
        """How many of these bytes the kernel takes now: none, where it must first get rid of others."""
        if self._layered and not ready(self.sock, WRITE, 0):
            return 0
        try:
            return int(self.sock.send(piece))
        except _WOULD_WAIT:
            return 0

    def _wait(self) -> None:
        """Until the kernel takes more, or the peer says something. Raises TimeoutError when neither happens."""
        watch = StallWatch(self.sock, self._stall, self._moved)
        while not (come := ready(self.sock, WRITE if self._heard.answer else READ | WRITE, watch.pause)):
            try:
                watch.look()
            except TimeoutError as stalled:
                if self._heard.answer:
                    raise _unwanted() from stalled
                raise
        if come & ~WRITE:
            self._listen()

    def _listen(self) -> None:
        self._hear()
        if self._heard.refusal:
            raise _unwanted()

    def _hear(self) -> None:
        """Read what has come, and no more: over TLS it may be a session ticket, which is nothing."""
        timeout = self.sock.gettimeout()
        if timeout != 0:
            self.sock.settimeout(0)
        try:
            while not self._heard.answer:
                self._heard.add(self.sock.recv(LIMIT))
        except _WOULD_WAIT:
            pass
        finally:
            if timeout != 0:
                self.sock.settimeout(timeout)

    def getresponse(self) -> Any:
        """As urllib3's, but the time of the answer begins when the body has left the kernel, and is not prolonged by interim answers.

        A line may die with the end of a body in the kernel's buffer, which takes megabytes: that is no wait for an answer. Raises
        TimeoutError when the kernel gets rid of nothing for as long as a send may stall, or when the answer does not come in time.
        """
        if self.sock is not None:
            _awaiting[threading.get_ident()] = self.sock
            try:
                self._drain()
                self._await_answer()
            finally:
                _awaiting.pop(threading.get_ident(), None)
        response = super().getresponse()
        if not self._sent and self.sock is not None:  # the next request would be taken for the rest of this body
            sock, self.sock = self.sock, None
            sock.close()  # once the response is read
        return response

    def _drain(self) -> None:
        watch = StallWatch(self.sock, self._stall, self._moved)
        held = watch.least
        while held and not self._heard.answer:
            if ready(self.sock, READ, watch.pause):
                self._hear()
            held = 0 if self._heard.answer else watch.look()  # which may have come amid a suspension, and then outweighs it

    def _await_answer(self) -> None:
        deadline = time.monotonic() + seconds(self.timeout)
        while not self._heard.answer:
            if not ready(self.sock, READ, deadline - time.monotonic()):
                raise TimeoutError(errno.ETIMEDOUT, "timed out")
            self._hear()

    def response_class(self, sock: Any, *args: Any, **options: Any) -> HTTPResponse:  # type: ignore[override]
        """What http.client calls to make a response: one that begins with what was heard."""
        response = HTTPResponse(sock, *args, **options)
        if self._heard.bytes:
            response.fp = io.BufferedReader(Rejoined(self._heard.bytes, response.fp))
        self._heard = Heard()
        return response


def _unwanted() -> BrokenPipeError:
    return BrokenPipeError(errno.EPIPE, "answered while the body was being sent")
