"""Streams for tests: a producer that is a real process, in Python, so that what it does when is exact."""

from __future__ import annotations

import hashlib
import random
import sys
from pathlib import Path

MIB = 1024 * 1024
PART = 5 * MIB


def producer(
    size: int, *, seed: int = 1, gate: Path | None = None, wait_at: int = 0, code: int = 0, differs_at: int = -1, signal: int = 0
) -> list[str]:  # fmt: skip
    """The command that writes these bytes. It waits, when `wait_at` bytes are out, for as long as there is a file `gate`."""
    numbers = (size, seed, wait_at, code, differs_at, signal)
    return [sys.executable, str(Path(__file__).with_name("produce.py")), *map(str, numbers), str(gate or "no")]


def digest(size: int, seed: int = 1) -> str:
    """The SHA-256 of what such a producer writes."""
    whole = hashlib.sha256()
    for start in range(0, size, 65536):
        whole.update(random.Random(f"{seed} {start}").randbytes(65536)[: size - start])
    return whole.hexdigest()
