"""EDGE: the state folder. For each upload an append-only record that lets a killed upload go on, and a lock that the kernel frees."""

from __future__ import annotations

import contextlib
import errno
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from vidup.errors import ExitCode, VidupError
from vidup.state.disk import Disk, OsDisk
from vidup.state.identity import content_mark, upload_id_for
from vidup.state.index import Index, Known
from vidup.state.lock import Lock, take
from vidup.state.record import Checkpoint, Record, decode, encode, encode_checkpoint

_SUFFIX: Final = ".jsonl"
_FILES: Final = 64
"""Paths of records that are remembered: each is asked for ten times, and to make one takes as long as to read it."""

_INDEX: Final = "index"
_THIS_MACHINE: Final = OsDisk()
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class Unreadable(VidupError):
    """A record is there, but the disk does not give it."""


class StateFolder:
    """The folder that holds the records, 0700; the files in it are 0600."""

    def __init__(self, path: Path, disk: Disk = _THIS_MACHINE) -> None:
        self.path = path
        self.disk = disk
        self._index = Index(path / _INDEX, disk)
        self._prepared = False
        self._files: dict[str, Path] = {}

    def prepare(self) -> None:
        """Create the folder and see, once, that it can be written. Raises VidupError naming it: AGAIN if the disk is full, else FILE."""
        if self._prepared:
            return
        try:
            self.disk.prepare(self.path)
        except OSError as error:
            raise disk_refuses(error, self.path) from error
        self._prepared = True

    def file_of(self, upload_id: str) -> Path:
        """Where the record of this upload is, or would be."""
        if upload_id not in self._files:
            if len(self._files) >= _FILES:
                self._files.clear()
            self._files[upload_id] = self.path / f"{upload_id}{_SUFFIX}"
        return self._files[upload_id]

    def upload_ids(self) -> list[str]:
        """The uploads that have a record, readable or not. Raises VidupError(FILE) if the folder is there, but cannot be listed."""
        try:
            return sorted(name.removesuffix(_SUFFIX) for name in self.disk.names(self.path) if name.endswith(_SUFFIX))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise VidupError(
                ExitCode.FILE, f"The state folder {self.path} cannot be read", cause=error.strerror or str(error),
                advice="Repair it, or name another one with --state-dir.", concerns_all=True,
            ) from error  # fmt: skip

    def records(self) -> Iterator[Record]:
        """Every record that this version can read, oldest first. Raises as `upload_ids`, and `Unreadable`."""
        found = [record for upload_id in self.upload_ids() if (record := self._readable(upload_id, strict=True)) is not None]
        yield from sorted(found, key=_age)

    def read(self, upload_id: str) -> Record | None:
        """The record of this upload, or None if there is none, or a damaged one.

        Raises VidupError(FILE) if another version wrote it, `Unreadable` if the disk does not give it: what is safe stays safe.
        """
        try:
            data = self.disk.read(self.file_of(upload_id))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unreadable(
                ExitCode.FILE, f"The record {self.file_of(upload_id)} cannot be read", cause=error.strerror or str(error),
                advice="Repair it, then run the same command again: it tells what is on the server already.",
            ) from error  # fmt: skip
        return decode(data, upload_id)

    def find(self, path: str, base_url: str, requested_id: str) -> tuple[str, Record | None]:
        """The record of an upload of this path to this place, if it can be read, and its name; else the name for a new one.

        That is the usual one, unless the record of a file that has moved away still bears it. A record that cannot be read does not count,
        so it is taken over or refused by whoever reads it under the lock. Raises as `upload_ids`.
        """
        wanted = path, base_url, requested_id
        name, record = self._by_name(*wanted)
        if record is None:  # it may bear another name: it was begun under another path, or when its name was taken
            by_path = upload_id_for(*wanted)
            record = self._by_index(by_path, lambda checkpoint: _identity(checkpoint) == wanted)
        return record.checkpoint.upload_id if record is not None else name, record

    def find_moved(self, base_url: str, requested_id: str, fingerprint: str) -> Record | None:
        """A record whose own file is gone and whose fingerprint is this file's: CI workspaces move. Raises as `upload_ids`."""
        wanted = base_url, requested_id, fingerprint
        mark = content_mark(fingerprint, base_url, requested_id)

        def fits(checkpoint: Checkpoint) -> bool:
            same = (checkpoint.base_url, checkpoint.requested_id, checkpoint.fingerprint) == wanted
            return same and not self.disk.exists(Path(checkpoint.path))

        return self._by_index(mark, fits)

    def note(self, checkpoint: Checkpoint) -> None:
        """Have this record found by what its checkpoint says from now on."""
        self._index.add(Known.of(checkpoint))

    def forget(self, upload_id: str, lasting: bool = True) -> None:
        """Remove a record; to be called under its lock. OSError if the disk refuses.

        Not `lasting`: after a power failure it may be there again, and then tells of an upload that is complete.
        """
        self.disk.remove(self.file_of(upload_id), lasting)
        self._index.drop(upload_id)

    def lock(self, upload_id: str) -> Lock:
        """Take the lock of this upload, at once or not at all. A dead holder holds nothing.

        Raises `Busy`, naming the holder, if another process has it, VidupError(FILE) where files cannot be locked, else as `prepare`.
        """
        try:
            return take(self.path, upload_id)
        except OSError as error:
            raise disk_refuses(error, self.path) from error

    @contextlib.contextmanager
    def locked(self, upload_id: str) -> Iterator[None]:
        """Hold the lock of this upload. Raises as `lock`."""
        lock = self.lock(upload_id)
        try:
            yield
        finally:
            lock.release()

    def _readable(self, upload_id: str, *, strict: bool = False) -> Record | None:
        """The record, or None where this version cannot read it; `strict` raises `Unreadable`."""
        try:
            return self.read(upload_id)
        except Unreadable:
            if strict:
                raise
        except VidupError:
            pass
        return None

    def _by_name(self, path: str, base_url: str, requested_id: str) -> tuple[str, Record | None]:
        """The first name for this upload that another one does not bear, and its record, if there is one."""
        for turn in itertools.count():
            upload_id = upload_id_for(path, base_url, requested_id, turn)
            record = self._readable(upload_id, strict=True)
            if record is None or _identity(record.checkpoint) == (path, base_url, requested_id):
                return upload_id, record
        raise AssertionError("itertools.count ended")

    def _by_index(self, mark: str, fits: Callable[[Checkpoint], bool]) -> Record | None:
        """The oldest record that fits, of those of which the index says that they may."""

        def unknown(index: set[str]) -> list[Known]:
            """The lines for records of a vidup that had no index, or whose line got lost."""
            others = [record for name in self.upload_ids() if name not in index and (record := self._readable(name)) is not None]
            return [Known.of(record.checkpoint) for record in others]

        may = self._index.having(mark, unknown, self.upload_ids)
        found = [record for name in sorted(may) if (record := self._readable(name)) is not None and fits(record.checkpoint)]
        return min(found, key=_age, default=None)


class Journal:
    """The open record of the upload being made: every line is on the disk before the next thing happens.

    Whatever writes raises OSError if the disk refuses; the record is then as it was before. The record of an upload of one part waits for
    no platter: all that it could save after a power failure is that part, and to wait four times for the disk would take longer than to
    send a small file again.
    """

    def __init__(self, folder: StateFolder, upload_id: str, total_parts: int) -> None:
        self._folder = folder
        self._upload_id = upload_id
        self._total_parts = total_parts
        self._foretold = False
        self._closed = False

    @classmethod
    def create(cls, folder: StateFolder, checkpoint: Checkpoint) -> Journal:
        """Write a new record in one step: it is there whole, or not at all. OSError if the disk refuses.

        That of a file of one part, whose video is new, says at once that this part may be on the server: it is what goes out next.
        """
        folder.note(checkpoint)  # first: a line about no record is no harm, a record without its line must be read to be found
        journal = cls(folder, checkpoint.upload_id, checkpoint.total_parts)
        journal._foretold = checkpoint.created and not checkpoint.part_size and not journal.lasts
        lines = encode_checkpoint(checkpoint) + (encode(_attempt(1)) if journal._foretold else b"")
        folder.disk.create(folder.file_of(checkpoint.upload_id), lines, journal.lasts)
        return journal

    @classmethod
    def reopen(cls, folder: StateFolder, upload_id: str, total_parts: int = 0) -> Journal:
        """Open an existing record to go on with it, in so many parts if that is known; what a torn write left at its end is cut off."""
        path = folder.file_of(upload_id)
        data = folder.disk.read(path)
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            folder.disk.truncate(path, whole)
        return cls(folder, upload_id, total_parts)

    @property
    def lasts(self) -> bool:
        """Whether it outlives a power failure."""
        return self._total_parts != 1

    def forget(self) -> None:
        """Remove the record: the upload is complete. OSError if the disk refuses."""
        self._folder.forget(self._upload_id, self.lasts)

    def attempt(self, *parts: int) -> None:
        """These parts are about to be sent for the first time: from now on they may be on the server."""
        foretold, self._foretold = self._foretold, False
        if parts and not foretold:
            self._append(*map(_attempt, parts))

    def attempt_of(self, part: int, digest: str) -> None:
        """This part, of that SHA-256, is about to be sent for the first time."""
        self._append({"kind": "digest", "value": [part, digest]})

    def lost(self, part: int) -> None:
        """The server took this part, but does not show it: it counts as missing."""
        self._append({"kind": "lost", "value": part})

    def confirm(self, part: int) -> None:
        """The server has this part."""
        self._append({"kind": "part", "value": part})

    def refused(self, part: int) -> None:
        """The first try of this part was refused: it is not on the server by us."""
        self._append({"kind": "refused", "value": part})

    def moved(self, path: str) -> None:
        """The file is found under another path from now on."""
        record = self._folder.read(self._upload_id)
        if record is not None:
            self._folder.note(record.checkpoint._replace(path=path))
        self._append({"kind": "moved", "value": path})

    def replanned(self, total_parts: int) -> None:
        """The server's total is another one than the checkpoint's, and the server wins."""
        self._total_parts = total_parts
        self._append({"kind": "total", "value": total_parts})

    def identified(self, device: int, inode: int, mtime_ns: int) -> None:
        """The file is this one on its device from now on: a copy of the one that the upload began with, or known to be the same."""
        self._append({"kind": "file", "value": [device, inode, mtime_ns]})

    def touched(self) -> None:
        """The file was written to, or touched, where it lies: a copy of it, made later, would not show that any more."""
        self._append({"kind": "touched"})

    def adopted(self) -> None:
        """From now on the parts on the server are taken for this file's."""
        self._append({"kind": "adopted"})

    def file_changed(self) -> None:
        """The file was written to while parts of it were being sent, so those parts and the file are no longer one."""
        self._append({"kind": "changed"})

    def keep(self) -> None:
        """This record is to be gone on with later, and is said to be: from now on it outlives a power failure in any case."""
        if self._foretold:  # and did not come: the file may well be another one then
            self._foretold = False
            self.refused(1)
        if not self.lasts:
            self._folder.disk.keep(self._folder.file_of(self._upload_id))

    def close(self) -> None:
        """Write nothing any more: once the lock is released, the record may be another process's."""
        self._closed = True

    def _append(self, *entries: dict[str, object]) -> None:
        if self._closed:
            raise OSError(errno.EBADF, "the journal is closed")
        self._folder.disk.append(self._folder.file_of(self._upload_id), b"".join(map(encode, entries)), self.lasts)


def disk_refuses(error: OSError, folder: Path | None = None) -> VidupError:
    """The VidupError for a state folder that cannot be written: AGAIN if the disk is full, else FILE."""
    full = error.errno in _FULL
    return VidupError(
        ExitCode.AGAIN if full else ExitCode.FILE, f"The state folder{f' {folder}' if folder else ''} cannot be written",
        cause=error.strerror or str(error),
        advice=f"{'Free some space there' if full else 'Repair it'}, or name another one with --state-dir, "
        "then run the same command again: without it no upload could be resumed.", concerns_all=True,
    )  # fmt: skip


def _attempt(part: int) -> dict[str, object]:
    return {"kind": "attempt", "value": part}


def _identity(checkpoint: Checkpoint) -> tuple[str, str, str]:
    return checkpoint.path, checkpoint.base_url, checkpoint.requested_id


def _age(record: Record) -> float:
    return record.checkpoint.began
