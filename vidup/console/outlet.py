"""DOOR: the results of many files on stdout, in the order in which the files were given, each as soon as those before it are out."""

from __future__ import annotations

from vidup.console.results import print_line


class Outlet:
    """Holds back what is early: the worded line of a file, and nothing else of it."""

    def __init__(self) -> None:
        self.broken = False
        """Whether stdout takes nothing any more."""
        self._next = 0
        self._held: dict[int, str] = {}

    def put(self, number: int, line: str) -> list[int]:
        """The result of the file with this number, from 0, each number once; empty where stdout gets nothing of it.

        Returns the files whose results are out now and were not before.
        """
        self._held[number] = line
        out = []
        while self._next in self._held:
            text, turn = self._held[self._next], self._next
            if text and (self.broken or not print_line(text, self._printing)):
                self.broken = True
            else:
                out.append(turn)
            self._held.pop(turn)
            self._next = turn + 1
        return out

    def _printing(self) -> None:
        """The next is being written now. A signal amid that is heard just after it, and must not have it said again."""
        self._next += 1

    def is_out(self, number: int) -> bool:
        """Whether the turn of this file is over."""
        return number < self._next

    @property
    def turn(self) -> int:
        """The file whose result is to come next."""
        return self._next

    def held(self, number: int) -> str | None:
        """The line of this file, if it is there and its turn has not come."""
        return self._held.get(number)
