"""EDGE: a small file that tells which record may be the one looked for, so that they need not all be read.

A line for each record, of hashes only. It is an aid: what it says is checked in the record itself, and what it lacks is read again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from vidup.state.disk import Disk
from vidup.state.identity import content_mark, upload_id_for
from vidup.state.record import Checkpoint, decode_lines, encode

_SLACK: Final = 100
"""Lines about records that are gone, beyond which the file is written anew."""


class Known(NamedTuple):
    """What the index says of one record: the upload id that its path would give by itself, and the mark of its content."""

    upload_id: str
    by_path: str
    by_content: str

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Known:
        """The line of this checkpoint's record."""
        place = checkpoint.base_url, checkpoint.requested_id
        return cls(checkpoint.upload_id, upload_id_for(checkpoint.path, *place), content_mark(checkpoint.fingerprint, *place))


class Index:
    """The index of one folder. Several processes may add to it; nothing here fails for want of a disk."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self._path = path
        self._disk = disk

    def read(self) -> tuple[dict[str, Known], int]:
        """What is known by upload id, the last line counts, and how many lines there are."""
        try:
            entries = decode_lines(self._disk.read(self._path))
        except OSError:
            return {}, 0
        lines = [Known(*map(str, words)) for entry in entries if isinstance(words := entry.get("known"), list) and len(words) == 3]
        return {known.upload_id: known for known in lines}, len(lines)

    def add(self, *more: Known) -> None:
        """Note these records."""
        with contextlib.suppress(OSError):
            try:
                self._disk.append(self._path, _encoded(more))
            except FileNotFoundError:
                self._disk.create(self._path, _encoded(more))

    def tidy(self, records: Iterable[Known], lines: int) -> None:
        """Keep the lines of these records alone, once most are about others."""
        kept = list(records)
        if lines > 2 * len(kept) + _SLACK:
            with contextlib.suppress(OSError):
                self._disk.create(self._path, _encoded(kept))


def _encoded(lines: Iterable[Known]) -> bytes:
    return b"".join(encode({"known": list(known)}) for known in lines)
