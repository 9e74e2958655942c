"""`vidup list`: what was interrupted, for people."""

from __future__ import annotations

from tests.conftest import Cli
from tests.state.test_record import CHECKPOINT
from vidup.state.journal import Journal, StateFolder


def test_people_see_the_video_id_too(vidup: Cli) -> None:
    """It is what the dashboard and `vidup status` know the upload by."""
    folder = StateFolder(vidup.state)
    folder.prepare()
    Journal.create(folder, CHECKPOINT).confirm(2)
    done = vidup("list")
    assert done.returncode == 0
    assert done.stdout.startswith("k3f9abcd  vi1  1/6 parts (")
    assert done.stdout.endswith("/films/movie.mp4\n")
