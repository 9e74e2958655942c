"""`vidup login`: check an API key with the server and keep it, for this user alone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from vidup.console.help import Command
from vidup.console.options import PRODUCTION, SANDBOX, environment, resolve_base_url, where_options
from vidup.errors import ExitCode

if TYPE_CHECKING:
    from vidup.api.credentials import ApiKey


@click.command(cls=Command)
@where_options
def login(sandbox: bool, base_url: str | None, allow_http: bool, api_key_file: str | None) -> int:
    """Keep an API key, once the server has accepted it.

    \b
    Examples:
      vidup login
      vidup login --sandbox
      pass show api.video | vidup login

    The key is asked for, not shown, and never part of the command; or it is read from a pipe. It is kept in a file that only you
    can read, one for each server, and sent to that server alone. VIDUP_API_KEY and --api-key-file come before it.
    """
    from vidup.console.answering import teller
    from vidup.console.keys import VARIABLES, keep_key
    from vidup.upload.questions import ask_alone, open_line

    url = resolve_base_url(sandbox, base_url, allow_http)
    key = _key(api_key_file, url)
    line = open_line(url, key, teller())
    ask_alone(line, line.log_in)
    path = keep_key(url, key)
    click.echo(f"✓ {url} accepts the key. It is kept in\n  {path}", err=True)
    hiding = [name for name in VARIABLES if environment().get(name)]
    if hiding:
        click.echo(f"{hiding[0]} is set and comes first: unset it to use the key kept now.", err=True)
    same = "" if url == PRODUCTION else " --sandbox" if url == SANDBOX else f" --base-url {url}"
    click.echo(f"→ vidup upload{same} FILE", err=True)
    return ExitCode.OK


def _key(api_key_file: str | None, url: str) -> ApiKey:
    from vidup.console.keys import DASHBOARD, given_key, typed_key
    from vidup.console.signals import interruptible

    if api_key_file is None and sys.stdin is not None and sys.stdin.isatty():
        with interruptible():  # or the terminal would stay without echo
            return typed_key(click.prompt(f"API key for {url}, from {DASHBOARD} (not shown)", hide_input=True, err=True))
    return given_key(api_key_file or "-")
