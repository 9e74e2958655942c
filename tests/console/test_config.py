"""Settings: flag beats environment beats config file beats default, for every option that may stand there; and what a wrong file says."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from click.core import ParameterSource

from tests.conftest import MIB, Cli
from vidup.cli import vidup as group
from vidup.commands.upload import upload
from vidup.console.options import resolve_base_url
from vidup.console.settings import FileDefaults, configurable, noise_of, sources
from vidup.emulator.server import Emulator


@dataclass(frozen=True)
class Sample:
    """An option: how it is written on the command line, in the environment and in the file, and what each of the three means."""

    words: list[str]
    variable: str
    in_file: str
    means: tuple[Any, Any, Any]


SAMPLES = {
    "sandbox": Sample(["--sandbox"], "true", "true", (True, True, True)),
    "base-url": Sample(["--base-url", "https://a"], "https://b", '"https://c"', ("https://a", "https://b", "https://c")),
    "allow-http": Sample(["--allow-http"], "1", "true", (True, True, True)),
    "part-size": Sample(["--part-size", "6MiB"], "7MiB", '"8MiB"', (6 * MIB, 7 * MIB, 8 * MIB)),
    "limit-rate": Sample(["--limit-rate", "6M"], "7M", '"8M"', (6 * MIB, 7 * MIB, 8 * MIB)),
    "chunk-size": Sample(["--chunk-size", "6MiB"], "7MiB", "8388608", (6 * MIB, 7 * MIB, 8 * MIB)),
    "jobs": Sample(["-j", "5"], "6", "7", (5, 6, 7)),
    "retry-for": Sample(["--retry-for", "1m"], "2m", '"3m"', (60.0, 120.0, 180.0)),
    "timeout": Sample(["--timeout", "5"], "6", "7.5", (5.0, 6.0, 7.5)),
    "state-dir": Sample(["--state-dir", "/a"], "/b", '"/c"', (Path("/a"), Path("/b"), Path("/c"))),
    "portable": Sample(["--portable"], "yes", "true", (True, True, True)),
    "if-exists": Sample(["--if-exists", "new"], "skip", '"skip"', ("new", "skip", "skip")),
    "wait": Sample(["--wait"], "yes", "true", (True, True, True)),
    "wait-timeout": Sample(["--wait-timeout", "1m"], "0", '"2h"', (60.0, 0.0, 7200.0)),
    "quiet": Sample(["-q"], "1", "true", (True, True, True)),
    "verbose": Sample(["-v"], "2", "3", (1, 2, 3)),
    "progress": Sample(["--progress", "json"], "plain", '"none"', ("json", "plain", "none")),
    "color": Sample(["--color", "never"], "always", '"auto"', ("never", "always", "auto")),
}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Write the config file and name it in VIDUP_CONFIG: write('jobs = 7')."""

    def write_file(text: str) -> Path:
        path = tmp_path / "vidup.toml"
        path.write_text(text)
        monkeypatch.setenv("VIDUP_CONFIG", str(path))
        return path

    return write_file


def parsed(*words: str) -> click.Context:
    """`vidup upload movie.mp4 WORDS`, as far as the values of its options."""
    root = click.Context(group, info_name="vidup")
    root.default_map = {"upload": FileDefaults(root)}
    with root:
        return upload.make_context("upload", ["movie.mp4", *words], parent=root)


def test_every_option_with_a_variable_has_a_sample_here() -> None:
    """An option that is added to the environment and the file is added to the test of their order, too."""
    assert set(configurable(click.Context(group))) == set(SAMPLES)


def test_what_the_contract_keeps_out_of_the_file_is_out() -> None:
    """--json, --video-id, --restart, --adopt, --dry-run, the video's own options and the key belong to one command each time."""
    known = set(configurable(click.Context(group)))
    assert not known & {"json", "video-id", "restart", "adopt", "dry-run", "title", "tag", "public", "api-key-file", "keep", "fault"}


@pytest.mark.parametrize("name", SAMPLES)
def test_flag_beats_environment_beats_file_beats_default(name: str, write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken away one after the other, the next one holds, and its source is known."""
    sample, option = SAMPLES[name], configurable(click.Context(group))[name]
    write(f"{name} = {sample.in_file}")
    monkeypatch.setenv(str(option.envvar), sample.variable)
    seen = [parsed(*sample.words), parsed()]
    monkeypatch.delenv(str(option.envvar))
    seen.append(parsed())
    monkeypatch.delenv("VIDUP_CONFIG")
    seen.append(parsed())
    assert tuple(context.params[option.name] for context in seen[:3]) == sample.means
    assert [context.get_parameter_source(option.name) for context in seen] == [
        ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT, ParameterSource.DEFAULT_MAP, ParameterSource.DEFAULT,
    ]  # fmt: skip


def test_the_file_of_the_users_config_folder_is_read(nobodys_home: Path) -> None:
    """Without VIDUP_CONFIG it is config.toml, there."""
    folder = Path(os.environ["XDG_CONFIG_HOME"]) / "vidup"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text("jobs = 9\n")
    assert parsed().params["jobs"] == 9


def test_v_names_the_source_of_each_value_that_is_no_default(
    write: Callable[[str], Path], emulator: Emulator, video: Callable[..., Path], vidup: Cli
) -> None:
    """Command line, variable, file; and where the key is from, but never the key."""
    path = write('jobs = 2\nprogress = "plain"')
    done = vidup("upload", "-v", "--timeout", "50", video(10), emulator=emulator)
    assert f"jobs = 2 (config file {path})" in done.stderr
    assert f"base-url = {emulator.url} (environment variable VIDUP_BASE_URL)" in done.stderr
    assert "timeout = 50 (command line)" in done.stderr
    assert "the API key is from the environment variable VIDUP_API_KEY" in done.stderr
    assert "retry-for" not in done.stderr
    assert "POST" not in done.stderr
    assert emulator.api_key not in done.stderr


def test_vv_shows_each_request_and_no_secret(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """Method, path, part, status, seconds and kind; no key and no token."""
    done = vidup("upload", "-vv", video(12 * MIB), "--part-size", "5MiB", emulator=emulator)
    (video_id,) = emulator.videos
    lines = [line.partition(" ")[2] for line in done.stderr.splitlines() if ("POST" in line or "GET" in line)]
    assert [line.partition(":")[0] for line in lines if "source" not in line] == [
        "POST /auth/api-key", "POST /videos", f"GET /videos/{video_id}/status",
    ]  # fmt: skip
    assert sorted(line.partition(":")[0] for line in lines if "source" in line) == [
        f"POST /videos/{video_id}/source part {number}/2" for number in (1, 2)
    ]
    assert all(line.endswith(("s (upload)", "s (write)", "s (read)")) and ": 20" in line for line in lines)
    assert emulator.api_key not in done.stderr
    assert "Bearer" not in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("jobz = 3", "Did you mean jobs?"), ("part_size = 3", "Did you mean part-size?"), ("moon = 1", "It may hold: allow-http, base-url"),
        ('api-key = "secret"', "vidup login"), ("jobs = 99", "key jobs: 99 is not a whole number from 1 to 16"), ("jobs = 2.5", "key jobs"),
        ("jobs = [1]", "wrong value for jobs"), ("jobs = true", "wrong value for jobs"), ('sandbox = "no"', "wrong value for sandbox"),
        ('part-size = "5MiB"\nchunk-size = "6MiB"', "twice"), ("jobs = ", "not valid TOML"), ("[upload]\njobs = 3", "does not know: upload"),
        ('color = "red"', "key color"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_exit_2_and_named(
    text: str, said: str, write: Callable[[str], Path], video: Callable[..., Path], vidup: Cli
) -> None:
    """With the file, the key and what to do; before any request, and without repeating a secret."""
    path = write(text)
    done = vidup("upload", video(10), env={"VIDUP_API_KEY": "k", "VIDUP_BASE_URL": "http://127.0.0.1:9"})
    assert done.returncode == 2
    assert str(path) in done.stderr and said in done.stderr
    assert "secret" not in done.stderr and "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("→")


def test_a_file_that_is_named_and_missing_is_exit_2(vidup: Cli) -> None:
    """VIDUP_CONFIG is set for a reason; a config folder without a file is none."""
    done = vidup("list", env={"VIDUP_CONFIG": "/nowhere.toml"})
    assert done.returncode == 2
    assert "/nowhere.toml" in done.stderr and "VIDUP_CONFIG" in done.stderr
    assert vidup("list").returncode == 0


def test_a_wrong_variable_is_named(video: Callable[..., Path], vidup: Cli) -> None:
    """Not the option, which nobody typed."""
    done = vidup("upload", video(10), env={"VIDUP_API_KEY": "k", "VIDUP_PART_SIZE": "1MiB"})
    assert done.returncode == 2
    assert "environment variable VIDUP_PART_SIZE" in done.stderr


def test_help_comes_also_with_a_broken_file(write: Callable[[str], Path], vidup: Cli) -> None:
    """Whoever has to repair the file needs it."""
    write("jobs = = 3")
    assert vidup("upload", "-h").returncode == 0
    assert vidup("-h").returncode == 0
    assert vidup("upload", "x").returncode == 2


def test_of_sandbox_and_base_url_the_nearer_one_holds(write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where both are as near do they contradict each other."""

    def url(*words: str) -> str:
        with parsed(*words) as context:
            return resolve_base_url(context.params["sandbox"], context.params["base_url"], False)

    write("sandbox = true")
    assert url() == "https://sandbox.api.video"
    assert url("--base-url", "https://mine") == "https://mine"
    monkeypatch.setenv("VIDUP_BASE_URL", "https://mine")
    assert url() == "https://mine"
    assert url("--sandbox") == "https://sandbox.api.video"
    monkeypatch.setenv("VIDUP_SANDBOX", "1")
    with pytest.raises(click.UsageError, match="exclude"):
        url()


def test_of_q_and_v_the_nearer_one_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """-v on the command line beats VIDUP_QUIET, and -q beats VIDUP_VERBOSE; -q wins where both are as near."""
    monkeypatch.setenv("VIDUP_QUIET", "1")
    noise = noise_of(parsed("-v"))
    assert (noise.quiet, noise.verbose) == (False, 1)
    monkeypatch.delenv("VIDUP_QUIET")
    monkeypatch.setenv("VIDUP_VERBOSE", "2")
    noise = noise_of(parsed("-q"))
    assert (noise.quiet, noise.verbose, noise.sources) == (True, 0, ())
    assert noise_of(parsed("-qv")).quiet


def test_portable_in_the_file_does_not_forbid_a_video_id(
    write: Callable[[str], Path], emulator: Emulator, video: Callable[..., Path], vidup: Cli
) -> None:
    """A setting meant for new videos is no contradiction, only the same word on the command line is."""
    write("portable = true")
    first = vidup("upload", video(10), emulator=emulator).stdout.strip()
    assert vidup("upload", video(10), "--video-id", first, emulator=emulator).returncode == 0  # known by its portable record
    assert vidup("upload", video(10), "--video-id", first, "--portable", emulator=emulator).returncode == 2


def test_the_state_folder_of_the_file_is_the_one_that_tab_completes_from(
    write: Callable[[str], Path], tmp_path: Path, emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli
) -> None:
    """An upload id is completed from where the uploads are kept."""
    write(f'state-dir = "{tmp_path / "elsewhere"}"')
    emulator = emulate(faults=["part=2:error=uploaded-file-invalid-file"])
    vidup("upload", video(12 * MIB), "--part-size", "5MiB", emulator=emulator, env={"VIDUP_STATE_DIR": ""})
    (record,) = (tmp_path / "elsewhere").glob("*.jsonl")
    done = vidup("", env={"VIDUP_STATE_DIR": "", "_VIDUP_COMPLETE": "bash_complete", "COMP_WORDS": "vidup resume ", "COMP_CWORD": "2"})
    assert done.stdout == f"plain,{record.stem}\n"


def test_the_sources_show_values_as_one_would_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes as sizes, switches as true or false, pairs as pairs."""
    shown = sources(parsed("--part-size", "7MiB", "--private", "-m", "a=b", "-m", "c=d", "--retry-for", "90"))
    assert [line.partition(" (")[0] for line in shown] == ["metadata = a=b, c=d", "public = false", "part-size = 7MiB", "retry-for = 90"]
