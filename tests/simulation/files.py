"""Video files that exist only as numbers: cells of a MiB each with the number of their content, and every version a path ever had."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, Protocol

from tests.simulation.clock import Clock
from vidup.errors import Cancelled, ExitCode, VidupError
from vidup.plan.parts import MAX_PART, MIB, Part
from vidup.source.videofile import FileChanged, Whole

CHUNKS: Final = 4
"""Blocks in which a part is handed out; between any two of them the file may change."""

_SAMPLE_EVERY: Final = 16
_NOTHING: Final = memoryview(bytes(MAX_PART))
"""What stands for the bytes themselves: only their count matters. Never touched, so it takes no memory."""


class Cut(Protocol):
    """What tells a body that nobody wants the rest of it."""

    def is_set(self) -> bool: ...


class Content(NamedTuple):
    """What a part held when it was read: its first byte and length in the file, and stretches of cells (first index, contents)."""

    offset: int
    length: int
    stretches: tuple[tuple[int, tuple[int, ...]], ...]


class Version(NamedTuple):
    """What a path held from a moment on."""

    size: int
    cells: tuple[int, ...]

    def holds(self, content: Content) -> bool:
        """Whether this part of this version reads like that."""
        return all(self.cells[first : first + len(ids)] == ids for first, ids in content.stretches)


class Inode:
    """A file on the disk, whatever its name; an open descriptor keeps it."""

    __slots__ = ("cells", "mtime_ns", "number", "size")

    def __init__(self, number: int, size: int, mtime_ns: int, cells: list[int]) -> None:
        self.number = number
        self.size = size
        self.mtime_ns = mtime_ns
        self.cells = cells


def cells_of(size: int) -> int:
    """How many cells a file of this many bytes has."""
    return -(-size // MIB)


def sampled(count: int) -> set[int]:
    """The cells that a fingerprint looks at, of so many."""
    return {0, count - 1, *range(0, count, _SAMPLE_EVERY)}


class Files:
    """All files of this computer, and all they ever were."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ids = 0
        self._inodes = 100
        self.named: dict[str, Inode] = {}
        self.versions: dict[str, list[Version]] = {}

    def make(self, path: str, size: int) -> None:
        """A new file of so many bytes under this path; what was there before lives on in open descriptors alone."""
        self._inodes += 1
        cells = [self._fresh() for _ in range(cells_of(size))]
        self._name(path, Inode(self._inodes, size, self._mtime(), cells))

    def copy(self, path: str, *, same_time: bool) -> None:
        """The file is replaced by a copy of itself: another inode, the same content, perhaps the same modification time."""
        old = self.named[path]
        self._inodes += 1
        self._name(path, Inode(self._inodes, old.size, old.mtime_ns if same_time else self._mtime(), list(old.cells)))

    def write(self, path: str, *, seen: bool, sneaky: bool = False) -> None:
        """Cells are written to in place, a few or all: such that a fingerprint looks at, or such that it does not.

        `sneaky` keeps the modification time.
        """
        inode = self.named[path]
        count = len(inode.cells)
        looked_at = sampled(count)
        able = sorted(looked_at) if seen else [number for number in range(count) if number not in looked_at]
        few = self._clock.rng.choices(able or [0], k=self._clock.rng.randint(1, 3))
        for number in self._clock.rng.choice((few, able or [0])):
            inode.cells[number] = self._fresh()
        self._written(path, sneaky)

    def cut(self, path: str, size: int) -> None:
        """The file is truncated in place to so many bytes, at least one."""
        inode = self.named[path]
        inode.size = size
        del inode.cells[cells_of(size) :]
        self._written(path)

    def append(self, path: str, more: int) -> None:
        """The file grows in place by so many bytes; a cell that was not full becomes another."""
        inode = self.named[path]
        if inode.size % MIB:
            inode.cells[-1] = self._fresh()
        inode.size += more
        inode.cells.extend(self._fresh() for _ in range(cells_of(inode.size) - len(inode.cells)))
        self._written(path)

    def touch(self, path: str) -> None:
        """Only the modification time changes."""
        self.named[path].mtime_ns = self._mtime()

    def open(self, path: str) -> FakeVideo:
        """The file under this path, as `vidup.source.videofile.open_video` opens it. Raises VidupError(FILE) if it is missing or empty."""
        self._clock.step(f"opening {path}")
        name = path.rpartition("/")[2]
        inode = self.named.get(path)
        if inode is None:
            raise VidupError(ExitCode.FILE, f"{name} cannot be read", cause="No such file or directory", advice="Check the path.")
        if inode.size == 0:
            raise VidupError(ExitCode.FILE, f"{name} is empty (0 bytes)", advice="Name a file that holds a video.")
        return FakeVideo(self._clock, path, inode)

    def _name(self, path: str, inode: Inode) -> None:
        self.named[path] = inode
        self.versions.setdefault(path, []).append(Version(inode.size, tuple(inode.cells)))

    def _written(self, path: str, sneaky: bool = False) -> None:
        inode = self.named[path]
        if not sneaky:
            inode.mtime_ns = self._mtime()
        self.versions[path].append(Version(inode.size, tuple(inode.cells)))

    def _fresh(self) -> int:
        self._ids += 1
        return self._ids

    def _mtime(self) -> int:
        return int(self._clock.wall() * 1e9) + self._fresh()


class FakeVideo(Whole):
    """An open file, with the fields and methods of `vidup.source.videofile.VideoFile`."""

    device = 1

    def __init__(self, clock: Clock, path: str, inode: Inode) -> None:
        self.path = path
        self.name = path.rpartition("/")[2]
        self.size = inode.size
        self.mtime_ns = inode.mtime_ns
        self.inode = inode.number
        self.closed = False
        self.clock = clock
        self.held = inode

    def fingerprint(self, stop: Callable[[], bool] = lambda: False) -> str:
        """A digest of the size and of some cells. Raises Cancelled once `stop` says so, FileChanged if the file became shorter."""
        digest = hashlib.sha256(str(self.size).encode())
        for number in sorted(sampled(cells_of(self.size))):
            if stop():
                raise Cancelled
            if number >= len(self.held.cells):
                raise self._changed("it became shorter while it was read")
            digest.update(b" %d" % self.held.cells[number])
        return f"1:{digest.hexdigest()}"

    def check_unchanged(self) -> None:
        """Raise FileChanged if size or modification time are no longer what they were when the file was opened."""
        if self.held.size != self.size:
            raise self._changed(f"its size went from {self.size} B to {self.held.size} B")
        if self.held.mtime_ns != self.mtime_ns:
            raise self._changed("it was written to")

    def body(self, part: Part, cut: Cut) -> FakeBody:
        """A new attempt at this part; it raises Cancelled at the block after `cut` is set."""
        return FakeBody(self, part, cut)

    def close(self) -> None:
        """Give the descriptor back."""
        self.closed = True

    def _changed(self, cause: str) -> FileChanged:
        return FileChanged(ExitCode.FILE, f"{self.name} changed while it was being sent", cause=cause, advice="Start over with --restart.")


class FakeBody:
    """One attempt at a part, with the fields of `vidup.upload.exchange.Body`; what a block holds is read when it is asked for."""

    __slots__ = ("_part", "_read", "_video", "all_out", "content_type", "cut", "handed", "moved_at")

    def __init__(self, video: FakeVideo, part: Part, cut: Cut) -> None:
        self._video = video
        self._part = part
        self.cut = cut
        self._read: list[tuple[int, tuple[int, ...]]] = []
        self.content_type = "multipart/form-data; boundary=b"
        self.handed = 0
        self.all_out = False
        self.moved_at = video.clock.now()

    def __len__(self) -> int:
        return self._part.length

    def __iter__(self) -> Iterator[memoryview]:
        """The blocks. Raises Cancelled when it is cut, FileChanged before the last block of a file that is no longer the same."""
        self.handed, self.all_out, self._read = 0, False, []
        _, offset, length = self._part
        block = max(1, -(-length // CHUNKS))
        for start in range(offset, offset + length, block):
            if self.cut.is_set():
                raise Cancelled
            end = min(start + block, offset + length)
            if end > self._video.held.size or end == offset + length:
                self._video.check_unchanged()
            first = start // MIB
            self._read.append((first, tuple(self._video.held.cells[first : cells_of(end)])))
            yield _NOTHING[: end - start]

    def moved(self, taken: int) -> None:
        """So many more bytes were taken by the kernel."""
        self.handed += taken
        self.all_out = self.handed >= self._part.length
        self.moved_at = self._video.clock.now()

    def content(self) -> Content:
        """What was read for this attempt."""
        return Content(self._part.offset, self._part.length, tuple(self._read))
