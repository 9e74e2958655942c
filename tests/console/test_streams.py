"""Streams end to end: standard input and a command's output, sent while they are made, whole or not at all, and continued."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LONG, Cli, sha256
from tests.console.streaming import MIB, PART, digest, producer
from vidup.emulator.server import Emulator

OPTIONS = ("-t", "A stream", "--part-size", "5MiB")


def pipe(vidup: Cli, emulator: Emulator, words: list[str], *options: str) -> subprocess.CompletedProcess[str]:
    """PRODUCER | vidup upload - OPTIONS."""
    with ExitStack() as stack:
        source = stack.enter_context(subprocess.Popen(words, stdout=subprocess.PIPE))
        process = vidup.start("upload", "-", *OPTIONS, *options, emulator=emulator, stdin=source.stdout)
        assert source.stdout is not None
        source.stdout.close()
        out, err = process.communicate(timeout=LONG)
        return subprocess.CompletedProcess(words, process.returncode, out, err)


def run(vidup: Cli, emulator: Emulator, words: list[str], *options: str) -> subprocess.CompletedProcess[str]:
    """vidup upload --from-command OPTIONS -- PRODUCER."""
    return vidup("upload", "--from-command", *OPTIONS, *options, "--", *words, emulator=emulator)


@contextmanager
def closed_until(ready: Callable[[], object], gate: Path, emulator: Emulator) -> Iterator[None]:
    """A gate for producers that opens once this holds: what the emulator is then known to have, it has on the slowest machine."""
    gate.touch()
    over = threading.Event()

    def open_when_ready() -> None:
        emulator.wait_until(lambda: ready() or over.is_set(), LONG)
        gate.unlink(missing_ok=True)

    opener = threading.Thread(target=open_when_ready)
    opener.start()
    try:
        yield
    finally:
        over.set()
        opener.join()


def ranges(emulator: Emulator) -> list[str]:
    """What the parts were announced as, in the order in which they were taken."""
    return [f"{one.part}/{one.total_parts or '*'}" for one in emulator.requests if one.part and one.status == 201]


def only_video(emulator: Emulator) -> str:
    (video_id,) = emulator.videos
    return video_id


@pytest.mark.parametrize("size", [1, PART - 1, PART, PART + 1, 3 * PART, 3 * PART + 1])
@pytest.mark.parametrize("way", [pipe, run])
def test_a_stream_of_any_length_arrives_byte_for_byte(size: int, way: Callable[..., Any], emulator: Emulator, vidup: Cli) -> None:
    """Its last part is announced as the last, and goes when all others are there."""
    done = way(vidup, emulator, producer(size))
    assert done.returncode == 0, done.stderr
    video_id = only_video(emulator)
    assert (done.stdout, emulator.sha256(video_id)) == (f"{video_id}\n", digest(size))
    total = -(-size // PART)
    assert ranges(emulator)[-1] == f"{total}/{total}"
    assert sorted(ranges(emulator)[:-1]) == sorted(f"{number}/*" for number in range(1, total))
    assert list(vidup.state.glob("*.jsonl")) == []


@pytest.mark.parametrize("way", [pipe, run])
def test_of_an_empty_stream_no_video_is_made(way: Callable[..., Any], emulator: Emulator, vidup: Cli) -> None:
    """Exit 3."""
    done = way(vidup, emulator, producer(0), "--json")
    assert (done.returncode, emulator.videos) == (3, {})
    told = json.loads(done.stdout)
    assert (told["status"], told["file"], told["size"]) == ("failed", "-", None)
    assert "not one byte came" in done.stderr


def test_parts_go_while_the_producer_still_works(emulator: Emulator, vidup: Cli, tmp_path: Path) -> None:
    """Two parts are on the server, and the third waits for a further byte."""
    gate = tmp_path / "gate"
    gate.touch()
    process = vidup.start("upload", "--from-command", *OPTIONS, "--", *producer(4 * PART, gate=gate, wait_at=3 * PART), emulator=emulator)
    assert emulator.wait_until(lambda: len(ranges(emulator)) == 2, LONG)
    time.sleep(0.5)
    assert sorted(ranges(emulator)) == ["1/*", "2/*"]
    gate.unlink()
    process.communicate(timeout=LONG)
    assert process.returncode == 0
    assert emulator.sha256(only_video(emulator)) == digest(4 * PART)


@pytest.mark.parametrize(("size", "kept"), [(3 * PART + 9, 3), (3 * PART, 2), (PART // 2, 0)])
@pytest.mark.parametrize("end", [{"code": 7}, {"signal": signal.SIGKILL}])
def test_a_producer_that_fails_never_makes_a_complete_video(
    end: dict[str, int], size: int, kept: int, emulator: Emulator, vidup: Cli, tmp_path: Path
) -> None:  # fmt: skip
    """The last part is kept back; a stream that fails before its second part makes no video at all."""
    gate = tmp_path / "gate"
    with closed_until(lambda: emulator.videos if kept else True, gate, emulator):  # it fails with the upload under way
        done = run(vidup, emulator, producer(size, gate=gate, wait_at=size, **end), "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["error"]["slug"], told["exit_code"]) == (3, "producer-failed", 3)
    assert re.search("exit code was 7" if "code" in end else "killed by signal 9", told["error"]["detail"])
    assert set(ranges(emulator)) <= {f"{number}/*" for number in range(1, kept + 1)}
    assert not any(video.complete for video in emulator.videos.values())
    assert len(emulator.videos) == (kept > 0)


def test_a_failed_producer_is_run_again_by_the_printed_command(emulator: Emulator, vidup: Cli, tmp_path: Path) -> None:
    """Word for word; what is the same is not sent twice, and the end may be another."""
    once, gate = tmp_path / "once", tmp_path / "gate"
    failing = producer(2 * PART + 1, code=1, gate=gate, wait_at=2 * PART + 1)
    words = [
        "sh",
        "-c",
        f'if mkdir "{once}" 2>/dev/null; then {shlex.join(failing)}; exit 1; else {shlex.join(producer(3 * PART))}; fi',
    ]
    with closed_until(lambda: len(ranges(emulator)) == 2, gate, emulator):
        told = json.loads(run(vidup, emulator, words, "--json").stdout)
    assert (told["exit_code"], told["resumable"]) == (3, True)
    sent = emulator.payload_bytes()
    again = subprocess.run(
        told["resume_command"], shell=True, env=vidup.env(emulator), cwd=vidup.cwd, capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr
    assert emulator.sha256(only_video(emulator)) == digest(3 * PART)
    assert emulator.payload_bytes() - sent == PART
    assert json.loads(again.stdout)["parts_skipped"] == 2


def test_what_the_producer_says_passes_through(emulator: Emulator, vidup: Cli) -> None:
    """Its stderr is vidup's."""
    done = run(vidup, emulator, ["sh", "-c", "echo from the recorder >&2; printf video"])
    assert (done.returncode, "from the recorder\n" in done.stderr) == (0, True)


def test_a_command_that_does_not_exist_is_told(emulator: Emulator, vidup: Cli) -> None:
    """Exit 3, and nothing is asked of the server."""
    done = run(vidup, emulator, ["/nowhere/ffmpeg", "-i", "x"], "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]["slug"], emulator.videos) == (3, "producer-failed", {})


@pytest.mark.parametrize("way", [pipe, run])
def test_a_stream_that_is_too_short_is_not_completed(way: Callable[..., Any], emulator: Emulator, vidup: Cli, tmp_path: Path) -> None:
    """--min-size: the last part is kept back; a longer one then goes on."""
    gate = tmp_path / "gate"
    with closed_until(lambda: len(ranges(emulator)) == 2, gate, emulator):
        done = way(vidup, emulator, producer(2 * PART + 5, gate=gate, wait_at=2 * PART + 5), "--min-size", "11MiB")
    assert (done.returncode, sorted(ranges(emulator))) == (3, ["1/*", "2/*"])
    assert "--min-size is 11.0 MiB" in done.stderr
    if way is pipe:
        assert pipe(vidup, emulator, producer(3 * PART), "--min-size", "11MiB").returncode == 0
        assert emulator.sha256(only_video(emulator)) == digest(3 * PART)


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_stopped_stream_goes_on_with_the_same_pipe(kill: signal.Signals, emulator: Emulator, vidup: Cli, tmp_path: Path) -> None:
    """Confirmed parts are compared and skipped; the end that a stop brings is no end."""
    gate = tmp_path / "gate"
    gate.touch()
    size = 5 * PART + 77
    command = ["upload", "--from-command", *OPTIONS, "--json", "--", *producer(size, gate=gate, wait_at=4 * PART)]
    process = vidup.start(*command, emulator=emulator)
    assert emulator.wait_until(lambda: len(ranges(emulator)) == 3, LONG)
    process.send_signal(kill)
    if kill == signal.SIGKILL:
        gate.unlink()  # the producer has vidup's stderr, and ends when it next writes
    out, err = process.communicate(timeout=LONG)
    gate.unlink(missing_ok=True)
    assert process.returncode == -kill
    assert sorted(ranges(emulator)) == ["1/*", "2/*", "3/*"]
    if kill != signal.SIGKILL:
        told = json.loads(out)
        assert (told["status"], told["resumable"], told["total_parts"]) == ("interrupted", True, None)
        assert shlex.split(told["resume_command"])[1:] == command
        assert told["resume_command"] in err
    done = vidup(*command, emulator=emulator)
    assert done.returncode == 0, done.stderr
    assert emulator.sha256(only_video(emulator)) == digest(size)
    assert json.loads(done.stdout)["parts_skipped"] >= 2
    assert emulator.payload_bytes() <= size + 2 * PART


def test_our_stop_ends_a_producer_that_does_not_want_to(emulator: Emulator, vidup: Cli, tmp_path: Path) -> None:
    """SIGTERM, 5 seconds, SIGKILL."""
    mark = tmp_path / "pid"
    words = ["sh", "-c", f'trap "" TERM; echo $$ > "{mark}"; head -c 9000000 /dev/zero | tr "\\0" x; while :; do sleep 0.1; done']
    process = vidup.start("upload", "--from-command", *OPTIONS, "--", *words, emulator=emulator)
    assert emulator.wait_until(lambda: len(ranges(emulator)) == 1, LONG)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=LONG)
    assert process.returncode == -signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


@pytest.mark.parametrize("part", [1, 2])
def test_another_stream_under_the_same_name_is_refused_where_it_differs(part: int, emulator: Emulator, vidup: Cli, tmp_path: Path) -> None:
    """Exit 3 names the part; the record stays, and the right stream still goes on."""
    size = 4 * PART
    emulator.add_fault("part=3,times=*:error=uploaded-file-invalid-file")
    assert pipe(vidup, emulator, producer(size), "-j", "1").returncode == 6  # parts 1 and 2 are there then
    emulator.clear_faults()
    done = pipe(vidup, emulator, producer(size, differs_at=part * PART - 3))
    assert done.returncode == 3
    assert f"from part {part} on (byte {(part - 1) * PART})" in done.stderr
    assert pipe(vidup, emulator, producer(size)).returncode == 0
    assert emulator.sha256(only_video(emulator)) == digest(size)


def test_a_shorter_stream_is_another_one(emulator: Emulator, vidup: Cli) -> None:
    """What was sent of the longer one is never made part of it."""
    emulator.add_fault("part=4,times=*:error=uploaded-file-invalid-file")
    assert pipe(vidup, emulator, producer(5 * PART), "-j", "1").returncode == 6
    done = pipe(vidup, emulator, producer(2 * PART))
    assert (done.returncode, any(video.complete for video in emulator.videos.values())) == (3, False)
    assert "it ends there" in done.stderr


@pytest.mark.parametrize("fault", ["part=2:drop-answer", "part=1:status=503", "part=3:status=500", "part=2:reset=middle"])
def test_a_fault_on_any_part_is_survived_from_the_spool(fault: str, emulator: Emulator, vidup: Cli) -> None:
    """The producer is not asked twice."""
    emulator.add_fault(fault)
    done = pipe(vidup, emulator, producer(3 * PART))
    assert done.returncode == 0, done.stderr
    assert emulator.sha256(only_video(emulator)) == digest(3 * PART)


def test_the_producer_is_held_back_while_nothing_goes(emulator: Emulator, vidup: Cli) -> None:
    """At most jobs + 2 parts lie on the disk, in files that nobody sees."""
    emulator.add_fault("part=1,times=*:status=503")
    process = vidup.start("upload", "--from-command", *OPTIONS, "-j", "1", "--", *producer(40 * PART), emulator=emulator)
    assert emulator.wait_until(lambda: any(one.status == 503 for one in emulator.requests), LONG)
    time.sleep(1.5)
    held = []
    for name in os.listdir(f"/proc/{process.pid}/fd"):
        with suppress(FileNotFoundError):  # closed since
            held.append(os.stat(f"/proc/{process.pid}/fd/{name}"))
    spooled = [one.st_size for one in held if one.st_nlink == 0 and one.st_size]
    assert 0 < sum(spooled) <= 3 * PART
    assert not [name for name in os.listdir(vidup.state) if "spool" in name or "tmp" in name]
    process.kill()
    process.communicate(timeout=LONG)
    assert sum(path.stat().st_size for path in vidup.state.iterdir()) < 100_000


def test_memory_stays_flat(emulator: Emulator, vidup: Cli) -> None:
    """Whatever the length of the stream and of its parts."""
    process = vidup.start("upload", "--from-command", "-t", "T", "--part-size", "40MiB", "--", "head", "-c", str(400 * MIB), "/dev/urandom",
                          emulator=emulator)  # fmt: skip
    most = 0
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        most = max(most, int((re.search(r"VmHWM:\s+(\d+)", status) or [0, 0])[1]))
        time.sleep(0.1)
    process.communicate(timeout=LONG)
    assert process.returncode == 0
    assert 0 < most < 64 * 1024


def test_a_file_on_standard_input_is_that_file(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """With its name, its size and its split; no title is needed, and `vidup resume` knows it."""
    path = video(12 * MIB)
    emulator.add_fault("part=2:error=uploaded-file-invalid-file")
    with path.open("rb") as file:
        process = vidup.start("upload", "-", "--part-size", "5MiB", "--json", emulator=emulator, stdin=file)
        told = json.loads(process.communicate(timeout=LONG)[0])
    assert (told["file"], told["size"], told["total_parts"]) == (str(path), 12 * MIB, 2)
    assert vidup("resume", emulator=emulator).returncode == 0
    assert emulator.sha256(only_video(emulator)) == sha256(path)


def test_a_file_that_was_read_already_is_a_stream(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """Only what is left of it is sent."""
    path = video(2 * MIB)
    with path.open("rb") as file:
        os.lseek(file.fileno(), MIB, os.SEEK_SET)
        process = vidup.start("upload", "-", *OPTIONS, emulator=emulator, stdin=file)
        process.communicate(timeout=LONG)
    assert process.returncode == 0
    assert emulator.videos[only_video(emulator)].size == MIB


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["-"], "add -t TITLE"), (["--from-command", "--", "true"], "add -t TITLE"), (["--from-command", "-t", "T"], "needs the command"),
        (["-", "-t", "T", "--portable"], "--portable is not for a stream"), (["-", "-t", "T", "-n"], "--dry-run is not for a stream"),
        (["-", "-t", "T", "--api-key-file", "-"], "cannot be both"), (["movie.mp4", "--min-size", "5M"], "--min-size is for a stream"),
        (["-", "-t", "T", "--adopt"], "--adopt is not for a stream"), (["a.mp4", "-", "-t", "T"], "A stream goes alone"), (["-", "-t", "T", "--manifest", "m"], "--manifest is not for a stream"), ([], "Missing argument"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(words: list[str], why: str, emulator: Emulator, vidup: Cli) -> None:
    """Exit 2, before anything is read or asked."""
    with subprocess.Popen(["true"], stdout=subprocess.PIPE) as nothing:
        process = vidup.start("upload", *words, emulator=emulator, stdin=nothing.stdout)
        _, err = process.communicate(timeout=LONG)
    assert (process.returncode, emulator.requests) == (2, [])
    assert why in err


def test_list_and_resume_say_what_is_to_be_typed(emulator: Emulator, vidup: Cli) -> None:
    """Only its producer can make a stream again."""
    emulator.add_fault("part=2,times=*:error=uploaded-file-invalid-file")
    assert pipe(vidup, emulator, producer(3 * PART), "-j", "1").returncode == 6  # part 1 is there then
    (row,) = json.loads(vidup("list", "--json").stdout)
    assert (row["file"], row["size"], row["total_parts"]) == ("standard input: A stream", None, None)
    assert row["resume_command"].startswith("… | ") and row["resume_command"].endswith("upload - -t 'A stream' --part-size 5MiB -j 1")
    assert "1 parts" in vidup("list").stdout
    done = vidup("resume", emulator=emulator)
    assert (done.returncode, done.stderr.splitlines()[-1][-len(row["resume_command"]) :]) == (2, row["resume_command"])


def test_a_password_in_the_command_is_written_down_nowhere(emulator: Emulator, vidup: Cli, tmp_path: Path) -> None:
    """Neither in the record nor in what is printed."""
    gate = tmp_path / "gate"
    recorder = producer(2 * PART + 1, gate=gate, wait_at=2 * PART + 1)
    words = ["sh", "-c", f"{shlex.join(recorder)}; exit 1", "rtsp://me:hunter2@camera/1"]
    with closed_until(lambda: ranges(emulator), gate, emulator):
        done = run(vidup, emulator, words, "--json")
    assert done.returncode == 3
    record = b"".join(path.read_bytes() for path in vidup.state.iterdir())
    assert "hunter2" not in done.stdout + done.stderr and b"hunter2" not in record
    assert "rtsp://me:***@camera/1" in json.loads(done.stdout)["resume_command"]


def test_progress_claims_no_total_that_nobody_knows(emulator: Emulator, vidup: Cli, tmp_path: Path) -> None:
    """As events: null until the stream has ended."""
    gate = tmp_path / "gate"
    gate.touch()
    process = vidup.start("upload", "--from-command", *OPTIONS, "--progress", "json", "--", *producer(3 * PART + 1, gate=gate, wait_at=3 * PART),
                          emulator=emulator)  # fmt: skip
    events: list[dict[str, object]] = []
    while not events or events[-1]["type"] != "progress":
        assert process.stderr is not None
        events.append(json.loads(process.stderr.readline()))
    gate.unlink()
    _, err = process.communicate(timeout=LONG)
    events += [json.loads(line) for line in err.splitlines()]
    start = next(event for event in events if event["type"] == "start")
    progress = [event for event in events if event["type"] == "progress"]
    assert (start["size"], start["total_parts"], start["part_size"]) == (None, None, PART)
    assert (progress[0]["bytes_total"], progress[0]["total_parts"], progress[0]["eta"]) == (None, None, None)
    assert (progress[-1]["bytes_total"], progress[-1]["total_parts"], progress[-1]["bytes_confirmed"]) == (3 * PART + 1, 4, 3 * PART + 1)


def test_a_lost_whole_is_not_made_twice(emulator: Emulator, vidup: Cli) -> None:
    """The last answer was lost with the process: the same stream again sends nothing, and ends well."""
    emulator.add_fault("part=3:stall-answer=600")
    process = vidup.start("upload", "--from-command", *OPTIONS, "--", *producer(3 * PART), emulator=emulator)
    assert emulator.wait_until(lambda: any(view.complete for view in emulator.videos.values()), LONG)
    process.kill()
    process.communicate(timeout=LONG)
    emulator.clear_faults()
    assert run(vidup, emulator, producer(3 * PART)).returncode == 0
    assert emulator.sha256(only_video(emulator)) == digest(3 * PART)


def test_a_file_on_standard_input_that_is_too_short_is_not_sent(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """--min-size means the same where the shell gave a file in place of a pipe."""
    with video(6 * MIB).open("rb") as file:
        process = vidup.start("upload", "-", "--min-size", "7M", "--json", emulator=emulator, stdin=file)
        out, err = process.communicate(timeout=LONG)
    assert (process.returncode, json.loads(out)["exit_code"], emulator.videos) == (3, 3, {})
    assert "ended after 6.0 MiB, and --min-size is 7.0 MiB" in err


def test_the_command_that_goes_on_with_a_redirected_file_names_it(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:  # fmt: skip
    """Without `< FILE` what is printed would read the terminal."""
    emulator, path = emulate(faults=["on=create,times=*:status=503"]), video(MIB, name="a film.mp4")
    with path.open("rb") as file:
        process = vidup.start("upload", "-", "--retry-for", "1", "--json", emulator=emulator, stdin=file)
        told = json.loads(process.communicate(timeout=LONG)[0])
    assert process.returncode == 75
    assert told["resume_command"].endswith(f"upload - --retry-for 1 --json < '{path}'")


def test_a_closed_standard_input_is_called_so(emulator: Emulator, vidup: Cli) -> None:
    """Not a terminal, which a job in a pipeline would look for in vain."""
    words = ["sh", "-c", 'exec "$@" <&-', "sh", *vidup.command("upload", "-", "-t", "T")]
    done = subprocess.run(words, env=vidup.env(emulator), cwd=vidup.cwd, capture_output=True, text=True, timeout=LONG, check=False)
    assert done.returncode == 2
    assert "Standard input is closed" in done.stderr


def test_a_pipe_that_is_named_as_a_file_is_told_how_to_be_sent(emulator: Emulator, vidup: Cli, tmp_path: Path) -> None:
    """Also the one that a shell makes of <(PRODUCER), which exists and has no real path."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    named = vidup("upload", fifo, emulator=emulator)
    words = ["bash", "-c", '"$@" <(echo)', "bash", *vidup.command("upload")]
    made = subprocess.run(words, env=vidup.env(emulator), cwd=vidup.cwd, capture_output=True, text=True, timeout=LONG, check=False)
    for done in (named, made):
        assert done.returncode == 3
        assert "is not a regular file" in done.stderr
        assert done.stderr.rstrip().endswith("PRODUCER | vidup upload - -t TITLE")
