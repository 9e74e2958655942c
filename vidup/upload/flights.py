"""CORE: what is on its way for one upload: parts in flight, the question about them, and the wish to cut them off."""

from __future__ import annotations

from dataclasses import dataclass

from vidup.upload.exchange import Body, Request


@dataclass(eq=False, repr=False)
class Flight:
    """A part on its way: when any byte of it moved last, and how much had moved then."""

    request: Request
    body: Body
    first: bool
    since: float
    mark: tuple[int, float] = (-1, 0.0)


class Looking:
    """How the status is looked at: whether a question is out and for whom, when the next may go, and what became of the last ones."""

    is_out: bool = False
    asked_at: float = 0.0
    at: float = 0.0
    looks: int = 0
    failures: int = 0


class Stopper:
    """Cuts the bodies on their way; read by the threads that send them."""

    _set: bool = False

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
