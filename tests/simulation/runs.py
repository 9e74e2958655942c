"""What a story is made of: the command that is run again and again, how each run ended, and how each upload of it did."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from tests.simulation.world import World
from vidup.plan.parts import MIB

AGAIN = frozenset({9, 10, 75, 129, 130, 143})
"""Exit codes after which a shell loop runs the same command again; after 9 it only waits on."""

THROUGH = frozenset({0, 8})
"""Exit codes after which there is nothing left to do: it is on the server, and plays as far as it ever will."""


LARGEST_PARTS: Final = 10 * MIB
"""Bytes: the largest of the part sizes that the commands of a story name."""


class Command(NamedTuple):
    """What the user types. Sizes in bytes, times in seconds. `uploads` numbers the paths as in the first command of the story.

    `manifest`: a row is written for each file that ended, before its record goes; what is in it is not uploaded again.
    `delegated`: with an upload token alone.
    """

    paths: tuple[str, ...]
    uploads: tuple[int, ...]
    jobs: int
    retry_for: float
    part_size: int | None = None
    video_id: str | None = None
    manifest: bool = False
    wait: float | None = None
    portable: bool = False
    skip: bool = False
    delegated: bool = False

    @property
    def files(self) -> list[tuple[int, str]]:
        """The number and the path of each upload."""
        return list(zip(self.uploads, self.paths, strict=True))


class Ending(NamedTuple):
    """What a run reports of one upload, in the contract's fields; `upload` is its number in the first command."""

    upload: int
    exit_code: int
    status: str
    video_id: str | None
    total_parts: int | None
    parts_done: int
    parts_sent: int
    parts_skipped: int
    resumable: bool
    why: str = ""
    whole: bool = False
    """What ended it, in a few words for a person."""


class Run(NamedTuple):
    """One process: its number from 1, clock seconds, exit code (None if killed), endings, and the longest idle time without news."""

    number: int
    began: float
    ended: float
    healed: bool
    exit_code: int | None
    endings: tuple[Ending, ...]
    most_idle: float
    most_still: float = 0.0
    """The longest idle time without a part confirmed."""

    @property
    def killed(self) -> bool:
        """Whether it ended without a word."""
        return self.exit_code is None


class Story(NamedTuple):
    """Everything that the invariants look at."""

    world: World
    command: Command
    runs: list[Run]

    def endings(self) -> Iterator[tuple[Run, Ending]]:
        """Every ending of every run that lived to tell."""
        for run in self.runs:
            for ending in run.endings:
                yield run, ending

    def last(self, upload: int) -> tuple[Run, Ending] | None:
        """How the last run that told of this upload ended it."""
        return next(((run, ending) for run in reversed(self.runs) for ending in run.endings if ending.upload == upload), None)

    def happened(self, upload: int, kinds: frozenset[str], since: float = -1.0, until: float = float("inf")) -> bool:
        """Whether one of these faults struck this upload, or the whole line, in between (clock seconds)."""
        return any(
            fault.kind in kinds and fault.upload in (upload, -1) and since <= fault.at <= until for fault in self.world.story
        )  # fmt: skip

    def __str__(self) -> str:
        lines = [f"seed {self.world.seed}: {self.command}", f"weather: {self.world.weather}"]
        lines += [str(fault) for fault in self.world.story]
        for run in self.runs:
            lines.append(f"run {run.number}: {run.began:.1f}-{run.ended:.1f} s, exit {run.exit_code}{', healed' if run.healed else ''}")
            lines += [f"  {ending}" for ending in run.endings]
        for video in self.world.server.videos.values():
            stored = " ".join(f"{number}@{at:.1f}" for at, number in video.log)
            lines.append(f"{video.id} of upload {video.upload}, run {video.run}: {len(video.parts)} of {video.total}: {stored}")
        return "\n".join(lines)
