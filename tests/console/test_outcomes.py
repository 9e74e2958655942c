"""Every way an upload can end, through the real process: its exit code, its one object on stdout, its events on stderr."""

from __future__ import annotations

import json
import re
import signal
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator

from tests.conftest import LONG, MIB, Cli
from vidup.emulator.server import Emulator
from vidup.errors import ExitCode

SCHEMA = json.loads((Path(__file__).parents[1] / "schema.json").read_text())
RESULT = Draft202012Validator(SCHEMA)
EVENT = Draft202012Validator({**SCHEMA, "$ref": "#/$defs/event"})
SMALL = ("--part-size", "5MiB", "--retry-for", "1s", "--json", "--progress", "json")
Emulate = Callable[..., Emulator]
Video = Callable[..., Path]

CRASH = """
import vidup.console.stage, vidup.upload.sending, vidup.state.journal
def crash(*_):
    raise RuntimeError("{key} and Bearer abc.def")
vidup.{where} = crash
"""


@pytest.fixture
def crashing(tmp_path: Path) -> Callable[[str, str], dict[str, str]]:
    """The environment in which vidup fails at this place, with this key in the message: crashing("upload.sending.Sending.want", key)."""

    def environment(where: str, key: str) -> dict[str, str]:
        folder = tmp_path / "crash"
        folder.mkdir(exist_ok=True)
        (folder / "sitecustomize.py").write_text(CRASH.format(key=key, where=where))
        return {"PYTHONPATH": str(folder)}

    return environment


def checked(done: subprocess.CompletedProcess[str], code: int, signalled: int = 0) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The object and the events of a process, which must agree with the schema, with each other, and with the way it ended."""
    assert done.returncode == (-signalled or code), done.stderr
    (line,) = done.stdout.splitlines()
    report = json.loads(line)
    RESULT.validate(report)
    events = [json.loads(text) for text in done.stderr.splitlines()]
    for event in events:
        EVENT.validate(event)
    assert [event["type"] for event in events[-2:]] == ["result", "exit"]
    told = events[-2]
    assert report["exit_code"] == told["exit_code"] == events[-1]["code"] == code
    assert report["resumable"] == told["resumable"] == events[-1]["resumable"]
    assert {**report, "assets": None} == {name: told[name] for name in report}
    return report, events


def test_uploaded(emulator: Emulator, video: Video, vidup: Cli) -> None:
    """0: everything is known."""
    report, events = checked(vidup("upload", video(12 * MIB), *SMALL, emulator=emulator), 0)
    assert (report["status"], report["parts_sent"], report["error"]) == ("uploaded", report["total_parts"], None)
    assert {"start", "part", "progress"} <= {event["type"] for event in events}


def test_resumed(emulator: Emulator, video: Video, vidup: Cli) -> None:
    """0: what was there is counted as skipped, and said in an event."""
    path = video(20 * MIB)
    emulator.add_fault("part=4:error=uploaded-file-invalid-file")
    first, _ = checked(vidup("upload", path, *SMALL, "-j", "1", emulator=emulator), 6)
    assert (first["resumable"], first["parts_sent"]) == (True, 3)
    report, events = checked(vidup("upload", path, *SMALL, emulator=emulator), 0)
    assert (report["video_id"], report["parts_skipped"], report["parts_sent"]) == (first["video_id"], 3, 1)
    assert "resume" in {event["type"] for event in events}


@pytest.mark.parametrize(
    ("fault", "code", "verdict"),
    [
        ("on=login:error=authentication-invalid-api-key", 4, "abort"), ("part=2:error=authorization-suspended-account", 4, "abort"),
        ("part=2:error=resource-not-found", 5, "abort"), ("part=2:error=uploaded-file-too-large", 6, "abort"),
        ("on=create:redirect=https://elsewhere.example/", 6, "abort"), ("part=2,times=*:status=503", 75, "retry"),
        ("part=2,times=*:reset=before", 75, "retry"),
    ],
)  # fmt: skip
def test_refused_by_the_server(fault: str, code: int, verdict: str, emulate: Emulate, video: Video, vidup: Cli) -> None:
    """4, 5, 6 for good, and 75 for what may pass, with the verdict acted upon in the end."""
    report, _ = checked(vidup("upload", video(12 * MIB), *SMALL, emulator=emulate(faults=[fault])), code)
    assert (report["status"], report["error"]["verdict"]) == ("failed", verdict)
    assert report["error"]["http_status"] is not None or "reset" in fault


@pytest.mark.parametrize(("kind", "code"), [("missing", 3), ("folder", 3), ("no key", 4), ("trust", 7), ("no connection", 75)])
def test_refused_by_this_machine(kind: str, code: int, video: Video, vidup: Cli) -> None:
    """3, 4, 7 and 75: an object also where nothing was ever sent."""
    path: Path | str = {"missing": "missing.mp4", "folder": "."}.get(kind) or video(10)
    env = {} if kind == "no key" else {"VIDUP_API_KEY": "key1"} | ({"SSL_CERT_FILE": "/nowhere.pem"} if kind == "trust" else {})
    url = "https://127.0.0.1:9" if kind == "trust" else "http://127.0.0.1:9"
    report, _ = checked(vidup("upload", path, *SMALL, "--base-url", url, env=env), code)
    assert (report["video_id"], report["upload_id"] is None) == (None, kind != "no connection")
    assert report["error"]["advice"] or report["resume_command"]


@pytest.mark.parametrize(
    ("words", "file"),
    [
        (("upload", "--nonsense", "a.mp4"), "a.mp4"), (("upload",), None), (("upload", "a.mp4", "--part-size", "1"), "a.mp4"),
        (("upload", "a.mp4", "--video-id", "v", "--portable"), "a.mp4"), (("upload", "a.mp4", "--base-url", "ftp://x"), "a.mp4"),
        (("upload", "a.mp4", "b.mp4", "--video-id", "v"), "a.mp4"), (("upload", "--nonsense", "--", "-a.mp4"), "-a.mp4"), (("upload", "-", "-j", "0"), "-"),
        (("resume", "--all", "k3f9abcd"), None), (("resume", "movie.mp4", "--jobs", "x"), "movie.mp4"), (("resume", "--nonsense"), None),
        (("resume", "--nonsense", "movie.mp4"), "movie.mp4"),
    ],
)  # fmt: skip
def test_wrong_usage(words: tuple[str, ...], file: str | None, vidup: Cli) -> None:
    """2: an object as any, wherever the mistake is found, with the file if one was named."""
    (vidup.cwd / "movie.mp4").touch()
    command, *more = words
    report, _ = checked(vidup(command, "--json", "--progress", "json", *more, env={"VIDUP_API_KEY": "k"}), 2)
    assert (report["status"], report["file"], report["resumable"]) == ("failed", file, False)
    assert (report["error"]["slug"], report["error"]["verdict"]) == (None, "abort")


def test_an_option_that_waits_for_its_value(vidup: Cli) -> None:
    """The last word of the line; what stands before it is asked for all the same."""
    report, _ = checked(vidup("upload", "a.mp4", "--json", "--progress", "json", "--title"), 2)
    assert (report["file"], report["error"]["title"]) == ("a.mp4", "Option '--title' requires an argument.")


@pytest.mark.parametrize("text", ["jobz = 3", "jobs = ", "jobs = 99"])
def test_a_wrong_config_file(text: str, tmp_path: Path, vidup: Cli) -> None:
    """2, also where the file cannot be read at all."""
    (tmp_path / "vidup.toml").write_text(text)
    env = {"VIDUP_API_KEY": "k", "VIDUP_CONFIG": str(tmp_path / "vidup.toml")}
    report, _ = checked(vidup("upload", "a.mp4", "--json", "--progress", "json", env=env), 2)
    assert report["file"] == "a.mp4" and str(tmp_path / "vidup.toml") in report["error"]["title"]


def test_wrong_usage_with_events_by_another_way(tmp_path: Path, vidup: Cli) -> None:
    """Environment and config file ask for them, too; without --json stdout is empty, and with -q stderr is for people."""
    (tmp_path / "vidup.toml").write_text('progress = "json"')
    for env in ({"VIDUP_PROGRESS": "json"}, {"VIDUP_CONFIG": str(tmp_path / "vidup.toml")}):
        done = vidup("upload", "a.mp4", "-j", "0", env=env)
        assert (done.returncode, done.stdout) == (2, "")
        assert [json.loads(line)["type"] for line in done.stderr.splitlines()] == ["result", "exit"]
        quiet = vidup("upload", "a.mp4", "-q", "-j", "0", env=env)
        assert (quiet.returncode, quiet.stdout, quiet.stderr.splitlines()[-1]) == (2, "", "→ vidup upload -h")


def test_wrong_usage_for_people(vidup: Cli) -> None:
    """With --json the sentence stands on stderr as ever; without it stdout stays empty, and a word that only looks like --json is none."""
    done = vidup("upload", "a.mp4", "--nonsense", "--json")
    RESULT.validate(json.loads(done.stdout))
    assert done.stderr == "✗ No such option '--nonsense'.\n→ vidup upload -h\n"
    for words in (
        ("upload", "a.mp4", "-j", "0"),
        ("upload", "-j", "0", "--title", "--json", "a.mp4"),
        ("upload", "-j", "0", "--", "--json"),
        ("uplaod", "--json"),
    ):
        assert (vidup(*words).returncode, vidup(*words).stdout) == (2, "")


def test_nothing_to_resume(vidup: Cli) -> None:
    """5, and an object of no file."""
    report, _ = checked(vidup("resume", "--json", "--progress", "json"), 5)
    assert (report["file"], report["upload_id"]) == (None, None)


@pytest.fixture
def running(emulate: Emulate, video: Video, vidup: Cli) -> subprocess.Popen[str]:
    """An upload in the middle of its parts, with many to come."""
    emulator = emulate(faults=["part=*,times=*:slow=4M"])
    process = vidup.start("upload", video(320 * MIB), *SMALL, "-j", "2", emulator=emulator)
    assert emulator.wait_until(lambda: len(emulator.requests) > 3 and emulator.in_progress(), LONG)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ended_by_a_signal(number: signal.Signals, running: subprocess.Popen[str]) -> None:
    """130, 143, 129 in the object; the process itself ends by the signal."""
    running.send_signal(number)
    stdout, stderr = running.communicate(timeout=LONG)
    done = subprocess.CompletedProcess(running.args, running.returncode, stdout, stderr)
    report, _ = checked(done, 128 + number, number)
    assert (report["status"], report["error"]) == ("interrupted", None)
    assert report["resume_command"].startswith("vidup resume ")


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads /proc")
def test_another_vidup_at_the_same_file(running: subprocess.Popen[str], vidup: Cli) -> None:
    """10, at once."""
    environ = Path(f"/proc/{running.pid}/environ").read_bytes().split(b"\0")
    env = dict(entry.decode().split("=", 1) for entry in environ if entry.startswith(b"VIDUP_"))
    report, _ = checked(vidup("upload", cast("list[str]", running.args)[4], *SMALL, env=env), 10)
    assert report["status"] == "failed"
    running.kill()
    running.communicate()


@pytest.mark.parametrize("where", ["upload.sending.Sending.want", "console.stage.success_lines"])
def test_a_fault_of_vidup_itself(
    where: str, emulator: Emulator, video: Video, vidup: Cli, crashing: Callable[[str, str], dict[str, str]]
) -> None:
    """1: one sentence, one object, `exit` last, and a traceback in a private file without the key."""
    done = vidup("upload", video(12 * MIB), *SMALL, emulator=emulator, env=crashing(where, emulator.api_key))
    report, _ = checked(done, 1)
    assert (report["status"], report["error"]["title"]) == ("failed", "vidup itself failed (RuntimeError)")
    (crash,) = vidup.state.glob("crash-*.txt")
    assert str(crash) in report["error"]["detail"]
    assert stat.S_IMODE(crash.stat().st_mode) == 0o600
    text = crash.read_text()
    assert "RuntimeError: *** and Bearer ***" in text
    assert emulator.api_key not in text + done.stdout + done.stderr


def test_a_fault_before_any_upload(vidup: Cli, crashing: Callable[[str, str], dict[str, str]]) -> None:
    """1, and an object and an `exit` also where no upload was begun."""
    report, _ = checked(vidup("resume", "--json", "--progress", "json", env=crashing("state.journal.StateFolder.records", "")), 1)
    assert (report["file"], report["error"]["title"]) == (None, "vidup itself failed (RuntimeError)")


def test_a_fault_of_vidup_itself_for_people(
    emulator: Emulator, video: Video, vidup: Cli, crashing: Callable[[str, str], dict[str, str]]
) -> None:
    """No traceback on the screen, and the last line says what to do; where no folder takes the file, that too is said."""
    env = crashing("upload.sending.Sending.want", emulator.api_key)
    done = vidup("upload", video(12 * MIB), emulator=emulator, env=env)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr and "RuntimeError" in done.stderr
    assert "→ Please report" in done.stderr.splitlines()[-1]
    lost = vidup("list", env=crashing("state.journal.StateFolder.records", "") | {"VIDUP_STATE_DIR": "/proc/none", "TMPDIR": "/proc/none"})
    assert lost.returncode == 1 and "Traceback" not in lost.stderr


def test_the_readme_has_the_table_of_exit_codes() -> None:
    """Every code stands there once, and only those that are resumable say yes to `the same command again?`."""
    text = (Path(__file__).parents[2] / "README.md").read_text()
    rows = re.findall(r"^\| ([\d, ]+) \|.*\|(.*)\|$", text.partition("| exit code |")[2].partition("\n\n")[0], re.MULTILINE)
    told = {int(code): again.strip() for codes, again in rows for code in codes.split(",")}
    assert sorted(told) == sorted(ExitCode)
    assert {code for code, again in told.items() if again in ("**yes**", "later")} == {code for code in ExitCode if code.resumable}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("list", "--json", "--state-dir", "/dev/null"), 3), (("status", "--json", "vi1"), 4), (("status", "--json", "a/b"), 2),
        (("plan", "--json", "missing.mp4"), 3), (("explain", "--json", "the moon is made of cheese"), 5), (("list", "--json", "--nonsense"), 2),
    ],
)  # fmt: skip
def test_a_command_that_uploads_nothing_has_an_object_of_its_error(words: tuple[str, ...], code: int, vidup: Cli) -> None:
    """In place of its answer; the sentence for people stands on stderr as ever."""
    done = vidup(*words)
    told = json.loads(done.stdout)
    assert (done.returncode, told["v"], told["exit_code"], set(told)) == (code, 1, code, {"v", "error", "exit_code"})
    assert told["error"]["title"] in done.stderr and "→" in done.stderr


@pytest.mark.parametrize(
    "words", [("upload", "a.mp4", "-j", "0"), ("resume", "nosuch"), ("upload", "a.mp4", "--video-id", "vi1", "--restart")]
)
def test_a_github_job_hears_of_what_failed_before_an_upload(words: tuple[str, ...], tmp_path: Path, vidup: Cli) -> None:
    """A step that asks for `resumable` gets an answer."""
    output = tmp_path / "output"
    vidup(*words, env={"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(output)})
    assert re.search(r"^resumable<<(\S+)\nfalse\n\1$", output.read_text(), re.MULTILINE)
