"""The README says what the program does: its commands, its options, its environment variables."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from vidup.cli import COMMANDS, vidup

README = (Path(__file__).parent.parent / "README.md").read_text()


def options_of(command: click.Command) -> set[str]:
    return {
        name for parameter in command.params if isinstance(parameter, click.Option) for name in (*parameter.opts, *parameter.secondary_opts)
    }


@pytest.mark.parametrize("name", ["upload", "resume"])
def test_every_option_is_in_the_readme(name: str) -> None:
    """By its long name, as `-h` spells it."""
    command = vidup.get_command(click.Context(vidup), name)
    assert command is not None
    assert {option for option in options_of(command) if option.startswith("--") and option not in README} == set()


def test_the_readme_names_no_option_that_does_not_exist() -> None:
    """What is written down can be typed."""
    context = click.Context(vidup)
    known = {
        "--kills",
        "--seeds",
        "--defects",
        "--hypothesis-profile",
        "--tls",
        "--parallel",
        "--version",
        "--help",
    }  # of the tests, the benchmark, curl and click
    known = known.union(*(options_of(command) for name in COMMANDS if (command := vidup.get_command(context, name))))
    assert {word for word in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", README) if word not in known} == set()


def test_every_command_is_in_the_readme() -> None:
    """A command that nobody hears of need not exist."""
    assert [name for name in COMMANDS if f"vidup {name}" not in README] == []


def test_the_set_up_is_two_lines_that_can_be_pasted() -> None:
    """One installs and shows the demo, one installs and runs all tests."""
    lines = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert [line.rpartition(" && ")[2] for line in lines] == [".venv/bin/vidup demo", ".venv/bin/python -m pytest"]
