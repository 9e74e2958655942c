"""EDGE: the disk under the state folder: few operations, each of which is on the platter, or was not done, when it returns.

What need not outlive a power failure is written without waiting for the platter (`lasting=False`): a process that is killed loses
nothing of that either, for the kernel has it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from pathlib import Path
from typing import Final, Protocol

_ROOM: Final = 8192
"""Bytes that must fit on the disk before a video is created: the checkpoint and the first parts."""

_NO_FOLDER_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOTTY, errno.EBADF,
                                    errno.EISDIR, errno.EACCES, errno.EPERM})  # fmt: skip
"""How file systems say that folders are not synced there (some CIFS, 9p, vboxsf), or not by us. What they hold is on their server."""


class Disk(Protocol):
    """What the records need of a disk. Every operation raises OSError for what the disk refuses."""

    def prepare(self, folder: Path) -> None:
        """Create the folder, for the user alone, and see that some kilobytes can be written there."""

    def names(self, folder: Path) -> list[str]:
        """The names of the files in the folder, in any order."""

    def read(self, path: Path, start: int = 0) -> bytes:
        """The whole file, or what comes after its first `start` bytes."""

    def end(self, path: Path) -> tuple[int, int]:
        """Which file it is, and how many bytes it has: what tells whether somebody wrote to it."""

    def create(self, path: Path, data: bytes, lasting: bool = True) -> None:
        """The file with this content, readable for the user alone, in place of an older one: it is there whole, or not at all."""

    def append(self, path: Path, data: bytes, lasting: bool = True) -> None:
        """Add to a file that is there; after an OSError it is as it was before."""

    def truncate(self, path: Path, size: int) -> None:
        """Keep only the first `size` bytes."""

    def remove(self, path: Path, lasting: bool = True) -> None:
        """Remove the file; one that is missing is fine."""

    def keep(self, path: Path) -> None:
        """Have all that was written to this file, and its name, on the platter."""

    def exists(self, path: Path) -> bool:
        """Whether there is such a file."""


class OsDisk:
    """The disk of this machine."""

    def prepare(self, folder: Path) -> None:
        """As `Disk` says."""
        probe = folder / f".probe-{os.getpid()}-{os.urandom(4).hex()}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            _write_new(probe, b" " * _ROOM)
        finally:
            with contextlib.suppress(OSError):
                probe.unlink(missing_ok=True)

    def names(self, folder: Path) -> list[str]:
        """As `Disk` says."""
        return os.listdir(folder)

    def read(self, path: Path, start: int = 0) -> bytes:
        """As `Disk` says."""
        with open(path, "rb", buffering=0) as file:
            if start:
                file.seek(start)
            return file.readall()

    def end(self, path: Path) -> tuple[int, int]:
        """As `Disk` says."""
        about = os.stat(path)
        return about.st_ino, about.st_size

    def create(self, path: Path, data: bytes, lasting: bool = True) -> None:
        """As `Disk` says."""
        beside = path.with_name(f".{path.name}-{os.getpid()}-{os.urandom(4).hex()}")  # two processes must not write one draft
        try:
            _write_new(beside, data, lasting)
            os.replace(beside, path)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            raise
        if lasting:
            _sync_folder(path.parent)

    def append(self, path: Path, data: bytes, lasting: bool = True) -> None:
        """As `Disk` says."""
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            written = os.write(descriptor, data)
            try:
                _see(written, data, descriptor, lasting)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, os.lseek(descriptor, 0, os.SEEK_CUR) - written)
                raise
        finally:
            os.close(descriptor)

    def truncate(self, path: Path, size: int) -> None:
        """As `Disk` says."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.ftruncate(descriptor, size)
            _sync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, path: Path, lasting: bool = True) -> None:
        """As `Disk` says."""
        try:
            path.unlink()
        except FileNotFoundError:
            return
        if lasting:
            _sync_folder(path.parent)

    def keep(self, path: Path) -> None:
        """As `Disk` says."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _sync(descriptor)
        finally:
            os.close(descriptor)
        _sync_folder(path.parent)

    def exists(self, path: Path) -> bool:
        """As `Disk` says."""
        return os.path.exists(path)


def _write_new(path: Path, data: bytes, lasting: bool = True) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        _write(descriptor, data, lasting)
    finally:
        os.close(descriptor)


def _write(descriptor: int, data: bytes, lasting: bool) -> None:
    _see(os.write(descriptor, data), data, descriptor, lasting)


def _see(written: int, data: bytes, descriptor: int, lasting: bool) -> None:
    """See that all of it was written, and lasts."""
    if written != len(data):  # what is short on a local file is a disk that filled up
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if lasting:
        _sync(descriptor)


def _sync(descriptor: int) -> None:
    """Wait until it is on the platter: macOS has a call of its own for that, where fsync stops at the drive's cache."""
    if hasattr(fcntl, "F_FULLFSYNC"):
        with contextlib.suppress(OSError):  # refused, as by network drives: fsync is what there is
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def _sync_folder(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _sync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
