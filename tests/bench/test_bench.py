"""What an upload costs, in counts: connections, requests, bytes, memory. The benchmark measures time; no test does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench import uploaders
from tests.bench.measure import MIB, Command, RunFailed, run
from tests.bench.policy import wall
from tests.bench.rate import windows
from tests.bench.servers import Received, Sink, Unavailable
from tests.bench.uploaders import Task

ROOT = Path(__file__).parents[2]


def arrived(sink: Sink, file: Path, work: Path, *, part_mib: int | None, jobs: int) -> Received:
    """What the sink counted of one upload, every byte of it checked."""
    sink.reset(crc=True)
    run(uploaders.vidup(Task(file, part_mib and part_mib * MIB, jobs, sink, work)))
    received = sink.stats()
    assert not received.differs_from(file, checked=True)
    return received


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_an_upload_takes_one_connection_a_job_and_no_request_too_many(tmp_path: Path, tls: bool) -> None:
    file, jobs = uploaders.video_file(tmp_path, 47), 3
    try:
        sink = Sink(tmp_path, tls=tls, python=True)
    except Unavailable as missing:
        pytest.skip(str(missing))
    with sink:
        received = arrived(sink, file, tmp_path, part_mib=5, jobs=jobs)
    assert (received.parts, received.creates, received.logins) == (9, 1, 1)
    assert received.statuses <= 2
    assert received.requests == received.parts + 2 + received.statuses
    assert received.connections <= jobs + 1
    assert received.expects == 0


def test_a_small_file_takes_one_connection(tmp_path: Path) -> None:
    with Sink(tmp_path, python=True) as sink:
        received = arrived(sink, uploaders.video_file(tmp_path, 1), tmp_path, part_mib=None, jobs=4)
    assert (received.parts, received.connections) == (1, 1)


def test_memory_does_not_grow_with_the_parts(tmp_path: Path) -> None:
    file = tmp_path / "sparse.mp4"
    file.write_bytes(b"\x1a\x45\xdf\xa3")  # what holds nothing but zeros is refused
    os.truncate(file, 300 * MIB)
    with Sink(tmp_path, python=True) as sink:
        peaks = []
        for part_mib in (5, 100):
            sink.reset()
            peaks.append(run(uploaders.vidup(Task(file, part_mib * MIB, 3, sink, tmp_path))).rss_mib)
    assert max(peaks) < 100
    assert abs(peaks[1] - peaks[0]) < 16


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
def test_both_sinks_count_alike(tmp_path: Path) -> None:
    file, counts = uploaders.video_file(tmp_path, 23), []
    for python in (True, False):
        with Sink(tmp_path, python=python) as sink:
            assert sink.kind == ("Python" if python else "C")
            counts.append(replace(arrived(sink, file, tmp_path, part_mib=5, jobs=2), most_open=0))
    assert counts[0] == counts[1]


def test_other_bytes_than_the_file_are_noticed(tmp_path: Path) -> None:
    file, other = uploaders.video_file(tmp_path, 12), tmp_path / "other.mp4"
    content = file.read_bytes()
    other.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with Sink(tmp_path, python=True) as sink:
        received = arrived(sink, file, tmp_path, part_mib=5, jobs=2)
    assert "not those of" in received.differs_from(other, checked=True)
    other.write_bytes(content)
    os.utime(other, ns=(0, 0))
    assert received.differs_from(other, checked=True) == ""  # what was known of the path was of another file
    other.write_bytes(b"short")
    assert "not the 5 of" in received.differs_from(other, checked=True)


def test_a_command_that_fails_is_told_with_its_last_words() -> None:
    with pytest.raises(RunFailed, match=r"(?s)ended with 3.*farewell"):
        run(Command([sys.executable, "-c", "import sys; print('farewell', file=sys.stderr); sys.exit(3)"]))


def test_the_model_waits_for_the_next_minute() -> None:
    assert wall(80 * MIB, 40, 1e9, 40) < 60 < wall(80 * MIB, 41, 1e9, 40) < 62


def test_windows_of_ten_seconds_show_a_burst_and_a_gap() -> None:
    """Each window that lies between the first and the last byte counts; the first of them by itself."""
    even = [(slot, 100) for slot in range(500, 800)]
    assert windows(even, 1000) == (100.0, 100.0, 100.0)
    burst = [(slot, 200 if 650 <= slot < 660 else 0 if 700 <= slot < 720 else 100) for slot in range(500, 800)]
    assert windows(burst, 1000) == (100.0, 80.0, 110.0)


def test_the_benchmark_explains_itself() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.bench", "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "python -m tests.bench compare" in done.stdout
