"""The lock of an upload: held by one, freed by the kernel, and refused in plain words where there is none."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vidup.errors import ExitCode, VidupError
from vidup.state.journal import Busy, StateFolder


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    place = StateFolder(tmp_path / "state")
    place.prepare()
    return place


def test_the_lock_is_held_by_one_and_freed_at_the_end(folder: StateFolder) -> None:
    """Another process is refused at once, with the holder's name."""
    code = f"from pathlib import Path; from vidup.state.journal import StateFolder\nwith StateFolder(Path({str(folder.path)!r})).locked('k3f9abcd'): pass"
    with folder.locked("k3f9abcd"):
        with pytest.raises(Busy) as busy, folder.locked("k3f9abcd"):
            pass
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (busy.value.code, busy.value.cause.split(",")[0]) == (ExitCode.BUSY, f"process {os.getpid()} on {os.uname().nodename}")
    assert "Busy" in other.stderr
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (other.returncode, other.stderr) == (0, "")


def test_a_lock_released_twice_is_released_once(folder: StateFolder) -> None:
    """The second time it may be another's, whose holder must stay named."""
    first = folder.lock("k3f9abcd")
    first.release()
    second = folder.lock("k3f9abcd")
    first.release()
    with pytest.raises(Busy) as busy:
        folder.lock("k3f9abcd")
    assert f"process {os.getpid()}" in busy.value.cause
    second.release()


def test_the_file_of_a_lock_is_never_removed(folder: StateFolder) -> None:
    """Else two processes could hold locks on two files of one name, or be sent away though nobody is there."""
    folder.lock("k3f9abcd").release()
    before = (folder.path / "k3f9abcd.lock").stat()
    with folder.locked("k3f9abcd"):
        assert os.path.samestat(before, (folder.path / "k3f9abcd.lock").stat())
    assert os.path.samestat(before, (folder.path / "k3f9abcd.lock").stat())
    assert before.st_mode & 0o777 == 0o600


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_refused_in_plain_words(number: int, folder: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 3 with a way out: neither "another vidup" for ever, nor a lock of a weaker kind, nor a warning of the library."""

    def refused(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refused)
    with pytest.raises(VidupError, match="cannot be locked") as told:
        folder.lock("k3f9abcd")
    assert (told.value.code, told.value.cause) == (ExitCode.FILE, os.strerror(number))
    assert "--state-dir" in told.value.advice


def test_a_disk_too_full_for_a_lock_file_is_no_permanent_failure(folder: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 75, as for every full disk."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(VidupError) as told:
        folder.lock("k3f9abcd")
    assert told.value.code is ExitCode.AGAIN


def test_a_holder_that_ends_while_it_is_being_named_is_still_only_busy(folder: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file goes between two looks at it."""
    read_text = Path.read_text

    def read_and_gone(path: Path) -> str:
        text = read_text(path)
        path.unlink()
        return text

    with folder.locked("k3f9abcd"):
        monkeypatch.setattr(Path, "read_text", read_and_gone)
        with pytest.raises(Busy) as busy:
            folder.lock("k3f9abcd")
    assert busy.value.cause == "it holds the lock"
