"""Many files end to end: results in the order given, one bad file stops nobody, what concerns all stops all, signals, and a GitHub job."""

from __future__ import annotations

import html
import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.conftest import LONG, MIB, Cli, fill, patient, sha256, statuses
from vidup.emulator.server import Emulator

Emulate = Callable[..., Emulator]
SCHEMA = json.loads((Path(__file__).parent.parent / "schema.json").read_text())


def clips(folder: Path, count: int, size: int = 60_000) -> list[Path]:
    return [fill(folder / f"clip-{number:02}.mp4", size + number, number) for number in range(count)]


def objects(text: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in text.splitlines()]
    for one in found:
        jsonschema.validate(one, {**SCHEMA, "$ref": "#/$defs/event" if "type" in one else "#/$defs/result"})
    return found


def looked_at_until(process: subprocess.Popen[str], words: str) -> str:
    """Ask it with SIGUSR1 how it stands until it stands so; the line that says so."""
    assert process.stderr is not None
    line = ""
    while words not in line:
        process.send_signal(signal.SIGUSR1)
        while not re.search(r"\d+ of \d+ files  ", line := process.stderr.readline()):
            assert line, "it has ended"
    return line


def test_results_come_in_the_order_given_whatever_is_done_first(emulate: Emulate, tmp_path: Path, vidup: Cli) -> None:
    """A big file first, and small ones that pass it; one log in for all, and every byte where it belongs."""
    emulator = emulate(faults=["part=2:stall-answer=1"])
    paths = [fill(tmp_path / "big.mp4", 12 * MIB), *clips(tmp_path, 8)]
    done = vidup("upload", *paths, "--part-size", "5MiB", emulator=emulator)
    assert done.returncode == 0, done.stderr
    ids = done.stdout.split()
    assert [emulator.sha256(video_id) for video_id in ids] == [sha256(path) for path in paths]
    assert len(emulator.videos) == len(paths) and statuses(emulator, path_end="/auth/api-key") == [200]
    assert "Uploaded 9 of 9 files: 12.5 MiB in" in done.stderr.splitlines()[-1]


def test_a_result_is_out_as_soon_as_those_before_it_are(emulate: Emulate, tmp_path: Path, vidup: Cli) -> None:
    """The first ones need not wait for the last."""
    emulator = emulate(faults=["part=1,times=*:slow=1M"])
    small, big = fill(tmp_path / "a.mp4", 1000), fill(tmp_path / "b.mp4", 30 * MIB)
    with vidup.start("upload", small, big, emulator=emulator) as process:
        assert process.stdout is not None
        video_id = process.stdout.readline().strip()
        assert emulator.sha256(video_id) == sha256(small) and process.poll() is None
        process.kill()


def test_a_result_that_waits_for_its_turn_survives_a_kill(emulate: Emulate, tmp_path: Path, vidup: Cli) -> None:
    """Its record stays until it is out: the same command prints it then, and sends nothing again."""
    emulator = emulate(faults=["part=2,times=*:stall-answer=600"])
    big, small = fill(tmp_path / "big.mp4", 12 * MIB), fill(tmp_path / "small.mp4", 1000)
    process = vidup.start("upload", big, small, "--part-size", "5MiB", emulator=emulator)
    assert emulator.wait_until(lambda: emulator.connections, LONG)
    looked_at_until(process, "1 of 2 files")  # it has heard of it, and holds the line back
    process.kill()
    assert process.communicate()[0] == ""
    emulator.clear_faults()
    done = vidup("upload", big, small, emulator=emulator)
    assert [emulator.sha256(video_id) for video_id in done.stdout.split()] == [sha256(big), sha256(small)]
    assert sum(view.complete for view in emulator.videos.values()) == 2
    assert not list(vidup.state.glob("*.jsonl"))


def test_records_are_gone_once_all_is_out(emulate: Emulate, tmp_path: Path, vidup: Cli) -> None:
    """Also of those whose result had to wait."""
    emulator = emulate(faults=["part=2:stall-answer=1"])
    paths = [fill(tmp_path / "big.mp4", 12 * MIB), *clips(tmp_path, 8)]
    assert vidup("upload", *paths, "--part-size", "5MiB", emulator=emulator).returncode == 0
    assert not list(vidup.state.glob("*.jsonl"))


def test_one_bad_file_stops_nobody(emulator: Emulator, tmp_path: Path, vidup: Cli) -> None:
    """Missing, empty, refused by the server: each is told with its action, the code is the first permanent one, the others are there."""
    emulator.add_fault("part=1,times=1:error=uploaded-file-invalid-file")
    good = clips(tmp_path, 5)
    (tmp_path / "empty.mp4").touch()
    paths = [tmp_path / "gone.mp4", *good[:3], tmp_path / "empty.mp4", *good[3:]]
    done = vidup("upload", *paths, "--json", emulator=emulator)
    rows = objects(done.stdout)
    assert [row["file"] for row in rows] == list(map(str, paths))
    codes = [row["exit_code"] for row in rows]
    assert done.returncode == codes[0] == 3 and codes[4] == 3 and sorted(codes) == [0, 0, 0, 0, 3, 3, 6]
    assert sum(view.complete for view in emulator.videos.values()) == 4
    assert "gone.mp4: it does not exist" in done.stderr and "empty.mp4: it is empty" in done.stderr
    assert "  3 failed" in done.stderr


@pytest.mark.parametrize("words", [(), ("-q",), ("--json",)])
def test_a_refused_key_stops_all_and_is_said_once(words: tuple[str, ...], emulator: Emulator, tmp_path: Path, vidup: Cli) -> None:
    """Nobody wants to read it forty times; every file still has its object."""
    paths = clips(tmp_path, 40)
    (tmp_path / "key").write_text("wrong")
    done = vidup("upload", *paths, *words, "--api-key-file", tmp_path / "key", emulator=emulator)
    assert done.returncode == 4
    assert len(re.findall("Logging in failed", done.stderr)) == 1, done.stderr
    assert len(statuses(emulator, path_end="/auth/api-key")) == 1
    assert [row["exit_code"] for row in objects(done.stdout)] == ([4] * 40 if "--json" in words else [])
    assert not emulator.videos


def test_a_missing_key_is_said_once(tmp_path: Path, vidup: Cli) -> None:
    """Before any request."""
    done = vidup("upload", *clips(tmp_path, 3), "--json", env={"VIDUP_BASE_URL": "http://127.0.0.1:9"})
    assert (done.returncode, [row["exit_code"] for row in objects(done.stdout)]) == (4, [4, 4, 4])
    assert done.stderr.count("No API key was given") == 1


def test_what_can_go_on_later_is_75_with_one_command(emulator: Emulator, tmp_path: Path, vidup: Cli) -> None:
    """And that is the last line: the same command line again."""
    emulator.add_fault("part=*,times=*:status=503")
    paths = clips(tmp_path, 3)
    done = vidup("upload", *paths, "--retry-for", "1", emulator=emulator)
    assert done.returncode == 75 and not done.stdout
    command = f"vidup upload {' '.join(map(str, paths))} --retry-for 1"
    assert done.stderr.splitlines()[-1].endswith(f"→ Continue with: {command}") and done.stderr.count(command) == 1
    emulator.clear_faults()
    again = vidup(*command.split()[1:], emulator=emulator)
    assert [emulator.sha256(video_id) for video_id in again.stdout.split()] == [sha256(path) for path in paths]
    assert len(emulator.videos) == 3


def test_a_name_that_is_not_utf_8_goes_all_the_way(emulator: Emulator, tmp_path: Path, vidup: Cli) -> None:
    """Shown inert, told to programs as bytes."""
    odd = tmp_path / os.fsdecode(b"caf\xe9\x1b[31m.mp4")
    fill(odd, 1000)
    done = vidup("upload", odd, *clips(tmp_path, 2), "--json", "--progress", "json", emulator=emulator)
    assert done.returncode == 0
    first = objects(done.stdout)[0]
    assert "file_b64" in first and emulator.sha256(first["video_id"]) == sha256(odd)
    assert "\x1b" not in done.stderr and {event["index"] for event in objects(done.stderr) if "index" in event} == {1, 2, 3}


def test_quiet_is_silent_but_for_failures(emulator: Emulator, tmp_path: Path, vidup: Cli) -> None:
    """All good: nothing at all on stderr."""
    paths = clips(tmp_path, 3)
    done = vidup("upload", "-q", *paths, emulator=emulator)
    assert (done.stderr, len(done.stdout.split())) == ("", 3)
    done = vidup("upload", "-q", *paths[:2], tmp_path / "gone.mp4", emulator=emulator)
    assert done.stderr.count("gone.mp4") == 1 and "Check the path" in done.stderr


def test_a_second_upload_of_the_same_files_is_told_once(emulator: Emulator, tmp_path: Path, vidup: Cli) -> None:
    """In full for the first, the others counted; not where a manifest leaves them out."""
    paths = clips(tmp_path, 5)
    for _ in range(2):
        done = vidup("upload", *paths, emulator=emulator)
    assert done.stderr.count("this is a second video") == 1
    assert "5 of them were uploaded before: to leave out what is there, use --manifest FILE" in done.stderr


# -- events ---------------------------------------------------------------------------------------------------------


def test_the_events_of_many_name_their_file_and_end_with_one_exit(emulate: Emulate, tmp_path: Path, vidup: Cli) -> None:
    """Every object is valid by the schema; totals are of all."""
    emulator = emulate(faults=["part=1,times=1:slow=2M", "part=1,times=1:status=503"])
    paths = [fill(tmp_path / "big.mp4", 6 * MIB), *clips(tmp_path, 3), tmp_path / "gone.mp4"]
    done = vidup("upload", *paths, "--progress", "json", emulator=emulator)
    events = objects(done.stderr)
    assert {event["file"] for event in events if event["type"] in ("start", "result", "part", "progress", "retry")} == set(map(str, paths))
    assert all(paths[event["index"] - 1] == Path(event["file"]) for event in events if "index" in event)
    assert sorted(event["index"] for event in events if event["type"] == "result") == [1, 2, 3, 4, 5]
    last = [event for event in events if event["type"] == "total"][-1]
    assert (last["files"], last["uploaded"], last["failed"]) == (5, 4, 1) and last["bytes_confirmed"] == last["bytes_total"]
    assert [event["type"] for event in events].count("exit") == 1
    assert (events[-1]["type"], events[-1]["code"], events[-1]["message"]) == ("exit", 3, "4 of 5 uploads are complete")


# -- signals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_at_once(number: signal.Signals, emulate: Emulate, tmp_path: Path, vidup: Cli) -> None:
    """It is said at once, with the command; every file has its object, those not begun too, none counts as failed; the command goes on."""
    emulator = emulate(faults=["part=*,times=*:slow=1M"])
    paths = [fill(tmp_path / f"{n}.mp4", 12 * MIB, n) for n in range(6)]
    process = vidup.start("upload", *paths, "--json", "-j", "2", emulator=emulator)
    assert emulator.wait_until(lambda: emulator.payload_bytes() > MIB, LONG)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=LONG)
    assert process.returncode == -number
    rows = objects(stdout)
    assert [row["file"] for row in rows] == list(map(str, paths))
    assert {row["status"] for row in rows} == {"interrupted"} and {row["exit_code"] for row in rows} == {128 + number}
    assert rows[-1]["upload_id"] is None and rows[0]["video_id"]
    assert "Stopping" in stderr and "6 are not uploaded yet" in stderr and "failed" not in stderr
    command = re.findall(r"→ Continue with: vidup (.*)", stderr)
    assert command[-1] == f"upload {' '.join(map(str, paths))} --json -j 2"
    emulator.clear_faults()
    again = objects(vidup(*command[-1].split(), emulator=emulator).stdout)
    assert [emulator.sha256(row["video_id"]) for row in again] == [sha256(path) for path in paths]


def test_a_second_signal_leaves_an_object_for_every_file(emulate: Emulate, tmp_path: Path, vidup: Cli) -> None:
    """Once each and in the order given: what was held back, what was open, and what never began."""
    emulator = emulate(faults=["part=2:stall-answer=600"])
    big, *small = fill(tmp_path / "big.mp4", 12 * MIB), *clips(tmp_path, 6)
    words: tuple[str | Path, ...] = ("upload", big, *small, "--json", "-j", "3", "--part-size", "5MiB")
    process = vidup.start(*words, emulator=emulator, env=patient(tmp_path / "out"))
    assert emulator.wait_until(lambda: emulator.connections, LONG)
    looked_at_until(process, "6 of 7 files")
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "Stopping" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=LONG)  # the first alone waits for the answer
    assert process.returncode == -signal.SIGINT
    rows = objects(stdout)
    assert [row["file"] for row in rows] == [str(path) for path in (big, *small)]
    assert [row["status"] for row in rows] == ["interrupted"] + ["uploaded"] * 6
    assert stderr.count("→ Continue with:") >= 1


def test_a_look_is_one_line_of_all(emulate: Emulate, tmp_path: Path, vidup: Cli) -> None:
    """SIGUSR1."""
    emulator = emulate(faults=["part=*,times=*:slow=200K"])
    process = vidup.start("upload", *[fill(tmp_path / f"{n}.mp4", 6 * MIB, n) for n in range(3)], emulator=emulator)
    assert emulator.wait_until(lambda: emulator.payload_bytes() > 0, LONG)
    assert re.search(r"0 of 3 files  .*/18.0 MiB", looked_at_until(process, "of 3 files"))
    process.kill()
    process.communicate()


# -- a stdout that does not want to ---------------------------------------------------------------------------------


def test_a_stdout_that_takes_nothing_stops_no_upload(emulator: Emulator, tmp_path: Path, vidup: Cli) -> None:
    """All is uploaded, it is told once, and the same command prints the ids without sending anything."""
    paths = clips(tmp_path, 3)
    read, write = os.pipe()
    os.close(read)
    process = vidup.start("upload", *paths, emulator=emulator, stdout=write)
    os.close(write)
    _, stderr = process.communicate(timeout=LONG)
    assert process.returncode == 0 and stderr.count("Standard output took nothing") == 1, stderr
    sent = emulator.payload_bytes()
    done = vidup("upload", *paths, emulator=emulator)
    assert (len(done.stdout.split()), emulator.payload_bytes(), len(emulator.videos)) == (3, sent, 3)


# -- a GitHub job ---------------------------------------------------------------------------------------------------


def test_a_job_gets_one_list_one_count_and_one_table(emulator: Emulator, tmp_path: Path, vidup: Cli) -> None:
    """The ids as JSON in the order given; failures as annotations; names that could be markup or end a value harm nothing."""
    step = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    evil = fill(tmp_path / "a|b`<b>\n::error::x.mp4", 1000)
    done = vidup("upload", *clips(tmp_path, 3), evil, tmp_path / "gone.mp4", emulator=emulator, env=step)
    text = (tmp_path / "output").read_text()
    told = {name: value for name, _mark, value in re.findall(r"^([\w-]+)<<(ghadelimiter_[\w-]+)\n(.*?)\n\2$", text, re.M | re.S)}
    assert json.loads(told["video-ids"]) == done.stdout.split() and told["failed"] == "1" and told["resumable"] == "false"
    assert "video-id" not in told
    table = (tmp_path / "summary").read_text().strip().splitlines()
    assert len([row for row in table if row.startswith("| <code>")]) == 5
    assert "<b>" not in "".join(table) and "4 of 5 uploads are complete" in html.unescape(table[-1])
    commands = [line for line in done.stderr.splitlines() if line.startswith("::")]
    assert len(commands) == 1 and commands[0].startswith("::error title=Could not upload ") and "gone.mp4" in commands[0]


# -- every upload that was interrupted ------------------------------------------------------------------------------


def test_resume_all_continues_them_at_once_over_one_line(emulate: Emulate, tmp_path: Path, vidup: Cli) -> None:
    """One log in, and the parts of both on their way together."""
    emulator = emulate(faults=["part=*,times=*:slow=1M"])
    paths = [fill(tmp_path / f"{n}.mp4", 12 * MIB, n) for n in range(2)]
    process = vidup.start("upload", *paths, emulator=emulator)
    assert emulator.wait_until(lambda: len(emulator.videos) == 2 and emulator.payload_bytes() > MIB, LONG)
    process.kill()
    process.communicate()
    assert emulator.wait_until(lambda: not emulator.in_progress(), LONG)
    emulator.clear_faults()
    emulator.add_fault("part=*,times=*:slow=20M")
    logins = len(statuses(emulator, path_end="/auth/api-key"))
    done = vidup("resume", "--all", emulator=emulator)
    assert done.returncode == 0, done.stderr
    assert sorted(emulator.sha256(video_id) or "" for video_id in done.stdout.split()) == sorted(map(sha256, paths))
    assert len(statuses(emulator, path_end="/auth/api-key")) == logins + 1
    assert emulator.peak_connections >= 2


def test_uploads_to_two_servers_are_continued_each_at_its_own(emulate: Emulate, tmp_path: Path, vidup: Cli) -> None:
    """One command, one summary, results in the order of the records."""
    servers = [emulate(store=tmp_path / name, api_key="one-for-both") for name in "ab"]
    for emulator, name in zip(servers, "ab", strict=True):
        emulator.add_fault("part=1,times=1:error=uploaded-file-invalid-file")
        assert vidup("upload", fill(tmp_path / f"{name}.mp4", 6 * MIB), emulator=emulator).returncode == 6
    done = vidup("resume", "--all", env={"VIDUP_API_KEY": "one-for-both"})
    assert done.returncode == 0 and "Uploaded 2 of 2 files" in done.stderr
    told = [emulator.sha256(video_id) for emulator, video_id in zip(servers, done.stdout.split(), strict=True)]
    assert told == [sha256(tmp_path / "a.mp4"), sha256(tmp_path / "b.mp4")]


def test_nothing_waits_for_a_reader_of_many_results(emulate: Emulate, tmp_path: Path, vidup: Cli) -> None:
    """A pipe that is read late gets every result, once."""
    emulator = emulate()
    paths = clips(tmp_path, 6)
    process = vidup.start("upload", *paths, "--json", emulator=emulator)
    late: list[str] = []
    reader = threading.Timer(1.0, lambda: late.append(process.stdout.read() if process.stdout else ""))
    reader.start()
    reader.join()
    process.wait(LONG)
    process.communicate()
    assert [row["file"] for row in objects(late[0])] == list(map(str, paths))
