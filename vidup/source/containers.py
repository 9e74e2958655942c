"""CORE: whether a file can be a video, from a few of its bytes: what it is, and what it cannot be. Nothing here opens anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

Read = Callable[[int, int], bytes]
"""Up to so many bytes (the first number) of the file from this offset (the second) on; fewer only at its end."""

HEAD: Final = 4096
"""Bytes of a file's beginning that are looked at."""

_MOST_BOXES: Final = 200
"""Boxes that are walked at most: what begins with more is a fragmented mp4 of many minutes, and its `moov` was among the first."""

_TWO_PICTURES: Final = 1 << 18
"""Bytes in which the second picture of Motion JPEG is looked for, which is nothing but one picture behind the other."""

_ZEROS_AT: Final = 16
"""Places, besides the head, at which a file that begins with zeros is looked at."""


class Look(NamedTuple):
    """What a file looks like. `refusal` says why it cannot be a video, and `advice` what to do then; empty where it may be one.

    `kind` is the name of the container, empty where nobody knows the head: that is no reason to refuse a file.
    """

    kind: str
    refusal: str = ""
    advice: str = ""


_NO_VIDEO: Final = "Name a video file; if it is one all the same, add --any-file."

_VIDEOS: Final[tuple[tuple[str, tuple[tuple[int, bytes], ...]], ...]] = (
    ("Matroska or WebM", ((0, b"\x1a\x45\xdf\xa3"),)),
    ("AVI", ((0, b"RIFF"), (8, b"AVI "))),
    ("FLV", ((0, b"FLV\x01"),)),
    ("MPEG-TS", ((0, b"G"), (188, b"G"), (376, b"G"))),
    ("MPEG-TS", ((4, b"G"), (196, b"G"), (388, b"G"))),
    ("MPEG-TS", ((0, b"G"), (204, b"G"), (408, b"G"))),
    ("MPEG-PS", ((0, b"\x00\x00\x01\xba"),)),
    ("MPEG video", ((0, b"\x00\x00\x01\xb3"),)),
    ("ASF or WMV", ((0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),)),
    ("Ogg", ((0, b"OggS\x00"),)),
    ("GXF", ((0, b"\x00\x00\x00\x00\x01\xbc"),)),
    ("NUT", ((0, b"nut/multimedia container\x00"),)),
    ("IVF", ((0, b"DKIF\x00\x00"),)),
    ("YUV4MPEG2", ((0, b"YUV4MPEG2 "),)),
    ("RealMedia", ((0, b".RMF\x00\x00"),)),
    ("DV", ((0, b"\x1f\x07\x00\x3f"),)),
    ("DV", ((0, b"\x1f\x07\x00\xbf"),)),
    ("Motion JPEG 2000", ((4, b"jP  \r\n\x87\n"), (16, b"ftypmjp2"))),
    ("WTV", ((0, b"\xb7\xd8\x00\x20\x37\x49\xda\x11\xa6\x4e\x00\x07\xe9\x5e\xad\x8d"),)),
)
"""Heads that are known: what stands at which byte."""

_MXF: Final = b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01"
"""The key of a partition pack, before which anything of up to 64 KiB may stand."""

_ARCHIVE: Final = "an archive or a compressed file"
_DOCUMENT: Final = "a document"
_PICTURE: Final = "a picture"
_PROGRAM: Final = "a program"
_OTHERS: Final[tuple[tuple[str, tuple[tuple[int, bytes], ...]], ...]] = (
    ("a zip archive, or a document that is one inside", ((0, b"PK\x03\x04"),)),
    ("an empty zip archive", ((0, b"PK\x05\x06"),)),
    (_ARCHIVE, ((0, b"\x1f\x8b\x08"),)),
    (_ARCHIVE, ((0, b"BZh"), (4, b"1AY&SY"))),
    (_ARCHIVE, ((0, b"\xfd7zXZ\x00"),)),
    (_ARCHIVE, ((0, b"7z\xbc\xaf\x27\x1c"),)),
    (_ARCHIVE, ((0, b"Rar!\x1a\x07"),)),
    (_ARCHIVE, ((0, b"\x28\xb5\x2f\xfd"),)),
    (_ARCHIVE, ((0, b"\x04\x22\x4d\x18"),)),
    (_ARCHIVE, ((0, b"MSCF\x00\x00\x00\x00"),)),
    (_ARCHIVE, ((0, b"!<arch>\n"),)),
    (_ARCHIVE, ((257, b"ustar"),)),
    (_DOCUMENT, ((0, b"%PDF-"),)),
    (_DOCUMENT, ((0, b"{\\rtf"),)),
    (_DOCUMENT, ((0, b"%!PS"),)),
    (_DOCUMENT, ((0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),)),
    (_PICTURE, ((0, b"\xff\xd8\xff"),)),
    (_PICTURE, ((0, b"\x89PNG\r\n\x1a\n"),)),
    (_PICTURE, ((0, b"8BPS\x00\x01"),)),
    (_PICTURE, ((0, b"II*\x00"),)),
    (_PICTURE, ((0, b"MM\x00*"),)),
    (_PICTURE, ((0, b"BM"), (6, b"\x00\x00\x00\x00"), (15, b"\x00\x00"))),
    (_PICTURE, ((0, b"RIFF"), (8, b"WEBPVP8 "))),
    (_PICTURE, ((0, b"RIFF"), (8, b"WEBPVP8L"))),
    (_PICTURE, ((0, b"\x00\x00\x00\x0cjP  \r\n\x87\n"),)),
    (_PROGRAM, ((0, b"\x7fELF"),)),
    (_PROGRAM, ((0, b"\xcf\xfa\xed\xfe"),)),
    (_PROGRAM, ((0, b"MZ"), (78, b"This program cannot be run in DOS mode"))),
    ("a database", ((0, b"SQLite format 3\x00"),)),
)
"""Heads of what is no video. An animated GIF, or WebP, may be taken for one, so that these are not among them."""

_APPLE_DOUBLE: Final = b"\x00\x05\x16\x07\x00\x02\x00\x00"
_PICTURE_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif", b"crx ", b"jp2 ", b"jpx "})
_FIRST_BOXES: Final = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"moof", b"sidx", b"pdin"})
_CUT_MATTERS: Final = frozenset({b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"sidx"})
"""Boxes that a video cannot do without; another one that sticks out over the end is no reason to refuse."""

_PRINTED: Final = frozenset(range(0x20, 0x7F)) | {0xA9}
"""Bytes of which the type of a box is made."""

_CONTROL: Final = bytes({*range(0x20)} - set(b"\t\n\f\r\x1b"))
_TEXTS: Final = (
    (
        "a Git LFS pointer, which only names the video",
        "Fetch the video itself with git lfs pull, then upload it.",
        b"version https://git-lfs",
    ),
    ("a playlist, which names videos and holds none", "Name the video itself.", b"#extm3u"),
    ("a web page", "Download the video itself, then upload it.", b"<!doctype html"),
    ("a web page", "Download the video itself, then upload it.", b"<html"),
)
"""Texts that people take for the video that they name."""

_IS_ZERO: Final = Look(
    "", "holds nothing but zeros", "It was reserved and never written, or lost: copy it again. To send it anyway: --any-file"
)
_IS_TEXT: Final = Look("", "is a text, not a video", _NO_VIDEO)


def look_at(read: Read, size: int) -> Look:
    """What a file of `size` bytes (at least 1) looks like. It takes some 20 reads at most, but two for each box of an mp4, up to 400."""
    head = read(HEAD, 0)
    text = _text(head)
    if head[4:8] in _FIRST_BOXES and text is None:
        return _boxes(read, head, size)
    kind = _known(head, _VIDEOS) or ("MXF" if _MXF in head else "")
    if kind:
        return Look(kind)
    if head.startswith(_APPLE_DOUBLE):
        return Look("", "holds what macOS keeps beside a file, not the file", "Name the file without the ._ before its name.")
    other = _known(head, _OTHERS)
    if other == _PICTURE and head.startswith(b"\xff\xd8") and b"\xff\xd9\xff\xd8" in read(_TWO_PICTURES, 0):
        return Look("Motion JPEG")
    if other == _PICTURE and head.startswith(b"\x89PNG") and b"acTL" in head:
        return Look("animated PNG")
    if other:
        return Look("", f"is {other}, not a video", _NO_VIDEO)
    if not head.strip(b"\x00") and _is_zero(read, size):
        return _IS_ZERO
    return text or Look("")


def _known(head: bytes, heads: tuple[tuple[str, tuple[tuple[int, bytes], ...]], ...]) -> str:
    return next((kind for kind, marks in heads if all(head.startswith(mark, offset) for offset, mark in marks)), "")


def _boxes(read: Read, head: bytes, size: int) -> Look:
    """An ISO base media file (mp4, mov, 3gp, m4v): its boxes, one behind the other from the first byte to the last."""
    if head[4:8] == b"ftyp" and head[8:12] in _PICTURE_BRANDS:
        return Look("", "is a picture, not a video", _NO_VIDEO)
    kind = "QuickTime" if head[8:12] == b"qt  " or head[4:8] != b"ftyp" else "MP4"
    offset, described = 0, False
    for _ in range(_MOST_BOXES):
        begin = head[offset : offset + 16] if offset + 16 <= len(head) else read(16, offset)
        length, name = int.from_bytes(begin[:4]), begin[4:8]
        if length == 1:
            length = int.from_bytes(begin[8:16])
        elif length == 0:
            length = size - offset
        if len(begin) < 8 or length < 8 or not _PRINTED.issuperset(name):
            if described or len(begin) < 8:
                break  # some recorders leave a few bytes behind the last box
            return Look(kind, f"is a damaged {kind}: at byte {offset} there is no box", _cut_advice())
        described |= name == b"moov"
        if offset + length > size and (name in _CUT_MATTERS or not described):
            return Look(kind, f'is still being written, or cut: its box "{_shown(name)}" goes on behind the end of the file', _cut_advice())
        offset += length
        if offset >= size:
            break
    else:
        return Look(kind)  # so many boxes that their end is not looked for
    if not described:
        return Look(kind, 'is still being written, or cut: it has no box "moov", which tells what is in it', _cut_advice())
    return Look(kind)


def _cut_advice() -> str:
    return "Wait until whatever writes it is done, or copy it again. To send it as it is: --any-file"


def _shown(name: bytes) -> str:
    return name.decode("latin-1")


def _is_zero(read: Read, size: int) -> bool:
    """Whether a file that begins with zeros has nothing else, as far as samples tell."""
    step = max(size // _ZEROS_AT, HEAD)
    return not any(read(HEAD, offset).strip(b"\x00") for offset in (*range(step, size, step), max(0, size - HEAD)))


def _text(head: bytes) -> Look | None:
    """The refusal of a text: words with spaces or lines in them, in UTF-8 or UTF-16, without any control character."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) and len(head) % 2 == 0:
        wide = _decoded(head, "utf-16")
        return _IS_TEXT if wide and all(one.isprintable() or one.isspace() for one in wide) else None
    if len(head.translate(None, _CONTROL)) < len(head) or not _decoded(head, "utf-8"):
        return None
    begin = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:64].lower()
    for what, advice, mark in _TEXTS:
        if begin.startswith(mark):
            return Look("", f"is {what}", advice)
    return _IS_TEXT if len(head[:512].split()) > 1 else None


def _decoded(head: bytes, encoding: str) -> str:
    """The head as text; empty where it is none. What the cut of the head left of its last character does not count."""
    for cut in range(4):
        try:
            return head[: len(head) - cut].decode(encoding)
        except UnicodeDecodeError:
            continue
    return ""
