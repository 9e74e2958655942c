"""The manifest: rows of what is over, whole or not at all, whoever else writes to it, and never into a file that holds something else."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import LONG
from vidup.errors import ExitCode, VidupError
from vidup.state.disk import OsDisk
from vidup.state.manifest import Manifest

WELL = {"v": 1, "status": "uploaded", "size": 30, "upload_id": "k3f9abcd", "video_id": "vi1", "exit_code": 0,
        "fingerprint": "1:ab", "mtime_ns": 5, "base_url": "https://ws.api.video"}  # fmt: skip


def add(manifest: Manifest, path: str = "/films/a.mp4", file: str = "a.mp4", **more: object) -> None:
    manifest.add({**WELL, "file": file, **more}, path, file)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "done.ndjson"


def test_a_row_is_found_again_by_its_real_path(path: Path) -> None:
    """What tells its content, and the whole object that was printed."""
    add(Manifest(path))
    row = Manifest(path).find("/films/a.mp4")
    assert row is not None
    assert (row.size, row.fingerprint, row.base_url, row.video_id, row.upload_id) == (30, "1:ab", "https://ws.api.video", "vi1", "k3f9abcd")
    assert row.fields["status"] == "uploaded"
    assert Manifest(path).find("/films/b.mp4") is None


def test_the_last_row_of_a_file_that_ended_well_counts(path: Path) -> None:
    """One that failed behind it says nothing of the video that is there: the file may have been out of reach for a moment."""
    manifest = Manifest(path)
    add(manifest)
    add(manifest, video_id="vi2")
    add(manifest, video_id=None, status="failed", exit_code=3)
    row = Manifest(path).find("/films/a.mp4")
    assert row is not None and row.video_id == "vi2"


def test_a_file_that_failed_is_not_vouched_for(path: Path) -> None:
    """Nor one whose row lacks what tells its content."""
    manifest = Manifest(path)
    add(manifest, status="failed", exit_code=75)
    add(manifest, "/films/b.mp4", fingerprint=None)
    assert Manifest(path).find("/films/a.mp4") is None and Manifest(path).find("/films/b.mp4") is None


def test_a_file_whose_folder_moved_is_found_by_the_name_it_was_given(path: Path, tmp_path: Path) -> None:
    """Only where nothing is left at the old place: else they are two files."""
    here = tmp_path / "clip.mp4"
    manifest = Manifest(path)
    add(manifest, "/gone/workspace/clip.mp4", "clips/clip.mp4")
    add(manifest, str(here), "clip.mp4")
    here.touch()
    again = Manifest(path)
    assert again.find("/new/workspace/clips/clip.mp4", "clips/clip.mp4") is not None
    assert again.find("/new/workspace/clip.mp4", "clip.mp4") is None


def test_a_name_that_is_not_utf_8_is_found_again(path: Path) -> None:
    """The line itself stays JSON that any parser takes."""
    odd = os.fsdecode(b"/films/caf\xe9.mp4")
    add(Manifest(path), odd, odd)
    assert "\ufffd" in json.loads(path.read_bytes())["path"]
    assert Manifest(path).find(odd) is not None


@pytest.mark.parametrize("torn", [1, 7, 60])
def test_a_torn_last_line_is_cut_off(path: Path, torn: int) -> None:
    """What a power loss left of it is no row, and the next one stands on a line of its own."""
    manifest = Manifest(path)
    add(manifest)
    whole = path.read_bytes()
    add(manifest, "/films/b.mp4")
    path.write_bytes(path.read_bytes()[: len(whole) + torn])
    again = Manifest(path)
    assert path.read_bytes() == whole and again.find("/films/b.mp4") is None
    path.write_bytes(path.read_bytes() + b'{"v": 1, "sta')  # another process is killed amid its write while we are at it
    add(again, "/films/c.mp4")
    assert [json.loads(line)["path"] for line in path.read_bytes().splitlines()] == ["/films/a.mp4", "/films/c.mp4"]


def test_a_torn_first_line_is_cut_off_too(path: Path) -> None:
    """The very first write of a manifest can be torn like any other."""
    for torn in (b"{", b'{"v"', b'{"v": 1, "status": "upl'):
        path.write_bytes(torn)
        Manifest(path)
        assert path.read_bytes() == b""


def test_a_damaged_line_costs_no_other(path: Path) -> None:
    """Not even one that is no JSON at all."""
    manifest = Manifest(path)
    add(manifest)
    path.write_bytes(path.read_bytes() + b"\xff\x00 nothing\n" + b"[" * 100_000 + b"\n")
    add(manifest, "/films/b.mp4")
    again = Manifest(path)
    assert again.find("/films/a.mp4") is not None and again.find("/films/b.mp4") is not None


@pytest.mark.parametrize("content", [b"\x00\x00\x00\x20ftypisom", b"a.mp4\nb.mp4\n", b"no newline", b'{"file": "a.mp4"}\n', b"{}\n", b"\n"])
def test_a_file_that_holds_something_else_is_left_alone(path: Path, content: bytes) -> None:
    """A video named by mistake would be spoilt by one more line, and by one byte less."""
    path.write_bytes(content)
    with pytest.raises(VidupError) as refused:
        Manifest(path)
    assert (refused.value.code, path.read_bytes()) == (ExitCode.USAGE, content)


@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "missing folder"])
def test_what_is_no_file_is_refused(path: Path, kind: str) -> None:
    """At once, and without waiting for anybody at the other end of a pipe."""
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/null")
    else:
        path = path / "x"
    with pytest.raises(VidupError, match=r"The manifest .* cannot be written") as refused:
        Manifest(path)
    assert refused.value.code is ExitCode.FILE and refused.value.cause


def test_a_full_disk_is_told_as_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same command goes on once there is space."""
    manifest = Manifest(path)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(OsDisk, "append", full)
    with pytest.raises(VidupError) as refused:
        add(manifest)
    assert refused.value.code is ExitCode.AGAIN


def test_one_who_keeps_the_lock_holds_up_nobody_for_long(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `flock done.ndjson vidup …` does: that would wait for itself."""
    manifest = Manifest(path)
    monkeypatch.setattr("vidup.state.manifest._LOCKED_FOR", 0.0)
    with path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        add(manifest)
    assert len(path.read_bytes().splitlines()) == 1


_WRITER = """
import sys; from pathlib import Path; from vidup.state.manifest import Manifest
manifest = Manifest(Path(sys.argv[1]))
for number in range(40):
    manifest.add({"v": 1, "status": "uploaded", "exit_code": 0, "number": number, "pad": "x" * 5000}, f"/{sys.argv[2]}/{number}", "x")
"""


def test_processes_that_begin_one_manifest_together_lose_no_row(path: Path) -> None:
    """As shards on one machine do."""
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, str(path), name]) for name in "abc"]
    assert [writer.wait(LONG) for writer in writers] == [0, 0, 0]
    rows = [json.loads(line)["path"] for line in path.read_bytes().splitlines()]
    assert sorted(rows) == sorted(f"/{name}/{number}" for name in "abc" for number in range(40))
