"""EDGE: the manifest, a file of the user's: a line for each file that is over, on the disk before the next thing happens; never rewritten.

A line is a JSON object, the one that `--json` prints and what tells the file and its content. Several processes may add to one manifest.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import fcntl
import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from vidup.errors import ExitCode, VidupError
from vidup.inert import file_fields, json_line
from vidup.state.disk import OsDisk

_DISK: Final = OsDisk()
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_BEGINS: Final = b'{"v": 1, '
"""What the very first line begins with, also where a kill or a power loss tore it."""

_WELL: Final = (ExitCode.OK, ExitCode.NOT_PLAYABLE)
"""With these the server has the whole file, whether or not somebody waited long enough to see it play."""

_BLOCK: Final = 64 * 1024
_LOCKED_FOR: Final = 2.0
"""Seconds that a lock which another holds is waited for. Nobody needs it longer for one line; one who keeps it, as `flock` does around a
whole command, would have us wait for ever. A line is one write at the file's end in any case."""


class Row(NamedTuple):
    """What the manifest says of a file that ended well: its content, where to it went, and the whole object that was written."""

    size: int
    fingerprint: str
    base_url: str
    fields: dict[str, object]

    @property
    def video_id(self) -> str:
        """The video that it became."""
        return str(self.fields.get("video_id") or "")

    @property
    def upload_id(self) -> str:
        """The name of its record, where one was left behind."""
        return str(self.fields.get("upload_id") or "")


class Manifest:
    """One manifest, opened to be read at once and added to later."""

    def __init__(self, path: Path, *, writable: bool = True) -> None:
        """Create it if need be, see that it can be added to, cut off what a torn write left, and read what ended well; if it is not to be
        `writable`, only read it.

        Raises VidupError: FILE or, where the disk is full, AGAIN; USAGE for a file that holds something else.
        """
        self.path = path
        self._well: dict[str, tuple[int, int]] = {}
        self._elsewhere: dict[str, str] = {}
        try:
            self._descriptor = _open(path) if writable else os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            with _alone(self._descriptor):
                self._read()
                if writable:
                    _cut(self._descriptor)
        except OSError as error:
            raise self._refuses(error) from error

    def find(self, path: str, given: str = "") -> Row | None:
        """The last row of a file that ended well: of this real path, else of one that is gone and was called as this one is, `given`.

        The second is for folders that move, as those of CI runners do; whether the content is the same is for the caller to find out.
        """
        place = self._well.get(path)
        if place is None:
            moved = self._elsewhere.get(given)
            place = self._well.get(moved) if moved is not None and not os.path.lexists(moved) else None
        try:
            return _row(_object(os.pread(self._descriptor, place[1], place[0]))) if place is not None else None
        except OSError as error:
            raise self._refuses(error) from error

    def add(self, fields: Mapping[str, object], path: str, file: str) -> None:
        """Add the row of this file, called `file` by the user; it is on the disk when this returns. Raises VidupError as the constructor.

        A name that is not in UTF-8 stands there a second time, its bytes in base64.
        """
        line = json_line({**fields, **file_fields(file), **file_fields(path, "path")}).encode()
        try:
            with _alone(self._descriptor):
                _cut(self._descriptor)
                _DISK.append(self.path, line + b"\n")
        except OSError as error:
            raise self._refuses(error) from error

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._descriptor)

    def _read(self) -> None:
        """Note where the rows stand that count; the rows of thousands of files need not be in memory for that."""
        offset = 0
        with open(os.dup(self._descriptor), "rb") as file:
            file.seek(0)
            if not _BEGINS.startswith(file.peek(1)[:1]):  # its first line may be gigabytes
                raise self._is_none()
            for line in file:
                if not offset and not _is_row(line):
                    raise self._is_none()
                if line.endswith(b"\n"):
                    self._note(line, offset)
                offset += len(line)

    def _note(self, line: bytes, offset: int) -> None:
        fields = _object(line)
        path = _named(fields, "path")
        if fields.get("exit_code") in _WELL and path and _row(fields) is not None:
            self._well[path] = offset, len(line)
            file = _named(fields, "file")
            if file and not os.path.isabs(file):
                self._elsewhere[file] = path

    def _is_none(self) -> VidupError:
        return VidupError(
            ExitCode.USAGE, f"{self.path} is not a manifest of vidup",
            advice="Name another file with --manifest: nothing is added to one that holds something else.",
        )  # fmt: skip

    def _refuses(self, error: OSError) -> VidupError:
        full = error.errno in _FULL
        return VidupError(
            ExitCode.AGAIN if full else ExitCode.FILE, f"The manifest {self.path} cannot be written", cause=error.strerror or str(error),
            advice=f"{'Free some space there' if full else 'Repair it'}, or name another file with --manifest, "
            "then run the same command again: what is on the server is not sent twice.",
        )  # fmt: skip


def _open(path: Path) -> int:
    """A descriptor of the regular file, made if need be. Raises OSError."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)  # another process may do so, too
        _sync_folder(path)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file")
    return descriptor


def _sync_folder(path: Path) -> None:
    with contextlib.suppress(OSError):  # file systems that do not sync folders keep them on a server of their own
        folder = os.open(path.absolute().parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextlib.contextmanager
def _alone(descriptor: int) -> Iterator[None]:
    """Hold the lock of the file, or go on without where it cannot be had."""
    locked = _lock(descriptor)
    try:
        yield
    finally:
        if locked:
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def _lock(descriptor: int) -> bool:
    import time

    until = time.monotonic() + _LOCKED_FOR
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.01)
        except OSError:  # no locks on this file system
            return False
        else:
            return True


def _is_row(first: bytes) -> bool:
    """Whether more rows may be added behind this first line: it is one, be it a torn one."""
    if not first.endswith(b"\n"):
        return first.startswith(_BEGINS) or _BEGINS.startswith(first)
    return _object(first).keys() >= {"v", "status", "exit_code"}


def _cut(descriptor: int) -> None:
    """Cut off what a torn write of somebody who was killed left behind the last whole line. To be called alone. Raises OSError."""
    size = os.fstat(descriptor).st_size
    if not size or os.pread(descriptor, 1, size - 1) == b"\n":
        return
    end = size
    while end:
        start = max(0, end - _BLOCK)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    os.ftruncate(descriptor, end)


def _row(fields: Mapping[str, object]) -> Row | None:
    size, fingerprint, base_url = fields.get("size"), fields.get("fingerprint"), fields.get("base_url")
    if isinstance(size, int) and isinstance(fingerprint, str) and isinstance(base_url, str) and fields.get("video_id"):
        return Row(size, fingerprint, base_url, dict(fields))
    return None


def _object(line: bytes) -> dict[str, object]:
    """The object of this line; an empty one where it is damaged."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _named(fields: Mapping[str, object], name: str) -> str:
    """The path under this name, also one that is not in UTF-8."""
    odd, plain = fields.get(f"{name}_b64"), fields.get(name)
    if isinstance(odd, str):
        try:
            return os.fsdecode(base64.b64decode(odd, validate=True))
        except ValueError:
            return ""
    return plain if isinstance(plain, str) else ""
