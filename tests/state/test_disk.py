"""The real disk under the records: whole or not at all, on the platter, and content with what a file system offers."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vidup.state.disk import OsDisk


def refusing(real: Callable[..., Any], number: int, when: Callable[..., bool] = lambda *_: True) -> Callable[..., Any]:
    """The call, which fails with this errno when its arguments are so."""

    def call(*args: Any) -> Any:
        if when(*args):
            raise OSError(number, os.strerror(number))
        return real(*args)

    return call


def is_folder(descriptor: int, *_: object) -> bool:
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


@pytest.fixture(params=["fsync", "F_FULLFSYNC"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With macOS's call and without, wherever the test runs."""
    if request.param == "fsync":
        monkeypatch.delattr(fcntl, "F_FULLFSYNC", raising=False)
    else:
        monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
        monkeypatch.setattr(fcntl, "fcntl", lambda *_: 0)
    return str(request.param)


def test_what_is_written_is_read_back(tmp_path: Path, system: str) -> None:
    """Created, added to, cut, replaced and removed; missing is fine for the last."""
    disk, path = OsDisk(), tmp_path / "folder" / "a"
    disk.prepare(path.parent)
    disk.create(path, b"one\n")
    disk.append(path, b"two\n")
    assert (disk.read(path), disk.names(path.parent), disk.exists(path)) == (b"one\ntwo\n", ["a"], True)
    disk.truncate(path, 4)
    assert disk.read(path) == b"one\n"
    disk.create(path, b"new\n")
    assert disk.read(path) == b"new\n"
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    disk.remove(path)
    disk.remove(path)
    assert (disk.names(path.parent), disk.exists(path)) == ([], False)
    with pytest.raises(FileNotFoundError):
        disk.append(path, b"a record that was removed does not come back as a piece of one")


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_a_file_is_created_whole_or_not_at_all(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The older content stays, and no draft beside it."""
    monkeypatch.delattr(fcntl, "F_FULLFSYNC", raising=False)
    disk = OsDisk()
    disk.create(tmp_path / "a", b"old")
    monkeypatch.setattr(os, call, refusing(getattr(os, call), errno.ENOSPC))
    with pytest.raises(OSError, match="No space"):
        disk.create(tmp_path / "a", b"new")
    monkeypatch.undo()
    assert (disk.names(tmp_path), disk.read(tmp_path / "a")) == (["a"], b"old")


@pytest.mark.parametrize("how", ["short", "refused", "not synced"])
def test_after_a_refused_line_the_file_is_as_it_was(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when half of it was taken: a full disk leaves no torn line behind."""
    monkeypatch.delattr(fcntl, "F_FULLFSYNC", raising=False)
    disk, write = OsDisk(), os.write
    disk.create(tmp_path / "a", b"old\n")
    if how == "not synced":
        monkeypatch.setattr(os, "fsync", refusing(os.fsync, errno.EIO))
    else:
        monkeypatch.setattr(
            os, "write", lambda fd, data: write(fd, data[:3]) if how == "short" else refusing(write, errno.ENOSPC)(fd, data)
        )
    with pytest.raises(OSError, match=r"No space|Input/output"):
        disk.append(tmp_path / "a", b"new line\n")
    monkeypatch.undo()
    assert disk.read(tmp_path / "a") == b"old\n"


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM])
def test_a_folder_that_cannot_be_synced_is_no_error(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on some CIFS, 9p and vboxsf: what was written is there."""
    monkeypatch.delattr(fcntl, "F_FULLFSYNC", raising=False)
    monkeypatch.setattr(os, "fsync", refusing(os.fsync, number, is_folder))
    disk = OsDisk()
    disk.create(tmp_path / "a", b"x")
    assert disk.read(tmp_path / "a") == b"x"
    disk.remove(tmp_path / "a")
    assert disk.names(tmp_path) == []


def test_a_folder_whose_disk_fails_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is called safe that the disk says it lost."""
    monkeypatch.delattr(fcntl, "F_FULLFSYNC", raising=False)
    monkeypatch.setattr(os, "fsync", refusing(os.fsync, errno.EIO, is_folder))
    with pytest.raises(OSError, match="Input/output"):
        OsDisk().create(tmp_path / "a", b"x")


def test_macos_is_asked_to_write_through_the_cache_of_the_drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File and folder by F_FULLFSYNC; fsync only where that is refused."""
    asked: list[tuple[str, bool]] = []
    fsync = os.fsync

    def synced(descriptor: int) -> None:
        asked.append(("fsync", is_folder(descriptor)))
        fsync(descriptor)

    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", lambda descriptor, what: asked.append((f"fcntl {what}", is_folder(descriptor))))
    monkeypatch.setattr(os, "fsync", synced)
    OsDisk().create(tmp_path / "a", b"x")
    assert asked == [("fcntl 51", False), ("fcntl 51", True)]
    asked.clear()
    monkeypatch.setattr(fcntl, "fcntl", refusing(fcntl.fcntl, errno.ENOTSUP))
    OsDisk().append(tmp_path / "a", b"y")
    assert asked == [("fsync", False)]


def test_the_room_for_the_first_lines_is_tried_and_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full is refused before anything is created on the server."""
    OsDisk().prepare(tmp_path / "state")
    assert OsDisk().names(tmp_path / "state") == []
    monkeypatch.setattr(os, "write", refusing(os.write, errno.ENOSPC))
    with pytest.raises(OSError, match="No space"):
        OsDisk().prepare(tmp_path / "state")
    assert OsDisk().names(tmp_path / "state") == []
