"""DOOR: the commands that vidup advises, whole and shell-quoted, so that they can be pasted."""

from __future__ import annotations

import os
import sys
from typing import Final

import click

from vidup.console.options import PRODUCTION, SANDBOX, given
from vidup.inert import command_line

STICKY: Final = ("state_dir", "api_key_file", "upload_token_file", "allow_http", "jobs", "limit_rate", "retry_for", "timeout", "wait",
                 "wait_timeout")  # fmt: skip


def resume_command(context: click.Context, upload_id: str) -> str:
    """The shell-quoted command that continues this upload, with the options that it cannot do without."""
    words = [*program(), "resume", upload_id]
    for name in given(context, STICKY):
        value = context.params[name]
        if name in ("api_key_file", "upload_token_file") and value == "-":
            continue
        option = "--" + name.replace("_", "-")
        words += [option] if value is True else [option, as_option(value) if isinstance(value, float) else str(value)]
    return command_line(words)


def status_command(context: click.Context, base_url: str, video_id: str) -> str:
    """The shell-quoted command that shows this video, with the server and the key that the command of this context was told to use."""
    words = [*program(), "status", video_id]
    if base_url == SANDBOX and not _outside(context, "sandbox"):
        words.append("--sandbox")
    elif base_url not in (PRODUCTION, SANDBOX) and not _outside(context, "base_url"):
        words += ["--base-url", base_url]
    if given(context, ("allow_http",)):
        words.append("--allow-http")
    if given(context, ("api_key_file",)) and context.params["api_key_file"] != "-":
        words += ["--api-key-file", context.params["api_key_file"]]
    return command_line(words)


def _outside(context: click.Context, name: str) -> bool:
    """Whether the environment or the config file gives this option, so that another command has it, too."""
    return context.get_parameter_source(name) in (click.core.ParameterSource.ENVIRONMENT, click.core.ParameterSource.DEFAULT_MAP)


def program() -> list[str]:
    """The words that call this very program again: `vidup` where the shell finds it by that name, else as it was called now."""
    from shutil import which

    called = sys.argv[0]
    by_module = os.path.basename(called) == "__main__.py"
    ours = os.path.join(os.path.dirname(sys.executable), "vidup") if by_module else which(called) or called
    found = which("vidup")
    if found is not None and os.path.realpath(found) == os.path.realpath(ours):
        return ["vidup"]
    return [sys.executable, "-m", "vidup"] if by_module else [called]


def as_option(value: float) -> str:
    """As an option takes it, without an exponent: it reads back as the very same number."""
    from decimal import Decimal

    return str(int(value)) if value.is_integer() else f"{Decimal(repr(value)):f}"


def same_command() -> str:
    """The shell-quoted command line of this run, without --restart, which would throw away what it continues; with `< FILE` behind it
    where a file is its standard input."""
    from vidup.console.redirected import file_on_stdin

    line = command_line([*program(), *(word for word in sys.argv[1:] if word != "--restart")])
    path = file_on_stdin() if "-" in sys.argv else ""
    return f"{line} < {command_line([path])}" if path else line
