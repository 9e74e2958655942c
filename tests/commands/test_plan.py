"""`vidup plan` and `upload --dry-run`: what an upload would take, without one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import LONG, MIB, Cli, statuses
from vidup.emulator.server import Emulator
from vidup.plan.forecast import Forecast
from vidup.plan.parts import MAX_PART, MAX_SIZE, MIN_PART, Plan, total_parts_for


def forecast(size: int, part_size: int, limit: int = 40) -> Forecast:
    return Forecast("movie.mp4", Plan(size, total_parts_for(size, part_size)), limit)


def test_a_plan_needs_no_key_and_sends_nothing(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """Exactly these fields, for the very split that the upload makes."""
    path = video(37 * MIB + 123)
    done = vidup("plan", "--json", path, "--base-url", emulator.url)
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert list(told) == ["file", "size", "part_size", "total_parts", "requests", "uploads_per_minute", "minimum_seconds"]
    assert not emulator.requests and not vidup.state.exists()
    report = json.loads(vidup("upload", "--json", path, emulator=emulator).stdout)
    assert {name: told[name] for name in ("file", "size", "part_size", "total_parts")} == {
        name: report[name] for name in ("file", "size", "part_size", "total_parts")
    }
    assert told["requests"] == len(emulator.requests)


def test_a_plan_for_a_person_names_the_limit(video: Callable[..., Path], vidup: Cli) -> None:
    """For a small file the limit is not in the way, and that is said."""
    done = vidup("plan", "--sandbox", "--part-size", "5MiB", video(12 * MIB))
    assert done.returncode == 0
    for words in ("2 parts of 6.0 MiB", "requests  5", "40 uploads a minute", "costs no time"):
        assert words in done.stdout


@pytest.mark.parametrize(("size", "name"), [(0, "empty"), (52_428_800_001, "too large")])
def test_a_plan_of_what_cannot_be_uploaded_is_exit_3(size: int, name: str, tmp_path: Path, vidup: Cli) -> None:
    """As the upload itself."""
    path = tmp_path / f"{name}.mp4"
    path.touch()
    with path.open("r+b") as file:
        file.truncate(size)
    done = vidup("plan", "--json", path)
    assert (done.returncode, json.loads(done.stdout)["exit_code"]) == (3, 3)
    assert vidup("plan", "missing.mp4").returncode == 3
    assert vidup("plan", path, "--part-size", "1MiB").returncode == 2


def test_a_huge_file_in_small_parts_is_bound_by_the_limit(tmp_path: Path, vidup: Cli) -> None:
    """1 GiB in parts of 5 MiB at 40 a minute: 204 parts, five whole minutes; 26 MiB would need none."""
    path = tmp_path / "huge.mp4"
    path.touch()
    with path.open("r+b") as file:
        file.truncate(1024 * MIB)
    told = vidup("plan", "--sandbox", "--part-size", "5MiB", path).stdout
    for words in ("204 parts", "it alone takes 5:00", "over 3.3 MiB/s the limit binds", "--part-size 26MiB"):
        assert words in told
    assert json.loads(vidup("plan", "--json", "--sandbox", "--part-size", "5MiB", path).stdout)["minimum_seconds"] == 300
    assert json.loads(vidup("plan", "--json", "--sandbox", "--part-size", "26MiB", path).stdout)["minimum_seconds"] == 0


@pytest.mark.parametrize(("parts", "seconds"), [(1, 0), (39, 0), (40, 0), (41, 60), (80, 60), (81, 120)])
def test_a_limit_costs_a_minute_for_each_window_after_the_first(parts: int, seconds: int) -> None:
    """The first 40 parts start at once, the next 40 a minute later."""
    assert Forecast("m", Plan(parts * MIN_PART, parts), 40).minimum_seconds == seconds


def test_a_file_too_large_for_any_part_size_is_advised_the_largest() -> None:
    """50 GB at 40 a minute: even 200 MiB are bound by the limit, but least so."""
    found = forecast(MAX_SIZE, MIN_PART)
    assert found.helpful_part_size == MAX_PART
    assert forecast(MAX_SIZE, MAX_PART).helpful_part_size is None
    assert "This would help: --part-size 200MiB" in "\n".join(found.lines())


@given(st.integers(1, MAX_SIZE), st.integers(MIN_PART, MAX_PART), st.integers(1, 1000))
def test_the_advised_part_size_always_helps(size: int, part_size: int, limit: int) -> None:
    """With it the limit costs less time, and none if it is under the largest that is allowed."""
    before = forecast(size, part_size, limit)
    advised = before.helpful_part_size
    if advised is None:
        return
    after = forecast(size, advised, limit)
    assert after.minimum_seconds <= before.minimum_seconds
    assert after.minimum_seconds == 0 or advised == MAX_PART


def test_a_dry_run_creates_nothing_and_checks_the_key(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """One log in, no video, no record; the plan and what would happen on stdout."""
    done = vidup("upload", "--dry-run", video(12 * MIB), emulator=emulator)
    assert (done.returncode, done.stderr) == (0, "")
    assert "accepted (from the environment variable VIDUP_API_KEY)" in done.stdout
    assert "a new upload, into a new video" in done.stdout
    assert [request.path for request in emulator.requests] == ["/auth/api-key"]
    assert not emulator.videos and not vidup.state.exists()


def test_a_dry_run_tells_what_would_be_continued(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """With the server's word on the parts; afterwards the upload goes on as if nothing had been."""
    emulator = emulate(faults=["part=2:error=uploaded-file-invalid-file"])
    path = video(12 * MIB)
    vidup("upload", path, "--part-size", "5MiB", "-j", "1", emulator=emulator)
    (video_id,) = emulator.videos
    (record,) = vidup.state.glob("*.jsonl")
    before = record.read_bytes()
    told = json.loads(vidup("upload", "-n", "--json", path, emulator=emulator).stdout)
    assert (told["upload_id"], told["video_id"], told["parts_done"], told["total_parts"]) == (record.stem, video_id, 1, 2)
    assert f"{record.stem} would be continued, into the video {video_id}" in vidup("upload", "-n", path, emulator=emulator).stdout
    assert json.loads(vidup("upload", "-n", "--json", "--restart", path, emulator=emulator).stdout)["upload_id"] is None
    assert record.read_bytes() == before
    assert vidup("upload", path, emulator=emulator).stdout.strip() == video_id
    assert len(emulator.videos) == 1


def test_a_dry_run_is_refused_as_the_upload_would_be(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """3 for the file, 4 for the key, 5 for an unknown video, 6 for one that has its content; with an object where one is asked for."""
    emulator = emulate(faults=["part=2:error=uploaded-file-invalid-file"])
    path = video(12 * MIB)
    assert vidup("upload", "-n", "missing.mp4", emulator=emulator).returncode == 3
    assert vidup("upload", "-n", path, "--base-url", emulator.url, env={"VIDUP_API_KEY": "wrong"}).returncode == 4
    assert vidup("upload", "-n", path, "--video-id", "viNone", emulator=emulator).returncode == 5
    vidup("upload", path, "--part-size", "5MiB", "-j", "1", emulator=emulator)
    video(12 * MIB, seed=2)
    done = vidup("upload", "-n", "--json", path, emulator=emulator)
    report = json.loads(done.stdout)
    assert done.returncode == report["exit_code"] == 3
    assert "changed" in report["error"]["title"] and "→" in done.stderr
    whole = vidup("upload", video(10, "small.mp4"), emulator=emulator).stdout.strip()
    assert vidup("upload", "-n", path, "--video-id", whole, emulator=emulator).returncode == 6


def test_a_quiet_dry_run_only_has_an_exit_code(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """-q -n is a test for scripts."""
    done = vidup("upload", "-q", "-n", video(10), emulator=emulator)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not statuses(emulator, path_end="/videos")


@pytest.mark.parametrize(("gibibytes", "said"), [(31, True), (30, False)])
def test_a_plan_says_what_a_file_over_30_gib_means(gibibytes: int, said: bool) -> None:
    """Before the better part of an hour is spent on it."""
    text = "\n".join(forecast(gibibytes * 1024 * MIB, MAX_PART).lines())
    assert ("over 30.00 GiB" in text and "48.83 GiB" in text) is said


def test_a_limit_of_rate_enters_the_plan(video: Callable[..., Path], vidup: Cli) -> None:
    """The longer of the two waits counts; parts are smaller, and each that is in flight has its share."""
    path = video(30 * MIB)
    told = json.loads(vidup("plan", "--json", "--limit-rate", "200KiB", path).stdout)
    assert (told["total_parts"], told["minimum_seconds"]) == (3, 154)
    assert json.loads(vidup("plan", "--json", "--limit-rate", "300M", path).stdout)["minimum_seconds"] == 1
    assert json.loads(vidup("plan", "--json", "--limit-rate", "0", path).stdout)["minimum_seconds"] == 0
    shown = vidup("plan", "--limit-rate", "1M", "-j", "4", path).stdout
    assert "rate      1 MiB/s (8.4 Mbit/s): it alone takes 30 s" in shown and "costs no time" in shown


def test_what_is_there_already_costs_no_time_under_a_limit_of_rate() -> None:
    """Only what is left has to go out."""
    half = Forecast("m", Plan(20 * MIN_PART, 20), 100, parts_done=10, limit_rate=MIN_PART)
    assert half.minimum_seconds == half.sending_seconds == 10
    assert Forecast("m", Plan(100 * MIN_PART, 100), 40, limit_rate=100 * MIN_PART).minimum_seconds == 120


def test_a_stream_is_planned_as_far_as_that_can_be_told(vidup: Cli) -> None:
    """Null for what only its end tells; for a person what it takes of the disk, and what the limit carries."""
    told = json.loads(vidup("plan", "--json", "-").stdout)
    assert (told["size"], told["part_size"], told["total_parts"], told["minimum_seconds"]) == (None, 16 * MIB, None, None)
    shown = vidup("plan", "-", "-j", "2", "--part-size", "30MiB").stdout
    assert "at most 4 parts, 120.0 MiB in the state folder" in shown
    assert "over 50.0 MiB/s the limit binds" in shown


def test_a_file_on_standard_input_is_planned_as_that_file(video: Callable[..., Path], vidup: Cli) -> None:
    """Its size is known."""
    path = video(12 * MIB)
    with path.open("rb") as file:
        process = vidup.start("plan", "--json", "-", stdin=file)
        told = json.loads(process.communicate(timeout=LONG)[0])
    assert (told["file"], told["size"]) == (str(path), 12 * MIB)
