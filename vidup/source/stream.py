"""EDGE: a source without a size: read by a thread of its own into spool files, part by part, ahead of what is sent, but not far."""

from __future__ import annotations

import errno
import hashlib
import os
import select
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from vidup.errors import Cancelled, ExitCode, VidupError
from vidup.plan.openplan import USUAL_PART, Grown, OpenPlan
from vidup.plan.parts import MAX_PARTS, MAX_SIZE, Part
from vidup.source.partbody import Cut, PartBody
from vidup.source.producers import Producer, widen
from vidup.source.spool import SpoolFile, open_spool, spool_refuses
from vidup.units import show_size

_CHUNK: Final = 1 << 20
"""Bytes read at once, at most: with one chunk ahead, all that is ever in memory."""

AHEAD: Final = 2
"""Parts that are held besides one for each that may be on its way: one that waits, and the one that is filled."""

_LOOK_EVERY: Final = 0.2
"""Seconds between two looks at whether reading is to end."""

_SETTLE: Final = 0.3
"""Seconds after its end for which a stream is not taken for whole: a Ctrl-C reaches the producer as well, which may be the quicker."""


class Held(NamedTuple):
    """A part in the spool."""

    file: SpoolFile
    length: int
    digest: str


class Stream:
    """The stream of one producer. The thread that reads and the one that asks share what the lock guards; nothing else."""

    mtime_ns = 0
    device = 0
    inode = 0
    size = 0

    def __init__(
        self, producer: Producer, path: str, name: str, folder: Path, jobs: int, stop: Callable[[], bool], min_size: int = 0
    ) -> None:  # fmt: skip
        """`path` tells this stream from others, `name` is what people see. It is spooled in `folder`; `min_size` in bytes."""
        self.path = path
        self.name = name
        self._producer = producer
        self._folder = folder
        self._most = jobs + AHEAD
        self._stop = stop
        self._min_size = min_size
        self._lock = threading.Condition()
        self._closed = False
        self._part_size = 0
        self._read = 0
        self._ready = 0
        self._ended = False
        self._error: Exception | None = None
        self._held: dict[int, Held] = {}
        self._told = OpenPlan(0)
        self._thread = threading.Thread(target=self._run, name="vidup-stream", daemon=True)
        widen(producer.descriptor)
        self._thread.start()

    # -- what the upload asks ------------------------------------------------------------------------------------

    def fingerprint(self, stop: Callable[[], bool] = lambda: False) -> str:
        """What stands for its content: nobody knows that, so its name. Each part has a digest of its own."""
        return f"stream:{hashlib.sha256(self.path.encode('utf-8', 'surrogateescape')).hexdigest()}"

    def check_unchanged(self) -> None:
        """What was read is in the spool, and stays so."""

    def plan(self, part_size: int | None, jobs: int, uploads_per_minute: int, most: int | None = None) -> OpenPlan:
        """The split to begin with."""
        return OpenPlan(part_size or min(USUAL_PART, most or USUAL_PART))

    def has_begun(self) -> bool:
        """Whether there is a part that may be sent. Raises VidupError where there will be none."""
        with self._lock:
            self._raise()
            return self._ready > 0

    def read_in(self, part_size: int) -> None:
        """Begin to fill parts of this size; again is no harm."""
        with self._lock:
            self._part_size = part_size
            self._lock.notify_all()

    def news(self, is_done: Callable[[int], bool]) -> Grown | None:
        """What has come since the last call; parts that are done are held no longer. Raises VidupError where the stream failed."""
        with self._lock:
            self._raise()
            for number in [number for number in self._held if number <= self._told.total_parts and is_done(number)]:
                self._held.pop(number).file.free()
                self._lock.notify_all()
            size = self._read if self._ended else self._ready * self._part_size
            plan = OpenPlan(self._part_size, size, self._ready, ended=self._ended, released=self._ended)
            if plan == self._told:
                return None
            new = range(self._told.total_parts + 1, plan.total_parts + 1)
            self._told = plan
            return Grown(plan, {number: self._held[number].digest for number in new})

    def body(self, part: Part, cut: Cut) -> PartBody:
        """The body of one attempt at this part. Raises VidupError(AGAIN) for one that was confirmed, and is not held any more."""
        with self._lock:
            held = self._held.get(part.number)
        if held is None:
            raise VidupError(
                ExitCode.AGAIN, f"The server lost part {part.number} of {self.name}, which it had confirmed",
                cause="the stream has gone on since, so that the part cannot be sent again", advice="Send the same stream once more.",
            )  # fmt: skip
        return PartBody(held.file, Part(part.number, 0, held.length), cut)

    def stopping(self) -> None:
        """Nothing more of it is wanted. Waits for nothing."""
        self._producer.stop()

    def close(self) -> None:
        """Stop reading, forget what is held, and end the producer."""
        with self._lock:
            self._closed = True
            self._held.clear()
            self._lock.notify_all()
        self._producer.close()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    # -- the thread that reads -----------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._read_all()
            self._settle()
        except Cancelled:
            return
        except Exception as error:  # noqa: BLE001  it is raised again in the thread that asks
            with self._lock:
                self._error = error

    def _read_all(self) -> None:
        chunk = self._next()
        while chunk:
            self._wait(lambda: self._part_size > 0 and len(self._held) < self._most - 1)
            number = self._ready + 1
            if number > MAX_PARTS:
                raise self._too_long(
                    f"{MAX_PARTS} parts of {show_size(self._part_size)}", "Begin anew with larger parts: --restart --part-size"
                )
            held, chunk = self._fill(chunk)
            with self._lock:
                self._held[number] = held
                if chunk:
                    self._ready = number

    def _fill(self, chunk: bytes) -> tuple[Held, bytes]:
        """A part from this chunk on, and what came beyond it: nothing where the stream has ended."""
        digest, length = hashlib.sha256(), 0
        try:
            spool = open_spool(self._folder, self.name)
            while True:
                taken = memoryview(chunk)[: self._part_size - length]
                spool.write(taken)
                digest.update(taken)
                length += len(taken)
                chunk = chunk[len(taken) :] or self._next()
                if not chunk or length == self._part_size:
                    return Held(spool, length, digest.hexdigest()), chunk
        except OSError as error:
            raise spool_refuses(self._folder, error) from error

    def _settle(self) -> None:
        """The stream has ended: whether that was the end of a whole video is known a moment later."""
        with self._lock:
            self._lock.wait_for(lambda: self._closed, _SETTLE)
        self._producer.end(self._is_over)
        if self._is_over():
            raise Cancelled
        if self._read == 0:
            raise VidupError(ExitCode.FILE, f"{self.name} is empty: not one byte came", advice="See why the producer made nothing.")
        if self._read < self._min_size:
            raise too_short(self.name, self._read, self._min_size, "the last part was kept back, so that the video is not complete")
        with self._lock:
            self._ready += 1
            self._ended = True

    def _next(self) -> bytes:
        """The next bytes; none at the end. Raises Cancelled where nobody wants them any more."""
        poll = select.poll()
        poll.register(self._producer.descriptor, select.POLLIN | select.POLLHUP)
        while True:
            if self._is_over():
                raise Cancelled
            if not poll.poll(_LOOK_EVERY * 1000):
                continue
            try:
                data = os.read(self._producer.descriptor, _CHUNK)
            except BlockingIOError:
                continue
            except OSError as error:
                if self._is_over() or error.errno == errno.EBADF:
                    raise Cancelled from error
                raise VidupError(
                    ExitCode.FILE, f"{self.name} cannot be read", cause=error.strerror or str(error), mended_outside=True,
                    advice="Run the same command again.",
                ) from error  # fmt: skip
            self._read += len(data)
            if self._read > MAX_SIZE:
                raise self._too_long(f"{MAX_SIZE} bytes, the most that api.video takes", "Make the video smaller, or in several pieces.")
            return data

    def _wait(self, until: Callable[[], bool]) -> None:
        with self._lock:
            while not until():
                if self._is_over():
                    raise Cancelled
                self._lock.wait(_LOOK_EVERY)

    def _is_over(self) -> bool:
        return self._closed or self._stop()

    def _too_long(self, limit: str, advice: str) -> VidupError:
        return VidupError(ExitCode.FILE, f"{self.name} is longer than {limit}", advice=advice)


def too_short(name: str, size: int, least: int, cause: str = "") -> VidupError:
    """The VidupError(FILE) for what came to its end after `size` bytes, where at least `least` were expected."""
    return VidupError(
        ExitCode.FILE, f"{name} ended after {show_size(size)}, and --min-size is {show_size(least)}", cause=cause, mended_outside=True,
        advice="See why the producer stopped, then run the same command again.",
    )  # fmt: skip
