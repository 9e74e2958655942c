"""`vidup completion`: the script that teaches a shell to complete vidup's commands, options and values."""

from __future__ import annotations

import click

from vidup.help import Command

SHELLS = ("bash", "zsh", "fish")


def script(shell: str) -> str:
    """The completion script for bash, zsh or fish; `completions/` holds the same bytes."""
    from vidup.cli import vidup
    from vidup.completing import COMPLETERS

    return COMPLETERS[shell](vidup, {}, "vidup", "_VIDUP_COMPLETE").source()


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    Examples:
      vidup completion bash > ~/.local/share/bash-completion/completions/vidup
      vidup completion zsh > "${fpath[1]}/_vidup"
      vidup completion fish > ~/.config/fish/completions/vidup.fish
    """
    click.echo(script(shell), nl=False)
