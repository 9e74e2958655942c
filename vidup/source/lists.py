"""EDGE: a list of files, as `--from-file` takes it: a path a line, or a JSON object a line, or the manifest of an earlier run."""

from __future__ import annotations

import base64
import binascii
import json
import os
import sys
from collections.abc import Iterator, Mapping
from select import select
from typing import Any, Final, NamedTuple

from vidup.errors import ExitCode, VidupError

_BOM: Final = b"\xef\xbb\xbf"
_MANIFEST: Final = frozenset({"v", "status", "exit_code"})
"""Keys that each row of a manifest has, and no row of a list: those are named as options."""

_TORN: Final = b'{"v":'
"""How a manifest's row begins, after blanks are taken out."""

_LISTEN: Final = 0.1
"""Seconds after which a read that waits looks for a signal: the kernel interrupts it only where it is waiting already."""

_NO_FIELDS: Final[Mapping[str, object]] = {}


class Row(NamedTuple):
    """A file of a list, and what its row says of it besides, as it stands there. `where` names the row to people."""

    path: str
    fields: Mapping[str, object]
    where: str
    of_manifest: bool = False


def read_list(path: str, null: bool) -> list[Row]:
    """The rows of this list in their order; `-` is standard input; `null`: its paths end in a NUL, and are paths whatever they look like.

    Raises VidupError: FILE where the list cannot be read, USAGE where it is no list.
    """
    name = "standard input" if path == "-" else path
    try:
        if path == "-":
            data = b"" if sys.stdin is None else _everything(sys.stdin.fileno())
        else:
            with open(path, "rb", buffering=0) as file:  # which may be a pipe, too: <(find ...)
                data = _everything(file.fileno())
    except (OSError, ValueError) as error:
        words = (error.strerror if isinstance(error, OSError) else "") or str(error)
        raise VidupError(ExitCode.FILE, f"The list {name} cannot be read", cause=words, advice="Correct --from-file.") from error
    return list(parse_list(data, name, null))


def _everything(descriptor: int) -> bytes:
    """All that comes, however long that takes: a signal that arrives between two reads is heard within a tenth of a second."""
    pieces: list[bytes] = []
    while True:
        if not select([descriptor], (), (), _LISTEN)[0]:
            continue
        piece = os.read(descriptor, 1 << 20)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


def parse_list(data: bytes, name: str, null: bool) -> Iterator[Row]:
    r"""The rows of a list of this name. Raises VidupError(USAGE) naming the line that is wrong.

    A path is taken as it stands: blanks, `#` and `*` belong to it. Only a byte order mark is dropped, and the `\r` before each line's
    end where every line has one. Empty lines are passed over.
    """
    if null:
        for number, path in enumerate(data.split(b"\0"), 1):
            if path:
                yield Row(_named(path), _NO_FIELDS, f"entry {number} of {name}")
        return
    lines = _lines(data, name)
    manifest = False
    for number, line in enumerate(lines, 1):
        where = f"line {number} of {name}"
        if not line.startswith(b"{"):
            if line:
                yield Row(_named(line), _NO_FIELDS, where)
            continue
        last = number == len(lines)  # one that is whole has an empty one behind it
        try:
            row = _row(json.loads(line), where)
        except ValueError as error:  # of json, or not UTF-8
            if last and (manifest or line.replace(b" ", b"").startswith(_TORN)):
                return
            raise _wrong(where, "is not a JSON object", str(error)) from None
        manifest |= row.of_manifest
        yield row


def _named(path: bytes) -> str:
    """The path as the system knows it; on a list `-` is a file's name as any other."""
    return os.fsdecode(path) if path != b"-" else "./-"


def _lines(data: bytes, name: str) -> list[bytes]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise VidupError(ExitCode.USAGE, f"The list {name} is UTF-16", advice="Save it as UTF-8: in PowerShell, with -Encoding utf8.")
    if b"\0" in data:
        raise VidupError(
            ExitCode.USAGE, f"The list {name} holds a NUL, which no path does", advice="Read a list of find -print0 with --null."
        )
    lines = data.removeprefix(_BOM).split(b"\n")
    ended = [line for line in lines[:-1] if line]
    if ended and all(line.endswith(b"\r") for line in ended):
        lines = [line.removesuffix(b"\r") for line in lines]
    return lines


def _row(value: Any, where: str) -> Row:
    if not isinstance(value, dict):
        raise _wrong(where, "is not a JSON object")
    path = _path(value, where)
    if value.keys() >= _MANIFEST:
        return Row(path, _NO_FIELDS, where, of_manifest=True)
    return Row(path, {key: field for key, field in value.items() if key not in ("file", "file_b64")}, where)


def _path(value: Mapping[str, object], where: str) -> str:
    """The path that a row names: `file_b64` has the very bytes of one that is not UTF-8, and comes before `file`, which shows it."""
    spelled = value.get("file_b64")
    if spelled is not None:
        try:
            path = os.fsdecode(base64.b64decode(spelled if isinstance(spelled, str) else "?", validate=True))
        except (binascii.Error, ValueError):
            raise _wrong(where, "has a file_b64 that is not base64") from None
    else:
        named = value.get("file")
        path = named if isinstance(named, str) else ""
    if not path or "\0" in path:
        raise _wrong(where, "names no file", 'each object has one: {"file": "movie.mp4"}')
    return _named(os.fsencode(path))


def _wrong(where: str, what: str, cause: str = "") -> VidupError:
    return VidupError(
        ExitCode.USAGE, f"{where[:1].upper()}{where[1:]} {what}", cause=cause, advice="Correct it; a path that begins with { is written ./{"
    )
