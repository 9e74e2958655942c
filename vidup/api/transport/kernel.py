"""EDGE: what the kernel tells about a socket: whether it is ready, and whether anything still leaves it."""

from __future__ import annotations

import errno
import fcntl
import math
import select
import socket
import struct
import sys
import termios
import time
from collections.abc import Callable
from typing import Any, Final

READ: Final = select.POLLIN
WRITE: Final = select.POLLOUT

LOOK: Final = 0.25
"""Seconds between two looks at what the kernel still holds."""

_SO_NWRITE: Final = 0x1024 if sys.platform == "darwin" else None
"""The socket option that macOS has instead of TIOCOUTQ; Python has no name for it."""

_NOTSENT_LOWAT: Final[int | None] = getattr(socket, "TCP_NOTSENT_LOWAT", 0x201 if sys.platform == "darwin" else None)

_FIXED: Final = 208 * 1024
"""Bytes up to which a buffer of a fixed size is granted everywhere."""


def socket_options(buffer: int | None = None) -> list[tuple[int, int, int]]:
    """What is set on a socket before it connects: no waiting for full packets, and at most `buffer` bytes held, if that is given.

    A buffer of a fixed size is capped by the system (Linux: net.core.wmem_max, usually 208 KiB), where the one that grows by itself is
    not, and would starve a long line. So more than that is bounded by what is not sent yet, which lets as much be under way as ever.
    """
    options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    if buffer is not None and buffer <= _FIXED:
        options.append((socket.SOL_SOCKET, socket.SO_SNDBUF, buffer))
    elif buffer is not None and _NOTSENT_LOWAT is not None:
        options.append((socket.IPPROTO_TCP, _NOTSENT_LOWAT, buffer))
    return options


def ready(sock: Any, events: int, seconds: float) -> int:
    """Which of READ and WRITE the socket is ready for within `seconds`, or 0; an error or the end counts as neither, yet is not 0."""
    poll = select.poll()
    poll.register(sock, events)
    found = poll.poll(None if math.isinf(seconds) else math.ceil(max(0.0, seconds) * 1000))
    return found[0][1] if found else 0


def unacknowledged(sock: Any) -> int:
    """Bytes sent that the peer has not acknowledged; 0 where the system does not tell (Linux and macOS do)."""
    try:
        return _int(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))
    except (OSError, ValueError):
        pass
    try:
        return 0 if _SO_NWRITE is None else _int(sock.getsockopt(socket.SOL_SOCKET, _SO_NWRITE, 4))
    except (OSError, AttributeError):  # TLS within TLS is no socket, and has no options
        return 0


def _int(packed: bytes) -> int:
    return int(struct.unpack("i", packed)[0])


class StallWatch:
    """Notices when the kernel gets rid of nothing for too long; made anew whenever bytes have moved."""

    def __init__(self, sock: Any, stall: float, moved: Callable[[int], None]) -> None:
        """`stall` in seconds; `moved` is told 0 whenever the peer has acknowledged something since the last look."""
        self._sock = sock
        self._stall = stall
        self._moved = moved
        self.least = unacknowledged(sock)
        """Bytes that the kernel held at the last look that found fewer than before."""
        self._since = time.monotonic()

    @property
    def pause(self) -> float:
        """Seconds until the next look is due."""
        return min(LOOK, self._stall)

    def look(self) -> int:
        """Bytes still held. Raises TimeoutError when they have not become fewer for as long as a send may stall."""
        held = unacknowledged(self._sock)
        if held < self.least:
            self.least, self._since = held, time.monotonic()
            self._moved(0)
        elif time.monotonic() - self._since >= self._stall:
            raise TimeoutError(errno.ETIMEDOUT, "timed out")
        return held
