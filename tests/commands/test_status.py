"""`vidup status`: what the server has of a video, for a person and as one object."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import LONG, MIB, Cli
from vidup.api.videostatus import read_video_status
from vidup.emulator.server import Emulator


def test_a_whole_video_is_told_as_one_object(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """Exactly these fields; the encoding is still going on."""
    emulator = emulate(playable_after=3600)
    video_id = vidup("upload", video(12 * MIB), "--part-size", "5MiB", emulator=emulator).stdout.strip()
    told = json.loads(vidup("status", "--json", video_id, emulator=emulator).stdout)
    qualities = told["encoding"].pop("qualities")
    assert told == {
        "v": 1, "video_id": video_id, "encoding": {"playable": False},
        "ingest": {"status": "uploaded", "filesize": 12 * MIB, "parts_received": 2, "total_parts": 2},
    }  # fmt: skip
    assert qualities[0] == {"type": "hls", "quality": "240p", "status": "encoding"}


def test_people_read_lines(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """Parts received of all, size, encoding, whether it plays; stderr is empty."""
    emulator = emulate()
    video_id = vidup("upload", video(12 * MIB), "--part-size", "5MiB", emulator=emulator).stdout.strip()
    done = vidup("status", video_id, emulator=emulator)
    assert (done.returncode, done.stderr) == (0, "")
    for words in (video_id, "uploaded, 2 of 2 parts", "12.0 MiB (12582912 bytes)", "1080p (hls) encoded", "playable  yes"):
        assert words in done.stdout


def test_a_video_begun_tells_its_parts(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """One part of two arrived; the size is not known yet."""
    emulator = emulate(faults=["part=2,times=*:error=uploaded-file-invalid-file"])
    vidup("upload", video(12 * MIB), "--part-size", "5MiB", "-j", "1", emulator=emulator)
    (video_id,) = emulator.videos
    told = json.loads(vidup("status", "--json", video_id, emulator=emulator).stdout)
    assert told["ingest"] == {"status": "uploading", "filesize": None, "parts_received": 1, "total_parts": 2}
    assert "uploading, 1 of 2 parts received" in vidup("status", video_id, emulator=emulator).stdout


def test_an_unknown_id_is_exit_5(emulator: Emulator, vidup: Cli) -> None:
    """With an advice that fits a question, not an upload."""
    done = vidup("status", "viUnknown", emulator=emulator)
    assert (done.returncode, done.stdout) == (5, "")
    assert "--restart" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("→ Check the video id")


@pytest.mark.parametrize("text", ["a/b", "../status", "vi1?x=1", "vi 1", "é"])
def test_what_is_no_id_never_becomes_part_of_an_address(text: str, emulator: Emulator, vidup: Cli) -> None:
    """Exit 2 before any request."""
    done = vidup("status", text, emulator=emulator)
    assert done.returncode == 2
    assert not emulator.requests


def test_a_failing_server_is_asked_again(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """A 503 passes; the retry is told on stderr, and stdout holds the answer alone."""
    emulator = emulate(faults=["on=status,after=1:status=503"])
    video_id = vidup("upload", video(10), emulator=emulator).stdout.strip()
    done = vidup("status", "--json", video_id, emulator=emulator)
    assert done.returncode == 0
    assert json.loads(done.stdout)["video_id"] == video_id
    assert "503" in done.stderr


def test_states_nobody_documented_pass_as_they_are() -> None:
    """Unknown words are shown, wrong types count as not told, and what would act on a terminal is inert."""
    told = read_video_status(
        "vi1",
        {
            "ingest": {"status": "sorting\x1b[2J", "receivedParts": None},
            "encoding": {"playable": "maybe", "qualities": [{"quality": "9000p", "status": "dreaming"}, "x", {"type": 7}]},
        },
    )
    assert told.to_json()["encoding"] == {
        "playable": None,
        "qualities": [{"type": None, "quality": "9000p", "status": "dreaming"}, {"type": None, "quality": None, "status": None}],
    }
    text = "\n".join(told.lines())
    assert "9000p" in text and "dreaming" in text and "sorting\\x1b[2J" in text and "\x1b" not in text


@pytest.mark.parametrize("body", [{}, {"ingest": {}}, {"ingest": None, "encoding": []}, {"encoding": {"qualities": {}}}])
def test_an_answer_without_anything_is_told_as_that(body: dict[str, object]) -> None:
    """Nothing is invented."""
    told = read_video_status("vi1", body)
    assert told.to_json()["ingest"] == {"status": None, "filesize": None, "parts_received": 0, "total_parts": None}
    assert "no state told" in told.lines()[1]


@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGTERM])
def test_a_wait_that_is_stopped_tells_what_was_seen_last(
    kill: signal.Signals, emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli
) -> None:
    """One object, also after a signal, by which the process ends."""
    emulator = emulate(faults=["on=status,times=*:encode=stuck"])
    video_id = vidup("upload", video(1000), emulator=emulator).stdout.strip()
    seen = len(emulator.requests)
    process = vidup.start("status", "--wait", "--json", video_id, emulator=emulator)
    assert emulator.wait_until(lambda: len(emulator.requests) > seen + 2, LONG)
    process.send_signal(kill)
    out, _ = process.communicate(timeout=LONG)
    assert process.returncode == -kill
    told = json.loads(out)
    assert (told["video_id"], told["encoding"]["playable"], told["exit_code"]) == (video_id, False, 128 + kill)
