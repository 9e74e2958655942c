"""The words of refusals: one best guess, no jargon, and somewhere to go from there."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MIB, Cli
from vidup.emulator.server import Emulator
from vidup.errors import ExitCode
from vidup.state.journal import StateFolder
from vidup.state.lock import Busy
from vidup.upload.outcome import server_words
from vidup.verdicts.judge import Reply
from vidup.verdicts.rules import TABLE


@pytest.mark.parametrize(
    ("words", "what", "advice"),
    [
        (["uplaod", "x"], "No such command 'uplaod'. Did you mean upload?", "vidup upload -h"),
        (["upload", "--titel", "x", "f"], "No such option '--titel'. Did you mean --title?", "vidup upload -h"),
        (["upload", "--token", "x", "f"], "No such option '--token'", "--api-key-file"), (["rm", "x"], "No such command 'rm'", "vidup forget"),
        (["delete", "x"], "No such command", "vidup forget"), (["config"], "No such command", "vidup check"),
        (["version"], "No such command", "vidup --version"), (["help"], "No such command", "vidup -h"), (["-V"], "No such option '-V'", "vidup --version"),
        (["upload", "--parallel", "3", "f"], "No such option '--parallel'", "--jobs, see vidup upload -h"),
        (["upload", "--zzz", "f"], "No such option '--zzz'", "vidup upload -h"), (["forget"], "Name the uploads to forget", "vidup forget -h"),
        (["upload", "-j", "abc", "f"], "abc is not a whole number from 1 to 16", "vidup upload -h"),
        (["upload", "--timeout", "nan", "f"], "nan is not a number of seconds from 1 to 3600", "vidup upload -h"),
        (["emulator", "--port", "99999"], "99999 is not a whole number from 0 to 65535", "vidup emulator -h"),
    ],
)  # fmt: skip
def test_wrong_usage_leads_somewhere(words: list[str], what: str, advice: str, vidup: Cli) -> None:
    """One guess, or the command of ours for a habit of others; a sentence begins with a capital."""
    done = vidup(*words)
    first, *_rest, last = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert what in first and advice in last
    assert "one of" not in first and (first[2].isupper() or first[2] == "-")


def test_the_help_has_no_ranges_in_mathematics(vidup: Cli) -> None:
    """They stand in words before it."""
    assert "<=" not in vidup("upload", "-h").stdout


def test_several_interrupted_uploads_are_continued_by_one_command(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """The last line is the command, not the help."""
    emulator.add_fault("part=2,times=*:error=uploaded-file-invalid-file")
    for seed in (1, 2):
        vidup("upload", video(12 * MIB, f"{seed}.mp4", seed), "--part-size", "5MiB", emulator=emulator)
    done = vidup("resume", emulator=emulator)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, "→ vidup resume --all")


def test_who_is_at_it_for_how_long_is_told_in_seconds(tmp_path: Path) -> None:
    """ "for 0 min" says nothing."""
    folder = StateFolder(tmp_path)
    folder.prepare()
    with folder.locked("k3f9abcd"):
        with pytest.raises(Busy) as busy:
            folder.lock("k3f9abcd")
        assert busy.value.cause.startswith(f"process {os.getpid()} on ") and re.search(r" for \d+ s$", busy.value.cause)


def test_a_page_that_begins_with_the_status_does_not_say_it_twice() -> None:
    """As nginx and its kin head theirs."""
    assert server_words(TABLE.by_status(503), Reply(status=503, text="503 Service Unavailable")) == 'HTTP 503: "Service Unavailable"'


@pytest.mark.parametrize("key", ["", "key1"])
def test_the_video_that_was_named_is_in_the_object_of_a_failure(key: str, video: Callable[..., Path], vidup: Cli) -> None:
    """Also before the server was asked; and the command to repeat is not one of a record that there is none of."""
    words = ("upload", "--json", "--retry-for", "1", "--base-url", "http://127.0.0.1:9", "--video-id", "vi1", video(10))
    report = json.loads(vidup(*words, env={"VIDUP_API_KEY": key}).stdout)
    assert report["video_id"] == "vi1"
    assert (report["exit_code"] == ExitCode.AGAIN) == bool(report["resume_command"]) == bool(key)
    assert not key or report["resume_command"].startswith("vidup upload ")


def test_login_ends_with_the_next_step(emulator: Emulator, vidup: Cli) -> None:
    """For the server that it was for."""
    done = vidup("login", "--base-url", emulator.url, stdin=emulator.api_key)
    first, where, last = done.stderr.splitlines()
    assert first.startswith("✓ ") and where.startswith("  ") and last == f"→ vidup upload --base-url {emulator.url} FILE"
