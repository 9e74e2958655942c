"""`vidup upload`: one file into one video; the same command again continues what was interrupted."""

from __future__ import annotations

from typing import Any

import click

from vidup.options import (
    VIDEO,
    Size,
    environment,
    given,
    how_options,
    noise_of,
    noise_options,
    resolve_base_url,
    resume_command,
    same_command,
    state_folder,
    uploads_per_minute,
    video_attributes,
    video_options,
    where_options,
)  # fmt: skip


@click.command()
@click.argument("file", type=click.Path())
@video_options
@click.option("--video-id", metavar="ID", help="Upload into this existing video instead of creating one.")
@where_options
@click.option("--part-size", "--chunk-size", type=Size(), envvar="VIDUP_PART_SIZE", metavar="SIZE",
              help="Size of a part, 5 to 200 MiB.  [default: chosen from the file's size]")  # fmt: skip
@how_options
@click.option("--restart", is_flag=True, help="Abandon what was begun and upload into a new video.")
@click.option("--portable", is_flag=True, envvar="VIDUP_PORTABLE",
              help="Keep size and fingerprint of the file in the video's metadata, so that another machine can continue.")  # fmt: skip
@click.option("--adopt", is_flag=True, help="With --video-id: take parts found there for parts of this file; if they are not, it breaks.")
@noise_options
@click.pass_context
def upload(context: click.Context, /, file: str, **options: Any) -> int:
    """Upload FILE to api.video and print the video id.

    Interrupted? Run the very same command again: parts that the server has are never sent twice.

    \b
    Examples:
      vidup upload movie.mp4
      id=$(vidup upload --private -t "My film" movie.mp4)
      vidup upload --json --retry-for 2h movie.mp4 | jq .assets
    """
    from vidup.keys import find_key
    from vidup.order import Order
    from vidup.running import run_upload

    _refuse_contradictions(context, options)
    base_url = resolve_base_url(options["sandbox"], options["base_url"], options["allow_http"])
    order = Order(
        path=file, base_url=base_url, key=find_key(options["api_key_file"], environment()),
        state_dir=state_folder(options["state_dir"]), video=video_attributes(options), video_id=options["video_id"],
        part_size=options["part_size"], jobs=options["jobs"], retry_for=options["retry_for"], timeout=options["timeout"],
        uploads_per_minute=uploads_per_minute(base_url), restart=options["restart"], portable=options["portable"], adopt=options["adopt"],
    )  # fmt: skip
    command = same_command()
    return run_upload(order, noise_of(options), lambda upload_id: resume_command(context, upload_id) if upload_id else command)


def _refuse_contradictions(context: click.Context, options: dict[str, Any]) -> None:
    video_id = options["video_id"]
    if video_id is not None:
        wrong = [*given(context, VIDEO), *given(context, ("portable",))]
        if wrong:
            raise click.UsageError(f"--{wrong[0].replace('_', '-')} applies when a video is created; with --video-id there is one already")
        if not video_id.isalnum() or not video_id.isascii():
            raise click.UsageError("--video-id must be letters and digits, as in vi4blUQJFrYWbaG44NChkH27")
    elif options["adopt"]:
        raise click.UsageError("--adopt goes with --video-id")
