"""Can this be a video? Told from a few bytes, on real files of every container that ffmpeg makes, on damaged ones, and on what is none."""

from __future__ import annotations

import gzip
import io
import os
import random
import re
import subprocess
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.source.ffmpeg import FFMPEG, make, needs_ffmpeg
from vidup.source.containers import HEAD, Look, look_at

MIB = 1024 * 1024

CONTAINERS = {
    "mp4": "MP4", "mov": "QuickTime", "ismv": "MP4", "f4v": "MP4", "psp": "MP4", "ipod": "MP4", "matroska": "Matroska or WebM",
    "webm": "Matroska or WebM", "avi": "AVI", "flv": "FLV", "mpegts": "MPEG-TS", "mpeg": "MPEG-PS", "vob": "MPEG-PS", "dvd": "MPEG-PS",
    "svcd": "MPEG-PS", "mpeg1video": "MPEG video", "mpeg2video": "MPEG video", "asf": "ASF or WMV", "mxf": "MXF", "ogg": "Ogg",
    "ogv": "Ogg", "gxf": "GXF", "nut": "NUT", "ivf": "IVF", "rm": "RealMedia", "wtv": "WTV", "dv": "DV", "mjpeg": "Motion JPEG",
}  # fmt: skip
"""Muxers of ffmpeg, and what is made of their files."""

NO_VIDEOS = {
    "apng", "crc", "dash", "framecrc", "framehash", "framemd5", "hash", "hls", "image2", "md5", "mkvtimestamp_v2", "streamhash",
    "uncodedframecrc", "ffmetadata", "ico",
}  # fmt: skip
"""Muxers of ffmpeg whose files are no videos: pictures, playlists and lists of numbers."""


class Disk:
    """A file in memory that counts how often it is read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.reads = 0

    def read(self, length: int, offset: int) -> bytes:
        self.reads += 1
        return self.data[offset : offset + length]


def look(data: bytes) -> Look:
    return look_at(Disk(data).read, len(data))


def look_into(path: Path) -> Look:
    with path.open("rb") as file:
        return look_at(lambda length, offset: os.pread(file.fileno(), length, offset), path.stat().st_size)


def box(name: bytes, length: int = 8, *, filled: bool = True) -> bytes:
    return length.to_bytes(4) + name + bytes([7]) * (length - 8 if filled else 0)


HEADER = b"\0\0\0\x14ftypisom\0\0\2\0isom"
MOVIE = HEADER + box(b"mdat", 5000) + box(b"moov", 700)


@needs_ffmpeg
@pytest.mark.parametrize("muxer", CONTAINERS)
def test_a_real_video_is_known_by_its_container(muxer: str, tmp_path: Path) -> None:
    """And may be one."""
    size = {"dv": "720x576", "gxf": "720x576"}.get(muxer, "352x288")
    sound = ["-an"] if muxer in ("mpeg1video", "mpeg2video", "mjpeg", "ivf", "gxf") else ["-ac", "2", "-ar", "48000"]
    assert look_into(make(tmp_path / "film", "-f", muxer, *sound, *(["-pix_fmt", "yuv420p"] if muxer == "dv" else []), size=size)) == Look(
        CONTAINERS[muxer]
    )


@needs_ffmpeg
def test_nothing_that_ffmpeg_takes_for_a_video_is_refused(tmp_path: Path) -> None:
    """Whatever the muxer: a head that is not known is no reason. What is refused is a picture, a playlist or a list of numbers."""
    assert FFMPEG is not None
    told = subprocess.run([FFMPEG, "-hide_banner", "-muxers"], capture_output=True, text=True, check=True).stdout
    muxers = [name for line in told.splitlines() if (found := re.match(r" +E +(\S+)", line)) for name in found[1].split(",")]
    devices = {"alsa", "caca", "fbdev", "oss", "opengl", "pulse", "sdl", "sdl2", "video4linux2", "v4l2", "xv", "rtp", "rtsp", "sap", "fifo",
               "tee", "null", "rtp_mpegts", "hds", "fifo_test", "smoothstreaming", "segment"}  # fmt: skip
    refused = set()
    for muxer in sorted(set(muxers) - devices - set(CONTAINERS)):
        try:
            path = make(tmp_path / muxer, "-t", "0.1", "-an", "-f", muxer, size="176x144")
        except subprocess.CalledProcessError:
            continue
        if path.is_file() and path.stat().st_size and look_into(path).refusal:
            refused.add(muxer)
    assert refused <= NO_VIDEOS


@needs_ffmpeg
@pytest.mark.parametrize("muxer", ["mp4", "mov"])
def test_a_film_that_was_cut_anywhere_is_refused(muxer: str, tmp_path: Path) -> None:
    """Its boxes end in the middle, or what tells of them is missing."""
    data = make(tmp_path / "film", "-f", muxer).read_bytes()
    for left in (len(data) // 4, len(data) // 2, len(data) - 100, len(data) - 1):
        assert "is still being written, or cut" in look(data[:left]).refusal


@needs_ffmpeg
@pytest.mark.parametrize("options", [["-movflags", "+faststart"], ["-movflags", "frag_keyframe+empty_moov"], ["-brand", "mp42"]])
def test_every_order_of_the_boxes_is_fine(options: list[str], tmp_path: Path) -> None:
    """The table in front, behind, or piece by piece."""
    assert look_into(make(tmp_path / "film.mp4", *options)) == Look("MP4")


def test_a_film_that_is_being_written_lacks_its_table() -> None:
    """As ffmpeg leaves it while it works: a box that goes on to the end, whatever its end will be."""
    assert 'no box "moov"' in look(HEADER + box(b"free") + (0).to_bytes(4) + b"mdat" + bytes([9]) * 50_000).refusal


def test_a_long_box_says_its_length_in_eight_bytes() -> None:
    """A film of 5 GB has one."""
    long = (1).to_bytes(4) + b"mdat" + (3_000_016).to_bytes(8)
    head = HEADER + long
    data = Disk(head)
    size = len(HEADER) + 3_000_016 + 700

    def read(length: int, offset: int) -> bytes:
        return (box(b"moov", 700))[offset - size + 700 :][:length] if offset >= size - 700 else data.read(length, offset)

    assert look_at(read, size) == Look("MP4")
    assert 'box "mdat" goes on behind the end' in look_at(read, size - 701).refusal


@pytest.mark.parametrize("junk", [b"\0\0\0", b"\0" * 500, b"\xff" * 90, box(b"free", 300)[:100], box(b"udta", 999)[:50]])
def test_what_a_recorder_leaves_behind_a_whole_film_is_no_harm(junk: bytes) -> None:
    """A few bytes, zeros, or an unimportant box that is cut."""
    assert look(MOVIE + junk) == Look("MP4")


@pytest.mark.parametrize("name", [b"mdat", b"moof", b"moov", b"sidx"])
def test_a_film_that_ends_inside_a_box_that_matters_is_refused(name: bytes) -> None:
    """Also where the table came before it."""
    assert f'box "{name.decode()}" goes on behind' in look(HEADER + box(b"moov", 700) + box(name, 9000, filled=False)).refusal


def test_a_box_of_an_impossible_length_before_the_table_is_damage() -> None:
    """Where it is, is told."""
    assert look(HEADER + box(b"free") + b"\0\0\0\3mdat" + bytes(900)).refusal == "is a damaged MP4: at byte 28 there is no box"


def test_of_a_film_in_many_pieces_only_the_first_are_walked() -> None:
    """So that hours of them cost no more reads than a minute."""
    disk = Disk(HEADER + box(b"moov", 700) + (box(b"moof", 5000) + box(b"mdat", 5000)) * 3000 + box(b"mdat", 8000, filled=False))
    assert look_at(disk.read, len(disk.data)) == Look("MP4")
    assert disk.reads <= 201


def archive(kind: str) -> bytes:
    out = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(out, "w") as file:
            file.writestr("movie.mp4", b"x" * 1000)
    else:
        with tarfile.open(fileobj=out, mode="w") as tar:
            tar.addfile(tarfile.TarInfo("movie.mp4"))
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"Dear all,\nthe film is late.\n", "is a text"), ("Le film est en retard, désolé.\n".encode() * 300, "is a text"),
        ("The film\nis late".encode("utf-16"), "is a text"), (b"\xef\xbb\xbf1\n00:00:01,000 --> 00:00:02,000\nHello\n", "is a text"),
        (b"The free film is late, for it is not there.", "is a text"),
        (b"<!DOCTYPE html>\n<html><body>404 Not Found</body></html>", "is a web page"), (b"#EXTM3U\n#EXT-X-VERSION:3\n", "is a playlist"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 9\n", "is a Git LFS pointer"),
        (archive("zip"), "is a zip archive"), (archive("tar"), "is an archive"), (gzip.compress(b"x" * 999, mtime=0), "is an archive"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "is a document"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "is a document"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes([5]) * 4000 + b"\xff\xd9", "is a picture"), (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is a picture"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40), "is a picture"), (b"II*\0\x08\0\0\0", "is a picture"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "is a picture"), (b"\x7fELF\2\1\1" + bytes(60), "is a program"),
        (b"SQLite format 3\0" + bytes(84), "is a database"), (b"\0\x05\x16\x07\0\2\0\0Mac OS X        ", "holds what macOS keeps beside a file"),
        (bytes(1), "holds nothing but zeros"), (bytes(3 * MIB), "holds nothing but zeros"),
    ],
    ids=lambda value: value if isinstance(value, str) else "bytes",
)  # fmt: skip
def test_what_cannot_be_a_video_is_named(data: bytes, words: str) -> None:
    """And what to do is said."""
    found = look(data)
    assert words in found.refusal
    assert found.advice


@pytest.mark.parametrize(
    "data",
    [
        random.Random(1).randbytes(9000), b"x", b"ab" * 4000, b"RIFF\x24\0\0\0WAVEfmt ", b"GIF89a\x01\0\x01\0", b"ID3\x04\0\0\0\0\0\x7f", b"\xff\xfb\x90\x64" * 40,
        bytes(HEAD) + b"\1" * 4096, bytes(2 * MIB) + b"\1", b"RIFF\x24\0\0\0WEBPVP8X\x0a\0\0\0\2", b"caf\xe9 au lait " * 30,
    ],
    ids=lambda _data: "bytes",
)  # fmt: skip
def test_a_head_that_nobody_knows_is_not_refused(data: bytes) -> None:
    """Sound, an animated picture, bytes without a name: the server decides."""
    assert look(data) == Look("")


@needs_ffmpeg
def test_a_look_takes_far_less_than_a_millisecond(tmp_path: Path) -> None:
    """Of the processor, of which others may want as much as they like: of a real film in many pieces and of one with the table behind."""
    for options in (["-movflags", "frag_every_frame+empty_moov", "-g", "1"], []):
        path = make(tmp_path / "film.mp4", *options, seconds=6)
        times = []
        for _ in range(50):
            began = time.thread_time()
            assert look_into(path) == Look("MP4")
            times.append(time.thread_time() - began)
        assert min(times) < 0.001


def test_reads_are_few(video: Callable[..., Path]) -> None:
    """Whatever the size."""
    disk = Disk(video(40 * MIB).read_bytes())
    look_at(disk.read, len(disk.data))
    assert disk.reads <= 20


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("Motion JPEG 2000", b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypmjp2\0\0\0\0mjp2" + bytes(range(256))),
        ("animated PNG", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(17) + b"\0\0\0\x08acTL" + bytes(range(256))),
    ],
)
def test_pictures_that_move_are_no_pictures(kind: str, data: bytes) -> None:
    """They begin as still ones do."""
    found = look_at(lambda length, offset: data[offset : offset + length], len(data))
    assert (found.kind, found.refusal) == (kind, "")


def test_a_web_page_without_a_blank_is_one_too() -> None:
    """As a server sends it in place of the video that was to be downloaded."""
    data = b"<html><head><title>Forbidden</title></head></html>"
    assert look_at(lambda length, offset: data[offset : offset + length], len(data)).refusal == "is a web page"
