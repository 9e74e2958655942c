"""Help: short when nothing is asked, examples first, options under headings, and one line for a slip of the fingers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.conftest import Cli
from vidup.cli import COMMANDS
from vidup.cli import vidup as group
from vidup.console.help import HEADINGS, Command

CONTEXT = click.Context(group, info_name="vidup")
ALL = {name: command for name in COMMANDS if (command := group.get_command(CONTEXT, name))}


def test_vidup_alone_shows_a_short_start(vidup: Cli) -> None:
    """A handful of lines, exit 0: enough to begin, and where there is more."""
    done = vidup()
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) <= 8
    assert {"vidup demo", "vidup login", "vidup upload", "vidup -h"} <= {" ".join(line.split()[:2]) for line in done.stdout.splitlines()}


@pytest.mark.parametrize("name", COMMANDS)
def test_h_and_help_are_the_same_everywhere(name: str, vidup: Cli) -> None:
    """And they are for stdout, exit 0."""
    short = vidup(name, "-h")
    assert (short.returncode, short.stderr) == (0, "")
    assert short.stdout.startswith(f"Usage: vidup {name}")
    if name == "upload":
        assert vidup(name, "--help").stdout == short.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_come_first(name: str) -> None:
    """Right after the sentence that says what the command does, before options and fine print; they are commands of vidup."""
    text = ALL[name].get_help(click.Context(ALL[name], CONTEXT, name))
    paragraphs = [paragraph.strip() for paragraph in text.split("\n\n")]
    assert paragraphs[2].startswith("Examples:"), paragraphs[:3]
    assert f"vidup {name}" in paragraphs[2]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_the_commands_say(name: str) -> None:
    """The sentences that are shown without importing a command are the beginnings of their own."""
    own = " ".join((ALL[name].help or "").split())
    short = COMMANDS[name].rstrip(".").partition(", and")[0].partition(", for")[0]
    assert own.startswith(short)
    assert isinstance(ALL[name], Command | click.Group)


@pytest.mark.parametrize("name", ["upload", "resume"])
def test_every_option_stands_under_a_heading(name: str, vidup: Cli) -> None:
    """In the order video, many files, no finished file, where to, how, after, output; an option without one would stand under Options."""
    lines = vidup(name, "-h").stdout.splitlines()
    headings = [line.rstrip(":") for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert headings == [heading for heading in HEADINGS if heading not in ("Video", "Many files", "No finished file") or name == "upload"]


def test_every_command_is_in_the_list_and_has_a_file() -> None:
    """A command is a file of its name, and nothing else is."""
    files = {path.stem for path in (Path(__file__).parents[2] / "vidup" / "commands").glob("*.py")} - {"__init__"}
    assert set(COMMANDS) == files == set(ALL)


@pytest.mark.parametrize(
    ("words", "said", "help_"),
    [
        (["uplaod", "x"], "Did you mean upload?", "vidup upload -h"), (["upload", "--titel", "x"], "--title?", "vidup upload -h"),
        (["upload"], "Missing argument 'FILE...'", "vidup upload -h"), (["list", "extra"], "unexpected extra argument", "vidup list -h"),
        (["upload", "x", "-j", "many"], "many is not a whole number", "vidup upload -h"), (["--nonsense"], "No such option", "vidup -h"),
        (["plan", "x", "--part-size", "1"], "not between 5 MiB and 200 MiB", "vidup plan -h"),
    ],
)  # fmt: skip
def test_wrong_usage_is_one_line_and_the_help_to_ask_for(words: list[str], said: str, help_: str, vidup: Cli) -> None:
    """Exit 2, stdout empty, two lines on stderr; what was meant is named where it can be guessed."""
    done = vidup(*words)
    what, advice = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert what.startswith("✗") and said in what
    assert advice == f"→ {help_}"


def test_a_file_in_the_place_of_a_command_is_answered_with_upload(vidup: Cli) -> None:
    """`vidup movie.mp4`: the command that was meant, quoted."""
    (vidup.cwd / "my movie.mp4").touch()
    assert vidup("my movie.mp4").stderr.splitlines()[-1] == "→ vidup upload 'my movie.mp4'"


def test_a_name_that_would_act_on_the_terminal_is_inert_in_the_refusal(vidup: Cli) -> None:
    """What was typed comes back as text."""
    done = vidup("\x1b[2Jup")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr


def test_help_imports_nothing_that_takes_time() -> None:
    """`vidup -h` knows the commands without importing one; a library that is slow to import would be felt at every TAB."""
    code = "import sys\nfrom vidup.cli import run\nsys.argv = ['vidup', '-h']\nrun()\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ), check=True)
    loaded = set(done.stderr.split())
    assert not loaded & {"requests", "rich", "tenacity", "platformdirs", "tomllib", "ssl", "asyncio", "vidup.console.options"}
    assert not [name for name in loaded if name.startswith("vidup.commands.")]
