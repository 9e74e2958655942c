"""Uploading with an upload token: where it comes from, what does not go with it, and that it is shown and kept nowhere."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import LONG, MIB, Cli, sha256
from vidup.emulator.server import Emulator

Video = Callable[..., Path]


@pytest.fixture
def token(emulator: Emulator) -> str:
    """A token that works."""
    return emulator.new_upload_token(3600).token


def by_token(emulator: Emulator, token: str, **more: str) -> dict[str, str]:
    """What a machine knows that has a token and no key."""
    return {"VIDUP_BASE_URL": emulator.url, "VIDUP_UPLOAD_TOKEN": token, **more}


def test_one_video_and_no_key_no_status_no_authorization(emulator: Emulator, token: str, video: Video, vidup: Cli, tmp_path: Path) -> None:
    """Nothing but parts to one address."""
    path = video(23 * MIB)
    done = vidup("upload", "--json", "--part-size", "5MiB", path, env=by_token(emulator, token))
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert {(request.method, request.path.split("?")[0]) for request in emulator.requests} == {("POST", "/upload")}
    assert not any(request.authorized for request in emulator.requests)
    (stored,) = (tmp_path / "store").glob("*.mp4")
    assert (report["video_id"], report["total_parts"], sha256(stored)) == (stored.stem, 4, sha256(path))
    assert report["assets"]["player"]


def test_a_token_comes_before_a_key_unless_the_key_is_in_hand(
    emulator: Emulator, token: str, video: Video, vidup: Cli, tmp_path: Path
) -> None:
    """A flag beats the environment; both flags contradict each other; an empty variable counts as unset."""
    path, key_file, token_file = video(MIB), tmp_path / "key", tmp_path / "token"
    key_file.write_text(emulator.api_key)
    token_file.write_text(f"{token}\n")

    def used(*words: str | Path, **env: str) -> str:
        before = len(emulator.requests)
        done = vidup("upload", *words, path, env={"VIDUP_BASE_URL": emulator.url, **env})
        return str(done.returncode) if done.returncode else emulator.requests[before].path.split("?")[0]

    assert used(VIDUP_UPLOAD_TOKEN=token, VIDUP_API_KEY=emulator.api_key) == "/upload"
    assert used("--api-key-file", key_file, VIDUP_UPLOAD_TOKEN=token) == "/auth/api-key"
    assert used("--upload-token-file", token_file, VIDUP_API_KEY=emulator.api_key) == "/upload"
    assert used("--upload-token-file", token_file, VIDUP_API_KEY_FILE=str(key_file)) == "/upload"
    assert used(VIDUP_UPLOAD_TOKEN_FILE=str(token_file)) == "/upload"
    assert used("--upload-token-file", token_file, "--api-key-file", key_file) == "2"
    assert used(VIDUP_UPLOAD_TOKEN="", VIDUP_API_KEY=emulator.api_key) == "/auth/api-key"


@pytest.mark.parametrize(
    "words", [["--video-id", "vi123"], ["--title", "x"], ["--private"], ["-m", "a=b"], ["--portable"], ["--adopt"], ["--wait"]]
)
def test_what_a_token_cannot_do_is_exit_2(words: list[str], emulator: Emulator, token: str, video: Video, vidup: Cli) -> None:
    """Before anything is sent, naming the option."""
    done = vidup("upload", *words, video(MIB), env=by_token(emulator, token))
    assert done.returncode == 2 and "needs an API key" in done.stderr
    assert not emulator.requests


def test_many_files_go_with_one_token_each_into_a_video_of_its_own(
    emulator: Emulator, token: str, video: Video, vidup: Cli, tmp_path: Path
) -> None:
    """All over one line, without a key; a program hears of each video once part 1 has made it."""
    files = [video(11 * MIB, f"{name}.mp4", seed) for seed, name in enumerate("abc")]
    done = vidup("upload", "--json", "--part-size", "5MiB", "--progress", "json", *files, env=by_token(emulator, token))
    assert done.returncode == 0, done.stderr
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert [sha256(tmp_path / "store" / f"{report['video_id']}.mp4") for report in reports] == [sha256(path) for path in files]
    assert {request.path for request in emulator.requests} == {"/upload"} and len(emulator.videos) == 3
    starts = [event for event in map(json.loads, done.stderr.splitlines()) if event["type"] == "start"]
    told = {(event["file"], event["video_id"]) for event in starts}
    assert told == {(report["file"], video_id) for report in reports for video_id in (None, report["video_id"])}


def test_a_list_that_describes_its_videos_needs_a_key(emulator: Emulator, token: str, video: Video, vidup: Cli, tmp_path: Path) -> None:
    """Each row as an option on the command line would."""
    rows = tmp_path / "list"
    rows.write_text(json.dumps({"file": str(video(MIB)), "title": "My film"}) + "\n")
    done = vidup("upload", "--from-file", rows, env=by_token(emulator, token))
    assert done.returncode == 2 and "needs an API key" in done.stderr and not emulator.requests


def test_what_the_environment_asks_for_and_a_token_cannot_do_is_said(emulator: Emulator, token: str, video: Video, vidup: Cli) -> None:
    """A config file may ask for it in every upload; this one goes on without."""
    done = vidup("upload", video(MIB), env=by_token(emulator, token, VIDUP_PORTABLE="1", VIDUP_WAIT="1"))
    assert done.returncode == 0, done.stderr
    assert "--portable is not applied" in done.stderr and "--wait is not applied" in done.stderr
    assert {request.path for request in emulator.requests} == {"/upload"}


@pytest.mark.parametrize("text", ["two words", "\n", "t\u00f6ken"])
def test_what_is_no_token_is_exit_4_and_not_shown(text: str, emulator: Emulator, video: Video, vidup: Cli, tmp_path: Path) -> None:
    """A file that is missing, too."""
    file = tmp_path / "token"
    file.write_text(text)
    done = vidup("upload", "--upload-token-file", file, video(MIB), env={"VIDUP_BASE_URL": emulator.url})
    assert done.returncode == 4 and "upload token" in done.stderr and "words" not in done.stderr
    assert vidup("upload", "--upload-token-file", "nowhere", video(MIB), env={"VIDUP_BASE_URL": emulator.url}).returncode == 4


def test_a_refused_token_says_where_it_came_from(emulator: Emulator, video: Video, vidup: Cli) -> None:
    """Exit 4, never the token itself."""
    done = vidup("upload", "--json", video(MIB), env=by_token(emulator, "toWRONGtoken"))
    report = json.loads(done.stdout)
    assert (done.returncode, report["error"]["slug"], report["resumable"]) == (4, "authentication-invalid-upload-token", False)
    assert "The upload token came from the environment variable VIDUP_UPLOAD_TOKEN." in done.stderr
    assert "toWRONGtoken" not in done.stdout + done.stderr


def test_an_expired_token_is_replaced_and_the_same_command_goes_on(
    emulate: Callable[..., Emulator], video: Video, vidup: Cli, tmp_path: Path
) -> None:
    """The record is of the file and the server, not of the token: what was confirmed is not sent again."""
    emulator = emulate(faults=["part=3:error=authentication-invalid-upload-token"])
    first, second = emulator.new_upload_token(3600).token, emulator.new_upload_token(3600).token
    path = video(22 * MIB)
    words: list[str | Path] = ["upload", "--json", "--part-size", "5MiB", "-j", "1", path]
    stopped = json.loads(vidup(*words, env=by_token(emulator, first)).stdout)
    assert (stopped["exit_code"], stopped["resumable"], stopped["parts_sent"]) == (4, True, 2)
    done = vidup(*words, env=by_token(emulator, second))
    report = json.loads(done.stdout)
    assert (report["exit_code"], report["video_id"], report["parts_skipped"], report["parts_sent"]) == (0, stopped["video_id"], 2, 2)
    assert "were confirmed before, says this machine's record" in done.stderr
    (stored,) = (tmp_path / "store").glob("*.mp4")
    assert sha256(stored) == sha256(path)


def test_resume_takes_a_token_too_and_so_does_whoever_has_the_key(
    emulate: Callable[..., Emulator], video: Video, vidup: Cli, tmp_path: Path
) -> None:
    """A video that a token began can be gone on with by the key of its project, which can ask for the status."""
    emulator = emulate(faults=["part=3,times=2:error=authentication-invalid-upload-token"])
    token, path = emulator.new_upload_token(3600).token, video(22 * MIB)
    first = json.loads(vidup("upload", "--json", "--part-size", "5MiB", "-j", "1", path, env=by_token(emulator, token)).stdout)
    again = vidup("resume", "--json", first["upload_id"], env=by_token(emulator, token))
    assert json.loads(again.stdout)["exit_code"] == 4 and "needs" not in again.stderr
    by_key = json.loads(vidup("resume", "--json", emulator=emulator).stdout)
    assert (by_key["exit_code"], by_key["video_id"]) == (0, first["video_id"])
    (stored,) = (tmp_path / "store").glob("*.mp4")
    assert sha256(stored) == sha256(path)


def test_a_killed_upload_by_token_goes_on_from_its_record(
    emulate: Callable[..., Emulator], video: Video, vidup: Cli, tmp_path: Path
) -> None:
    """SIGKILL in the middle; no status was ever asked."""
    emulator = emulate(faults=["part=3,times=1:stall=600"])
    token, path = emulator.new_upload_token(3600).token, video(22 * MIB)
    words: list[str | Path] = ["upload", "--part-size", "5MiB", "-j", "1", "--progress", "json", path]
    with vidup.start(*words, env=by_token(emulator, token)) as process:
        written = lambda: any(b'"kind": "part", "value": 2' in record.read_bytes() for record in vidup.state.glob("*.jsonl"))  # noqa: E731
        assert emulator.wait_until(written, LONG)
        process.kill()
    report = json.loads(vidup("upload", "--json", "--part-size", "5MiB", "-j", "1", path, env=by_token(emulator, token)).stdout)
    assert (report["exit_code"], report["parts_skipped"]) == (0, 2)
    (stored,) = (tmp_path / "store").glob("*.mp4")
    assert sha256(stored) == sha256(path)
    assert not [request for request in emulator.requests if request.path.endswith("/status")]


def everything_in(folder: Path) -> str:
    """The names and the bytes of all files below."""
    return "\n".join(f"{path}\n{path.read_bytes().decode('latin-1')}" for path in folder.rglob("*") if path.is_file())


SPECIAL = "to+/secret%&=token"
"""A token that looks different in an address."""

SHOWN_AS = (SPECIAL, "to%2B%2Fsecret%25%26%3Dtoken", "secret%25", "secret%&")


@pytest.mark.parametrize(
    "fault", ["status=500", "status=403", "reset=middle", "drop-answer", "redirect=http://127.0.0.1:9/?token=x", "error=authentication-invalid-upload-token", ""]
)  # fmt: skip
def test_a_token_is_shown_and_kept_nowhere(fault: str, emulate: Callable[..., Emulator], video: Video, vidup: Cli, tmp_path: Path) -> None:
    """Neither in output nor in traces, records or arguments, whatever goes wrong, in no spelling that an address may give it."""
    emulator = emulate(faults=[f"part=*,times=*:{fault}"] if fault else [])
    env = by_token(emulator, SPECIAL)
    words: list[str | Path] = ["upload", "-vv", "--json", "--retry-for", "1s", "--progress", "plain", video(6 * MIB)]
    with vidup.start(*words, env=env) as process:
        argv = Path(f"/proc/{process.pid}/cmdline")
        seen = argv.read_bytes().decode() if argv.exists() else ""
        stdout, stderr = process.communicate(timeout=LONG)
    assert process.returncode in (4, 6, 75), stderr
    for secret in SHOWN_AS:
        assert secret not in stdout + stderr + seen
        assert secret not in everything_in(vidup.state)


def test_an_address_that_cannot_be_reached_is_told_without_the_token(video: Video, vidup: Cli) -> None:
    """The error of a library may hold the whole URL, whose query the token is in."""
    env = {"VIDUP_BASE_URL": "http://127.0.0.1:9", "VIDUP_UPLOAD_TOKEN": SPECIAL}
    done = vidup("upload", "-vv", "--json", "--retry-for", "1s", video(MIB), env=env)
    assert done.returncode == 75
    assert not [secret for secret in SHOWN_AS if secret in done.stdout + done.stderr]


def test_a_fault_of_vidup_keeps_the_token_out_of_its_file(emulator: Emulator, token: str, video: Video, vidup: Cli, tmp_path: Path) -> None:
    """The traceback is written down, and whatever quotes the token in it is struck out."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import vidup.api.client as client\n"
        "def fail(self, video_id, content_range, body):\n"
        "    raise RuntimeError(f'POST /upload?token={self.key.value} {self.key!r}')\n"
        "client.Api.send_part_by_token = fail\n"
    )
    done = vidup("upload", video(MIB), env=by_token(emulator, token, PYTHONPATH=str(broken)))
    assert done.returncode == 1, done.stderr
    written = everything_in(vidup.state)
    assert "RuntimeError" in written and "***" in written
    assert token not in done.stdout + done.stderr + written


def test_ctrl_c_while_the_first_part_is_on_its_way_begins_anew_with_the_same_command(
    emulate: Callable[..., Emulator], video: Video, vidup: Cli
) -> None:
    """There is no record to resume yet, so the command itself is what continues."""
    emulator = emulate(faults=["part=1,times=1:stall=600"])
    token, path = emulator.new_upload_token(3600).token, video(12 * MIB)
    with vidup.start("upload", "--part-size", "5MiB", "--progress", "json", "--json", path, env=by_token(emulator, token)) as process:
        assert process.stderr is not None and process.stdout is not None
        for line in process.stderr:
            if json.loads(line)["type"] == "part":
                break
        process.send_signal(signal.SIGINT)
        report = json.loads(process.stdout.read())
    assert process.returncode == -signal.SIGINT
    assert (report["video_id"], report["resumable"]) == (None, True)
    assert " upload " in report["resume_command"] and str(path) in report["resume_command"]
    assert list(vidup.state.glob("*.jsonl")) == []


def test_the_log_of_a_plain_view_tells_the_video_once_it_has_a_name(emulator: Emulator, token: str, video: Video, vidup: Cli) -> None:
    """With the upload id, by which it can be resumed."""
    done = vidup("upload", video(12 * MIB), env=by_token(emulator, token))
    start, named = (line for line in done.stderr.splitlines() if " vidup: " in line)
    assert "uploading movie.mp4" in start and " as " not in start
    assert f"the video is {done.stdout.strip()}, upload id " in named
    assert "vidup status" not in done.stderr  # which needs a key


def test_a_stream_goes_with_a_token_and_needs_no_title(emulator: Emulator, token: str, video: Video, vidup: Cli, tmp_path: Path) -> None:
    """Its first part makes the video; the last one alone tells how many there were."""
    path = video(23 * MIB)
    with path.open("rb") as file:
        words = ["sh", "-c", f"cat | {' '.join(vidup.command('upload', '--part-size', '5MiB', '--json', '-'))}"]
        done = subprocess.run(
            words, stdin=file, env=vidup.env() | by_token(emulator, token), capture_output=True, text=True, timeout=LONG, check=False
        )
    assert done.returncode == 0, done.stderr
    assert {request.path for request in emulator.requests} == {"/upload"} and len(emulator.videos) == 1
    assert sha256(tmp_path / "store" / f"{json.loads(done.stdout)['video_id']}.mp4") == sha256(path)
    assert emulator.requests[0].content_range == "part 1/*"


def test_a_followed_file_goes_with_a_token(emulator: Emulator, token: str, video: Video, vidup: Cli, tmp_path: Path) -> None:
    """Whichever part goes first makes the video: its head goes last but one."""
    path = video(23 * MIB)
    words: list[str | Path] = ["upload", "--part-size", "5MiB", "--json", "--follow", "--idle", "1s", "--any-file", path]
    done = vidup(*words, env=by_token(emulator, token))
    assert done.returncode == 0, done.stderr
    assert {request.path for request in emulator.requests} == {"/upload"} and len(emulator.videos) == 1
    assert sha256(tmp_path / "store" / f"{json.loads(done.stdout)['video_id']}.mp4") == sha256(path)
