"""EDGE: a small file that tells which record may be the one looked for, so that they need not all be read.

A line for each record, of hashes only. It is an aid: what it says is checked in the record itself, and what it lacks is read again. So
nothing waits for it to be on the platter, and a run of thousands of files reads of it only what others have added since.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
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
        self._file = (0, 0)
        self._ours = 0
        """Bytes that were added here to what was read of it; if it has more, others have added to it, too."""
        self._lines = 0
        self._known: dict[str, Known] = {}
        self._with_mark: dict[str, set[str]] = {}

    def having(self, mark: str, read_all: Callable[[set[str]], Iterable[Known]], names: Callable[[], Iterable[str]]) -> set[str]:
        """The upload ids of the records of which the index says that their path or content has this mark.

        `read_all` is asked, where the file is not the one that was read before, for the lines of records that it does not know;
        `names` for the records that there are, where it tells of too many that are gone.
        """
        if not self._caught_up():
            self.add(*read_all(set(self._known)))
        if self._lines > 2 * len(self._known) + _SLACK:
            self._tidy(set(names()))
        return self._with_mark.get(mark, set())

    def add(self, *more: Known) -> None:
        """Note these records."""
        if not more:
            return
        data = _encoded(more)
        self._lines += len(more)
        with contextlib.suppress(OSError):
            try:
                self._disk.append(self._path, data, lasting=False)
            except FileNotFoundError:
                self._disk.create(self._path, data, lasting=False)
                self._file, self._ours = (self._disk.end(self._path)[0], 0), 0
            self._ours += len(data)
        for known in more:
            self._learn(known)

    def drop(self, upload_id: str) -> None:
        """This record is gone; its line may stay."""
        known = self._known.pop(upload_id, None)
        for mark in known[1:] if known is not None else ():
            ids = self._with_mark.get(mark, set())
            ids.discard(upload_id)
            if not ids:
                self._with_mark.pop(mark, None)

    def _caught_up(self) -> bool:
        """Read what was added since; False where it is another file than before, so that there may be records that no line tells of."""
        try:
            now = self._disk.end(self._path)
        except OSError:
            now = (0, 0)
        ours, self._ours = self._ours, 0
        if now == (self._file[0], self._file[1] + ours) and self._lines:
            self._file = now
            return True
        same = bool(self._lines) and now[0] == self._file[0] and now[1] > self._file[1]
        if not same:
            self._file, self._lines = (now[0], 0), 0
            self._known.clear()
            self._with_mark.clear()
        try:
            data = self._disk.read(self._path, self._file[1])
        except OSError:
            return False
        whole = data.rfind(b"\n") + 1
        for entry in decode_lines(data[:whole]):
            words = entry.get("known")
            if isinstance(words, list) and len(words) == 3:
                self._learn(Known(*map(str, words)))
        self._file, self._lines = (now[0], self._file[1] + whole), self._lines + data.count(b"\n")
        return same

    def _learn(self, known: Known) -> None:
        self.drop(known.upload_id)  # the last line counts
        self._known[known.upload_id] = known
        for mark in known[1:]:
            self._with_mark.setdefault(mark, set()).add(known.upload_id)

    def _tidy(self, records: set[str]) -> None:
        """Keep the lines of these records alone, if most are about others."""
        for upload_id in [upload_id for upload_id in self._known if upload_id not in records]:
            self.drop(upload_id)
        if self._lines > 2 * len(self._known) + _SLACK:
            with contextlib.suppress(OSError):
                self._disk.create(self._path, _encoded(self._known.values()), lasting=False)
                self._file, self._ours, self._lines = self._disk.end(self._path), 0, len(self._known)


def _encoded(lines: Iterable[Known]) -> bytes:
    return b"".join(encode({"known": list(known)}) for known in lines)
