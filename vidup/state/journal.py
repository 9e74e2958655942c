"""EDGE: the state folder. For each upload an append-only record that lets a killed upload go on, and a lock that the kernel frees.

A record is a file of JSON lines, each with its CRC-32: first the checkpoint, then what happened since. A torn or damaged line is
dropped, never guessed at: the server knows better.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, get_origin, get_type_hints

from vidup.errors import ExitCode, VidupError

if TYPE_CHECKING:
    from filelock import BaseFileLock

VERSION: Final = 1
_SUFFIX: Final = ".jsonl"
_ROOM: Final = 8192
"""Bytes that must fit on the disk before a video is created: the checkpoint and the first parts."""


class Checkpoint(NamedTuple):
    """What a later run must know of an upload. No secret is in it.

    `created`: vidup made the container. `vouched`: the parts in it are known to be this file's. `requested_id`: the --video-id given.
    `key_hash`: a few digits that tell one key from another. `options`: what the video was created with. `began`: seconds since 1970.
    """

    upload_id: str
    path: str
    size: int
    mtime_ns: int
    fingerprint: str
    base_url: str
    video_id: str
    total_parts: int
    created: bool
    vouched: bool
    requested_id: str
    key_hash: str
    options: dict[str, object]
    began: float


class Record(NamedTuple):
    """A checkpoint and what was noted after it: parts confirmed, parts tried, and whether the file changed under a running upload."""

    checkpoint: Checkpoint
    confirmed: frozenset[int] = frozenset()
    attempted: frozenset[int] = frozenset()
    file_changed: bool = False


class Busy(VidupError):
    """Another process is at this upload."""


class StateFolder:
    """The folder that holds the records, 0700; the files in it are 0600."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def prepare(self) -> None:
        """Create the folder and see that it can be written. Raises VidupError(FILE) naming the folder."""
        probe = self.path / f".probe-{os.getpid()}-{os.urandom(4).hex()}"
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_new(probe, b" " * _ROOM)
        except OSError as error:
            raise VidupError(
                ExitCode.FILE, f"The state folder {self.path} cannot be written", cause=error.strerror or str(error),
                advice="Free or repair it, or name another one with --state-dir: without it no upload could be resumed.",
            ) from error  # fmt: skip
        finally:
            with contextlib.suppress(OSError):
                probe.unlink(missing_ok=True)

    def file_of(self, upload_id: str) -> Path:
        """Where the record of this upload is, or would be."""
        return self.path / f"{upload_id}{_SUFFIX}"

    def records(self) -> Iterator[Record]:
        """Every record that this version can read, oldest first. Raises as `upload_ids`."""
        found: list[Record] = []
        for upload_id in self.upload_ids():
            with contextlib.suppress(VidupError):
                record = self.read(upload_id)
                found += [record] if record is not None else []
        yield from sorted(found, key=lambda record: record.checkpoint.began)

    def upload_ids(self) -> list[str]:
        """The uploads that have a record, readable or not. Raises VidupError(FILE) if the folder is there, but cannot be listed."""
        try:
            return sorted(name.removesuffix(_SUFFIX) for name in os.listdir(self.path) if name.endswith(_SUFFIX))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise VidupError(
                ExitCode.FILE, f"The state folder {self.path} cannot be read", cause=error.strerror or str(error),
                advice="Repair it, or name another one with --state-dir.",
            ) from error  # fmt: skip

    def read(self, upload_id: str) -> Record | None:
        """The record of this upload, or None if none can be read. Raises VidupError(FILE) if another version wrote it."""
        return read_record(self.file_of(upload_id))

    def forget(self, upload_id: str) -> None:
        """Remove a record; to be called under its lock."""
        self.file_of(upload_id).unlink(missing_ok=True)
        _sync_folder(self.path)

    @contextlib.contextmanager
    def locked(self, upload_id: str) -> Iterator[None]:
        """Hold the lock of this upload; raises Busy, naming the holder, if another process does. A dead holder holds nothing."""
        from filelock import FileLock, Timeout

        holder = self.path / f"{upload_id}.holder"
        lock: BaseFileLock = FileLock(self.path / f"{upload_id}.lock", timeout=0, mode=0o600, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            raise Busy(
                ExitCode.BUSY, "Another vidup is uploading this file now", cause=_holder_words(holder),
                advice="Let it finish, or stop it; then run the same command again.",
            ) from None  # fmt: skip
        except OSError as error:
            raise VidupError(
                ExitCode.FILE, f"The state folder {self.path} cannot be used", cause=error.strerror or str(error),
                advice="Name another one with --state-dir.",
            ) from error  # fmt: skip
        try:
            with contextlib.suppress(OSError):
                holder.write_text(f"{os.getpid()} {os.uname().nodename}\n")
                holder.chmod(0o600)
            yield
        finally:
            with contextlib.suppress(OSError):
                holder.unlink(missing_ok=True)
                if not self.file_of(upload_id).exists():
                    (self.path / f"{upload_id}.lock").unlink(missing_ok=True)  # filelock notices a lock on a file that is gone
            lock.release()


class Journal:
    """The open record of the upload being made: every line is on the disk before the next thing happens."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def create(cls, folder: StateFolder, checkpoint: Checkpoint) -> Journal:
        """Write a new record in one step: it is there whole, or not at all. OSError if the disk refuses."""
        path = folder.file_of(checkpoint.upload_id)
        beside = path.with_suffix(".new")
        beside.unlink(missing_ok=True)
        _write_new(beside, _line({"kind": "checkpoint", "version": VERSION, **checkpoint._asdict()}))
        os.replace(beside, path)
        _sync_folder(path.parent)
        return cls(path, os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC))

    @classmethod
    def reopen(cls, folder: StateFolder, upload_id: str) -> Journal:
        """Open an existing record to go on with it; what a torn write left after its last line is cut off."""
        path = folder.file_of(upload_id)
        data = path.read_bytes()
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.ftruncate(descriptor, whole)
            os.fsync(descriptor)
        return cls(path, descriptor)

    def confirm(self, part: int) -> None:
        """The server has this part. OSError if the disk refuses; the record is then as it was before."""
        self._append({"kind": "part", "value": part})

    def attempt(self, part: int) -> None:
        """This part is about to be sent."""
        self._append({"kind": "attempt", "value": part})

    def refused(self, part: int) -> None:
        """The first try of this part was refused: it is not on the server by us."""
        self._append({"kind": "refused", "value": part})

    def moved(self, path: str) -> None:
        """The file is found under another path from now on."""
        self._append({"kind": "moved", "value": path})

    def replanned(self, total_parts: int) -> None:
        """The server's total is another one than the checkpoint's, and the server wins."""
        self._append({"kind": "total", "value": total_parts})

    def adopted(self) -> None:
        """From now on the parts on the server are taken for this file's."""
        self._append({"kind": "adopted"})

    def file_changed(self) -> None:
        """The file was written to while parts of it were being sent, so those parts and the file are no longer one."""
        self._append({"kind": "changed"})

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._descriptor)

    def _append(self, entry: dict[str, object]) -> None:
        before = os.fstat(self._descriptor).st_size
        line = _line(entry)
        try:
            if os.write(self._descriptor, line) != len(line):
                raise OSError(28, os.strerror(28))
            os.fsync(self._descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, before)
            raise


def find_record(folder: StateFolder, path: str, base_url: str, requested_id: str) -> Record | None:
    """The record of an upload of this path to this place, if it can be read."""
    for record in folder.records():
        known = record.checkpoint
        if (known.path, known.base_url, known.requested_id) == (path, base_url, requested_id):
            return record
    return None


def find_moved(folder: StateFolder, base_url: str, requested_id: str, fingerprint: str) -> Record | None:
    """A record whose own file is gone and whose fingerprint is this file's: CI workspaces move."""
    for record in folder.records():
        known = record.checkpoint
        same = (known.base_url, known.requested_id, known.fingerprint) == (base_url, requested_id, fingerprint)
        if same and not os.path.exists(known.path):
            return record
    return None


def read_record(path: Path) -> Record | None:
    """What a record's whole, undamaged lines say; None without a checkpoint. Raises VidupError(FILE) if another version wrote it."""
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except OSError:
        return None
    entries = [entry for line in lines if (entry := _entry(line)) is not None]
    checkpoint = _checkpoint(path, entries)
    if checkpoint is None:
        return None
    confirmed: set[int] = set()
    attempted: set[int] = set()
    for entry in entries:
        kind, value = entry.get("kind"), entry.get("value")
        if kind in ("part", "attempt") and isinstance(value, int):
            attempted.add(value)
            confirmed.update({value} if kind == "part" else ())
        elif kind == "refused" and isinstance(value, int):
            attempted.discard(value)
        elif kind == "total" and isinstance(value, int):
            checkpoint = checkpoint._replace(total_parts=value)
            confirmed.clear()
            attempted.clear()
        elif kind == "moved" and isinstance(value, str):
            checkpoint = checkpoint._replace(path=value)
        elif kind == "adopted":
            checkpoint = checkpoint._replace(vouched=True)
    changed = any(entry.get("kind") == "changed" for entry in entries)
    return Record(checkpoint, frozenset(confirmed), frozenset(attempted), changed)


def _checkpoint(path: Path, entries: list[dict[str, object]]) -> Checkpoint | None:
    for entry in entries:
        if entry.get("kind") != "checkpoint":
            continue
        if entry.get("version") != VERSION:
            raise VidupError(
                ExitCode.FILE, f"The record {path} was written by another version of vidup",
                advice=f"Use that version, or drop the record: vidup forget {path.stem}",
            )  # fmt: skip
        kinds = get_type_hints(Checkpoint)
        values = {name: entry.get(name) for name in kinds}
        if all(isinstance(values[name], (int, float) if kind is float else get_origin(kind) or kind) for name, kind in kinds.items()):
            return Checkpoint(**values)  # type: ignore[arg-type]
    return None


def _line(entry: dict[str, object]) -> bytes:
    text = json.dumps(entry, sort_keys=True)
    return f"{zlib.crc32(text.encode()):08x} {text}\n".encode()


def _entry(line: bytes) -> dict[str, object] | None:
    crc, _, text = line.partition(b" ")
    try:
        if int(crc, 16) != zlib.crc32(text):
            return None
        entry = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def _write_new(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        if os.write(descriptor, data) != len(data):
            raise OSError(28, os.strerror(28))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _holder_words(holder: Path) -> str:
    try:
        pid, host = holder.read_text().split()
    except (OSError, ValueError):
        return "it holds the lock"
    since = time.time() - holder.stat().st_mtime
    return f"process {pid} on {host}, for {since / 60:.0f} min"
