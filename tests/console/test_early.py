"""Signals before an upload has begun: each file has its object and the events their exit, and the process ends by the signal."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import LONG, MIB, Cli
from tests.console.test_signals import AT_IMPORT
from vidup.emulator.server import Emulator

Video = Callable[..., Path]


@pytest.fixture
def at_import(tmp_path: Path) -> Callable[[str, int], dict[str, str]]:
    """The environment in which vidup is sent this signal just before it imports this module."""

    def environment(module: str, number: int) -> dict[str, str]:
        folder = tmp_path / "injected"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(AT_IMPORT.format(module=module, number=int(number)))
        return {"PYTHONPATH": str(folder)}

    return environment


@pytest.mark.parametrize("module", ["click", "vidup.commands.upload", "vidup.console.keys", "vidup.console.session", "vidup.upload.order"])
def test_a_signal_while_vidup_is_being_loaded_still_ends_in_an_object(
    module: str, at_import: Callable[[str, int], dict[str, str]], emulator: Emulator, video: Video, vidup: Cli
) -> None:
    """Also before the command line was read; nothing is begun any more."""
    done = vidup("upload", "--json", video(6 * MIB), emulator=emulator, env=at_import(module, signal.SIGTERM))
    report = json.loads(done.stdout)
    assert (done.returncode, report["status"], report["exit_code"], report["resumable"]) == (-signal.SIGTERM, "interrupted", 143, True)
    assert report["resume_command"].startswith("vidup upload --json ") and report["resume_command"].endswith("movie.mp4")
    assert "Interrupted: movie.mp4 is not uploaded yet." in done.stderr
    assert not emulator.requests


def test_a_signal_while_vidup_is_being_loaded_ends_the_events_with_an_exit(
    at_import: Callable[[str, int], dict[str, str]], emulator: Emulator, video: Video, vidup: Cli
) -> None:
    """A result and an exit, in that order, and nothing else."""
    done = vidup("upload", "--progress", "json", video(6 * MIB), emulator=emulator, env=at_import("vidup.console.session", signal.SIGINT))
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(event["type"], event.get("code")) for event in events] == [("result", None), ("exit", 130)]
    assert (done.returncode, done.stdout) == (-signal.SIGINT, "")


def test_a_signal_while_the_key_is_awaited_ends_at_once(tmp_path: Path, video: Video, vidup: Cli) -> None:
    """A pipe may hold its reader up for ever; the object is told all the same."""
    os.mkfifo(tmp_path / "key")
    process = vidup.start("upload", "--json", "--api-key-file", tmp_path / "key", video(6 * MIB))
    with (tmp_path / "key").open("wb"):  # opened when vidup opens it, and nothing is written
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=LONG)
    assert (process.returncode, json.loads(stdout)["exit_code"]) == (-signal.SIGINT, 130)


def test_a_second_signal_while_vidup_is_being_loaded_ends_it_on_the_spot(
    tmp_path: Path, video: Video, vidup: Cli
) -> None:  # fmt: skip
    """By that signal, and without a word."""
    folder = tmp_path / "injected"
    folder.mkdir()
    twice = AT_IMPORT.format(module="click", number=2).replace("os.kill(", "os.kill(os.getpid(), 2); os.kill(")
    (folder / "sitecustomize.py").write_text(twice)
    done = vidup("upload", "--json", video(6 * MIB), env={"PYTHONPATH": str(folder), "VIDUP_API_KEY": "key1"})
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_what_fails_before_it_begins_ends_by_its_failure(
    at_import: Callable[[str, int], dict[str, str]], video: Video, vidup: Cli
) -> None:  # fmt: skip
    """As anywhere: a signal that found nothing to stop changes no exit code."""
    done = vidup("upload", "--json", "--part-size", "1", video(6 * MIB), env=at_import("click", signal.SIGINT))
    assert (done.returncode, json.loads(done.stdout)["exit_code"]) == (2, 2)


def test_a_dry_run_that_was_told_to_stop_asks_nobody(
    at_import: Callable[[str, int], dict[str, str]], emulator: Emulator, video: Video, vidup: Cli
) -> None:
    """It ends by the signal."""
    done = vidup("upload", "--dry-run", video(6 * MIB), emulator=emulator, env=at_import("click", signal.SIGINT))
    assert (done.returncode, done.stdout, len(emulator.requests)) == (-signal.SIGINT, "", 0)
