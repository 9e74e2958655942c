"""`vidup token`: create, list, delete; and the recipe: a token through a pipe, for a machine that never sees the key."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import LONG, MIB, Cli, parts_sent, sha256
from vidup.api.uploadtokens import UploadToken, prefixes, read_token, token_line
from vidup.emulator.server import Emulator


def created(vidup: Cli, emulator: Emulator, *words: str) -> str:
    done = vidup("token", "create", *words, emulator=emulator)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_create_prints_the_bare_token_and_nothing_else(emulator: Emulator, vidup: Cli) -> None:
    """So that a pipe carries it; by default it lives an hour."""
    token = created(vidup, emulator)
    (known,) = emulator.upload_tokens()
    assert (token, known.ttl) == (known.token, 3600)


def test_json_tells_all_of_a_new_token(emulator: Emulator, vidup: Cli) -> None:
    """One object."""
    told = json.loads(vidup("token", "create", "--ttl", "2h", "--json", emulator=emulator).stdout)
    assert list(told) == ["v", "token", "ttl", "created_at", "expires_at"]
    assert (told["v"], told["ttl"], told["token"]) == (1, 7200, emulator.upload_tokens()[0].token)


def test_a_token_for_ever_is_warned_of(emulator: Emulator, vidup: Cli) -> None:
    """On stderr, for stdout has the token alone."""
    done = vidup("token", "create", "--ttl", "0", emulator=emulator)
    assert done.returncode == 0 and done.stdout.strip() == emulator.upload_tokens()[0].token
    assert "never expires" in done.stderr and done.stdout.strip() not in done.stderr
    assert emulator.upload_tokens()[0].ttl == 0


@pytest.mark.parametrize("ttl", ["soon", "-1", "30000d"])
def test_what_is_no_lifetime_is_exit_2(ttl: str, emulator: Emulator, vidup: Cli) -> None:
    assert vidup("token", "create", "--ttl", ttl, emulator=emulator).returncode == 2
    assert emulator.upload_tokens() == []


def test_list_shows_six_characters_and_when_it_expires(emulator: Emulator, vidup: Cli) -> None:
    """Too few to upload with; the newest first, as the server tells them."""
    assert "no upload tokens" in vidup("token", "list", emulator=emulator).stderr
    short, long = created(vidup, emulator, "--ttl", "2h"), created(vidup, emulator, "--ttl", "7d")
    shown = vidup("token", "list", emulator=emulator).stdout
    assert [line.split("…")[0] for line in shown.splitlines()] == [long[:6], short[:6]]
    assert "expires in 1:59:" in shown and short not in shown and long not in shown
    told = json.loads(vidup("token", "list", "--json", emulator=emulator).stdout)
    assert [(one["prefix"], one["ttl"]) for one in told] == [(long[:6], 7 * 86400), (short[:6], 7200)]


def test_all_pages_are_listed(emulator: Emulator, vidup: Cli) -> None:
    """A hundred fit on one."""
    for _ in range(103):
        emulator.new_upload_token(60)
    assert len(json.loads(vidup("token", "list", "--json", emulator=emulator).stdout)) == 103


def test_delete_takes_a_token_or_a_unique_beginning(emulator: Emulator, vidup: Cli) -> None:
    """Only that one goes, and it is not shown."""
    tokens = [created(vidup, emulator) for _ in range(3)]
    done = vidup("token", "delete", tokens[0], emulator=emulator)
    assert done.returncode == 0 and tokens[0] not in done.stdout + done.stderr
    assert json.loads(vidup("token", "delete", "--json", tokens[1][:8], emulator=emulator).stdout) == {"v": 1, "deleted": tokens[1][:6]}
    assert [known.token for known in emulator.upload_tokens()] == [tokens[2]]


def test_delete_of_what_means_none_or_several_deletes_nothing(emulator: Emulator, vidup: Cli) -> None:
    """Exit 5 and exit 2, each with the command that shows more."""
    created(vidup, emulator), created(vidup, emulator)
    none, several = vidup("token", "delete", "nobody-has-this", emulator=emulator), vidup("token", "delete", "to", emulator=emulator)
    assert (none.returncode, several.returncode) == (5, 2)
    for done in (none, several):
        assert done.stderr.splitlines()[-1].endswith("vidup token list")
    assert "nobody-has-this" not in none.stderr
    assert len(emulator.upload_tokens()) == 2


def test_a_wrong_key_is_exit_4(emulator: Emulator, vidup: Cli) -> None:
    """As everywhere."""
    assert vidup("token", "create", env={"VIDUP_BASE_URL": emulator.url, "VIDUP_API_KEY": "wrong"}).returncode == 4
    assert emulator.upload_tokens() == []


@pytest.mark.parametrize(
    ("words", "last"),
    [((), "→ vidup token -h"), (("crate",), "→ vidup token create -h"), (("show",), "→ vidup token -h"), (("list", "--jsn"), "→ vidup token list -h")],
)  # fmt: skip
def test_a_slip_is_told_with_the_help_of_the_command_that_was_meant(words: tuple[str, ...], last: str, vidup: Cli) -> None:
    """Exit 2, in two or three lines."""
    done = vidup("token", *words)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, last)
    assert len(done.stderr.splitlines()) <= 3


def test_a_failure_with_json_is_an_object(vidup: Cli) -> None:
    """As of every command."""
    told = json.loads(vidup("token", "create", "--ttl", "soon", "--json").stdout)
    assert (told["v"], told["exit_code"]) == (1, 2)


def test_a_token_on_the_command_line_is_not_taken(video: Callable[..., Path], vidup: Cli) -> None:
    """`ps` and the shell's history would show it."""
    done = vidup("upload", "--upload-token", "to123", video(1))
    assert done.returncode == 2 and "--upload-token-file or VIDUP_UPLOAD_TOKEN" in done.stderr


def test_tokens_that_begin_alike_are_called_by_more_characters() -> None:
    """As many as it takes to mean one, and never the whole."""
    tokens = [UploadToken(value, 60, None, None) for value in ("toabcdef1", "toabcdeg2", "to123456")]
    assert prefixes(tokens) == {"toabcdef1": "toabcdef", "toabcdeg2": "toabcdeg", "to123456": "to1234"}
    assert prefixes([UploadToken("short", 1, None, None)]) == {"short": "shor"}


def test_whatever_a_server_tells_of_a_token_can_be_shown() -> None:
    """Also what is missing, or no date."""
    assert read_token({"token": "two words"}) is None and read_token({}) is None
    token = read_token({"token": "toabcdef", "ttl": "x", "expiresAt": "tomorrow"})
    assert token is not None and token_line(token, "toabcd", 0.0) == "toabcd…  tomorrow"
    assert "toabcdef" not in repr(token)
    assert token_line(token._replace(expires_at=None), "toabcd", 0.0) == "toabcd…  never expires"
    assert "has expired" in token_line(token._replace(expires_at="1970-01-01T00:00:00"), "toabcd", 1.0)


def test_the_recipe_works_as_written(emulator: Emulator, video: Callable[..., Path], vidup: Cli, tmp_path: Path) -> None:
    """`vidup token create --ttl 2h | ssh host vidup upload --upload-token-file - take.mov`, here without the ssh: the key is on one side of
    the pipe alone."""
    path = video(22 * MIB, "take.mov")
    here, far = (
        shlex.join(vidup.command("token", "create", "--ttl", "2h")),
        shlex.join(vidup.command("upload", "--upload-token-file", "-", "--part-size", "5MiB", path)),
    )
    key = f"VIDUP_API_KEY={shlex.quote(emulator.api_key)}"
    env = vidup.env() | {"VIDUP_BASE_URL": emulator.url}
    done = subprocess.run(
        ["sh", "-c", f"{key} {here} | {far}"], env=env, cwd=tmp_path, text=True, capture_output=True, timeout=LONG, check=False
    )
    assert done.returncode == 0, done.stderr
    (stored,) = (tmp_path / "store").glob("*.mp4")
    assert (done.stdout.strip(), sha256(stored)) == (stored.stem, sha256(path))
    assert parts_sent(emulator)[0] == 1 and sorted(parts_sent(emulator)) == [1, 2, 3, 4]
