"""CONDUCTOR: the check-up: everything that an upload depends on, looked at one by one, each with what to do where something is wrong."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vidup import __version__
from vidup.api.credentials import ApiKey
from vidup.api.trust import trust_source
from vidup.console.config import Homeless, config_file
from vidup.console.keys import find_key
from vidup.errors import ExitCode, VidupError
from vidup.events import Event, Tell
from vidup.inert import inert
from vidup.state.journal import StateFolder
from vidup.units import show_duration
from vidup.upload.outcome import Refused
from vidup.upload.questions import PATIENCE, Line, open_line
from vidup.verdicts.judge import Reply

_SGR: Final = {"ok": "32", "warn": "33", "fail": "31", "wait": "33"}

_SKEW: Final = 60.0
"""Seconds that this machine's clock may differ from the server's."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. With an `advice` something is to be done about it; with a `code` other than OK an upload would end so."""

    name: str
    words: str
    advice: str = ""
    code: ExitCode = ExitCode.OK
    waiting: str = ""

    @property
    def mark(self) -> str:
        """`ok`, `warn` or `fail`."""
        return self.waiting or ("fail" if self.code is not ExitCode.OK else "warn" if self.advice else "ok")

    def line(self, painted: bool) -> str:
        """The finding as a line for a person, its mark in colour if `painted`."""
        mark = f"{self.mark:<4}"
        mark = f"\x1b[{_SGR[self.mark]}m{mark}\x1b[0m" if painted else mark
        return f"{mark}  {self.name:<7}  {inert(f'{self.words} → {self.advice}' if self.advice else self.words, 1000)}"

    def to_json(self) -> dict[str, object]:
        """The finding as `--json` has it."""
        return {
            "name": self.name, "mark": self.mark, "words": self.words, "advice": self.advice or None, "exit_code": int(self.code),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at: one server, its key as the options name it, one state folder."""

    base_url: str
    key_file: str | None
    state_dir: Path | VidupError
    environ: Mapping[str, str]
    wrong_config: VidupError | None = None


def check_up(subject: Subject, meanwhile: Callable[[Finding], None]) -> Iterator[Finding]:
    """The findings as they are made; requests are one log in. Raises nothing but faults of vidup itself.

    `meanwhile` is told once where an answer is still waited for: it is no finding.
    """
    told: list[Event] = []

    def tell(event: Event) -> None:
        if not told:
            meanwhile(Finding("log in", f"no usable answer yet, trying again for up to {PATIENCE:g} s", waiting="wait"))
        told.append(event)

    yield Finding("version", f"vidup {__version__}, Python {platform.python_version()}, {sys.platform}")
    yield _problem("config", subject.wrong_config) if subject.wrong_config else _config(subject.environ)
    yield Finding("server", subject.base_url)
    yield from _connection(subject, tell)
    yield from _state(subject.state_dir)


def _config(environ: Mapping[str, str]) -> Finding:
    try:
        config = config_file(environ)
    except Homeless as error:
        return Finding("config", f"none ({error.cause})")
    return Finding("config", str(config) if config.is_file() else f"none ({config} is not there)")


def _connection(subject: Subject, tell: Tell) -> Iterator[Finding]:
    key: ApiKey | None = None
    try:
        key = find_key(subject.key_file, subject.environ, subject.base_url)
        found = Finding("key", f"from {key.source}")
    except VidupError as error:
        found = _problem("key", error)
    try:
        line = open_line(subject.base_url, key or ApiKey("", ""), tell)
    except VidupError as error:
        yield _problem("trust", error)
        yield found
        return
    yield Finding("proxy", line.api.proxy or "none")
    encrypted = subject.base_url.startswith("https")
    yield Finding("trust", trust_source(subject.environ) if encrypted else "not needed: the connection is not encrypted")
    yield found
    if key is not None:
        yield from _log_in(line)


def _log_in(line: Line) -> Iterator[Finding]:
    try:
        reply = line.log_in()
        yield Finding("log in", "the server accepts the key")
    except Refused as error:
        reply = error.reply
        if error.code is ExitCode.AGAIN:
            error.what, error.advice = "The server cannot be asked now", "Check the network, the proxy and --base-url, or try again later."
        yield _problem("log in", error)
    if reply.status is None:
        return
    yield from _clock(reply, time.time())
    limit = reply.rate.limit
    yield Finding("limit", f"{limit} requests a minute, says the answer to the log in" if limit else "the server told none")


def _clock(reply: Reply, now: float) -> Iterator[Finding]:
    if reply.date is None:
        return
    skew = now - reply.date
    if abs(skew) <= _SKEW:
        yield Finding("clock", "as the server's")
        return
    side = "ahead of" if skew > 0 else "behind"
    yield Finding("clock", f"{show_duration(abs(skew))} {side} the server's", "Set this machine's clock: certificates and dates go by it.")


def _state(folder: Path | VidupError) -> Iterator[Finding]:
    if isinstance(folder, VidupError):
        yield _problem("state", folder)
        return
    state = StateFolder(folder)
    try:
        state.prepare()
        count = sum(1 for _record in state.records())
    except VidupError as error:
        yield _problem("state", error)
        return
    yield Finding("state", f"{folder} can be written")
    yield Finding("uploads", f"{count} interrupted, see vidup list" if count else "none interrupted")


def _problem(name: str, error: VidupError) -> Finding:
    return Finding(name, f"{error.what}: {error.cause}" if error.cause else error.what, error.advice, error.code)
