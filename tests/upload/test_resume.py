"""Resume, measured: kill it anywhere, run the same command again, and count the bytes on the wire."""

from __future__ import annotations

import base64
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import time
import urllib.request
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import LONG, MIB, Cli, Gate, Gated, bodies_out, heard_until, inject, parts_sent, patient, sha256
from vidup.emulator.server import Emulator
from vidup.state.journal import Journal, StateFolder

SIZE = 30 * MIB + 123
PART = 5 * MIB
JOBS = 3
UPLOAD = ("--part-size", "5MiB", "--jobs", str(JOBS))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kill_seed" in metafunc.fixturenames:
        metafunc.parametrize("kill_seed", range(metafunc.config.getoption("--kills")))


def interrupt(vidup: Cli, emulator: Emulator, path: Path, *words: str, after: int = 12 * MIB, number: int = signal.SIGKILL) -> str:
    """Run an upload and end it by a signal once a part and so many bytes have arrived; returns its stderr."""
    process = vidup.start("upload", path, *UPLOAD, *words, emulator=emulator)
    with kept_going(emulator):
        assert emulator.wait_until(lambda: emulator.payload_bytes() >= after and any(view.parts for view in emulator.videos.values()), LONG)
        process.send_signal(number)
        _out, err = process.communicate(timeout=LONG)
    assert emulator.wait_until(lambda: not emulator.in_progress(), LONG)
    return err


@contextmanager
def kept_going(emulator: Emulator) -> Iterator[None]:
    """Meanwhile no more than two parts are answered as stored, so that the last of six is never begun."""
    assert isinstance(emulator, Gated)

    def stored() -> int:
        return sum(one.part is not None and one.status == 201 for one in emulator.requests)

    before = stored()
    emulator.gate.hold(lambda record: record.part is not None and stored() > before + 2)
    try:
        yield
    finally:
        emulator.gate.open()


def slow(emulate: Callable[..., Emulator], *faults: str) -> Emulator:
    return emulate(faults=[*faults, "part=*,times=*:slow=20M"])


def video_with_parts(emulator: Emulator) -> str:
    (video_id,) = (view.video_id for view in emulator.videos.values() if view.parts or view.complete)
    return video_id


# -- kill anywhere -------------------------------------------------------------------------------------------------


def _run_to_a_kill(choice: random.Random, vidup: Cli, emulator: Emulator, path: Path) -> subprocess.Popen[str]:
    """One run that is killed at a seeded point, if it comes that far."""
    kind = choice.choice(["bytes", "bytes", "write", "fsync", "replace", "send"])
    if kind == "bytes":
        process = vidup.start("upload", path, *UPLOAD, emulator=emulator)
        threshold = emulator.payload_bytes() + choice.randrange(SIZE)
        assert emulator.wait_until(lambda: emulator.payload_bytes() >= threshold or process.poll() is not None, LONG)
        process.kill()
    else:
        number = choice.randint(1, {"write": 9, "fsync": 14, "replace": 1, "send": 140}[kind])
        point = f"kill:{kind}:{number}:{choice.choice(['before', 'after'])}"
        process = vidup.start("upload", path, *UPLOAD, emulator=emulator, env=inject(point))
    return process


def test_killed_anywhere_the_same_command_finishes(kill_seed: int, emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """Hash equal, one video, at most the parts in flight sent again, and what was stored before a kill is never sent again."""
    choice, path = random.Random(kill_seed), video(SIZE)
    planned, kills = choice.randint(1, 3), 0
    safe_since: dict[int, int] = {}
    while True:
        last = kills == planned
        process = vidup.start("upload", path, *UPLOAD, emulator=emulator) if last else _run_to_a_kill(choice, vidup, emulator, path)
        out, err = process.communicate(timeout=LONG)
        if out.strip():  # the result was out: a kill after that is a kill of nothing
            break
        assert process.returncode == -signal.SIGKILL and not last, err
        kills += 1
        for part in {part for video_id in emulator.videos for part in emulator.stored_parts(video_id)}:
            safe_since.setdefault(part, kills)
    video_id = out.strip()
    assert emulator.sha256(video_id) == sha256(path)
    assert [view.video_id for view in emulator.videos.values() if view.parts or view.complete] == [video_id]
    assert len(emulator.videos) - 1 <= kills
    assert emulator.payload_bytes() <= SIZE + kills * JOBS * PART
    attempts = Counter(parts_sent(emulator))
    assert {part: run for part, run in safe_since.items() if attempts[part] > run} == {}, "sent again after a kill that found it stored"


def test_what_is_safe_is_counted_on_the_wire(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """One kill in the middle: received bytes stay within the file plus the parts in flight, and the second run says what it skipped."""
    emulator, path = slow(emulate), video(SIZE)
    interrupt(vidup, emulator, path)
    stored = emulator.stored_parts(video_with_parts(emulator))
    assert stored
    done = vidup("upload", path, *UPLOAD, emulator=emulator)
    assert done.returncode == 0
    told = re.search(r"(\d) of 6 parts are already on the server", done.stderr)
    assert told is not None
    assert len(stored) <= int(told[1]) < 6, "a part whose end was in the kernel at the kill may have arrived since"
    accepted = [request.part for request in emulator.requests if request.part is not None and request.status == 201]
    assert max(Counter(accepted).values()) == 1, "what was taken is not sent again"
    assert len(accepted) >= 6 - int(told[1]), "and the rest is"
    assert emulator.payload_bytes() <= SIZE + JOBS * PART
    assert emulator.sha256(done.stdout.strip()) == sha256(path)


def test_a_kill_after_the_last_answer_uploads_nothing_twice(emulator: Emulator, gate: Gate, video: Callable[..., Path], vidup: Cli) -> None:
    """Everything was stored, the result was not out: the rerun prints the id, sends nothing, and the record is gone."""
    path = video(SIZE)
    gate.hold(lambda record: record.path.endswith("/status"))
    process = vidup.start("upload", path, *UPLOAD, emulator=emulator)
    assert emulator.wait_until(lambda: any(record.path.endswith("/status") for record in emulator.requests), LONG)
    process.kill()
    process.communicate()
    gate.open()
    done = vidup("upload", path, *UPLOAD, emulator=emulator)
    assert done.stdout.strip() == video_with_parts(emulator)
    assert emulator.payload_bytes() == SIZE
    assert not list(vidup.state.glob("*.jsonl"))


def test_a_resume_opens_no_more_connections_than_parts_are_left(
    emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli
) -> None:
    """Three parts are missing: three connections, though --jobs allows 16."""
    emulator, path = emulate(faults=["part=4,times=1:error=uploaded-file-invalid-file"]), video(SIZE)
    assert vidup("upload", path, "--part-size", "5MiB", "--jobs", "1", emulator=emulator).returncode != 0
    assert len(emulator.stored_parts(video_with_parts(emulator))) == 3
    before = emulator.connections
    assert vidup("upload", path, "--part-size", "5MiB", "--jobs", "16", emulator=emulator).returncode == 0
    assert emulator.connections - before == 3


# -- server truth --------------------------------------------------------------------------------------------------


def the_record(vidup: Cli) -> Path:
    (path,) = vidup.state.glob("*.jsonl")
    return path


def test_a_deleted_journal_costs_a_new_video_but_no_wrong_one(
    emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli
) -> None:
    """Without any record the upload begins anew."""
    emulator, path = slow(emulate), video(SIZE)
    interrupt(vidup, emulator, path)
    the_record(vidup).unlink()
    done = vidup("upload", path, *UPLOAD, emulator=emulator)
    assert done.returncode == 0
    assert emulator.sha256(done.stdout.strip()) == sha256(path)


@pytest.mark.parametrize("keep", [0, 1, 40, -1, -5], ids=lambda keep: f"keep{keep}")
def test_a_truncated_journal_is_no_harm(keep: int, emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """A torn tail is cut, a torn checkpoint begins anew; the bytes are right."""
    emulator, path = slow(emulate), video(SIZE)
    interrupt(vidup, emulator, path)
    record = the_record(vidup)
    record.write_bytes(record.read_bytes()[:keep])
    done = vidup("upload", path, *UPLOAD, emulator=emulator)
    assert done.returncode == 0, done.stderr
    assert emulator.sha256(done.stdout.strip()) == sha256(path)


def test_a_journal_that_lacks_parts_asks_the_server(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """The server's list counts: no stored part is sent again, though the journal forgot them all."""
    emulator, path = slow(emulate), video(SIZE)
    interrupt(vidup, emulator, path)
    record = the_record(vidup)
    record.write_bytes(record.read_bytes().split(b"\n")[0] + b"\n")
    stored = emulator.stored_parts(video_with_parts(emulator))
    assert vidup("upload", path, *UPLOAD, emulator=emulator).returncode == 0
    attempts = Counter(parts_sent(emulator))
    assert all(attempts[part] == 1 for part in stored)


def test_a_journal_that_claims_too_much_is_not_believed(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """Parts that only the journal knows are sent."""
    emulator, path = slow(emulate), video(SIZE)
    interrupt(vidup, emulator, path)
    journal = Journal.reopen(StateFolder(vidup.state), the_record(vidup).stem)
    for part in range(1, 7):
        journal.confirm(part)
    journal.close()
    done = vidup("upload", path, *UPLOAD, emulator=emulator)
    assert done.returncode == 0
    assert emulator.sha256(done.stdout.strip()) == sha256(path)


def test_a_journal_with_another_total_follows_the_server(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """What is stored binds: the server's split is rebuilt from its total."""
    emulator, path = slow(emulate), video(SIZE)
    interrupt(vidup, emulator, path)
    journal = Journal.reopen(StateFolder(vidup.state), the_record(vidup).stem)
    journal.replanned(3)
    journal.close()
    done = vidup("upload", path, *UPLOAD, emulator=emulator)
    assert done.returncode == 0
    assert emulator.sha256(done.stdout.strip()) == sha256(path)
    assert emulator.payload_bytes() <= SIZE + JOBS * PART


def test_a_record_of_another_version_is_refused_clearly(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """Exit 3 and the way out, which works."""
    emulator, path = slow(emulate), video(SIZE)
    interrupt(vidup, emulator, path)
    record = the_record(vidup)
    rewrite_checkpoint(record, version=99)
    refused = vidup("upload", path, *UPLOAD, emulator=emulator)
    assert refused.returncode == 3
    assert f"vidup forget {record.stem}" in refused.stderr
    assert vidup("forget", record.stem).returncode == 0
    assert vidup("upload", path, *UPLOAD, emulator=emulator).returncode == 0


def test_an_expired_container_says_so_and_offers_restart(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """404 on the video: exit 5, the record stays; --restart begins a new video."""
    emulator, path = slow(emulate), video(SIZE)
    interrupt(vidup, emulator, path)
    emulator.delete_video(video_with_parts(emulator))
    gone = vidup("upload", path, *UPLOAD, emulator=emulator)
    assert gone.returncode == 5
    assert "--restart" in gone.stderr.splitlines()[-1]
    again = vidup("upload", path, *UPLOAD, "--restart", emulator=emulator)
    assert again.returncode == 0
    assert emulator.sha256(again.stdout.strip()) == sha256(path)


@pytest.mark.parametrize(("age_days", "kept"), [(6, True), (8, False)])
def test_the_record_of_a_gone_video_goes_by_itself_only_when_it_must_have_expired(
    age_days: int, kept: bool, emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli
) -> None:
    """A 404 with the same place and key, older than 7 days; never by the clock alone."""
    emulator, path = slow(emulate), video(SIZE)
    interrupt(vidup, emulator, path)
    record = the_record(vidup)
    rewrite_checkpoint(record, began=time.time() - age_days * 86400)
    emulator.delete_video(video_with_parts(emulator))
    assert vidup("upload", path, *UPLOAD, emulator=emulator).returncode == 5
    assert record.exists() is kept


def rewrite_checkpoint(record: Path, **changes: object) -> None:
    """Change the first line of a record as if it had been written so."""
    first, _, rest = record.read_bytes().partition(b"\n")
    text = json.dumps(json.loads(first.partition(b" ")[2]) | changes, sort_keys=True).encode()
    record.write_bytes(f"{zlib.crc32(text):08x} ".encode() + text + b"\n" + rest)


# -- another machine -----------------------------------------------------------------------------------------------


def test_a_portable_upload_is_continued_by_a_machine_without_a_record(
    emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli, tmp_path: Path
) -> None:
    """--portable keeps the file's identity in the video's metadata, beside the user's own; the rest is sent from an empty state folder."""
    emulator, path = slow(emulate), video(SIZE)
    interrupt(vidup, emulator, path, "--portable", "-m", "owner=me")
    video_id = video_with_parts(emulator)
    stored = emulator.stored_parts(video_id)
    elsewhere = Cli(tmp_path / "elsewhere", vidup.cwd)
    done = elsewhere("upload", path, "--video-id", video_id, "--part-size", "20MiB", emulator=emulator)
    assert done.returncode == 0, done.stderr
    assert emulator.sha256(video_id) == sha256(path)
    assert all(Counter(parts_sent(emulator))[part] == 1 for part in stored)
    metadata = emulator.videos[video_id].attributes["metadata"]
    assert isinstance(metadata, list)
    assert {"key": "owner", "value": "me"} in metadata and len(metadata) == 3


def test_without_a_record_foreign_parts_are_refused_unless_adopted(
    emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli, tmp_path: Path
) -> None:
    """Nothing tells whose they are: exit 6 and the reason; --adopt says what is risked and goes on."""
    emulator, path = slow(emulate), video(SIZE)
    interrupt(vidup, emulator, path)
    video_id = video_with_parts(emulator)
    elsewhere = Cli(tmp_path / "elsewhere", vidup.cwd)
    refused = elsewhere("upload", path, "--video-id", video_id, emulator=emulator)
    assert refused.returncode == 6
    assert "--adopt" in refused.stderr.splitlines()[-1]
    adopted = elsewhere("upload", path, "--video-id", video_id, "--adopt", emulator=emulator)
    assert adopted.returncode == 0, adopted.stderr
    assert "will be broken" in adopted.stderr
    assert emulator.sha256(video_id) == sha256(path)


def test_another_file_of_the_same_size_is_refused_by_the_record(
    emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli, tmp_path: Path
) -> None:
    """The portable record tells files apart that only look alike: exit 3, nothing sent."""
    emulator, path = slow(emulate), video(SIZE)
    interrupt(vidup, emulator, path, "--portable")
    sent = emulator.payload_bytes()
    other = video(SIZE, name="other.mp4", seed=2)
    elsewhere = Cli(tmp_path / "elsewhere", vidup.cwd)
    refused = elsewhere("upload", other, "--video-id", video_with_parts(emulator), emulator=emulator)
    assert refused.returncode == 3
    assert emulator.payload_bytes() == sent


def test_an_upload_into_an_empty_named_video_resumes_too(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """--video-id with a container that somebody else made: killed and continued by the same command."""
    emulator, path = slow(emulate), video(SIZE)
    video_id = _create(emulator)
    interrupt(vidup, emulator, path, "--video-id", video_id)
    stored = emulator.stored_parts(video_id)
    done = vidup("upload", path, *UPLOAD, "--video-id", video_id, emulator=emulator)
    assert done.returncode == 0, done.stderr
    assert all(Counter(parts_sent(emulator))[part] == 1 for part in stored)
    assert emulator.sha256(video_id) == sha256(path)


def test_a_second_writer_in_a_named_video_is_refused(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """A stored part that this upload never tried is another's: exit 6, never a mix."""
    emulator, path = slow(emulate), video(SIZE)
    video_id = _create(emulator)
    interrupt(vidup, emulator, path, "--video-id", video_id, after=PART + MIB)
    missing = sorted(set(range(1, 7)) - emulator.stored_parts(video_id))[-1]
    _send_part(emulator, video_id, missing, 6, b"\0" * PART)
    refused = vidup("upload", path, *UPLOAD, "--video-id", video_id, emulator=emulator)
    assert refused.returncode == 6
    assert "Another program" in refused.stderr


def test_two_machines_with_a_portable_record_do_no_harm(
    emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli, tmp_path: Path
) -> None:
    """Both send into one video; a part that the other was faster with is progress, confirmed by the status."""
    emulator, path = slow(emulate), video(SIZE)
    interrupt(vidup, emulator, path, "--portable", after=PART)
    video_id = video_with_parts(emulator)
    machines = [Cli(tmp_path / name, vidup.cwd) for name in ("first", "second")]
    running = [machine.start("upload", path, "--video-id", video_id, "--jobs", "2", emulator=emulator) for machine in machines]
    for process in running:
        _out, err = process.communicate(timeout=LONG)
        assert process.returncode == 0, err
    assert emulator.sha256(video_id) == sha256(path)


def _call(emulator: Emulator, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    basic = base64.b64encode(f"{emulator.api_key}:".encode()).decode()
    request = urllib.request.Request(emulator.url + path, body, {"Authorization": f"Basic {basic}", **headers}, method=method)
    with urllib.request.urlopen(request) as answer:
        content: bytes = answer.read()
    return content


def _create(emulator: Emulator) -> str:
    answer = _call(emulator, "POST", "/videos", b'{"title": "made by somebody else"}', {"Content-Type": "application/json"})
    return str(json.loads(answer)["videoId"])


def _send_part(emulator: Emulator, video_id: str, number: int, total: int, content: bytes) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.mp4"\r\n\r\n' + content + b"\r\n--b--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Content-Range": f"part {number}/{total}"}
    _call(emulator, "POST", f"/videos/{video_id}/source", body, headers)


# -- a changed file ------------------------------------------------------------------------------------------------


def _rewrite(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"changed!")


CHANGES: dict[str, Callable[[Path], object]] = {
    "head": lambda path: _rewrite(path, 100),
    "tail": lambda path: _rewrite(path, SIZE - 100),
    "sampled middle": lambda path: _rewrite(path, 16 * MIB + 10),
    "truncated": lambda path: os.truncate(path, SIZE - 1),
    "grown": lambda path: os.truncate(path, SIZE + 1),
    "replaced": lambda path: path.write_bytes(random.Random(9).randbytes(SIZE)),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changed_between_runs_is_refused(
    change: str, emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli
) -> None:
    """Exit 3, what differs, nothing sent; --restart begins a new video and finishes."""
    emulator, path = slow(emulate), video(SIZE)
    interrupt(vidup, emulator, path)
    sent = emulator.payload_bytes()
    CHANGES[change](path)
    refused = vidup("upload", path, *UPLOAD, emulator=emulator)
    assert refused.returncode == 3
    assert "changed since the interrupted upload" in refused.stderr
    assert "--restart" in refused.stderr.splitlines()[-1]
    assert emulator.payload_bytes() == sent
    again = vidup("upload", path, *UPLOAD, "--restart", emulator=emulator)
    assert again.returncode == 0
    assert emulator.sha256(again.stdout.strip()) == sha256(path)


def test_a_file_that_may_have_been_written_to_is_not_gone_on_with(
    emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli
) -> None:
    """The same file with another modification time: no sample can tell where, so only its owner can say that nothing changed."""
    emulator, path = slow(emulate), video(SIZE)
    interrupt(vidup, emulator, path)
    os.utime(path, (1, 1))
    refused = vidup("upload", path, *UPLOAD, emulator=emulator)
    assert refused.returncode == 3
    assert "or only touched" in refused.stderr and "--adopt" in refused.stderr
    assert vidup("upload", path, *UPLOAD, "--adopt", emulator=emulator).returncode == 0
    assert emulator.sha256(next(iter(emulator.videos))) == sha256(path)


def test_a_copy_made_later_does_not_hide_that_the_file_was_written_to(
    emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli
) -> None:
    """Once a run has seen it, that is in the record: a copy, which is another file of the same samples, is not gone on with either."""
    emulator, path = slow(emulate), video(SIZE)
    interrupt(vidup, emulator, path)
    os.utime(path, (1, 1))
    assert vidup("upload", path, *UPLOAD, emulator=emulator).returncode == 3
    copy = path.with_name("copy")
    shutil.copyfile(path, copy)
    os.replace(copy, path)
    refused = vidup("upload", path, *UPLOAD, emulator=emulator)
    assert refused.returncode == 3 and "or only touched" in refused.stderr
    assert vidup("upload", path, *UPLOAD, "--adopt", emulator=emulator).returncode == 0


def test_a_copy_of_the_file_with_another_modification_time_is_fine(
    emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli
) -> None:
    """CI restores make another file of it: there the content decides."""
    emulator, path = slow(emulate), video(SIZE)
    interrupt(vidup, emulator, path)
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    copy.rename(path)
    done = vidup("upload", path, *UPLOAD, emulator=emulator)
    assert done.returncode == 0
    assert "another modification time" in done.stderr


def test_a_moved_file_is_recognised_by_its_content(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """CI workspaces move: the record's file is gone, this one is the same, so its upload goes on, and that is said."""
    emulator, path = slow(emulate), video(SIZE)
    interrupt(vidup, emulator, path)
    moved = path.rename(path.with_name("elsewhere.mp4"))
    done = vidup("upload", moved, *UPLOAD, emulator=emulator)
    assert done.returncode == 0
    assert "continuing the upload of" in done.stderr
    assert len(emulator.videos) == 1


@pytest.mark.parametrize("change", ["truncated", "grown", "head", "tail"])
def test_a_file_that_changes_while_it_is_sent_is_never_completed(
    change: str, emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli
) -> None:
    """Never a mix, never exit 0; and the next run knows that what was sent may be of the old content."""
    emulator, path = slow(emulate), video(SIZE)
    with kept_going(emulator):
        process = vidup.start("upload", path, *UPLOAD, emulator=emulator)
        assert emulator.wait_until(lambda: emulator.payload_bytes() >= 8 * MIB, LONG)
        CHANGES[change](path)
    _out, err = process.communicate(timeout=LONG)
    assert process.returncode == 3, err
    assert not emulator.videos[video_with_parts(emulator)].complete
    assert vidup("upload", path, *UPLOAD, emulator=emulator).returncode == 3


# -- two at once ---------------------------------------------------------------------------------------------------


def test_the_second_process_on_one_upload_ends_at_once(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """Exit 10, naming the process that holds it; the first is not disturbed."""
    path = video(SIZE)
    with kept_going(emulator):
        first = vidup.start("upload", path, *UPLOAD, emulator=emulator)
        assert emulator.wait_until(lambda: emulator.payload_bytes() > MIB, LONG)
        second = vidup("upload", path, *UPLOAD, emulator=emulator)
    assert second.returncode == 10
    assert f"process {first.pid}" in second.stderr
    first.communicate(timeout=LONG)
    assert first.returncode == 0
    assert len(emulator.videos) == 1


def test_different_files_run_side_by_side(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """Each has its own lock."""
    emulator = slow(emulate)
    paths = [video(12 * MIB, name=name, seed=seed) for name, seed in (("a.mp4", 1), ("b.mp4", 2))]
    running = [vidup.start("upload", path, *UPLOAD, emulator=emulator) for path in paths]
    ids = {process.communicate(timeout=LONG)[0].strip() for process in running}
    assert {emulator.sha256(video_id) for video_id in ids} == {sha256(path) for path in paths}


# -- list, resume, forget ------------------------------------------------------------------------------------------


def test_list_resume_and_forget_speak_of_the_same_upload(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """An id from `list` continues with `resume`; afterwards there is nothing left to list."""
    emulator, path = slow(emulate), video(SIZE)
    interrupt(vidup, emulator, path)
    (row,) = json.loads(vidup("list", "--json").stdout)
    assert list(row) == ["upload_id", "video_id", "file", "size", "total_parts", "parts_done", "age_seconds", "resume_command"]
    assert (row["file"], row["size"], row["total_parts"]) == (str(path), SIZE, 6)
    assert row["resume_command"] == f"vidup resume {row['upload_id']}"
    done = vidup("resume", row["upload_id"], emulator=emulator)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == row["video_id"]
    assert emulator.sha256(row["video_id"]) == sha256(path)
    assert json.loads(vidup("list", "--json").stdout) == []


@pytest.mark.parametrize("name", ["video id", "file", "nothing"])
def test_resume_takes_a_video_id_a_file_or_nothing(
    name: str, emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli
) -> None:
    """Alone it continues the only one."""
    emulator, path = slow(emulate), video(SIZE)
    interrupt(vidup, emulator, path)
    words = {"video id": [video_with_parts(emulator)], "file": [str(path)], "nothing": []}[name]
    assert vidup("resume", *words, emulator=emulator).returncode == 0


@pytest.mark.parametrize("words", [("list",), ("list", "--json"), ("resume", "--all"), ("forget", "--all")])
def test_a_state_folder_that_cannot_be_listed_is_not_taken_for_an_empty_one(words: tuple[str, ...], tmp_path: Path, vidup: Cli) -> None:
    """Exit 3 with its name, where "no interrupted uploads" would be believed; a folder that is not there yet is empty."""
    (tmp_path / "no-folder").symlink_to(tmp_path / "no-folder")
    done = vidup(*words, env={"VIDUP_STATE_DIR": str(tmp_path / "no-folder"), "VIDUP_API_KEY": "k"})
    assert done.returncode == 3
    assert [json.loads(line)["exit_code"] for line in done.stdout.splitlines()] == [3] * ("--json" in words)
    assert "no-folder cannot be read" in done.stderr and "--state-dir" in done.stderr.splitlines()[-1]
    assert vidup("list", env={"VIDUP_STATE_DIR": str(tmp_path / "nothing")}).returncode == 0


def test_resume_alone_with_several_lists_them(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """Exit 2, the commands to choose from; --all continues all."""
    emulator = slow(emulate)
    paths = [video(SIZE, name=name, seed=seed) for name, seed in (("a.mp4", 1), ("b.mp4", 2))]
    for path in paths:
        interrupt(vidup, emulator, path, after=emulator.payload_bytes() + 8 * MIB)
    asked = vidup("resume", emulator=emulator)
    assert asked.returncode == 2
    assert asked.stderr.count("vidup resume ") >= 2
    done = vidup("resume", "--all", emulator=emulator)
    assert done.returncode == 0, done.stderr
    assert {emulator.sha256(video_id) for video_id in done.stdout.split()} == {sha256(path) for path in paths}


def test_an_upload_named_twice_is_continued_once(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """By its id and by its file: one result, one video."""
    emulator, path = slow(emulate), video(SIZE)
    interrupt(vidup, emulator, path)
    done = vidup("resume", the_record(vidup).stem, str(path), the_record(vidup).stem, emulator=emulator)
    assert (done.returncode, done.stdout.split()) == (0, [video_with_parts(emulator)])
    assert emulator.payload_bytes() <= SIZE + JOBS * PART


def test_forget_drops_the_record_and_deletes_only_what_is_vidups(
    emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli
) -> None:
    """--delete-video removes an unfinished video that vidup created, and refuses any other."""
    emulator, path = slow(emulate), video(SIZE)
    interrupt(vidup, emulator, path)
    video_id = video_with_parts(emulator)
    assert vidup("forget", the_record(vidup).stem, "--delete-video", emulator=emulator).returncode == 0
    assert video_id not in emulator.videos
    assert not list(vidup.state.glob("*.jsonl"))
    named = _create(emulator)
    interrupt(vidup, emulator, path, "--video-id", named, after=emulator.payload_bytes() + 8 * MIB)
    refused = vidup("forget", the_record(vidup).stem, "--delete-video", emulator=emulator)
    assert refused.returncode == 6
    assert named in emulator.videos
    assert the_record(vidup)


# -- signals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_ending_signal_ends_vidup_by_that_signal_and_says_how_to_continue(
    number: signal.Signals, code: int, emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli
) -> None:
    """The shell sees the signal; the JSON object says interrupted; the command it names finishes the upload."""
    emulator, path = slow(emulate), video(SIZE)
    with kept_going(emulator):
        process = vidup.start("upload", path, *UPLOAD, "--json", emulator=emulator)
        assert emulator.wait_until(lambda: emulator.payload_bytes() >= 12 * MIB, LONG)
        process.send_signal(number)
        heard_until(process, "Stopping")
    out, err = process.communicate(timeout=LONG)
    assert process.returncode == -number
    report = json.loads(out)
    assert (report["status"], report["exit_code"], report["resumable"]) == ("interrupted", code, True)
    words = shlex.split(report["resume_command"])
    assert report["resume_command"] in err.splitlines()[-1]
    assert vidup(*words[1:], emulator=emulator).returncode == 0
    assert emulator.sha256(report["video_id"]) == sha256(path)


def test_parts_whose_body_is_out_get_their_answer(
    emulator: Emulator, gate: Gate, video: Callable[..., Path], vidup: Cli, tmp_path: Path
) -> None:
    """After Ctrl-C the answers on their way are still written down, so that nothing of it is sent again."""
    gate.hold(lambda record: record.part)
    process = vidup.start("upload", video(SIZE), *UPLOAD, emulator=emulator, env=patient(tmp_path / "out"))
    assert emulator.wait_until(lambda: bodies_out(tmp_path / "out") == 3, LONG)
    process.send_signal(signal.SIGINT)
    heard_until(process, "Stopping")
    gate.open()
    process.communicate(timeout=LONG)
    (record,) = StateFolder(vidup.state).records()
    assert record.confirmed == {1, 2, 3}


def test_a_second_signal_ends_at_once(emulator: Emulator, gate: Gate, video: Callable[..., Path], vidup: Cli, tmp_path: Path) -> None:
    """No waiting for answers that do not come."""
    gate.hold(lambda record: record.part)
    process = vidup.start("upload", video(SIZE), *UPLOAD, emulator=emulator, env=patient(tmp_path / "out"))
    assert emulator.wait_until(lambda: bodies_out(tmp_path / "out") == 3, LONG)
    process.send_signal(signal.SIGINT)
    heard_until(process, "Stopping")
    process.send_signal(signal.SIGINT)
    process.wait(timeout=LONG)
    assert process.returncode == -signal.SIGINT
    process.communicate()


def test_a_shell_loop_stops_at_ctrl_c(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """vidup ends by the signal, so bash does not go on with the next file."""
    emulator = emulate(faults=["part=*,times=*:slow=1M"])  # or the first might be whole within the grace, and nothing undone
    files = " ".join(shlex.quote(str(video(SIZE, name=f"{n}.mp4", seed=n))) for n in (1, 2))
    script = f"for f in {files}; do {shlex.join(vidup.command('upload', '-j', '1'))} $f; done; echo went on"
    shell = subprocess.Popen(
        ["bash", "-c", script], env=vidup.env(emulator), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert emulator.wait_until(lambda: emulator.payload_bytes() >= MIB, LONG)
    os.killpg(shell.pid, signal.SIGINT)
    out, _err = shell.communicate(timeout=LONG)
    assert "went on" not in out
    assert len(emulator.videos) == 1


def test_sigusr1_prints_one_progress_line(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """And nothing else happens."""
    emulator, path = slow(emulate), video(SIZE)
    with kept_going(emulator):
        process = vidup.start("upload", path, *UPLOAD, emulator=emulator)
        assert emulator.wait_until(lambda: emulator.payload_bytes() >= 8 * MIB, LONG)
        process.send_signal(signal.SIGUSR1)
        heard_until(process, "/30.0 MiB")
    process.communicate(timeout=LONG)
    assert process.returncode == 0


# -- the disk ------------------------------------------------------------------------------------------------------


def test_a_full_disk_is_refused_before_the_first_request(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """Exit 75 and what to free: nothing could be resumed without a record, and nothing is wrong with the command."""
    done = vidup("upload", video(SIZE), *UPLOAD, emulator=emulator, env=inject("full:write:1"))
    assert done.returncode == 75
    assert "Free some space" in done.stderr
    assert not emulator.requests


def test_a_disk_that_fills_midway_costs_only_a_warning(emulator: Emulator, video: Callable[..., Path], vidup: Cli) -> None:
    """The server remembers the parts, so the upload stays resumable and goes on."""
    path = video(SIZE)
    done = vidup("upload", path, *UPLOAD, emulator=emulator, env=inject("full:write:6"))
    assert done.returncode == 0
    assert done.stderr.count("state folder cannot be written") == 1
    assert emulator.sha256(done.stdout.strip()) == sha256(path)


def test_a_disk_that_fills_under_an_upload_that_needs_its_journal_stops_it(
    emulator: Emulator, video: Callable[..., Path], vidup: Cli
) -> None:
    """In a named video only the journal tells our parts from another's: 75 and the reason, and the same command goes on."""
    path, video_id = video(SIZE), _create(emulator)
    stopped = vidup("upload", path, *UPLOAD, "--video-id", video_id, emulator=emulator, env=inject("full:write:6"))
    assert stopped.returncode == 75
    assert "No space left" in stopped.stderr
    done = vidup("upload", path, *UPLOAD, "--video-id", video_id, emulator=emulator)
    assert done.returncode == 0, done.stderr
    assert emulator.sha256(video_id) == sha256(path)
