"""EDGE: the videos in a folder and the folders below it, and what was passed over there."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from vidup.errors import ExitCode, VidupError

SUFFIXES: Final = frozenset(
    ("mp4", "m4v", "mov", "mkv", "webm", "avi", "mxf", "ts", "m2ts", "mts", "mpg", "mpeg", "wmv", "flv", "3gp", "ogv", "f4v", "vob")
)
"""What a video's name ends in, in small letters."""

_REASONS: Final = ("no video", "hidden", "excluded", "not included", "a link to a folder", "no regular file", "seen already")
"""Why a name in a folder is passed over, in the order in which it is told."""


class Wanted(NamedTuple):
    """Which files of a folder to take: those that match one of `include`, or without any those with a video's suffix; but none of
    `exclude`. The patterns are those of fnmatch on the path below the folder: `*` matches `/`, too."""

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()


class Found(NamedTuple):
    """The path of a file, as the folder was called and then below it; or of a folder that cannot be read, and the error that says so."""

    path: str
    error: VidupError | None = None


def videos_in(folder: str, wanted: Wanted, skipped: Counter[str]) -> list[Found]:
    """The files to take of this folder and those below it, sorted by the bytes of their path below it; counts what is passed over.

    Hidden names are passed over, folders and files alike. Links to files are followed, links to folders are not, unless the folder itself
    is given by one; should a folder be met below itself all the same (a bind mount), it is passed over.
    """
    found: list[tuple[bytes, Found]] = []
    waiting: list[tuple[str, frozenset[tuple[int, int]]]] = [("", frozenset())]
    while waiting:
        below, ancestors = waiting.pop()
        path = os.path.join(folder, below)
        try:
            about = os.stat(path)
            here = about.st_dev, about.st_ino
            if here in ancestors:
                skipped["seen already"] += 1
                continue
            with os.scandir(path) as entries:
                names = list(entries)
        except OSError as error:
            path = path.rstrip("/") or "/"
            found.append((os.fsencode(below), Found(path, _unreadable(path, error))))
            continue
        for entry in names:
            name = f"{below}{entry.name}"
            reason = _why_not(entry, name, wanted)
            if reason:
                skipped[reason] += 1
            elif entry.is_dir(follow_symlinks=False):
                waiting.append((f"{name}/", ancestors | {here}))
            else:
                found.append((os.fsencode(name), Found(os.path.join(folder, name))))
    return [one for _key, one in sorted(found, key=lambda pair: pair[0])]


def _why_not(entry: os.DirEntry[str], name: str, wanted: Wanted) -> str:
    """Why this entry is passed over; empty where it is a file to take, or a folder to look into."""
    if entry.name.startswith("."):
        return "hidden"
    is_folder = entry.is_dir(follow_symlinks=False)
    if any(fnmatchcase(name, pattern) or (is_folder and fnmatchcase(f"{name}/", pattern)) for pattern in wanted.exclude):
        return "excluded"
    if is_folder:
        return ""
    if _is_linked_folder(entry):
        return "a link to a folder"
    if wanted.include:
        if not any(fnmatchcase(name, pattern) for pattern in wanted.include):
            return "not included"
    elif entry.name.rpartition(".")[2].lower() not in SUFFIXES or "." not in entry.name:
        return "no video"
    return "" if _may_be_regular(entry) else "no regular file"


def _is_linked_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_symlink() and entry.is_dir()
    except OSError:  # a link that leads round in a circle
        return False


def _may_be_regular(entry: os.DirEntry[str]) -> bool:
    """Whether it is a regular file, or a link that leads nowhere: that is a file that is missing, and told as one."""
    try:
        return entry.is_file(follow_symlinks=False) or stat.S_ISREG(entry.stat().st_mode)
    except OSError:
        return True


def _unreadable(path: str, error: OSError) -> VidupError:
    return VidupError(
        ExitCode.FILE, f"The folder {path} cannot be read", cause=error.strerror or str(error),
        advice="Make it readable for you, or leave it out with --exclude.",
    )  # fmt: skip


def skipped_note(skipped: Counter[str]) -> str:
    """`12 skipped: 9 no video, 3 hidden`; empty where nothing was."""
    counts = [f"{skipped[reason]} {reason}" for reason in _REASONS if skipped[reason]]
    return f"{skipped.total()} skipped: {', '.join(counts)}" if counts else ""
