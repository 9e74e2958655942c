"""EDGE: a small file that remembers the last uploads that were completed, so that a second one of the same file can be told of.

A line for each: hashes, a video id and a time. It is an aid for people: nothing depends on it, and nothing here fails for want of a disk.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from vidup.state.disk import Disk, OsDisk
from vidup.state.record import decode_lines, encode

KEPT: Final = 100
"""Uploads that are remembered; up to twice as many lines are in the file."""

_NAME: Final = "uploaded"
_THIS_MACHINE: Final = OsDisk()


class Upload(NamedTuple):
    """One upload that was completed: what was sent where, into which video, and when (seconds since 1970)."""

    mark: str
    video_id: str
    at: float


class Uploaded:
    """The memory of one state folder. Several processes may add to it."""

    def __init__(self, folder: Path, disk: Disk = _THIS_MACHINE) -> None:
        self._path = folder / _NAME
        self._disk = disk

    def last(self, mark: str) -> Upload | None:
        """The latest upload with this mark, if it is remembered."""
        data = self._data()
        if mark.encode() not in data:  # then there is nothing to decode, which takes a millisecond a file
            return None
        return next((upload for upload in reversed(_decoded(data)) if upload.mark == mark), None)

    def add(self, upload: Upload) -> None:
        """Remember this one; the oldest are forgotten."""
        with contextlib.suppress(OSError):
            data = self._data()
            if not data or data.count(b"\n") >= 2 * KEPT:
                self._disk.create(self._path, b"".join(map(_line, [*_decoded(data)[1 - KEPT :], upload])), lasting=False)
            else:
                self._disk.append(self._path, _line(upload), lasting=False)

    def all(self) -> dict[str, str]:
        """The video that each mark was uploaded into last."""
        return {upload.mark: upload.video_id for upload in _decoded(self._data())}

    def add_all(self, uploads: Iterable[Upload]) -> None:
        """Remember these, as many as are kept, by one write."""
        with contextlib.suppress(OSError):
            kept = [*_decoded(self._data()), *uploads][-KEPT:]
            self._disk.create(self._path, b"".join(map(_line, kept)), lasting=False)

    def _data(self) -> bytes:
        try:
            return self._disk.read(self._path)
        except OSError:
            return b""


def _decoded(data: bytes) -> list[Upload]:
    found = (entry.get("uploaded") for entry in decode_lines(data))
    return [
        Upload(words[0], words[1], float(words[2]))
        for words in found
        if isinstance(words, list) and list(map(type, words)) == [str, str, float]
    ]


def _line(upload: Upload) -> bytes:
    return encode({"uploaded": list(upload)})
