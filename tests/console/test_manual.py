"""The man page: that of today's commands, and readable for man."""

from __future__ import annotations

import re
import shutil
import subprocess

import click
import pytest

from tests.manual import PAGE, exit_codes, manual
from vidup.cli import COMMANDS, vidup
from vidup.errors import ExitCode


def test_the_page_is_that_of_todays_commands() -> None:
    """`python -m tests.manual` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == manual()


def test_it_says_what_h_and_the_readme_say() -> None:
    """Every command, its options, every exit code, where a key comes from and where the config file is."""
    page = manual().replace("\\-", "-")
    assert [name for name in COMMANDS if f".SS vidup {name}" not in page] == []
    assert {int(code) for codes, _, _ in exit_codes() for code in codes.split(",")} == set(ExitCode)
    assert all(word in page for word in ("--retry-for DURATION", "VIDUP_API_KEY", "VIDUP_PART_SIZE", "VIDUP_CONFIG", "config.toml"))


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed here")
def test_man_has_nothing_to_complain_of() -> None:
    """No warning, and no macro or escape is shown as text."""
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-P-c", str(PAGE)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert re.search(r"^ +vidup list +what was interrupted$", done.stdout, re.MULTILINE)
    assert "vidup upload movie.mp4" in done.stdout and "\\" not in done.stdout.replace("\\n", "")


def test_h_names_exit_codes_variables_and_the_config_file() -> None:
    """Each code once, in lines that fit a terminal."""
    text = vidup.get_help(click.Context(vidup, info_name="vidup"))
    told = text.partition("Exit codes:")[2].partition("Environment")[0]
    assert sorted(map(int, re.findall(r"(?<![\w.])\d+(?=[ ,])", told))) == sorted(ExitCode)
    assert all(word in text for word in ("VIDUP_API_KEY", "APIVIDEO_API_KEY", "VIDUP_PART_SIZE", "VIDUP_CONFIG", "config.toml"))
    assert max(map(len, text.splitlines())) <= 80
