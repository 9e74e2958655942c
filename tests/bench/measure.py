"""Run a command with its stderr on a terminal of our own, and tell what it took."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

LAUNCH: Final = Path(__file__).with_name("launch.py")
MIB: Final = 1024 * 1024
_KEPT: Final = 4000
"""Bytes of a command's last words that are kept for when it fails."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run: words, environment on top of a clean one, and whether stderr is a terminal."""

    words: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    tty: bool = False

    def environment(self) -> dict[str, str]:
        """The whole environment; proxies, trust and settings of whoever runs the benchmark are left out."""
        return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8", "TERM": "xterm-256color", **self.env}


@dataclass(frozen=True, slots=True)
class Usage:
    """What one run took: seconds of wall and CPU, peak MiB."""

    wall: float
    cpu: float
    rss_mib: float


class RunFailed(Exception):
    """The command ended badly; its last words are the message."""


def run(command: Command, prefix: Sequence[str] = ()) -> Usage:
    """Run it to its end. `prefix` goes before the launcher, as `ip netns exec NAME`. Raises RunFailed."""
    words = [*prefix, sys.executable, "-I", "-S", str(LAUNCH), *command.words]
    with _stderr(command.tty) as (descriptor, last_words):
        done = subprocess.run(words, env=command.environment(), stdout=subprocess.PIPE, stderr=descriptor, check=False)
    took = json.loads(done.stdout) if done.returncode == 0 else {"code": done.returncode}
    if took["code"] != 0:
        raise RunFailed(f"{' '.join(command.words)[:300]} ended with {took['code']}:\n{last_words.decode(errors='replace')}")
    return Usage(took["wall"], took["cpu"], took["rss_kib"] / 1024)


@contextlib.contextmanager
def _stderr(tty: bool) -> Iterator[tuple[int, bytearray]]:
    """A descriptor to write to, a terminal of 120 x 40 or a pipe, and the last of what was written."""
    last_words = bytearray()
    ours, theirs = os.openpty() if tty else os.pipe()
    if tty:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))

    def drain() -> None:
        with contextlib.suppress(OSError):  # a terminal whose other side is closed answers EIO
            while data := os.read(ours, 65536):
                last_words[:] = (last_words + data)[-_KEPT:]

    reader = threading.Thread(target=drain)
    reader.start()
    try:
        yield theirs, last_words
    finally:
        os.close(theirs)
        reader.join()
        os.close(ours)
