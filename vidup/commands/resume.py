"""`vidup resume`: continue interrupted uploads by their id, their video id or their file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vidup.errors import ExitCode, VidupError
from vidup.help import Command
from vidup.options import (
    Noise,
    Size,
    environment,
    how_options,
    key_option,
    noise_options,
    resume_command,
    state_folder,
    uploads_per_minute,
)  # fmt: skip
from vidup.settings import noise_of
from vidup.upload_ids import UploadId

if TYPE_CHECKING:
    from vidup.journal import Checkpoint, Record


@click.command(cls=Command)
@click.argument("uploads", nargs=-1, type=UploadId(or_file=True), metavar="[UPLOAD_ID|VIDEO_ID|FILE]...")
@click.option("--all", "everything", is_flag=True, help="Continue every interrupted upload, one after the other.")
@key_option
@click.option("--part-size", "--chunk-size", type=Size(), envvar="VIDUP_PART_SIZE", metavar="SIZE",
              help="Size of a part, where no part is on the server yet.")  # fmt: skip
@how_options
@click.option("--adopt", is_flag=True, help="Take parts that vidup cannot vouch for as parts of this file; if they are not, it breaks.")
@noise_options
@click.pass_context
def resume(context: click.Context, /, uploads: tuple[str, ...], everything: bool, **options: Any) -> int:
    """Continue interrupted uploads. Alone it continues the only one there is; if there are several, it lists them.

    \b
    Examples:
      vidup resume
      vidup resume k3f9abcd
      vidup resume --all
    """
    from vidup.journal import StateFolder

    folder = StateFolder(state_folder(options["state_dir"]))
    records = list(folder.records())
    chosen = _choose(records, uploads, everything)
    noise = noise_of(context)
    codes = [_continue(context, record.checkpoint, noise, options) for record in chosen]
    return combined(codes)


def combined(codes: list[ExitCode]) -> ExitCode:
    """The exit code of several uploads: 0 if all went well, 75 if every failure is resumable, else the first permanent one."""
    failures = [code for code in codes if code is not ExitCode.OK]
    permanent = [code for code in failures if not code.resumable]
    if len(failures) == 1:
        return failures[0]
    return permanent[0] if permanent else ExitCode.AGAIN if failures else ExitCode.OK


def _choose(records: list[Record], names: tuple[str, ...], everything: bool) -> list[Record]:
    if everything and names:
        raise click.UsageError("--all continues every upload; name none")
    if everything:
        return records
    if not names:
        if len(records) == 1:
            return records
        if not records:
            raise VidupError(ExitCode.UNKNOWN, "There is no interrupted upload", advice="Begin one: vidup upload FILE")
        lines = "\n".join(f"  vidup resume {known.upload_id}   {known.path}" for known in (record.checkpoint for record in records))
        raise click.UsageError(f"there are {len(records)} interrupted uploads; name one, or give --all:\n{lines}")
    return [_named(records, name) for name in names]


def _named(records: list[Record], name: str) -> Record:
    path = os.path.realpath(name)
    for record in records:
        known = record.checkpoint
        if name in (known.upload_id, known.video_id) or path == known.path:
            return record
    raise VidupError(ExitCode.UNKNOWN, f"No interrupted upload is called {name}", advice="See what there is: vidup list")


def _continue(context: click.Context, known: Checkpoint, noise: Noise, options: dict[str, Any]) -> ExitCode:
    from vidup.keys import find_key
    from vidup.order import Order
    from vidup.running import refuse_upload, run_upload

    state_dir: Path | None = options["state_dir"]
    try:
        key = find_key(options["api_key_file"], environment(), known.base_url)
    except VidupError as error:
        return refuse_upload(known.path, error, noise)
    order = Order(
        path=known.path, base_url=known.base_url, key=key, state_dir=state_folder(state_dir),
        video=known.options, video_id=known.requested_id or None, part_size=options["part_size"], jobs=options["jobs"],
        retry_for=options["retry_for"], timeout=options["timeout"], uploads_per_minute=uploads_per_minute(known.base_url),
        adopt=options["adopt"],
    )  # fmt: skip
    command = resume_command(context, known.upload_id)
    return run_upload(order, noise, lambda _upload_id: command)
