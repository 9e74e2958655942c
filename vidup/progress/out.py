"""EDGE: the stream behind stderr or stdout, which may break at any time, and need not be UTF-8."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
from collections.abc import Callable
from typing import Final, TextIO

_SPELLED: Final = str.maketrans({"…": "...", "→": "->", "\u2013": "-", "✓": "*", "✗": "x", "■": "#"})
"""The signs that vidup's own sentences use, for a stream that is not UTF-8."""


class Out:
    """A text stream that never raises: once it is closed or broken, what is written is dropped.

    `encoding` is a codec's name, as rich asks any file; `is_utf8` says whether blocks and arrows can be shown.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._works = True
        try:
            self.encoding = codecs.lookup(stream.encoding or "utf-8").name
        except (LookupError, AttributeError):
            self.encoding = "ascii"
        self.is_utf8 = self.encoding == "utf-8"

    def carried(self, text: str) -> str:
        r"""The text with the usual signs spelled in ASCII and all else that this stream cannot carry as `\u65e5`."""
        if not self.is_utf8:
            text = text.translate(_SPELLED)
        return text.encode(self.encoding, "backslashreplace").decode(self.encoding)

    def write(self, text: str) -> int:
        """Write what can be written; the length of the text, as a file does."""
        self._try(lambda: self._stream.write(self.carried(text)))
        return len(text)

    def flush(self) -> None:
        """Hand everything to the terminal or pipe."""
        self._try(self._stream.flush)

    def is_terminal(self) -> bool:
        """Whether somebody may be looking at it as it comes."""
        try:
            return self._stream.isatty()
        except (OSError, ValueError):
            return False

    def size(self) -> os.terminal_size:
        """Columns and lines of the terminal now; 80 by 24 where nobody can say."""
        try:
            size = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            return os.terminal_size((80, 24))
        return os.terminal_size((size.columns or 80, size.lines or 24))

    def cut_in(self, text: str) -> None:
        """Write this past everybody who is writing, without waiting, and drop what comes after it."""
        self._works = False
        with contextlib.suppress(OSError, ValueError, AttributeError):
            write_at_once(self._stream.fileno(), self.carried(text).encode(self.encoding))

    def typed(self) -> int:
        """Bytes of whole lines that were typed at this terminal and nobody has read yet; they stay where they are."""
        from fcntl import ioctl
        from termios import FIONREAD

        try:
            return int.from_bytes(ioctl(self._stream.fileno(), FIONREAD, bytes(4)), sys.byteorder)
        except (OSError, ValueError):
            return 0

    def is_lent(self) -> bool:
        """Whether this is the terminal that started vidup, and somebody else, as its shell, has the use of it now."""
        try:
            return os.tcgetpgrp(self._stream.fileno()) != os.getpgrp()
        except (OSError, ValueError):
            return False

    def _try(self, action: Callable[[], object]) -> None:
        if not self._works:
            return
        try:
            action()
        except (BlockingIOError, RuntimeError):
            return  # non-blocking and full, or a signal came amid this very write: only this text is lost
        except (OSError, ValueError):
            self._works = False


def write_at_once(descriptor: int, data: bytes) -> None:
    """One write of what the descriptor takes now; what it does not take is dropped, and nothing is waited for. Raises OSError."""
    blocks = os.get_blocking(descriptor)
    os.set_blocking(descriptor, False)
    try:
        os.write(descriptor, data)
    finally:
        os.set_blocking(descriptor, blocks)


def write_while_taken(descriptor: int, data: bytes, patience: float) -> None:
    """Write as long as some of it is taken within so many seconds; the rest is dropped. Raises OSError."""
    import select

    blocks = os.get_blocking(descriptor)
    os.set_blocking(descriptor, False)
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    left = memoryview(data)
    try:
        while left and any(event & select.POLLOUT for _descriptor, event in poll.poll(patience * 1000)):
            left = left[os.write(descriptor, left[: select.PIPE_BUF]) :]
    finally:
        os.set_blocking(descriptor, blocks)
