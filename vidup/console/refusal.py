"""DOOR: a command that ended before an upload began, as a program hears of it that asked for an object or for events."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple

import click

from vidup.console.github import open_step
from vidup.console.options import Noise, environment
from vidup.console.settings import FileDefaults, noise_of
from vidup.errors import VidupError
from vidup.inert import json_line
from vidup.upload.outcome import Report, error_json

_UPLOADING: Final = ("upload", "resume")
"""The commands whose every end is an object of `--json` and an event of `--progress json`."""


class _Wish(NamedTuple):
    """What a command line asks for that need not be right otherwise: how it is to be told of what, and of which file."""

    noise: Noise
    file: str | None
    video_id: str | None


def tell_program(group: click.Group, words: Sequence[str], error: VidupError) -> bool:
    """Print the object and the events that the command line of these words asks for; False if stderr is still for people.

    Of an upload they are those of any upload that failed, and a GitHub job hears of it; any other command has an object of the error.
    """
    if not words or words[0] not in _UPLOADING:
        _tell_error(group, words, error)
        return False
    wish = _wish(group, words)
    if wish is None:
        return False
    code = error.code
    report = Report("failed", wish.file, code, video_id=wish.video_id, resumable=code.resumable, error=error)
    if step := open_step(environment(), lambda text: click.echo(f"! {text}", err=True)):
        step.end(report)
    return _tell_report(wish.noise, report, error)


def _tell_report(noise: Noise, report: Report, error: VidupError) -> bool:
    if not (noise.as_json or noise.progress == "json"):
        return False
    from vidup.console.results import print_result
    from vidup.progress.choice import Style
    from vidup.progress.views import open_view
    from vidup.upload.tally import Tally

    code = error.code
    events = noise.progress == "json" and not noise.quiet
    view = open_view(Style("json", False, False), Tally(), sys.stderr if events and sys.stderr is not None else io.StringIO())
    view.result(report.to_json())
    print_result(report, noise)
    view.exit_(int(code), code.name.lower(), error.what, code.resumable)
    return events


def _tell_error(group: click.Group, words: Sequence[str], error: VidupError) -> None:
    """What a command that uploads nothing prints where --json was asked for and it failed."""
    from vidup.console.answering import say

    try:
        root = click.Context(group, info_name="vidup")
        command, rest = group.get_command(root, words[0]) if words else None, list(words[1:])
        while isinstance(command, click.Group) and rest:  # as `vidup token create`
            command = command.get_command(root, rest.pop(0))
        if command is None or not _read(command, rest, root, {}).params.get("as_json"):
            return
        say([json_line({"v": 1, "error": error_json(error), "exit_code": int(error.code)})])
    except Exception:  # noqa: BLE001  as in `_wish`; the sentence on stderr is left
        return


def _wish(group: click.Group, words: Sequence[str]) -> _Wish | None:
    """What can be read of a command line, whatever is wrong with it; None where it names no upload."""
    if not words or words[0] not in _UPLOADING:
        return None
    try:
        root = click.Context(group, info_name="vidup")
        command = group.get_command(root, words[0])
        assert command is not None
        try:
            context = _read(command, words[1:], root, FileDefaults(root))
        except VidupError:  # the config file itself is what is wrong
            context = _read(command, words[1:], root, {})
        return _Wish(noise_of(context), _file(context, words), context.params.get("video_id"))
    except Exception:  # noqa: BLE001  whatever made the command fail may do so again, and is what must be told
        return None


def _read(command: click.Command, words: Sequence[str], root: click.Context, defaults: dict[str, object]) -> click.Context:
    return command.make_context(
        command.name, list(words), parent=root, default_map=defaults,
        resilient_parsing=True, ignore_unknown_options=True, allow_extra_args=True,
    )  # fmt: skip


def _file(context: click.Context, words: Sequence[str]) -> str | None:
    """The file that was named, the first of several; of what `resume` is given only one that is there, for it may be an id as well."""
    options_end = words.index("--") if "--" in words else len(words)
    resumed = "uploads" in context.params
    arguments = context.params["uploads" if resumed else "files"] or ()
    named = [
        word
        for word in (*arguments, *context.args)
        if word and (word == "-" or not word.startswith("-") or word in words[options_end:])  # else an option that nobody knows
    ]
    if resumed:
        return named[0] if len(named) == 1 and os.path.lexists(named[0]) else None
    return named[0] if named else None
