"""EDGE: a sized stream of one part of a file, as multipart/form-data, that starts anew with every try."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Iterator
from typing import Final, Protocol

from vidup.errors import Cancelled, ExitCode, VidupError
from vidup.plan.parts import Part

BLOCK: Final = 512 * 1024
"""Bytes handed to a socket at once: a 20 kB/s line takes them within the timeout, and half as many cost a fifth more CPU
(measured: every block hands the GIL over)."""

_buffers = threading.local()


class Readable(Protocol):
    """What a body asks of the file that its part lies in."""

    @property
    def name(self) -> str: ...

    @property
    def descriptor(self) -> int: ...

    def check_unchanged(self) -> None: ...

    def unreadable(self, where: str, error: OSError) -> VidupError: ...


class Cut(Protocol):
    """Whether a body on its way is to be cut."""

    def is_set(self) -> bool: ...


class PartBody:
    """The multipart/form-data body of one part: a length, and an iterator that starts anew from the part's first byte.

    It has no `read`, so urllib3 sends its blocks as they are; each is a view of a buffer that the thread reuses, which is safe
    because a send copies or encrypts the bytes before the next block is asked for. `all_out` is set when the last byte has been taken.

    The sending thread writes what the others read: `handed` payload bytes that the kernel took in this attempt, and `moved_at`, when it
    last took any or got rid of any (`time.monotonic()`; 0.0 before).
    """

    def __init__(self, video: Readable, part: Part, cut: Cut) -> None:
        self._video = video
        self._part = part
        self.cut = cut
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{_quoted(video.name)}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode("utf-8", "replace")
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._taken = 0
        self.handed = 0
        self.moved_at = 0.0
        self.all_out = False

    def __len__(self) -> int:
        return len(self._head) + self._part.length + len(self._tail)

    def __iter__(self) -> Iterator[memoryview]:
        """Blocks of the body. Raises Cancelled when the upload is stopped, VidupError(FILE) before a changed file's part is complete."""
        self._taken, self.handed, self.all_out = 0, 0, False
        buffer = _buffer()
        filled = len(self._head)
        buffer[:filled] = self._head
        offset, left = self._part.offset, self._part.length
        while left:
            if self.cut.is_set():
                raise Cancelled
            taken = self._fill(buffer[filled : filled + min(BLOCK, left)], offset)
            offset, left = offset + taken, left - taken
            filled += taken
            if not left:
                self._video.check_unchanged()
                buffer[filled : filled + len(self._tail)] = self._tail
                filled += len(self._tail)
            yield buffer[:filled]
            filled = 0
        self.all_out = True

    def moved(self, taken: int) -> None:
        """The kernel took so many bytes of the body; 0: it has got rid of some that it had."""
        self._taken += taken
        self.handed = min(max(0, self._taken - len(self._head)), self._part.length)
        self.moved_at = time.monotonic()

    def _fill(self, space: memoryview, offset: int) -> int:
        try:
            taken = _read_into(space, self._video.descriptor, offset)
        except OSError as error:
            raise self._video.unreadable(f"at byte {offset}", error) from error
        if not taken:
            self._video.check_unchanged()
            raise VidupError(ExitCode.FILE, f"{self._video.name} ended early at byte {offset}", advice="Start over: --restart")
        return taken


def _read_into(space: memoryview, descriptor: int, offset: int) -> int:
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [space], offset)
    data = os.pread(descriptor, len(space), offset)  # macOS before 11 has only this, which copies once more
    space[: len(data)] = data
    return len(data)


def _buffer() -> memoryview:
    """This thread's block buffer, with room for the multipart lines around a block."""
    buffer: memoryview | None = getattr(_buffers, "view", None)
    if buffer is None:
        buffer = _buffers.view = memoryview(bytearray(BLOCK + 8192))
    return buffer


def _quoted(name: str) -> str:
    """A file name as browsers and urllib3 write it into a multipart header."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
