"""`--wait` and `vidup status --wait` as a user meets them: what is shown meanwhile, what stdout holds, and how it ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pexpect
import pytest

from tests.conftest import LONG, MIB, Cli, parts_sent
from vidup.emulator.server import Emulator

SCHEMA = json.loads((Path(__file__).parents[1] / "schema.json").read_text())
Video = Callable[..., Path]
SLOW = "on=status,times=2:encode=stuck"  # the look that confirms, and the first of those that wait
STUCK = "on=status,times=*:encode=stuck"


def result(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The one object on stdout, as the schema has it."""
    (line,) = done.stdout.splitlines()
    told: dict[str, Any] = json.loads(line)
    jsonschema.validate(told, {**SCHEMA, "$ref": "#/$defs/result"})
    return told


def told_of_encoding(process: subprocess.Popen[str]) -> str:
    """The first line that tells of the encoding, read from stderr as it comes."""
    assert process.stderr is not None
    return next(line for line in process.stderr if "encoding:" in line)


@pytest.fixture
def stuck(emulate: Callable[..., Emulator]) -> Emulator:
    """An emulator whose encoding never gets on."""
    return emulate(faults=[STUCK])


def test_the_id_comes_when_the_video_plays(emulate: Callable[..., Emulator], video: Video, vidup: Cli) -> None:
    """Status playable in the object; the plain lines say what is waited for, and how long it took."""
    emulator = emulate(faults=[SLOW])
    done = vidup("upload", "--wait", video(6 * MIB), emulator=emulator)
    (video_id,) = emulator.videos
    assert (done.returncode, done.stdout) == (0, f"{video_id}\n")
    assert "waiting until it plays" in done.stderr
    assert re.search(r"it plays \d\S*( s)? later", done.stderr)
    assert "See the encoding" not in done.stderr
    told = result(vidup("upload", "--wait", "--json", video(6 * MIB, "b.mp4", 2), emulator=emulate()))
    assert (told["status"], told["exit_code"], told["error"]) == ("playable", 0, None)


def test_a_video_that_cannot_be_encoded_is_8(emulate: Callable[..., Emulator], video: Video, vidup: Cli) -> None:
    """The upload is good: status uploaded, the id on stdout; the error names the qualities and what to do."""
    emulator = emulate(faults=["on=status,times=*:encode=failed"])
    done = vidup("upload", "--wait", "--json", video(6 * MIB), emulator=emulator)
    told = result(done)
    assert (done.returncode, told["status"], told["exit_code"], told["resumable"]) == (8, "uploaded", 8, False)
    assert told["error"]["title"] == f"The video {told['video_id']} could not be encoded"
    assert told["error"]["detail"] == "every quality failed: 240p, 360p, 480p, 720p, 1080p"
    shown = vidup("upload", "--wait", video(6 * MIB, "b.mp4", 2), emulator=emulator)
    assert (shown.returncode, shown.stdout.strip() in emulator.videos) == (8, True)
    assert "is on the server, whole; nothing need be sent again" in shown.stderr
    assert shown.stderr.splitlines()[-1].endswith(f"vidup status {shown.stdout.strip()} --wait")


def test_a_partly_encoded_video_plays(emulate: Callable[..., Emulator], video: Video, vidup: Cli) -> None:
    """One quality is enough; states that nobody documented are waited for."""
    assert vidup("upload", "--wait", video(6 * MIB), emulator=emulate(faults=["on=status,times=*:encode=partly"])).returncode == 0
    odd = emulate(faults=["on=status,times=*:encode=odd,encode-after=3"])
    assert vidup("upload", "--wait", video(6 * MIB, "b.mp4", 2), emulator=odd).returncode == 0


def test_too_short_a_wait_is_9_and_the_advised_command_waits_on(stuck: Emulator, video: Video, vidup: Cli) -> None:
    """The last line is a command that works; the same command again sends nothing and waits anew."""
    words = ("upload", "--wait", "--wait-timeout", "4", video(6 * MIB))
    done = vidup(*words, emulator=stuck)
    (video_id,) = stuck.videos
    assert (done.returncode, done.stdout) == (9, f"{video_id}\n")
    assert "last seen: encoding: 240p encoding, 360p 480p 720p 1080p waiting" in done.stderr
    assert vidup(*words, "--json", emulator=stuck).returncode == 9
    assert parts_sent(stuck) == [1]
    stuck.clear_faults()
    advised = done.stderr.splitlines()[-1].partition("→ Wait on: vidup ")[2].split()
    assert advised == ["status", video_id, "--wait"]
    assert vidup(*advised, emulator=stuck).returncode == 0
    again = result(vidup(*words, "--wait-timeout", "1m", "--json", emulator=stuck))
    assert (again["status"], again["video_id"], again["parts_sent"]) == ("playable", video_id, 0)
    assert parts_sent(stuck) == [1]


@pytest.mark.parametrize("options", [(), ("--json",), ("--progress", "json")])
def test_ctrl_c_says_that_the_video_is_whole(stuck: Emulator, video: Video, vidup: Cli, options: tuple[str, ...]) -> None:
    """Ends by the signal, not resumable; the same command sends nothing."""
    path = video(6 * MIB)
    process = vidup.start("upload", "--wait", *options, path, emulator=stuck)
    assert stuck.wait_until(lambda: len([one for one in stuck.requests if one.path.endswith("/status")]) >= 2, LONG)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LONG)
    (video_id,) = stuck.videos
    assert process.returncode == -signal.SIGINT, err
    if options == ("--json",):
        told = json.loads(out)
        jsonschema.validate(told, {**SCHEMA, "$ref": "#/$defs/result"})
        assert (told["status"], told["exit_code"], told["resumable"], told["resume_command"]) == ("interrupted", 130, False, None)
        assert (told["video_id"], told["parts_sent"], told["total_parts"]) == (video_id, 1, 1)
    else:
        assert out == ""
    if not options:
        assert "movie.mp4 is on the server, whole; nothing need be sent again." in err
        assert "is not uploaded yet" not in err
        assert err.splitlines()[-1].endswith(f"→ Wait on: vidup status {video_id} --wait")
    stuck.clear_faults()
    assert vidup("upload", "--wait", path, emulator=stuck).stdout == f"{video_id}\n"
    assert parts_sent(stuck) == [1]


def test_a_kill_in_it_costs_nothing(stuck: Emulator, video: Video, vidup: Cli) -> None:
    """SIGKILL while it waits: the same command finds the whole video."""
    path = video(6 * MIB)
    with vidup.start("upload", "--wait", path, emulator=stuck) as process:
        assert stuck.wait_until(lambda: len([one for one in stuck.requests if one.path.endswith("/status")]) >= 2, LONG)
        process.kill()
    stuck.clear_faults()
    assert vidup("upload", "--wait", path, emulator=stuck).returncode == 0
    assert (parts_sent(stuck), len(stuck.videos)) == ([1], 1)


def test_resume_waits_as_well_and_its_command_says_so(emulator: Emulator, video: Video, vidup: Cli) -> None:
    """An upload with --wait that stopped before is continued by a command with --wait."""
    emulator.add_fault("part=2,times=*:status=503")
    words = ("--part-size", "5MiB", "-j", "1", "--retry-for", "1", "--wait", "--wait-timeout", "30")
    done = vidup("upload", "--json", *words, video(12 * MIB), emulator=emulator)
    told = result(done)
    assert told["exit_code"] == 75
    assert told["resume_command"].endswith("--wait --wait-timeout 30")
    emulator.clear_faults()
    again = vidup("resume", "--wait", "--json", emulator=emulator)
    assert result(again)["status"] == "playable"


def test_a_program_is_told_of_the_encoding_as_it_goes(emulate: Callable[..., Emulator], video: Video, vidup: Cli) -> None:
    """Objects of type wait, each as the schema has it, with the qualities in the reason; progress ended at 100 % before."""
    emulator = emulate(faults=["on=status,times=3:encode=stuck"])
    done = vidup("upload", "--wait", "--progress", "json", video(6 * MIB), emulator=emulator)
    events = [json.loads(line) for line in done.stderr.splitlines()]
    for event in events:
        jsonschema.validate(event, {**SCHEMA, "$ref": "#/$defs/event"})
    waits = [event["reason"] for event in events if event["type"] == "wait" and "encoding" in event["reason"]]
    assert waits[0] == "movie.mp4  encoding: 240p encoding, 360p 480p 720p 1080p waiting"
    last = [event for event in events if event["type"] == "progress"][-1]
    assert last["bytes_confirmed"] == last["bytes_total"]
    assert [event["type"] for event in events][-2:] == ["result", "exit"]


def test_a_terminal_shows_the_encoding_in_one_line_that_goes_away(stuck: Emulator, video: Video, vidup: Cli) -> None:
    """With how long it has taken; what stays is the summary."""
    child = pexpect.spawn(
        vidup.command("upload", "--wait", video(6 * MIB))[0], vidup.command("upload", "--wait", video(6 * MIB))[1:],
        env=vidup.env(stuck, TERM="xterm-256color", NO_COLOR="1"), cwd=str(vidup.cwd), encoding="utf-8", dimensions=(24, 100), timeout=LONG,
    )  # fmt: skip
    child.expect(r"movie\.mp4  encoding: 240p encoding, 360p 480p 720p 1080p waiting  [1-9]\d* s")
    stuck.clear_faults()
    child.expect("it plays")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


@pytest.mark.parametrize("words", [("upload", "x.mp4"), ("resume",), ("status", "vi1")])
def test_a_time_out_of_no_wait_is_refused(words: tuple[str, ...], emulator: Emulator, vidup: Cli) -> None:
    """Exit 2, with the option that is missing."""
    done = vidup(*words, "--wait-timeout", "5", emulator=emulator)
    assert (done.returncode, "--wait-timeout goes with --wait" in done.stderr) == (2, True)


@pytest.fixture
def ids(emulate: Callable[..., Emulator], video: Video, vidup: Cli) -> Iterator[tuple[Emulator, list[str]]]:
    """Two whole videos, by their ids."""
    emulator = emulate()
    yield emulator, [vidup("upload", video(6 * MIB, f"{n}.mp4", n), emulator=emulator).stdout.strip() for n in (1, 2)]


def test_status_tells_of_several_videos_in_the_order_given(ids: tuple[Emulator, list[str]], vidup: Cli) -> None:
    """An object each; one that is unknown stops nobody, and makes it 5."""
    emulator, (first, second) = ids
    done = vidup("status", "--json", second, "viUnknown", first, emulator=emulator)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["video_id"] for one in told] == [second, "viUnknown", first]
    assert [one.get("exit_code") for one in told] == [None, 5, None]
    assert told[1]["error"]["slug"] == "resource-not-found"
    assert done.returncode == 5
    lines = vidup("status", first, second, emulator=emulator).stdout
    assert [line.split()[1] for line in lines.splitlines() if line.startswith("video")] == [first, second]


def test_status_waits_for_several_at_a_time(ids: tuple[Emulator, list[str]], vidup: Cli) -> None:
    """8 s for both, not one after the other; the status is that of the end."""
    emulator, both = ids
    emulator.add_fault("on=status,times=3:encode=stuck")
    done = vidup("status", "--wait", "--json", *both, emulator=emulator)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert [(one["video_id"], one["encoding"]["playable"]) for one in told] == [(both[0], True), (both[1], True)]


@pytest.mark.parametrize(("encode", "code"), [("stuck", 9), ("failed", 8)])
def test_status_ends_with_the_codes_of_the_wait(ids: tuple[Emulator, list[str]], vidup: Cli, encode: str, code: int) -> None:
    """The last status all the same, with error and exit code in the object."""
    emulator, (first, _second) = ids
    emulator.add_fault(f"on=status,times=*:encode={encode}")
    done = vidup("status", "--wait", "--wait-timeout", "4", "--json", first, emulator=emulator)
    told = json.loads(done.stdout)
    assert (done.returncode, told["exit_code"], told["encoding"]["playable"], told["ingest"]["status"]) == (code, code, False, "uploaded")
    assert told["error"]["title"] in done.stderr


def test_status_that_waits_for_nothing_known_is_5_at_once(ids: tuple[Emulator, list[str]], vidup: Cli) -> None:
    """Alone it prints nothing but the error; the other one is told."""
    emulator, (first, _second) = ids
    done = vidup("status", "--wait", "viUnknown", emulator=emulator)
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.strip().splitlines()[-1].startswith("→ Check the video id")
    both = vidup("status", "--wait", "viUnknown", first, emulator=emulator)
    assert (both.returncode, f"video     {first}" in both.stdout) == (5, True)


def test_ctrl_c_ends_a_status_that_waits(stuck: Emulator, video: Video, vidup: Cli) -> None:
    """By the signal, without a traceback."""
    video_id = vidup("upload", video(6 * MIB), emulator=stuck).stdout.strip()
    process = vidup.start("status", "--wait", video_id, emulator=stuck)
    before = len(stuck.requests)
    assert stuck.wait_until(lambda: len(stuck.requests) > before + 1, LONG)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LONG)
    assert process.returncode == -signal.SIGINT
    assert (out, "Traceback" in err) == ("", False)


def test_many_files_wait_together_and_each_tells_its_own_end(stuck: Emulator, video: Video, vidup: Cli) -> None:
    """All are sent first; what does not play in time is 9 for the command, told as what is whole, and the same command sends nothing."""
    paths = [video(6 * MIB, f"{number}.mp4", number) for number in range(1, 4)]
    words: tuple[str | Path, ...] = ("upload", "--wait", *paths)
    done = vidup(*words, "--wait-timeout", "4", "--json", emulator=stuck)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, [one["status"] for one in told], [one["exit_code"] for one in told]) == (9, ["uploaded"] * 3, [9] * 3)
    assert [one["file"] for one in told] == [str(path) for path in paths]
    assert "3 are on the server, whole, but cannot be played" in done.stderr
    assert "waiting until it plays" in done.stderr
    stuck.clear_faults()
    again = vidup(*words, emulator=stuck)
    assert (again.returncode, again.stdout.split()) == (0, [one["video_id"] for one in told])
    assert sorted(parts_sent(stuck)) == [1, 1, 1]
