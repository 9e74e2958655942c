"""DOOR: standard input where it is a file, as in `vidup upload - < movie.mp4`."""

from __future__ import annotations

import os
import stat
import sys


def file_on_stdin() -> str:
    """The path of the file that standard input is, read from its begin, as in `vidup upload - < movie.mp4`; empty for anything else."""
    try:
        about = os.fstat(0)
        if not stat.S_ISREG(about.st_mode) or os.lseek(0, 0, os.SEEK_CUR) != 0:
            return ""
        path = _path_of(0)
        named = os.stat(path)
    except (OSError, ValueError):
        return ""
    return path if (named.st_dev, named.st_ino) == (about.st_dev, about.st_ino) else ""


def _path_of(descriptor: int) -> str:
    if sys.platform == "darwin":
        import fcntl

        return fcntl.fcntl(descriptor, 50, bytes(1024)).rstrip(b"\0").decode("utf-8", "surrogateescape")  # F_GETPATH
    return os.readlink(f"/proc/self/fd/{descriptor}")
