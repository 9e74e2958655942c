"""DOOR: where the value of each option comes from: the command line, the environment, the config file, or its default."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import click
from click.core import ParameterSource

from vidup.console.options import Noise, environment, outranks
from vidup.errors import VidupError
from vidup.units import option_size

_NOT_IN_FILE: Final = ("api_key_file", "upload_token_file")
"""Would come before VIDUP_API_KEY or VIDUP_UPLOAD_TOKEN, and so the file before the environment."""


def configurable(context: click.Context) -> dict[str, click.Option]:
    """The options that may stand in the config file, those with a VIDUP_ variable, by every name they have there.

    They are those of all commands in the group of this context, for the file is read by all.
    """
    options = [parameter for command in _commands(context) for parameter in command.params if isinstance(parameter, click.Option)]
    named = [option for option in options if str(option.envvar).startswith("VIDUP_") and option.name not in _NOT_IN_FILE]
    return {spelling[2:]: option for option in named for spelling in option.opts if spelling.startswith("--")}


class FileDefaults(dict[str, Any]):
    """What the config file says, as Click's `default_map` of any command.

    It is opened when the first option wants its default, so that -h helps with a broken file, too.
    """

    wrong: VidupError | None = None
    """What is wrong with the file, for a command that goes on all the same."""

    def __init__(self, context: click.Context, goes_on: bool = False) -> None:
        """`context` is that of the group, whose commands have the options; with `goes_on` a wrong file is `wrong` instead of raised."""
        super().__init__()
        self._context = context
        self._goes_on = goes_on
        self._read = False

    def get(self, name: object, default: object = None) -> Any:
        """The defaults of a command within a group: Click asks so, and they are the same."""
        return self

    def __contains__(self, name: object) -> bool:
        if not self._read:
            self._read = True
            try:
                self._fill()
            except VidupError as error:
                if not self._goes_on:
                    raise
                self.wrong = error
        return super().__contains__(name)

    def _fill(self) -> None:
        from vidup.console.config import known_values, read_config

        table = read_config(environment())
        if not table:
            return
        options = configurable(self._context)
        known = {name: (str(option.name), option.is_flag) for name, option in options.items()}
        self.update(known_values(table, known, environment()))


def _commands(context: click.Context) -> Iterator[click.Command]:
    """The commands of the group, and of the groups in it."""
    group = context.command
    if not isinstance(group, click.Group):
        return
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None:
            yield command
            yield from _commands(click.Context(command, context, name))


def origin(context: click.Context, parameter: click.Parameter) -> str:
    """Where the value of this parameter comes from, in words; empty for a default."""
    source = context.get_parameter_source(parameter.name)
    if source is ParameterSource.COMMANDLINE:
        return "command line"
    if source is ParameterSource.ENVIRONMENT:
        return f"environment variable {parameter.envvar}"
    if source is ParameterSource.DEFAULT_MAP:
        from vidup.console.config import config_file

        return f"config file {config_file(environment())}"
    return ""


def sources(context: click.Context) -> tuple[str, ...]:
    """A line for each option that is not at its default: its value, and where that comes from."""
    options = [parameter for parameter in context.command.params if isinstance(parameter, click.Option)]
    return tuple(
        f"{_spelling(option)} = {_shown(option, context.params[option.name])} ({where})"
        for option in options
        if option.name in context.params and (where := origin(context, option))
    )


def wrong_value(error: click.BadParameter) -> str:
    """The refusal of a value, naming the variable or the file and key that it came from."""
    parameter, context = error.param, error.ctx
    source = context.get_parameter_source(parameter.name) if context and parameter else None
    if context is None or parameter is None or source not in (ParameterSource.ENVIRONMENT, ParameterSource.DEFAULT_MAP):
        return error.format_message()
    key = f", key {_spelling(parameter)}" if source is ParameterSource.DEFAULT_MAP else ""
    return f"Invalid value in the {origin(context, parameter)}{key}: {error.message}"


def noise_of(context: click.Context) -> Noise:
    """The noise options of this command as one value; of -q and -v the nearer one holds, as always, and -q where both are as near."""
    options = context.params
    quiet = options["quiet"] and not (options["verbose"] and outranks(context, "verbose", "quiet"))
    verbose = 0 if quiet else options["verbose"]
    return Noise(quiet, verbose, options["as_json"], options["progress"], options["color"], sources(context) if verbose else ())


def _spelling(parameter: click.Parameter) -> str:
    return next((name[2:] for name in parameter.opts if name.startswith("--")), parameter.name or "")


def _shown(option: click.Option, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join("=".join(item) if isinstance(item, tuple) else str(item) for item in value)
    if option.type.name in ("size", "rate") and isinstance(value, int):
        return option_size(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
