"""`vidup list`: the interrupted uploads that this machine knows."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vidup.console.help import Command
from vidup.console.options import resume_command, state_folder, state_option
from vidup.plan.parts import Plan
from vidup.units import show_duration, show_size

if TYPE_CHECKING:
    from vidup.state.record import Record


@click.command("list", cls=Command)
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one array of objects on stdout.")
@click.pass_context
def list_(context: click.Context, /, state_dir: Path | None, as_json: bool) -> int:
    """List interrupted uploads, oldest first. Each can be continued with `vidup resume ID`.

    \b
    Examples:
      vidup list
      vidup list --json | jq -r '.[].resume_command'
    """
    from vidup.inert import inert
    from vidup.state.journal import StateFolder

    folder = state_folder(state_dir)
    records = list(StateFolder(folder).records())
    if as_json:
        click.echo(json.dumps([_row(context, record) for record in records]))
        return 0
    if not records:
        click.echo("No interrupted uploads.", err=True)
        return 0
    for record in records:
        known = record.checkpoint
        sent = min(len(record.confirmed) * Plan(known.size, known.total_parts).part_size, known.size)
        click.echo(
            f"{known.upload_id}  {inert(known.video_id)}  {len(record.confirmed)}/{known.total_parts} parts "
            f"({show_size(sent)} of {show_size(known.size)})  "
            f"begun {show_duration(time.time() - known.began)} ago  {inert(known.path)}"
        )
    click.echo(f"Continue one with: {resume_command(context, records[0].checkpoint.upload_id)}", err=True)
    return 0


def _row(context: click.Context, record: Record) -> dict[str, object]:
    known = record.checkpoint
    return {
        "upload_id": known.upload_id,
        "video_id": known.video_id,
        "file": known.path,
        "size": known.size,
        "total_parts": known.total_parts,
        "parts_done": len(record.confirmed),
        "age_seconds": round(time.time() - known.began),
        "resume_command": resume_command(context, known.upload_id),
    }
