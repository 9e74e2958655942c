"""`vidup logout`: remove the API key that `vidup login` kept."""

from __future__ import annotations

import click

from vidup.console.help import Command
from vidup.console.options import environment, resolve_base_url, url_options
from vidup.errors import ExitCode


@click.command(cls=Command)
@url_options
def logout(sandbox: bool, base_url: str | None, allow_http: bool) -> int:
    """Remove the API key kept for a server from this machine; the key itself stays valid.

    \b
    Examples:
      vidup logout
      vidup logout --sandbox
    """
    from vidup.console.keys import VARIABLES, drop_key

    url = resolve_base_url(sandbox, base_url, allow_http)
    words = "Removed the key kept for" if drop_key(url) else "No key was kept for"
    click.echo(f"{words} {url}.", err=True)
    still = [name for name in VARIABLES if environment().get(name)]
    if still:
        click.echo(f"{still[0]} is still set.", err=True)
    return ExitCode.OK
