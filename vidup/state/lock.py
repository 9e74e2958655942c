"""EDGE: the lock of one upload: a file that exists while it is held, which the kernel frees with the process, however that ends."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from pathlib import Path
from typing import Final

from vidup.errors import ExitCode, VidupError
from vidup.units import show_duration

_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
"""How file systems say that files cannot be locked there: NFS without its lock service, some SMB and FUSE."""

_HELD: Final = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES})
_TRIES: Final = 100
"""Files of this name that may go while they are being locked before it is said that others are at it."""


class Busy(VidupError):
    """Another process is at this upload."""


class Lock:
    """The lock of one upload, held: flock on a file of its name, and nobody else's file of that name counts.

    Its file is removed at the end, while it is still locked, and only then freed. So whoever gets a lock must look whether the file is
    still the one of that name: one that was opened before it went, and locked after, is nobody's. `take` does, and tries again; thus of
    all that hold locks on files that once had the name, one holds the upload, and only that one removes the file.
    flock and not lockf: two threads are told apart as two processes are, and closing another descriptor frees nothing.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        """`descriptor` is that of the file, locked, into which it is written who has the lock."""
        self._path = path
        self._descriptor: int | None = descriptor
        with contextlib.suppress(OSError):  # what a killed one left there stays behind this line, and is read by nobody
            os.write(descriptor, f"{os.getpid()} {os.uname().nodename}\n".encode())

    def release(self) -> None:
        """Let others have it; again is no harm."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        with contextlib.suppress(OSError):  # it stays, and does as well the next time
            if _is_of_name(self._path, descriptor):  # else somebody tidied the folder by hand, and the name is another's by now
                self._path.unlink()
        os.close(descriptor)


def take(folder: Path, upload_id: str) -> Lock:
    """Take the lock of this upload, at once or not at all. A dead holder holds nothing.

    Raises Busy, naming the holder, if another one has it, VidupError(FILE) where files cannot be locked, OSError for what else the disk
    refuses.
    """
    path = folder / f"{upload_id}.lock"
    for _ in range(_TRIES):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        kept = False
        try:
            kept = _is_locked_now(descriptor, path) and _is_of_name(path, descriptor)
        finally:
            if not kept:
                os.close(descriptor)
        if kept:
            return Lock(path, descriptor)
    raise _busy(path)


def _is_locked_now(descriptor: int, path: Path) -> bool:
    """Lock the file; False if it went meanwhile, as NFS tells of a file that another machine removed. Raises as `take`."""
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno == errno.ESTALE:
            return False
        if error.errno in _HELD:
            raise _busy(path) from None
        if error.errno not in _NO_LOCKS:
            raise
        raise VidupError(
            ExitCode.FILE, f"Files cannot be locked in the state folder {path.parent}", cause=error.strerror or str(error),
            advice="Name a folder on a local disk with --state-dir: without a lock two vidups could spoil one upload.",
            concerns_all=True,
        ) from error  # fmt: skip
    return True


def _busy(path: Path) -> Busy:
    return Busy(
        ExitCode.BUSY, "Another vidup is uploading this file now", cause=_holder_words(path),
        advice="Let it finish, or stop it; then run the same command again.",
    )  # fmt: skip


def _is_of_name(path: Path, descriptor: int) -> bool:
    """Whether this is the file that bears the name now. It is opened to know: NFS answers `stat` from memory, but asks to open."""
    try:
        now = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno != errno.ESTALE:
            raise
        return False
    try:
        return os.path.samestat(os.fstat(now), os.fstat(descriptor))
    finally:
        os.close(now)


def _holder_words(path: Path) -> str:
    try:
        pid, host = path.read_text().partition("\n")[0].split()
        since = time.time() - path.stat().st_mtime
    except (OSError, ValueError):  # it ends at this very moment, or has not begun to tell
        return "it holds the lock"
    return f"process {pid} on {host}, for {show_duration(since)}"
