"""CORE: what surrounds one upload: the outside that it is given, and how it ends, with the grace that then remains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from vidup.errors import ExitCode, VidupError
from vidup.state.journal import StateFolder
from vidup.upload.exchange import Source

GRACE: Final = 5.0
"""Seconds that parts whose body is out get for their answer when an upload is ended."""

CUT_GRACE: Final = 0.3
"""Seconds that bodies which are cut get to land."""


class Ending(NamedTuple):
    """How an upload ends, and when at the latest. `error` is None where it was stopped, or ended well."""

    status: str
    code: ExitCode
    error: VidupError | None
    until: float


class World(NamedTuple):
    """What an upload needs of the outside: files, records, and the time in seconds, of a clock (`now`) and since 1970 (`wall`).

    `about` spreads the seconds between two looks of one that waits.
    """

    open_source: Callable[[str], Source]
    folder: StateFolder
    now: Callable[[], float]
    wall: Callable[[], float]
    stop: Callable[[], bool]
    about: Callable[[float], float] = float
