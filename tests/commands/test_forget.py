"""`vidup forget`: records dropped, one by one."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.state.test_record import CHECKPOINT
from vidup.cli import vidup as group
from vidup.errors import ExitCode, VidupError
from vidup.state.journal import Journal, StateFolder


@pytest.fixture
def three(vidup: Cli) -> StateFolder:
    """The records of three uploads: a, b and c."""
    folder = StateFolder(vidup.state)
    folder.prepare()
    for name in ("a", "b", "c"):
        Journal.create(folder, CHECKPOINT._replace(upload_id=name)).close()
    return folder


@pytest.mark.parametrize("words", [("--all",), ("a", "b", "c")], ids=["all", "named"])
def test_one_busy_upload_does_not_keep_the_others(words: tuple[str, ...], three: StateFolder, vidup: Cli) -> None:
    """Exit 10, and which one it was; its record stays."""
    with three.locked("b"):
        done = vidup("forget", *words)
    assert (done.returncode, done.stdout) == (10, "")
    assert "Not forgotten, for another vidup is at it now: b" in done.stderr and f"process {os.getpid()} on" in done.stderr
    assert three.upload_ids() == ["b"]
    assert vidup("forget", *words[:1] if words[0] == "--all" else ("b",)).returncode == 0


def test_a_record_that_the_disk_keeps_is_exit_3(three: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for any state folder that cannot be written; not a fault of vidup."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(VidupError, match="cannot be written") as told:
        group.main(["forget", "a", "--state-dir", str(three.path)], standalone_mode=False)
    assert told.value.code is ExitCode.FILE
