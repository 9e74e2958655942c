"""HTTP as it comes: early answers, broken ones, proxies, certificates, redirects, and a key that goes nowhere else."""

from __future__ import annotations

import http.server
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import responses
import trustme

from tests.conftest import MIB, Cli
from vidup.emulator import Emulator
from vidup.errors import VidupError
from vidup.rules import TABLE
from vidup.transport import ERROR_BODY_LIMIT, Transport, mask_url
from vidup.trust import trust_store
from vidup.verdicts import Reply

HOST = "https://ws.api.video"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does one thing to every connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                answer(connection)
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def transport(base_url: str = HOST, timeout: float = 10.0) -> Transport:
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
    """Without its password."""
    done = vidup(
        "upload", video(MIB), "--base-url", "https://api.example", "--retry-for", "1s",
        env={"VIDUP_API_KEY": "key1", "HTTPS_PROXY": "http://user:hunter2@127.0.0.1:9"},
    )  # fmt: skip
    assert done.returncode == 75
    assert "through the proxy http://***@127.0.0.1:9" in done.stderr
    assert "hunter2" not in done.stderr


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
    [("http://127.0.0.1:9", "refused the connection"), ("http://name.invalid", "could not be resolved")],
)
def test_the_lack_of_an_answer_is_put_into_words(base_url: str, words: str) -> None:
    """What failed, for a person."""
    reply = transport(base_url).request("GET", "/x")
    assert reply.failure == "no-answer"
    assert words in reply.text


def test_a_peer_that_takes_nothing_is_noticed_within_the_timeout() -> None:
    """A dead line does not hang for ever."""
    release = threading.Event()

    def hold(_connection: socket.socket) -> None:
        release.wait(20)

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
        ("http://h/a@b", "http://h/a@b"),
        ("mail a@b", "mail a@b"),
    ],
)
def test_passwords_in_urls_are_masked(url: str, shown: str) -> None:
    """Wherever one appears."""
    assert mask_url(url) == shown


def test_a_reply_never_shows_its_key_in_a_repr() -> None:
    """Tracebacks and debuggers print values."""
    from vidup.order import ApiKey

    assert "sk-1" not in repr(ApiKey("sk-1", "a file"))
    assert json.dumps(Reply().status) == "null"
