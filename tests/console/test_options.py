"""What options mean: numbers that can be meant, and commands to paste that mean the same."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import LONG, MIB, Cli
from vidup.cli import vidup as group
from vidup.commands.resume import resume
from vidup.commands.upload import upload
from vidup.console.options import resolve_base_url
from vidup.console.retyping import program, resume_command
from vidup.emulator.server import Emulator

BIN = Path(sys.executable).parent


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for who installed vidup and typed its name."""
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(sys, "argv", [str(BIN / "vidup")])


def parsed(command: click.Command, *words: str) -> click.Context:
    """`vidup COMMAND WORDS`, as far as the values of its options."""
    with click.Context(group, info_name="vidup") as root:
        return command.make_context(command.name, list(words), parent=root)


@given(st.decimals(0, 3650, allow_nan=False, places=12), st.sampled_from("smhd"), st.floats(1, 3600), st.integers(1, 16))
def test_the_command_that_continues_can_be_typed(number: object, unit: str, timeout: float, jobs: int) -> None:
    """Whatever option was taken is written so that it is taken again, as the very same value."""
    given = parsed(upload, "movie.mp4", "--retry-for", f"{number:f}{unit}", "--timeout", repr(timeout), "-j", str(jobs))
    program, name, *words = shlex.split(resume_command(given, "k3f9abcd"))
    again = parsed(resume, *words)
    assert (program, name, again.params["uploads"]) == ("vidup", "resume", ("k3f9abcd",))
    assert [again.params[name] for name in ("retry_for", "timeout", "jobs")] == [
        given.params[name] for name in ("retry_for", "timeout", "jobs")
    ]


def test_a_duration_is_never_spelled_with_an_exponent() -> None:
    """Which no option takes."""
    given = parsed(upload, "movie.mp4", "--retry-for", "0.0000001")
    assert resume_command(given, "k3f9abcd") == "vidup resume k3f9abcd --retry-for 0.0000001"


@pytest.mark.parametrize(
    "words",
    [("--part-size", "9" * 400), ("--retry-for", "9" * 400), ("--retry-for", "inf"), ("--retry-for", "nan"), ("--timeout", "nan"), ("--timeout", "inf"), ("--timeout", "1e400")],
)  # fmt: skip
def test_a_number_without_end_is_wrong_usage(words: tuple[str, str]) -> None:
    """2, on the command line and in the environment alike, not a fault of vidup or a wait for ever."""
    with pytest.raises(click.BadParameter):
        parsed(upload, "movie.mp4", *words)


@pytest.mark.parametrize("line", ["timeout = nan", "timeout = inf", "retry-for = inf", "retry-for = nan", f"part-size = {'9' * 400}"])
def test_neither_does_the_config_file_take_one(line: str, tmp_path: Path, video: Callable[..., Path], vidup: Cli) -> None:
    """TOML itself knows nan and inf."""
    (tmp_path / "vidup.toml").write_text(line)
    done = vidup(
        "upload",
        video(10),
        env={"VIDUP_API_KEY": "k", "VIDUP_BASE_URL": "http://127.0.0.1:9", "VIDUP_CONFIG": str(tmp_path / "vidup.toml")},
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert f"key {line.partition(' ')[0]}" in done.stderr


@pytest.mark.parametrize(
    "url",
    [
        "http://someone:kreta/f1sh@127.0.0.1:9", "http://someone:80/f1sh@127.0.0.1:9", "http://someone:kreta#f1sh@127.0.0.1", "someone:kreta@127.0.0.1",
        "http://someone:kreta?f1sh@127.0.0.1:9", "http://[someone:kreta@127.0.0.1", "http://someone:kreta@127.0.0.1:f1sh", "https://kreta\uff0ff1sh@h",
        "http://someone:kreta@127.0.0.1:9",
    ],
)  # fmt: skip
def test_a_base_url_that_cannot_be_used_shows_no_piece_of_its_password(url: str) -> None:
    """Whatever a parser takes it for."""
    with pytest.raises(click.UsageError) as refused:
        resolve_base_url(False, url, True)
    said = refused.value.format_message()
    assert "--base-url" in said
    assert not {piece for piece in ("someone", "kreta", "f1sh", "80/") if piece in said}


@pytest.mark.parametrize(
    ("called", "path", "words"),
    [
        ("{bin}/vidup", "{bin}", ["vidup"]),
        ("{link}/vidup", "{link}:{bin}", ["vidup"]),
        ("{bin}/vidup", "", ["{bin}/vidup"]),
        ("{bin}/vidup", "{other}:{bin}", ["{bin}/vidup"]),
        (".venv/bin/vidup", "{other}", [".venv/bin/vidup"]),
        ("{bin}/../x/vidup/__main__.py", "{bin}", ["vidup"]),
        ("{bin}/../x/vidup/__main__.py", "", ["{python}", "-m", "vidup"]),
    ],
)
def test_the_program_is_named_as_it_is_found(
    called: str, path: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its bare name only where that is this very program, through links as well; by its path where it is another, or none."""
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "vidup").symlink_to(BIN / "vidup")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "vidup").touch(0o755)
    places = {"bin": BIN, "link": tmp_path / "link", "other": tmp_path / "other", "python": sys.executable}
    monkeypatch.setattr(sys, "argv", [called.format(**places)])
    monkeypatch.setenv("PATH", path.format(**places))
    assert program() == [word.format(**places) for word in words]


def test_the_printed_command_can_be_pasted(emulator: Emulator, video: Callable[..., Path], vidup: Cli, tmp_path: Path) -> None:
    """Where `vidup` is not on the PATH, as for who followed the README, and the path to it has a blank; `list` says the same."""
    emulator.add_fault("part=1:error=uploaded-file-invalid-file")
    (tmp_path / "my venv").symlink_to(BIN.parent)
    env = {**vidup.env(emulator), "PATH": "/usr/bin:/bin"}
    words = ["../my venv/bin/vidup", "upload", str(video(6 * MIB))]
    failed = subprocess.run(words, env=env, cwd=vidup.cwd, capture_output=True, text=True, check=False, timeout=LONG)
    listed = subprocess.run([words[0], "list"], env=env, cwd=vidup.cwd, capture_output=True, text=True, check=True, timeout=LONG)
    assert "Continue one with: '../my venv/bin/vidup' resume " in listed.stderr, failed.stderr
    command = listed.stderr.rpartition("with: ")[2]
    assert subprocess.run(["sh", "-c", command], env=env, cwd=vidup.cwd, capture_output=True, check=False, timeout=LONG).returncode == 0
