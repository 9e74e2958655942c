"""Many files from one command line, as a user gives them: end to end against the emulator."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MIB, Cli, fill, sha256
from vidup.emulator.server import Emulator


@pytest.fixture
def card(vidup: Cli) -> Path:
    """A memory card in the current folder: three clips, one of them empty, and what is none."""
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


def stored(emulator: Emulator) -> dict[str, str]:
    """The titles of the whole videos, and the digest of what each has."""
    return {video.attributes["title"]: sha256(emulator.content(video.video_id)) for video in emulator.videos.values()}


def test_a_folder_becomes_a_video_for_each_of_its_videos(card: Path, emulator: Emulator, vidup: Cli) -> None:
    """What is no video is skipped and counted; the empty one fails (3), and the others go on."""
    done = vidup("upload", "-r", "card", "gone.mp4", "--title", "{parent}: {stem} ({index:02})", "--json", emulator=emulator)
    rows = objects(done.stdout)
    assert (done.returncode, [(row["file"], row["exit_code"]) for row in rows]) == (
        3, [("card/a.mp4", 0), ("card/day 2/b.MOV", 0), ("card/empty.mp4", 3), ("gone.mp4", 3)],
    )  # fmt: skip
    assert "2 skipped: 1 no video, 1 hidden" in done.stderr
    titles = {video["title"] for video in listed(emulator)}
    assert titles == {"card: a (01)", "day 2: b (02)"}
