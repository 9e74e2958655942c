"""--portable without a record: the real command on machines with nothing in common but the file and the key."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MIB, Cli, parts_sent, sha256
from vidup.emulator.server import Emulator

SIZE = 15 * MIB + 7
UPLOAD = ("--portable", "--part-size", "5MiB", "-j", "1")
SKIP = (*UPLOAD, "--if-exists", "skip")
Video = Callable[..., Path]
Machine = Callable[[str], Cli]


@pytest.fixture
def machine(vidup: Cli, tmp_path: Path) -> Machine:
    """A machine with a state folder of its own, by its name."""
    return lambda name: Cli(tmp_path / name, vidup.cwd)


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def begun(emulator: Emulator, machine: Cli, path: Path, *words: str) -> str:
    """One part is on the server, and the run ended; the id of the video."""
    before = set(emulator.videos)
    emulator.add_fault("part=2,times=*:error=uploaded-file-invalid-file")
    assert machine("upload", path, *UPLOAD, *words, emulator=emulator).returncode == 6
    emulator.clear_faults()
    (made,) = set(emulator.videos) - before
    return made


@pytest.mark.parametrize("listed", ["", "on=list,times=*:unfiltered"])
@pytest.mark.parametrize("words", [UPLOAD, SKIP])
def test_another_machine_goes_on_without_being_told_the_id(
    listed: str, words: tuple[str, ...], emulator: Emulator, video: Video, machine: Machine
) -> None:
    """Also where the list ignores its filter, and other videos of the account stand before it; the user's own metadata stays."""
    path = video(SIZE)
    video_id = begun(emulator, machine("a"), path, "-m", "owner=me")
    begun(emulator, machine("a"), video(SIZE, "other.mp4", 2))
    if listed:
        emulator.add_fault(listed)
    done = machine("b")("upload", path, *words, "-t", "Another title", "--json", emulator=emulator)
    assert (done.returncode, told(done)["video_id"], told(done)["skipped"]) == (0, video_id, False), done.stderr
    assert (told(done)["parts_sent"], told(done)["parts_skipped"]) == (2, 1)
    assert f"into {video_id} was begun elsewhere; going on with it" in done.stderr
    assert "changed options are not applied (title)" in done.stderr
    assert emulator.sha256(video_id) == sha256(path)
    assert len(emulator.videos) == 2


def test_what_was_found_is_then_known_here(emulator: Emulator, video: Video, machine: Machine) -> None:
    """Interrupted again, it is continued by the record of this machine, by `vidup resume` as well."""
    path, second = video(SIZE), machine("b")
    video_id = begun(emulator, machine("a"), path)
    emulator.add_fault("part=3,times=*:status=503")
    assert second("upload", path, *UPLOAD, "--retry-for", "1", emulator=emulator).returncode == 75
    emulator.clear_faults()
    lists = sum(request.path == "/videos" and request.method == "GET" for request in emulator.requests)
    assert second("resume", emulator=emulator).stdout == f"{video_id}\n"
    assert sum(request.path == "/videos" and request.method == "GET" for request in emulator.requests) == lists
    assert emulator.sha256(video_id) == sha256(path)
    assert Counter(parts_sent(emulator))[1] == 1


def test_skip_makes_a_step_that_is_run_again_cost_nothing(emulator: Emulator, video: Video, machine: Machine) -> None:
    """Each run on a fresh machine: the first uploads, the others print its id; no container is made for them."""
    path = video(SIZE)
    first = machine("a")("upload", path, *SKIP, emulator=emulator)
    assert first.returncode == 0
    for name in ("b", "c"):
        done = machine(name)("upload", path, *SKIP, "--json", emulator=emulator)
        answer = told(done)
        assert (done.returncode, answer["status"], answer["video_id"], answer["skipped"]) == (0, "uploaded", first.stdout.strip(), True)
        assert (answer["parts_sent"], answer["parts_skipped"], answer["bytes_sent"]) == (0, 3, 0)
        assert answer["assets"]["player"].endswith(answer["video_id"])
        assert machine(name)("list", "--json", emulator=emulator).stdout.strip() == "[]"
    assert (len(emulator.videos), parts_sent(emulator)) == (1, [1, 2, 3])
    shown = machine("d")("upload", path, *SKIP, emulator=emulator)
    assert "movie.mp4 is already on the server, whole: nothing was sent" in shown.stderr


def test_skip_takes_a_complete_one_before_an_incomplete_one(emulator: Emulator, video: Video, machine: Machine) -> None:
    """And with --wait it waits for it; as new, the incomplete one is finished."""
    path = video(SIZE)
    incomplete = begun(emulator, machine("a"), path)
    complete = machine("b")("upload", path, *UPLOAD, "--restart", emulator=emulator).stdout.strip()
    done = machine("c")("upload", path, *SKIP, "--wait", "--json", emulator=emulator)
    assert (told(done)["video_id"], told(done)["status"], told(done)["skipped"]) == (complete, "playable", True)
    assert machine("d")("upload", path, *UPLOAD, emulator=emulator).stdout.strip() == incomplete


def test_new_makes_another_video_of_a_complete_one(emulator: Emulator, video: Video, machine: Machine) -> None:
    """That is what it says, and the default."""
    path = video(SIZE)
    ids = [machine(name)("upload", path, *UPLOAD, emulator=emulator).stdout.strip() for name in ("a", "b")]
    ids.append(machine("c")("upload", path, *UPLOAD, "--if-exists", "new", emulator=emulator).stdout.strip())
    assert len(set(ids)) == 3 == len(emulator.videos)


def test_what_was_deleted_is_not_found(emulator: Emulator, video: Video, machine: Machine) -> None:
    """Also where the list has not heard of it: the status is what counts."""
    path = video(SIZE)
    first = machine("a")("upload", path, *SKIP, emulator=emulator).stdout.strip()
    emulator.add_fault("on=status:error=resource-not-found")  # as if it were gone, and listed all the same
    second = machine("b")("upload", path, *SKIP, emulator=emulator)
    assert (second.returncode, second.stdout.strip() != first) == (0, True), second.stderr


def test_another_key_sees_another_account(emulate: Callable[..., Emulator], video: Video, machine: Machine) -> None:
    """What another project has is neither found nor needed."""
    ours, theirs = emulate(), emulate()
    path = video(SIZE)
    begun(theirs, machine("a"), path)
    done = machine("b")("upload", path, *SKIP, "--json", emulator=ours)
    assert (done.returncode, told(done)["skipped"], list(ours.videos)) == (0, False, [told(done)["video_id"]])


def test_a_list_that_fails_is_asked_for_again_and_one_that_is_refused_is_no_answer(
    emulator: Emulator, video: Video, machine: Machine
) -> None:
    """503: again. 400: with skip exit 6 and nothing made, else a warning and a new video."""
    path = video(SIZE)
    video_id = begun(emulator, machine("a"), path)
    emulator.add_fault("on=list,times=2:status=503")
    assert machine("b")("upload", path, *UPLOAD, emulator=emulator).stdout.strip() == video_id
    emulator.add_fault("on=list,times=*:error=invalid-query-parameter")
    refused = machine("c")("upload", path, *SKIP, emulator=emulator)
    assert (refused.returncode, len(emulator.videos)) == (6, 1)
    assert "leave out --if-exists skip" in refused.stderr.splitlines()[-1]
    done = machine("d")("upload", path, *UPLOAD, emulator=emulator)
    assert (done.returncode, len(emulator.videos)) == (0, 2)
    assert "could not be listed" in done.stderr


def test_a_copy_under_another_name_is_another_video(emulator: Emulator, video: Video, machine: Machine) -> None:
    """Two files of one content on one machine: neither joins what the other has begun."""
    one, two = video(SIZE, "one.mp4"), video(SIZE, "two.mp4")
    first = begun(emulator, machine("a"), one)
    done = machine("a")("upload", two, *UPLOAD, emulator=emulator)
    assert (done.returncode, done.stdout.strip() != first) == (0, True)
    assert machine("a")("upload", one, *UPLOAD, emulator=emulator).stdout.strip() == first


def test_restart_looks_for_nothing(emulator: Emulator, video: Video, machine: Machine) -> None:
    """A new video is what it means."""
    path = video(SIZE)
    begun(emulator, machine("a"), path)
    assert machine("b")("upload", path, *UPLOAD, "--restart", emulator=emulator).returncode == 0
    assert len(emulator.videos) == 2
    assert not [request for request in emulator.requests if (request.method, request.path) == ("GET", "/videos")][1:]


def test_a_dry_run_says_what_it_would_go_on_with(emulator: Emulator, video: Video, machine: Machine) -> None:
    """And writes nothing."""
    path = video(SIZE)
    video_id = begun(emulator, machine("a"), path)
    done = machine("b")("upload", path, *UPLOAD, "--dry-run", "--json", emulator=emulator)
    assert (told(done)["video_id"], told(done)["parts_done"], told(done)["upload_id"]) == (video_id, 1, None)
    assert not list((machine("b").state).glob("*.jsonl"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--if-exists", "skip"), "--if-exists goes with --portable"), (("--if-exists", "new"), "--if-exists goes with --portable"),
        (("--portable", "--if-exists", "skip", "--restart"), "leave out one of them"), (("--portable", "--if-exists", "maybe"), "'maybe'"),
        (("--if-exists", "skip", "--video-id", "vi1"), "applies when a video is created"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_together_is_refused(
    words: tuple[str, ...], says: str, emulator: Emulator, video: Video, machine: Machine
) -> None:
    """Exit 2 before any request; from the environment it only applies where --portable is."""
    done = machine("a")("upload", video(SIZE), *words, emulator=emulator)
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr
    assert not emulator.requests
    assert machine("a")("upload", video(SIZE), emulator=emulator, env={"VIDUP_IF_EXISTS": "skip"}).returncode == 0
