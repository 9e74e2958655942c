"""DOOR: what somebody who typed a command or an option that is not there most probably meant."""

from __future__ import annotations

import os
from typing import Final

import click

from vidup.console.retyping import program
from vidup.inert import command_line

_HABITS: Final = {
    "rm": "vidup forget UPLOAD_ID", "delete": "vidup forget UPLOAD_ID", "remove": "vidup forget UPLOAD_ID",
    "config": "vidup check, which names the config file", "configure": "vidup login", "auth": "vidup login", "doctor": "vidup check",
    "version": "vidup --version", "help": "vidup -h", "ls": "vidup list", "continue": "vidup resume", "put": "vidup upload FILE",
    "send": "vidup upload FILE", "info": "vidup status VIDEO_ID", "show": "vidup status VIDEO_ID", "serve": "vidup emulator",
}  # fmt: skip
"""What other programs call it."""

_KEY: Final = "the key is never part of a command: vidup login, VIDUP_API_KEY or --api-key-file"
_TOKEN: Final = "an upload token is never part of a command: --upload-token-file or VIDUP_UPLOAD_TOKEN"
_OPTION_HABITS: Final = {
    "--upload-token": _TOKEN,
    "-V": "vidup --version", "--token": _KEY, "--key": _KEY, "--api-key": _KEY, "--apikey": _KEY, "--name": "--title", "--output": "--json",
    "--concurrency": "--jobs", "--parallel": "--jobs", "--threads": "--jobs", "--retries": "--retry-for", "--force": "--restart",
}  # fmt: skip

_ALIKE: Final = 0.7
"""How alike a name must be: two letters in the wrong order pass, another word does not."""


def unknown_command(wrong: click.exceptions.NoSuchCommand) -> tuple[str, str]:
    """What is wrong, and the advice: a file is uploaded, a habit of other programs translated, a slip corrected."""
    name, context = wrong.command_name, wrong.ctx
    what = f"No such command {name!r}."
    command = context.command_path if context else "vidup"
    outermost = context is None or context.parent is None
    if outermost and os.path.exists(name):
        return what, command_line([*program(), "upload", name])
    commands = context.command.list_commands(context) if context and isinstance(context.command, click.Group) else []
    if outermost and name in _HABITS:
        return what, _HABITS[name]
    guess = _nearest(name, commands)
    return (f"{what} Did you mean {guess}?" if guess else what), (f"{command} {guess} -h" if guess else f"{command} -h")


def unknown_option(wrong: click.NoSuchOption) -> tuple[str, str]:
    """What is wrong with an option that this command does not have, and the advice."""
    name, context = wrong.option_name, wrong.ctx
    command = context.command_path if context else "vidup"
    what = f"No such option {name!r}."
    known = [spelling for parameter in (context.command.get_params(context) if context else []) for spelling in _spellings(parameter)]
    habit = _OPTION_HABITS.get(name, "")
    if habit and (habit in known or not habit.startswith("--")):
        return what, f"{habit}, see {command} -h" if habit in known else habit[0].upper() + habit[1:] if habit in (_KEY, _TOKEN) else habit
    guess = _nearest(name, known) if name.startswith("--") else ""
    return (f"{what} Did you mean {guess}?" if guess else what), f"{command} -h"


def _spellings(parameter: click.Parameter) -> list[str]:
    return [*parameter.opts, *parameter.secondary_opts] if isinstance(parameter, click.Option) else []


def _nearest(name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, known, n=1, cutoff=_ALIKE)), "")
