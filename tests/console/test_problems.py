"""What the API forbids in an attribute is told in the words of its `problems`, by name, and nothing is made or sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MIB, Cli
from vidup.emulator.server import Emulator
from vidup.upload.outcome import server_words
from vidup.verdicts.judge import Problem, Reply
from vidup.verdicts.rules import TABLE

Video = Callable[..., Path]
INVALID = Reply(status=400, slug="invalid-attribute", title="An attribute is invalid.")


@pytest.mark.parametrize(
    ("problems", "words"),
    [
        ((Problem("metadata", "This attribute must be an array."),), "; metadata: This attribute must be an array."),
        ((Problem("metadata", "An attribute is invalid.", "The key Author is too long."),), "; metadata: The key Author is too long."),
        ((Problem("metadata", "An attribute is invalid."),), "; about metadata"),
        ((Problem("", "", "Too many pairs."),), "; Too many pairs."),
        (
            (Problem("title", "This attribute is required."), Problem("tags", "Not so.", "A tag is empty.")),
            "; title: This attribute is required.; tags: Not so. A tag is empty.",
        ),
    ],
)
def test_each_problem_is_told_by_name_with_what_was_not_said(problems: tuple[Problem, ...], words: str) -> None:
    """Title and detail of each, but for those that stand on top already."""
    reply = INVALID._replace(problems=problems)
    assert server_words(TABLE.judge(reply), reply) == f'HTTP 400: "An attribute is invalid."{words}'


def test_forbidden_metadata_is_told_with_the_servers_problems(emulator: Emulator, video: Video, vidup: Cli) -> None:
    """Exit 6 before a byte is sent; the option is named, and the object says what the lines say."""
    emulator.add_fault("on=create,times=*:error=invalid-attribute,about=metadata")
    done = vidup("upload", "--json", "-m", "Author=Jo", video(5 * MIB), emulator=emulator)
    told = 'HTTP 400: "Invalid attributes. The "metadata" attribute is not valid."; about metadata'
    assert (done.returncode, told in done.stderr) == (6, True), done.stderr
    assert done.stderr.splitlines()[-1].endswith("→ Correct the option named above.")
    error = json.loads(done.stdout)["error"]
    assert (error["slug"], error["http_status"], error["detail"]) == ("invalid-attribute", 400, 'The "metadata" attribute is not valid.')
    assert emulator.videos == {}


@pytest.mark.parametrize("key", ["vidup-file", "vidup-run"])
def test_what_portable_writes_is_not_for_others_to_write(emulator: Emulator, video: Video, vidup: Cli, key: str) -> None:
    """Exit 2 before any request: of two entries with one name nobody could tell which holds."""
    done = vidup("upload", "-m", f"{key}=mine", video(5 * MIB), emulator=emulator)
    assert (done.returncode, f"{key} is kept for --portable" in done.stderr) == (2, True), done.stderr
    assert not emulator.requests
