"""Lists: what stands on them is taken as it stands, and what is wrong is named before anything is sent."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidup.errors import ExitCode, VidupError
from vidup.source.lists import parse_list, read_list


def paths(data: bytes, null: bool = False) -> list[str]:
    return [row.path for row in parse_list(data, "the list", null)]


NAMES = st.binary(min_size=1, max_size=20).filter(
    lambda name: not set(name) & set(b"\0\r\n") and name != b"-" and name[:1] not in (b"{", b"\xef", b"\xff", b"\xfe")
)


@given(st.lists(NAMES, max_size=9), st.sampled_from([b"\n", b"\r\n"]), st.booleans(), st.booleans())
def test_a_path_is_what_stands_on_its_line(names: list[bytes], end: bytes, ended: bool, marked: bool) -> None:
    """Blanks, `#`, quotes and globs included, whatever its bytes; only the end of a line and a byte order mark are no part of it."""
    data = (b"\xef\xbb\xbf" if marked else b"") + end.join(names) + (end if ended and names else b"")
    assert [path.encode("utf-8", "surrogateescape") for path in paths(data)] == names


@given(st.lists(st.binary(min_size=1, max_size=20).filter(lambda name: b"\0" not in name and name != b"-"), max_size=9))
def test_a_path_that_ends_in_a_nul_may_hold_anything_else(names: list[bytes]) -> None:
    """Also line breaks, and a brace at its start: with --null there are only paths."""
    assert [path.encode("utf-8", "surrogateescape") for path in paths(b"".join(name + b"\0" for name in names), null=True)] == names


def test_a_carriage_return_belongs_to_the_name_unless_every_line_has_one() -> None:
    """A list from Windows has one everywhere; a file whose name ends in one is rare, but may be on a list."""
    assert paths(b"a.mp4\r\n\r\nb.mp4\r\n") == ["a.mp4", "b.mp4"]
    assert paths(b"a.mp4\r\nb.mp4\n") == ["a.mp4\r", "b.mp4"]


def test_on_a_list_a_dash_is_the_name_of_a_file() -> None:
    """Only on the command line it is standard input."""
    assert paths(b'-\n{"file": "-"}\n') == ["./-", "./-"]


def test_an_object_names_its_file_and_what_it_has_of_its_own() -> None:
    """Beside plain paths, in the order of the list."""
    rows = list(parse_list(b'a.mp4\n{"file": "b.mp4", "title": "B"}\n', "the list", False))
    assert [(row.path, dict(row.fields), row.where) for row in rows] == [
        ("a.mp4", {}, "line 1 of the list"), ("b.mp4", {"title": "B"}, "line 2 of the list"),
    ]  # fmt: skip


def test_the_bytes_of_a_name_come_before_how_it_is_shown() -> None:
    """What --json prints of a name that is not UTF-8 can be put on a list."""
    row = json.dumps({"file": "caf\ufffd.mp4", "file_b64": base64.b64encode(b"caf\xe9.mp4").decode()}).encode()
    assert paths(row) == ["caf\udce9.mp4"]


MANIFEST = b'{"v": 1, "status": "uploaded", "file": "a.mp4", "exit_code": 0, "video_id": "vi1", "title": "x"}\n'


def test_of_a_manifest_only_the_files_count() -> None:
    """What else its rows tell is of another run, though some of it is named as an option."""
    rows = list(parse_list(MANIFEST, "the list", False))
    assert [(row.path, dict(row.fields), row.of_manifest) for row in rows] == [("a.mp4", {}, True)]


@pytest.mark.parametrize("torn", [MANIFEST[:-2], MANIFEST[:20], b'{"v":', b"{"])
def test_the_torn_last_line_of_a_manifest_is_dropped(torn: bytes) -> None:
    """Its machine died while it wrote it."""
    assert paths(MANIFEST + torn) == ["a.mp4"]


def test_a_manifest_that_is_only_a_torn_line_names_nothing() -> None:
    """The first row of a run that was killed."""
    assert paths(b'{"v": 1, "status": "upl') == []


@pytest.mark.parametrize(
    "data",
    [
        b"{", b'{"file": "a.mp4"', b'{"file": "a.mp4"}}\n', b"{}\n", b'{"file": 3}\n', b'{"file": ""}\n', b'{"title": "x"}\n', b'{"file": "a\\u0000b"}\n',
        b'{"file": "x", "file_b64": "?"}\n', b'{"file": "x", "file_b64": 3}\n', b'{"file": "\xff"}\n', b'{"v": 1}\n', b'{"v": 1, "status"\nb.mp4\n', "a.mp4\n".encode("utf-16"),
        b"a\0b\0",
    ],
)  # fmt: skip
def test_what_is_no_list_is_wrong_usage(data: bytes) -> None:
    """2, naming the list, for half a list is none; also one in UTF-16, or one whose paths end in a NUL."""
    with pytest.raises(VidupError) as refused:
        paths(data)
    assert (refused.value.code, "the list" in refused.value.what) == (ExitCode.USAGE, True)
    assert refused.value.advice


def test_a_list_that_is_not_there_is_the_file_that_is_missing(tmp_path: Path) -> None:
    """3, as any."""
    with pytest.raises(VidupError) as refused:
        read_list(str(tmp_path / "none"), False)
    assert (refused.value.code, refused.value.advice) == (ExitCode.FILE, "Correct --from-file.")


def test_a_list_may_be_a_pipe_that_is_still_being_written(tmp_path: Path) -> None:
    """As `<(find ...)` is one; it ends where its writer ends."""
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["sh", "-c", "printf 'a.mp4\\nb' > pipe; printf '.mp4\\n'"], cwd=tmp_path, stdout=subprocess.PIPE) as writer:
        assert [row.path for row in read_list(str(tmp_path / "pipe"), False)] == ["a.mp4", "b"]
        assert writer.stdout is not None
        assert [row.path for row in read_list(f"/dev/fd/{writer.stdout.fileno()}", False)] == [".mp4"]
