"""The lock of an upload: held by one, freed by the kernel, and refused in plain words where there is none."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import LONG
from vidup.errors import ExitCode, VidupError
from vidup.state.journal import StateFolder
from vidup.state.lock import Busy, Lock


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


def test_a_lock_leaves_no_file_behind(folder: StateFolder) -> None:
    """With thousands of uploads the folder filled with empty files, for ever. While it is held there is one, for the user alone."""
    before = sorted(folder.path.iterdir())
    with folder.locked("k3f9abcd"):
        held = [path for path in folder.path.iterdir() if path not in before]
        assert [path.suffix for path in held] == [".lock"]
        assert {path.stat().st_mode & 0o777 for path in held} == {0o600}
    assert sorted(folder.path.iterdir()) == before


def test_what_a_killed_process_left_is_taken_over_and_then_tidied(folder: StateFolder) -> None:
    """The kernel freed the lock, its files stayed."""
    code = f"""
import os, signal
from pathlib import Path
from vidup.state.journal import StateFolder
lock = StateFolder(Path({str(folder.path)!r})).lock('k3f9abcd')
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    assert (folder.path / "k3f9abcd.lock").exists()
    folder.lock("k3f9abcd").release()
    assert list(folder.path.iterdir()) == []


def test_what_a_killed_process_said_of_itself_is_not_read_any_more(folder: StateFolder) -> None:
    """However much of it there is behind the line of the one who holds the lock now."""
    (folder.path / "k3f9abcd.lock").write_text(f"{10**60} {'a' * 200}\n")
    with folder.locked("k3f9abcd"), pytest.raises(Busy) as busy:
        folder.lock("k3f9abcd")
    assert busy.value.cause.split(",")[0] == f"process {os.getpid()} on {os.uname().nodename}"


def test_a_file_that_went_before_it_was_locked_is_no_lock(folder: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was opened while the first held it, and locked when the first had removed it and a second held another file of its name."""
    first, flock = folder.lock("k3f9abcd"), fcntl.flock
    others: list[Lock] = []

    def late(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        first.release()
        others.append(folder.lock("k3f9abcd"))
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(Busy):
        folder.lock("k3f9abcd")
    others[0].release()
    folder.lock("k3f9abcd").release()
    assert list(folder.path.iterdir()) == []


def test_a_file_that_went_with_its_holder_is_followed_by_the_next(folder: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is sent away for a lock that nobody holds; where it goes time and again, others are at it."""
    first, flock = folder.lock("k3f9abcd"), fcntl.flock

    def late(descriptor: int, operation: int) -> None:
        first.release()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    second = folder.lock("k3f9abcd")

    def always_late(descriptor: int, operation: int) -> None:
        (folder.path / "b.lock").unlink()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", always_late)
    with pytest.raises(Busy):
        folder.lock("b")
    second.release()


def test_a_stale_file_of_nfs_is_opened_anew(folder: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its server says ESTALE of a file that another machine removed."""
    flock = fcntl.flock
    told: list[int] = []

    def stale(descriptor: int, operation: int) -> None:
        if not told:
            told.append(errno.ESTALE)
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", stale)
    folder.lock("k3f9abcd").release()
    assert told


def test_a_holder_whose_file_was_tidied_away_removes_nobody_elses(folder: StateFolder) -> None:
    """Whoever cleans the folder by hand lets two in; a third must not follow from it."""
    first = folder.lock("k3f9abcd")
    (folder.path / "k3f9abcd.lock").unlink()
    second = folder.lock("k3f9abcd")
    first.release()
    with pytest.raises(Busy):
        folder.lock("k3f9abcd")
    second.release()


RACER = """
import fcntl, os, sys, time
from pathlib import Path
from vidup.state.journal import StateFolder
from vidup.state.lock import Busy
flock = fcntl.flock
def slow_flock(*words):
    time.sleep(0)  # let others have their turn between opening and locking
    flock(*words)
fcntl.flock = slow_flock
folder, inside, wanted = StateFolder(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
met, taken, refused = Path(sys.argv[4]), 0, 0
while taken < wanted:
    try:
        lock = folder.lock("k3f9abcd")
    except Busy:
        refused += 1
        met.touch()
        continue
    os.close(os.open(inside, os.O_CREAT | os.O_EXCL))  # fails if another one is inside
    while not met.exists():  # the first waits for another one to try
        time.sleep(0)
    os.unlink(inside)
    lock.release()
    taken += 1
print(taken, refused)
"""


def test_processes_that_race_for_a_lock_are_never_two_inside(folder: StateFolder, tmp_path: Path) -> None:
    """Four of them, each a few hundred times: opened, locked, looked at, removed, in whatever order it comes."""
    command = [sys.executable, "-c", RACER, str(folder.path), str(tmp_path / "inside"), "300", str(tmp_path / "met")]
    racers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    told = [racer.communicate(timeout=2 * LONG) for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 4, told
    assert sum(int(out.split()[1]) for out, _ in told) > 0  # they did meet
    assert list(folder.path.iterdir()) == []


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
