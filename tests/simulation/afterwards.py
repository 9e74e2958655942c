"""What some stories have besides an upload: a wait until the video plays, and a portable record by which it is found again.

Both are drawn from dice of their own, so that every other story stays what it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

from tests.simulation.excuses import FILE_CHANGED, told_and_killed
from tests.simulation.runs import Ending, Story
from tests.simulation.server import Video
from vidup.upload.exchange import Verb

Words = Iterator[str]
NAMES: Final = ("240p", "360p", "480p")
ODD: Final = ("queued", "analyzing", "")

LATEST: Final = 40.0
"""Seconds after which a look has been made and answered, where nothing goes wrong."""


class Wish(NamedTuple):
    """What a command wants afterwards. `wait` in seconds or None; `skip`: a complete video of the file will do."""

    wait: float | None
    portable: bool
    skip: bool


def wish(seed: int) -> Wish:
    """A third of the stories wait, a third is portable, and every second of those takes a complete video."""
    dice = Random(f"{seed} afterwards")
    wait = dice.choice((20.0, 120.0, 600.0)) if dice.random() < 0.33 else None
    portable = dice.random() < 0.33
    return Wish(wait, portable, portable and dice.random() < 0.5)


class Encoding(NamedTuple):
    """How the encoding of a video goes: it ends so many seconds after the last part, well or not, or never (infinity)."""

    seconds: float
    fails: bool
    states: tuple[str, ...]

    def at(self, since: float | None) -> str:
        """`plays`, `failed` or `works` so long after the last part (None: before it)."""
        if since is None or since < self.seconds:
            return "works"
        return "failed" if self.fails else "plays"

    def told(self, since: float | None) -> dict[str, object]:
        """The status's `encoding`."""
        states: tuple[object, ...] = {"works": self.states, "plays": ("encoded", "encoding", "failed"), "failed": ("failed",) * 3}[
            self.at(since)
        ]
        if since is None:
            states = ("waiting",) * 3
        qualities = [{"type": "hls", "quality": name, "status": state} for name, state in zip(NAMES, states, strict=True)]
        return {"playable": self.at(since) == "plays", "qualities": qualities}


def encoding(seed: int, video_id: str) -> Encoding:
    """The encoding of this video of this story."""
    dice = Random(f"{seed} {video_id} encoding")
    seconds = dice.choice((0.0, dice.uniform(0.0, 30.0), dice.uniform(0.0, 400.0), float("inf")))
    states = [dice.choice(("waiting", "encoding", "failed", *ODD)) for _ in NAMES]
    if set(states) == {"failed"}:
        states[0] = "queued"
    return Encoding(seconds, dice.random() < 0.2, tuple(states))


def whole_since(video: Video | None, moment: float) -> float | None:
    """For how many seconds this video has been whole at this moment; None where it is not."""
    if video is None or not video.complete or video.log[-1][0] > moment:
        return None
    return moment - video.log[-1][0]


def _came_to(story: Story, moment: float, ending: Ending) -> str:
    video_id = ending.video_id or ""
    return encoding(story.world.seed, video_id).at(whole_since(story.world.server.videos.get(video_id), moment))


def a_wait_ends_as_the_encoding_does(story: Story) -> Words:
    """Playable only of what plays, 8 only of what failed, 9 only once the time is up; and none of them without a wait."""
    wait = story.command.wait
    for run, ending in story.endings():
        told = f"run {run.number}, upload {ending.upload}: {ending.status}, exit {ending.exit_code}"
        if wait is None:
            if ending.status == "playable" or ending.exit_code in (8, 9):
                yield f"{told}, though nobody waits"
            continue
        if (ending.exit_code == 0) != (ending.status == "playable") or (ending.exit_code in (8, 9)) != (ending.status == "uploaded"):
            yield told
        if ending.status == "playable" and _came_to(story, run.ended, ending) != "plays":
            yield f"{told}, but it {_came_to(story, run.ended, ending)}"
        if ending.exit_code == 8 and _came_to(story, run.ended, ending) != "failed":
            yield f"{told}, but it {_came_to(story, run.ended, ending)}"
        seen = run.ended - (LATEST + story.world.server.habits.lag)
        alone = len(story.command.uploads) == 1  # else it ended at some moment before the run did
        if ending.exit_code == 9 and alone and run.healed and seen > run.began and _came_to(story, seen, ending) != "works":
            yield f"{told}, though for more than {LATEST:.0f} s it {_came_to(story, seen, ending)}"
        if ending.exit_code == 9 and run.ended - run.began < wait - 1.0:
            yield f"{told} after {run.ended - run.began:.0f} s, and {wait:.0f} s were to be waited"


def what_is_whole_is_never_given_up(story: Story) -> Words:
    """No trouble of the line ends a wait before its time: that a video is whole comes with 0, 8, 9, a signal, or what the server said for
    good; there is then nothing to go on with, and the server has it."""
    for run, ending in story.endings():
        told = f"run {run.number}, upload {ending.upload} is whole in {ending.video_id}, and ended with {ending.exit_code}"
        if not ending.whole:
            continue
        if ending.exit_code not in (0, 8, 9, 130, 4, 5, 6, 7):
            yield told
        if ending.resumable:
            yield f"{told}, to be resumed"
        if whole_since(story.world.server.videos.get(ending.video_id or ""), run.ended) is None:
            yield f"{told}, but the server lacks parts"


def the_same_command_sends_nothing_then(story: Story) -> Words:
    """Once a run has told that the video is whole and it was only waited for, no later one sends a byte of that file, whatever it waits for."""
    for run, ending in story.endings():
        if not ending.whole or ending.exit_code not in (9, 130):
            continue
        if told_and_killed(story, ending.video_id, after=run):
            continue
        if any(story.happened(ending.upload, kinds, since=run.began) for kinds in (FILE_CHANGED | {"damaged", "deleted", "disk full"},)):
            continue
        again = [one for one in story.world.sent if one.run > run.number and one.upload == ending.upload]
        if any(one.verb in (Verb.PART, Verb.CREATE) for one in again):
            yield f"run {run.number} left upload {ending.upload} whole, but a later one sent something of it"


def the_portable_are_found_again(story: Story) -> Words:
    """A lost record costs no second video where the file bears one of its own, the list tells of it, and a complete one will do."""
    world = story.world
    if not (story.command.portable and story.command.skip) or world.server.habits.lists == "late":
        return
    listless = {one.upload for one in world.refusals if one.verb is Verb.FIND}
    counts = Counter(video.upload for video in world.server.videos.values() if video.run > 0)
    for upload, count in counts.items():
        changed = story.happened(upload, FILE_CHANGED | {"deleted", "other writer", "copied"})
        unsure = world.creates[upload] - world.created[upload]
        if count > 1 + unsure and not changed and upload not in listless and -1 not in listless:
            yield f"upload {upload} has {count} containers, though it could be found again; {unsure} of its creates were unsure"


INVARIANTS: Final = (
    a_wait_ends_as_the_encoding_does, what_is_whole_is_never_given_up, the_same_command_sends_nothing_then, the_portable_are_found_again,
)  # fmt: skip
