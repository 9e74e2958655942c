"""CORE: what happens during an upload, as values that the conductor tells and a view shows or a pipe reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Started:
    """Parts are about to be sent: the split, where to, and how much of it the server already has."""

    file: str
    size: int
    total_parts: int
    part_size: int
    jobs: int
    target: str
    video_id: str
    upload_id: str
    parts_done: int


@dataclass(frozen=True, slots=True)
class PartChanged:
    """A part was begun ("sending"), confirmed by the server ("done") or put back ("waiting"); `attempts` counts sends so far."""

    part: int
    state: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Retrying:
    """A request failed and is made again after `wait` seconds; `part` is 0 for a request that carries no part."""

    part: int
    attempt: int
    wait: float
    reason: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """An upload begun earlier goes on; `source` says whose word counts the parts: "server" or "journal"."""

    parts_done: int
    total_parts: int
    source: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing new is started for `seconds`, because the server's rate limit says so."""

    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Finishing:
    """Every part is confirmed; the status is asked whether the video is whole."""


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence for people; `warning` marks one that they should act upon."""

    text: str
    warning: bool = False


Event = Started | PartChanged | Retrying | Resumed | Waiting | Finishing | Note
Tell = Callable[[Event], None]
