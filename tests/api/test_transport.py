"""HTTP as it comes: early answers, broken ones, proxies, certificates, redirects, and a key that goes nowhere else."""

from __future__ import annotations

import http.server
import json
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import responses

from tests.api.conftest import serving
from tests.conftest import LONG, MIB, Cli
from vidup.api.client import Api
from vidup.api.credentials import ApiKey, Credentials, Token
from vidup.api.transport.striking import Secrets, mask_url
from vidup.api.transport.transport import ERROR_BODY_LIMIT, Transport
from vidup.api.trust import trust_store
from vidup.emulator.server import Emulator
from vidup.errors import VidupError
from vidup.verdicts.judge import Reply
from vidup.verdicts.rules import TABLE

HOST = "https://ws.api.video"


def transport(base_url: str = HOST, timeout: float = LONG) -> Transport:
    return Transport(base_url, timeout=timeout, client="vidup:0.1.0")


@responses.activate
@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (
            400,
            {"type": "https://docs.api.video/reference/video-source-already-uploaded", "title": "The source of the video is already uploaded.",
             "name": "file", "status": 400, "problems": [
                 {"type": "x", "title": "The source of the video is already uploaded.", "name": "file"},
                 {"type": "x", "title": "The video xxxx has already been uploaded.", "name": "video"}]},
            ("video-source-already-uploaded", "The source of the video is already uploaded.", "", 2),
        ),
        (
            400,
            {"type": "https://docs.api.video/reference/invalid-attribute", "title": "An attribute is invalid.", "status": 400,
             "detail": 'The "language" attribute is not valid.', "name": "language"},
            ("invalid-attribute", "An attribute is invalid.", 'The "language" attribute is not valid.', 0),
        ),
        (429, {"type": "https://docs.api.video/reference/too-many-requests", "title": "Too many requests.", "status": 429}, ("too-many-requests", "Too many requests.", "", 0)),
        (400, {"title": "The uploaded file is empty."}, ("", "The uploaded file is empty.", "", 0)),
        (403, {"type": None, "title": None, "name": None, "problems": None, "detail": 7}, ("", "", "", 0)),
        (400, {"type": ["x"], "title": {"a": 1}, "problems": ["x", 3, {"name": 1, "title": None}]}, ("", "", "", 1)),
        (400, {}, ("", "", "", 0)),
    ],
)  # fmt: skip
def test_documented_error_bodies_are_read_field_by_field(status: int, body: dict[str, Any], expected: tuple[str, str, str, int]) -> None:
    """Also with fields missing, null, or of another type."""
    responses.post(f"{HOST}/videos", json=body, status=status)
    reply = transport().request("POST", "/videos", payload={})
    assert (reply.slug, reply.title, reply.detail, len(reply.problems)) == expected
    assert TABLE.judge(reply).does


@responses.activate
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html><style>p{}</style><h1>502 Bad Gateway</h1></html>",
        b'{"type": "https://docs.api',
        b"[1, 2]",
        b'"text"',
        b"\xff\xfe\x00",
        b"[" * 5000,
        b"null",
    ],
)
def test_error_bodies_that_were_not_promised_are_judged_by_status(raw: bytes) -> None:
    """HTML from a proxy, nothing, a torn object, JSON that is not an object, bytes that are no text."""
    responses.post(f"{HOST}/videos", body=raw, status=503)
    reply = transport().request("POST", "/videos", payload={})
    assert TABLE.judge(reply).verdict.value == "retry"
    assert "<" not in reply.text


@responses.activate
@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b"{", b'{"videoId": null}', b'{"videoId": 7}'])
def test_a_good_status_with_a_broken_body_is_not_a_promise_kept(raw: bytes) -> None:
    """A 2xx is only as good as its body."""
    responses.post(f"{HOST}/videos", body=raw, status=201)
    reply = transport().request("POST", "/videos", payload={}, promised=lambda body: isinstance(body.get("videoId"), str))
    assert (reply.promised, TABLE.judge(reply).verdict.value) == (False, "resume")


@responses.activate
def test_no_words_are_an_answer_only_where_none_were_promised() -> None:
    """A gateway that says 204 has stored no part and knows no key; a DELETE is answered so."""
    for method, path in (
        ("POST", "/auth/api-key"),
        ("POST", "/auth/refresh"),
        ("POST", "/videos"),
        ("POST", "/videos/vi1/source"),
        ("DELETE", "/videos/vi1"),
    ):
        responses.add(method, HOST + path, status=204)
    key = Api(HOST, ApiKey("sk-12345", "a file"), timeout=5)
    line = transport()
    replies = [
        key.log_in(),
        *(line.request("POST", path, payload={}) for path in ("/auth/refresh", "/videos")),
        line.request("POST", "/videos/vi1/source", body=_Sent()),
    ]
    assert {TABLE.judge(reply).slug for reply in replies} == {"answer-broken"}
    assert line.request("DELETE", "/videos/vi1", empty=True).promised
    assert not line.request("DELETE", "/videos/vi1").promised
    assert key.delete_video(Token(1, "tok-1"), "vi1").promised


@responses.activate
@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"X-RateLimit-Retry-After": "7", "Retry-After": "99"}, 7.0), (429, {"Retry-After": "12"}, 12.0), (429, {}, None),
        (503, {"X-RateLimit-Retry-After": "55"}, None), (503, {"Retry-After": "3"}, 3.0), (503, {"Retry-After": "soon"}, None),
        (503, {"Retry-After": "-5"}, None), (503, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ],
)  # fmt: skip
def test_the_wait_a_server_asks_for_is_read(status: int, headers: dict[str, str], wait: float | None) -> None:
    """Every answer tells when its rate window ends; only a 429 means that one must wait for it."""
    responses.post(f"{HOST}/videos", json={}, status=status, headers=headers)
    assert transport().request("POST", "/videos", payload={}).retry_after == wait


@responses.activate
def test_secrets_that_a_server_echoes_are_struck_out() -> None:
    """Neither the key nor a password in a URL comes through."""
    responses.post(f"{HOST}/x", json={"title": "bad key sk-12345", "detail": "see http://user:pass@host/"}, status=400)
    line = transport()
    line.keep_secret("sk-12345")
    reply = line.request("POST", "/x")
    assert (reply.title, reply.detail) == ("bad key ***", "see http://***@host/")


@responses.activate
def test_secrets_are_struck_out_of_good_answers_too_except_where_they_are_the_answer() -> None:
    """Assets end up in --json; a token must not be."""
    responses.post(f"{HOST}/videos", json={"videoId": "vi1", "assets": {"player": ["https://p/?k=sk-12345", 7, None]}}, status=201)
    responses.post(f"{HOST}/auth/refresh", json={"access_token": "sk-12345"})
    line = transport()
    line.keep_secret("sk-12345")
    assert line.request("POST", "/videos").body == {"videoId": "vi1", "assets": {"player": ["https://p/?k=***", 7, None]}}
    assert line.request("POST", "/auth/refresh").body == {"access_token": "sk-12345"}


def cut_off(status: int) -> Callable[[socket.socket], None]:
    """An answer whose connection ends before its body does."""

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b'HTTP/1.1 %d X\r\nContent-Length: 500\r\n\r\n{"type":"https://docs' % status)

    return answer


class _Sent:
    """A body that is all out as soon as it is asked for."""

    all_out = True
    content_type = ""

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"x"])

    def moved(self, taken: int) -> None:
        return


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(400, "resume"), (404, "resume"), (401, "retry"), (413, "abort"), (503, "retry"), (302, "abort"), (201, "resume")],
)
def test_a_refusal_that_is_cut_off_on_the_way_is_a_lost_answer(status: int, verdict: str) -> None:
    """Nobody knows what it would have said; only where the status says enough is it judged by that."""
    with serving(cut_off(status)) as url:
        reply = transport(url).request("POST", "/x", body=_Sent())
    assert TABLE.judge(reply).verdict.value == verdict
    assert (reply.failure == "answer-lost") == (status in (400, 404))
    with serving(cut_off(400)) as url:
        assert transport(url).request("POST", "/x", payload={}).failure == "answer-lost"


def test_a_request_without_a_part_is_lost_too_once_it_has_left() -> None:
    """A video may have been made by it; only where no connection came about it was certainly not."""

    def hang_up(connection: socket.socket) -> None:
        connection.recv(65536)

    with serving(hang_up) as url:
        assert transport(url).request("POST", "/videos", payload={"title": "a"}).failure == "answer-lost"
    assert transport(url).request("POST", "/videos", payload={"title": "a"}).failure == "no-answer"
    assert transport("http://nobody.invalid").request("POST", "/videos", payload={"title": "a"}).failure == "no-answer"


def test_a_wait_for_an_answer_can_be_ended_from_another_thread() -> None:
    """It goes on as if the peer had hung up; a thread that waits for none is not touched."""
    begun, over, replies = threading.Event(), threading.Event(), list[Reply]()

    def hold(connection: socket.socket) -> None:
        connection.recv(65536)
        begun.set()
        over.wait(LONG)

    with serving(hold) as url:
        line = transport(url, timeout=LONG)
        thread = threading.Thread(target=lambda: replies.append(line.request("POST", "/x", body=_Sent())))
        thread.start()
        assert begun.wait(LONG)
        line.hang_up(0)
        while thread.is_alive():
            line.hang_up(thread.ident or 0)
            thread.join(0.05)
        over.set()
    assert [reply.failure for reply in replies] == ["answer-lost"]


def test_an_answer_that_dribbles_ends_at_the_timeout() -> None:
    """Each byte comes in time, and the whole never would."""
    over = threading.Event()

    def dribble(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not over.wait(0.02):
            connection.sendall(b"1\r\n \r\n")

    with serving(dribble) as url:
        reply = transport(url, timeout=2.0).request("GET", "/x")
        over.set()
    assert (reply.status, reply.promised) == (200, False)


def test_a_kept_connection_serves_the_next_request() -> None:
    """Reading in pieces gives the connection back when the body is over, whichever way its length is told."""
    opened: list[int] = []

    def answer(connection: socket.socket) -> None:
        opened.append(1)
        for head, body in (
            (b"Content-Length: 7", b'{"a":1}'),
            (b"Transfer-Encoding: chunked", b'7\r\n{"a":1}\r\n0\r\n\r\n'),
            (b"Content-Length: 0", b""),
        ):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body)

    with serving(answer) as url:
        line = transport(url)
        assert [line.request("GET", "/x").body for _ in range(3)] == [{"a": 1}, {"a": 1}, None]
    assert len(opened) == 1


@pytest.mark.parametrize("location", ["http://[::1", "http://a:port/", "//", "http://\xff..\xfe/", "https://a..b/"])
def test_a_hostile_redirect_is_only_shown(location: str) -> None:
    """Nobody parses where it points."""

    def point(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(f"HTTP/1.1 302 X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode("latin-1"))

    with serving(point) as url:
        assert transport(url).request("GET", "/x").status == 302


def test_an_error_body_is_read_to_64_kib_and_no_further() -> None:
    """A server that never stops talking is not listened to for ever."""
    sent = []

    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n")
        while True:
            connection.sendall(b"garbage " * 1024)
            sent.append(8192)

    with serving(talk) as url:
        reply = transport(url).request("POST", "/x", payload={})
    assert reply.status == 400
    assert len(reply.text) <= 300
    assert ERROR_BODY_LIMIT == 65536


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("slug", ["uploaded-file-too-large", "authentication-invalid-access-token"])
def test_an_early_answer_is_heard_though_the_body_is_still_being_sent(
    secure: bool, slug: str, emulate: Callable[..., Emulator], tls: ssl.SSLContext, bundle: Path, video: Callable[..., Path], vidup: Cli
) -> None:
    """The server answers and hangs up in the middle of the body: its words are shown, over TLS as well."""
    emulator = emulate(tls=tls if secure else None, faults=[f"part=1,times=*:error={slug},close"])
    done = vidup("upload", video(60 * MIB), "--part-size", "60MiB", emulator=emulator, env={"SSL_CERT_FILE": str(bundle)})
    rule = TABLE.rule(slug)
    assert rule is not None
    assert rule.title in done.stderr
    assert done.returncode == (4 if "token" in slug else 6)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_company_authority_is_trusted_when_a_variable_names_it(
    variable: str, emulate: Callable[..., Emulator], tls: ssl.SSLContext, bundle: Path, video: Callable[..., Path], vidup: Cli
) -> None:
    """Each of the usual variables is honoured."""
    assert vidup("upload", video(MIB), emulator=emulate(tls=tls), env={variable: str(bundle)}).returncode == 0


def test_an_unknown_authority_is_exit_7_and_the_variables_are_named(
    emulate: Callable[..., Emulator], tls: ssl.SSLContext, video: Callable[..., Path], vidup: Cli
) -> None:
    """And there is no way to turn the check off."""
    done = vidup("upload", video(MIB), emulator=emulate(tls=tls))
    assert done.returncode == 7
    assert "SSL_CERT_FILE or REQUESTS_CA_BUNDLE" in done.stderr.splitlines()[-1]


def test_a_bundle_that_cannot_be_read_is_named_with_its_variable(tmp_path: Path) -> None:
    """Not a bare OSError."""
    for path in (tmp_path / "missing.pem", tmp_path / "empty.pem"):
        if path.name == "empty.pem":
            path.write_text("no certificate")
        for variable in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            with pytest.raises(VidupError, match=r"\.pem") as refused:
                trust_store({variable: str(path)})
            assert variable in refused.value.advice


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_named_bundle_is_not_held_to_the_letter_of_the_rfc(variable: str, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.13 began to: an authority that was trusted before still is, where the user vouches for it; the system's are as Python wants them."""
    create = ssl.create_default_context

    def strict(**options: Any) -> ssl.SSLContext:
        context = create(**options)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)
    assert not trust_store({variable: str(bundle)}).verify_flags & ssl.VERIFY_X509_STRICT
    assert trust_store({}).verify_flags & ssl.VERIFY_X509_STRICT


def test_a_netrc_does_not_replace_our_authorization(emulator: Emulator, video: Callable[..., Path], vidup: Cli, nobodys_home: Path) -> None:
    """The file is there for the host, and is not looked at."""
    netrc = nobodys_home / ".netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    assert vidup("upload", video(MIB), emulator=emulator).returncode == 0


class _Proxy(http.server.BaseHTTPRequestHandler):
    """Answers everything itself; the test sees what reached it."""

    status = 407
    seen: list[str] = []  # noqa: RUF012  one list for the one test that reads it

    def do_POST(self) -> None:
        _Proxy.seen.append(self.path)
        self.send_response(self.status)
        self.end_headers()

    do_CONNECT = do_POST

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_password_is_exit_7(scheme: str, video: Callable[..., Path], vidup: Cli) -> None:
    """The proxy of the environment is used, and its refusal names the variable; its password is not shown."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        proxy = f"http://user:hunter2@127.0.0.1:{server.server_port}"
        done = vidup(
            "upload", video(MIB), "--base-url", f"{scheme}://api.example", "--allow-http",
            env={"VIDUP_API_KEY": "key1", "HTTP_PROXY": proxy, "HTTPS_PROXY": proxy},
        )  # fmt: skip
        server.shutdown()
    assert done.returncode == 7
    assert "HTTPS_PROXY" in done.stderr
    assert "hunter2" not in done.stderr


def test_a_proxy_that_cannot_be_reached_is_named(video: Callable[..., Path], vidup: Cli) -> None:
    """As whoever refused, and without its password."""
    done = vidup(
        "upload", video(MIB), "--base-url", "https://api.example", "--retry-for", "1s",
        env={"VIDUP_API_KEY": "key1", "HTTPS_PROXY": "http://user:hunter2@127.0.0.1:9"},
    )  # fmt: skip
    assert done.returncode == 75
    assert "the proxy http://***@127.0.0.1:9 refused the connection" in done.stderr
    assert "api.example refused" not in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    "proxy", ["socks5://127.0.0.1:9", "ftp://127.0.0.1:9", "http://", "http://u:p@a..b:80", "http://127.0.0.1:port", "http://u:\u20ac@h:1"]
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_proxy_settings_that_cannot_be_used_are_told_from_the_network(proxy: str, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trying again cannot help; the advice names the variables."""
    monkeypatch.setenv("ALL_PROXY", proxy)
    reply = transport(f"{scheme}://api.example").request("GET", "/x")
    rule = TABLE.judge(reply)
    assert (rule.slug, "ALL_PROXY" in rule.advice, "u:" in reply.text) == ("proxy-unusable", True, False)


@pytest.mark.parametrize(
    ("proxy", "shown"),
    [
        ("user:kretaf1sh@127.0.0.1:9", "***@127.0.0.1:9"),
        ("http://user:kreta/f1sh@127.0.0.1:9", "http://***@127.0.0.1:9"),
        ("socks5://user:kreta#f1sh@127.0.0.1:9", "socks5://***@127.0.0.1:9"),
    ],
)
def test_no_proxy_password_is_ever_shown(proxy: str, shown: str, video: Callable[..., Path], vidup: Cli) -> None:
    """Malformed ones least of all: they are what gets printed."""
    for words in (("upload", video(MIB), "--json", "--retry-for", "1s"), ("check",)):
        done = vidup(*words, "--base-url", "https://x.invalid", env={"VIDUP_API_KEY": "abcdef", "HTTPS_PROXY": proxy})
        said = done.stdout + done.stderr
        assert done.returncode != 0
        assert shown in said
        assert not {piece for piece in ("kreta", "f1sh", "user:") if piece in said}


@pytest.mark.parametrize(
    ("proxy", "shown"),
    [
        ("user:pw@h:1", "***@h:1"),
        ("http://user:pa/ss@h:1", "http://***@h:1"),
        ("http://u:p://a@ss@h", "http://***@h"),
        ("token@h", "***@h"),
        ("https://h:1", "https://h:1"),
        ("h:1", "h:1"),
    ],
)
def test_everything_before_the_last_at_of_a_proxy_is_masked(proxy: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a scheme and without one, whatever is in it."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    line = transport("https://x.invalid")
    assert (line.proxy, line.scrub(f"cannot parse {proxy}")) == (shown, f"cannot parse {shown}")


def test_the_name_of_a_proxys_user_spoils_no_good_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said is struck, the links of a good answer are not; the password is, in both, and with its escapes resolved, too."""

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 48\r\n\r\n{"a": "https://api.video/", "b": "is p@ssw0rd!"}')

    with serving(answer) as url:
        monkeypatch.setenv("HTTP_PROXY", url.replace("://", "://video:p%40ssw0rd@"))
        line = transport("http://api.example")
        assert line.request("GET", "/x").body == {"a": "https://api.video/", "b": "is ***!"}
    assert line.scrub("user video, p%40ssw0rd") == "user ***, ***"


@pytest.fixture
def tls_proxy(tls: ssl.SSLContext) -> Iterator[str]:
    """A proxy spoken to over TLS, which answers everything itself with 407."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Proxy) as server:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_the_named_bundle_is_good_for_a_proxy_too(
    scheme: str, variable: str, tls_proxy: str, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy over TLS is trusted as a server is."""
    monkeypatch.setenv(variable, str(bundle))
    monkeypatch.setenv("ALL_PROXY", tls_proxy)
    assert TABLE.judge(transport(f"{scheme}://api.example").request("POST", "/x")).slug == "proxy-wants-password"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_it_is_said_whose_certificate_is_not_trusted(
    scheme: str, tls_proxy: str, emulate: Callable[..., Emulator], tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of the proxy, or that of the server."""
    server = emulate(tls=tls).url
    straight = transport(server).request("GET", "/x")
    monkeypatch.setenv("ALL_PROXY", tls_proxy)
    through = transport(f"{scheme}://api.example").request("GET", "/x")
    assert straight.failure == through.failure == "certificate-not-trusted"
    assert straight.text.startswith(f"the certificate of {server.removeprefix('https://')} is not trusted: ")
    assert through.text.startswith(f"the certificate of the proxy {tls_proxy} is not trusted: ")


def test_a_server_that_hangs_up_without_a_word_is_said_to() -> None:
    """It is no reset."""

    def hang_up(connection: socket.socket) -> None:
        connection.recv(65536)

    with serving(hang_up) as url:
        assert "closed the connection without an answer" in transport(url).request("GET", "/x").text


def test_a_proxy_port_with_407_in_it_is_no_demand_for_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the proxy's own words are."""
    monkeypatch.setenv("HTTPS_PROXY", "http://407.invalid:4071")
    assert transport("https://api.example").request("GET", "/407").failure == "no-answer"


def test_loopback_can_be_spared_the_proxy(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """NO_PROXY is honoured."""
    env = {"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    assert vidup("upload", video(MIB), emulator=emulator, env=env).returncode == 0


def test_no_expect_header_and_our_name_on_every_request() -> None:
    """A 100-continue would cost a round trip a part."""
    heads: list[bytes] = []

    def note(connection: socket.socket) -> None:
        heads.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with serving(note) as url:
        transport(url).request("POST", "/x", payload={"a": 1}, authorization="Bearer t")
    head = heads[0].lower()
    assert b"expect" not in head
    assert b"av-origin-client: vidup:0.1.0" in head
    assert b"authorization: bearer t" in head


@pytest.mark.parametrize(
    ("base_url", "words"),
    [
        ("http://127.0.0.1:9", "refused the connection"),
        ("http://name.invalid", "could not be resolved"),
        ("https://a..b", "cannot be the name of a server"),
        ("http://" + "a" * 70, "server"),
    ],
)
def test_the_lack_of_an_answer_is_put_into_words(base_url: str, words: str) -> None:
    """What failed, for a person."""
    reply = transport(base_url).request("GET", "/x")
    assert reply.failure == "no-answer"
    assert words in reply.text


def test_what_no_header_can_hold_is_a_failure_and_no_crash() -> None:
    """Whatever the layers below raise."""
    for authorization in ("Bearer \u20ac", "Bearer a\r\nX: b"):
        assert transport("http://127.0.0.1:9").request("GET", "/x", authorization=authorization).failure == "no-answer"


@responses.activate
@pytest.mark.parametrize("token", ["\u20ac", "a b", "a\r\nX: b", "", 7, None])
def test_a_token_that_no_header_can_hold_is_a_broken_answer(token: object) -> None:
    """It is refused where it comes in."""
    responses.post(f"{HOST}/auth/api-key", json={"access_token": token})
    reply = Api(HOST, ApiKey("sk-12345", "a file"), timeout=5).log_in()
    assert TABLE.judge(reply).slug == "answer-broken"


@responses.activate
@pytest.mark.parametrize("lives", ["9" * 400, "NaN", "Infinity", "-1", "null", "1e400"])
def test_a_token_is_renewed_within_30_days_whatever_it_says(lives: str) -> None:
    """Also of a number that no float can hold."""
    responses.post(f"{HOST}/auth/api-key", body=f'{{"access_token": "tok-1", "expires_in": {lives}}}')
    reply = Api(HOST, ApiKey("sk-12345", "a file"), timeout=5).log_in()
    assert 0 < Credentials().renewed(reply, 0.0).renew_at <= 30 * 86400


def test_a_peer_that_takes_nothing_is_noticed_within_the_timeout() -> None:
    """A dead line does not hang for ever."""
    release = threading.Event()

    def hold(_connection: socket.socket) -> None:
        release.wait(LONG)

    with serving(hold) as url:
        reply = transport(url, timeout=0.5).request("GET", "/x")
        release.set()
    assert reply.failure == "no-answer"
    assert "in time" in reply.text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://u:p@h/x", "http://***@h/x"),
        ("see https://token@h.", "see https://***@h."),
        ("http://u:p@ss@h/x", "http://***@h/x"),
        ("http://h/a@b", "http://h/a@b"),
        ("mail a@b", "mail a@b"),
    ],
)
def test_passwords_in_urls_are_masked(url: str, shown: str) -> None:
    """Wherever one appears."""
    assert mask_url(url) == shown


def test_a_reply_never_shows_its_key_in_a_repr() -> None:
    """Tracebacks and debuggers print values."""
    assert "sk-1" not in repr(ApiKey("sk-1", "a file"))
    assert json.dumps(Reply().status) == "null"


def test_a_connection_that_the_server_closed_while_idle_is_opened_anew() -> None:
    """Keep-alive ends on the other side: the next request does not fail for it."""
    accepted: list[bytes] = []
    closed = threading.Semaphore(0)

    def answer_and_close(connection: socket.socket) -> None:
        accepted.append(connection.recv(65536))
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"a": 1}')
        connection.shutdown(socket.SHUT_RDWR)
        closed.release()

    with serving(answer_and_close) as url:
        line = transport(url)
        for _ in range(3):
            assert line.request("GET", "/x").status == 200
            assert closed.acquire(timeout=LONG)
    assert len(accepted) == 3


@pytest.mark.parametrize("hangs_up", [False, True])
def test_a_connection_opened_early_serves_the_first_request_if_it_still_stands(
    tls: ssl.SSLContext, bundle: Path, hangs_up: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session tickets that a TLS 1.3 server sends after the handshake are no end; a server that hung up is called again."""
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    served: list[socket.socket] = []
    ready = threading.Semaphore(0)

    def answer(connection: socket.socket) -> None:
        served.append(connection)
        with tls.wrap_socket(connection, server_side=True) as secure:
            assert secure.version() == "TLSv1.3"
            if hangs_up and len(served) == 1:
                secure.close()
                ready.release()
                return
            ready.release()
            secure.recv(65536)
            secure.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"a": 1}')

    with serving(answer) as url:
        line = transport(url.replace("http:", "https:"))
        line.connect()
        assert ready.acquire(timeout=LONG)
        assert line.request("GET", "/x").status == 200
    assert len(served) == (2 if hangs_up else 1)


def test_nothing_is_opened_early_without_tls() -> None:
    """A server that takes one connection after the other, as mocks do, would wait on the idle one for ever."""
    served: list[socket.socket] = []

    def answer(connection: socket.socket) -> None:
        served.append(connection)
        connection.recv(65536)
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"a": 1}')

    with serving(answer) as url:
        early, line = transport(url), transport(url)
        early.connect()
        assert line.request("GET", "/x").status == 200
    assert len(served) == 1


def test_connecting_early_to_nobody_is_left_to_the_request() -> None:
    """It raises nothing, and the request says what is wrong."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        line = transport(f"https://127.0.0.1:{taken.getsockname()[1]}")
        line.connect()
        assert "refused" in line.request("GET", "/x").text.lower()


def test_a_proxys_password_is_struck_out_as_it_goes_over_the_wire() -> None:
    """A proxy that echoes the header it was sent shows user and password in base64."""
    kept = Secrets()
    kept.keep_proxy("http://canaryuser:p%40ss-w%C3%B6rd@127.0.0.1:3128")
    for encoding in ("utf-8", "latin-1"):
        wire = b64encode("canaryuser:p@ss-wörd".encode(encoding)).decode()
        assert kept.scrub(f"Proxy-Authorization: Basic {wire} ok").replace("=", "") == "Proxy-Authorization: Basic *** ok"
