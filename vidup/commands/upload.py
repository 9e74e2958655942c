"""`vidup upload`: each file into a video of its own; the same command again continues what was interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vidup.console.help import Command
from vidup.console.inputs import Inputs, Item, collect, inputs
from vidup.console.options import (
    VIDEO,
    after_options,
    environment,
    given,
    how_options,
    noise_options,
    patience,
    resolve_base_url,
    state_folder,
    token_option,
    uploads_per_minute,
    video_attributes,
    video_options,
    where_options,
)
from vidup.console.settings import noise_of
from vidup.console.values import AnySize, Duration, Size, VideoId
from vidup.errors import VidupError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidup.console.manifesting import Keeper
    from vidup.console.options import Noise
    from vidup.console.task import Task
    from vidup.upload.order import Order


@click.command(cls=Command)
@inputs
@click.option("--from-command", is_flag=True, help="Upload the output of a command, which is named after --.")
@click.option("--min-size", type=AnySize(), metavar="SIZE", help="Take a stream that ends before this for one that failed.")
@click.option("--follow", is_flag=True, help="Upload the file while another process is still writing it.")
@click.option("--idle", type=Duration(), default="30s", show_default=True, metavar="DURATION",
              help="With --follow: what has not changed for so long is at its end; 0: only what nobody writes any more.")  # fmt: skip
@click.option("--manifest", type=click.Path(path_type=Path), metavar="FILE",
              help="Leave out what this file says is uploaded, and add a line to it for each file that is over.")  # fmt: skip
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
@click.option("--if-exists", type=click.Choice(["new", "skip"]), default="new", show_default=True, envvar="VIDUP_IF_EXISTS",
              help="With --portable, what a complete video of this file means: another one, or its id and nothing sent.")  # fmt: skip
@click.option(
    "--adopt", is_flag=True, help="Take parts that vidup cannot vouch for as parts of this file; if they are not, the video breaks."
)
@click.option("--any-file", is_flag=True, help="Send the file whatever it looks like, also what cannot be a video.")
@after_options
@click.option("-n", "--dry-run", is_flag=True, help="Show the plan, check the key and what would be continued; create and send nothing.")
@noise_options
@click.pass_context
def upload(context: click.Context, /, files: tuple[str, ...], **options: Any) -> int:
    """Upload each FILE to api.video and print the video ids; - is standard input.

    \b
    Examples:
      vidup upload movie.mp4
      id=$(vidup upload --private -t "My film" movie.mp4)
      vidup upload --json --retry-for 2h movie.mp4 | jq .assets
      vidup upload -r --title "{parent}: {stem}" course/
      vidup upload --dry-run movie.mp4
      ffmpeg -i in.mov -f mpegts - | vidup upload - -t "My film"
      vidup upload -t "My film" --from-command -- ffmpeg -i in.mov -f mpegts -
      vidup upload --follow recording.mkv

    Interrupted? Run the very same command again: parts that the server has are never sent twice.
    """
    from vidup.console.answering import end_by_early_signal, nothing_to_do, tell_first
    from vidup.console.early import CutShort, Waiting
    from vidup.console.inflow import stream_of, stream_task
    from vidup.console.session import refuse_upload, run_uploads
    from vidup.console.tasks import tasks_of, unbegun_tasks
    from vidup.console.tokens import as_it_can, find_access, not_applied
    from vidup.upload.order import Inflow, Order

    _refuse_contradictions(context, options)
    noise = noise_of(context)
    try:
        inflow = stream_of(context)
    except VidupError as error:
        return refuse_upload("-", error, noise, video_id=options["video_id"])
    base_url = resolve_base_url(options["sandbox"], options["base_url"], options["allow_http"])
    wait = patience(context, options["wait"])
    try:
        taken = collect(context) if not isinstance(inflow, Inflow) else Inputs([Item("-", 1)], 1, False, None, ())
    except CutShort:  # a list was still being read: it is not known of which files there could be a result
        return end_by_early_signal()
    if options["video_id"] is not None and taken.total > 1:
        raise click.UsageError(f"--video-id names one video, and there are {taken.total} files: one video takes one file")
    tell_first(taken.notes, noise)
    if not taken.items:
        return nothing_to_do(noise)
    try:
        state_dir = state_folder(options["state_dir"])
        with Waiting():
            key = find_access(context, environment(), base_url)
        keeper = _keeper_of(options)
    except CutShort:
        return run_uploads(unbegun_tasks(taken, None, options["video_id"]), noise)
    except VidupError as error:
        if taken.several:
            error.concerns_all = True
            return run_uploads(unbegun_tasks(taken, error), noise)
        return refuse_upload(taken.items[0].path, error, noise, video_id=options["video_id"])
    order = _asked_for(options, Order(path="", base_url=base_url, key=key, state_dir=state_dir, wait=wait, inflow=inflow), taken)
    tell_first(not_applied(order), noise)
    order = as_it_can(order)
    tasks = tasks_of(context, taken, order) if not isinstance(inflow, Inflow) else [stream_task(context, order)]
    return _rehearse(tasks, taken.several, noise, keeper) if options["dry_run"] else run_uploads(tasks, noise, keeper)


def _asked_for(options: dict[str, Any], order: Order, taken: Inputs) -> Order:
    """The order that all files share, with what the options ask for."""
    import secrets

    from vidup.console.inflow import again
    from vidup.plan.rate import jobs_within
    from vidup.upload.order import Inflow

    return order._replace(
        video=video_attributes(options), video_id=options["video_id"], part_size=options["part_size"],
        jobs=jobs_within(options["jobs"], options["limit_rate"]), limit_rate=options["limit_rate"] or None,
        retry_for=options["retry_for"], timeout=options["timeout"],
        uploads_per_minute=taken.share_of(uploads_per_minute(order.base_url)), restart=options["restart"], portable=options["portable"],
        adopt=options["adopt"], nonce=secrets.token_hex(8), skip_existing=options["if_exists"] == "skip", any_file=options["any_file"],
        again=again(order.inflow) if isinstance(order.inflow, Inflow) else "",
    )  # fmt: skip


def _rehearse(tasks: Sequence[Task], several: bool, noise: Noise, keeper: Keeper | None) -> int:
    """`--dry-run`: of what the manifest does not vouch for."""
    from vidup.console.answering import nothing_to_do, run_dry, run_dry_all, tell_first

    if keeper is not None:
        tasks, left_out = keeper.not_vouched(tasks)
        tell_first([f"{left_out} left out: {keeper.name} says that they are uploaded"] if left_out else [], noise)
        if not tasks:
            return nothing_to_do(noise)
    return run_dry_all(tasks, noise) if several else run_dry(tasks[0], noise)


def _keeper_of(options: dict[str, Any]) -> Keeper | None:
    if options["manifest"] is None:
        return None
    from vidup.console.manifesting import open_keeper

    return open_keeper(options["manifest"], writable=not options["dry_run"])


def _refuse_contradictions(context: click.Context, options: dict[str, Any]) -> None:
    if options["video_id"] is not None:
        if options["restart"]:
            raise click.UsageError("--restart uploads into a new video, and --video-id names one: leave out one of them")
        wrong = [*given(context, VIDEO), *given(context, ("portable", "if_exists"))]
        if wrong:
            raise click.UsageError(f"--{wrong[0].replace('_', '-')} applies when a video is created; with --video-id there is one already")
    if given(context, ("if_exists",)) and not options["portable"]:
        raise click.UsageError("--if-exists goes with --portable, by which a video of this very file is known")
    if given(context, ("if_exists",)) and options["if_exists"] == "skip" and options["restart"]:
        raise click.UsageError("--restart makes a new video, and --if-exists skip takes one that is there: leave out one of them")
