"""`vidup list`: the interrupted uploads that this machine knows."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from vidup.console.help import Command
from vidup.console.options import SANDBOX, state_folder, state_option
from vidup.console.retyping import resume_command
from vidup.plan.openplan import FOLLOWED

if TYPE_CHECKING:
    from vidup.state.record import Record

_LIFE: Final = 7 * 86400
"""Seconds after which api.video deletes a video that is not complete."""

_SANDBOX_LIFE: Final = 86400
"""The same in the sandbox, where no video is kept for longer."""


@click.command("list", cls=Command)
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one array of objects on stdout.")
@click.pass_context
def list_(context: click.Context, /, state_dir: Path | None, as_json: bool) -> int:
    """List interrupted uploads, oldest first. Each can be continued with `vidup resume ID`, unless its file is gone or changed.

    \b
    Examples:
      vidup list
      vidup list --json | jq -r '.[].resume_command'
    """
    from vidup.state.journal import StateFolder

    folder = state_folder(state_dir)
    records = list(StateFolder(folder).records())
    if as_json:
        from vidup.inert import json_line

        click.echo(json_line([_row(context, record) for record in records]))
        return 0
    if not records:
        click.echo("No interrupted uploads.", err=True)
        return 0
    now = time.time()
    for line in _aligned([_columns(record, now) for record in records]):
        click.echo(line)
    click.echo(f"Continue one with: {records[0].checkpoint.again or resume_command(context, records[0].checkpoint.upload_id)}", err=True)
    return 0


def _columns(record: Record, now: float) -> tuple[str, ...]:
    """What people see of a record; the path comes last, for nobody knows its length."""
    from vidup.inert import inert

    known = record.checkpoint
    parts = f"{len(record.confirmed)}/{known.total_parts} parts" if known.plan.ended else f"{len(record.confirmed)} parts"
    return known.upload_id, inert(known.video_id), parts, _expiry(record, now), _mark(record), inert(known.path)


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """The rows as lines whose columns stand under each other; a column that is empty in all is left out."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width).rstrip() for row in rows]


def _expiry(record: Record, now: float) -> str:
    """When the server deletes what was begun; not known of a video that was there before."""
    known = record.checkpoint
    if not known.created:
        return ""
    left = known.began + (_SANDBOX_LIFE if known.base_url == SANDBOX else _LIFE) - now
    if left <= 0:
        return "expired"
    unit, name = next(((unit, name) for unit, name in ((86400, "d"), (3600, "h")) if left >= unit), (60, "min"))
    return f"expires in {left // unit:.0f} {name}"


def _mark(record: Record) -> str:
    """`gone` or `changed` for a file with which the upload will not go on as it is."""
    known = record.checkpoint
    if not known.plan.ended:
        return "growing" if known.path.startswith(FOLLOWED) else "stream"
    try:
        about = os.stat(known.path)
    except (OSError, ValueError):
        return "gone"
    touched = (about.st_dev, about.st_ino) == (known.device, known.inode) and about.st_mtime_ns != known.mtime_ns
    return "changed" if record.file_changed or about.st_size != known.size or touched else ""


def _row(context: click.Context, record: Record) -> dict[str, object]:
    from vidup.inert import file_fields

    known = record.checkpoint
    return {
        "upload_id": known.upload_id,
        "video_id": known.video_id,
        **file_fields(known.path),
        "size": known.size or None,
        "total_parts": known.total_parts or None,
        "parts_done": len(record.confirmed),
        "age_seconds": round(time.time() - known.began),
        "resume_command": known.again or resume_command(context, known.upload_id),
    }
