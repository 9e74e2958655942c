"""EDGE: whether any process has a file open for writing, which Linux can tell the owner of the file."""

from __future__ import annotations

import contextlib
import errno
import fcntl


def is_being_written(descriptor: int) -> bool | None:
    """Whether this file, open for reading here, is open for writing anywhere on this machine; None where the kernel does not tell.

    It tells the file's owner, on a local file system: a lease that somebody who writes would have to wait for cannot be had while
    there is one (fcntl(2), F_SETLEASE). It is given back at once. The signal by which the kernel would ask for it back is made one
    that does nothing, for by default it ends the process.
    """
    set_lease, set_signal = getattr(fcntl, "F_SETLEASE", None), getattr(fcntl, "F_SETSIG", None)
    if set_lease is None or set_signal is None:
        return None
    from signal import SIGURG

    try:
        fcntl.fcntl(descriptor, set_signal, SIGURG)
        fcntl.fcntl(descriptor, set_lease, fcntl.F_RDLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    with contextlib.suppress(OSError):
        fcntl.fcntl(descriptor, set_lease, fcntl.F_UNLCK)
    return False
