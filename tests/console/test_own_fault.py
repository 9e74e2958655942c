"""What is wrong with the user's own disk, pipe or path is told as that, never as a fault of vidup."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import LONG, Cli

WORDS = [("explain",), ("explain", "--json"), ("--version",), ("-h",), ("list", "--json"), ("completion", "bash"), ("plan", __file__)]


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_a_full_disk_behind_stdout_is_exit_3(words: tuple[str, ...], vidup: Cli) -> None:
    """Output is missing, so it is no success; nothing is to be reported."""
    with Path("/dev/full").open("w") as full:
        done = vidup.start(*words, stdout=full)
        _out, told = done.communicate(timeout=LONG)
    assert done.returncode == 3
    assert "No space left on device" in told and "report" not in told and "Exception" not in told


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_a_reader_that_has_had_enough_is_no_failure(words: tuple[str, ...], vidup: Cli) -> None:
    """`vidup explain | head -1` under pipefail; not a word on stderr."""
    with vidup.start(*words) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert (process.stderr.read(), process.wait(LONG)) == ("", 0)


@pytest.mark.parametrize("words", [("demo", "--keep"), ("emulator", "--store")], ids=" ".join)
@pytest.mark.parametrize("folder", ["/proc/x", f"{__file__}/x"])
def test_a_folder_that_cannot_be_made_is_exit_3_and_named(words: tuple[str, ...], folder: str, vidup: Cli) -> None:
    """With the option that names another one."""
    done: subprocess.CompletedProcess[str] = vidup(*words, folder)
    assert done.returncode == 3
    assert folder in done.stderr and words[1] in done.stderr.splitlines()[-1] and "report" not in done.stderr


def test_a_port_in_use_is_told_with_another_way(vidup: Cli) -> None:
    """Not with the help of all commands."""
    done = vidup("emulator", "--host", "8.8.8.8", "--allow-remote", "--port", "9")
    assert done.returncode == 2 and done.stderr.startswith("✗ The emulator") and "--port" in done.stderr.splitlines()[-1]
