"""Whose turn it was: where nothing goes wrong, each request must be of the upload that had the fewest on their way, the older first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.simulation.runs import Story
from vidup.upload.exchange import Verb

_OPEN = 2
"""Uploads for each worker that are open at most."""


def the_fewest_in_flight_first(story: Story) -> Iterator[str]:
    """No open upload starves, and small files pass a large one: a part goes only where no other with fewer on their way waits for its turn."""
    world, command = story.world, story.command
    habits = world.server.habits
    told = {fault.kind for fault in world.story if fault.run == 1} - {"killed", "signal"}
    if told or habits.limits or habits.lag or habits.commit or habits.eager or command.video_id:
        return
    first = Verb.FIND if command.portable else Verb.PART if command.delegated else Verb.CREATE
    turns = _Turns(
        {video.upload: video.total or 0 for video in world.server.videos.values() if video.run == 1}, len(command.uploads), first
    )
    for sent, upload, verb in world.turns:
        if sent and verb in (Verb.PART, Verb.CREATE):
            passed = turns.passed_by(upload, verb, command.jobs)
            if passed is not None:
                yield f"{verb.name} of upload {upload}, which had {turns.flying[upload]} on their way, went before upload {passed}"
                return
        turns.note(sent, upload, verb)


class _Turns:
    """Where each upload is, from what was sent and what came back."""

    def __init__(self, totals: dict[int, int], count: int, first: Verb) -> None:
        """`first` is what an upload begins with."""
        self._first = first
        self.flying = Counter[int]()
        self._totals = totals
        self._begun = 0
        self._count = count
        self._sent = Counter[int]()
        self._made: set[int] = set()
        self._confirmed: set[int] = set()

    def note(self, sent: bool, upload: int, verb: Verb) -> None:
        """Something was sent, or came back."""
        self.flying[upload] += 1 if sent else -1
        if self._first is Verb.PART:  # with an upload token part 1 makes the video, and the last answer is the end
            self._begun += sent and not self._sent[upload]
            self._sent[upload] += sent
            self._made |= set() if sent else {upload}
            self._confirmed |= {upload} if not self.flying[upload] and self._sent[upload] == self._totals.get(upload) else set()
            return
        self._begun += sent and verb is self._first
        self._sent[upload] += sent and verb is Verb.PART
        if not sent and verb is Verb.CREATE:
            self._made.add(upload)
        if not sent and verb is Verb.STATUS:
            self._confirmed.add(upload)

    def passed_by(self, upload: int, verb: Verb, jobs: int) -> int | None:
        """An upload whose turn it was instead."""
        mine = (self.flying[upload], upload)
        waiting = [one for one in self._made if self._sent[one] < self._totals.get(one, 0) and one != upload]
        first = min(((self.flying[one], one) for one in waiting), default=mine)
        if first < mine:
            return first[1]
        is_open = self._begun - len(self._confirmed)
        if verb is Verb.PART and mine[0] and self._begun < self._count and is_open < _OPEN * jobs:
            return self._begun
        return None
