"""Folders: the videos in them, in an order that every machine shares, and a count of what was passed over."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from vidup.source.listing import Wanted, skipped_note, videos_in


def tree(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def listed(root: Path, include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> tuple[list[str], str]:
    """The paths below the folder, and the note."""
    skipped = Counter[str]()
    found = videos_in(str(root), Wanted(include, exclude), skipped)
    return [os.path.relpath(one.path, root) for one in found], skipped_note(skipped)


def test_videos_are_known_by_their_suffix_whatever_its_case(tmp_path: Path) -> None:
    """Below folders too; the rest is counted."""
    root = tree(tmp_path, "a.mp4", "B.MOV", "sub/c.Mkv", "sub/deep/d.webm", "e.txt", "mp4", "sub/f")
    assert listed(root) == (["B.MOV", "a.mp4", "sub/c.Mkv", "sub/deep/d.webm"], "3 skipped: 3 no video")


def test_the_order_is_that_of_the_bytes_of_the_path(tmp_path: Path) -> None:
    """So that `a.mp4` and `a/` stand where every machine puts them, whatever its language."""
    names = ["Z.mp4", "a.mp4", "a/b.mp4", "a0.mp4", "ä.mp4", os.fsdecode(b"\xe4.mp4")]
    assert listed(tree(tmp_path, *names))[0] == sorted(names, key=os.fsencode)


def test_hidden_names_are_no_videos(tmp_path: Path) -> None:
    """As the `._` files that macOS leaves on every memory card, and what lies in `.Trash`."""
    root = tree(tmp_path, "a.mp4", "._a.mp4", ".Trash/b.mp4", ".Trash/c.mp4")
    assert listed(root) == (["a.mp4"], "2 skipped: 2 hidden")


def test_include_takes_the_place_of_the_suffixes(tmp_path: Path) -> None:
    """One of several patterns is enough; they are of the whole path below the folder."""
    root = tree(tmp_path, "a.mp4", "b.dat", "sub/c.dat", "sub/d.raw")
    assert listed(root, include=("*.dat", "sub/*.raw")) == (["b.dat", "sub/c.dat", "sub/d.raw"], "1 skipped: 1 not included")


@pytest.mark.parametrize("pattern", ["raw", "raw/", "raw/*", "*raw*"])
def test_exclude_leaves_out_what_is_in_a_folder_too(pattern: str, tmp_path: Path) -> None:
    """Which is then not looked into."""
    root = tree(tmp_path, "a.mp4", "raw/b.mp4", "raw/deep/c.mp4")
    assert listed(root, exclude=(pattern,)) == (["a.mp4"], "1 skipped: 1 excluded")


def test_exclude_beats_include(tmp_path: Path) -> None:
    """Whichever stands first."""
    assert listed(tree(tmp_path, "a.mp4", "b.mp4"), ("*.mp4",), ("b*",))[0] == ["a.mp4"]


def test_links_to_files_are_followed_and_links_to_folders_are_not(tmp_path: Path) -> None:
    """A loop of links has no end; a link that leads nowhere is a file that is missing, and told as one."""
    root = tree(tmp_path / "card", "a.mp4")
    tree(tmp_path / "away", "b.mp4")
    (root / "b.mp4").symlink_to(tmp_path / "away" / "b.mp4")
    (root / "round").symlink_to(root)
    (root / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    (root / "self.mp4").symlink_to(root / "self.mp4")
    assert listed(root) == (["a.mp4", "b.mp4", "gone.mp4", "self.mp4"], "1 skipped: 1 a link to a folder")


def test_a_folder_that_is_named_by_a_link_is_looked_into(tmp_path: Path) -> None:
    """Its name was given."""
    tree(tmp_path / "card", "a.mp4")
    (tmp_path / "link").symlink_to(tmp_path / "card")
    assert listed(tmp_path / "link") == (["a.mp4"], "")


def test_a_folder_below_itself_is_seen_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links aside, a bind mount can do it."""
    root = tree(tmp_path, "a.mp4", "again/b.mp4")
    real = os.stat

    def stat(path: str) -> os.stat_result:
        return real(str(path).removesuffix("again/"))

    monkeypatch.setattr(os, "stat", stat)
    assert listed(root) == (["a.mp4"], "1 skipped: 1 seen already")


def test_a_device_or_a_pipe_is_no_video(tmp_path: Path) -> None:
    """Whatever it is called."""
    root = tree(tmp_path, "a.mp4")
    os.mkfifo(root / "pipe.mp4")
    assert listed(root) == (["a.mp4"], "1 skipped: 1 no regular file")


def test_a_folder_that_cannot_be_read_is_told_and_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its videos would be missing without a word."""
    root = tree(tmp_path, "a.mp4", "locked/b.mp4", "z.mp4")
    real = os.scandir

    def scandir(path: str | int) -> object:
        if str(path).endswith("locked/"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = videos_in(str(root), Wanted(), Counter())
    assert [(os.path.basename(one.path), one.error and one.error.cause) for one in found] == [
        ("a.mp4", None), ("locked", "Permission denied"), ("z.mp4", None),
    ]  # fmt: skip
