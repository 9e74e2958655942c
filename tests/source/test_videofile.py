"""The local file: its fingerprint, and the sized stream of one part."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import MIB, fill
from vidup.errors import Cancelled, ExitCode, VidupError
from vidup.plan.parts import Part, Plan
from vidup.source import partbody
from vidup.source.partbody import BLOCK, PartBody
from vidup.source.videofile import FileChanged, open_video


def body_of(path: Path, part: Part, stop: threading.Event | None = None) -> PartBody:
    return PartBody(open_video(str(path)), part, stop or threading.Event())


def payload(body: PartBody) -> bytes:
    """The file bytes within a body, as a multipart parser finds them."""
    raw = b"".join(bytes(block) for block in body)
    assert len(raw) == len(body)
    head, _, rest = raw.partition(b"\r\n\r\n")
    boundary = head.split(b"\r\n")[0]
    assert rest.endswith(b"\r\n" + boundary + b"--\r\n")
    return rest[: -len(boundary) - 6]


@given(size=st.integers(1, 3 * BLOCK), total=st.integers(1, 7))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_parts_of_any_file_make_up_the_file(size: int, total: int, tmp_path: Path) -> None:
    """Every part is exactly as long as it says, and together they are the file."""
    path = fill(tmp_path / "movie.mp4", size)
    plan = Plan(size, min(total, size))
    parts = [plan.part(n) for n in range(1, plan.total_parts + 1) if plan.part(n).length > 0]
    assert b"".join(payload(body_of(path, part)) for part in parts) == path.read_bytes()


def test_each_iteration_starts_anew(tmp_path: Path) -> None:
    """A retry sends the part from its first byte, and counts from there."""
    body = body_of(fill(tmp_path / "movie.mp4", BLOCK * 2), Part(1, 100, BLOCK + 5))
    first = payload(body)
    body.moved(len(body))
    assert (body.handed, body.all_out) == (BLOCK + 5, True)
    blocks = iter(body)
    next(blocks)
    assert (body.handed, body.all_out) == (0, False)
    assert payload(body) == first


def test_the_payload_counts_that_the_kernel_took(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte by byte, but neither the lines before it nor those behind it."""
    now = [100.0]
    monkeypatch.setattr(partbody, "time", SimpleNamespace(monotonic=lambda: now[0]))
    body = body_of(fill(tmp_path / "movie.mp4", BLOCK * 3), Part(1, 0, BLOCK * 3))
    head = len(b"".join(map(bytes, body)).split(b"\r\n\r\n")[0]) + 4
    iter(body)
    seen = [(body.handed, body.moved_at)]
    for second, taken in ((101.0, head - 1), (102.0, 1), (103.0, 1), (104.0, 0), (105.0, BLOCK * 3 - 2), (106.0, 2), (107.0, 40)):
        now[0] = second
        body.moved(taken)
        seen.append((body.handed, body.moved_at))
    assert seen == [
        (0, 0.0), (0, 101.0), (0, 102.0), (1, 103.0), (1, 104.0), (BLOCK * 3 - 1, 105.0), (BLOCK * 3, 106.0), (BLOCK * 3, 107.0),
    ]  # fmt: skip


def test_a_system_without_preadv_reads_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS has it since version 11."""
    path = fill(tmp_path / "movie.mp4", BLOCK * 2 + 7)
    monkeypatch.delattr(os, "preadv")
    assert payload(body_of(path, Part(1, 3, BLOCK * 2 + 4))) == path.read_bytes()[3:]


def test_a_file_system_that_takes_no_advice_is_read_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FUSE and gVisor refuse the hint."""

    def refused(*_args: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fadvise", refused)
    assert open_video(str(fill(tmp_path / "movie.mp4", 2 * MIB))).size == 2 * MIB


def test_a_stop_cuts_the_body_at_the_next_block(tmp_path: Path) -> None:
    """Ctrl-C does not wait for a 200 MiB part."""
    stop = threading.Event()
    blocks = iter(body_of(fill(tmp_path / "movie.mp4", BLOCK * 3), Part(1, 0, BLOCK * 3), stop))
    next(blocks)
    stop.set()
    with pytest.raises(Cancelled):
        next(blocks)


@pytest.mark.parametrize("change", ["shorter", "longer", "touched"])
def test_the_last_block_of_a_changed_file_is_never_handed_out(change: str, tmp_path: Path) -> None:
    """So the part, and the set, can never complete."""
    path = fill(tmp_path / "movie.mp4", BLOCK * 3)
    blocks = iter(body_of(path, Part(1, 0, BLOCK * 2)))
    next(blocks)
    if change == "touched":
        os.utime(path, ns=(1, 1))
    else:
        os.truncate(path, BLOCK * 3 + (1 if change == "longer" else -1))
    with pytest.raises(FileChanged):
        next(blocks)


def test_a_file_that_ends_early_raises_instead_of_hanging(tmp_path: Path) -> None:
    """A short body would leave the server waiting."""
    path = fill(tmp_path / "movie.mp4", BLOCK * 3)
    blocks = iter(body_of(path, Part(1, 0, BLOCK * 3)))
    next(blocks)
    os.truncate(path, BLOCK)
    with pytest.raises(VidupError):
        list(blocks)


def test_the_file_name_cannot_break_out_of_the_header(tmp_path: Path) -> None:
    """Quotes and line ends are written as browsers do."""
    path = fill(tmp_path / 'a"b\r\nX: y.mp4', 10)
    head = b"".join(bytes(block) for block in body_of(path, Part(1, 0, 10))).split(b"\r\n\r\n")[0]
    assert b'filename="a%22b%0D%0AX: y.mp4"' in head


def test_a_stop_ends_the_fingerprint_before_its_next_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C does not wait for the 3,000 reads of a large file on a slow network disk."""
    path = tmp_path / "movie.mp4"
    path.touch()
    os.truncate(path, 160 * MIB)
    video, reads, pread = open_video(str(path)), list[int](), os.pread

    def read(descriptor: int, length: int, offset: int) -> bytes:
        reads.append(offset)
        return pread(descriptor, length, offset)

    monkeypatch.setattr(os, "pread", read)
    with pytest.raises(Cancelled):
        video.fingerprint(lambda: len(reads) == 3)
    assert reads == [0, 16 * MIB, 32 * MIB]


def test_a_file_is_known_by_device_and_inode_too(tmp_path: Path) -> None:
    """Which tells a file that was written to from its copy."""
    path = fill(tmp_path / "movie.mp4", 10)
    video, about = open_video(str(path)), path.stat()
    assert (video.device, video.inode) == (about.st_dev, about.st_ino)


@pytest.mark.parametrize("kind", ["missing", "folder", "empty", "NUL"])
def test_a_refusal_names_the_path_as_it_was_given(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many files, several may be called 0001.mp4."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    path = f"./{kind}" if kind != "NUL" else "./a\0b"
    with pytest.raises(VidupError) as refused:
        open_video(path)
    assert refused.value.code is ExitCode.FILE
    assert refused.value.what.startswith(f"{path} ")


def test_a_hint_that_the_file_system_refuses_is_only_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FUSE and gVisor may know no posix_fadvise."""

    def refused(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(os, "posix_fadvise", refused, raising=False)
    monkeypatch.setattr(os, "POSIX_FADV_SEQUENTIAL", 2, raising=False)
    assert open_video(str(fill(tmp_path / "movie.mp4", 2 * MIB))).size == 2 * MIB


@pytest.mark.parametrize("offset", [0, 12345, 16 * MIB, 16 * MIB + 4095, 32 * MIB + 7, 36 * MIB + 123, 37 * MIB + 122])
def test_a_rewrite_of_a_sampled_byte_changes_the_fingerprint(offset: int, tmp_path: Path) -> None:
    """First MiB, last MiB, and 4 KiB at every 16 MiB in between."""
    path = fill(tmp_path / "movie.mp4", 37 * MIB + 123)
    before = open_video(str(path)).fingerprint()
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 1]))
    assert open_video(str(path)).fingerprint() != before


def test_the_fingerprint_tells_sizes_apart(tmp_path: Path) -> None:
    """Two sparse files of zeros are not the same file."""
    for name, size in (("a", 40 * MIB), ("b", 41 * MIB)):
        (tmp_path / name).touch()
        os.truncate(tmp_path / name, size)
    assert open_video(str(tmp_path / "a")).fingerprint() != open_video(str(tmp_path / "b")).fingerprint()


def test_the_fingerprint_of_known_bytes_is_what_it_always_was(tmp_path: Path) -> None:
    """Version 1 must not drift: records on other machines hold it."""
    path = tmp_path / "movie.mp4"
    path.write_bytes(b"vidup" * 1000)
    assert open_video(str(path)).fingerprint() == "1:" + hashlib.sha256(b"5000" + b"vidup" * 1000).hexdigest()


def test_a_file_that_can_no_longer_be_read_is_the_files_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a crash nor a failure of the network, wherever the disk gives up."""
    video = open_video(str(fill(tmp_path / "movie.mp4", BLOCK)))

    def broken(*_args: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as disk:
        disk.setattr(os, "pread", broken)
        disk.setattr(os, "fstat", broken)
        for read in (video.fingerprint, video.check_unchanged, lambda: list(PartBody(video, Part(1, 0, BLOCK), threading.Event()))):
            with pytest.raises(VidupError) as failed:
                read()
            assert (failed.value.code, failed.value.cause) == (ExitCode.FILE, "Input/output error")


def test_a_symbolic_link_gives_the_name_and_its_target_the_identity(tmp_path: Path) -> None:
    """The user named the link; the same file stays the same file."""
    path = fill(tmp_path / "0001.mp4", 10)
    (tmp_path / "Holiday.mp4").symlink_to(path)
    video = open_video(str(tmp_path / "Holiday.mp4"))
    assert (video.name, video.path) == ("Holiday.mp4", os.path.realpath(path))


def test_a_rename_during_the_upload_cannot_mix_two_files(tmp_path: Path) -> None:
    """The descriptor stays with the file it was opened for."""
    path = fill(tmp_path / "movie.mp4", BLOCK * 2)
    content = path.read_bytes()
    body = body_of(path, Part(1, 0, BLOCK * 2))
    fill(tmp_path / "other.mp4", BLOCK * 2, seed=7).rename(path)
    assert payload(body) == content


@pytest.mark.parametrize(
    ("path", "what", "cause"),
    [
        ("dist/movie.mp4", "dist/movie.mp4 does not exist", "looked for in {here}"), ("/no/movie.mp4", "/no/movie.mp4 does not exist", ""),
        ("/dev/null/movie.mp4", "/dev/null/movie.mp4 does not exist", "Not a directory"),
        ("a\0b", "a\0b cannot be read", "embedded null byte; looked for in {here}"),
        ("https://example.com/movie.mp4", "https://example.com/movie.mp4 is an address, and vidup sends local files", ""),
        ("s3://bucket/movie.mp4", "s3://bucket/movie.mp4 is an address, and vidup sends local files", ""),
    ],
)  # fmt: skip
def test_a_path_that_leads_nowhere_is_told_as_it_was_given(
    path: str, what: str, cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which path, and from where: the last component alone would fit many."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VidupError) as refused:
        open_video(path)
    assert (refused.value.code, refused.value.what, refused.value.cause) == (ExitCode.FILE, what, cause.format(here=tmp_path))


def test_a_tilde_that_no_shell_has_read_is_explained(nobodys_home: Path) -> None:
    """The file is there, but not under that name."""
    (nobodys_home / "movie.mp4").touch()
    with pytest.raises(VidupError) as refused:
        open_video("~/movie.mp4")
    assert "quotes" in refused.value.advice


def test_an_empty_name_is_wrong_usage() -> None:
    """It comes from a variable that is not set; the current folder was never meant."""
    with pytest.raises(VidupError) as refused:
        open_video("")
    assert (refused.value.code, "empty" in refused.value.what) == (ExitCode.USAGE, True)
