"""The record on the disk: what is written is read back, and what is damaged is dropped, never guessed at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import MIB, fill, sha256
from vidup.api.credentials import ApiKey
from vidup.emulator.server import Emulator
from vidup.errors import ExitCode, VidupError
from vidup.state.identity import key_hash, upload_id_for
from vidup.state.journal import Busy, Checkpoint, Journal, StateFolder, find_moved, find_record, read_record
from vidup.upload.order import Order
from vidup.upload.report import Report
from vidup.upload.upload import Upload

CHECKPOINT = Checkpoint(
    upload_id="k3f9abcd", path="/films/movie.mp4", size=30, mtime_ns=1, fingerprint="1:ab", base_url="https://ws.api.video", video_id="vi1", total_parts=6,
    created=True, vouched=True, requested_id="", key_hash="12345678", options={"title": "x"}, began=1000.0,
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    place = StateFolder(tmp_path / "state")
    place.prepare()
    return place


def test_what_is_written_is_read_back(folder: StateFolder) -> None:
    """The checkpoint, the parts confirmed and tried, and what changed since."""
    journal = Journal.create(folder, CHECKPOINT)
    journal.confirm(2)
    journal.attempt(5)
    journal.moved("/elsewhere/movie.mp4")
    journal.close()
    record = folder.read("k3f9abcd")
    assert record is not None
    assert record.checkpoint == CHECKPOINT._replace(path="/elsewhere/movie.mp4")
    assert (record.confirmed, record.attempted, record.file_changed) == (frozenset({2}), frozenset({2, 5}), False)


def test_another_total_forgets_the_parts_of_the_old_split(folder: StateFolder) -> None:
    """A part number means nothing without its total."""
    journal = Journal.create(folder, CHECKPOINT)
    journal.confirm(2)
    journal.replanned(3)
    journal.confirm(1)
    journal.close()
    record = folder.read("k3f9abcd")
    assert record is not None
    assert (record.checkpoint.total_parts, record.confirmed) == (3, frozenset({1}))


def test_a_torn_tail_is_cut_and_the_next_line_is_whole(folder: StateFolder) -> None:
    """Power was lost in the middle of a line."""
    journal = Journal.create(folder, CHECKPOINT)
    journal.confirm(1)
    journal.close()
    path = folder.file_of("k3f9abcd")
    path.write_bytes(path.read_bytes()[:-7])
    journal = Journal.reopen(folder, "k3f9abcd")
    journal.confirm(4)
    journal.close()
    record = folder.read("k3f9abcd")
    assert record is not None
    assert record.confirmed == {4}


def test_a_line_whose_checksum_is_wrong_is_dropped(folder: StateFolder) -> None:
    """A flipped digit must not become another part."""
    journal = Journal.create(folder, CHECKPOINT)
    journal.confirm(1)
    journal.confirm(2)
    journal.close()
    path = folder.file_of("k3f9abcd")
    path.write_bytes(path.read_bytes().replace(b'"value": 1}', b'"value": 9}'))
    record = folder.read("k3f9abcd")
    assert record is not None
    assert record.confirmed == {2}


def test_a_record_of_another_version_is_not_read_but_does_not_stand_in_the_way(
    folder: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused by name, and skipped in a listing."""
    monkeypatch.setattr("vidup.state.journal.VERSION", 2)
    Journal.create(folder, CHECKPOINT).close()
    monkeypatch.undo()
    with pytest.raises(VidupError, match="another version") as refused:
        folder.read("k3f9abcd")
    assert refused.value.code is ExitCode.FILE
    assert list(folder.records()) == []


def test_names_that_are_not_text_survive(folder: StateFolder) -> None:
    """A path is bytes on Linux."""
    Journal.create(folder, CHECKPOINT._replace(path="/films/\udcff.mp4")).close()
    assert find_record(folder, "/films/\udcff.mp4", CHECKPOINT.base_url, "") is not None


def test_an_upload_is_told_by_path_place_and_named_video(folder: StateFolder) -> None:
    """The same file to another place, or into another video, is another upload."""
    Journal.create(folder, CHECKPOINT).close()
    assert find_record(folder, CHECKPOINT.path, CHECKPOINT.base_url, "") is not None
    assert find_record(folder, "/films/other.mp4", CHECKPOINT.base_url, "") is None
    assert find_record(folder, CHECKPOINT.path, "https://sandbox.api.video", "") is None
    assert find_record(folder, CHECKPOINT.path, CHECKPOINT.base_url, "vi9") is None
    ids = {upload_id_for(p, b, v) for p, b, v in (("a", "b", ""), ("a", "b", "c"), ("a", "c", ""), ("b", "b", ""))}
    assert len(ids) == 4
    assert all(name.isalnum() and name.isascii() for name in ids)


def test_a_record_whose_file_is_gone_is_found_by_content(folder: StateFolder, tmp_path: Path) -> None:
    """But not while its own file is still there."""
    here = tmp_path / "movie.mp4"
    Journal.create(folder, CHECKPOINT._replace(path=str(here))).close()
    assert find_moved(folder, CHECKPOINT.base_url, "", "1:ab") is not None
    assert find_moved(folder, CHECKPOINT.base_url, "", "1:cd") is None
    here.touch()
    assert find_moved(folder, CHECKPOINT.base_url, "", "1:ab") is None


def test_the_key_hash_tells_keys_apart_and_nothing_else() -> None:
    """Eight digits of a slow hash over key and place."""
    assert key_hash("https://a", "key1") == key_hash("https://a", "key1")
    assert len({key_hash("https://a", "key1"), key_hash("https://a", "key2"), key_hash("https://b", "key1")}) == 3
    assert len(key_hash("https://a", "key1")) == 8


def test_the_lock_is_held_by_one_and_freed_at_the_end(folder: StateFolder) -> None:
    """Another process is refused at once, with the holder's name."""
    import subprocess
    import sys

    with folder.locked("k3f9abcd"), pytest.raises(Busy) as busy, folder.locked("k3f9abcd"):
        pass
    assert busy.value.code is ExitCode.BUSY
    with folder.locked("k3f9abcd"):
        code = f"from pathlib import Path; from vidup.state.journal import StateFolder\nwith StateFolder(Path({str(folder.path)!r})).locked('k3f9abcd'): pass"
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "Busy" in other.stderr
    with folder.locked("k3f9abcd"):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """With the option that names another."""
    (tmp_path / "file").touch()
    with pytest.raises(VidupError, match="cannot be written") as refused:
        StateFolder(tmp_path / "file" / "state").prepare()
    assert "--state-dir" in refused.value.advice


_MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "insert", "drop line", "swap lines", "double"]), st.floats(0, 1), st.binary(min_size=1, max_size=9)
    ),
    min_size=1,
    max_size=3,
)


def _mutated(data: bytes, mutations: list[tuple[str, float, bytes]]) -> bytes:
    for kind, where, junk in mutations:
        at = int(where * max(0, len(data) - 1))
        lines = data.split(b"\n")
        line = int(where * (len(lines) - 1))
        match kind:
            case "flip":
                data = data[:at] + bytes(b ^ j for b, j in zip(data[at : at + len(junk)], junk, strict=False)) + data[at + len(junk) :]
            case "cut":
                data = data[:at]
            case "insert":
                data = data[:at] + junk + data[at:]
            case "drop line":
                data = b"\n".join(lines[:line] + lines[line + 1 :])
            case "swap lines":
                data = b"\n".join(reversed(lines))
            case _:
                data = data + data
    return data


@given(mutations=_MUTATIONS, junk=st.binary(max_size=200))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_damage_makes_reading_a_record_fail(mutations: list[tuple[str, float, bytes]], junk: bytes, folder: StateFolder) -> None:
    """Whatever happened to the file, it is read without a traceback, and a checkpoint that is read is the one that was written."""
    Journal.create(folder, CHECKPOINT).close()
    path = folder.file_of("k3f9abcd")
    for content in (_mutated(path.read_bytes(), mutations), junk):
        path.write_bytes(content)
        record = read_record(path)
        assert record is None or record.checkpoint == CHECKPOINT


@given(mutations=_MUTATIONS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_record_ends_in_the_right_bytes_or_a_clear_refusal(
    mutations: list[tuple[str, float, bytes]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """An interrupted upload, its record mutated, and the same command: never a wrong video reported as uploaded."""
    place = tmp_path_factory.mktemp("damaged")
    path = fill(place / "movie.mp4", 11 * MIB)

    def run(emulator: Emulator) -> Report:
        settings_: dict[str, Any] = {"part_size": 5 * MIB, "state_dir": place / "state", "jobs": 1}
        order = Order(path=str(path), base_url=emulator.url, key=ApiKey(emulator.api_key, "the test"), **settings_)
        return Upload(order, lambda _event: None, backoff=lambda _failures: 0.0).run(lambda _report: True)

    with Emulator(store=place / "store", faults=["part=2:error=uploaded-file-invalid-file"]) as emulator:
        assert run(emulator).status == "failed"
        (record,) = (place / "state").glob("*.jsonl")
        record.write_bytes(_mutated(record.read_bytes(), mutations))
        report = run(emulator)
        if report.status == "uploaded":
            assert report.video_id is not None
            assert emulator.sha256(report.video_id) == sha256(path)
        else:
            assert report.exit_code in (ExitCode.FILE, ExitCode.UNKNOWN, ExitCode.REJECTED)
