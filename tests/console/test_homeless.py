"""A user without a home, as containers have them: no HOME, and a uid that is in no list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Cli
from vidup.emulator.server import Emulator

NO_HOME = """
import os, pwd
for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
    os.environ.pop(name, None)
def unknown(*_):
    raise KeyError("uid not found")
pwd.getpwuid = unknown
"""


def without_home(tmp_path: Path, more: str = "", **env: str) -> dict[str, str]:
    """The environment of a vidup process that finds no home; `more` runs in it first."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(NO_HOME + more)
    return {"PYTHONPATH": str(tmp_path / "site"), "VIDUP_STATE_DIR": "", **env}


def test_a_state_folder_that_is_named_is_all_that_is_needed(emulator: Emulator, tmp_path: Path, vidup: Cli) -> None:
    """Neither the config file nor a kept key is missed."""
    path = tmp_path / "movie.mp4"
    path.write_bytes(b"x" * 1000)
    env = without_home(tmp_path)
    done = vidup("upload", path, "--state-dir", vidup.state, emulator=emulator, env=env)
    assert (done.returncode, done.stdout.strip() in emulator.videos) == (0, True), done.stderr
    assert vidup("list", env=env | {"VIDUP_STATE_DIR": str(vidup.state)}).returncode == 0
    assert vidup("check", "--state-dir", vidup.state, emulator=emulator, env=env).returncode == 0
    nobody = vidup("upload", path, "--state-dir", vidup.state, env=env)
    assert (nobody.returncode, "No API key was given" in nobody.stderr) == (4, True)
    assert list(vidup.cwd.iterdir()) == []


@pytest.mark.parametrize("words", [("list",), ("resume",), ("forget", "--all"), ("upload", "movie.mp4")], ids=lambda words: words[0])
def test_without_one_it_says_how_to_name_it(words: tuple[str, ...], tmp_path: Path, vidup: Cli) -> None:
    """Exit 3, one sentence, no traceback; a script gets its object."""
    done = vidup(*words, env=without_home(tmp_path, VIDUP_API_KEY="key1"))
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "--state-dir or VIDUP_STATE_DIR" in done.stderr
    assert list(vidup.cwd.iterdir()) == []


def test_check_says_so_in_its_list(tmp_path: Path, vidup: Cli, emulator: Emulator) -> None:
    """Exit 3, beside what else it finds."""
    done = vidup("check", emulator=emulator, env=without_home(tmp_path))
    assert done.returncode == 3 and "--state-dir or VIDUP_STATE_DIR" in done.stdout


def test_a_script_gets_its_object(tmp_path: Path, vidup: Cli) -> None:
    """As after any failure."""
    done = vidup("upload", "movie.mp4", "--json", env=without_home(tmp_path, VIDUP_API_KEY="key1"))
    (line,) = done.stdout.splitlines()
    assert (done.returncode, json.loads(line)["exit_code"], json.loads(line)["error"]["title"]) == (
        3,
        3,
        "There is no folder for records of uploads",
    )


def test_a_key_cannot_be_kept(emulator: Emulator, tmp_path: Path, vidup: Cli) -> None:
    """Exit 3, and where the key may be instead."""
    done = vidup("login", emulator=emulator, env=without_home(tmp_path), stdin=emulator.api_key + "\n")
    assert (done.returncode, "VIDUP_API_KEY" in done.stderr, "Traceback" in done.stderr) == (3, True, False)


def test_a_fault_of_ours_is_kept_in_the_temporary_folder(tmp_path: Path, vidup: Cli) -> None:
    """Not a second traceback from looking for a place for the first."""
    (tmp_path / "tmp").mkdir()
    fault = "import vidup.state.journal\ndef fault(*_):\n    raise RuntimeError\nvidup.state.journal.StateFolder.records = fault\n"
    env = without_home(tmp_path, fault, TMPDIR=str(tmp_path / "tmp"))
    done = vidup("list", "--state-dir", vidup.state, env=env)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    (crash,) = (tmp_path / "tmp").glob("crash-*.txt")
    assert str(crash) in done.stderr
