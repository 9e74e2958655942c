"""DOOR: an error that no view is open for, as lines on stderr."""

from __future__ import annotations

import os

import click

from vidup.errors import VidupError
from vidup.inert import inert


def show(error: VidupError) -> None:
    """What failed, the cause, and as the last line what to do."""
    from vidup.console.github import annotation

    lines = [
        *f"✗ {error.what}".split("\n"),
        *([f"  {error.cause}"] if error.cause else []),
        *([f"→ {error.advice}"] if error.advice else []),
    ]
    for line in lines:
        click.echo(inert(line, 1000), err=True)
    if command := annotation(os.environ, lines):
        click.echo(command, err=True)
