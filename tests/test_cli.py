"""The command line as scripts and people meet it: stdout, stderr and exit codes of the real process."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MIB, Cli, sha256
from vidup.emulator.server import Emulator


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1]


def test_stdout_holds_the_video_id_and_nothing_else(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """`id=$(vidup upload movie.mp4)` just works."""
    done = vidup("upload", video(6 * MIB), emulator=emulator)
    assert done.returncode == 0
    assert done.stdout == f"{next(iter(emulator.videos))}\n"


def test_quiet_says_nothing_on_stderr(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """-q: stderr is empty unless something failed; the id is printed all the same."""
    done = vidup("upload", "-q", video(6 * MIB), emulator=emulator)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() in emulator.videos


def test_json_is_one_object_with_the_fields_of_the_contract(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """Exactly these fields, and what is unknown is null."""
    path = video(12 * MIB)
    done = vidup("upload", "--json", path, emulator=emulator)
    report = json.loads(done.stdout)
    assert list(report) == [
        "v", "status", "file", "upload_id", "video_id", "size", "part_size", "total_parts", "parts_sent", "parts_skipped", "retries",
        "bytes_sent", "seconds", "skipped", "assets", "resumable", "resume_command", "error", "exit_code",
    ]  # fmt: skip
    assert (report["v"], report["status"], report["exit_code"], report["error"], report["resumable"]) == (1, "uploaded", 0, None, False)
    assert (report["size"], report["bytes_sent"], report["file"]) == (12 * MIB, 12 * MIB, str(path))
    assert report["assets"]["player"].startswith("https://")


def test_json_comes_also_after_a_failure(emulator: Emulator, vidup: Cli) -> None:
    """So that `| jq` always has input; the exit code is inside, too."""
    done = vidup("upload", "--json", "missing.mp4", emulator=emulator)
    report = json.loads(done.stdout)
    assert done.returncode == report["exit_code"] == 3
    assert report["status"] == "failed"
    assert report["error"]["verdict"] == "abort"
    assert report["video_id"] is None


def test_after_a_failure_stdout_stays_empty(emulator: Emulator, vidup: Cli) -> None:
    """`id=$(…)` must not hold half a result."""
    assert vidup("upload", "missing.mp4", emulator=emulator).stdout == ""


@pytest.mark.parametrize("kind", ["missing", "folder", "empty", "unreadable", "pipe", "too large"])
def test_a_file_that_cannot_be_uploaded_is_refused_before_any_request(kind: str, emulator: Emulator, tmp_path: Path, vidup: Cli) -> None:
    """Exit 3, no traceback, no request."""
    path = tmp_path / "victim.mp4"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind != "missing":
        path.touch()
    if kind == "unreadable":
        if os.geteuid() == 0:
            pytest.skip("root reads everything")
        path.write_bytes(b"x")
        path.chmod(0)
    if kind == "too large":
        os.truncate(path, 52_428_800_001)
    done = vidup("upload", path, emulator=emulator)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert last_line(done.stderr).startswith(tuple("0123456789→"))
    assert not emulator.requests


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--part-size", "4MiB"], "not between 5 MiB and 200 MiB"), (["--part-size", "201MiB"], "not between"), (["--part-size", "x"], "not a size"),
        (["-j", "0"], "not a whole number from 1 to 16"), (["-j", "17"], "not a whole number from 1 to 16"), (["--retry-for", "soon"], "not a duration"),
        (["-m", "novalue"], "not KEY=VALUE"), (["--video-id", "a/b"], "letters and digits"), (["--video-id", "vi1", "-t", "x"], "--title"),
        (["--base-url", "http://example.com"], "Plain http"), (["--base-url", "ftp://x"], "--base-url"),
        (["--base-url", "https://user:secret@host"], "user name or password"), (["--sandbox", "--base-url", "https://x"], "exclude"),
        (["--nonsense"], "No such option"),
    ],
)  # fmt: skip
def test_wrong_usage_is_exit_2_before_any_request(words: list[str], said: str, video: Callable[..., Path], vidup: Cli) -> None:
    """A clear refusal in one sentence, without a secret in it."""
    done = vidup("upload", video(10), *words, env={"VIDUP_API_KEY": "k"})
    assert done.returncode == 2
    assert said in done.stderr
    assert "secret" not in done.stderr


def test_without_a_key_it_says_where_to_put_one(video: Callable[..., Path], vidup: Cli) -> None:
    """Exit 4, and the demo is named."""
    done = vidup("upload", video(10))
    assert done.returncode == 4
    assert "VIDUP_API_KEY" in done.stderr and "--api-key-file" in done.stderr


@pytest.mark.parametrize("text", ["", "two words", "schlüssel", "with\x00zero"])
def test_what_cannot_be_a_key_is_refused(text: str, video: Callable[..., Path], vidup: Cli, tmp_path: Path) -> None:
    """Before it is sent anywhere."""
    (tmp_path / "key").write_text(text)
    done = vidup("upload", video(10), "--api-key-file", tmp_path / "key")
    assert done.returncode == 4
    assert "Traceback" not in done.stderr


def test_a_key_may_come_from_a_file_or_a_pipe(emulator: Emulator, video: Callable[..., Path], vidup: Cli, tmp_path: Path) -> None:
    """With the line end that every file has."""
    (tmp_path / "key").write_text(emulator.api_key + "\n")
    where = ["--base-url", emulator.url]
    assert vidup("upload", video(10), *where, "--api-key-file", tmp_path / "key").returncode == 0
    assert vidup("upload", video(10), *where, "--api-key-file", "-", stdin=emulator.api_key + "\n").returncode == 0


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("on=login:error=authentication-invalid-api-key", 4), ("part=2:error=resource-not-found", 5),
        ("part=2:error=uploaded-file-invalid-file", 6), ("part=2,times=*:status=503", 75),
    ],
)  # fmt: skip
def test_the_exit_code_tells_a_script_what_to_do(
    fault: str, code: int, emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli
) -> None:
    """4 for the key, 5 for the unknown, 6 for good, 75 for again; the last line is the action."""
    emulator = emulate(faults=[fault])
    done = vidup("upload", video(12 * MIB), "--part-size", "5MiB", "--retry-for", "1s", emulator=emulator)
    assert done.returncode == code
    assert "→" in last_line(done.stderr)
    assert "Traceback" not in done.stderr


def test_no_connection_is_exit_75_and_the_command_to_repeat(video: Callable[..., Path], vidup: Cli) -> None:
    """Nothing listens there: the network may come back."""
    done = vidup("upload", video(10), "--base-url", "http://127.0.0.1:9", "--retry-for", "1s", env={"VIDUP_API_KEY": "key1"})
    assert done.returncode == 75
    assert "refused the connection" in done.stderr
    assert shlex.split(last_line(done.stderr).partition("with: ")[2])[:2] == ["vidup", "upload"]


def test_an_untrusted_certificate_is_exit_7(video: Callable[..., Path], vidup: Cli, tmp_path: Path) -> None:
    """A CA bundle that cannot be read is named with its variable."""
    done = vidup(
        "upload", video(10), "--base-url", "https://127.0.0.1:9", env={"VIDUP_API_KEY": "key1", "REQUESTS_CA_BUNDLE": "/nowhere.pem"}
    )
    assert done.returncode == 7
    assert "REQUESTS_CA_BUNDLE" in done.stderr


def test_plain_output_has_no_escapes_even_when_colour_is_forced_off(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """Off a terminal: whole lines, no carriage return, no cursor movement."""
    done = vidup("upload", video(12 * MIB), emulator=emulator)
    assert "\x1b" not in done.stderr and "\r" not in done.stderr
    assert "upload id" in done.stderr


def test_events_on_stderr_are_json_and_end_with_exit(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """--progress json: every line parses, each has v and type, the last is `exit` with the real code."""
    done = vidup("upload", video(12 * MIB), "--progress", "json", "--part-size", "5MiB", emulator=emulator)
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert all(event["v"] == 1 and "type" in event for event in events)
    assert [event["type"] for event in events][-2:] == ["result", "exit"]
    assert (events[-1]["code"], events[-1]["resumable"]) == (0, False)
    assert {"start", "part"} <= {event["type"] for event in events}


def test_the_key_appears_nowhere(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """Not in output, not in the state folder, also when the server echoes it."""
    emulator.add_fault("part=2,times=*:error=uploaded-file-invalid-file")
    done = vidup("upload", "--json", video(12 * MIB), "--part-size", "5MiB", emulator=emulator)
    state = b"".join(path.read_bytes() for path in vidup.state.iterdir())
    assert emulator.api_key not in done.stdout + done.stderr
    assert emulator.api_key.encode() not in state


def test_the_state_folder_is_private(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """Folders 0700, files 0600."""
    emulator.add_fault("part=2:error=uploaded-file-invalid-file")
    vidup("upload", video(12 * MIB), "--part-size", "5MiB", emulator=emulator)
    assert vidup.state.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in vidup.state.iterdir()} == {0o600}


@pytest.mark.skipif(os.geteuid() == 0 and not os.path.exists("/proc/version"), reason="needs /proc")
def test_a_state_folder_that_cannot_be_written_is_refused_before_any_request(
    emulator: Emulator, video: Callable[..., Path], vidup: Cli
) -> None:
    """Exit 3: without it nothing could be resumed."""
    done = vidup("upload", video(10), "--state-dir", "/proc/vidup-state", emulator=emulator)
    assert done.returncode == 3
    assert "--state-dir" in last_line(done.stderr)
    assert not emulator.requests


def test_a_closed_stdout_does_not_stop_an_upload(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """The record stays until the result is out, so the same command tells the id again and sends nothing."""
    path = video(12 * MIB)
    command = shlex.join(vidup.command("upload", str(path)))
    os.spawnve(os.P_WAIT, "/bin/sh", ["sh", "-c", f"{command} >&- 2>/dev/null"], vidup.env(emulator))
    assert emulator.sha256(next(iter(emulator.videos))) == sha256(path)
    again = vidup("upload", path, emulator=emulator)
    assert again.stdout.strip() in emulator.videos
    assert len(emulator.videos) == 1
    assert emulator.payload_bytes() == 12 * MIB


def test_python_dash_m_is_the_same_command(vidup: Cli) -> None:
    """`python -m vidup` calls itself vidup."""
    assert vidup("--version").stdout == "vidup 0.1.0\n"
    assert "Usage: vidup upload" in vidup("upload", "-h").stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_files_are_what_the_program_prints(shell: str, vidup: Cli) -> None:
    """completions/ holds the same bytes."""
    name = "_vidup" if shell == "zsh" else f"vidup.{shell}"
    assert vidup("completion", shell).stdout == (Path(__file__).parent.parent / "completions" / name).read_text()


def test_explain_finds_the_misprinted_message(vidup: Cli) -> None:
    """A pasted message finds its row, also with a letter missing."""
    done = vidup("explain", "--json", "he uploaded file is too small")
    row = json.loads(done.stdout)
    assert list(row) == ["slug", "http_status", "title", "verdict", "does", "advice"]
    assert (row["slug"], row["verdict"]) == ("video-content-range-by-part-uploaded-file-too-small", "abort")


@pytest.mark.parametrize("words", [[], ["429"], ["HTTP 400"]])
def test_explain_leaves_no_blanks_where_nothing_is(words: list[str], vidup: Cli) -> None:
    """Neither at the end of a line, nor a first line without words."""
    lines = vidup("explain", *words).stdout.splitlines()
    assert lines[0] and all(line == line.rstrip() for line in lines)


def test_explain_without_a_match_is_exit_5(vidup: Cli) -> None:
    """And says so."""
    done = vidup("explain", "the moon is made of cheese")
    assert (done.returncode, done.stdout) == (5, "")
    assert "No documented error" in done.stderr


def test_the_demo_tells_the_story_and_ends_well(vidup: Cli) -> None:
    """No account, no network: killed, continued, compared."""
    done = vidup("demo")
    assert done.returncode == 0, done.stderr
    assert "Killed the upload" in done.stderr
    assert "not a playable video" in done.stderr
    assert "are the same" in done.stderr
