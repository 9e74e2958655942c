"""What cannot be a video is refused before the first request, with what to do; what may be one is at most a note."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MIB, Cli, sha256
from vidup.emulator.server import Emulator


@pytest.fixture
def zeros(tmp_path: Path) -> Path:
    path = tmp_path / "reserved.mp4"
    path.write_bytes(bytes(2 * MIB))
    return path


@pytest.mark.parametrize("words", [[], ["--dry-run"]])
def test_what_cannot_be_a_video_is_refused_before_any_request(words: list[str], emulator: Emulator, zeros: Path, vidup: Cli) -> None:
    """Exit 3, and the last line says how to send it all the same."""
    done = vidup("upload", *words, zeros, emulator=emulator)
    assert (done.returncode, done.stdout, emulator.requests) == (3, "", [])
    assert f"Could not upload {zeros}: " in done.stderr and "holds nothing but zeros" in done.stderr
    assert done.stderr.splitlines()[-1].endswith("To send it anyway: --any-file")


def test_the_refusal_is_an_object_too(emulator: Emulator, zeros: Path, vidup: Cli) -> None:
    """With --json, not resumable."""
    told = json.loads(vidup("upload", "--json", zeros, emulator=emulator).stdout)
    assert (told["exit_code"], told["resumable"], told["error"]["verdict"]) == (3, False, "abort")


def test_any_file_is_sent_where_the_user_says_so(emulator: Emulator, zeros: Path, vidup: Cli) -> None:
    """Byte for byte, and without a word about it."""
    done = vidup("upload", "-q", "--any-file", zeros, emulator=emulator)
    assert (done.returncode, done.stderr) == (0, "")
    (video_id,) = emulator.videos
    assert emulator.sha256(video_id) == sha256(zeros)


def test_an_upload_of_any_file_is_continued_without_asking_again(emulator: Emulator, tmp_path: Path, vidup: Cli) -> None:
    """`vidup resume` has no such option, and needs none."""
    path = tmp_path / "reserved.mp4"
    path.write_bytes(bytes(12 * MIB))
    emulator.add_fault("part=2:error=uploaded-file-invalid-file")
    assert vidup("upload", "--any-file", "--part-size", "5MiB", path, emulator=emulator).returncode == 6
    assert vidup("resume", emulator=emulator).returncode == 0
    (video_id,) = emulator.videos
    assert emulator.sha256(video_id) == sha256(path)


def test_the_command_that_begins_anew_keeps_the_word(emulator: Emulator, tmp_path: Path, vidup: Cli) -> None:
    """Else it would be refused."""
    path = tmp_path / "reserved.mp4"
    path.write_bytes(bytes(12 * MIB))
    emulator.add_fault("part=2:error=uploaded-file-invalid-file")
    vidup("upload", "--any-file", "--part-size", "5MiB", path, emulator=emulator)
    path.write_bytes(bytes(11 * MIB))
    done = vidup("upload", "--any-file", path, emulator=emulator)
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].partition(" ")[2].startswith("→ Start over: vidup upload --restart --any-file ")


def test_a_head_that_nobody_knows_is_a_note_for_who_asks(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """The server decides; without -v nothing is said."""
    path = video(MIB)
    assert "does not begin as any video" in vidup("upload", "-v", path, emulator=emulator).stderr
    assert "does not begin" not in vidup("upload", path, emulator=emulator).stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_a_file_that_is_open_for_writing_is_sent_with_a_warning(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """It may be whole all the same."""
    path = video(MIB)
    with path.open("ab"):
        done = vidup("upload", path, emulator=emulator)
    assert done.returncode == 0
    assert "movie.mp4 is open for writing in another process" in done.stderr
