"""The same file once more: said, because it makes a second video; remembered in a small private file."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MIB, Cli
from vidup.emulator.server import Emulator
from vidup.state.disk import OsDisk
from vidup.state.uploaded import Upload, Uploaded


def test_a_file_that_was_just_uploaded_is_told_of(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """When it is begun, in lines that fit a terminal; the memory holds no key, no path, and is for the user alone."""
    movie = video(MIB)
    first = vidup("upload", movie, emulator=emulator)
    again = vidup("upload", movie, emulator=emulator)
    assert "second video" not in first.stderr and again.returncode == 0
    note = re.search(r"(\S+) was uploaded \d+ s ago as (\w+);\n\S+ +this is a second video$", again.stderr, re.MULTILINE)
    assert note is not None and note.groups() == ("movie.mp4", first.stdout.strip())
    memory = vidup.state / "uploaded"
    assert stat.S_IMODE(memory.stat().st_mode) == 0o600
    assert emulator.api_key not in memory.read_text() and "movie" not in memory.read_text()
    assert vidup("upload", "-q", movie, emulator=emulator).stderr == ""


def test_what_is_another_upload_is_not_told_of(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """Another file, one that was written to since, or one that is found whole."""
    movie = video(MIB)
    first = vidup("upload", movie, emulator=emulator).stdout.strip()
    assert "second" not in vidup("upload", video(MIB, "other.mp4"), emulator=emulator).stderr
    assert "second" not in vidup("upload", "--video-id", first, "--adopt", movie, emulator=emulator).stderr
    os.utime(movie, (1, 1))
    assert "second" not in vidup("upload", movie, emulator=emulator).stderr


def test_the_memory_is_bounded_and_keeps_the_latest(tmp_path: Path) -> None:
    """However many uploads there are, some hundred lines; damage costs what was damaged."""
    memory = Uploaded(tmp_path)
    for number in range(1000):
        memory.add(Upload(f"m{number % 150}", f"vi{number}", float(number)))
    path = tmp_path / "uploaded"
    assert len(path.read_text().splitlines()) <= 200
    assert memory.last("m99") == Upload("m99", "vi999", 999.0) and memory.last("m100") is not None and memory.last("none") is None
    path.write_bytes(path.read_bytes() + b'broken\n00000000 {"uploaded": 1}\n')
    assert memory.last("m99") == Upload("m99", "vi999", 999.0)


def test_a_disk_that_refuses_costs_the_memory_alone(tmp_path: Path) -> None:
    """The upload is done: nothing may fail now."""

    class Refusing(OsDisk):
        def create(self, path: Path, data: bytes, lasting: bool = True) -> None:
            raise OSError(28, "No space left on device")

    memory = Uploaded(tmp_path, Refusing())
    memory.add(Upload("m", "vi1", 1.0))
    assert memory.last("m") is None


@pytest.mark.parametrize("words", [["x", "y", "z"], ["x", "y"], [1, "y", 2.0], None])
def test_a_line_of_another_form_is_passed_over(words: object, tmp_path: Path) -> None:
    """What another version wrote does no harm."""
    from vidup.state.record import encode

    (tmp_path / "uploaded").write_bytes(encode({"uploaded": words}) + encode({"uploaded": ["m", "vi1", 1.0]}))
    assert Uploaded(tmp_path).last("m") == Upload("m", "vi1", 1.0)
