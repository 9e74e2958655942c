"""`vidup upload`: one file into one video; the same command again continues what was interrupted."""

from __future__ import annotations

from typing import Any

import click

from vidup.console.help import Command
from vidup.console.options import (
    VIDEO,
    Size,
    VideoId,
    environment,
    given,
    how_options,
    noise_options,
    resolve_base_url,
    resume_command,
    same_command,
    state_folder,
    status_command,
    token_option,
    uploads_per_minute,
    video_attributes,
    video_options,
    where_options,
)  # fmt: skip
from vidup.console.restarting import restart_command
from vidup.console.settings import noise_of
from vidup.errors import ExitCode, VidupError


@click.command(cls=Command)
@click.argument("file", type=click.Path())
@video_options
@click.option("--video-id", type=VideoId(), metavar="ID", help="Upload into this existing video instead of creating one.")
@where_options
@token_option
@click.option("--part-size", "--chunk-size", type=Size(), envvar="VIDUP_PART_SIZE", metavar="SIZE",
              help="Size of a part, 5 to 200 MiB.  [default: chosen from the file's size]")  # fmt: skip
@how_options
@click.option("--restart", is_flag=True, help="Abandon what was begun and upload into a new video.")
@click.option("--portable", is_flag=True, envvar="VIDUP_PORTABLE",
              help="Keep size and fingerprint of the file in the video's metadata, so that another machine can continue.")  # fmt: skip
@click.option(
    "--adopt", is_flag=True, help="Take parts that vidup cannot vouch for as parts of this file; if they are not, the video breaks."
)
@click.option("-n", "--dry-run", is_flag=True, help="Show the plan, check the key and what would be continued; create and send nothing.")
@noise_options
@click.pass_context
def upload(context: click.Context, /, file: str, **options: Any) -> int:
    """Upload FILE to api.video and print the video id.

    \b
    Examples:
      vidup upload movie.mp4
      id=$(vidup upload --private -t "My film" movie.mp4)
      vidup upload --json --retry-for 2h movie.mp4 | jq .assets
      vidup upload --dry-run movie.mp4

    Interrupted? Run the very same command again: parts that the server has are never sent twice.
    """
    import secrets

    from vidup.console.session import Task, refuse_upload, run_uploads
    from vidup.console.tokens import find_access, refuse_beside_token
    from vidup.plan.rate import jobs_within
    from vidup.upload.order import Order
    from vidup.upload.outcome import Report

    _refuse_contradictions(context, options)
    base_url = resolve_base_url(options["sandbox"], options["base_url"], options["allow_http"])
    noise = noise_of(context)
    try:
        state_dir = state_folder(options["state_dir"])
        key = find_access(context, environment(), base_url)
    except VidupError as error:
        return refuse_upload(file, error, noise, video_id=options["video_id"])
    if key.delegated:
        refuse_beside_token(context)
    order = Order(
        path=file, base_url=base_url, key=key,
        state_dir=state_dir, video=video_attributes(options), video_id=options["video_id"],
        part_size=options["part_size"], jobs=jobs_within(options["jobs"], options["limit_rate"]),
        limit_rate=options["limit_rate"] or None, retry_for=options["retry_for"], timeout=options["timeout"],
        uploads_per_minute=uploads_per_minute(base_url), restart=options["restart"], portable=options["portable"], adopt=options["adopt"],
        nonce=secrets.token_hex(8),
    )  # fmt: skip
    if options["dry_run"]:
        from vidup.console.answering import run_dry

        return run_dry(order, noise)
    command = same_command()
    untouched = Report("interrupted", file, ExitCode.SIGINT, video_id=options["video_id"], resumable=True)
    task = Task(
        order, untouched, lambda upload_id: resume_command(context, upload_id) if upload_id else command,
        lambda more: restart_command(context, more, file, base_url, order.video),
        lambda uploaded: "" if key.delegated else status_command(context, base_url, uploaded),
    )  # fmt: skip
    return run_uploads([task], noise)


def _refuse_contradictions(context: click.Context, options: dict[str, Any]) -> None:
    if options["video_id"] is not None:
        if options["restart"]:
            raise click.UsageError("--restart uploads into a new video, and --video-id names one: leave out one of them")
        wrong = [*given(context, VIDEO), *given(context, ("portable",))]
        if wrong:
            raise click.UsageError(f"--{wrong[0].replace('_', '-')} applies when a video is created; with --video-id there is one already")
