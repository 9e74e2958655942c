"""Files that are sent while another process writes them: real recorders in real time, and files that are changed behind vidup's back."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.conftest import LONG, Cli, sha256
from tests.console.streaming import MIB, PART
from tests.source.ffmpeg import FFMPEG, needs_ffmpeg
from vidup.emulator.server import Emulator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who writes")
OPTIONS = ("--follow", "--part-size", "5MiB", "-j", "2")
EBML = b"\x1a\x45\xdf\xa3"
CONTAINERS = {
    "mp4": [], "mov": [], "matroska": [], "mpegts": [], "mp4 in fragments": ["-movflags", "frag_keyframe+empty_moov"],
}  # fmt: skip


def parts(emulator: Emulator) -> list[int]:
    """The numbers of the parts that were taken, in their order."""
    return [one.part for one in emulator.requests if one.part and one.status == 201]


@contextmanager
def recorder(path: Path, container: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """ffmpeg, writing some 5 MB a second in real time until it is told to end: by SIGINT, well."""
    assert FFMPEG is not None
    words = [FFMPEG, "-v", "error", "-nostdin", "-re", "-y", "-f", "lavfi", "-i", "testsrc2=s=480x360:r=25,noise=alls=60:allf=t",
             "-t", str(2 * LONG), "-c:v", "mpeg2video", "-q:v", "2", *options, "-f", container, str(path)]  # fmt: skip
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not path.exists() and process.poll() is None:
            time.sleep(0.02)
        try:
            yield process
        finally:
            process.kill()


def end(recording: subprocess.Popen[bytes], emulator: Emulator, count: int = 1) -> None:
    """Have the recorder finish its file once so many parts of it are on the server."""
    assert emulator.wait_until(lambda: len(parts(emulator)) >= count, LONG)
    recording.send_signal(signal.SIGINT)
    recording.wait(LONG)


@needs_ffmpeg
@pytest.mark.parametrize("kind", CONTAINERS)
def test_a_recording_is_on_its_way_before_it_is_over(kind: str, emulator: Emulator, vidup: Cli, tmp_path: Path) -> None:
    """Part 1 and the last one go in the end, and what arrives is the finished file."""
    path = tmp_path / "recording"
    with recorder(path, kind.split()[0], *CONTAINERS[kind]) as recording:
        process = vidup.start("upload", *OPTIONS, "--json", path, emulator=emulator)
        assert emulator.wait_until(lambda: parts(emulator), LONG)
        early = parts(emulator)
        end(recording, emulator)
        out, err = process.communicate(timeout=LONG)
    told = json.loads(out)
    assert told["exit_code"] == 0, err
    assert 1 not in early
    assert parts(emulator)[-2:] == [1, told["total_parts"]]
    assert emulator.sha256(told["video_id"]) == sha256(path)
    assert told["size"] == path.stat().st_size


@needs_ffmpeg
def test_a_recorder_that_rewrites_all_of_it_ends_with_nothing_completed(emulator: Emulator, vidup: Cli, tmp_path: Path) -> None:
    """+faststart moves every byte; the finished file can then be uploaded as one."""
    path = tmp_path / "recording.mp4"
    with recorder(path, "mp4", "-movflags", "+faststart") as recording:
        process = vidup.start("upload", *OPTIONS, path, emulator=emulator)
        end(recording, emulator)
        _, err = process.communicate(timeout=LONG)
    assert process.returncode == 3
    assert "was rewritten while it was uploaded" in err
    assert err.splitlines()[-1].endswith(f"→ Upload the finished file: vidup upload {path}")
    assert not any(video.complete for video in emulator.videos.values())
    again = vidup("upload", path, emulator=emulator)
    assert (again.returncode, emulator.sha256(again.stdout.strip())) == (0, sha256(path))


@needs_ffmpeg
@pytest.mark.parametrize("kind", ["mp4", "mov"])
def test_a_recorder_that_is_killed_makes_no_video(kind: str, emulator: Emulator, vidup: Cli, tmp_path: Path) -> None:
    """It lacks the table of what is in it, which no recorder will ever write."""
    path = tmp_path / f"recording.{kind}"
    with recorder(path, kind) as recording:
        process = vidup.start("upload", *OPTIONS, path, emulator=emulator)
        assert emulator.wait_until(lambda: parts(emulator), LONG)
        recording.kill()
        _, err = process.communicate(timeout=LONG)
    assert process.returncode == 3
    assert "is still being written, or cut" in err
    assert 1 not in parts(emulator) and not any(video.complete for video in emulator.videos.values())


@needs_ffmpeg
def test_a_killed_follower_goes_on_with_what_has_grown_meanwhile(emulator: Emulator, vidup: Cli, tmp_path: Path) -> None:
    """The same command again, or `vidup resume`: what was sent is compared, and not sent twice."""
    path = tmp_path / "recording.mkv"
    with recorder(path, "matroska") as recording:
        process = vidup.start("upload", *OPTIONS, path, emulator=emulator)
        assert emulator.wait_until(lambda: len(parts(emulator)) >= 2, LONG)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=LONG)
        before, sent = emulator.payload_bytes(), len(parts(emulator))
        process = vidup.start("resume", "--json", emulator=emulator)
        end(recording, emulator, sent + 1)
        out, err = process.communicate(timeout=LONG)
    told = json.loads(out)
    assert told["exit_code"] == 0, err
    assert told["parts_skipped"] >= 1
    assert emulator.sha256(told["video_id"]) == sha256(path)
    assert before + told["bytes_sent"] <= path.stat().st_size + 2 * PART


@contextmanager
def writing(path: Path, size: int) -> Iterator[IO[bytes]]:
    """A file of so many bytes that is open for writing, and begins as a Matroska does."""
    with path.open("wb+") as file:
        file.write(EBML + random.Random(5).randbytes(size - 4))
        file.flush()
        yield file


def _rewrite(path: Path, file: IO[bytes]) -> None:
    file.seek(PART + MIB)
    file.write(b"other bytes")
    file.flush()


def _truncate(path: Path, file: IO[bytes]) -> None:
    os.truncate(path, PART)


def _replace(path: Path, file: IO[bytes]) -> None:
    other = path.with_name("other")
    other.write_bytes(b"x" * (5 * PART))
    other.rename(path)


def _delete(path: Path, file: IO[bytes]) -> None:
    path.unlink()


@pytest.mark.parametrize("change", [_rewrite, _truncate, _replace, _delete])
def test_a_file_that_is_changed_behind_what_was_sent_is_never_completed(
    change: Callable[[Path, IO[bytes]], None], emulator: Emulator, vidup: Cli, tmp_path: Path
) -> None:  # fmt: skip
    """Exit 3; and the same command again does not go on with its parts."""
    path = tmp_path / "recording.mkv"
    with writing(path, 4 * PART) as file:
        process = vidup.start("upload", *OPTIONS, path, emulator=emulator)
        assert emulator.wait_until(lambda: len(parts(emulator)) == 2, LONG)
        change(path, file)
    _, err = process.communicate(timeout=LONG)
    assert process.returncode == 3, err
    assert "was rewritten while it was uploaded" in err
    assert sorted(parts(emulator)) == [2, 3] and not any(video.complete for video in emulator.videos.values())
    if change is _rewrite:
        again = vidup("upload", *OPTIONS, path, emulator=emulator)
        assert (again.returncode, "vidup upload --restart --part-size 5MiB" in again.stderr or "--restart" in again.stderr) == (3, True)
        assert not any(video.complete for video in emulator.videos.values())


def test_its_head_and_its_tail_may_change_until_the_end(emulator: Emulator, vidup: Cli, tmp_path: Path) -> None:
    """Recorders go back to the head when they are done."""
    path = tmp_path / "recording.mkv"
    with writing(path, 3 * PART + 9) as file:
        process = vidup.start("upload", *OPTIONS, path, emulator=emulator)
        assert emulator.wait_until(lambda: len(parts(emulator)) == 2, LONG)
        file.seek(100)
        file.write(b"duration 42")
        file.seek(3 * PART)
        file.write(b"another tail, and longer")
        time.sleep(0.5)
        assert sorted(parts(emulator)) == [2, 3]
    out, err = process.communicate(timeout=LONG)
    assert process.returncode == 0, err
    assert emulator.sha256(out.strip()) == sha256(path)


@pytest.mark.parametrize("size", [1, PART, PART + 1, 2 * PART, 2 * PART + 1])
def test_a_file_that_nobody_writes_any_more_is_sent_at_once(size: int, emulator: Emulator, vidup: Cli, tmp_path: Path) -> None:
    """Of any length, whole."""
    path = tmp_path / "recording.mkv"
    path.write_bytes((EBML + random.Random(5).randbytes(size))[:size])
    done = vidup("upload", *OPTIONS, path, emulator=emulator)
    assert done.returncode == 0, done.stderr
    assert emulator.sha256(done.stdout.strip()) == sha256(path)


def test_what_does_not_change_for_long_enough_is_at_its_end(emulator: Emulator, vidup: Cli, tmp_path: Path) -> None:
    """Also where it is still open: --idle."""
    path = tmp_path / "recording.mkv"
    with writing(path, 2 * PART):
        done = vidup("upload", *OPTIONS, "--idle", "1s", path, emulator=emulator)
    assert done.returncode == 0, done.stderr
    assert emulator.sha256(done.stdout.strip()) == sha256(path)


def test_idle_0_is_no_end_while_somebody_writes(emulator: Emulator, vidup: Cli, tmp_path: Path) -> None:
    """0 is for ever, as everywhere: a pause of the recorder is not the end of the video."""
    path = tmp_path / "recording.mkv"
    with writing(path, 3 * PART):
        process = vidup.start("upload", *OPTIONS, "--idle", "0", path, emulator=emulator)
        assert emulator.wait_until(lambda: 2 in parts(emulator), LONG)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
    out, err = process.communicate(timeout=LONG)
    assert process.returncode == 0, err
    assert emulator.sha256(out.strip()) == sha256(path)


def test_of_a_file_to_which_nothing_is_ever_written_no_video_is_made(emulator: Emulator, vidup: Cli, tmp_path: Path) -> None:
    """Exit 3."""
    path = tmp_path / "recording.mkv"
    path.touch()
    done = vidup("upload", *OPTIONS, path, emulator=emulator)
    assert (done.returncode, emulator.videos) == (3, {})
    assert "is empty (0 bytes)" in done.stderr


def test_list_shows_a_growing_file(emulator: Emulator, vidup: Cli, tmp_path: Path) -> None:
    """It can be resumed by its name."""
    path = tmp_path / "recording.mkv"
    with writing(path, 3 * PART):
        process = vidup.start("upload", *OPTIONS, path, emulator=emulator)
        assert emulator.wait_until(lambda: parts(emulator), LONG)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LONG)
        (row,) = json.loads(vidup("list", "--json").stdout)
        assert (row["file"], row["size"], row["total_parts"]) == (f"follow:{path}", None, None)
        assert "growing" in vidup("list").stdout
    assert vidup("resume", path, emulator=emulator).returncode == 0
    assert emulator.sha256(row["video_id"]) == sha256(path)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--follow", "-", "-t", "T"], "takes one file"), (["--follow", "a", "b"], "takes one file"), (["--idle", "3s", "a"], "only with --follow"),
        (["--follow", "--portable", "a"], "--portable is not for a file that still grows"), (["--follow", "--min-size", "5M", "a"], "--min-size"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_with_follow_is_refused(words: list[str], why: str, emulator: Emulator, vidup: Cli) -> None:
    """Exit 2, before anything is asked."""
    done = vidup("upload", *words, emulator=emulator)
    assert (done.returncode, emulator.requests) == (2, [])
    assert why in done.stderr


def test_what_cannot_be_followed_is_told(emulator: Emulator, vidup: Cli, tmp_path: Path) -> None:
    """A folder, and what is not there."""
    for path in (tmp_path, tmp_path / "nowhere.mkv"):
        assert vidup("upload", "--follow", path, emulator=emulator).returncode == 3
