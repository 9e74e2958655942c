"""What is advised leads elsewhere: the command in the last line of an error is run, and the same error does not come back."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MIB, Cli
from vidup.emulator.server import Emulator
from vidup.verdicts.judge import Rule, Verdict
from vidup.verdicts.rules import DOCUMENTED

Video = Callable[..., Path]
Done = subprocess.CompletedProcess[str]
SMALL = ("--part-size", "5MiB", "-j", "1", "--retry-for", "1", "--progress", "none")

KINDS = {rule.advice: rule for rule in DOCUMENTED if rule.verdict is Verdict.ABORT or rule.at_most}
"""One row for each thing that is advised."""


def advised(done: Done) -> list[str]:
    """The words of the command in the last line of what was said; empty where none stands there."""
    last = [line for line in done.stderr.splitlines() if "→" in line][-1]
    found = re.search(r"vidup ((?:upload|resume|list|login|plan|-h|[a-z]+ -h)\b.*)$", last)
    return shlex.split(found[1]) if found else []


def said(done: Done) -> str:
    """The first line of an error, without the time."""
    return re.sub(r"^[\d:]+ error: ", "", done.stderr.splitlines()[0])


def interrupted(vidup: Cli, emulator: Emulator, path: Path) -> None:
    """One part is on the server, and a record tells of it."""
    emulator.add_fault("part=2:error=uploaded-file-invalid-file")
    assert vidup("upload", path, *SMALL, emulator=emulator).returncode == 6


@pytest.mark.parametrize("rule", KINDS.values(), ids=lambda rule: rule.slug)
def test_the_advice_of_each_row_leads_elsewhere(rule: Rule, emulator: Emulator, video: Video, vidup: Cli) -> None:
    """What is advised, or the same command where none is, uploads the file once the server no longer objects."""
    emulator.add_fault(f"part=2,times=*:error={rule.slug}")
    words = ("upload", str(video(12 * MIB)), *SMALL)
    first = vidup(*words, emulator=emulator)
    assert first.returncode not in (0, 1) and "→" in first.stderr
    emulator.clear_faults()
    command = advised(first)
    assert ("--restart" in command) == ("--restart" in first.stderr)
    again = vidup(*(command or words), emulator=emulator)
    assert again.returncode == 0, again.stderr


def _unknown_video(vidup: Cli, emulator: Emulator, path: Path) -> Done:
    return vidup("upload", "--video-id", "vinosuch", path, *SMALL, emulator=emulator)


def _full_video(vidup: Cli, emulator: Emulator, path: Path) -> Done:
    video_id = vidup("upload", path, *SMALL, emulator=emulator).stdout.strip()
    return vidup("upload", "--video-id", video_id, path, *SMALL, emulator=emulator)


def _changed(vidup: Cli, emulator: Emulator, path: Path) -> Done:
    interrupted(vidup, emulator, path)
    os.truncate(path, 11 * MIB)
    return vidup("upload", path, *SMALL, emulator=emulator)


def _changed_before_resume(vidup: Cli, emulator: Emulator, path: Path) -> Done:
    interrupted(vidup, emulator, path)
    os.truncate(path, 11 * MIB)
    return vidup("resume", emulator=emulator)


def _gone(vidup: Cli, emulator: Emulator, path: Path) -> Done:
    interrupted(vidup, emulator, path)
    emulator.add_fault("on=status:error=resource-not-found")
    return vidup("resume", emulator=emulator)


def _no_such_upload(vidup: Cli, emulator: Emulator, _path: Path) -> Done:
    return vidup("resume", "nosuch", emulator=emulator)


def _several(vidup: Cli, emulator: Emulator, path: Path) -> Done:
    for number in (1, 2):
        other = path.with_name(f"{number}.mp4")
        other.write_bytes(path.read_bytes() + bytes(number))
        interrupted(vidup, emulator, other)
    return vidup("resume", emulator=emulator)


def _no_such_option(vidup: Cli, emulator: Emulator, path: Path) -> Done:
    return vidup("upload", "--nonsense", path, emulator=emulator)


@pytest.mark.parametrize(
    "fail", [_unknown_video, _full_video, _changed, _changed_before_resume, _gone, _no_such_upload, _several, _no_such_option],
    ids=lambda fail: fail.__name__,
)  # fmt: skip
def test_the_advised_command_leads_elsewhere(
    fail: Callable[[Cli, Emulator, Path], Done], emulator: Emulator, video: Video, vidup: Cli
) -> None:
    """It runs as it stands, whatever command failed, and ends well."""
    first = fail(vidup, emulator, video(12 * MIB))
    assert first.returncode not in (0, 1)
    again = vidup(*advised(first), emulator=emulator)
    assert again.returncode == 0, (advised(first), again.stderr)
    assert said(first) not in again.stderr


def test_parts_of_nobody_known_are_taken_over_on_ones_word(emulator: Emulator, video: Video, vidup: Cli, tmp_path: Path) -> None:
    """The option that is advised goes with the same command."""
    path = video(12 * MIB)
    interrupted(vidup, emulator, path)
    words = ("upload", "--video-id", next(iter(emulator.videos)), path, *SMALL, "--state-dir", tmp_path / "elsewhere")
    assert "add --adopt" in vidup(*words, emulator=emulator).stderr
    assert vidup(*words, "--adopt", emulator=emulator).returncode == 0


def test_a_new_video_and_a_named_one_exclude_each_other(emulator: Emulator, video: Video, vidup: Cli) -> None:
    """Else the one would be advised for the other for ever."""
    done = vidup("upload", "--restart", "--video-id", "vinosuch", video(10), emulator=emulator)
    assert (done.returncode, emulator.requests) == (2, [])
    assert "--restart" in done.stderr and "--video-id" in done.stderr


def test_to_begin_anew_is_to_ask_for_the_same_video(emulator: Emulator, video: Video, vidup: Cli) -> None:
    """A private video does not become a public one, nor lose its title, because its upload had to begin anew."""
    path = video(12 * MIB)
    emulator.add_fault("part=2:error=uploaded-file-too-large")
    first = vidup("upload", path, "--private", "-t", "My 'film'", "--tag", "a b", "-m", "k=v", *SMALL, emulator=emulator)
    assert vidup(*advised(first), emulator=emulator).returncode == 0
    new = list(emulator.videos.values())[-1]
    assert (new.attributes["title"], new.attributes["public"], new.attributes["tags"]) == ("My 'film'", False, ["a b"])
    assert new.attributes["metadata"] == [{"key": "k", "value": "v"}]
