"""`--limit-rate` as a user meets it: told once, kept for a resume, from the environment or the config file, and no obstacle to a stop."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import LONG, MIB, Cli, sha256
from vidup.api.transport import dialing
from vidup.api.transport.kernel import socket_options
from vidup.api.transport.transport import Transport
from vidup.emulator.server import Emulator


def test_the_limit_is_told_once_in_bytes_and_in_bits(emulator: Emulator, video: Callable[..., Path], vidup: Cli, tmp_path: Path) -> None:
    """And what arrives is the file, though it went out in small steps."""
    path = video(12 * MIB)
    done = vidup("upload", "--json", "--part-size", "5MiB", "--limit-rate", "64M", path, emulator=emulator)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("limit 64 MiB/s (537 Mbit/s)") == done.stderr.count("limit") == 1
    (stored,) = (tmp_path / "store").glob("*.mp4")
    assert sha256(stored) == sha256(path)


def test_many_files_share_the_limit_and_it_is_told_once(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """They go over one line, from one bucket."""
    files = [video(2 * MIB, f"{name}.mp4", seed) for seed, name in enumerate("abc")]
    done = vidup("upload", "--limit-rate", "32M", *files, emulator=emulator)
    assert done.returncode == 0 and len(done.stdout.split()) == 3
    assert done.stderr.count("limit 32 MiB/s (268 Mbit/s)") == done.stderr.count("limit") == 1


def test_the_environment_and_the_config_file_can_set_it(emulator: Emulator, video: Callable[..., Path], vidup: Cli, tmp_path: Path) -> None:
    """As every such option; 0 on the command line lifts it."""
    path, config = video(1 * MIB), tmp_path / "config.toml"
    config.write_text('limit-rate = "32M"\n')
    assert "limit 32 MiB/s" in vidup("upload", path, emulator=emulator, env={"VIDUP_CONFIG": str(config)}).stderr
    both = {"VIDUP_CONFIG": str(config), "VIDUP_LIMIT_RATE": "16MB/s"}
    assert "limit 15.3 MiB/s (128 Mbit/s)" in vidup("upload", path, emulator=emulator, env=both).stderr
    lifted = vidup("upload", "--limit-rate", "0", path, emulator=emulator, env=both)
    assert lifted.returncode == 0 and "limit" not in lifted.stderr


@pytest.mark.parametrize("given", ["5Mbit", "1K", "fast", "-1"])
def test_what_cannot_be_a_limit_is_exit_2(given: str, video: Callable[..., Path], vidup: Cli) -> None:
    """With what to write instead."""
    done = vidup("upload", "--limit-rate", given, video(1))
    assert done.returncode == 2
    assert "bytes a second" in done.stderr or "at least 16 KiB" in done.stderr


def test_a_stop_does_not_wait_for_the_limit_and_the_resume_keeps_it(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """A part that would take five minutes more is cut at once."""
    path = video(6 * MIB)
    process = vidup.start("upload", "--progress", "plain", "--limit-rate", "16K", path, emulator=emulator)
    with process:
        assert process.stderr is not None
        while "upload id" not in (line := process.stderr.readline()) and line:
            pass
        process.send_signal(signal.SIGINT)
        words = process.stderr.read()
    assert process.returncode == -signal.SIGINT
    assert "--limit-rate 16384" in words


def test_the_kernel_is_told_to_hold_little(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the connection is made; and without a limit it does as it likes."""
    asked: list[list[tuple[int, ...]]] = []
    dial = dialing.dial

    def noting(host: str, port: int, timeout: float, options: list[tuple[int, ...]]) -> object:
        asked.append(list(options))
        return dial(host, port, timeout, options)

    monkeypatch.setattr(dialing, "dial", noting)
    for buffer in (None, 65536, 1280 * 1024):
        transport = Transport(emulator.url, timeout=LONG, client="a:1", buffer=buffer)
        assert transport.request("GET", "/videos").status == 401
    assert asked == [socket_options(), socket_options(65536), socket_options(1280 * 1024)]
    assert len({str(options) for options in asked}) == 3
