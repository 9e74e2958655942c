"""DOOR: whether the file that is uploaded now was uploaded before, which is told, for the server will have two videos of it."""

from __future__ import annotations

import os
import time

from vidup.events import Started
from vidup.inert import inert
from vidup.state.identity import file_mark
from vidup.state.uploaded import Upload, Uploaded
from vidup.units import show_duration
from vidup.upload.order import Order


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
