"""DOOR: the last words of a command that is told to stop, made ready at the first signal, so that the second need not wait for any."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable


class Parting:
    """What a second signal still says, each thing with one write that waits for nothing; empty until a first one came.

    The objects of files whose turn is over are taken out as they are printed, so that none is printed twice.
    """

    def __init__(self) -> None:
        self._first: Callable[[], None] | None = None
        self._objects: list[str] = []
        self._then: list[Callable[[], None]] = []

    def prepare(self, first: Callable[[], None], objects: Iterable[str], then: Iterable[Callable[[], None]]) -> None:
        """What clears the terminal and speaks to people; the lines for stdout, an object a file; and what else is to be done."""
        self._first, self._objects, self._then = first, list(objects), list(then)

    def printing(self) -> None:
        """The first of these objects is being printed now. To be called just before: a signal amid a write is heard just after it."""
        del self._objects[:1]

    def over(self) -> None:
        """The ordinary end has said everything."""
        self._first, self._objects, self._then = None, [], []

    def say(self) -> None:
        """Say it. Raises nothing that a handler could not end by."""
        from vidup.progress.out import write_at_once

        if self._first is not None:
            with contextlib.suppress(Exception):
                self._first()
        if self._objects:
            with contextlib.suppress(OSError, ValueError, AttributeError):
                write_at_once(sys.stdout.fileno(), "".join(f"{line}\n" for line in self._objects).encode())
        for act in self._then:
            with contextlib.suppress(Exception):
                act()
