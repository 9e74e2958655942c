"""DOOR: what comes as a stream: on standard input, or out of a command; and the command line that goes on with it."""

from __future__ import annotations

import math
import os
import re
import sys
from typing import Final

import click

from vidup.console.options import environment, given
from vidup.console.redirected import file_on_stdin
from vidup.console.retyping import program, status_command
from vidup.console.task import Task
from vidup.console.tokens import is_token_given
from vidup.errors import ExitCode
from vidup.inert import command_line
from vidup.upload.order import Following, Inflow, Order
from vidup.upload.outcome import Report

_NOT_FOR_STREAMS: Final = {
    **dict.fromkeys(("manifest", "from_file", "recursive", "shard"), "it goes alone, and a list is of files"),
    "portable": "a stream has no fingerprint that could be kept before it was read",
    "adopt": "parts of a stream are known by their SHA-256 or not at all",
    "dry_run": "a stream can be read only once; see: vidup plan -",
}
"""Options that mean nothing for a stream, and why."""

_PASSWORD: Final = re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]*@")


def stream_of(context: click.Context) -> Inflow | Following | None:
    """The stream, or growing file, that a command line names, None for files; a file on standard input takes the place of its `-`.

    Raises UsageError for what cannot be meant, VidupError(FILE) for a file on standard input that is shorter than --min-size.
    """
    options = context.params
    words, least = options["files"], options["min_size"] or 0
    if options["follow"]:
        return _following(context)
    if given(context, ("idle",)):
        raise click.UsageError("--idle says something only with --follow")
    if options["from_command"]:
        if not words:
            raise click.UsageError("--from-command needs the command whose output is the video, as in -- ffmpeg -i in.mov -f mpegts -")
        return _stream(context, Inflow(words, least))
    if "-" not in words:
        if least:
            raise click.UsageError("--min-size is for a stream: the size of a file is known")
        return None
    if path := file_on_stdin():
        if least > (size := os.stat(path).st_size):
            from vidup.source.stream import too_short

            raise too_short("standard input", size, least)
        context.params["files"] = tuple(path if word == "-" else word for word in words)
        return None
    for name in ("api_key_file", "upload_token_file"):
        if options.get(name) == "-":
            raise click.UsageError(f"Standard input cannot be both --{name.replace('_', '-')} and the video: name one of them by a path")
    if len(words) > 1:
        raise click.UsageError("A stream goes alone: upload files by a command of their own")
    if sys.stdin is None:
        raise click.UsageError("Standard input is closed: pipe a video in, as in PRODUCER | vidup upload - -t TITLE")
    if sys.stdin.isatty():
        raise click.UsageError("Standard input is a terminal: pipe a video in, as in PRODUCER | vidup upload - -t TITLE")
    return _stream(context, Inflow((), least))


def stream_task(context: click.Context, order: Order) -> Task:
    """The task of a stream, which no record can make again: it is continued by the command line that began it."""
    inflow, order = order.inflow, order._replace(path="-")
    assert isinstance(inflow, Inflow)
    untouched = Report("interrupted", "-", ExitCode.SIGINT, video_id=order.video_id, resumable=True)
    return Task(
        order, untouched, lambda _upload_id: order.again, lambda more: anew(inflow, more),
        lambda uploaded: "" if order.key.delegated else status_command(context, order.base_url, uploaded),
    )  # fmt: skip


def again(inflow: Inflow) -> str:
    """The shell-quoted command line that goes on with this stream. A password in an address is left out of it."""
    return _shown(inflow, *_split(_argv()))


def anew(inflow: Inflow, more: str) -> str:
    """The same that begins anew, with more options."""
    head, tail = _split(_argv())
    return _shown(inflow, [*head, "--restart", *more.split()], tail)


def _stream(context: click.Context, inflow: Inflow) -> Inflow:
    for name in given(context, tuple(_NOT_FOR_STREAMS)):
        raise click.UsageError(f"--{name.replace('_', '-')} is not for a stream: {_NOT_FOR_STREAMS[name]}")
    if context.params["title"] is None and context.params["video_id"] is None and not is_token_given(context, environment()):
        raise click.UsageError("A stream has no name to make a title of: add -t TITLE")
    return inflow


def _following(context: click.Context) -> Following:
    words = context.params["files"]
    for name in given(context, (*_NOT_FOR_STREAMS, "from_command", "min_size")):
        raise click.UsageError(f"--{name.replace('_', '-')} is not for a file that still grows")
    if words == ("-",) or len(words) > 1:
        raise click.UsageError("--follow takes one file, by its name")
    return Following(context.params["idle"] or math.inf)


def _argv() -> list[str]:
    return sys.argv[1:]


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """The options, without --restart, which would throw away what is continued, and what stands behind them: the command."""
    end = words.index("--") if "--" in words else len(words)
    return [word for word in words[:end] if word != "--restart"], words[end:]


def _shown(inflow: Inflow, head: list[str], tail: list[str]) -> str:
    line = command_line(_PASSWORD.sub(r"\1:***@", word) for word in [*program(), *head, *tail])
    return line if inflow.command else f"… | {line}"
