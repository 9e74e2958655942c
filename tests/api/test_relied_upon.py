"""What the wire takes for granted of urllib3, requests, http.client and ssl, though it is private there or nowhere written down.

One test for each such thing, and nothing of vidup in it where that can be: after an upgrade it tells what broke.
"""

from __future__ import annotations

import errno
import http.client
import io
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPResponse, PoolManager, ProxyManager, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import MaxRetryError
from urllib3.util.ssltransport import SSLTransport

from tests.api.conftest import serving

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{}     "


def answer(connection: socket.socket) -> None:
    """The same to every request."""
    while connection.recv(65536):
        connection.sendall(OK)


class Answered(Exception):
    """The fake connection was asked for its response."""


class Watched(HTTPConnection):
    """A connection that sends nothing, and notes what is asked of it and which timeout it has then."""

    failure: ClassVar[OSError | None] = None
    seen: ClassVar[list[tuple[str, object]]]

    def request(self, *_args: Any, **_options: Any) -> None:
        self.seen.append(("request", self.timeout))
        self.sock = socket.socket()
        if self.failure is not None:
            raise self.failure

    def getresponse(self) -> Any:
        self.seen.append(("getresponse", self.timeout))
        raise Answered


class WatchedPool(HTTPConnectionPool):
    ConnectionCls = Watched


@pytest.mark.parametrize(
    "failure", [None, BrokenPipeError(errno.EPIPE, "x"), OSError(errno.ECONNRESET, "x"), OSError(errno.EPROTOTYPE, "x")]
)
def test_a_body_goes_out_under_the_connect_timeout_and_a_broken_pipe_still_gets_its_answer_read(failure: OSError | None) -> None:
    """urllib3, `_make_request`: the timeout a send has, the timeout an answer has, and which errors mean `an answer may be there`."""
    Watched.failure, Watched.seen = failure, []
    with pytest.raises(Answered), WatchedPool("127.0.0.1", 1) as pool:
        pool.urlopen("POST", "/", body=b"x", timeout=Timeout(connect=3, read=4), retries=False)
    assert Watched.seen == [("request", 3), ("getresponse", 4)]


def test_any_other_error_of_a_send_is_raised() -> None:
    """urllib3, `_make_request`: a stalled send is over."""
    Watched.failure, Watched.seen = TimeoutError(errno.ETIMEDOUT, "x"), []
    with pytest.raises(Exception, match="x"), WatchedPool("127.0.0.1", 1) as pool:
        pool.urlopen("POST", "/", body=b"x", timeout=Timeout(connect=3, read=4), retries=False)
    assert Watched.seen == [("request", 3)]


def test_a_pool_lends_and_takes_back_its_connection() -> None:
    """urllib3, `_get_conn` and `_put_conn`: what is opened early is what the first request gets."""
    with serving(answer) as url, HTTPConnectionPool("127.0.0.1", int(url.rpartition(":")[2]), maxsize=1) as pool:
        lent = pool._get_conn()
        assert isinstance(lent, HTTPConnection)
        assert lent.is_closed
        assert lent.sock is None
        lent.timeout = 7.5
        lent.connect()
        assert not lent.is_closed
        assert lent.sock.gettimeout() == 7.5
        pool._put_conn(lent)
        assert pool._get_conn() is lent
        assert not lent.is_closed
        lent.close()


def test_a_lent_connection_that_says_it_is_not_connected_is_closed_first() -> None:
    """urllib3, `_get_conn`: `is_connected` decides, and may be overridden."""

    class Gone(HTTPConnection):
        is_connected = False

    with serving(answer) as url, HTTPConnectionPool("127.0.0.1", int(url.rpartition(":")[2]), maxsize=1) as pool:
        pool.ConnectionCls = Gone
        lent = pool._get_conn()
        lent.connect()
        pool._put_conn(lent)
        assert pool._get_conn() is lent
        assert lent.is_closed


class Chunks:
    """A sized iterable that has no `read`."""

    def __init__(self, *chunks: memoryview) -> None:
        self.chunks = chunks

    def __len__(self) -> int:
        return sum(map(len, self.chunks))

    def __iter__(self) -> Iterator[memoryview]:
        return iter(self.chunks)


def test_a_sized_iterable_is_sent_chunk_by_chunk_as_it_is_after_the_head() -> None:
    """requests, urllib3's `body_to_chunks`, http.client: `endheaders` sends the head, then each view itself comes to `send`; no copy, no `chunked`."""
    sent: list[Any] = []

    class Noting(HTTPConnection):
        def endheaders(self, *args: Any, **options: Any) -> None:
            super().endheaders(*args, **options)
            sent.append("head is out")

        def send(self, data: Any) -> None:
            sent.append(data)
            super().send(data)

    class Pool(HTTPConnectionPool):
        ConnectionCls = Noting

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **options: Any) -> None:
            super().init_poolmanager(*args, **options)
            self.poolmanager.pool_classes_by_scheme = {"http": Pool}  # and this is where pools come from

    body = Chunks(memoryview(b"abc"), memoryview(b"defg"))
    with serving(answer) as url, requests.Session() as session:
        session.mount("http://", Adapter())
        session.post(url, data=cast(Any, body))
    head, *rest = sent
    assert b"content-length: 7" in head.lower()
    assert b"chunked" not in head.lower()
    assert rest[0] == "head is out"
    assert all(one is other for one, other in zip(rest[1:], body.chunks, strict=True))


def test_a_connection_makes_its_response_by_response_class_and_reads_its_fp() -> None:
    """http.client: bytes that were read ahead are put before the rest by another `fp`; urllib3 sets the socket's timeout before."""
    with serving(answer) as url:
        connection = HTTPConnection("127.0.0.1", int(url.rpartition(":")[2]), timeout=9)

        def respond(sock: socket.socket, *, method: str) -> http.client.HTTPResponse:
            assert (sock, sock.gettimeout(), method) == (connection.sock, 5, "GET")
            response = http.client.HTTPResponse(sock, method=method)
            response.fp.close()
            response.fp = io.BufferedReader(io.BytesIO(OK))
            return response

        connection.response_class = respond  # type: ignore[assignment]
        connection.request("GET", "/")
        connection.sock.settimeout(0)
        connection.timeout = 5
        assert connection.getresponse().data == b"{}     "
        connection.close()


def test_a_socket_that_is_closed_before_its_response_is_read_stays_open_until_then() -> None:
    """socket: `makefile` holds it, also for http.client."""
    with serving(answer) as url:
        connection = HTTPConnection("127.0.0.1", int(url.rpartition(":")[2]))
        connection.request("GET", "/", preload_content=False)
        response = connection.getresponse()
        sock, connection.sock = connection.sock, None
        sock.close()
        assert sock.fileno() >= 0
        assert response.read() == b"{}     "
        assert sock.fileno() == -1


def test_a_response_is_read_in_pieces_as_they_come() -> None:
    """urllib3: `read1(amt, decode_content=True)` waits for no more than one piece, and returns nothing at the end."""
    go_on = threading.Event()

    def two_pieces(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(OK[:-5])
        go_on.wait(60)
        connection.sendall(OK[-5:])

    with serving(two_pieces) as url, PoolManager() as pool:
        response = pool.request("GET", url, preload_content=False)
        assert isinstance(response, HTTPResponse)
        assert response.read1(100, decode_content=True) == b"{}"
        go_on.set()
        assert response.read1(100, decode_content=True) == b"     "
        assert response.read1(100, decode_content=True) == b""


def test_tls_within_tls_is_told_from_a_socket_by_its_class() -> None:
    """urllib3: what it has for an https:// proxy is no socket, and loses bytes if it may not wait."""
    assert not issubclass(SSLTransport, socket.socket)
    assert issubclass(ssl.SSLSocket, socket.socket)


@pytest.fixture
def secure(tls: ssl.SSLContext, bundle: Path) -> Iterator[tuple[ssl.SSLSocket, Callable[[], bytes]]]:
    """A TLS 1.3 client that does not wait, and what reads all that its server has got until the client is closed."""
    ours, theirs = socket.socketpair()
    got: list[bytes] = []
    begin = threading.Event()

    def serve() -> None:
        with tls.wrap_socket(theirs, server_side=True) as server:
            begin.wait(60)
            while data := server.recv(65536):
                got.append(data)

    thread = threading.Thread(target=serve)
    thread.start()
    with ssl.create_default_context(cafile=str(bundle)).wrap_socket(ours, server_hostname="localhost") as client:
        client.settimeout(0)

        def read() -> bytes:
            client.shutdown(socket.SHUT_WR)
            thread.join()
            return b"".join(got)

        client.begin = begin.set  # type: ignore[attr-defined]
        yield client, read
        begin.set()


def test_a_tls_socket_takes_a_piece_whole_or_says_that_it_would_wait(secure: tuple[ssl.SSLSocket, Callable[[], bytes]]) -> None:
    """ssl: after that the same bytes are given again, from wherever they lie, and none is sent twice; reading in between does no harm."""
    client, read = secure
    sent = 0
    while True:
        piece = bytes([sent % 251]) * 60_000
        try:
            assert client.send(piece) == len(piece)
        except ssl.SSLWantWriteError:
            break
        sent += 1
    with pytest.raises(ssl.SSLWantReadError):  # the tickets of TLS 1.3 are read, and nothing comes of them
        client.recv(100)
    client.begin()  # type: ignore[attr-defined]
    client.settimeout(60)
    assert client.send(bytearray(piece)) == len(piece)
    assert read() == b"".join(bytes([number % 251]) * 60_000 for number in range(sent + 1))


def test_redirects_are_not_followed_nor_parsed_where_none_is_resolved() -> None:
    """requests: an iterator of nothing from `resolve_redirects`, also for `response.next`."""

    class Session(requests.Session):
        def resolve_redirects(self, *_args: Any, **_options: Any) -> Any:
            return iter(())

    def point(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 302 X\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n")

    with serving(point) as url, Session() as session:
        assert session.get(url, allow_redirects=False).status_code == 302


def test_the_certificates_of_a_pool_are_those_of_the_context_that_an_adapter_gives_it(bundle: Path) -> None:
    """requests: `cert_verify` is called with the pool, and setting `cert_reqs` alone loads nothing on top."""
    context = ssl.create_default_context(cafile=str(bundle))
    seen: list[Any] = []

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **options: Any) -> None:
            super().init_poolmanager(*args, ssl_context=context, **options)

        def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
            conn.cert_reqs = "CERT_REQUIRED"
            seen.append(conn)

    adapter = Adapter()
    request = requests.Request("GET", "https://127.0.0.1:9/").prepare()
    with pytest.raises(requests.ConnectionError):
        adapter.send(request)
    assert seen == [adapter.get_connection_with_tls_context(request, verify=True)]
    lent = seen[0]._get_conn()
    assert isinstance(lent, HTTPSConnection)
    assert (lent.ssl_context, lent.cert_reqs, lent.ca_certs) == (context, "CERT_REQUIRED", None)


def test_the_pools_of_a_proxy_get_both_contexts(bundle: Path) -> None:
    """requests: `proxy_manager_for` hands on what it is given; urllib3: `proxy_ssl_context` is that for the proxy itself."""
    context = ssl.create_default_context(cafile=str(bundle))
    manager = HTTPAdapter().proxy_manager_for("https://proxy.example:1", ssl_context=context, proxy_ssl_context=context)
    assert isinstance(manager, ProxyManager)
    assert manager.proxy_config is not None
    assert manager.proxy_config.ssl_context is context
    assert manager.connection_pool_kw["ssl_context"] is context


def test_whose_url_is_wrong_is_told_by_the_error_having_a_request() -> None:
    """requests: an InvalidURL has none where the server's URL could not be parsed, and has one, or is an InvalidProxyURL, for a proxy's."""
    with requests.Session() as session:
        session.trust_env = False
        with pytest.raises(requests.exceptions.InvalidURL) as of_server:
            session.get("http://[::1")
        assert of_server.value.request is None
        for proxy in ("http://", "http://127.0.0.1:port", "user:secret@127.0.0.1:9"):
            session.proxies = {"http": proxy}
            with pytest.raises(requests.exceptions.InvalidURL) as of_proxy:
                session.get("http://api.example")
            assert of_proxy.value.request is not None or isinstance(of_proxy.value, requests.exceptions.InvalidProxyURL)


def test_a_proxy_that_builds_no_tunnel_is_quoted_in_an_oserror() -> None:
    """http.client: `Tunnel connection failed: 407 Words`."""

    def refuse(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 407 Words of a Proxy\r\n\r\n")

    with serving(refuse) as url:
        connection = http.client.HTTPSConnection("127.0.0.1", int(url.rpartition(":")[2]))
        connection.set_tunnel("api.example", 443)
        with pytest.raises(OSError, match=r"^Tunnel connection failed: 407 Words of a Proxy$"):
            connection.connect()


def test_an_error_of_a_proxy_is_a_proxy_error_until_it_is_passed() -> None:
    """requests and urllib3: so it is known whose certificate was not trusted, or who refused."""
    with requests.Session() as session, pytest.raises(requests.exceptions.ProxyError) as failed:
        session.get("https://api.example", proxies={"https": "http://127.0.0.1:9"})
    assert isinstance(failed.value.args[0], MaxRetryError)


def test_the_end_of_a_line_without_an_answer_has_its_own_class() -> None:
    """http.client: a RemoteDisconnected is a ConnectionResetError, so that it must be asked for first."""
    assert issubclass(http.client.RemoteDisconnected, ConnectionResetError)
    with serving(lambda connection: connection.shutdown(socket.SHUT_WR)) as url, pytest.raises(requests.ConnectionError) as failed:
        requests.get(url)
    assert "RemoteDisconnected" in str(failed.value)


@pytest.mark.parametrize("kind", [HTTPConnection, HTTPSConnection])
def test_a_connection_dials_with_new_conn(kind: type[HTTPConnection]) -> None:
    """urllib3, `connect`: what `_new_conn` returns is the socket, and what it raises is raised; `_dns_host` is the name to look up."""

    class Dialled(Exception):
        """The seam was reached."""

    class Dialling(kind):  # type: ignore[misc, valid-type]
        def _new_conn(self) -> socket.socket:
            raise Dialled(self._dns_host)

    with pytest.raises(Dialled, match=r"api\.example\."):
        Dialling("api.example.", 1).connect()
