"""CORE: the time after an upload: a video that is whole is looked at, in turn with all others that wait, until it plays.

What fails on the way says nothing of the video, so that only the end of patience ends it, and what the server says for good.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from vidup.api.videostatus import VideoStatus, read_video_status
from vidup.errors import ExitCode, VidupError
from vidup.events import Encoding, Retrying, Tell
from vidup.units import show_duration
from vidup.upload.acting import Action, Do
from vidup.upload.asking import Ask, Asking, Rest, Script
from vidup.upload.exchange import Verb
from vidup.upload.outcome import Refused, refused, server_words

_FIRST: Final = 2.0
_GROWTH: Final = 1.5
_USUAL: Final = 15.0
_LATER: Final = 30.0
_LATER_FROM: Final = 600.0
"""Seconds between two looks: from 2 on, each half as long again as the last, up to 15; 30 once ten minutes have passed."""

_LAST: Final = 2.0
"""Seconds before the end of patience at which the last look is made, and that a wait whose time is up already gets all the same."""

_READS: Final = 100
"""Read requests a minute that are reckoned with until an answer tells the limit: those of the sandbox."""

_SHARE: Final = 0.5
"""Of the read limit, that looks may take at most."""

_SLIP: Final = 1e-6
"""Seconds. A clock may be that much off what it was asked to wait."""


class Turns:
    """The one poller for all that wait: they queue, one looks at a time, and no two looks are nearer than half of the read limit allows.

    Who waits is told by any number of its own.
    """

    def __init__(self) -> None:
        self.gap = _gap(_READS)
        self._queue: deque[int] = deque()
        self._looking: int | None = None
        self._free_at = -math.inf

    def left(self, who: int, now: float) -> float:
        """Seconds after which to ask again whether it is this one's turn; 0: it is, and nobody else's until `over`."""
        if who not in self._queue:
            self._queue.append(who)
        ahead = self._queue.index(who)
        if ahead == 0 and self._looking is None and now >= self._free_at - _SLIP:
            self._queue.popleft()
            self._looking = who
            return 0.0
        free = self._free_at - now if self._looking is None else self.gap
        return max(free, _SLIP) + ahead * self.gap

    def over(self, who: int, now: float, limit: int | None) -> None:
        """This one has looked, or will not; `limit` is what the answer told of the reads a minute, if anything."""
        if limit is not None:
            self.gap = _gap(max(limit, 1))
        if who in self._queue:
            self._queue.remove(who)
        if self._looking == who:
            self._looking, self._free_at = None, now + self.gap


def _gap(limit: int) -> float:
    return 60.0 / (_SHARE * limit)


class Wait(NamedTuple):
    """What is waited for. `began`: when the video was whole; `patience` in seconds from then, or infinity.

    `lag`: seconds for which a refusal may be that of a reader that has not heard of the video yet.
    """

    video_id: str
    file: str
    began: float
    patience: float
    lag: float


class Waiting(Asking[VideoStatus]):
    """The step that waits. `seen` is the last status, None before there is one. `is_over` and `left` tell of its patience."""

    def __init__(self, who: int, wait: Wait, turns: Turns, now: Callable[[], float], jitter: Callable[[float], float], tell: Tell) -> None:
        """`who` is the number of the upload, `jitter` spreads seconds about as many, so that many who wait do not look at one moment."""
        super().__init__(who, self._watch(), tell)
        self._now = now
        self.seen: VideoStatus | None = None
        self._wait = wait
        self._turns = turns
        self._jitter = jitter
        self._number = who
        self._hears = tell
        self._until = max(wait.began + wait.patience, now() + _LAST)

    @property
    def video_id(self) -> str:
        """The video that is waited for."""
        return self._wait.video_id

    def is_over(self, now: float) -> bool:
        """Whether its patience is at an end."""
        return not self.finished and now >= self._until

    def left(self, now: float) -> float:
        """Seconds of patience that are left, or infinity."""
        return max(0.0, self._until - now)

    def wake(self) -> float:
        """When there is something to ask again, or it is over: also where what could be asked long ago is held back."""
        due = super().wake()
        return due if self._now() < due < self._until else self._until

    @property
    def rests_until(self) -> float:
        """Until when there is nothing to ask, and patience lasts."""
        return min(super().wake(), self._until)

    def _watch(self) -> Script[VideoStatus]:
        rest, refused_since = _FIRST, math.inf
        try:
            while True:
                while (left := self._turns.left(self._number, self._now())) > 0:
                    yield Rest(left)
                action = yield Ask(Verb.STATUS, self._wait.video_id, plainly=True)
                self._turns.over(self._number, self._now(), action.reply.rate.limit)
                if action.do is Do.GO_ON:
                    refused_since = math.inf
                    self.seen = read_video_status(self._wait.video_id, action.reply.body or {})
                    if self.seen.playable or self.seen.failed:
                        return self.seen
                    self._tell_encoding(self.seen)
                    yield Rest(self._within(self._jitter(rest), self._now()))
                    rest = _LATER if self._now() - self._wait.began >= _LATER_FROM else min(rest * _GROWTH, _USUAL)
                    continue
                if action.failed:
                    self._hears(Retrying(0, action.failures, action.wait, server_words(action.rule, action.reply)))
                else:
                    refused_since = min(refused_since, self._now())
                    error = _refused(action, self._wait.video_id)
                    if error.concerns_all or self._now() - refused_since >= self._wait.lag:
                        raise error
                yield Rest(max(action.wait, _FIRST))
        finally:
            self._turns.over(self._number, self._now(), None)
            if self.seen is not None:
                self._tell_encoding(self.seen, over=True)

    def _tell_encoding(self, seen: VideoStatus, *, over: bool = False) -> None:
        self._hears(Encoding(self._wait.video_id, self._wait.file, seen.ledger.state, seen.states(), over))

    def _within(self, rest: float, now: float) -> float:
        """The rest, or as much of it as lets a last look be made before patience ends."""
        last = self._until - _LAST - now
        return min(rest, last) if last > _LAST else rest


def _refused(action: Action, video_id: str) -> Refused:
    error = refused(action, Verb.STATUS.value.format(video_id))
    if error.code is ExitCode.UNKNOWN:
        error.advice = "Check the video id and the key: the video is unknown, deleted or expired, or belongs to another project."
    return error


def cannot_be_encoded(seen: VideoStatus) -> VidupError:
    """The end of a video of which every quality failed: it is there, and will never play."""
    return VidupError(
        ExitCode.ENCODING, f"The video {seen.video_id} could not be encoded", cause=f"every quality failed: {', '.join(seen.names())}",
        advice=f"See whether the file plays here, and upload one that does. What the server says: vidup status --wait {seen.video_id}",
    )  # fmt: skip


def does_not_play_yet(video_id: str, patience: float, seen: VideoStatus | None) -> VidupError:
    """The end of a wait that was long enough: `patience` in seconds."""
    return VidupError(
        ExitCode.NOT_PLAYABLE, f"The video {video_id} does not play yet after {show_duration(patience)}",
        cause=f"last seen: {seen.in_short()}" if seen is not None else "its status could not be read",
        advice=f"Wait on: vidup status --wait {video_id}",
    )  # fmt: skip
