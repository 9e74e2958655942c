"""EDGE: where a part of a stream waits until it is confirmed: a file without a name, which is gone with the process however that ends."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path

from vidup.errors import ExitCode, VidupError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class SpoolFile:
    """One part on the disk, with what a body asks of a file. It is given back once nobody holds it any more: neither the stream nor
    a body on its way."""

    __slots__ = ("descriptor", "name")

    def __init__(self, descriptor: int, name: str) -> None:
        self.descriptor = descriptor
        self.name = name

    def __del__(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self.descriptor)

    def write(self, data: memoryview) -> None:
        """Add to it. Raises OSError where the disk refuses."""
        while data:
            data = data[os.write(self.descriptor, data) :]

    def free(self) -> None:
        """Give its room on the disk back now: a worker may hold on to the last body that it sent for as long as it has nothing to do."""
        with contextlib.suppress(OSError):
            os.ftruncate(self.descriptor, 0)

    def check_unchanged(self) -> None:
        """Nobody else can write to a file without a name."""

    def unreadable(self, where: str, error: OSError) -> VidupError:
        """The VidupError(FILE) for a disk that does not give back what was written."""
        return VidupError(
            ExitCode.FILE, f"A part of {self.name} cannot be read from the spool {where}", cause=error.strerror or str(error),
            mended_outside=True, advice="Check the disk under the state folder, then run the same command again.",
        )  # fmt: skip


def open_spool(folder: Path, name: str) -> SpoolFile:
    """A new, empty file in this folder that no other process can find. Raises OSError where the disk refuses."""
    if hasattr(os, "O_TMPFILE"):
        with contextlib.suppress(OSError):  # not on NFS and some others, which say so in as many ways
            return SpoolFile(os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600), name)
    descriptor, path = tempfile.mkstemp(prefix=".spool-", dir=folder)
    os.unlink(path)
    return SpoolFile(descriptor, name)


def spool_refuses(folder: Path, error: OSError) -> VidupError:
    """The VidupError for a spool that cannot be written: AGAIN if the disk is full, else FILE."""
    full = error.errno in _FULL
    return VidupError(
        ExitCode.AGAIN if full else ExitCode.FILE, f"The spool in the state folder {folder} cannot be written",
        cause=error.strerror or str(error), mended_outside=True,
        advice=f"{'Free some space there' if full else 'Repair it'}, or name another folder with --state-dir; fewer --jobs or a smaller "
        "--part-size need less. Then run the same command again.",
    )  # fmt: skip
