"""Many files from one command line, as a user gives them: end to end against the emulator."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LONG, MIB, Cli, fill, sha256
from vidup.emulator.server import Emulator


@pytest.fixture
def card(vidup: Cli) -> Path:
    """A memory card in the current folder: two clips, an empty one, and what is none."""
    root = vidup.cwd / "card"
    (root / "day 2").mkdir(parents=True)
    fill(root / "a.mp4", 1000, 1)
    fill(root / "day 2" / "b.MOV", 2000, 2)
    fill(root / "._a.mp4", 100, 3)
    fill(root / "index.txt", 100, 4)
    (root / "empty.mp4").touch()
    return root


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def uploaded(emulator: Emulator) -> dict[str, str | None]:
    """The titles of the videos, and the digest of what each has; None for one that is not whole."""
    return {video.title: emulator.sha256(video_id) for video_id, video in emulator.videos.items()}


def test_a_folder_becomes_a_video_for_each_of_its_videos(card: Path, emulator: Emulator, vidup: Cli) -> None:
    """What is none is skipped and counted; what is empty or missing fails (3), and the others go on. Results come in the order given."""
    done = vidup("upload", "-r", "gone.mp4", "card", "--title", "{parent}: {stem} ({index:02})", "--json", emulator=emulator)
    assert (done.returncode, [(row["file"], row["exit_code"]) for row in objects(done.stdout)]) == (
        3, [("gone.mp4", 3), ("card/a.mp4", 0), ("card/day 2/b.MOV", 0), ("card/empty.mp4", 3)],
    )  # fmt: skip
    assert "2 skipped: 1 no video, 1 hidden" in done.stderr
    assert uploaded(emulator) == {"card: a (02)": sha256(card / "a.mp4"), "day 2: b (03)": sha256(card / "day 2" / "b.MOV")}


def test_what_is_missing_is_told_before_anything_is_sent(emulator: Emulator, vidup: Cli) -> None:
    """Wherever it stands on the list: nobody waits for the others to hear of it."""
    files = [fill(vidup.cwd / f"{number}.mp4", 500, number).name for number in range(3)]
    done = vidup("upload", *files, "gone.mp4", "none.mp4", "--progress", "json", emulator=emulator)
    told = [(event["type"], event["file"]) for event in objects(done.stderr) if event["type"] in ("start", "result")]
    assert (done.returncode, told[:2]) == (3, [("result", "gone.mp4"), ("result", "none.mp4")])
    assert len(emulator.videos) == 3


def test_a_list_from_standard_input_brings_what_each_file_has_of_its_own(card: Path, emulator: Emulator, vidup: Cli) -> None:
    """Paths and objects, mixed; what an object does not say is as the command says."""
    rows = "card/a.mp4\n" + json.dumps({"file": "card/day 2/b.MOV", "title": "Day {2}", "public": False}) + "\n"
    done = vidup("upload", "--from-file", "-", "--tag", "holiday", emulator=emulator, stdin=rows)
    assert done.returncode == 0, done.stderr
    videos = [emulator.videos[video_id] for video_id in done.stdout.split()]
    told = [(video.title, video.attributes.get("public", True), video.attributes["tags"]) for video in videos]
    assert told == [("a", True, ["holiday"]), ("Day {2}", False, ["holiday"])]


def test_paths_that_end_in_a_nul(card: Path, emulator: Emulator, vidup: Cli) -> None:
    """As find -print0 writes them, also with a line break in the name."""
    fill(vidup.cwd / "two\nlines.mp4", 500)
    done = vidup("upload", "--null", "--from-file", "-", emulator=emulator, stdin="card/a.mp4\0two\nlines.mp4\0")
    assert (done.returncode, [emulator.videos[video_id].size for video_id in done.stdout.split()]) == (0, [1000, 500]), done.stderr


def test_a_name_that_is_not_utf_8_goes_the_whole_way(emulator: Emulator, vidup: Cli) -> None:
    """Its object has the very bytes beside what can be shown, and is a row of a list; the title is what can be shown."""
    name = b"caf\xe9.mp4"
    try:
        path = fill(vidup.cwd / os.fsdecode(name), 700)
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    done = vidup("upload", path.name, "--json", emulator=emulator)
    (row,) = objects(done.stdout)
    assert (row["file"], base64.b64decode(row["file_b64"]), list(uploaded(emulator))) == ("caf\ufffd.mp4", name, ["caf\ufffd"])
    again = vidup("plan", "--json", "--from-file", "-", stdin=json.dumps({"file": row["file"], "file_b64": row["file_b64"]}))
    assert [(one["size"], one["file_b64"]) for one in objects(again.stdout)] == [(700, row["file_b64"])]
    manifest = vidup("plan", "--json", "--from-file", "-", stdin=done.stdout)
    assert objects(manifest.stdout) == objects(again.stdout)


def test_an_interrupted_upload_of_such_a_name_is_listed_and_continued(emulator: Emulator, vidup: Cli) -> None:
    """By its id, by its name, and as a row of the list."""
    name = b"caf\xe9.mp4"
    try:
        path = fill(vidup.cwd / os.fsdecode(name), 12 * MIB)
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    emulator.add_fault("part=2:error=uploaded-file-invalid-file")
    failed = vidup("upload", path.name, "--part-size", "5MiB", "-j", "1", emulator=emulator)
    (row,) = json.loads(vidup("list", "--json").stdout)
    assert failed.returncode == 6 and base64.b64decode(row["file_b64"]) == os.fsencode(os.path.realpath(path))
    emulator.clear_faults()
    done = vidup("resume", path.name, emulator=emulator)
    assert (done.returncode, list(uploaded(emulator).values())) == (0, [sha256(path)])


@pytest.mark.parametrize("by", ["order", "hash"])
def test_shards_take_each_file_once(by: str, emulator: Emulator, vidup: Cli) -> None:
    """Each says which files of which list are its own, and an empty one is no failure."""
    files = [fill(vidup.cwd / f"{name}.mp4", 300 + number, number) for number, name in enumerate("dbca")]
    words = [path.name for path in files]
    notes = []
    for number in range(1, 6):
        done = vidup("upload", *words, "--shard", f"{number}/5", "--shard-by", by, "--progress", "plain", emulator=emulator)
        assert done.returncode == 0, done.stderr
        notes.append(done.stderr.splitlines()[0])
        words.reverse()
    assert uploaded(emulator) == {path.stem: sha256(path) for path in files}
    assert [note.partition("shard ")[2].partition(":")[0] for note in notes] == [f"{number}/5" for number in range(1, 6)]
    assert len({note.rpartition("list ")[2] for note in notes}) == 1
    assert sum(int(note.partition(": ")[2].partition(" of 4 files")[0]) for note in notes) == 4


@pytest.mark.parametrize(
    ("words", "stdin"),
    [
        (("a.mp4", "--from-file", "-"), '{"file": "b.mp4", "titel": "x"}'), (("a.mp4", "b.mp4", "--video-id", "vi1"), ""),
        (("a.mp4", "--from-file", "-"), '{"file": "a.mp4", "title": "another"}'), (("a.mp4", "b.mp4", "-t", "{foo}"), ""),
        (("a.mp4", "--from-file", "-", "--api-key-file", "-"), "b.mp4"), (("a.mp4", "b.mp4", "--shard", "auto"), ""), (("a.mp4", "--from-file", "-"), "{"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_sends_nothing(words: tuple[str, ...], stdin: str, emulator: Emulator, vidup: Cli) -> None:
    """2, and not even the key is tried, though other files of the list are good."""
    for name in ("a.mp4", "b.mp4"):
        fill(vidup.cwd / name, 100)
    done = vidup("upload", *words, emulator=emulator, stdin=stdin)
    assert (done.returncode, done.stdout, list(emulator.requests)) == (2, "", []), done.stderr
    assert done.stderr.splitlines()[-1].startswith("→ ")


def test_nothing_to_upload_is_told_and_no_failure(emulator: Emulator, vidup: Cli) -> None:
    """An empty list, a folder without videos, a shard without files: 0, no request, and a program hears of the end."""
    (vidup.cwd / "empty").mkdir()
    fill(vidup.cwd / "a.mp4", 10)
    for words in (("--from-file", "-"), ("-r", "empty"), ("a.mp4", "--shard", "2/2")):
        done = vidup("upload", *words, emulator=emulator)
        assert (done.returncode, done.stdout, list(emulator.requests)) == (0, "", []), done.stderr
        assert "nothing to upload" in done.stderr
        events = objects(vidup("upload", *words, "--progress", "json", emulator=emulator).stderr)
        assert (events[-1]["type"], events[-1]["code"]) == ("exit", 0)


def test_without_a_key_many_files_are_told_so_once(card: Path, vidup: Cli) -> None:
    """A person reads it once; a program gets an object a file."""
    files = ("card/a.mp4", "card/day 2/b.MOV", "gone.mp4")
    done = vidup("upload", *files, "--base-url", "http://127.0.0.1:9")
    assert (done.returncode, done.stdout, done.stderr.count("No API key was given")) == (4, "", 1)
    told = vidup("upload", *files, "--base-url", "http://127.0.0.1:9", "--json")
    assert [(row["file"], row["exit_code"]) for row in objects(told.stdout)] == [(files[0], 4), (files[1], 4), (files[2], 3)]


def test_a_plan_of_many_files_is_their_sum_for_a_person_and_an_object_each_for_a_program(card: Path, vidup: Cli) -> None:
    """All share one log in and one limit: 41 files of one part cost the sandbox a minute. What cannot be uploaded is told, and counts."""
    for number in range(41):
        fill(vidup.cwd / f"{number:02}.mp4", 1000, number)
    files = [f"{number:02}.mp4" for number in range(41)]
    done = vidup("plan", "--sandbox", *files)
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("files     41 (40.0 KiB)", "parts     41", "requests  124", "40 uploads a minute: it alone takes 1:00"):
        assert words in done.stdout
    shard = vidup("plan", "--sandbox", *files, "--shard", "1/2")
    assert "files     21" in shard.stdout and "20 uploads a minute: it alone takes 1:00" in shard.stdout
    told = vidup("plan", "--json", "-r", "card", "gone.mp4")
    rows = objects(told.stdout)
    assert (told.returncode, [(row["file"], row.get("size"), row.get("exit_code")) for row in rows]) == (
        3, [("card/a.mp4", 1000, None), ("card/day 2/b.MOV", 2000, None), ("card/empty.mp4", None, 3), ("gone.mp4", None, 3)],
    )  # fmt: skip


def test_a_dry_run_of_many_files_logs_in_once(card: Path, emulator: Emulator, vidup: Cli) -> None:
    """A line or an object for each, what stops any, and what all take together; nothing is created."""
    done = vidup("upload", "-n", "-r", "card", emulator=emulator)
    assert (done.returncode, [request.path for request in emulator.requests]) == (3, ["/auth/api-key"])
    first, second, *totals = done.stdout.splitlines()
    assert first == "card/a.mp4 (1000 B, 1 part): a new upload, into a new video" and second.startswith("card/day 2/b.MOV (2.0 KiB")
    assert totals[0] == "files     2 (2.9 KiB)" and "nothing was created or sent" in totals[-1]
    assert "card/empty.mp4" in done.stderr
    rows = objects(vidup("upload", "-n", "--json", "-r", "card", emulator=emulator).stdout)
    assert [(row["file"], row.get("parts_done"), row.get("exit_code")) for row in rows] == [
        ("card/a.mp4", 0, None), ("card/day 2/b.MOV", 0, None), ("card/empty.mp4", None, 3),
    ]  # fmt: skip
    assert not emulator.videos and not vidup.state.exists()


def test_a_dry_run_with_a_refused_key_is_refused_for_each(card: Path, emulator: Emulator, vidup: Cli) -> None:
    """4, as the upload would be."""
    done = vidup("upload", "-n", "--json", "card/a.mp4", "card/day 2/b.MOV", "--base-url", emulator.url, env={"VIDUP_API_KEY": "wrong"})
    assert (done.returncode, [row["exit_code"] for row in objects(done.stdout)]) == (4, [4, 4])
    assert len(emulator.requests) == 1


def test_resume_all_goes_on_with_everything_over_one_line(emulator: Emulator, vidup: Cli) -> None:
    """One log in; results in the order in which the uploads began. So does a resume of several names."""
    files = [fill(vidup.cwd / f"{name}.mp4", 12 * MIB, number) for number, name in enumerate("abc")]
    for again in ((), ("--all",)):
        emulator.clear_faults()
        begun = []
        for path in files:
            emulator.add_fault("part=2:error=uploaded-file-invalid-file")
            failed = vidup("upload", path.name, "--part-size", "5MiB", "-j", "1", "--json", emulator=emulator)
            (row,) = objects(failed.stdout)
            begun.append(row)
        emulator.clear_faults()
        before = len(emulator.requests)
        names = again or (begun[0]["upload_id"], begun[1]["video_id"], str(files[2]))
        done = vidup("resume", *names, "--json", emulator=emulator)
        assert (done.returncode, [(row["video_id"], row["parts_skipped"]) for row in objects(done.stdout)]) == (
            0, [(row["video_id"], 1) for row in begun],
        ), done.stderr  # fmt: skip
        assert [request.path for request in list(emulator.requests)[before:]].count("/auth/api-key") == 1


def test_a_signal_while_the_list_is_read_ends_at_once(emulator: Emulator, vidup: Cli) -> None:
    """By the signal, without a request: what the pipe would have named is not known."""
    with vidup.start("upload", "--from-file", "-", emulator=emulator, stdin=subprocess.PIPE) as running:
        assert running.stdin is not None and running.stdout is not None
        running.stdin.write("\n" * 200_000)  # more than a pipe holds: once it is written, vidup is reading
        running.stdin.flush()
        running.send_signal(signal.SIGINT)
        assert running.wait(LONG) == -signal.SIGINT
        assert (running.stdout.read(), list(emulator.requests)) == ("", [])
