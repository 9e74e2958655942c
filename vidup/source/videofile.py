"""EDGE: the local video file: what it is, and what it looks like from afar (its fingerprint)."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from vidup.errors import Cancelled, ExitCode, VidupError
from vidup.plan.openplan import Grown
from vidup.plan.parts import MAX_SIZE, MIB, Part, Plan, plan_for
from vidup.source.partbody import Cut, PartBody
from vidup.units import show_size

_FEW: Final = 1 * MIB
"""Bytes that are read at once, with nothing to be read ahead."""

_PIPE: Final = "A pipe is read from standard input: PRODUCER | vidup upload - -t TITLE"
_SAMPLE: Final = 4096
_SAMPLE_EVERY: Final = 16 * MIB


class Whole:
    """What a source that is all there answers to what is asked of one that grows."""

    __slots__ = ()
    size: int

    def plan(self, part_size: int | None, jobs: int, uploads_per_minute: int, most: int | None = None) -> Plan:
        """The split to begin with."""
        return plan_for(self.size, part_size, jobs, uploads_per_minute, most)

    def has_begun(self) -> bool:
        """Whether there is a part that may be sent."""
        return True

    def read_in(self, part_size: int) -> None:
        """It need not be read ahead."""

    def news(self, is_done: Callable[[int], bool]) -> Grown | None:
        """There never are any."""
        return None

    def stopping(self) -> None:
        """There is nobody to be told."""


@dataclass(frozen=True, eq=False, repr=False)
class VideoFile(Whole):
    """An open regular file of 1 byte to 52,428,800,000 bytes. One descriptor serves the whole upload, so a rename cannot mix two files."""

    path: str
    """Where the file really is, symbolic links resolved: the same file has one path."""
    name: str
    """What the user called it, without its folder."""
    size: int
    mtime_ns: int
    device: int
    inode: int
    """Which file it is on its device, whatever it is called."""
    descriptor: int

    def fingerprint(self, stop: Callable[[], bool] = lambda: False) -> str:
        """Version 1: SHA-256 over the size, the first and the last MiB, and 4 KiB at every 16 MiB in between.

        It misses a same-size rewrite that leaves all of these bytes alone. Raises VidupError(FILE) when the file cannot be read, and
        Cancelled once `stop` says so: 50 GB are 3,000 reads, which take minutes on a slow network disk.
        """
        digest = hashlib.sha256(str(self.size).encode())
        for offset, length in _samples(self.size):
            if stop():
                raise Cancelled
            try:
                data = os.pread(self.descriptor, length, offset)
            except OSError as error:
                raise self.unreadable(f"at byte {offset}", error) from error
            if len(data) != length:
                raise self._changed("it became shorter while it was read")
            digest.update(data)
        return f"1:{digest.hexdigest()}"

    def check_unchanged(self) -> None:
        """Raise VidupError(FILE) if size or modification time are no longer what they were when the file was opened, or cannot be told."""
        try:
            now = os.fstat(self.descriptor)
        except OSError as error:
            raise self.unreadable("any more", error) from error
        if now.st_size != self.size:
            raise self._changed(f"its size went from {show_size(self.size)} ({self.size} B) to {show_size(now.st_size)} ({now.st_size} B)")
        if now.st_mtime_ns != self.mtime_ns:
            raise self._changed("it was written to")

    def body(self, part: Part, cut: Cut) -> PartBody:
        """The body of one attempt at this part; `cut` ends it before its next block."""
        return PartBody(self, part, cut)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.descriptor)

    def unreadable(self, where: str, error: OSError) -> VidupError:
        """The VidupError(FILE) to raise instead of an OSError, which requests would take for the network's and send the part again."""
        return VidupError(
            ExitCode.FILE, f"{self.name} cannot be read {where}", cause=error.strerror or str(error), mended_outside=True,
            advice="Check the disk, then run the same command again: what was sent stays sent.",
        )  # fmt: skip

    def _changed(self, cause: str) -> VidupError:
        return FileChanged(
            ExitCode.FILE, f"{self.name} changed while it was being sent", cause=cause,
            advice="When nothing writes to the file any more, start over: --restart",
        )  # fmt: skip


class FileChanged(VidupError):
    """The file is not the one the upload was begun with."""


def _samples(size: int) -> Iterator[tuple[int, int]]:
    """(offset, length) of the sampled stretches, a function of the size alone."""
    head = min(MIB, size)
    tail = max(head, size - MIB)
    yield 0, head
    for offset in range(_SAMPLE_EVERY, tail, _SAMPLE_EVERY):
        yield offset, min(_SAMPLE, tail - offset)
    if tail < size:
        yield tail, size - tail


def open_video(path: str) -> VideoFile:
    """Open a file to upload. Raises VidupError(FILE) for what cannot be one: missing, unreadable, no regular file, empty, too large.

    The refusal names the path as it was given: of many files, several may have the same name. An empty path is VidupError(USAGE).
    """
    if not path:
        raise _nameless()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:  # ValueError for a NUL in the path
        raise cannot_open(path, error) from error
    about = os.fstat(descriptor)
    refusal = _why_not(about)
    if refusal:
        os.close(descriptor)
        what, advice = refusal
        raise VidupError(ExitCode.FILE, f"{path} {what}", advice=advice)
    if about.st_size > _FEW and hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):  # a hint, which some FUSE file systems refuse
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
    return VideoFile(
        path=_real_path(descriptor, path), name=os.path.basename(path.rstrip(os.sep)) or path, size=about.st_size,
        mtime_ns=about.st_mtime_ns, device=about.st_dev, inode=about.st_ino, descriptor=descriptor,
    )  # fmt: skip


def _real_path(descriptor: int, path: str) -> str:
    """Where this open file really is, as `realpath` has it, which takes a look at every folder above it.

    Where the path leads straight there, as it was typed, Linux tells so at once.
    """
    straight = os.path.abspath(path)
    try:
        if os.readlink(f"/proc/self/fd/{descriptor}") == straight:
            return straight
    except OSError:  # there is no such place but on Linux
        pass
    return os.path.realpath(path)


class Look(NamedTuple):
    """What a path leads to, without opening it: the device and inode, None where it leads to nothing, and why it cannot be uploaded."""

    identity: tuple[int, int] | None
    refusal: VidupError | None


def look_at(path: str) -> Look:
    """Whether this could be opened for an upload; the refusals are those of `open_video`. What is found may be another thing later."""
    if not path:
        return Look(None, _nameless())
    try:
        about = os.stat(path)
    except (OSError, ValueError) as error:
        return Look(None, cannot_open(path, error))
    identity = about.st_dev, about.st_ino
    if refusal := _why_not(about):
        what, advice = refusal
        return Look(identity, VidupError(ExitCode.FILE, f"{path} {what}", advice=advice))
    if not os.access(path, os.R_OK):
        return Look(identity, cannot_open(path, PermissionError(errno.EACCES, os.strerror(errno.EACCES))))
    return Look(identity, None)


def _nameless() -> VidupError:
    return VidupError(
        ExitCode.USAGE, "The name of the file is empty",
        advice="Name a file; in a script, see whether the variable that should hold its name is set.",
    )  # fmt: skip


def cannot_open(path: str, error: OSError | ValueError) -> VidupError:
    """The refusal of a path that leads to no file; of a relative one also the folder it was looked for in."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        if _is_pipe(path):
            return VidupError(ExitCode.FILE, f"{path} is not a regular file", advice=_PIPE)
        if re.match(r"[a-z][a-z0-9+]+://", path, re.IGNORECASE):
            return VidupError(
                ExitCode.FILE, f"{path} is an address, and vidup sends local files", advice="Download it, then upload the file."
            )
        what = f"{path} does not exist"
    else:
        what = f"{path} cannot be read"
    words = [] if isinstance(error, FileNotFoundError) else [(error.strerror if isinstance(error, OSError) else None) or str(error)]
    if not os.path.isabs(path):
        words.append(f"looked for in {_current_folder()}")
    quoted = path.startswith("~") and os.path.exists(os.path.expanduser(path))
    advice = "Leave the ~ out of the quotes: only the shell takes it for your home." if quoted else "Check the path."
    return VidupError(ExitCode.FILE, what, cause="; ".join(words), advice=advice)


def _is_pipe(path: str) -> bool:
    """Whether this is a pipe that has no real path, as what a shell makes of <(PRODUCER) has none."""
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def _current_folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return "the current folder, which is gone"


def _why_not(about: os.stat_result) -> tuple[str, str] | None:
    if not stat.S_ISREG(about.st_mode):
        if stat.S_ISDIR(about.st_mode):
            return "is a folder, not a file", "Name a video file, or add -r for the videos in the folder."
        return "is not a regular file", _PIPE if stat.S_ISFIFO(about.st_mode) else "Name a video file."
    if about.st_size == 0:
        return "is empty (0 bytes)", "Name a file that holds a video."
    if about.st_size > MAX_SIZE:
        return (
            f"is too large: {about.st_size} bytes, and api.video takes {MAX_SIZE} at most",
            "Cut or compress the video, then upload the result.",
        )
    return None
