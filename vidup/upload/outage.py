"""CORE: whether the line is out: one state of it, not one of each part. When that begins and ends, and what then goes without saying."""

from __future__ import annotations

import math
from typing import Final

from vidup.events import Awaiting, Event, LineDown, LineUp, Retrying, Tell
from vidup.upload.acting import Action, Do
from vidup.upload.exchange import Kind, Request, Verb
from vidup.upload.outcome import server_words

_SOONEST, _LATEST, _SHARE = 2.0, 5.0, 1 / 60
"""Seconds, and the share of how long it lasts, that lie between two probes of a line that takes no connection: such a probe costs nobody
anything, and whoever plugs in again goes on at once."""

_IN_DOUBT: Final = 2.0
"""Seconds in which a lost request waits to be told: the next answer says whether it was its own trouble or the line's."""

_RESETS: Final = 2
"""Requests in a row, at least, without any answer that are the line's trouble."""

_REFUSALS: Final = 3
"""Answers in a row, at least, that are the server's trouble, so that it is no part's."""

_FLOWING: Final = 5.0
"""Seconds since bytes moved or a part was taken in which refused questions are no trouble of all; and in which bytes must move to end such
a trouble: parts go through, unless one is refused meanwhile."""

_ASKED: Final = {
    Verb.LOGIN: "logging in",
    Verb.REFRESH: "renewing the access token",
    Verb.CREATE: "creating the video",
    Verb.FIND: "listing the videos",
    Verb.VIDEO: "asking for the video",
    Verb.STATUS: "asking for the status",
}


class Outage:
    """The state of the line, told by `LineDown` and `LineUp`; `through` keeps back what then goes without saying. Times as in `Health`."""

    def __init__(self, tell: Tell, jobs: int, base_url: str) -> None:
        self.is_lost = False
        """The line is out in that nothing answers; False also where the server answers, and refuses."""
        self.has_answered = False
        """Whether anything ever came back from the server."""
        self.base_url = base_url
        self.probe_at = -math.inf
        """When the next request of any kind may go out at the earliest; only a line on which nothing answers holds them back."""
        self._tell = tell
        self._jobs = jobs
        self._since = math.inf
        self._kind: Kind | None = None
        self._reached = False
        self._flowed_at, self._flows_since = -math.inf, math.inf
        self._doubt_at = math.inf
        self._held: list[tuple[Tell, Retrying]] = []
        self._its_victims: set[tuple[int, int]] = set()

    @property
    def is_out(self) -> bool:
        """Whether the line is out, be it that nothing answers or that the server is in trouble."""
        return self._since < math.inf

    def longest_wait(self, request: Request, now: float) -> float:
        """Seconds to the next try at most, of a question or on a line that takes no connection; else infinity: others pay for a try."""
        if not self.is_lost or (self._reached and request.body is not None):
            return math.inf
        return min(max((now - self._since) * _SHARE, _SOONEST), _LATEST)

    def through(self, upload: int, tell: Tell) -> Tell:
        """What this upload tells, without the retries that are the line's: dropped while it is out, and held while that is open.

        Where the server refuses nothing but questions, what parts meet is no part of that.
        """

        def heard(event: Event) -> None:
            if not isinstance(event, Retrying) or (event.part and self.is_out and not self._concerns(Kind.UPLOAD)):
                tell(event)
            elif not self.is_out and (upload, event.part) in self._its_victims:
                self._its_victims.discard((upload, event.part))  # it was lost in the outage, and only the status tells so now
            elif not self.is_out and self._doubt_at < math.inf:
                self._held.append((tell, event))
            elif not self.is_out:
                tell(event)

        return heard

    def asking(self, request: Request, now: float) -> None:
        """A request goes out: everything waits for it, unless it carries a part."""
        self.probe_at = now + _LATEST if self.is_lost else -math.inf  # one probe at a time, whatever it asks; unless it hangs
        if request.verb in _ASKED:
            host = self.base_url.partition("://")[2].rstrip("/")
            self._tell(Awaiting(f"{'waiting for' if self.has_answered else 'connecting to'} {host}: {_ASKED[request.verb]}"))

    def failed(self, request: Request, action: Action, failures: int, alone: bool, now: float) -> None:
        """A request failed, as the last of so many of its kind in a row; `alone`: no other is on its way."""
        silent, body = action.reply.status is None, request.body
        self.has_answered |= not silent
        if body is not None:
            self._reached = body.handed > 0
            self._flows_since = math.inf
            self._flowed_at = self._flowed_at if failures == 1 else -math.inf  # one refused part may be alone in that
        connected = not silent or (body is not None and self._reached)
        in_a_row = failures >= max(self._jobs, _RESETS if silent else _REFUSALS)
        if self.is_out:
            if (self.is_lost and not silent) or (request.kind is Kind.UPLOAD and in_a_row):
                self._kind = request.kind
            self.is_lost = silent
        elif not silent and request.kind is not Kind.UPLOAD and now < self._flowed_at + _FLOWING:
            pass  # parts go through meanwhile
        elif in_a_row or (alone and not connected):
            self._since, self.is_lost, self._kind = now, silent, request.kind
            self._doubt_at, self._held = math.inf, []
        elif silent:
            self._doubt_at = min(self._doubt_at, now)
        victim = (request.upload, request.part)
        if silent and action.do is Do.ASK_FOR_PART and request.part:
            self._its_victims.add(victim)
        elif not self.is_out:
            self._its_victims.discard(victim)

    def tell_next(self, kind: Kind, action: Action, wait: float, left: float, now: float) -> None:
        """While it is out for requests of this kind: the next try comes in `wait` seconds, and patience lasts for `left` more."""
        if self.is_out and self._concerns(kind):
            self.probe_at = now + min(wait, _LATEST) if self.is_lost else -math.inf
            reason = server_words(action.rule, action.reply)
            self._tell(LineDown(reason, wait, left, self.is_lost, "" if self.has_answered else self.base_url))

    def answered(self, kind: Kind, action: Action, now: float) -> bool:
        """The server was not in trouble. Whether that ends a line on which nothing answered."""
        if action.reply.status is None:
            return False
        self.has_answered = True
        if kind is Kind.UPLOAD and action.do is Do.GO_ON:
            self._flowed_at = now
        if not self.is_out:
            self._all_is_well()
        elif self.is_lost or (action.do is Do.GO_ON and kind in (self._kind, Kind.UPLOAD)):
            return self._over(now)
        return False

    def moved(self, now: float) -> bool:
        """Bytes are moving. Whether that ends a line on which nothing answered, and none had moved in the last try.

        It also ends a trouble that was one of questions alone, once they have moved for a while.
        """
        self._flowed_at, self._flows_since = now, min(self._flows_since, now)
        if self.is_out and not self._concerns(Kind.UPLOAD) and now >= self._flows_since + _FLOWING:
            return self._over(now)
        return self.is_lost and not self._reached and self._over(now)

    def look(self, now: float) -> None:
        """What is in doubt for long is told."""
        if now >= self._doubt_at + _IN_DOUBT:
            self._all_is_well()

    @property
    def wake_at(self) -> float:
        """When to look."""
        return self._doubt_at + _IN_DOUBT

    def _concerns(self, kind: Kind) -> bool:
        """Whether an outage is one of requests of this kind: a trouble with parts is everybody's, one with questions no part's."""
        return self.is_lost or kind is self._kind or self._kind is Kind.UPLOAD

    def _over(self, now: float) -> bool:
        lasted, was_lost = now - self._since, self.is_lost
        self._since, self.is_lost, self.probe_at = math.inf, False, -math.inf
        self._tell(LineUp(lasted, was_lost))
        return was_lost

    def _all_is_well(self) -> None:
        if self._doubt_at < math.inf:
            held, self._held, self._doubt_at = self._held, [], math.inf
            self._its_victims.clear()
            for tell, event in held:
                tell(event)
