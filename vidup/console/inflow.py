"""DOOR: what comes as a stream: on standard input, or out of a command; and the command line that goes on with it."""

from __future__ import annotations

import os
import re
import stat
import sys
from typing import Any, Final, NamedTuple

import click

from vidup.console.options import given, program
from vidup.inert import command_line
from vidup.upload.order import Inflow

_NOT_FOR_STREAMS: Final = {
    "portable": "a stream has no fingerprint that could be kept before it was read",
    "adopt": "parts of a stream are known by their SHA-256 or not at all",
    "dry_run": "a stream can be read only once; see: vidup plan -",
}
"""Options that mean nothing for a stream, and why."""

_PASSWORD: Final = re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]*@")


class Given(NamedTuple):
    """What is to be uploaded: a path, or `-` and the stream."""

    path: str
    inflow: Inflow | None = None


def what_is_given(context: click.Context, words: tuple[str, ...], options: dict[str, Any]) -> Given:
    """What the words after the options name: a file, standard input, or with --from-command a command. Raises UsageError."""
    if options["from_command"]:
        if not words:
            raise click.UsageError(
                "--from-command needs the command whose output is the video: vidup upload --from-command -t TITLE -- CMD"
            )
        return Given("-", _stream(context, options, Inflow(words, options["min_size"] or 0)))
    if not words:
        raise click.MissingParameter(ctx=context, param_hint="'FILE'", param_type="argument")
    if len(words) > 1:
        raise click.UsageError(f"Got unexpected extra argument{'s'[: len(words) > 2]} ({' '.join(words[1:])})")
    if words[0] != "-":
        if options["min_size"]:
            raise click.UsageError("--min-size is for a stream: the size of a file is known")
        return Given(words[0])
    if path := file_on_stdin():
        return Given(path)
    if options["api_key_file"] == "-":
        raise click.UsageError("Standard input cannot be both the API key and the video: name one of them by a path")
    if sys.stdin is None or sys.stdin.isatty():
        raise click.UsageError("Standard input is a terminal: pipe a video in, as in PRODUCER | vidup upload - -t TITLE")
    return Given("-", _stream(context, options, Inflow((), options["min_size"] or 0)))


def file_on_stdin() -> str:
    """The path of the file that standard input is, read from its begin, as in `vidup upload - < movie.mp4`; empty for anything else."""
    try:
        about = os.fstat(0)
        if not stat.S_ISREG(about.st_mode) or os.lseek(0, 0, os.SEEK_CUR) != 0:
            return ""
        path = _path_of(0)
        named = os.stat(path)
    except (OSError, ValueError):
        return ""
    return path if (named.st_dev, named.st_ino) == (about.st_dev, about.st_ino) else ""


def again(inflow: Inflow) -> str:
    """The shell-quoted command line that goes on with this stream. A password in an address is left out of it."""
    return _shown(inflow, *_split(_argv()))


def anew(inflow: Inflow, more: str) -> str:
    """The same that begins anew, with more options."""
    head, tail = _split(_argv())
    return _shown(inflow, [*head, "--restart", *more.split()], tail)


def _stream(context: click.Context, options: dict[str, Any], inflow: Inflow) -> Inflow:
    for name in given(context, tuple(_NOT_FOR_STREAMS)):
        raise click.UsageError(f"--{name.replace('_', '-')} is not for a stream: {_NOT_FOR_STREAMS[name]}")
    if options["title"] is None and options["video_id"] is None:
        raise click.UsageError("A stream has no name to make a title of: add -t TITLE")
    return inflow


def _path_of(descriptor: int) -> str:
    if sys.platform == "darwin":
        import fcntl

        return fcntl.fcntl(descriptor, 50, bytes(1024)).rstrip(b"\0").decode("utf-8", "surrogateescape")  # F_GETPATH
    return os.readlink(f"/proc/self/fd/{descriptor}")


def _argv() -> list[str]:
    return sys.argv[1:]


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """The options, without --restart, which would throw away what is continued, and what stands behind them: the command."""
    end = words.index("--") if "--" in words else len(words)
    return [word for word in words[:end] if word != "--restart"], words[end:]


def _shown(inflow: Inflow, head: list[str], tail: list[str]) -> str:
    line = command_line(_PASSWORD.sub(r"\1:***@", word) for word in [*program(), *head, *tail])
    return line if inflow.command else f"… | {line}"
