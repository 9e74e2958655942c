"""DOOR: `--manifest`: which files are done already and need not be looked at by the server, and the rows of those that are over now."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from vidup.console.task import Task
from vidup.errors import ExitCode, VidupError
from vidup.inert import inert
from vidup.source.videofile import open_video
from vidup.state.finished import forget_finished
from vidup.state.journal import StateFolder
from vidup.state.manifest import Manifest, Row
from vidup.upload.order import Order
from vidup.upload.outcome import Content, Report


class Vouched(NamedTuple):
    """What the manifest says of a file: the report of one that need not be sent, or why it must be sent again; neither where it knows
    nothing. `watch`: the order that only waits until its video plays, where that is asked for and nobody has seen it yet."""

    report: Report | None = None
    note: str = ""
    watch: Order | None = None


def open_keeper(path: Path | None, *, writable: bool) -> Keeper | None:
    """The keeper of this manifest, None where none is asked for. Raises VidupError where it cannot be used; nothing was sent then."""
    if path is None or not (writable or path.exists()):
        return None
    return Keeper(Manifest(path, writable=writable))


class Keeper:
    """The manifest of one run."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest

    @property
    def name(self) -> str:
        """The file, for people."""
        return str(self._manifest.path)

    def not_vouched(self, tasks: Sequence[Task]) -> tuple[list[Task], int]:
        """Those of these files that would be uploaded, and how many others there are."""
        left = [
            task for task in tasks if not (isinstance(task.order, Order) and self.vouched(task.order, lambda: False, tidy=False).report)
        ]  # fmt: skip
        return left, len(tasks) - len(left)

    def vouched(self, order: Order, stop: Callable[[], bool], *, tidy: bool = True) -> Vouched:
        """What is known of this file. What a kill left behind is dropped if `tidy`. Raises Cancelled once `stop` says so."""
        row = self._manifest.find(_real(order.path), order.path)
        if row is None or row.base_url != order.base_url or (order.video_id and order.video_id != row.video_id):
            return Vouched()
        try:
            video = open_video(order.path)
        except VidupError:
            return Vouched()  # whoever uploads it says why that cannot be
        try:
            same = video.size == row.size and video.fingerprint(stop) == row.fingerprint
        except VidupError:
            return Vouched()
        finally:
            video.close()
        if not same:
            return Vouched(note=f"{inert(video.name)} has changed since it was uploaded as {inert(row.video_id)}; this is a new video")
        if tidy:
            forget_finished(StateFolder(order.state_dir), row.upload_id, row.video_id)
        report = _report(row, order)
        if order.wait is None or report.status == "playable":
            return Vouched(report)
        content = Content(_real(order.path), row.fingerprint, video.mtime_ns)  # a row tells that it plays, once it does
        return Vouched(report._replace(content=content), watch=order._replace(watch=True, video_id=row.video_id))

    @staticmethod
    def watched(known: Report, report: Report) -> Report:
        """What a file came to that was known to be on the server, and whose video was waited for, which came to this report."""
        return known._replace(
            status=report.status, exit_code=report.exit_code, error=report.error, seconds=report.seconds, waited=report.waited,
            seen=report.seen, whole=True, resumable=False,
        )  # fmt: skip

    def keep(self, order: Order | None, report: Report) -> None:
        """Write the row of a file that is over; it is on the disk when this returns. Raises VidupError where the disk refuses."""
        if report.status == "interrupted" or report.file is None or (report.skipped and report.content is None):
            return
        content = report.content
        path = content.path if content is not None else _real(report.file)
        fields: dict[str, Any] = {
            **report.to_json(),
            "assets": report.assets if report.public else None,  # those of a private video hold a token
            "fingerprint": content.fingerprint if content is not None else None,
            "mtime_ns": content.mtime_ns if content is not None else None,
            "base_url": order.base_url if order is not None else None,
            "ended": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        self._manifest.add(fields, path, report.file)


def _real(file: str) -> str:
    try:
        return os.path.realpath(file)
    except ValueError:  # a NUL in it, which only a list can hold
        return file


def _report(row: Row, order: Order) -> Report:
    """The report of a file that was uploaded by an earlier run; nothing was sent by this one."""
    fields = row.fields
    total = fields.get("total_parts")
    parts = total if isinstance(total, int) else 1
    part_size, assets, status = fields.get("part_size"), fields.get("assets"), fields.get("status")
    return Report(
        status if status == "playable" else "uploaded", order.path, ExitCode.OK, upload_id=row.upload_id or None, video_id=row.video_id,
        size=row.size, part_size=part_size if isinstance(part_size, int) else row.size, total_parts=parts, parts_done=parts,
        parts_skipped=parts, assets=assets if isinstance(assets, dict) else None, skipped=True,
    )  # fmt: skip
