"""EDGE: who makes the bytes of a stream: whoever is at the other end of standard input, or a command that vidup runs itself."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from vidup.errors import Cancelled, ExitCode, VidupError

STOP_PATIENCE: Final = 5.0
"""Seconds that a command gets to end once it was asked to."""

_LOOK_EVERY: Final = 0.05
SLUG: Final = "producer-failed"


class Producer(Protocol):
    """Where a stream comes from. `descriptor` is read until it ends; then `end` says whether that was a good end."""

    descriptor: int

    def end(self, stop: Callable[[], bool]) -> None:
        """Wait until it is known how it ended. Raises VidupError(FILE) where it failed, Cancelled once `stop` says so."""

    def stop(self) -> None:
        """It need not go on. Waits for nothing."""

    def close(self) -> None:
        """Give everything back, and see that nothing of it goes on."""


class Pipe:
    """Standard input. How its other end came to its end nobody can tell."""

    def __init__(self, descriptor: int = 0) -> None:
        self.descriptor = descriptor

    def end(self, stop: Callable[[], bool]) -> None:
        """As `Producer` says."""

    def stop(self) -> None:
        """As `Producer` says: it has its own reader to please."""

    def close(self) -> None:
        """As `Producer` says: standard input is the process's."""


class Command:
    """A command whose standard output is the stream; its stderr and standard input are vidup's own."""

    def __init__(self, words: Sequence[str]) -> None:
        """Start it. Raises VidupError(FILE) where that is not possible."""
        self._name = words[0]
        try:
            self._process = subprocess.Popen(list(words), stdout=subprocess.PIPE, bufsize=0)
        except (OSError, ValueError) as error:
            raise VidupError(
                ExitCode.FILE, f"The command {self._name} cannot be started", slug=SLUG,
                cause=(error.strerror if isinstance(error, OSError) else None) or str(error), advice="Check the words after --.",
            ) from error  # fmt: skip
        assert self._process.stdout is not None
        self._output = self._process.stdout
        self.descriptor = self._output.fileno()

    def end(self, stop: Callable[[], bool]) -> None:
        """As `Producer` says."""
        while (code := self._process.poll()) is None:
            if stop():
                raise Cancelled
            time.sleep(_LOOK_EVERY)
        if code:
            how = f"it was killed by signal {-code}" if code < 0 else f"its exit code was {code}"
            raise VidupError(
                ExitCode.FILE, f"The command {self._name} failed, so that its video is not complete", cause=how, slug=SLUG,
                mended_outside=True, advice="See what it said, then run the same command again: what is the same is not sent twice.",
            )  # fmt: skip

    def stop(self) -> None:
        """As `Producer` says."""
        if self._process.poll() is None:
            self._process.terminate()

    def close(self) -> None:
        """As `Producer` says: asked to end, and killed where it does not within 5 seconds."""
        self.stop()
        with contextlib.suppress(OSError):
            self._output.close()
        try:
            self._process.wait(STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def widen(descriptor: int) -> None:
    """Let a pipe hold a megabyte, where the system can: its writer then waits less often."""
    import fcntl

    size = getattr(fcntl, "F_SETPIPE_SZ", None)
    if size is not None:
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, size, 1 << 20)


def is_terminal(descriptor: int) -> bool:
    """Whether somebody would have to type the video."""
    try:
        return os.isatty(descriptor)
    except OSError:
        return False
