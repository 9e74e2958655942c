"""What the tests share: a real emulator, files whose every MiB differs, and the real command in a process of its own."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from vidup.emulator.ledger import Record
from vidup.emulator.server import Emulator

MIB = 1024 * 1024
LONG = 60.0
"""Seconds after which what must come is not to be expected any more, also on a machine that is slow; they only end a hang."""

_OURS = ("VIDUP_", "APIVIDEO_", "GITHUB_", "CI", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "REQUESTS_CA", "CURL_CA", "SSL_CERT",
         "TERM_PROGRAM", "TERM_FEATURES", "VTE_VERSION", "WT_SESSION", "KITTY_", "ConEmu", "TMUX", "STY")  # fmt: skip

ORDINARY = "ordinary"
settings.register_profile(ORDINARY, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("random", max_examples=1000, print_blob=True)
settings.load_profile(ORDINARY)  # the same examples in every run, however slow the machine; others by `--hypothesis-profile random`


def pytest_configure() -> None:
    """A shell starts what runs in its background with SIGINT ignored, nohup with SIGHUP: our children must not inherit that."""
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(autouse=True)
def nobodys_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees the user's home, key, proxy or settings."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(_OURS) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(home / name.lower()))
    return home


class Gate:
    """Holds back answers for as long as a test wants: the emulator has done what was asked, and its client does not know."""

    def __init__(self) -> None:
        self._turned = threading.Condition()
        self._holds: Callable[[Record], object] = lambda _record: False

    def __call__(self, record: Record) -> None:
        with self._turned:
            self._turned.wait_for(lambda: not self._holds(record), 600)

    def hold(self, which: Callable[[Record], object]) -> None:
        """From now on the answers to these requests wait, and no others."""
        with self._turned:
            self._holds = which
            self._turned.notify_all()

    def open(self) -> None:
        """Let all go."""
        self.hold(lambda _record: False)


class Gated(Emulator):
    """An emulator whose answers can be held back."""

    gate: Gate


@pytest.fixture
def gate() -> Gate:
    """What holds back answers of every emulator of the test: gate.hold(lambda record: record.part == 2), gate.open()."""
    return Gate()


@pytest.fixture
def emulate(tmp_path: Path, gate: Gate) -> Iterator[Callable[..., Emulator]]:
    """Start an emulator with these settings; it ends with the test."""
    with ExitStack() as running:

        def start(**settings: Any) -> Emulator:
            emulator = Gated(**{"store": tmp_path / "store", "hear": gate, **settings})
            emulator.gate = gate
            return running.enter_context(emulator)

        yield start
        gate.open()


@pytest.fixture
def emulator(emulate: Callable[..., Emulator]) -> Emulator:
    """A plain emulator without limits or faults."""
    return emulate()


def fill(path: Path, size: int, seed: int = 1) -> Path:
    """Write `size` bytes in which every MiB differs, so that no two stretches can be taken for each other."""
    block = bytearray(random.Random(seed).randbytes(MIB))
    with path.open("wb") as file:
        for start in range(0, size, MIB):
            block[:8] = (start + 1).to_bytes(8, "little")
            file.write(block[: min(MIB, size - start)])
    return path


def sha256(path: Path) -> str:
    """The SHA-256 of a whole file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.fixture
def video(tmp_path: Path) -> Callable[..., Path]:
    """Make a file of so many bytes: video(size, name="movie.mp4", seed=1)."""
    return lambda size, name="movie.mp4", seed=1: fill(tmp_path / name, size, seed)


@dataclass(frozen=True)
class Cli:
    """The real command, as a process of its own, with a state folder of its own."""

    state: Path
    cwd: Path

    def command(self, *words: str | Path) -> list[str]:
        return [sys.executable, "-m", "vidup", *map(str, words)]

    def env(self, emulator: Emulator | None = None, **more: str) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # `vidup` is this one, as for who installed it
        given = {"VIDUP_STATE_DIR": str(self.state), "PATH": path, **more}
        if emulator is not None:
            given |= {"VIDUP_BASE_URL": emulator.url, "VIDUP_API_KEY": emulator.api_key}
        return {**os.environ, **given}

    def start(
        self, *words: str | Path, emulator: Emulator | None = None, env: dict[str, str] | None = None, **more: Any
    ) -> subprocess.Popen[str]:
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **more}
        return subprocess.Popen(self.command(*words), env=self.env(emulator, **(env or {})), cwd=self.cwd, text=True, **options)

    def __call__(
        self, *words: str | Path, emulator: Emulator | None = None, env: dict[str, str] | None = None, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words), env=self.env(emulator, **(env or {})), cwd=self.cwd, text=True, capture_output=True, timeout=4 * LONG,
            input=stdin or "", check=False,
        )  # fmt: skip


@pytest.fixture
def vidup(tmp_path: Path) -> Cli:
    """Run `vidup …`: vidup("upload", path, emulator=emulator)."""
    (tmp_path / "cwd").mkdir()
    return Cli(tmp_path / "state", tmp_path / "cwd")


def parts_sent(emulator: Emulator) -> list[int]:
    """The part number of every part request the emulator has seen the end of, in order."""
    return [request.part for request in emulator.requests if request.part is not None]


def statuses(emulator: Emulator, *, path_end: str) -> Sequence[int | None]:
    """The answers given to requests whose path ends so."""
    return [request.status for request in emulator.requests if request.path.split("?")[0].endswith(path_end)]


INJECTED = str(Path(__file__).parent / "faults" / "injected")


def inject(what: str) -> dict[str, str]:
    """The environment that makes a vidup process die, or its disk fill, at one exact call; see tests/faults/injected/sitecustomize.py."""
    return {"PYTHONPATH": INJECTED, "VIDUP_TEST_INJECT": what}


def patient(out: Path) -> dict[str, str]:
    """The environment in which vidup, once stopped, waits for answers for ten minutes; it adds a byte to `out` for each body that is out.

    Whether it ends at once can so be told from its usual five seconds on any machine, and when it has nothing left but to wait.
    """
    return inject(f"patient:{out}")


def bodies_out(out: Path) -> int:
    """How many bodies are out, all of them, of a vidup that is `patient`."""
    return out.stat().st_size if out.exists() else 0


def heard_until(process: subprocess.Popen[str], words: str) -> str:
    """What it said on stderr up to the line with these words."""
    heard = ""
    for line in process.stderr or ():
        heard += line
        if words in line:
            return heard
    raise AssertionError(heard)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--kills 500` runs the kill-anywhere test that often."""
    parser.addoption("--kills", type=int, default=25, help="how many seeded kill points to try")
