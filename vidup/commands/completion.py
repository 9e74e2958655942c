"""`vidup completion`: the script that teaches a shell to complete vidup's commands, options and values."""

from __future__ import annotations

import click

SHELLS = ("bash", "zsh", "fish")


def script(shell: str) -> str:
    """The completion script for bash, zsh or fish; `completions/` holds the same bytes."""
    from click.shell_completion import get_completion_class

    from vidup.cli import vidup

    completer = get_completion_class(shell)
    assert completer is not None
    variables = completer(vidup, {}, "vidup", "_VIDUP_COMPLETE").source_vars()
    return completer.source_template % variables + "\n"


@click.command()
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
