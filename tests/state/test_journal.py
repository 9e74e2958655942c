"""The record on the disk: what is written is read back, and what the disk refuses or tears harms nothing."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.conftest import MIB, fill, sha256
from tests.state.memory_disk import MemoryDisk
from tests.state.test_record import CHECKPOINT, MUTATIONS, mutated
from tests.upload.runs import run_upload
from vidup.api.credentials import ApiKey
from vidup.emulator.server import Emulator
from vidup.errors import ExitCode, VidupError
from vidup.state.disk import OsDisk
from vidup.state.identity import key_hash
from vidup.state.journal import Journal, StateFolder, Unreadable, disk_refuses
from vidup.state.record import Record, encode
from vidup.upload.order import Order
from vidup.upload.outcome import Report

ID = CHECKPOINT.upload_id


@pytest.fixture
def disk() -> MemoryDisk:
    return MemoryDisk()


@pytest.fixture
def folder(disk: MemoryDisk) -> StateFolder:
    return StateFolder(Path("/state"), disk)


def test_what_is_written_is_read_back(folder: StateFolder) -> None:
    """The checkpoint, the parts confirmed, tried and refused, and what changed since."""
    journal = Journal.create(folder, CHECKPOINT._replace(vouched=False))
    journal.attempt(2, 3, 5)
    journal.confirm(2)
    journal.refused(3)
    journal.moved("/elsewhere/movie.mp4")
    journal.adopted()
    assert folder.read(ID) == Record(CHECKPOINT._replace(path="/elsewhere/movie.mp4"), frozenset({2}), frozenset({2, 5}), False)
    journal.file_changed()
    journal.replanned(3)
    assert folder.read(ID) == Record(CHECKPOINT._replace(path="/elsewhere/movie.mp4", total_parts=3), frozenset(), frozenset(), True)


def test_parts_that_are_tried_together_cost_one_write(folder: StateFolder, disk: MemoryDisk) -> None:
    """Each write waits for the disk; none is made for nothing."""
    journal = Journal.create(folder, CHECKPOINT)
    before = disk.writes
    journal.attempt(*range(1, 7))
    journal.attempt()
    assert disk.writes == before + 1
    record = folder.read(ID)
    assert record is not None and record.attempted == set(range(1, 7))


@pytest.mark.parametrize(("parts", "lasts"), [(1, False), (2, True), (10_000, True)])
def test_the_record_of_an_upload_of_one_part_waits_for_no_platter(
    parts: int, lasts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power failure can cost it that part alone; a kill costs nothing, for the kernel has what was written."""
    folder, synced = StateFolder(tmp_path), list[int]()
    monkeypatch.setattr(os, "fsync", synced.append)
    journal = Journal.create(folder, CHECKPOINT._replace(total_parts=parts))
    journal.attempt(1)
    journal.confirm(1)
    assert folder.read(ID) == Record(CHECKPOINT._replace(total_parts=parts), frozenset({1}), frozenset({1}))
    Journal.reopen(folder, ID, parts).forget()
    assert folder.read(ID) is None
    assert bool(synced) == lasts


def test_a_record_that_is_to_be_gone_on_with_is_on_the_platter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is told that an upload can go on may switch the machine off; what lasts anyway costs nothing more."""
    folder, synced = StateFolder(tmp_path), list[int]()
    journals = [Journal.create(folder, CHECKPOINT._replace(upload_id=f"u{parts}", total_parts=parts)) for parts in (1, 2)]
    monkeypatch.setattr(os, "fsync", synced.append)
    for journal in journals:
        journal.keep()
    assert len(synced) == 2, "the file, and the folder that names it"


def test_a_record_that_is_split_anew_lasts_from_then_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server counts it in more parts than one."""
    synced = list[int]()
    monkeypatch.setattr(os, "fsync", synced.append)
    journal = Journal.create(StateFolder(tmp_path), CHECKPOINT._replace(total_parts=1))
    assert not synced
    journal.replanned(3)
    assert len(synced) == 1


def test_the_folder_is_probed_once_for_all_files(folder: StateFolder, disk: MemoryDisk) -> None:
    """And again as long as it failed."""
    disk.refuses = 28
    with pytest.raises(VidupError):
        folder.prepare()
    disk.refuses = 0
    folder.prepare()
    before = disk.writes
    folder.prepare()
    assert disk.writes == before


def test_a_torn_tail_is_cut_and_the_next_line_is_whole(folder: StateFolder, disk: MemoryDisk) -> None:
    """Power was lost in the middle of a line."""
    Journal.create(folder, CHECKPOINT).confirm(1)
    path = folder.file_of(ID)
    disk.files[path] = disk.files[path][:-7]
    Journal.reopen(folder, ID).confirm(4)
    record = folder.read(ID)
    assert record is not None
    assert record.confirmed == {4}


def test_a_closed_journal_writes_no_more(folder: StateFolder) -> None:
    """The lock is released, so the record may be another process's."""
    journal = Journal.create(folder, CHECKPOINT)
    journal.close()
    with pytest.raises(OSError, match="closed"):
        journal.confirm(1)
    record = folder.read(ID)
    assert record is not None and not record.confirmed


def test_a_record_is_created_whole_or_not_at_all(folder: StateFolder, disk: MemoryDisk) -> None:
    """The disk fills up between the index and the record."""
    disk.refuses, disk.after = errno.ENOSPC, 1
    with pytest.raises(OSError, match="No space"):
        Journal.create(folder, CHECKPOINT)
    assert folder.upload_ids() == []


def test_a_record_of_another_version_is_refused_by_name_and_skipped_in_a_listing(folder: StateFolder, disk: MemoryDisk) -> None:
    """It does not stand in the way of others."""
    disk.files[folder.file_of(ID)] = encode({"kind": "checkpoint", "version": 2, **CHECKPOINT._asdict()})
    Journal.create(folder, CHECKPOINT._replace(upload_id="abcdefgh", began=2.0))
    Journal.create(folder, CHECKPOINT._replace(upload_id="xyzxyzxy", began=1.0))
    with pytest.raises(VidupError, match="another version") as refused:
        folder.read(ID)
    assert refused.value.code is ExitCode.FILE
    assert [record.checkpoint.upload_id for record in folder.records()] == ["xyzxyzxy", "abcdefgh"]


def test_the_key_hash_tells_keys_apart_and_nothing_else() -> None:
    """Eight digits of a slow hash over key and place."""
    assert key_hash("https://a", "key1") == key_hash("https://a", "key1")
    assert len({key_hash("https://a", "key1"), key_hash("https://a", "key2"), key_hash("https://b", "key1")}) == 3
    assert len(key_hash("https://a", "key1")) == 8


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ENOSPC, 75), (errno.EDQUOT, 75), (errno.EROFS, 3), (errno.EIO, 3), (errno.EACCES, 3), (errno.ENOENT, 3)],
)
def test_a_full_disk_is_worth_another_try_and_any_other_fault_is_not(number: int, code: int, folder: StateFolder, disk: MemoryDisk) -> None:
    """75 where space is to be freed, 3 where something is to be repaired; the folder and the way out are named."""
    disk.refuses = number
    with pytest.raises(VidupError, match="/state cannot be written") as refused:
        folder.prepare()
    told = disk_refuses(OSError(number, "so"))
    assert refused.value.code == told.code == code
    assert ("Free some space" in told.advice) == (code == 75)
    assert "--state-dir" in told.advice and told.cause == "so"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """With the option that names another."""
    (tmp_path / "file").touch()
    with pytest.raises(VidupError, match="cannot be written") as refused:
        StateFolder(tmp_path / "file" / "state").prepare()
    assert refused.value.code is ExitCode.FILE
    assert "--state-dir" in refused.value.advice


@given(mutations=MUTATIONS)
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
        return run_upload(order)

    with Emulator(store=place / "store", faults=["part=2:error=uploaded-file-invalid-file"]) as emulator:
        assert run(emulator).status == "failed"
        (record,) = (place / "state").glob("*.jsonl")
        record.write_bytes(mutated(record.read_bytes(), mutations))
        report = run(emulator)
        if report.status == "uploaded":
            assert report.video_id is not None
            assert emulator.sha256(report.video_id) == sha256(path)
        else:
            assert report.exit_code in (ExitCode.FILE, ExitCode.UNKNOWN, ExitCode.REJECTED)


class Sealed(OsDisk):
    """A disk that does not give what is on it."""

    def read(self, path: Path, start: int = 0) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))


def test_a_record_that_the_disk_does_not_give_is_not_taken_for_none(tmp_path: Path) -> None:
    """Else a second video would be made, and the good record replaced; of other uploads' records nobody is kept from his own."""
    folder = StateFolder(tmp_path)
    folder.prepare()
    Journal.create(folder, CHECKPOINT)
    sealed = StateFolder(tmp_path, Sealed())
    with pytest.raises(Unreadable, match="cannot be read"):
        sealed.read(CHECKPOINT.upload_id)
    with pytest.raises(Unreadable):
        list(sealed.records())
