"""Which record an upload goes on from, found without reading all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.state.memory_disk import MemoryDisk
from tests.state.test_record import CHECKPOINT
from vidup.state.identity import upload_id_for
from vidup.state.journal import Journal, StateFolder
from vidup.state.record import Checkpoint, encode_checkpoint

PLACE = Path("/state")
BASE = CHECKPOINT.base_url


def checkpoint(number: int, **changes: object) -> Checkpoint:
    """That of file number so, under the upload id that its path gives."""
    path = f"/films/{number}.mp4"
    known = CHECKPOINT._replace(upload_id=upload_id_for(path, BASE, ""), path=path, fingerprint=f"1:{number}", began=float(number))
    return known._replace(**changes)  # type: ignore[arg-type]


def begin(folder: StateFolder, known: Checkpoint) -> str:
    """Write the record of this upload, and forget that it was read or written."""
    Journal.create(folder, known).close()
    return known.upload_id


@pytest.fixture
def disk() -> MemoryDisk:
    return MemoryDisk()


@pytest.fixture
def folder(disk: MemoryDisk) -> StateFolder:
    return StateFolder(PLACE, disk)


def test_an_upload_is_told_by_path_place_and_named_video(folder: StateFolder) -> None:
    """The same file to another place, or into another video, is another upload."""
    begin(folder, checkpoint(1))
    assert folder.find("/films/1.mp4", BASE, "")[1] is not None
    assert folder.find("/films/2.mp4", BASE, "")[1] is None
    assert folder.find("/films/1.mp4", "https://sandbox.api.video", "")[1] is None
    assert folder.find("/films/1.mp4", BASE, "vi9")[1] is None
    ids = {upload_id_for(p, b, v) for p, b, v in (("a", "b", ""), ("a", "b", "c"), ("a", "c", ""), ("b", "b", ""))}
    assert len(ids) == 4
    assert all(name.isalnum() and name.isascii() for name in ids)


def test_names_that_are_not_text_survive(folder: StateFolder) -> None:
    """A path is bytes on Linux."""
    path = "/films/\udcff.mp4"
    begin(folder, checkpoint(1, path=path, upload_id=upload_id_for(path, BASE, "")))
    assert folder.find(path, BASE, "")[1] is not None


def test_a_record_whose_file_is_gone_is_found_by_content(folder: StateFolder, disk: MemoryDisk) -> None:
    """But not while its own file is still there, nor for another place or named video; of several, the oldest."""
    begin(folder, checkpoint(2, fingerprint="1:ab"))
    begin(folder, checkpoint(1, fingerprint="1:ab"))
    found = folder.find_moved(BASE, "", "1:ab")
    assert found is not None and found.checkpoint.path == "/films/1.mp4"
    disk.files[Path("/films/1.mp4")] = b"it is here"
    found = folder.find_moved(BASE, "", "1:ab")
    assert found is not None and found.checkpoint.path == "/films/2.mp4"
    assert folder.find_moved(BASE, "", "1:cd") is None
    assert folder.find_moved(BASE, "vi9", "1:ab") is None
    assert folder.find_moved("https://sandbox.api.video", "", "1:ab") is None
    disk.files[Path("/films/2.mp4")] = b"it is here"
    assert folder.find_moved(BASE, "", "1:ab") is None


@pytest.mark.parametrize("indexed", [True, False], ids=["indexed", "its line lost"])
def test_a_record_that_moved_is_found_by_its_new_path_and_its_old_name_is_free(
    indexed: bool, folder: StateFolder, disk: MemoryDisk
) -> None:
    """The record keeps its name, so another file at the old path gets another one, and keeps that when the first is forgotten."""
    first = begin(folder, checkpoint(1))
    journal = Journal.reopen(folder, first)
    journal.moved("/elsewhere/1.mp4")
    journal.close()
    if not indexed:
        disk.remove(PLACE / "index")
    _, found = folder.find("/elsewhere/1.mp4", BASE, "")
    assert found is not None and found.checkpoint.upload_id == first
    assert folder.find("/films/1.mp4", BASE, "")[1] is None
    second = folder.find("/films/1.mp4", BASE, "")[0]
    assert second not in (first, folder.find("/elsewhere/1.mp4", BASE, "")[0])
    begin(folder, checkpoint(1, upload_id=second, fingerprint="1:ab"))
    for _ in range(2):
        _, found = folder.find("/films/1.mp4", BASE, "")
        assert found is not None and found.checkpoint.upload_id == second
        folder.forget(first)


def test_a_record_that_cannot_be_read_does_not_stand_in_the_way(folder: StateFolder, disk: MemoryDisk) -> None:
    """Its name is given to a new upload of its path, whose reader refuses or replaces it; others are found all the same."""
    name = upload_id_for("/films/1.mp4", BASE, "")
    disk.files[folder.file_of(name)] = b"damaged"
    begin(folder, checkpoint(2))
    assert folder.find("/films/1.mp4", BASE, "")[1] is None
    assert folder.find_moved(BASE, "", "1:1") is None
    assert folder.find("/films/1.mp4", BASE, "")[0] == name
    assert folder.find_moved(BASE, "", "1:2") is not None


def test_300_records_are_not_read_to_find_one(folder: StateFolder, disk: MemoryDisk) -> None:
    """Neither one that is there, nor one that moved, nor a name for a new one."""
    for number in range(300):
        begin(folder, checkpoint(number))
    disk.reads.clear()
    assert folder.find("/films/7.mp4", BASE, "")[1] is not None
    assert len(disk.reads) == 1
    disk.reads.clear()
    assert folder.find("/films/new.mp4", BASE, "")[1] is None
    assert folder.find_moved(BASE, "", "1:8") is not None
    assert folder.find_moved(BASE, "", "1:new") is None
    folder.find("/films/new.mp4", BASE, "")
    assert len(disk.reads) <= 6


def test_a_run_of_many_files_reads_the_index_once(folder: StateFolder, disk: MemoryDisk) -> None:
    """What it adds itself it knows; of what another process adds it reads no more than that."""
    for number in range(50):
        begin(StateFolder(PLACE, disk), checkpoint(number))
    assert folder.find_moved(BASE, "", "1:7") is not None
    disk.reads.clear()
    for number in range(100, 150):
        assert folder.find(f"/films/{number}.mp4", BASE, "")[1] is None
        assert folder.find_moved(BASE, "", f"1:{number}") is None
        begin(folder, checkpoint(number))
    assert PLACE / "index" not in disk.reads
    begin(StateFolder(PLACE, disk), checkpoint(200))
    disk.reads.clear()
    assert folder.find_moved(BASE, "", "1:200") is not None
    assert folder.find_moved(BASE, "", "1:120") is not None
    assert disk.reads.count(PLACE / "index") == 1


def test_an_index_written_anew_by_another_process_is_read_again(folder: StateFolder, disk: MemoryDisk) -> None:
    """It has another length, or is another file."""
    begin(folder, checkpoint(1))
    assert folder.find_moved(BASE, "", "1:1") is not None
    other = StateFolder(PLACE, disk)
    for number in range(2, 300):
        other.find_moved(BASE, "", f"1:{number}")
        other.forget(begin(other, checkpoint(number)))
    begin(other, checkpoint(300))
    for number in (1, 300):
        found = folder.find_moved(BASE, "", f"1:{number}")
        assert found is not None and found.checkpoint.path == f"/films/{number}.mp4"


@pytest.mark.parametrize("index", [None, b"", b"damaged\n"], ids=["none", "empty", "damaged"])
def test_records_that_no_index_tells_of_are_read_once_and_then_known(index: bytes | None, folder: StateFolder, disk: MemoryDisk) -> None:
    """An older vidup wrote them, or the index was lost."""
    for number in range(50):
        disk.files[folder.file_of(checkpoint(number).upload_id)] = encode_checkpoint(checkpoint(number))
    if index is not None:
        disk.files[PLACE / "index"] = index
    assert folder.find_moved(BASE, "", "1:31") is not None
    disk.reads.clear()
    assert folder.find_moved(BASE, "", "1:32") is not None
    assert len(disk.reads) == 1


def test_a_disk_without_room_for_the_index_still_finds(folder: StateFolder, disk: MemoryDisk) -> None:
    """It only takes longer."""
    begin(folder, checkpoint(1))
    disk.remove(PLACE / "index")
    disk.refuses = 28
    assert folder.find_moved(BASE, "", "1:1") is not None


def test_the_index_does_not_grow_for_ever(folder: StateFolder, disk: MemoryDisk) -> None:
    """What is told of records that are gone is dropped now and then, and nothing else."""
    kept = begin(folder, checkpoint(0))
    for number in range(1, 500):
        folder.find_moved(BASE, "", f"1:{number}")
        folder.forget(begin(folder, checkpoint(number)))
    assert disk.files[PLACE / "index"].count(b"\n") < 150
    disk.reads.clear()
    found = folder.find_moved(BASE, "", "1:0")
    assert found is not None and found.checkpoint.upload_id == kept
    assert len(disk.reads) == 1
