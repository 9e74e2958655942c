"""`vidup resume`: continue interrupted uploads by their id, their video id or their file."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import click

from vidup.console.help import Command
from vidup.console.options import (
    after_options,
    environment,
    how_options,
    key_option,
    noise_options,
    patience,
    state_folder,
    token_option,
    uploads_per_minute,
)
from vidup.console.restarting import restart_command
from vidup.console.retyping import program, resume_command, status_command
from vidup.console.settings import noise_of
from vidup.console.upload_ids import UploadId
from vidup.console.values import Size
from vidup.errors import ExitCode, VidupError
from vidup.inert import command_line
from vidup.plan.openplan import FOLLOWED

if TYPE_CHECKING:
    from vidup.api.credentials import ApiKey
    from vidup.console.task import Task
    from vidup.state.journal import StateFolder
    from vidup.state.record import Record


@click.command(cls=Command)
@click.argument("uploads", nargs=-1, type=UploadId(or_file=True), metavar="[UPLOAD_ID|VIDEO_ID|FILE]...")
@click.option("--all", "everything", is_flag=True, help="Continue every interrupted upload, all over one line.")
@key_option
@token_option
@click.option("--part-size", "--chunk-size", type=Size(), envvar="VIDUP_PART_SIZE", metavar="SIZE",
              help="Size of a part, where no part is on the server yet.")  # fmt: skip
@how_options
@click.option("--adopt", is_flag=True, help="Take parts that vidup cannot vouch for as parts of this file; if they are not, it breaks.")
@after_options
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
    from vidup.console.session import run_uploads
    from vidup.state.journal import StateFolder

    patience(context, options["wait"])  # what is typed wrong is told first
    folder = StateFolder(state_folder(options["state_dir"]))
    chosen = _choose(folder, uploads, everything)
    noise = noise_of(context)
    key_for = _keys(context)
    return run_uploads([_task(context, record, key_for(record.checkpoint.base_url)) for record in chosen], noise)


def _choose(folder: StateFolder, names: tuple[str, ...], everything: bool) -> list[Record]:
    if everything and names:
        raise click.UsageError("--all continues every upload; name none")
    if names:
        find = _finder(folder)
        return list({record.checkpoint.upload_id: record for record in map(find, names)}.values())
    records = list(folder.records())
    if everything or len(records) == 1:
        return records
    if not records:
        raise VidupError(ExitCode.UNKNOWN, "There is no interrupted upload", advice="Begin one: vidup upload FILE")
    again = command_line([*program(), "resume"])
    lines = "\n".join(f"  {again} {known.upload_id}   {known.path}" for known in (record.checkpoint for record in records))
    raise VidupError(
        ExitCode.USAGE, f"There are {len(records)} interrupted uploads; name one, or continue them all:\n{lines}", advice=f"{again} --all"
    )


def _finder(folder: StateFolder) -> Callable[[str], Record]:
    """Finds the record of this name; only for a file or a video id are all records read, and those once."""
    upload_ids = set(folder.upload_ids())
    records = cache(lambda: list(folder.records()))

    def find(name: str) -> Record:
        if name in upload_ids and (record := folder.read(name)) is not None:
            return record
        path = os.path.realpath(name)
        for record in records():
            if name == record.checkpoint.video_id or path == record.checkpoint.path.removeprefix(FOLLOWED):
                return record
        raise VidupError(ExitCode.UNKNOWN, f"No interrupted upload is called {name}", advice="See what there is: vidup list")

    return find


def _task(context: click.Context, record: Record, key: ApiKey | VidupError | None) -> Task:
    from vidup.console.task import Task
    from vidup.console.tokens import as_it_can
    from vidup.plan.rate import jobs_within
    from vidup.upload.order import Following, Order
    from vidup.upload.outcome import Report

    known, options = record.checkpoint, context.params
    command = resume_command(context, known.upload_id)
    untouched = Report(
        "interrupted", known.path, ExitCode.SIGINT, upload_id=known.upload_id, video_id=known.video_id, size=known.size,
        part_size=known.plan.part_size, total_parts=known.total_parts or None, parts_done=len(record.confirmed),
        resumable=True,
    )  # fmt: skip
    path = known.path.removeprefix(FOLLOWED)
    if known.again:
        refusal = VidupError(
            ExitCode.USAGE, f"{known.upload_id} is the upload of a stream, which only its producer can make again", advice=known.again
        )
        return Task(refusal, untouched, lambda _upload_id: known.again)
    if key is None or isinstance(key, VidupError):
        return Task(key, untouched, lambda _upload_id: command)
    order = Order(
        path=path, base_url=known.base_url, key=key, state_dir=state_folder(options["state_dir"]),
        video=known.options, video_id=known.requested_id or None, part_size=options["part_size"],
        jobs=jobs_within(options["jobs"], options["limit_rate"]), limit_rate=options["limit_rate"] or None,
        retry_for=options["retry_for"], timeout=options["timeout"], uploads_per_minute=uploads_per_minute(known.base_url),
        adopt=options["adopt"], continuing=known.upload_id, wait=patience(context, options["wait"]),
        inflow=Following() if path != known.path else None,
    )  # fmt: skip
    return Task(
        as_it_can(order), untouched, lambda _upload_id: command,
        lambda more: restart_command(context, more, path, known.base_url, known.options),
        lambda video_id: "" if key.delegated else status_command(context, known.base_url, video_id),
    )  # fmt: skip


def _keys(context: click.Context) -> Callable[[str], ApiKey | VidupError | None]:
    """Finds the token or the key for a base URL, None where a signal came; a file or a pipe, which can be read only once, is read once for
    all."""
    from vidup.console.early import CutShort, Waiting
    from vidup.console.tokens import find_access

    @cache
    def find(base_url: str) -> ApiKey | VidupError | None:
        try:
            with Waiting():
                return find_access(context, environment(), base_url)
        except CutShort:
            return None
        except VidupError as error:
            return error

    in_a_file = any(context.params[name] is not None for name in ("api_key_file", "upload_token_file"))
    return find if not in_a_file else lambda _base_url: find("")
