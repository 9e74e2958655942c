"""In a step of a GitHub job: outputs as soon as they are known, a table, an annotation of each failure; elsewhere nothing."""

from __future__ import annotations

import html
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import LONG, MIB, Cli
from vidup.emulator.server import Emulator

Video = Callable[..., Path]


@pytest.fixture
def step(tmp_path: Path) -> dict[str, str]:
    """The environment of a step."""
    return {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}


def outputs(step: dict[str, str]) -> dict[str, str]:
    """The outputs as the runner reads them: the last value of each counts."""
    text = Path(step["GITHUB_OUTPUT"]).read_text()
    found = re.findall(r"^([\w-]+)<<(ghadelimiter_[\w-]+)\n(.*?)\n\2$", text, re.MULTILINE | re.DOTALL)
    assert "".join(f"{name}<<{mark}\n{value}\n{mark}\n" for name, mark, value in found) == text
    return {name: value for name, _mark, value in found}


def test_outputs_and_table_of_an_upload(emulator: Emulator, video: Video, vidup: Cli, step: dict[str, str]) -> None:
    """The four outputs, one row, and nothing more on stderr than elsewhere."""
    done = vidup("upload", video(6 * MIB), emulator=emulator, env=step)
    (video_id,) = emulator.videos
    told = outputs(step)
    assert (told["video-id"], told["resumable"]) == (video_id, "false")
    assert told["upload-id"] and told["player-url"].endswith(f"/vod/{video_id}")
    rows = Path(step["GITHUB_STEP_SUMMARY"]).read_text().strip().splitlines()
    assert len(rows) == 3 and video_id in rows[2] and "uploaded" in rows[2]
    assert "::" not in done.stderr


def test_the_ids_are_told_before_the_end(emulate: Callable[..., Emulator], video: Video, vidup: Cli, step: dict[str, str]) -> None:
    """A step that is killed has told them; several files share one table."""
    emulator, path = emulate(faults=["part=2,times=*:slow=100K"]), video(12 * MIB)
    process = vidup.start("upload", path, "--part-size", "5MiB", emulator=emulator, env=step)
    assert emulator.wait_until(emulator.in_progress, LONG)
    process.kill()
    process.communicate()
    told = outputs(step)
    assert set(told) == {"video-id", "upload-id"}
    emulator.clear_faults()
    assert vidup("resume", told["upload-id"], emulator=emulator, env=step).returncode == 0
    assert vidup("upload", path, emulator=emulator, env=step).returncode == 0
    assert len(Path(step["GITHUB_STEP_SUMMARY"]).read_text().strip().splitlines()) == 4


def test_a_failure_is_annotated(emulator: Emulator, video: Video, vidup: Cli, step: dict[str, str]) -> None:
    """Escaped, on a line of its own, also with --quiet; a stream of events stays one."""
    emulator.add_fault("part=2,times=*:error=uploaded-file-invalid-file")
    words = ("upload", video(12 * MIB, "50%, a:b.mp4"), "--part-size", "5MiB")
    done = vidup(*words, emulator=emulator, env=step)
    (command,) = [line for line in done.stderr.splitlines() if line.startswith("::")]
    assert done.stderr.splitlines()[-1] == command
    assert "/50%25%2C a%3Ab.mp4%3A Part 2 of 2 was refused::HTTP 400: " in command
    assert command.startswith("::error title=Could not upload ")
    assert outputs(step)["resumable"] == "true" and "player-url" not in outputs(step)
    assert "::error " in vidup(*words, "-q", emulator=emulator, env=step).stderr
    assert all(line.startswith("{") for line in vidup(*words, "--progress", "json", emulator=emulator, env=step).stderr.splitlines())


def test_what_fails_before_an_upload_is_annotated_too(video: Video, vidup: Cli, step: dict[str, str]) -> None:
    """A missing key is the most usual failure of all."""
    assert "/movie.mp4%3A No API key was given::" in vidup("upload", video(10), env=step).stderr
    assert "::error title=There is no interrupted upload::" in vidup("resume", env=step).stderr


def test_the_row_of_a_failure_tells_cause_and_advice(emulator: Emulator, video: Video, vidup: Cli, step: dict[str, str]) -> None:
    """Whoever reads the summary has no log beside it."""
    emulator.add_fault("on=login:error=authentication-invalid-api-key")
    vidup("upload", video(10), emulator=emulator, env=step)
    row = html.unescape(Path(step["GITHUB_STEP_SUMMARY"]).read_text().splitlines()[-1])
    assert all(words in row for words in ("Logging in failed", "The API key is invalid.", "→ Copy the key again"))


def test_the_url_of_a_private_video_is_told_to_nobody(emulator: Emulator, video: Video, vidup: Cli, step: dict[str, str]) -> None:
    """It carries a token."""
    done = vidup("upload", "--private", video(6 * MIB), emulator=emulator, env=step)
    assert done.returncode == 0
    assert "player-url" not in outputs(step)
    assert "http" not in Path(step["GITHUB_STEP_SUMMARY"]).read_text()


@pytest.mark.parametrize("kind", ["folder", "pipe", "no such folder", "unset"])
def test_files_that_cannot_be_written_stop_nothing(
    kind: str, emulator: Emulator, video: Video, vidup: Cli, step: dict[str, str], tmp_path: Path
) -> None:
    """A folder, a pipe that nobody reads, a path into nowhere, no variable at all."""
    place = tmp_path / "victim"
    if kind == "folder":
        place.mkdir()
    elif kind == "pipe":
        os.mkfifo(place)
    value = "" if kind == "unset" else str(place / "x" if kind == "no such folder" else place)
    env = step | {"GITHUB_OUTPUT": value, "GITHUB_STEP_SUMMARY": value}
    done = vidup("upload", video(6 * MIB), emulator=emulator, env=env)
    assert done.returncode == 0 and "Traceback" not in done.stderr
    assert done.stderr.count("GITHUB_OUTPUT") == done.stderr.count("GITHUB_STEP_SUMMARY") == (kind != "unset")


@pytest.mark.parametrize("value", ["", "false", "1"])
def test_elsewhere_nothing_is_written(value: str, vidup: Cli, step: dict[str, str]) -> None:
    """Only `true` is GitHub."""
    done = vidup("upload", "missing.mp4", env=step | {"GITHUB_ACTIONS": value})
    assert "::" not in done.stderr
    assert not Path(step["GITHUB_OUTPUT"]).exists() and not Path(step["GITHUB_STEP_SUMMARY"]).exists()


def test_outputs_begin_on_a_line_of_their_own(emulator: Emulator, video: Video, vidup: Cli, step: dict[str, str]) -> None:
    """What the script wrote there before may not end in a line's end: the runner would read both as one name."""
    Path(step["GITHUB_OUTPUT"]).write_text("mine=1")
    assert vidup("upload", video(6 * MIB), emulator=emulator, env=step).returncode == 0
    first, *rest = Path(step["GITHUB_OUTPUT"]).read_text().splitlines()
    assert first == "mine=1" and rest[0].startswith("upload-id<<")
