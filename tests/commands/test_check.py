"""`vidup check`: a line for everything that an upload depends on, and the exit code of the first problem."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conftest import MIB, Cli
from vidup.emulator.server import Emulator

NAMES = ["version", "config", "server", "proxy", "trust", "key", "log in", "clock", "limit", "state", "uploads"]


def findings(text: str) -> dict[str, tuple[str, str]]:
    """The lines of a check by name: the mark, and the words."""
    return {line[6:13].strip(): (line[:4].strip(), line[15:]) for line in text.splitlines()}


@pytest.fixture
def skewed() -> Iterator[Callable[[float], str]]:
    """A server that accepts every key and whose clock is so many seconds ahead: skewed(600) is its URL."""
    running: list[ThreadingHTTPServer] = []

    def start(seconds: float) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                body = json.dumps({"access_token": "a" * 20, "expires_in": 60}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def date_time_string(self, timestamp: float | None = None) -> str:
                return formatdate((timestamp or __import__("time").time()) + seconds, usegmt=True)

            def log_message(self, format: str, *args: object) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        running.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def test_all_well_is_exit_0_with_a_line_each(emulate: Callable[..., Emulator], vidup: Cli) -> None:
    """The lines are the result, so they are on stdout; the key is not in them."""
    emulator = emulate(rate_limit={"writes": 33})
    done = vidup("check", emulator=emulator)
    found = findings(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(found) == NAMES
    assert {mark for mark, _words in found.values()} == {"ok"}
    assert "VIDUP_API_KEY" in found["key"][1]
    assert "33 requests a minute" in found["limit"][1]
    assert str(vidup.state) in found["state"][1]
    assert emulator.api_key not in done.stdout
    assert [request.path for request in emulator.requests] == ["/auth/api-key"]


def test_without_a_key_it_is_exit_4_and_the_rest_is_looked_at(emulator: Emulator, vidup: Cli) -> None:
    """One problem does not hide the others; no request is made."""
    done = vidup("check", "--base-url", emulator.url)
    found = findings(done.stdout)
    assert done.returncode == 4
    assert found["key"][0] == "fail" and "vidup login" in found["key"][1]
    assert "state" in found and not emulator.requests


def test_a_refused_key_is_exit_4(emulator: Emulator, vidup: Cli) -> None:
    """With the words of the server and what to do."""
    done = vidup("check", "--base-url", emulator.url, env={"VIDUP_API_KEY": "wrongkey"})
    mark, words = findings(done.stdout)["log in"]
    assert (done.returncode, mark) == (4, "fail")
    assert "→" in words and "wrongkey" not in done.stdout


def test_no_network_is_exit_75(vidup: Cli) -> None:
    """The tries in between are told on stderr."""
    done = vidup("check", "--base-url", "http://127.0.0.1:9", env={"VIDUP_API_KEY": "key1"})
    mark, words = findings(done.stdout)["log in"]
    assert (done.returncode, mark) == (75, "fail")
    assert "refused the connection" in words and "vidup resume" not in words
    assert done.stderr == "wait  log in   no usable answer yet, trying again for up to 15 s\n"


def test_a_wrong_ca_bundle_is_exit_7(vidup: Cli) -> None:
    """Naming the variable; the key and the state folder are looked at all the same."""
    done = vidup("check", "--base-url", "https://127.0.0.1:9", env={"VIDUP_API_KEY": "key1", "REQUESTS_CA_BUNDLE": "/nowhere.pem"})
    found = findings(done.stdout)
    assert (done.returncode, found["trust"][0]) == (7, "fail")
    assert "REQUESTS_CA_BUNDLE" in found["trust"][1]
    assert found["key"][0] == found["state"][0] == "ok"


def test_the_proxy_is_named_without_its_password(vidup: Cli) -> None:
    """A proxy of the environment explains much."""
    done = vidup("check", "--base-url", "http://api.invalid", "--allow-http", env={"HTTP_PROXY": "http://me:secret@127.0.0.1:9"})
    assert findings(done.stdout)["proxy"][1] == "http://***@127.0.0.1:9"
    assert "secret" not in done.stdout + done.stderr


@pytest.mark.parametrize(("seconds", "side"), [(600, "behind"), (-600, "ahead of")])
def test_a_wrong_clock_is_a_warning(seconds: float, side: str, skewed: Callable[[float], str], vidup: Cli) -> None:
    """It is worth knowing, but stops no upload: exit 0."""
    done = vidup("check", "--base-url", skewed(seconds), env={"VIDUP_API_KEY": "key1"})
    mark, words = findings(done.stdout)["clock"]
    assert (done.returncode, mark) == (0, "warn")
    assert f"{side} the server's" in words and words.startswith(("10:0", "9:5"))
    assert findings(done.stdout)["limit"][1] == "the server told none"


def test_a_state_folder_that_cannot_be_written_is_exit_3(emulator: Emulator, vidup: Cli) -> None:
    """And the first problem is the one that counts."""
    assert vidup("check", "--state-dir", "/proc/nowhere", emulator=emulator).returncode == 3
    assert vidup("check", "--state-dir", "/proc/nowhere", "--base-url", emulator.url).returncode == 4


def test_interrupted_uploads_are_counted(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """So that nobody forgets them."""
    emulator = emulate(faults=["part=2:error=uploaded-file-invalid-file"])
    vidup("upload", video(12 * MIB), "--part-size", "5MiB", emulator=emulator)
    assert findings(vidup("check", emulator=emulator).stdout)["uploads"][1] == "1 interrupted, see vidup list"


def test_a_wrong_config_file_is_exit_2(tmp_path: Path, vidup: Cli) -> None:
    """It is a line as any other, and the rest is looked at; a right one is named."""
    path = tmp_path / "my.toml"
    for text in ("jobz = 1", "jobs = "):
        path.write_text(text)
        done = vidup("check", env={"VIDUP_CONFIG": str(path)})
        mark, words = findings(done.stdout)["config"]
        assert (done.returncode, mark, str(path) in words, done.stderr) == (2, "fail", True, "")
        assert {"key", "state"} <= findings(done.stdout).keys()
    path.write_text("jobs = 1")
    assert findings(vidup("check", env={"VIDUP_CONFIG": str(path)}).stdout)["config"] == ("ok", str(path))


def test_a_program_gets_the_findings_as_one_array(vidup: Cli) -> None:
    """The same, with the exit code that each would cause."""
    done = vidup("check", "--json", "--base-url", "http://127.0.0.1:9")
    found = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert (done.returncode, found["key"]["mark"], found["key"]["exit_code"]) == (4, "fail", 4)
    assert found["version"]["advice"] is None and "vidup login" in found["key"]["advice"]


def test_marks_are_in_colour_where_that_is_asked_for(vidup: Cli) -> None:
    """Else, in a pipe, they are not."""
    assert "\x1b[31mfail\x1b[0m  key" in vidup("check", "--color", "always", "--base-url", "http://127.0.0.1:9").stdout
    assert "\x1b" not in vidup("check", "--base-url", "http://127.0.0.1:9").stdout
