"""DOOR: the last words of a command that is told to stop, made ready at the first signal, so that the second need not wait for any."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable

CutIn = Callable[[Callable[[], str]], None]
"""Writes to stderr at once what this says in the moment of writing."""


class Parting:
    """What a second signal still says, each thing with one write that waits for nothing; empty until a first one came.

    What is told of a file whose turn is over is taken out as it is told, on stderr, on stdout and to a job, so that nothing is told twice.
    """

    def __init__(self) -> None:
        self._cut_in: CutIn | None = None
        self._words: list[str] = []
        self._last = ""
        self._objects: list[str] = []
        self._notes: list[Callable[[], None]] = []

    def prepare(
        self, cut_in: CutIn, words: Iterable[str], last: str, objects: Iterable[str], notes: Iterable[Callable[[], None]]
    ) -> None:  # fmt: skip
        """What speaks to stderr past everybody, and what it says: the words of each file and those of the end; an object a file for stdout,
        empty for none; and what a job is told of each."""
        self._words, self._last, self._objects, self._notes = list(words), last, list(objects), list(notes)
        self._cut_in = cut_in

    def by_way_of(self, cut_in: CutIn) -> None:
        """Another view has the use of stderr now, and another thread writes to it."""
        if self._cut_in is not None:
            self._cut_in = cut_in

    def told(self) -> None:
        """The first of the files is told of on stderr. To be called by whoever wrote it, where no signal is heard in between."""
        del self._words[:1]

    def printing(self) -> None:
        """The first of the objects is being printed now. To be called just before: a signal amid a write is heard just after it."""
        del self._objects[:1]

    def noting(self) -> None:
        """A job is being told of the first of the files; called just before."""
        del self._notes[:1]

    def over(self) -> None:
        """The ordinary end has said everything."""
        self._cut_in, self._words, self._last, self._objects, self._notes = None, [], "", [], []

    def say(self) -> None:
        """Say it. Raises nothing that a handler could not end by."""
        from vidup.progress.out import write_at_once

        if self._cut_in is not None:
            with contextlib.suppress(Exception):
                self._cut_in(lambda: "".join([*self._words, self._last]))
        objects = "".join(f"{line}\n" for line in self._objects if line)
        if objects:
            with contextlib.suppress(OSError, ValueError, AttributeError):
                write_at_once(sys.stdout.fileno(), objects.encode())
        for note in self._notes:
            with contextlib.suppress(Exception):
                note()
