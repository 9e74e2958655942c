"""A stream by itself: what is read of it when, where it waits, and how it ends."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import LONG
from vidup.errors import ExitCode, VidupError
from vidup.plan.openplan import Grown
from vidup.source.producers import Command, Pipe
from vidup.source.spool import open_spool
from vidup.source.stream import Stream

PART = 1000


class Flag:
    """A stop that can be asked for."""

    asked = False

    def is_set(self) -> bool:
        return self.asked


class Stopped(Pipe):
    """A pipe whose end is looked into just when the stop comes."""

    def __init__(self, descriptor: int, stop: Flag) -> None:
        super().__init__(descriptor)
        self._asked = stop

    def end(self, stop: Callable[[], bool]) -> None:
        self._asked.asked = True


@contextmanager
def stream(folder: Path, jobs: int = 1, min_size: int = 0, stopped: bool = False) -> Iterator[tuple[Stream, int, Flag]]:
    """A stream out of a pipe, its writing end, and its stop."""
    reading, writing = os.pipe()
    stop = Flag()
    made = Stream(
        Stopped(reading, stop) if stopped else Pipe(reading), "standard input: T", "standard input", folder, jobs, stop.is_set, min_size
    )
    made.read_in(PART)
    try:
        yield made, writing, stop
    finally:
        made.close()
        made._thread.join(LONG)  # what it holds is given back then, and no part of another test
        os.close(writing)
        os.close(reading)


def until(what: Callable[[], object], seconds: float = LONG) -> object:
    """What becomes true in the thread that reads."""
    end = time.monotonic() + seconds
    while not (found := what()) and time.monotonic() < end:
        threading.Event().wait(0.01)
    return found


def news(made: Stream, done: int = 0) -> Grown | None:
    return made.news(lambda number: number <= done)


def test_a_part_is_known_once_a_further_byte_has_come(tmp_path: Path) -> None:
    """For until then it may be the last."""
    with stream(tmp_path) as (made, writing, _stop):
        os.write(writing, b"a" * PART)
        assert not until(made.has_begun, 0.3)
        os.write(writing, b"b")
        assert until(made.has_begun)
        grown = news(made)
        assert grown is not None and (grown.plan.total_parts, grown.plan.ended) == (1, False)
        assert grown.digests == {1: hashlib.sha256(b"a" * PART).hexdigest()}
        assert news(made) is None


def test_the_producer_is_held_back_by_what_is_not_confirmed(tmp_path: Path) -> None:
    """jobs + 2 parts at most are taken from it, and one piece of what follows."""
    with stream(tmp_path, jobs=2) as (made, writing, _stop):
        os.write(writing, b"x" * 20 * PART)
        assert until(lambda: (news(made) or Grown(made.plan(None, 1, 1), {})).plan.total_parts == 3)
        assert not until(lambda: news(made), 0.5)
        assert until(lambda: (grown := news(made, done=2)) and grown.plan.total_parts == 5)


def test_nothing_of_the_spool_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the system has no files without one: then it is taken away at once."""
    for _ in range(2):
        spool = open_spool(tmp_path, "standard input")
        spool.write(memoryview(b"video"))
        assert os.pread(spool.descriptor, 9, 0) == b"video"
        assert os.listdir(tmp_path) == [] and os.fstat(spool.descriptor).st_nlink == 0
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)


def test_the_room_of_a_confirmed_part_is_given_back_at_once(tmp_path: Path) -> None:
    """Also where its body is still held by somebody."""
    before = _spooled()
    with stream(tmp_path) as (made, writing, stop):
        os.write(writing, b"x" * (PART + 1))
        grown = until(lambda: (found := news(made)) and found.digests and found)
        assert isinstance(grown, Grown)
        body = made.body(grown.plan.part(1), stop)
        assert _spooled() >= before + PART
        news(made, done=1)
        assert _spooled() <= before + 1
        assert len(body) > PART


def _spooled() -> int:
    """Bytes in files without a name that this process has open."""
    total = 0
    for name in os.listdir("/dev/fd"):
        try:
            about = os.fstat(int(name))
        except OSError:
            continue
        total += about.st_size if stat.S_ISREG(about.st_mode) and about.st_nlink == 0 else 0
    return total


def test_a_disk_that_is_full_stops_for_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """75, with what would need less room."""
    monkeypatch.setattr("vidup.source.stream.open_spool", _full)  # first: its thread opens one as soon as it runs
    with stream(tmp_path) as (made, writing, _stop):
        os.write(writing, b"x" * PART)
        with pytest.raises(VidupError, match="The spool in the state folder") as refusal:
            until(made.has_begun)
        assert refusal.value.code is ExitCode.AGAIN and "--jobs" in refusal.value.advice


def _full(_folder: Path, _name: str) -> None:
    raise OSError(28, "No space left on device")


def test_an_end_after_our_own_stop_is_no_end(tmp_path: Path) -> None:
    """It reaches the producer, too, and perhaps first."""
    with stream(tmp_path, stopped=True) as (made, writing, stop):
        os.write(writing, b"x" * 10)
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)  # the producer ends
        assert until(stop.is_set)
        assert not until(made.has_begun, 0.5)


def test_a_part_that_was_confirmed_cannot_be_sent_again(tmp_path: Path) -> None:
    """What the server then loses is told as such."""
    with stream(tmp_path) as (made, writing, stop):
        os.write(writing, b"x" * (PART + 1))
        grown = until(lambda: (found := news(made)) and found.digests and found)
        assert isinstance(grown, Grown)
        news(made, done=1)
        with pytest.raises(VidupError, match="The server lost part 1") as lost:
            made.body(grown.plan.part(1), stop)
        assert lost.value.code is ExitCode.AGAIN


def test_a_command_that_fails_after_its_output_is_told_with_how(tmp_path: Path) -> None:
    """Its last words may be worth a video, but nobody can know."""
    made = Stream(Command(["sh", "-c", "printf video; exit 4"]), "T", "sh", tmp_path, 1, Flag().is_set)
    made.read_in(PART)
    try:
        with pytest.raises(VidupError, match="failed") as failed:
            until(made.has_begun)
        assert (failed.value.slug, failed.value.cause, failed.value.code) == ("producer-failed", "its exit code was 4", ExitCode.FILE)
    finally:
        made.close()
