"""Keys: `vidup login` and `logout`, the file that keeps a key, and which of several keys is used."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from tests.conftest import LONG, Cli
from vidup.api.credentials import ApiKey
from vidup.console.keys import drop_key, find_key, keep_key, kept_key, key_path
from vidup.emulator.server import Emulator
from vidup.errors import ExitCode, VidupError


def folder() -> Path:
    return Path(os.environ["XDG_CONFIG_HOME"]) / "vidup" / "keys"


def test_login_keeps_a_key_from_a_pipe_and_upload_uses_it(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """The file is for this user alone; nothing of the key is printed; -v says where it is from."""
    done = vidup("login", "--base-url", emulator.url, stdin=emulator.api_key + "\n")
    assert (done.returncode, done.stdout) == (0, "")
    assert emulator.api_key not in done.stderr
    (file,) = folder().iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert folder().stat().st_mode & 0o777 == 0o700
    sent = vidup("upload", "-v", video(10), "--base-url", emulator.url)
    assert sent.returncode == 0
    assert "from `vidup login`" in sent.stderr
    assert emulator.api_key not in sent.stderr


def test_on_a_terminal_the_key_is_asked_for_and_not_shown(emulator: Emulator, vidup: Cli) -> None:
    """What is typed does not come back."""
    process = pexpect.spawn(
        sys.executable, ["-m", "vidup", "login", "--base-url", emulator.url], env=vidup.env(), encoding="utf-8", timeout=LONG
    )
    process.expect("API key for .* \\(not shown\\): ")
    process.sendline(emulator.api_key)
    process.expect(pexpect.EOF)
    process.close()
    assert process.exitstatus == 0
    assert emulator.api_key not in (process.before or "")
    assert kept_key(emulator.url) == ApiKey(emulator.api_key, f"`vidup login`, which kept it for {emulator.url}")


def test_a_key_that_the_server_refuses_is_not_kept(emulator: Emulator, vidup: Cli) -> None:
    """Exit 4, and no file; a key kept before stays."""
    assert vidup("login", "--base-url", emulator.url, stdin=emulator.api_key).returncode == 0
    done = vidup("login", "--base-url", emulator.url, stdin="wrongkey")
    assert done.returncode == 4
    assert "wrongkey" not in done.stderr
    kept = kept_key(emulator.url)
    assert kept is not None and kept.value == emulator.api_key


def test_an_empty_pipe_is_no_key(emulator: Emulator, vidup: Cli) -> None:
    """Exit 4 before any request, as in a CI job whose secret is missing."""
    assert vidup("login", "--base-url", emulator.url, stdin="").returncode == 4
    assert not emulator.requests


def test_each_server_has_its_own_key(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli, tmp_path: Path) -> None:
    """A key goes to the server that it was kept for, and to no other."""
    one, other = emulate(store=tmp_path / "one"), emulate(store=tmp_path / "other")
    vidup("login", "--base-url", one.url, stdin=one.api_key)
    assert vidup("upload", video(10), "--base-url", other.url).returncode == 4
    assert not other.requests
    vidup("login", "--base-url", other.url, stdin=other.api_key)
    assert vidup("upload", video(10), "--base-url", one.url).returncode == 0
    assert vidup("upload", video(10), "--base-url", other.url).returncode == 0


def test_logout_removes_the_key(emulator: Emulator, vidup: Cli) -> None:
    """And says so when there was none."""
    vidup("login", "--base-url", emulator.url, stdin=emulator.api_key)
    done = vidup("logout", "--base-url", emulator.url)
    assert (done.returncode, list(folder().iterdir())) == (0, [])
    assert "Removed" in done.stderr
    again = vidup("logout", "--base-url", emulator.url)
    assert again.returncode == 0
    assert "No key was kept" in again.stderr


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_kept_key_that_others_can_read_is_refused(mode: int, emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """Exit 4 with the command that repairs it, before any request."""
    vidup("login", "--base-url", emulator.url, stdin=emulator.api_key)
    before = len(emulator.requests)
    key_path(emulator.url).chmod(mode)
    done = vidup("upload", video(10), "--base-url", emulator.url)
    assert done.returncode == 4
    assert "chmod 600" in done.stderr.strip().splitlines()[-1]
    assert len(emulator.requests) == before


def test_the_file_and_the_variables_come_before_the_kept_key(tmp_path: Path) -> None:
    """--api-key-file, VIDUP_API_KEY, APIVIDEO_API_KEY, login: the first one found."""
    url = "https://host"
    keep_key(url, ApiKey("kept", ""))
    (tmp_path / "file").write_text("filed\n")
    environ = {"VIDUP_API_KEY": "ours", "APIVIDEO_API_KEY": "theirs"}
    assert find_key(str(tmp_path / "file"), environ, url).value == "filed"
    assert find_key(None, environ, url).value == "ours"
    assert find_key(None, {"VIDUP_API_KEY": "", "APIVIDEO_API_KEY": "theirs"}, url).value == "theirs"
    assert find_key(None, {}, url).value == "kept"
    with pytest.raises(VidupError) as refused:
        find_key(None, {}, "https://another")
    assert refused.value.code is ExitCode.AUTH
    assert "vidup login" in refused.value.advice


def test_a_new_key_replaces_the_old_one_whole() -> None:
    """The folder holds one file for each server, and nothing half written."""
    keep_key("https://host", ApiKey("first", ""))
    keep_key("https://HOST/", ApiKey("second", ""))
    kept = kept_key("https://host")
    assert kept is not None and kept.value == "second"
    assert len(list(folder().iterdir())) == 1
    assert drop_key("https://host") and not drop_key("https://host")


def test_names_of_key_files_do_not_meet() -> None:
    """Another scheme, port or path is another server."""
    urls = ["https://h", "http://h", "https://h:1", "https://h/1", "https://h-1", "https://h.1"]
    assert len({key_path(url) for url in urls}) == len(urls)


def test_login_says_when_a_variable_will_be_used_instead(emulator: Emulator, vidup: Cli) -> None:
    """Otherwise one would wonder why the new key changes nothing."""
    done = vidup("login", "--base-url", emulator.url, stdin=emulator.api_key, env={"VIDUP_API_KEY": "another"})
    assert done.returncode == 0
    assert "VIDUP_API_KEY is set and comes first" in done.stderr


def test_a_config_folder_that_cannot_be_written_is_exit_3(emulator: Emulator, vidup: Cli) -> None:
    """With what to do instead."""
    done = vidup("login", "--base-url", emulator.url, stdin=emulator.api_key, env={"XDG_CONFIG_HOME": "/proc/nowhere"})
    assert done.returncode == 3
    assert "VIDUP_API_KEY" in done.stderr.strip().splitlines()[-1]
