"""The state folder's disk as a dictionary, behind the protocol of `vidup.state.disk.Disk`: it survives kills, fills up, and gets damaged.

Where the power fails, what nobody waited for is lost; between two runs everything gets to the platter.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from tests.simulation.clock import DIES_HALFWAY, Clock


class MemoryDisk:
    """What is written stays, whatever happens to the run. `videos` are the paths that exist beside it (the video files)."""

    def __init__(self, clock: Clock, videos: Iterable[str] = ()) -> None:
        self._clock = clock
        self._videos = videos
        self._files: dict[str, bytes] = {}
        self._lasting: dict[str, bytes] = {}
        self._inodes: dict[str, int] = {}
        self._full_from = 0
        self.writes = 0
        self.refused = 0

    def prepare(self, folder: Path) -> None:
        """As the protocol says."""
        dies = self._clock.step("preparing the state folder")
        self._write("the state folder", dies)

    def names(self, folder: Path) -> list[str]:
        """As the protocol says."""
        self._clock.step("listing the state folder")
        start = f"{folder}/"
        return [path[len(start) :] for path in self._files if path.startswith(start)]

    def read(self, path: Path, start: int = 0) -> bytes:
        """As the protocol says."""
        self._clock.step(f"reading {path.name}")
        try:
            return self._files[str(path)][start:]
        except KeyError:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from None

    def end(self, path: Path) -> tuple[int, int]:
        """As the protocol says."""
        try:
            return self._inodes.get(str(path), 0), len(self._files[str(path)])
        except KeyError:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from None

    def create(self, path: Path, data: bytes, lasting: bool = True) -> None:
        """As the protocol says; killed halfway, there is nothing new."""
        dies = self._clock.step(f"creating {path.name}")
        if dies != DIES_HALFWAY:
            self._write(path.name, "")
            self._files[str(path)] = data
            self._inodes[str(path)] = self.writes
            self._written(path, lasting)
        self._die(dies, path.name)

    def append(self, path: Path, data: bytes, lasting: bool = True) -> None:
        """As the protocol says; killed halfway, the line is torn."""
        dies = self._clock.step(f"appending to {path.name}")
        if str(path) not in self._files:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        self._write(path.name, "")
        torn = self._clock.rng.randrange(len(data)) if dies == DIES_HALFWAY else len(data)
        self._files[str(path)] += data[:torn]
        self._written(path, lasting and torn == len(data))
        self._die(dies, path.name)

    def truncate(self, path: Path, size: int) -> None:
        """As the protocol says."""
        dies = self._clock.step(f"truncating {path.name}")
        self._files[str(path)] = self._files[str(path)][:size]
        self._written(path, True)
        self._die(dies, path.name)

    def remove(self, path: Path, lasting: bool = True) -> None:
        """As the protocol says."""
        dies = self._clock.step(f"removing {path.name}")
        self._files.pop(str(path), None)
        if lasting:
            self._lasting.pop(str(path), None)
        self._die(dies, path.name)

    def keep(self, path: Path) -> None:
        """As the protocol says."""
        dies = self._clock.step(f"keeping {path.name}")
        if str(path) not in self._files:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        self._write(path.name, "")
        self._written(path, True)
        self._die(dies, path.name)

    def exists(self, path: Path) -> bool:
        """As the protocol says; video files exist, too."""
        self._clock.step(f"looking for {path.name}")
        return str(path) in self._files or str(path) in self._videos

    def flush(self) -> None:
        """All that was written is on the platter by now."""
        self._lasting = dict(self._files)

    def lose_power(self) -> None:
        """Of each file there is what somebody waited for, or, by chance, all that was written. Told as the fault `power lost`."""
        for name in sorted({*self._files, *self._lasting}):
            kept = self._lasting if self._clock.rng.random() < 0.7 else self._files
            if name in kept:
                self._files[name] = kept[name]
            else:
                self._files.pop(name, None)
        self.flush()
        self._clock.tell("power lost", "what was not on the platter is gone")

    def _written(self, path: Path, lasting: bool) -> None:
        if lasting:
            self._lasting[str(path)] = self._files[str(path)]

    def peek(self, path: Path) -> bytes:
        """What is in the file, for the story itself, which takes no step and does not die; nothing where there is none."""
        return self._files.get(str(path), b"")

    def tells_of(self, video_id: str) -> bool:
        """Whether there is a record that names this video."""
        return any(f'"{video_id}"'.encode() in data for path, data in self._files.items() if path.endswith(".jsonl"))

    def fill(self, at_write: int) -> None:
        """From the `at_write`-th write from now on (1: the next), the disk is full, until `free`."""
        self._full_from = self.writes + at_write

    def free(self) -> None:
        """There is room again."""
        self._full_from = 0

    def damage(self, *, whole: bool) -> bool:
        """A line of one record, or the whole of it, becomes unreadable; whether there was any. Told as the fault `damaged`."""
        rng = self._clock.rng
        names = sorted(name for name, data in self._files.items() if data)
        if not names:
            return False
        name = rng.choice(names)
        data = self._files[name]
        lines = data.split(b"\n")
        count = max(1, len(lines) - 1)
        hit = range(count) if whole else [rng.randrange(count)]
        for number in hit:
            lines[number] = lines[number][:1].swapcase() + b"?" + lines[number][2:]
        self._files[name] = b"\n".join(lines)
        self._clock.tell("damaged", f"{'the whole' if whole else f'line {hit[0] + 1}'} of {name.rpartition('/')[2]}")
        return True

    def _write(self, name: str, dies: str) -> None:
        self.writes += 1
        if self._full_from and self.writes >= self._full_from:
            self.refused += 1
            self._clock.tell("disk full", f"writing {name}")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)
        self._die(dies, name)

    def _die(self, dies: str, name: str) -> None:
        if dies:
            self._clock.die(f"{dies} writing {name}")
