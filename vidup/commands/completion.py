"""`vidup completion`: the script that teaches a shell to complete vidup's commands, options and values."""

from __future__ import annotations

import click

from vidup.console.help import Command

SHELLS = ("bash", "zsh", "fish")


def script(shell: str, program: click.Command) -> str:
    """The completion script of this program for bash, zsh or fish; `completions/` holds the same bytes."""
    from vidup.console.completing import COMPLETERS

    return COMPLETERS[shell](program, {}, "vidup", "_VIDUP_COMPLETE").source()


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, /, shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    Examples:
      vidup completion bash > ~/.local/share/bash-completion/completions/vidup
      vidup completion zsh > "${fpath[1]}/_vidup"
      vidup completion fish > ~/.config/fish/completions/vidup.fish
    """
    click.echo(script(shell, context.find_root().command), nl=False)
