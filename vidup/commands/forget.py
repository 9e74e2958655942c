"""`vidup forget`: drop the local record of an interrupted upload, and on request its unfinished video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vidup.console.help import Command
from vidup.console.options import environment, resolve_base_url, state_folder, state_option, where_options
from vidup.console.upload_ids import UploadId
from vidup.errors import ExitCode, VidupError

if TYPE_CHECKING:
    from vidup.state.journal import StateFolder


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

    folder = StateFolder(state_folder(state_dir))
    if everything == bool(upload_ids):
        raise click.UsageError("name the uploads to forget, or give --all")
    chosen = upload_ids or tuple(folder.upload_ids())
    unknown = [upload_id for upload_id in chosen if not folder.file_of(upload_id).exists()]
    if unknown:
        raise VidupError(ExitCode.UNKNOWN, f"No interrupted upload is called {unknown[0]}", advice="See what there is: vidup list")
    resolve_base_url(sandbox, base_url, allow_http)
    for upload_id in chosen:
        with folder.locked(upload_id):
            if delete_video:
                _delete_video(folder, upload_id, api_key_file)
            folder.forget(upload_id)
        click.echo(f"Forgot {upload_id}.", err=True)
    return ExitCode.OK


def _delete_video(folder: StateFolder, upload_id: str, api_key_file: str | None) -> None:
    from vidup.console.keys import find_key
    from vidup.upload.upload import delete_container

    record = folder.read(upload_id)
    if record is None:
        raise VidupError(
            ExitCode.FILE, f"The record {upload_id} is damaged: it does not tell its video", advice="Forget it without --delete-video."
        )
    delete_container(record.checkpoint, find_key(api_key_file, environment(), record.checkpoint.base_url), lambda _event: None)
    click.echo(f"Deleted the unfinished video {record.checkpoint.video_id}.", err=True)
