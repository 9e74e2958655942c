"""DOOR: whether the file that is uploaded now was uploaded before, which is told, for the server will have two videos of it."""

from __future__ import annotations

import os
import time
from collections import deque
from pathlib import Path

from vidup.events import Started
from vidup.inert import inert
from vidup.state.identity import file_mark
from vidup.state.uploaded import KEPT, Upload, Uploaded
from vidup.units import show_duration
from vidup.upload.order import Order
from vidup.upload.outcome import Report


def note_if_again(order: Order, event: Started) -> str:
    """A sentence, if this file was uploaded before and is now on its way into another video, of which it has no part yet; else empty."""
    mark = None if event.parts_done else _mark(order)
    before = Uploaded(order.state_dir).last(mark) if mark else None
    if before is None or before.video_id == event.video_id:
        return ""
    name = os.path.basename(order.path.rstrip("/"))
    ago = max(0.0, time.time() - before.at)
    return f"{inert(name)} was uploaded {_ago(ago)} ago as {inert(before.video_id)};\n  this is a second video"


def remember(order: Order, video_id: str) -> None:
    """This file is in this video now."""
    if mark := _mark(order):
        Uploaded(order.state_dir).add(Upload(mark, video_id, time.time()))


class Memory:
    """The same for many files: what was uploaded before is read once, told once, counted, and what is uploaded now written down at the
    end."""

    def __init__(self) -> None:
        self.again = 0
        """Files that are in a second video now."""
        self._before: dict[Path, dict[str, str]] = {}
        self._now: dict[Path, deque[Upload]] = {}

    def note(self, order: Order, event: Started) -> str:
        """A sentence about the first such file; for others, and where this is none, it is empty."""
        before = self._before.get(order.state_dir)
        if before is None:
            before = self._before[order.state_dir] = Uploaded(order.state_dir).all()
        mark = _mark(order) if before and not event.parts_done else ""
        if before.get(mark, event.video_id) == event.video_id:
            return ""
        self.again += 1
        return note_if_again(order, event) if self.again == 1 else ""

    def remember(self, order: Order, report: Report) -> None:
        """This file is in the video of the report now."""
        content, size = report.content, report.size  # as it was read, so that nobody need look at thousands of files once more
        mark = file_mark(content.path, size, content.mtime_ns, order.base_url) if content is not None and size else _mark(order)
        if mark and report.video_id:
            self._now.setdefault(order.state_dir, deque(maxlen=KEPT)).append(Upload(mark, report.video_id, time.time()))

    def close(self) -> None:
        """Write down what was remembered."""
        for folder, uploads in self._now.items():
            Uploaded(folder).add_all(uploads)


def _mark(order: Order) -> str:
    """The mark of the file as it is now; empty where it is gone already."""
    try:
        path = os.path.realpath(order.path)
        about = os.stat(path)
    except (OSError, ValueError):
        return ""
    return file_mark(path, about.st_size, about.st_mtime_ns, order.base_url)


def _ago(seconds: float) -> str:
    unit, name = next(((unit, name) for unit, name in ((86400, "d"), (3600, "h"), (60, "min")) if seconds >= unit), (0, ""))
    return f"{seconds // unit:.0f} {name}" if unit else show_duration(seconds)
