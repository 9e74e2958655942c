"""`vidup list`: what was interrupted, for people."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.conftest import Cli, fill
from tests.state.test_record import CHECKPOINT
from vidup.state.journal import Journal, StateFolder


def remember(vidup: Cli, upload_id: str, path: Path, confirmed: int = 0, age: float = 0.0, **more: Any) -> None:
    """A record of this file as it is now, `age` seconds old."""
    about = path.stat()
    known = CHECKPOINT._replace(
        upload_id=upload_id, path=str(path), size=about.st_size, mtime_ns=about.st_mtime_ns, device=about.st_dev, inode=about.st_ino,
        began=time.time() - age,
    )._replace(**more)  # fmt: skip
    folder = StateFolder(vidup.state)
    folder.prepare()
    journal = Journal.create(folder, known)
    for part in range(1, confirmed + 1):
        journal.confirm(part)


def test_people_see_the_video_id_too(vidup: Cli, tmp_path: Path) -> None:
    """It is what the dashboard and `vidup status` know the upload by."""
    movie = fill(tmp_path / "movie.mp4", 30)
    remember(vidup, "k3f9abcd", movie, confirmed=1)
    done = vidup("list")
    assert (done.returncode, done.stdout) == (0, f"k3f9abcd  vi1  1/6 parts  expires in 6 d  {movie}\n")


def test_columns_stand_under_each_other_and_say_what_will_not_go_on(vidup: Cli, tmp_path: Path) -> None:
    """The days until the server drops it, and which file is gone or another; up to the path a line fits 80 columns."""
    fine, gone, longer, touched = (fill(tmp_path / f"{name}.mp4", 30) for name in ("fine", "gone", "longer", "touched"))
    hour = 3600
    remember(vidup, "aaaaaaaa", gone, 1, age=8 * 24 * hour)
    remember(vidup, "bbbbbbbb", longer, 5, age=6.5 * 24 * hour - 60, video_id="vi4blUQJFrYWbaG44NChkH27", total_parts=14)
    remember(vidup, "cccccccc", touched, 2, age=4 * hour - 60, base_url="https://sandbox.api.video")
    remember(vidup, "dddddddd", fine, 2, created=False)
    gone.unlink()
    fill(longer, 31)
    touched.touch()
    lines = vidup("list").stdout.splitlines()
    assert lines == [
        f"aaaaaaaa  vi1                       1/6 parts   expired          gone     {gone}",
        f"bbbbbbbb  vi4blUQJFrYWbaG44NChkH27  5/14 parts  expires in 12 h  changed  {longer}",
        f"cccccccc  vi1                       2/6 parts   expires in 20 h  changed  {touched}",
        f"dddddddd  vi1                       2/6 parts                             {fine}",
    ]
    assert lines[0].index(str(gone)) < 80


def test_a_copy_of_the_file_is_not_called_changed(vidup: Cli, tmp_path: Path) -> None:
    """Its content decides when the upload goes on, and that is not read here."""
    movie = fill(tmp_path / "movie.mp4", 30)
    remember(vidup, "aaaaaaaa", movie, inode=1, mtime_ns=5)
    assert "changed" not in vidup("list").stdout
