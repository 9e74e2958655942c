"""DOOR: the files of a command line as the tasks of a session, each with its order."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import click

from vidup.console.inputs import Inputs, Item
from vidup.console.options import VIDEO, given
from vidup.console.restarting import restart_command
from vidup.console.retyping import resume_command, same_command, status_command
from vidup.console.task import Task
from vidup.console.titles import describer
from vidup.errors import ExitCode, VidupError
from vidup.upload.order import Order
from vidup.upload.outcome import Report


def tasks_of(context: click.Context, taken: Inputs, order: Order) -> list[Task]:
    """A task for each file, after this order, whose path does not count; what they have in common they share.

    A task for which it is known why it cannot begin has that error in place of its order. Raises UsageError for options that cannot apply
    to a file that has a video of its own.
    """
    describe = describer(order.video)
    command = same_command()

    def resume(upload_id: str | None) -> str:
        return resume_command(context, upload_id) if upload_id else command

    def restart(path: str, video: Mapping[str, object], more: str) -> str:
        return restart_command(context, more, path, order.base_url, video)

    def status(video_id: str) -> str:
        return "" if order.key.delegated else status_command(context, order.base_url, video_id)  # it needs a key

    tasks = []
    for item in taken.items:
        one = _order(context, item, order, describe(item.path, item.number), taken.several)
        untouched = Report("interrupted", item.path, ExitCode.SIGINT, video_id=one.video_id, resumable=True)
        tasks.append(Task(item.error or one, untouched, resume, partial(restart, item.path, one.video), status))
    return tasks


def unbegun_tasks(taken: Inputs, error: VidupError | None, video_id: str | None = None) -> list[Task]:
    """A task for each file where this error, say for want of a key, is the end of them all; None: a signal, which came first."""
    command = same_command()
    return [
        Task(
            item.error or error, Report("interrupted", item.path, ExitCode.SIGINT, video_id=video_id, resumable=True),
            lambda _upload_id: command,
        )
        for item in taken.items
    ]  # fmt: skip


def _order(context: click.Context, item: Item, order: Order, video: Mapping[str, object], several: bool) -> Order:
    if order.key.delegated and item.own is not None:
        raise click.UsageError(
            f"{item.path} has a title or the like on its list, which needs an API key: an upload token can upload, and nothing else"
        )
    nonce = f"{order.nonce}-{item.number}" if several and order.nonce else order.nonce
    if item.own is None:
        return order._replace(path=item.path, video=video, nonce=nonce)
    if item.own.video_id is None:
        return order._replace(path=item.path, video={**video, **item.own.video}, nonce=nonce)
    wrong = given(context, (*VIDEO, "portable", "if_exists", "restart"))
    if wrong:
        name = f"--{wrong[0].replace('_', '-')}"
        raise click.UsageError(f"{name} is about a new video, and {item.path} has a video_id on its list: leave out one of them")
    return order._replace(path=item.path, video_id=item.own.video_id, nonce=nonce)
