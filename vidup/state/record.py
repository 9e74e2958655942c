"""CORE: what a record says and how it is written: lines of JSON, each with its CRC-32; what is damaged is dropped, never guessed at.

First the checkpoint, then what happened since. A part that is missing here costs nothing: the server knows better.
"""

import json
import zlib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, get_origin, get_type_hints

from vidup.errors import ExitCode, VidupError
from vidup.plan.openplan import AnyPlan, OpenPlan
from vidup.plan.parts import Plan

VERSION: Final = 1

_in_words: Final = json.JSONEncoder(sort_keys=True).encode  # json.dumps would make one for every line


class Checkpoint(NamedTuple):
    """What a later run must know of an upload. No secret is in it.

    `created`: vidup made the container. `vouched`: the parts in it are known to be this file's. `requested_id`: the --video-id given.
    `key_hash`: a few digits that tell one key from another. `options`: what the video was created with. `began`: seconds since 1970.
    `device` and `inode`: which file it was, whatever its path; 0 where the record is older than they are. `part_size`: bytes of a part
    of something that had no size when it was begun, 0 for a file; `again`: the command that goes on with it, where `vidup resume` cannot.
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
    device: int = 0
    inode: int = 0
    part_size: int = 0
    again: str = ""

    @property
    def plan(self) -> AnyPlan:
        """The split; of what has no size yet only the size of its parts."""
        return OpenPlan(self.part_size) if self.part_size else Plan(self.size, self.total_parts)


class Record(NamedTuple):
    """A checkpoint and what was noted after it.

    `confirmed`: parts that the server said it has. `attempted`: parts that may be there, the confirmed ones among them.
    `file_changed`: the file was written to while parts of it were being sent. `touched`: a run found that it was written to, or touched,
    where it lies, and nobody has said since that its content is the same. `digests`: SHA-256 of parts that were begun to be sent, where
    nothing else can tell later what they held.
    """

    checkpoint: Checkpoint
    confirmed: frozenset[int] = frozenset()
    attempted: frozenset[int] = frozenset()
    file_changed: bool = False
    touched: bool = False
    digests: Mapping[int, str] = MappingProxyType({})


def encode(entry: Mapping[str, object]) -> bytes:
    """One line of a record."""
    text = _in_words(entry)
    return f"{zlib.crc32(text.encode()):08x} {text}\n".encode()


def encode_checkpoint(checkpoint: Checkpoint) -> bytes:
    """The line that a record begins with."""
    return encode({"kind": "checkpoint", "version": VERSION, **checkpoint._asdict()})


def decode(data: bytes, name: str) -> Record | None:
    """What the whole, undamaged lines of a record say; None without a checkpoint.

    Raises VidupError(FILE) if another version of vidup wrote it; `name` is the upload id, for the words of that.
    """
    entries = decode_lines(data)
    checkpoint = _checkpoint(entries, name)
    return None if checkpoint is None else _followed(checkpoint, entries)


def decode_lines(data: bytes) -> list[dict[str, object]]:
    """Every whole, undamaged line."""
    return [entry for line in data.split(b"\n")[:-1] if (entry := _entry(line)) is not None]


def _entry(line: bytes) -> dict[str, object] | None:
    crc, _, text = line.partition(b" ")
    try:
        if int(crc, 16) != zlib.crc32(text):
            return None
        entry = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def _checkpoint(entries: Iterable[Mapping[str, object]], name: str) -> Checkpoint | None:
    for entry in entries:
        if entry.get("kind") != "checkpoint":
            continue
        if entry.get("version") != VERSION:
            raise VidupError(
                ExitCode.FILE, f"The record of the upload {name} was written by another version of vidup",
                advice=f"Use that version, or drop the record: vidup forget {name}",
            )  # fmt: skip
        kinds = get_type_hints(Checkpoint)
        values = {field: entry.get(field, Checkpoint._field_defaults.get(field)) for field in kinds}
        if all(isinstance(values[field], (int, float) if kind is float else get_origin(kind) or kind) for field, kind in kinds.items()):
            return Checkpoint(**values)  # type: ignore[arg-type]
    return None


def _followed(checkpoint: Checkpoint, entries: Iterable[Mapping[str, object]]) -> Record:
    confirmed: set[int] = set()
    digests: dict[int, str] = {}
    attempted: set[int] = set()
    changed = touched = False
    for entry in entries:
        kind, value = entry.get("kind"), entry.get("value")
        if kind in ("part", "attempt") and isinstance(value, int):
            attempted.add(value)
            confirmed.update({value} if kind == "part" else ())
        elif kind == "refused" and isinstance(value, int):
            attempted.discard(value)
        elif kind == "lost" and isinstance(value, int):
            confirmed.discard(value)
        elif kind == "digest" and isinstance(value, list) and list(map(type, value)) == [int, str]:
            digests[value[0]] = value[1]
            attempted.add(value[0])
        elif kind == "total" and isinstance(value, int):
            if value != checkpoint.total_parts:  # a part number means nothing without its total
                confirmed.clear()
                attempted.clear()
            checkpoint = checkpoint._replace(total_parts=value)
        elif kind == "moved" and isinstance(value, str):
            checkpoint = checkpoint._replace(path=value)
        elif kind == "file" and isinstance(value, list) and len(value) == 3 and all(isinstance(one, int) for one in value):
            checkpoint = checkpoint._replace(device=value[0], inode=value[1], mtime_ns=value[2])
            touched = False
        elif kind == "adopted":
            checkpoint = checkpoint._replace(vouched=True)
        elif kind == "changed":
            changed = True
        elif kind == "touched":
            touched = True
    return Record(checkpoint, frozenset(confirmed), frozenset(attempted), changed, touched, digests)
