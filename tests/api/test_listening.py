"""While a body is being sent: answers that come early, what the kernel takes, and lines on which nothing moves."""

from __future__ import annotations

import errno
import fcntl
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.conftest import serving
from tests.conftest import LONG, MIB
from vidup.api.transport import kernel, listening
from vidup.api.transport.ahead import LIMIT, Heard
from vidup.api.transport.kernel import StallWatch, unacknowledged
from vidup.api.transport.transport import Transport

GOOD = b'HTTP/1.1 201 Created\r\nContent-Length: 7\r\n\r\n{"a":1}'
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"


class Line(Protocol):
    """What a server in these tests has of its side of a connection."""

    def recv(self, size: int, /) -> bytes: ...

    def sendall(self, data: bytes, /) -> None: ...


class Zeros:
    """A body of so many MiB, in blocks of 512 KiB, that notes what the kernel takes."""

    def __init__(self, mib: int) -> None:
        self._blocks = mib * 2
        self.all_out = False
        self.moves: list[int] = []

    def __len__(self) -> int:
        return self._blocks * MIB // 2

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(self._blocks):
            yield bytes(MIB // 2)
        self.all_out = True

    def moved(self, taken: int) -> None:
        self.moves.append(taken)


class TlsWithin:
    """The server's side of TLS within TLS, as an https:// proxy passes it on."""

    def __init__(self, outer: ssl.SSLSocket, context: ssl.SSLContext) -> None:
        self._outer, self._in, self._out = outer, ssl.MemoryBIO(), ssl.MemoryBIO()
        self._inner = context.wrap_bio(self._in, self._out, server_side=True)
        self._turn(self._inner.do_handshake)

    def _turn(self, act: Callable[[], Any]) -> Any:
        while True:
            try:
                done = act()
            except ssl.SSLWantReadError:
                self._flush()
                self._in.write(self._outer.recv(65536))
                continue
            self._flush()
            return done

    def _flush(self) -> None:
        if self._out.pending:
            self._outer.sendall(self._out.read())

    def recv(self, size: int, /) -> bytes:
        got: bytes = self._turn(lambda: self._inner.read(size))
        return got

    def sendall(self, data: bytes, /) -> None:
        self._turn(lambda: self._inner.write(data))


def head_of(line: Line) -> bytes:
    """Read to the blank line after a head; what came of the body with it is gone."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = line.recv(4096)
        if not data:
            raise ConnectionAbortedError
        head += data
    return head


def read_all(line: Line, size: int) -> int:
    """Read on to the end of a body of which the head may have taken some, and return how many bytes that were."""
    got = 0
    while got < size and (data := line.recv(min(65536, size - got))):
        got += len(data)
    return got


class Road:
    """A way to a server: plain or over TLS, straight or through a proxy."""

    def __init__(self, kind: str, tls: ssl.SSLContext, bundle: Path, environ: pytest.MonkeyPatch) -> None:
        self.kind, self._tls, self._environ = kind, tls, environ
        environ.setenv("REQUESTS_CA_BUNDLE", str(bundle))

    @contextmanager
    def opened(self, connection: socket.socket) -> Iterator[Line]:
        """The server's side, proxies passed."""
        with ExitStack() as layers:
            outer = connection
            if self.kind == "https-proxy":
                outer = layers.enter_context(self._tls.wrap_socket(connection, server_side=True))
            if "proxy" in self.kind:
                head_of(outer)
                outer.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            if isinstance(outer, ssl.SSLSocket):
                yield TlsWithin(outer, self._tls)
            elif self.kind in ("plain", "forwarded"):
                yield outer
            else:
                yield layers.enter_context(self._tls.wrap_socket(connection, server_side=True))

    def transport(self, url: str, timeout: float) -> Transport:
        port = url.rpartition(":")[2]
        if self.kind in ("plain", "tls"):
            return Transport(f"{'http' if self.kind == 'plain' else 'https'}://127.0.0.1:{port}", timeout=timeout, client="vidup:0")
        proxy = f"{'https' if self.kind == 'https-proxy' else 'http'}://127.0.0.1:{port}"
        self._environ.setenv("HTTP_PROXY", proxy)
        self._environ.setenv("HTTPS_PROXY", proxy)
        return Transport(f"{'http' if self.kind == 'forwarded' else 'https'}://localhost", timeout=timeout, client="vidup:0")


@pytest.fixture(params=["plain", "tls", "forwarded", "http-proxy", "https-proxy"])
def road(request: pytest.FixtureRequest, tls: ssl.SSLContext, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Road:
    return Road(request.param, tls, bundle, monkeypatch)


@pytest.mark.parametrize("status", [401, 403, 413, 429])
def test_a_refusal_is_read_though_the_box_neither_reads_on_nor_hangs_up(road: Road, status: int) -> None:
    """A part size that would work, a password, a proxy's rule: none of them is a line that took no data."""
    over, body = threading.Event(), Zeros(64)

    def refuse(connection: socket.socket) -> None:
        with road.opened(connection) as line:
            head_of(line)
            line.sendall(HINTS + b"HTTP/1.1 %d No\r\nContent-Length: 9\r\n\r\nsquid: no" % status)
            over.wait(LONG)

    with serving(refuse) as url:
        reply = road.transport(url, timeout=LONG).request("POST", "/x", body=body)
        over.set()
    assert (reply.status, reply.text, body.all_out) == (status, "squid: no", False)


def test_a_whole_body_arrives_after_interim_answers(road: Road) -> None:
    """100 and 103 are no answer, neither during the body nor behind it."""
    body, got = Zeros(3), []

    def serve(connection: socket.socket) -> None:
        with road.opened(connection) as line:
            head = head_of(line)
            line.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" + HINTS)
            early = len(head.partition(b"\r\n\r\n")[2])
            got.append(early + read_all(line, len(body) - early))
            line.sendall(HINTS)
            line.sendall(HINTS + GOOD)

    with serving(serve) as url:
        reply = road.transport(url, timeout=LONG).request("POST", "/x", body=body)
    assert (reply.status, reply.body, reply.promised) == (201, {"a": 1}, True)
    assert (got, body.all_out) == ([len(body)], True)
    assert sum(body.moves) == len(body)


def test_a_good_answer_that_comes_early_cuts_no_body(road: Road) -> None:
    """Who says 201 before it has read the last line still wants it."""
    body, got, over = Zeros(16), [], threading.Event()

    def serve(connection: socket.socket) -> None:
        with road.opened(connection) as line:
            early = len(head_of(line).partition(b"\r\n\r\n")[2])
            line.sendall(GOOD)
            got.append(early + read_all(line, len(body) - early))
            over.set()

    with serving(serve) as url:
        reply = road.transport(url, timeout=LONG).request("POST", "/x", body=body)
        assert (reply.status, body.all_out) == (201, True)
        assert over.wait(LONG)
    assert got == [len(body)]


def test_a_good_answer_is_read_when_nobody_takes_the_rest() -> None:
    """It is better than none."""
    said, over = threading.Event(), threading.Event()

    class Later(Zeros):
        """A body that goes on only once it has its answer."""

        def __iter__(self) -> Iterator[bytes]:
            for number, block in enumerate(super().__iter__()):
                assert not number or said.wait(LONG)
                yield block

    body = Later(64)

    def serve(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(GOOD)
        said.set()
        over.wait(LONG)

    with serving(serve) as url:
        reply = Transport(url, timeout=0.5, client="vidup:0").request("POST", "/x", body=body)
        over.set()
    assert (reply.status, body.all_out) == (201, False)


def test_the_end_of_the_line_ends_the_body() -> None:
    """A server that says that it will say nothing is not sent the rest."""
    over, body = threading.Event(), Zeros(64)

    def serve(connection: socket.socket) -> None:
        head_of(connection)
        connection.shutdown(socket.SHUT_WR)
        over.wait(LONG)

    with serving(serve) as url:
        reply = Transport(url, timeout=LONG, client="vidup:0").request("POST", "/x", body=body)
        over.set()
    assert (reply.failure, "without an answer" in reply.text) == ("no-answer", True)


def test_a_connection_with_half_a_body_in_it_serves_no_other_request(road: Road) -> None:
    """The server would take the next head for the body's next bytes."""
    over, heads = threading.Event(), []

    def serve(connection: socket.socket) -> None:
        with road.opened(connection) as line:
            heads.append(head_of(line))
            line.sendall(b"HTTP/1.1 429 No\r\nContent-Length: 2\r\n\r\n{}" if len(heads) == 1 else GOOD)
            over.wait(LONG)

    with serving(serve) as url:
        line = road.transport(url, timeout=LONG)
        assert line.request("POST", "/x", body=Zeros(64)).status == 429
        assert line.request("GET", "/x").status == 201
        over.set()
    assert len(heads) == 2


def test_interim_answers_do_not_prolong_the_wait_for_the_answer() -> None:
    """However many come."""
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        head_of(connection)
        while not over.wait(0.02):
            connection.sendall(HINTS)

    with serving(serve) as url:
        reply = Transport(url, timeout=0.3, client="vidup:0").request("GET", "/x")
        over.set()
    assert (reply.failure, "in time" in reply.text) == ("no-answer", True)


@given(
    interim=st.lists(st.sampled_from([HINTS, b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.0 102 P\n\n"])), cuts=st.lists(st.integers(0, 200))
)
@settings(deadline=None)
def test_where_the_bytes_of_an_answer_are_cut_makes_no_difference(interim: list[bytes], cuts: list[int]) -> None:
    """It is one only when it has begun, and is whole then."""
    raw, heard = b"".join(interim) + GOOD, Heard()
    whole = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    for start, end in pairwise(whole):
        heard.add(raw[start:end])
        assert heard.answer == (end >= len(raw) - len(GOOD) + 10)
        assert not heard.refusal
    assert heard.bytes == GOOD


@pytest.mark.parametrize(
    ("said", "answer", "refusal"),
    [
        (b"", True, True), (b"HTTP/1.1 4", True, True), (b"HTTP/1.1 2", True, False), (b"HTTP/1.1 1", False, False),
        (b"SSH-2.0-OpenSSH", True, True), (b"HTTP/1.1 103 X\r\n" + b"a" * LIMIT, True, True), (b"HTTP/1.1 ", False, False),
    ],
)  # fmt: skip
def test_what_a_server_says_is_no_answer_until_its_status_is_there(said: bytes, answer: bool, refusal: bool) -> None:
    """Garbage is one: http.client says what is wrong with it."""
    heard = Heard()
    heard.add(said)
    assert (heard.answer, heard.refusal) == (answer, refusal)


def test_what_is_counted_is_what_the_kernel_took() -> None:
    """To the byte, not to the block, of a body that was cut."""
    given_up, over, body, got = threading.Event(), threading.Event(), Zeros(64), []

    def serve(connection: socket.socket) -> None:
        early = len(head_of(connection).partition(b"\r\n\r\n")[2])
        given_up.wait(LONG)
        got.append(early + read_all(connection, len(body)))
        over.set()

    with serving(serve) as url:
        reply = Transport(url, timeout=0.5, client="vidup:0").request("POST", "/x", body=body)
        given_up.set()
        assert over.wait(LONG)
    assert (reply.failure, "took no data" in reply.text) == ("no-answer", True)
    assert got == [sum(body.moves)]
    assert 0 < got[0] < len(body)


def test_a_slow_line_shows_that_it_moves_over_tls_too(tls: ssl.SSLContext, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS counts only whole pieces: they shrink to a record while one takes long, and grow again."""
    now, step, body = [0.0], [1.0], Zeros(8)

    def tick() -> float:
        now[0] += step[0]
        return now[0]

    monkeypatch.setattr(listening, "time", SimpleNamespace(monotonic=tick))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))

    def serve(connection: socket.socket) -> None:
        with tls.wrap_socket(connection, server_side=True) as line:
            early = len(head_of(line).partition(b"\r\n\r\n")[2])
            read_all(line, len(body) - early)
            line.sendall(GOOD)
            head_of(line)

    def hasten(taken: int) -> None:
        body.moves.append(taken)
        step[0] = 1.0 if sum(body.moves) < 4 * MIB else 0.001

    body.moved = hasten  # type: ignore[method-assign]
    with serving(serve) as url:
        Transport(url.replace("http:", "https:"), timeout=1e6, client="vidup:0").request("POST", "/x", body=body)
    counted = [taken for taken in body.moves if taken]
    assert (min(counted), max(counted), sum(counted)) == (16 * 1024, MIB // 2, len(body))


@pytest.mark.timeout(2 * LONG)
def test_a_session_ticket_does_not_end_the_watch_over_the_rest_of_a_body(
    tls: ssl.SSLContext, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS 1.3 servers send some after the handshake: a line that dies then is dead, and not awaited for an hour."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    over, body = threading.Event(), Zeros(1)

    def hold(connection: socket.socket) -> None:
        with tls.wrap_socket(connection, server_side=True) as line:
            assert line.version() == "TLSv1.3"
            over.wait(LONG)

    with serving(hold) as url:
        line = Transport(url.replace("http:", "https:"), timeout=2.0, client="vidup:0")
        reply = line.request("POST", "/x", body=body, answer_timeout=3600)
        over.set()
    assert body.all_out
    assert (reply.failure, "in time" in reply.text) == ("answer-lost", True)


def test_a_line_that_dies_with_the_end_of_a_body_in_the_kernel_is_dead_and_not_awaited() -> None:
    """--timeout counts while bytes wait to be sent, whoever holds them; the answer's own time begins when they are gone."""
    release, body = threading.Event(), Zeros(1)

    def hold(_connection: socket.socket) -> None:
        release.wait(LONG)

    with serving(hold) as url:
        reply = Transport(url, timeout=0.6, client="vidup:0").request("POST", "/x", body=body, answer_timeout=3600)
        release.set()
    assert body.all_out
    assert (reply.failure, "in time" in reply.text) == ("answer-lost", True)


def test_an_answer_that_has_come_is_read_however_long_nothing_left_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after Ctrl-Z, when a server has refused meanwhile what it does not read."""

    class Stalled(StallWatch):
        @property
        def pause(self) -> float:
            return LONG

        def look(self) -> int:
            raise TimeoutError(errno.ETIMEDOUT, "timed out")

    monkeypatch.setattr(kernel, "unacknowledged", lambda _sock: 1)
    monkeypatch.setattr(listening, "StallWatch", Stalled)

    def serve(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(GOOD)

    with serving(serve) as url:
        reply = Transport(url, timeout=LONG, client="vidup:0").request("POST", "/x", payload={"a": 1})
    assert (reply.status, reply.failure) == (201, "")


def test_a_body_is_told_that_the_peer_takes_what_the_kernel_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent any more, and still the line moves."""
    watched, told, body = threading.Event(), threading.Event(), Zeros(1)

    def held(sock: Any) -> int:
        number = unacknowledged(sock)
        if body.all_out:
            watched.set()
        return number

    def moved(taken: int) -> None:
        if not taken:
            told.set()

    monkeypatch.setattr(kernel, "unacknowledged", held)
    body.moved = moved  # type: ignore[method-assign]

    def serve(connection: socket.socket) -> None:
        early = len(head_of(connection).partition(b"\r\n\r\n")[2])
        assert watched.wait(LONG)
        read_all(connection, len(body) - early)
        assert told.wait(LONG)
        connection.sendall(GOOD)

    with serving(serve) as url:
        assert Transport(url, timeout=LONG, client="vidup:0").request("POST", "/x", body=body).status == 201
    assert told.is_set()


def test_a_send_has_stalled_when_neither_the_kernel_nor_the_peer_takes_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel asks for more only when a third of its buffer is free, which takes a slow line longer than the timeout."""
    now, moves = [0.0], list[int]()
    held = iter([1000, 1000, 900, 900, 900])
    monkeypatch.setattr(kernel, "unacknowledged", lambda _sock: next(held))
    monkeypatch.setattr(kernel, "time", SimpleNamespace(monotonic=lambda: now[0]))
    watch = StallWatch(None, 60.0, moves.append)
    for second, left in ((59.0, 1000), (59.5, 900), (119.0, 900)):
        now[0] = second
        assert watch.look() == left
    now[0] = 119.5
    with pytest.raises(TimeoutError):
        watch.look()
    assert moves == [0]


class MacSocket:
    """A socket of a system that tells in its own way what it still holds."""

    def fileno(self) -> int:
        return 0

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        return (4711).to_bytes(4, "little") if (level, option, size) == (socket.SOL_SOCKET, 0x1024, 4) else b""


@pytest.mark.parametrize(("option", "held"), [(0x1024, 4711), (None, 0)])
def test_what_the_kernel_holds_is_asked_for_as_the_system_wants_it(option: int | None, held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS refuses TIOCOUTQ for sockets and has SO_NWRITE; who has neither tells nothing."""

    def refused(*_args: object) -> bytes:
        raise OSError(errno.ENOTTY, "Inappropriate ioctl for device")

    monkeypatch.setattr(fcntl, "ioctl", refused)
    monkeypatch.setattr(kernel, "_SO_NWRITE", option)
    assert unacknowledged(MacSocket()) == held
