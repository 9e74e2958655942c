"""EDGE: a file that is sent while another process writes it: its middle as it grows, its head and its tail once nobody writes any more."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from vidup.errors import Cancelled, ExitCode, VidupError
from vidup.plan.openplan import FOLLOWED, USUAL_PART, Grown, OpenPlan
from vidup.plan.parts import MAX_PARTS, MAX_SIZE, Part
from vidup.source.containers import look_at
from vidup.source.partbody import Cut, PartBody
from vidup.source.stream import AHEAD
from vidup.source.videofile import FileChanged, cannot_open
from vidup.source.writers import is_being_written
from vidup.units import show_size

_LOOK_EVERY: Final = 0.2
"""Seconds between two looks at the file."""

_STILL: Final = 0.5
"""Seconds for which a file that nobody writes to must stand still: who closes it may open it again."""

_BLOCK: Final = 1 << 20


class Known(NamedTuple):
    """What is known of the file at one moment: its size in bytes, when it was written to last."""

    size: int
    mtime_ns: int


class Growing:
    """A file under way. The thread that reads it and the one that asks share what the lock guards; nothing else.

    Of every part a digest is taken when it is full, and no attempt at it is complete with other bytes. When the file has come to its end
    all is read once more: only if it still is what was sent the late parts are released.
    """

    mtime_ns = 0
    device = 0
    inode = 0
    size = 0

    def __init__(
        self, path: str, jobs: int, stop: Callable[[], bool], idle: float, any_file: bool, now: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        """`idle` seconds without a change are an end, whoever has it open. Raises VidupError(FILE) for what cannot be followed."""
        self._called = path
        self._real, self.descriptor = _opened(path)
        self.path = f"{FOLLOWED}{self._real}"
        self.name = os.path.basename(path) or path
        self._stop = stop
        self._idle = idle
        self._any_file = any_file
        self._now = now
        self._most = jobs + AHEAD
        self._lock = threading.Condition()
        self._closed = False
        self._part_size = 0
        self._ready = 0
        self._done = 0
        self._digests: dict[int, str] = {}
        self._told: set[int] = set()
        self._plan = OpenPlan(0)
        self._final: Known | None = None
        self._error: Exception | None = None
        self._last: tuple[Known, float] | None = None
        self._thread = threading.Thread(target=self._run, name="vidup-follow", daemon=True)

    # -- what the upload asks ------------------------------------------------------------------------------------

    def fingerprint(self, stop: Callable[[], bool] = lambda: False) -> str:
        """What stands for its content, which nobody knows yet: its path. Each part has a digest of its own."""
        return f"{FOLLOWED}{hashlib.sha256(os.fsencode(self._real)).hexdigest()}"

    def plan(self, part_size: int | None, jobs: int, uploads_per_minute: int, most: int | None = None) -> OpenPlan:
        """The split to begin with."""
        return OpenPlan(part_size or min(USUAL_PART, most or USUAL_PART), first_late=True)

    def has_begun(self) -> bool:
        """Whether there is a part that may be sent. Raises VidupError where there will be none."""
        with self._lock:
            self._raise()
            return self._ready > 1 or self._final is not None

    def read_in(self, part_size: int) -> None:
        """Begin to look for parts of this size."""
        self._part_size = part_size
        self._thread.start()

    def news(self, is_done: Callable[[int], bool]) -> Grown | None:
        """What has come since the last call. Raises FileChanged where what was sent is not in the file any more."""
        with self._lock:
            self._raise()
            self._done = sum(map(is_done, range(2, self._plan.total_parts + 1)))
            self._lock.notify_all()
            ended = self._final is not None
            size = self._final.size if self._final is not None else self._ready * self._part_size
            plan = OpenPlan(self._part_size, size, self._ready, first_late=True, ended=ended, released=ended)
            new = {number: digest for number, digest in self._digests.items() if number not in self._told and number <= self._ready}
            if plan == self._plan and not new:
                return None
            self._plan = plan
            self._told.update(new)
            return Grown(plan, new)

    def body(self, part: Part, cut: Cut) -> PartBody:
        """The body of one attempt at this part, which raises FileChanged rather than end with other bytes than were looked at."""
        with self._lock:
            return _CheckedBody(self, part, cut, self._digests[part.number])

    def check_unchanged(self) -> None:
        """Raise FileChanged if what was looked at is gone, or if anything was written to once the file had come to its end."""
        known = self._look()
        if self._final is not None and known != self._final:
            raise self.changed("it was written to after its end")

    def unreadable(self, where: str, error: OSError) -> VidupError:
        """The VidupError(FILE) for a disk that does not give the file."""
        return VidupError(
            ExitCode.FILE, f"{self.name} cannot be read {where}", cause=error.strerror or str(error), mended_outside=True,
            advice="Check the disk, then run the same command again: what was sent stays sent.",
        )  # fmt: skip

    def changed(self, cause: str) -> FileChanged:
        """The refusal to make a video of parts that do not belong together."""
        return FileChanged(
            ExitCode.FILE, f"{self.name} was rewritten while it was uploaded", cause=cause,
            advice=f"Upload the finished file: vidup upload {self._called}",
        )  # fmt: skip

    def stopping(self) -> None:
        """Whoever writes it does so for himself."""

    def close(self) -> None:
        """Stop looking, and give the descriptor back once nobody reads it."""
        with self._lock:
            self._closed = True
            self._lock.notify_all()
        if self._thread.ident is not None:
            self._thread.join(5.0)
        if not self._thread.is_alive():
            os.close(self.descriptor)

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    # -- the thread that looks -----------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._step():
                self._rest()
        except Cancelled:
            return
        except OSError as error:
            self._failed(self.unreadable("any more", error))
        except Exception as error:  # noqa: BLE001  it is raised again in the thread that asks
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        with self._lock:
            self._error = error

    def _step(self) -> bool:
        """One look: take what is full; whether the file has come to its end and is what was sent."""
        known = self._look()
        if known.size > MAX_SIZE or self._ready >= MAX_PARTS:
            raise VidupError(
                ExitCode.FILE, f"{self.name} is longer than can be sent in parts of {show_size(self._part_size)}",
                advice="Begin anew with larger parts: --restart --part-size 200MiB",
            )  # fmt: skip
        while (self._ready + 1) * self._part_size < known.size and self._ready - self._done < self._most:
            number = self._ready + 1
            digest = self._digest_of(number, self._part_size) if number > 1 else ""
            with self._lock:
                self._ready = number
                self._digests.update({number: digest} if digest else {})
        behind = (self._ready + 1) * self._part_size < known.size
        return not behind and self._has_ended(known) and self._is_as_sent(known)

    def _has_ended(self, known: Known) -> bool:
        """Whether nobody writes to it any more, as far as the kernel or the time tells."""
        now = self._now()
        if self._last is None or self._last[0] != known:
            self._last = known, now
        still = now - self._last[1]
        return still >= self._idle or (still >= _STILL and is_being_written(self.descriptor) is False)

    def _is_as_sent(self, known: Known) -> bool:
        """Read all of it again; whether it is whole, False where it is being written to after all. Raises FileChanged if it is another."""
        if known.size == 0:
            raise VidupError(ExitCode.FILE, f"{self._called} is empty (0 bytes)", advice="See why nothing was written to it.")
        for number in range(2, self._ready + 1):
            if self._digest_of(number, self._part_size) != self._digests[number]:
                raise self.changed(
                    f"part {number} of it (from byte {(number - 1) * self._part_size} on) is not what was sent; "
                    "a recorder that goes back, as ffmpeg with +faststart does, cannot be followed"
                )  # fmt: skip
        last = self._ready + 1
        ends = {number: self._digest_of(number, min(self._part_size, known.size - (number - 1) * self._part_size)) for number in {1, last}}
        if not self._any_file and (look := look_at(lambda length, at: os.pread(self.descriptor, length, at), known.size)).refusal:
            if is_being_written(self.descriptor):
                return False
            raise VidupError(ExitCode.FILE, f"{self._called} {look.refusal}", advice=look.advice)
        if self._look() != known:
            return False
        with self._lock:
            self._digests.update(ends)
            self._ready, self._final = last, known
        return True

    def _look(self) -> Known:
        """The file as it is. Raises FileChanged where it was truncated or replaced."""
        now = os.fstat(self.descriptor)
        try:
            named = os.stat(self._real)
        except FileNotFoundError:
            raise self.changed("it was deleted, or moved away") from None
        if (named.st_dev, named.st_ino) != (now.st_dev, now.st_ino):
            raise self.changed("another file took its place")
        if now.st_size < (self._final.size if self._final is not None else self._ready * self._part_size):
            raise self.changed(f"it was cut to {show_size(now.st_size)}")
        return Known(now.st_size, now.st_mtime_ns)

    def _digest_of(self, number: int, length: int) -> str:
        """The SHA-256 of this part as it is now. Raises FileChanged if it is not there, Cancelled where nobody wants it any more."""
        digest, offset = hashlib.sha256(), (number - 1) * self._part_size
        end = offset + length
        while offset < end:
            if self._closed or self._stop():
                raise Cancelled
            data = os.pread(self.descriptor, min(_BLOCK, end - offset), offset)
            if not data:
                raise self.changed("it became shorter while it was read")
            digest.update(data)
            offset += len(data)
        return digest.hexdigest()

    def _rest(self) -> None:
        with self._lock:
            self._lock.wait(_LOOK_EVERY)
        if self._closed or self._stop():
            raise Cancelled


class _CheckedBody(PartBody):
    """A body that hands out its last block only if all of it is what the digest says."""

    def __init__(self, file: Growing, part: Part, cut: Cut, digest: str) -> None:
        super().__init__(file, part, cut)
        self._file = file
        self._end = part.offset + part.length
        self._expected = digest
        self._digest = hashlib.sha256()

    def __iter__(self) -> Iterator[memoryview]:
        self._digest = hashlib.sha256()
        return super().__iter__()

    def _fill(self, space: memoryview, offset: int) -> int:
        taken = super()._fill(space, offset)
        self._digest.update(space[:taken])
        if offset + taken == self._end and self._digest.hexdigest() != self._expected:
            raise self._file.changed(f"a part of it was written to after it was full, before byte {self._end}")
        return taken


def _opened(path: str) -> tuple[str, int]:
    """Where a file really is, and a descriptor of it. Raises VidupError(FILE) for what is no regular file; it may still be empty."""
    try:
        real = os.path.realpath(path)
        descriptor = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        raise cannot_open(path, error) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise VidupError(ExitCode.FILE, f"{path} is not a regular file", advice="Name the file that is being written.")
    return real, descriptor
