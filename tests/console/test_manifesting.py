"""--manifest end to end: kill it anywhere and run it again, and every file is exactly one complete video."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LONG, Cli, Gate, fill, inject, sha256
from vidup.emulator.server import Emulator

Emulate = Callable[..., Emulator]


def clips(folder: Path, count: int, size: int = 30_000) -> list[Path]:
    folder.mkdir(exist_ok=True)
    return [fill(folder / f"clip-{number:02}.mp4", size + number, number) for number in range(count)]


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def whole(emulator: Emulator) -> list[str]:
    """The digests of all complete videos, sorted."""
    return sorted(emulator.sha256(video.video_id) or "" for video in emulator.videos.values() if video.complete)


@pytest.fixture
def done(tmp_path: Path) -> Path:
    return tmp_path / "done.ndjson"


def test_a_rerun_sends_nothing_and_prints_everything(emulator: Emulator, tmp_path: Path, vidup: Cli, done: Path) -> None:
    """The same ids in the same order, objects with `skipped`, code 0, and not one request."""
    paths = clips(tmp_path / "clips", 6)
    first = vidup("upload", *paths, "--manifest", done, emulator=emulator)
    assert first.returncode == 0, first.stderr
    asked = len(emulator.requests)
    again = vidup("upload", *paths, "--manifest", done, "--json", emulator=emulator)
    objects = [json.loads(line) for line in again.stdout.splitlines()]
    assert (again.returncode, [one["video_id"] for one in objects]) == (0, first.stdout.split())
    assert {(one["skipped"], one["status"], one["parts_sent"], one["bytes_sent"]) for one in objects} == {(True, "uploaded", 0, 0)}
    assert len(emulator.requests) == asked and len(rows(done)) == 6
    assert "6 were on the server already" in again.stderr


@pytest.mark.parametrize("count", [1, 3])
def test_a_row_tells_the_object_the_content_and_the_time(count: int, emulator: Emulator, tmp_path: Path, vidup: Cli, done: Path) -> None:
    """Of one file as of many."""
    paths = clips(tmp_path / "clips", count)
    vidup("upload", *paths, "--manifest", done, emulator=emulator)
    for row in rows(done):
        path = Path(row["file"])
        assert row["path"] == str(path) and row["size"] == path.stat().st_size and row["mtime_ns"] == path.stat().st_mtime_ns
        assert row["fingerprint"].startswith("1:") and row["ended"].endswith("Z") and row["base_url"] == emulator.url
        assert emulator.sha256(row["video_id"]) == sha256(path) and row["exit_code"] == 0
    again = vidup("upload", *paths, "--manifest", done, emulator=emulator)
    assert again.returncode == 0 and len(emulator.videos) == count and len(again.stdout.split()) == count


def test_failed_files_are_tried_again_and_changed_ones_are_new_videos(emulator: Emulator, tmp_path: Path, vidup: Cli, done: Path) -> None:
    """What failed has a row, too; a file that changed since is said to be a new video."""
    paths = clips(tmp_path / "clips", 4)
    emulator.add_fault("part=1,times=1:error=uploaded-file-invalid-file")
    first = vidup("upload", *paths, "-j", "1", "--manifest", done, emulator=emulator)
    assert (first.returncode, sorted(row["exit_code"] for row in rows(done))) == (6, [0, 0, 0, 6])
    fill(paths[3], 40_000, 99)
    again = vidup("upload", *paths, "--manifest", done, emulator=emulator)
    assert again.returncode == 0 and "clip-03.mp4 has changed since it was uploaded as" in again.stderr
    assert [emulator.sha256(video_id) for video_id in again.stdout.split()] == [sha256(path) for path in paths]
    assert "2 were on the server already" in again.stderr


def test_a_manifest_is_of_one_server(emulate: Emulate, tmp_path: Path, vidup: Cli, done: Path) -> None:
    """What was tried in the sandbox is not in production."""
    paths = clips(tmp_path / "clips", 2)
    for name in "ab":
        emulator = emulate(store=tmp_path / name)
        assert vidup("upload", *paths, "--manifest", done, emulator=emulator).returncode == 0
        assert len(emulator.videos) == 2
    assert len(rows(done)) == 4


def test_a_manifest_is_a_list_of_files(emulator: Emulator, tmp_path: Path, vidup: Cli, done: Path) -> None:
    """Each once, whatever happened to it."""
    paths = clips(tmp_path / "clips", 3)
    vidup("upload", *paths, tmp_path / "gone.mp4", "--manifest", done, emulator=emulator)
    vidup("upload", *paths, tmp_path / "gone.mp4", "--manifest", done, emulator=emulator)
    again = vidup("upload", "--from-file", done, "--manifest", done, "--json", emulator=emulator)
    told = [(json.loads(line)["file"], json.loads(line)["exit_code"]) for line in again.stdout.splitlines()]
    assert sorted(told) == sorted([*((str(path), 0) for path in paths), (str(tmp_path / "gone.mp4"), 3)])


def test_urls_of_a_private_video_are_in_no_manifest(emulator: Emulator, tmp_path: Path, vidup: Cli, done: Path) -> None:
    """They carry a token; neither is the key."""
    vidup("upload", *clips(tmp_path / "clips", 2), "--private", "--manifest", done, emulator=emulator)
    assert {row["assets"] for row in rows(done)} == {None}
    assert "token" not in done.read_text() and emulator.api_key not in done.read_text()


def test_a_dry_run_writes_no_manifest(emulator: Emulator, tmp_path: Path, vidup: Cli, done: Path) -> None:
    """And leaves out what one vouches for."""
    paths = clips(tmp_path / "clips", 3)
    assert vidup("upload", *paths, "--manifest", done, "-n", emulator=emulator).returncode == 0 and not done.exists()
    vidup("upload", *paths[:2], "--manifest", done, emulator=emulator)
    before = done.read_bytes()
    planned = vidup("upload", *paths, "--manifest", done, "-n", emulator=emulator)
    assert "2 left out" in planned.stderr and "clip-02.mp4" in planned.stdout and "clip-00.mp4" not in planned.stdout
    assert done.read_bytes() == before


@pytest.mark.parametrize("count", [1, 3])
def test_a_file_that_is_no_manifest_is_wrong_usage(count: int, emulator: Emulator, tmp_path: Path, vidup: Cli) -> None:
    """And is left as it was; nothing was sent."""
    paths = clips(tmp_path / "clips", count)
    before = paths[0].read_bytes()
    refused = vidup("upload", *paths, "--manifest", paths[0], emulator=emulator)
    assert (refused.returncode, paths[0].read_bytes(), len(emulator.requests)) == (2, before, 0)
    assert "is not a manifest of vidup" in refused.stderr


@pytest.mark.parametrize("count", [1, 12])
def test_a_manifest_that_cannot_be_written_any_more_stops_all(count: int, emulate: Emulate, tmp_path: Path, vidup: Cli, done: Path) -> None:
    """Who asked for it relies on it: 75 on a full disk, told once, and once there is space no file is sent twice."""
    emulator = emulate()
    paths = clips(tmp_path / "clips", count)
    done.touch()
    process = vidup("upload", *paths, "-j", "1", "--manifest", done, emulator=emulator, env=_full_after(done, 3 if count > 1 else 0))
    assert process.returncode == 75, process.stderr
    assert process.stderr.count(f"The manifest {done} cannot be written") == 1
    assert count == 1 or len(emulator.videos) < count
    again = vidup("upload", *paths, "--manifest", done, emulator=emulator)
    assert again.returncode == 0 and whole(emulator) == sorted(map(sha256, paths))


def _full_after(done: Path, count: int) -> dict[str, str]:
    """The environment in which a file takes so many rows, and no more."""
    code = f"""
import os
from vidup.state.disk import OsDisk
real, left = OsDisk.append, [{count}]
def append(self, path, data, lasting=True):
    if str(path) == {str(done)!r}:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, os.strerror(28))
    return real(self, path, data, lasting)
OsDisk.append = append
"""
    folder = done.parent / "full"
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(code)
    return {"PYTHONPATH": str(folder)}


# -- kill it anywhere -----------------------------------------------------------------------------------------------


def _killed(choice: random.Random, vidup: Cli, emulator: Emulator, words: list[str | Path]) -> bool:
    """Run it, and kill it at a seeded point; whether it came to its end before that."""
    kind = choice.choice(["bytes", "write", "fsync", "fsync", "send", "replace"])
    env = {}
    if kind != "bytes":
        number = choice.randint(1, {"write": 60, "fsync": 90, "send": 120, "replace": 20}[kind])
        env = inject(f"kill:{kind}:{number}:{choice.choice(['before', 'after'])}")
    process = vidup.start(*words, emulator=emulator, env=env)
    if kind == "bytes":
        threshold = emulator.payload_bytes() + choice.randrange(1_000_000)
        assert emulator.wait_until(lambda: emulator.payload_bytes() >= threshold or process.poll() is not None, LONG)
        process.kill()
    _, stderr = process.communicate(timeout=LONG)
    assert process.returncode in (0, -signal.SIGKILL), stderr
    assert emulator.wait_until(lambda: not emulator.in_progress(), LONG)
    return process.returncode == 0


@pytest.mark.parametrize("seed", range(6))
def test_killed_anywhere_every_file_is_one_complete_video(seed: int, emulator: Emulator, tmp_path: Path, vidup: Cli, done: Path) -> None:
    """Forty files and up to four kills: in the manifest's write, in a record's, amid a request. Then one run that ends, and one that asks
    for nothing."""
    choice, paths = random.Random(seed), clips(tmp_path / "clips", 40)
    words: list[str | Path] = ["upload", *paths, "-j", "4", "--manifest", done]
    for _ in range(choice.randint(1, 4)):
        if _killed(choice, vidup, emulator, words):
            break
    last = vidup(*words, emulator=emulator)
    assert last.returncode == 0, last.stderr
    assert [emulator.sha256(video_id) for video_id in last.stdout.split()] == [sha256(path) for path in paths]
    assert whole(emulator) == sorted(map(sha256, paths)), "a file is two videos"
    assert not list(vidup.state.glob("*.jsonl")), "a record was left behind"
    asked = len(emulator.requests)
    again = vidup(*words, emulator=emulator)
    assert (again.stdout, len(emulator.requests)) == (last.stdout, asked)


def test_a_record_left_behind_by_a_kill_is_dropped(emulator: Emulator, tmp_path: Path, vidup: Cli, done: Path) -> None:
    """The row is on the disk, the record not yet gone: the rerun asks nothing, and tidies up."""
    (path,) = clips(tmp_path / "clips", 1)
    emulator.add_fault("part=1,times=1:error=uploaded-file-invalid-file")
    assert vidup("upload", path, emulator=emulator).returncode == 6
    (record,) = vidup.state.glob("*.jsonl")
    kept = record.read_bytes()
    assert vidup("upload", path, "--manifest", done, emulator=emulator).returncode == 0 and not record.exists()
    record.write_bytes(kept)
    asked = len(emulator.requests)
    again = vidup("upload", path, "--manifest", done, emulator=emulator)
    assert (again.returncode, len(emulator.requests), record.exists()) == (0, asked, False)


@pytest.mark.parametrize("more", [(), ("--if-exists", "skip")])
def test_another_machine_goes_on_with_the_manifest(
    more: tuple[str, ...], emulator: Emulator, gate: Gate, tmp_path: Path, vidup: Cli, done: Path
) -> None:
    """The machine and its state are gone, the files are in another folder: what the manifest has is not sent again, and with --if-exists
    skip neither is what became whole a moment before its row."""
    gate.hold(lambda record: record.part and sum(one.part is not None for one in emulator.requests) > 6)
    paths = clips(tmp_path / "one", 12)
    words: list[str | Path] = ["upload", "-r", ".", "--manifest", done, "--portable", "-j", "2", *more]
    process = Cli(vidup.state, tmp_path / "one").start(*words, emulator=emulator)
    assert emulator.wait_until(lambda: done.exists() and len(done.read_text().splitlines()) >= 4, LONG)
    process.kill()
    process.communicate()
    gate.open()
    assert emulator.wait_until(lambda: not emulator.in_progress(), LONG)
    shutil.rmtree(vidup.state)
    shutil.move(tmp_path / "one", tmp_path / "two")
    kept = {row["video_id"] for row in rows(done)}
    again = Cli(tmp_path / "other state", tmp_path / "two")(*words, emulator=emulator)
    assert again.returncode == 0, again.stderr
    assert kept < set(again.stdout.split()) and re.search(r"(\d+) were on the server already", again.stderr)
    assert [emulator.sha256(video_id) for video_id in again.stdout.split()] == [sha256(tmp_path / "two" / path.name) for path in paths]
    for path in paths:
        same = [video for video in emulator.videos if emulator.sha256(video) == sha256(tmp_path / "two" / path.name)]
        assert len(same) == 1 or not kept.intersection(same), "sent again although the manifest has it"
    if more:
        assert whole(emulator) == sorted(sha256(tmp_path / "two" / path.name) for path in paths)


@pytest.mark.parametrize("wait", [(), ("--wait",)])
def test_what_another_run_finished_meanwhile_is_no_second_video(
    wait: tuple[str, ...], emulate: Emulate, gate: Gate, tmp_path: Path, vidup: Cli, done: Path
) -> None:
    """Two runs with one manifest at the same time, as where a cron job overlaps with the one before: the slow one looked at the manifest
    before the quick one began, and comes to the file after it was done."""
    emulator = emulate(playable_after=0.2)
    gate.hold(lambda record: record.part and record.video_id == next(iter(emulator.videos)))
    paths = clips(tmp_path / "clips", 4)
    slow = vidup.start("upload", *paths, "-j", "1", "--manifest", done, "--json", *wait, emulator=emulator)
    assert emulator.wait_until(lambda: emulator.payload_bytes() > 0, LONG)
    quick = vidup("upload", paths[3], "--manifest", done, emulator=emulator)
    gate.open()
    stdout, stderr = slow.communicate(timeout=LONG)
    told = [json.loads(line) for line in stdout.splitlines()]
    assert (slow.returncode, quick.returncode) == (0, 0), stderr
    assert [(one["skipped"], one["status"]) for one in told] == [(one == 3, "playable" if wait else "uploaded") for one in range(4)]
    assert told[3]["video_id"] == quick.stdout.strip() and "it was uploaded meanwhile, by another vidup" in stderr
    assert [emulator.sha256(one["video_id"]) for one in told] == [sha256(path) for path in paths] and len(emulator.videos) == 4


# -- until it plays --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3])
def test_a_rerun_that_waits_sends_nothing_and_waits(count: int, emulate: Emulate, tmp_path: Path, vidup: Cli, done: Path) -> None:
    """What a run that did not wait has uploaded is waited for, and then a row says that it plays, so that the next one asks nothing."""
    emulator = emulate(playable_after=0.2)
    words: list[str | Path] = ["upload", *clips(tmp_path / "clips", count), "--manifest", done, "--json"]
    first = [json.loads(line) for line in vidup(*words, emulator=emulator).stdout.splitlines()]
    waited = vidup(*words, "--wait", emulator=emulator)
    told = [json.loads(line) for line in waited.stdout.splitlines()]
    assert (waited.returncode, {one["status"] for one in told}) == (0, {"playable"}), waited.stderr
    assert [(one["video_id"], one["size"], one["skipped"]) for one in told] == [(one["video_id"], one["size"], True) for one in first]
    assert len(emulator.videos) == count and [row["status"] for row in rows(done)] == ["uploaded"] * count + ["playable"] * count
    asked = len(emulator.requests)
    assert vidup(*words, "--wait", emulator=emulator).returncode == 0 and len(emulator.requests) == asked


def test_a_wait_that_was_too_short_is_waited_on(emulate: Emulate, tmp_path: Path, vidup: Cli, done: Path) -> None:
    """9, with the videos whole on the server; the same command sends nothing again."""
    emulator = emulate(faults=["on=status,times=*:encode=stuck"])
    paths = clips(tmp_path / "clips", 2)
    words: list[str | Path] = ["upload", *paths, "--manifest", done, "--wait"]
    short = vidup(*words, "--wait-timeout", "1", emulator=emulator)
    assert short.returncode == 9 and {row["exit_code"] for row in rows(done)} == {9}, short.stderr
    emulator.clear_faults()
    shutil.rmtree(vidup.state)  # on another machine, too
    again = vidup(*words, emulator=emulator)
    assert (again.returncode, len(emulator.videos)) == (0, 2), again.stderr
    assert [emulator.sha256(video_id) for video_id in again.stdout.split()] == [sha256(path) for path in paths]
