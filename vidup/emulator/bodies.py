"""EMULATOR: the body of one request, with the faults that strike while it is read, and what a multipart body holds."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import BinaryIO, Final

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from vidup.emulator.answers import Refused
from vidup.emulator.faults import NO_FAULT, Fault
from vidup.emulator.limits import MIB
from vidup.emulator.wire import BLOCK, Gone, Wire

DRAINED: Final = 256 * MIB
"""Bytes of a refused body that are read and thrown away before the connection is given up instead."""

_LONGEST_FIELD: Final = 64 * 1024
_LONGEST_JSON: Final = 4 * MIB
_SLOW_STEPS: Final = 10
"""Blocks a second of a slowed body."""


class Cut(Exception):
    """A scripted fault ends the connection here, by a reset."""


class Body:
    """The body of one request, read once. `stopping` ends every scripted wait."""

    def __init__(self, wire: Wire, length: int | None, stopping: threading.Event) -> None:
        self._wire = wire
        self._length = length
        self._stopping = stopping
        self._read = 0
        self._ended = False
        self._struck = False
        self.fault: Fault = NO_FAULT

    @property
    def read_to_end(self) -> bool:
        """Whether nothing of it is left on the wire."""
        return self._ended

    @property
    def any_read(self) -> bool:
        """Whether it had any byte so far."""
        return self._read > 0

    def too_long_to_drain(self) -> bool:
        """Whether more is left than is worth reading only to throw it away."""
        return self._length is not None and self._length - self._read > DRAINED

    def blocks(self) -> Iterator[bytes]:
        """What is left of the body, block by block, as slowly and as far as the fault lets it."""
        if self._ended:
            return
        if self.fault.slow:
            self._wire.narrow(max(4096, self.fault.slow // 4))
        midway = not self._struck and (self.fault.stall or self.fault.reset == "middle")
        middle = (self._length or 0) // 2 if midway else None
        size = max(1, self.fault.slow // _SLOW_STEPS) if self.fault.slow else BLOCK
        while True:
            if middle is not None and self._read >= middle:
                middle = None
                self._strike_midway()
            block = self._wire.read_block(size if middle is None else min(size, middle - self._read))
            if not block:
                break
            self._read += len(block)
            yield block
            if self.fault.slow:
                self.wait(len(block) / self.fault.slow)
        self._ended = True
        if self.fault.reset == "after":
            raise Cut

    def _strike_midway(self) -> None:
        self._struck = True
        if self.fault.stall:
            self.wait(self.fault.stall)
        if self.fault.reset == "middle":
            raise Cut

    def wait(self, seconds: float) -> None:
        """Waits; Gone when the emulator stops meanwhile."""
        if seconds and self._stopping.wait(seconds):
            raise Gone("the emulator stops")

    def payload(self) -> dict[str, object]:
        """The body as a JSON object; Refused when it is none."""
        raw = bytearray()
        for block in self.blocks():
            raw += block
            if len(raw) > _LONGEST_JSON:
                raise Refused("invalid-payload", detail="The body is too long.")
        try:
            value = json.loads(raw)
        except ValueError:
            raise Refused("invalid-payload", detail="The body is not JSON.") from None
        if not isinstance(value, dict):
            raise Refused("invalid-payload", detail="The body is not a JSON object.")
        return value


@dataclass
class Form:
    """What a multipart body held: the size in bytes of the one file, its name, how many files, and the plain fields."""

    size: int = 0
    filename: str = ""
    files: int = 0
    fields: dict[str, str] = field(default_factory=dict)


@dataclass
class _Sorter:
    """Takes the parser's events: the first file to `target` (None: nowhere) up to `limit` bytes, the fields to the form."""

    target: BinaryIO | None
    limit: int
    seen: Callable[[int], None]
    form: Form = field(default_factory=Form)
    segment: MultipartSegment | None = None
    text: bytearray = field(default_factory=bytearray)

    def take(self, event: MultipartSegment | bytes | None) -> None:
        if event is None:
            self._end_segment()
        elif isinstance(event, MultipartSegment):
            self.segment = event
            if event.filename is not None:
                self.form.files += 1
                self.form.filename = self.form.filename or event.filename
        elif self.segment is not None and self.segment.filename is not None:
            self._file_bytes(event)
        elif len(self.text) < _LONGEST_FIELD:
            self.text += event

    def _file_bytes(self, data: bytes) -> None:
        self.seen(len(data))
        if self.form.files > 1:
            return
        self.form.size += len(data)
        if self.target is not None and self.form.size <= self.limit:
            self.target.write(data)

    def _end_segment(self) -> None:
        if self.segment is not None and self.segment.filename is None and self.segment.name:
            self.form.fields[self.segment.name] = self.text.decode("utf-8", "replace")
        self.text.clear()


def boundary_of(headers: Message) -> str:
    """The boundary of a multipart request, empty for any other body."""
    kind, options = parse_options_header(headers.get("Content-Type", ""))
    return options.get("boundary", "") if kind == "multipart/form-data" else ""


def receive(body: Body, boundary: str, target: Path, limit: int, seen: Callable[[int], None]) -> Form:
    """Streams the file of a multipart body to `target`, at most `limit` bytes; `seen` is told of every block of file bytes.

    Refused when the body is broken, or holds no file or several.
    """
    if not boundary:
        for _ in body.blocks():
            pass
        raise Refused("uploaded-file-no-file", name="file")
    with target.open("wb") as file:
        sorter = _Sorter(file, limit, seen)
        try:
            parser = PushMultipartParser(boundary)
            for block in body.blocks():
                for event in parser.parse(block):
                    sorter.take(event)
            parser.close(check_complete=body.any_read)  # a body lost on the way is a request without a file
        except MultipartError as error:
            raise Refused("invalid-payload", detail=str(error)) from None
    if sorter.form.files != 1:
        raise Refused("uploaded-file-multiple-files" if sorter.form.files else "uploaded-file-no-file", name="file")
    return sorter.form


def drain(body: Body, boundary: str, seen: Callable[[int], None]) -> None:
    """Reads the rest of a refused body and throws it away; `seen` is told of file bytes as long as they can be told apart."""
    sorter = _Sorter(None, 0, seen)
    parser = PushMultipartParser(boundary) if boundary else None
    for block in body.blocks():
        try:
            for event in parser.parse(block) if parser is not None else ():
                sorter.take(event)
        except MultipartError:
            parser = None
