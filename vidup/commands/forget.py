"""`vidup forget`: drop the local record of an interrupted upload, and on request its unfinished video."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vidup.console.help import Command
from vidup.console.options import environment, resolve_base_url, state_folder, state_option, where_options
from vidup.console.upload_ids import UploadId
from vidup.errors import ExitCode, VidupError

if TYPE_CHECKING:
    from vidup.state.journal import StateFolder
    from vidup.state.lock import Busy


@click.command(cls=Command)
@click.argument("upload_ids", nargs=-1, type=UploadId(), metavar="[UPLOAD_ID]...")
@click.option("--all", "everything", is_flag=True, help="Forget every interrupted upload.")
@click.option("--delete-video", is_flag=True, help="Also delete the unfinished video, if vidup created it.")
@where_options
@state_option
def forget(
    upload_ids: tuple[str, ...], everything: bool, delete_video: bool, sandbox: bool, base_url: str | None, allow_http: bool,
    api_key_file: str | None, state_dir: Path | None,
) -> int:  # fmt: skip
    """Drop the record of an interrupted upload; what is on the server stays there, unless --delete-video is given.

    \b
    Examples:
      vidup forget k3f9abcd
      vidup forget --all --delete-video
    """
    from vidup.state.journal import StateFolder
    from vidup.state.lock import Busy

    folder = StateFolder(state_folder(state_dir))
    if everything == bool(upload_ids):
        raise click.UsageError("name the uploads to forget, or give --all")
    chosen = upload_ids or tuple(folder.upload_ids())
    known = set(folder.upload_ids())
    unknown = [upload_id for upload_id in chosen if upload_id not in known]
    if unknown:
        raise VidupError(ExitCode.UNKNOWN, f"No interrupted upload is called {unknown[0]}", advice="See what there is: vidup list")
    resolve_base_url(sandbox, base_url, allow_http)
    busy: dict[str, Busy] = {}
    for upload_id in chosen:
        try:
            _forget(folder, upload_id, delete_video, api_key_file)
        except Busy as error:
            busy[upload_id] = error
    if busy:
        raise _still_busy(busy)
    return ExitCode.OK


def _forget(folder: StateFolder, upload_id: str, delete_video: bool, api_key_file: str | None) -> None:
    from vidup.state.journal import disk_refuses

    with folder.locked(upload_id):
        if delete_video:
            _delete_video(folder, upload_id, api_key_file)
        try:
            folder.forget(upload_id)
        except OSError as error:
            raise disk_refuses(error, folder.path) from error
    click.echo(f"Forgot {upload_id}.", err=True)


def _still_busy(busy: Mapping[str, Busy]) -> VidupError:
    return VidupError(
        ExitCode.BUSY, f"Not forgotten, for another vidup is at it now: {', '.join(busy)}",
        cause="; ".join(error.cause for error in busy.values()), advice="Let it finish, or stop it; then run the same command again.",
    )  # fmt: skip


def _delete_video(folder: StateFolder, upload_id: str, api_key_file: str | None) -> None:
    from vidup.console.keys import find_key
    from vidup.upload.questions import delete_container

    record = folder.read(upload_id)
    if record is None:
        raise VidupError(
            ExitCode.FILE, f"The record {upload_id} is damaged: it does not tell its video", advice="Forget it without --delete-video."
        )
    delete_container(record.checkpoint, find_key(api_key_file, environment(), record.checkpoint.base_url), lambda _event: None)
    click.echo(f"Deleted the unfinished video {record.checkpoint.video_id}.", err=True)
