"""The manifest of a story with many files: a row on the world's disk for every file that ended, which outlives the run that wrote it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from tests.simulation.disk import MemoryDisk
from tests.simulation.runs import Ending

_PATH: Final = Path("/manifest/all.ndjson")


def write(disk: MemoryDisk, run: int, ending: Ending) -> None:
    """Add a row; what a torn one left is cut. OSError where the disk refuses, Killed before, amid or after it."""
    data = disk.peek(_PATH)
    row = json.dumps([run, *ending]).encode() + b"\n"
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        disk.truncate(_PATH, whole)
    if data:
        disk.append(_PATH, row)
    else:
        disk.create(_PATH, row)


def rows(disk: MemoryDisk, run: int) -> tuple[Ending, ...]:
    """The rows that this run wrote, whatever became of it; a damaged or torn one is none."""
    found = []
    for line in disk.peek(_PATH).split(b"\n")[:-1]:
        try:
            wrote, *values = json.loads(line)
        except ValueError:
            continue
        if wrote == run:
            found.append(Ending(*values))
    return tuple(found)
