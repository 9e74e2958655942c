"""The README says what the program does: its commands, its options, its environment variables."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest

from vidup.cli import COMMANDS, vidup
from vidup.plan.parts import Plan, choose_total
from vidup.units import show_size

README = (Path(__file__).parent.parent / "README.md").read_text()


def options_of(command: click.Command) -> set[str]:
    """Its options, and those of the commands within it."""
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    inner = command.commands.values() if isinstance(command, click.Group) else ()
    return {name for option in options for name in (*option.opts, *option.secondary_opts)}.union(*map(options_of, inner))


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
        "--array",
        "--wrap",
        "--joblog",
        "--resume-failed",
    }  # of the tests, the benchmark, curl, click, Slurm and GNU parallel
    known = known.union(*(options_of(command) for name in COMMANDS if (command := vidup.get_command(context, name))))
    assert {word for word in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", README) if word not in known} == set()


def test_every_command_is_in_the_readme() -> None:
    """A command that nobody hears of need not exist."""
    assert [name for name in COMMANDS if f"vidup {name}" not in README] == []


def test_the_set_up_is_two_lines_that_can_be_pasted() -> None:
    """One installs and shows the demo, one installs and runs all tests."""
    lines = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert [line.rpartition(" && ")[2] for line in lines] == [".venv/bin/vidup demo", ".venv/bin/python -m pytest"]


def test_the_samples_are_of_todays_split() -> None:
    """A file of 3 GiB: as many parts, as large, and as many bytes safe as the program would say now."""
    plan = Plan(3 * 1024**3, choose_total(3 * 1024**3, 4, 100))
    sample = json.loads(README.partition("```json\n")[2].partition("```")[0])
    assert (sample["size"], sample["part_size"], sample["total_parts"]) == (plan.size, plan.part_size, plan.total_parts)
    assert sample["parts_sent"] + sample["parts_skipped"] == plan.total_parts
    safe = sample["parts_skipped"]
    amounts = f"({show_size(safe * plan.part_size)} of 3.00 GiB)"
    assert f"{safe} of {plan.total_parts} parts {amounts} are safe on the server." in README


def test_a_folder_is_made_before_a_script_is_written_to_it() -> None:
    """On a fresh home the folders for completions are not there."""
    made = README.partition("mkdir -p ")[2].partition("\n")[0].split()
    written = re.findall(r"^(?:vidup completion|cp) \S+ (?:> )?(~/\S+)", README, re.MULTILINE)
    assert len(written) == 3 and {path.rpartition("/")[0] for path in written} <= set(made)


def test_the_picture_is_of_todays_split() -> None:
    """What it shows is what the command that it shows does: `python -m tests.picture` draws it anew."""
    picture = (Path(__file__).parent.parent / ".github" / "resumed-upload.svg").read_text().replace("&#160;", " ")
    assert set(re.findall(r"\d+ of (\d+) parts", picture)) == {str(choose_total(240 * 1024**2, 4, 100))}
    assert "See the encoding: vidup status" in picture
