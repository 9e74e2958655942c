"""Who has a file open for writing: asked of the kernel, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import MIB
from vidup.source.writers import is_being_written

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


@contextmanager
def opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def test_a_file_that_another_process_writes_to_is_told_from_one_that_is_only_read(video: Callable[..., Path]) -> None:
    """While it is open there, and no longer."""
    path = video(MIB)
    command = "import sys; file = open(sys.argv[1], sys.argv[2]); print(flush=True); sys.stdin.read()"
    for mode, expected in (("ab", True), ("rb", False)):
        with subprocess.Popen([sys.executable, "-c", command, str(path), mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdout is not None and other.stdin is not None
            other.stdout.readline()
            with opened(path) as descriptor:
                assert is_being_written(descriptor) is expected
            other.stdin.close()
        with opened(path) as descriptor:
            assert is_being_written(descriptor) is False


def test_a_writer_that_comes_later_does_not_end_the_one_who_asked(video: Callable[..., Path]) -> None:
    """The lease is given back, and nothing is sent to a process that holds none."""
    path = video(MIB)
    before = signal.getsignal(signal.SIGIO)
    with opened(path) as descriptor:
        assert is_being_written(descriptor) is False
        with path.open("ab"):
            assert is_being_written(descriptor) is True
        assert is_being_written(descriptor) is False
    assert signal.getsignal(signal.SIGIO) is before


def test_where_the_kernel_does_not_tell_nothing_is_claimed() -> None:
    """A pipe has no leases."""
    reading, writing = os.pipe()
    try:
        assert is_being_written(reading) is None
    finally:
        os.close(reading)
        os.close(writing)
