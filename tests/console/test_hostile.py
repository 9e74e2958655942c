"""File names and server messages that would drive a terminal, forge a line of a log or command a CI runner: harmless everywhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar, cast

import pexpect
import pytest
from jsonschema import Draft202012Validator

from tests.conftest import LONG, MIB, Cli, fill
from tests.console.test_outcomes import EVENT, RESULT
from vidup.emulator.server import Emulator
from vidup.inert import command_line, inert

HOSTILE = "\x1b]0;owned\x07\x9b31m\u202e[/x]:smile:\r\n::error::x##[error]y"
NAMES = {
    "drives": os.fsencode("a\x1b[31m\x9bb\x07\u202egpj ") + b"caf\xe9 \xff.mp4",
    "commands": b"::error::x ##[error]y [bold] [red]:smile:.mp4",
    "lines": b"a\n::error::forged\r\nb.mp4",
}
DRIVES = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def assert_harmless(text: str) -> None:
    """No control but line ends, and nothing that a runner takes for a command but our own annotation."""
    assert not DRIVES.search(text), ascii(text)
    assert "##[" not in text
    commands = [line for line in text.splitlines() if line.strip().startswith("::")]
    assert all(line.startswith("::error title=Could not upload ") for line in commands), commands


def assert_drawing_only(text: str) -> None:
    """What a terminal got: no escape but those that draw the block and colour it."""
    left = re.sub(r"\x1b\[[\d;]*[mAKJ]|\x1b\[\?25[hl]|\x1b[78D]|\r", "", text)
    assert_harmless(left)


class Refusing(BaseHTTPRequestHandler):
    """Says no to everything, in the words of somebody who means harm."""

    words: ClassVar[dict[str, object]] = {
        "type": HOSTILE,
        "title": HOSTILE,
        "detail": HOSTILE,
        "name": HOSTILE,
        "problems": [{"name": HOSTILE, "title": HOSTILE}],
    }

    def do_POST(self) -> None:
        body = json.dumps(self.words).encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def refusing() -> Iterator[str]:
    """The URL of a server that refuses with a hostile message."""
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(params=NAMES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file that is really called so."""
    name = os.fsdecode(NAMES[request.param])
    try:
        return fill(tmp_path / name, 12 * MIB)
    except OSError:
        pytest.skip("this file system does not take such a name")


def step(tmp_path: Path) -> dict[str, str]:
    return {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}


def test_file_names_in_a_pipe(path: Path, emulator: Emulator, vidup: Cli, tmp_path: Path) -> None:
    """Plain lines, JSON, events and GitHub's files, of a failure and of a success; and the file arrives."""
    emulator.add_fault("part=2:error=uploaded-file-invalid-file")
    env, words = step(tmp_path), ("--part-size", "5MiB", "--json")
    failed = vidup("upload", path, *words, emulator=emulator, env=env)
    assert failed.returncode == 6 and "::error title=" in failed.stderr
    done = vidup("upload", path, *words, "--progress", "json", emulator=emulator, env=env)
    assert done.returncode == 0
    for text in (
        failed.stdout,
        failed.stderr,
        done.stdout,
        done.stderr,
        *(Path(env[name]).read_text() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")),
    ):
        assert_harmless(text)
    check_all(RESULT, failed.stdout + done.stdout)
    check_all(EVENT, done.stderr)
    told = json.loads(done.stdout)["file"]
    assert told == re.sub("[\ud800-\udfff]", "\ufffd", str(path))


def check_all(validator: Draft202012Validator, text: str) -> None:
    """Every line is valid, and its strings can be encoded, which lone surrogates cannot."""
    for line in text.splitlines():
        value = json.loads(line)
        validator.validate(value)
        json.dumps(value, ensure_ascii=False).encode()


def test_file_names_on_a_terminal(path: Path, emulate: Callable[..., Emulator], vidup: Cli) -> None:
    """The live block, the error and the summary."""
    emulator = emulate(faults=["part=2:error=uploaded-file-invalid-file"])
    for code in (6, 0):
        command = vidup.command("upload", path, "--part-size", "5MiB")
        terminal = pexpect.spawn(command[0], command[1:], env=vidup.env(emulator, TERM="xterm"), timeout=LONG)
        shown = cast(bytes, terminal.read()).decode("utf-8")
        terminal.close()
        assert terminal.exitstatus == code
        assert_drawing_only(shown)


@pytest.mark.parametrize("words", [(), ("--json",), ("--progress", "json")], ids=["plain", "json", "events"])
def test_server_messages_in_a_pipe(words: tuple[str, ...], refusing: str, video: Callable[..., Path], vidup: Cli, tmp_path: Path) -> None:
    """Told in full, yet harmless."""
    env = {"VIDUP_API_KEY": "key1", "VIDUP_BASE_URL": refusing, **step(tmp_path)}
    done = vidup("upload", video(10), *words, env=env)
    assert done.returncode == 6
    assert_harmless(done.stdout + done.stderr)
    assert_harmless(Path(env["GITHUB_STEP_SUMMARY"]).read_text())
    if words:
        check_all(RESULT if words == ("--json",) else EVENT, done.stdout or done.stderr)
    assert "owned" in done.stdout + done.stderr


def test_server_messages_on_a_terminal(refusing: str, video: Callable[..., Path], vidup: Cli) -> None:
    """The same through the live view."""
    command = vidup.command("upload", video(10))
    env = vidup.env(TERM="xterm", VIDUP_API_KEY="key1", VIDUP_BASE_URL=refusing)
    terminal = pexpect.spawn(command[0], command[1:], env=env, timeout=LONG, encoding="utf-8", dimensions=(24, 1000))
    shown = terminal.read()
    assert_drawing_only(shown)
    assert "owned" in shown and "[/x]:smile:" in shown


def test_titles(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """A hostile title reaches the server as it was given, and the screen inert."""
    title = HOSTILE.replace("\x07", "")
    done = vidup("upload", video(10), "--title", title, emulator=emulator)
    assert [view.title for view in emulator.videos.values()] == [title]
    assert_harmless(done.stderr)


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_command_that_continues_can_be_pasted(kind: str, shell: str) -> None:
    """A name that cannot be shown is spelled so that the shell reads the very same bytes."""
    shown = command_line(["printf", "%s", os.fsdecode(NAMES[kind])])
    assert inert(shown, 1000) == shown
    try:
        said = subprocess.run([shell, "-c", shown], capture_output=True, check=True).stdout
    except FileNotFoundError:
        pytest.skip(f"{shell} is not installed here")
    assert said == NAMES[kind]


def test_the_command_that_continues_is_told_that_way(path: Path, vidup: Cli) -> None:
    """Before there is an upload id, it has to name the file."""
    where = ("--base-url", "http://127.0.0.1:9", "--retry-for", "0.1s")
    done = vidup("upload", path, *where, env={"VIDUP_API_KEY": "key1"})
    assert done.returncode == 75
    assert_harmless(done.stderr)
    command = done.stderr.strip().rpartition("Continue with: ")[2]
    words = subprocess.run(["bash", "-c", f"printf '%s\\0' {command}"], capture_output=True, check=True).stdout.split(b"\0")[:-1]
    assert words == [os.fsencode(word) for word in ("vidup", "upload", str(path), *where)]
