"""Whose fault it is: what proxies, gateways, pages in between and certificates say, told of whoever said it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import responses
import trustme

from tests.api.conftest import serving
from vidup.api.transport.transport import Transport
from vidup.emulator.server import Emulator
from vidup.upload.acting import Action, Acts, Do
from vidup.upload.outcome import server_words
from vidup.verdicts.rules import TABLE

HOST = "https://ws.api.video"


def transport(base_url: str = HOST) -> Transport:
    return Transport(base_url, timeout=10.0, client="vidup:0.1.0")


def answering(raw: bytes) -> Callable[[socket.socket], None]:
    """The same bytes to one request."""

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(raw)

    return answer


@pytest.mark.parametrize(
    ("answer", "row", "code"),
    [
        ("401 Unauthorized", "proxy-wants-password", 7),
        ("403 Filtered", "proxy-refuses", 7),
        ("407 Proxy Authentication Required", "proxy-wants-password", 7),
        ("500 Unable to connect", "no-answer", 75),
        ("502 Bad Gateway", "no-answer", 75),
        ("503 Service Unavailable", "no-answer", 75),
    ],
)
def test_what_a_proxy_says_to_connect_is_shown_and_decides(answer: str, row: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule of squid's or a wrong password stays as it is however often one asks; a server that it cannot reach may come back."""
    with serving(answering(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n".encode())) as url:
        monkeypatch.setenv("HTTPS_PROXY", url)
        reply = transport("https://api.example").request("GET", "/x")
    assert (TABLE.judge(reply).slug, int(TABLE.judge(reply).exit_code)) == (row, code)
    assert reply.text == f"no way to api.example: the proxy {url} answered CONNECT with {answer}"


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("401 Unauthorized", "<h1>Unauthorized</h1>\n<p>The administrator of this proxy has not configured it to service requests from you.</p>"),
        ("407 Proxy Authentication Required", "<div id=titles>\n<h1>ERROR</h1>\n<h2>Cache Access Denied.</h2>\n</div>\n<!-- ERR_CACHE_ACCESS_DENIED -->"),
    ],
)  # fmt: skip
def test_a_proxy_that_wants_a_password_is_named(status: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As tinyproxy and squid answer to plain http: their page alone does not tell which of several proxies it is, nor may its password."""
    with serving(answering(f"HTTP/1.1 {status}\r\nContent-Length: {len(says)}\r\n\r\n{says}".encode())) as url:
        monkeypatch.setenv("HTTP_PROXY", url.replace("://", "://user:wrong@"))
        reply = transport("http://api.example").request("GET", "/x")
    rule = TABLE.judge(reply)
    assert (rule.slug, int(rule.exit_code)) == ("proxy-wants-password", 7)
    words = server_words(rule, reply)
    assert words.endswith(f'"; it is the proxy {url.replace("://", "://***@")} that answered') and "wrong" not in words
    assert words.startswith(f'HTTP {status[:3]}: "') and "<" not in words and "ERR_" not in words


def test_a_page_that_forbids_is_told_as_what_it_is() -> None:
    """nginx with `deny all`: the last line leads to whoever put it there, and only then to us."""
    page = b"<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>\r\n<hr><center>nginx/1.22.1</center>"
    with serving(answering(b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page))) as url:
        reply = transport(url).request("GET", "/x")
    rule = Acts(TABLE, lambda _: 0.0).refused_for_good(Action(Do.END, TABLE.judge(reply), reply)).rule
    assert server_words(rule, reply) == 'HTTP 403: "Forbidden nginx/1.22.1"'
    assert rule.advice.startswith("If a proxy or gateway in between answers so") and int(rule.exit_code) == 6


PAGE = b"<html><head><title>401</title></head><body>Who are <b>you</b> ?</body></html>"


def unauthorised(body: bytes, *headers: bytes) -> Callable[[socket.socket], None]:
    head = (b"HTTP/1.1 401 Unauthorized", b"Content-Length: %d" % len(body), *headers)
    return answering(b"\r\n".join((*head, b"", body)))


@pytest.mark.parametrize(
    ("body", "header", "proxied", "row"),
    [
        (PAGE, b"X: y", True, "proxy-wants-password"),
        (PAGE, b'WWW-Authenticate: Basic realm="x"', False, "page-wants-password"),
        (PAGE, b"X: y", False, "undocumented-401"),
        (b"", b'WWW-Authenticate: Basic realm="x"', False, "undocumented-401"),
        (b'{"title": "Other words."}', b'WWW-Authenticate: Basic realm="x"', True, "undocumented-401"),
        (b'{"type": "https://docs', b'WWW-Authenticate: Basic realm="x"', True, "undocumented-401"),
    ],
)
def test_a_401_that_is_a_page_of_somebody_else_is_not_the_apis(
    body: bytes, header: bytes, proxied: bool, row: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that reads the request, or a box with a password: the key is not at fault. An object, also a torn one, may be the API's."""
    with serving(unauthorised(body, header)) as url:
        if proxied:
            monkeypatch.setenv("HTTP_PROXY", url)
        reply = transport("http://api.example" if proxied else url).request("GET", "/x")
    rule = TABLE.judge(reply)
    assert (rule.slug, reply.status, "Who are you ?" in reply.text) == (row, 401, body is PAGE)
    assert ("Copy the key" in rule.advice) == (row == "undocumented-401")


@responses.activate
@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"<html><style>p{}</style><p>Please log in to the\n <b>WLAN</b></html>", ': "Please log in to the WLAN"'),
        (b"key sk-12345 unknown " + b"x" * 500, ': "key *** unknown ' + "x" * 283 + '…"'),
        (b"<p>Fish &amp; chips&nbsp;&lt;b&gt;<!-- not <b>this</b> --></p>", ': "Fish & chips <b>"'),
        (b"<p>Log in</p><style>p{}" + b"." * 40_000, ': "Log in"'),
        (b"<p>" + b"Gateway says no. " * 40, ': "' + "Gateway says no. " * 17 + 'Gateway…"'),
        (b'{"access_token": "tok-1', ""),
        (b'a warning {"access_token": "tok-1"}', ': "a warning "'),
        (b'{"videoId": 7}', ""),
        (b"", ""),
    ],
)
def test_a_page_instead_of_the_apis_answer_is_shown_and_named_so(raw: bytes, words: str) -> None:
    """As it is of error pages; what may be a torn object is not: there is a token in it."""
    responses.post(f"{HOST}/auth/api-key", body=raw, status=200)
    line = transport()
    line.keep_secret("sk-12345")
    reply = line.request("POST", "/auth/api-key", promised=lambda body: isinstance(body.get("access_token"), str))
    rule = TABLE.judge(reply)
    assert server_words(rule, reply) == f"HTTP 200, but not the API's answer{words}"
    assert (rule.slug, int(rule.exit_code), "log-in page" in rule.advice) == ("answer-broken", 75, True)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_a_proxy_does_is_not_said_of_the_server(scheme: str, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name is unknown, its port is closed, or speaks TLS where none is expected."""

    def asked(proxy: str) -> str:
        monkeypatch.setenv("ALL_PROXY", proxy)
        return transport(f"{scheme}://api.example").request("GET", "/x").text

    def shake_hands(connection: socket.socket) -> None:
        with tls.wrap_socket(connection, server_side=True) as secure:
            secure.recv(1)

    assert asked("http://no-such-proxy.invalid:3128") == "the proxy http://no-such-proxy.invalid:3128 could not be resolved to an address"
    assert asked("http://127.0.0.1:9") == "the proxy http://127.0.0.1:9 refused the connection"
    with serving(shake_hands) as url:
        assert f"the proxy {url}" in asked(url)


@pytest.fixture
def dated(authority: trustme.CA) -> Callable[[int, int], ssl.SSLContext]:
    """A server's certificate that is good from so many days from now to so many."""

    def make(first: int, last: int) -> ssl.SSLContext:
        now, context = datetime.now(UTC), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = authority.issue_cert("127.0.0.1", "other.example", not_before=now + timedelta(first), not_after=now + timedelta(last))
        certificate.configure_cert(context)
        return context

    return make


@pytest.mark.parametrize(
    ("first", "last", "host", "said", "advice"),
    [
        (-9, -1, "127.0.0.1", "has expired", "clock"),
        (1, 9, "127.0.0.1", "not yet valid", "clock"),
        (-9, 9, "localhost", "not valid for 'localhost'", "--base-url"),
        (-9, 9, "127.0.0.2", "not valid for '127.0.0.2'", "--base-url"),
    ],
)
def test_a_certificate_that_no_bundle_would_make_good_is_told_apart(
    first: int,
    last: int,
    host: str,
    said: str,
    advice: str,
    dated: Callable[[int, int], ssl.SSLContext],
    bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wrong clock, an expired certificate, another name: a company's CA file cannot help."""
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setattr(
        "vidup.api.transport.dialing._addresses", lambda _host, port: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
    )
    context = dated(first, last)

    def shake_hands(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(65536)

    with serving(shake_hands) as url:
        netloc = f"{host}:{url.rpartition(':')[2]}"
        reply = transport(f"https://{netloc}").request("GET", "/x")
    rule = TABLE.judge(reply)
    assert reply.text.startswith(f"the certificate of {netloc} cannot be accepted: ") and said in reply.text
    assert (int(rule.exit_code), advice in rule.advice, "CA file" in rule.advice) == (7, True, False)


def test_it_is_said_by_whose_certificates_one_is_not_trusted(
    emulate: Callable[..., Emulator], tls: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable that the advice names first is passed over where another one is set."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/company.pem")
    reply = transport(emulate(tls=tls).url).request("GET", "/x")
    assert reply.text.endswith(f"(trusted: {other} (REQUESTS_CA_BUNDLE, which comes before SSL_CERT_FILE))")
