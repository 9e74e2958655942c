"""A disk in memory, that counts what is read, and that refuses or tears what it is told to."""

from __future__ import annotations

import errno
import os
from pathlib import Path


class MemoryDisk:
    """Files by path. `refuses` makes everything that writes fail with that errno, once `after` more of it were taken."""

    def __init__(self) -> None:
        self.files: dict[Path, bytes] = {}
        self.inodes: dict[Path, int] = {}
        self.reads: list[Path] = []
        self.writes = 0
        self.refuses = 0
        self.after = 0

    def prepare(self, folder: Path) -> None:
        self._write()

    def names(self, folder: Path) -> list[str]:
        return [path.name for path in self.files if path.parent == folder]

    def read(self, path: Path, start: int = 0) -> bytes:
        self.reads.append(path)
        if path not in self.files:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return self.files[path][start:]

    def end(self, path: Path) -> tuple[int, int]:
        if path not in self.files:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return self.inodes.get(path, 0), len(self.files[path])

    def create(self, path: Path, data: bytes, lasting: bool = True) -> None:
        self._write()
        self.inodes[path] = self.writes
        self.files[path] = data

    def append(self, path: Path, data: bytes, lasting: bool = True) -> None:
        if path not in self.files:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        self._write()
        self.files[path] += data

    def truncate(self, path: Path, size: int) -> None:
        self._write()
        self.files[path] = self.files[path][:size]

    def remove(self, path: Path, lasting: bool = True) -> None:
        self.files.pop(path, None)

    def keep(self, path: Path) -> None:
        self._write()

    def exists(self, path: Path) -> bool:
        return path in self.files

    def _write(self) -> None:
        self.writes += 1
        if self.refuses:
            if not self.after:
                raise OSError(self.refuses, os.strerror(self.refuses))
            self.after -= 1
