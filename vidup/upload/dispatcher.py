"""CONDUCTOR: the one loop. It owns time, the workers, the token, the pacing and the health of the line, for any number of uploads.

It waits for nothing but the next answer. Who is next: the open upload with the fewest requests on their way, the older first; another
upload is begun when a worker is free and no open one that has nothing on its way wants it, so that small files pass a large one; and
the next is looked at while nothing else is to be done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final, NamedTuple

from vidup.api.credentials import Credentials
from vidup.errors import Cancelled, ExitCode, VidupError
from vidup.events import Retrying, Tell, Waiting
from vidup.units import show_duration
from vidup.upload.acting import Action, Acts, Backoff, Do
from vidup.upload.exchange import Answer, Kind, Pool, Request, Verb, kind_of
from vidup.upload.health import Health, RetryBudget
from vidup.upload.outage import Outage
from vidup.upload.outcome import gave_up, refused, server_words
from vidup.upload.pacing import Pacer
from vidup.upload.roster import Roster
from vidup.upload.tail import sit_out
from vidup.upload.upload import Upload
from vidup.verdicts.judge import RateLimit

_LOOK_EVERY: Final = 1.0
"""Seconds between two looks at bodies on their way."""

_LOOK_SOON: Final = 0.1
"""Seconds between two looks where the first byte tells that the line is back."""

_LONGEST_WAIT: Final = 60.0

_OPEN: Final = 2
"""Uploads for each worker that are open at most: while some wait for the server others go on, and each holds files open."""

_WORTH_TELLING: Final = 1.0
"""Seconds. Shorter waits are nobody's business."""

_LINE: Final = -1
"""The number of the upload that the line's own requests are of."""


class Stopping(NamedTuple):
    """Whether a stop is asked for, and the code it ends with."""

    is_set: Callable[[], bool]
    code: Callable[[], ExitCode]


class Dispatcher:
    """Drives uploads to their end over one line."""

    def __init__(
        self, roster: Roster, pool: Pool, acts: Acts, budget: RetryBudget, pacer: Pacer, backoff: Backoff,
        now: Callable[[], float], stopping: Stopping, tell: Tell, base_url: str, by_key: bool = True,
    ) -> None:  # fmt: skip
        """Not `by_key`: an upload token alone, in the address of every request; there is neither log in nor status."""
        self._roster = roster
        self._pool = pool
        self._acts = acts
        self._budget = budget
        self._pacer = pacer
        self._now = now
        self._stopping = stopping
        self._by_key = by_key
        self._credentials = Credentials(needed=by_key)
        self._health = {kind: Health(pool.jobs, backoff) for kind in Kind}
        self._outage = Outage(tell, pool.jobs, base_url)
        self._tell = self._outage.through(_LINE, tell)
        self._out: dict[int, tuple[Request, float, int]] = {}
        self._busy: Counter[Kind] = Counter()
        self._serial = 0
        self._renewing = False
        self._renew_at = 0.0
        self._paces: dict[int, tuple[int, float]] = {}
        self._told_until = 0.0
        self._last_failure: Action | None = None
        self._dropped: set[int] = set()

    def run(self) -> None:
        """Until every upload is over. Raises only faults of vidup itself."""
        while True:
            turn = self._now()
            self._roster.rest(turn)
            self._look()
            self._end_what_concerns_all()
            if self._roster.all_over:
                return
            self._start_what_may()
            self._end_what_concerns_all()
            for upload in self._roster.open:
                upload.settle()
            if self._roster.all_over:
                return
            self._hang_up()
            for upload in self._roster.sweep():
                self._acts.over(upload.number)
            answer = self._pool.ready()
            if answer is None:
                if self._began_ahead():
                    continue  # that may have ended it, or all
                answer = self._pool.next(self._wait(turn))
            while answer is not None:  # all that came: to think of what follows after each would take as long as to settle it
                self._settle(answer)
                answer = self._pool.ready()

    # -- time ----------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        uploads = self._roster.open
        moved = [upload.look() for upload in uploads]
        now = self._now()
        self._outage.look(now)
        if any(moved) and self._outage.moved(now):
            self._line_is_back(now)
        self._budget.look(now, any(moved), any(upload.flying for upload in uploads))
        if self._stopping.is_set():
            self._roster.end_all(lambda upload: upload.stop(self._stopping.code()))
        elif self._budget.used_up(now) and self._last_failure is not None:
            self._give_up(self._last_failure, now)

    def _give_up(self, failure: Action, now: float) -> None:
        if self._budget.limited_for_ever(now):
            what = f"Gave up after {show_duration(self._budget.limit)} in which the rate limit let nothing through"
        else:
            what = f"Gave up after {show_duration(self._budget.seconds)} in which nothing moved"
        where = "the network, the proxy (HTTPS_PROXY, HTTP_PROXY)" if "the proxy " in failure.reply.text else "the network"
        advice = "" if self._outage.has_answered else f"Nothing ever answered at {self._outage.base_url}: check {where} and --base-url."
        self._fail_all(gave_up(failure, what, advice))

    def _fail_all(self, error: VidupError) -> None:
        error.concerns_all = True
        for upload in self._roster.open:  # the one that met it is told of first
            upload.settle()
        of_waits = error.code in (ExitCode.AUTH, ExitCode.TRUST)  # which have a patience of their own, and need no disk
        self._roster.end_all(lambda upload: upload.fail(error.twin()) if of_waits or not upload.is_waiting else None)

    def _end_what_concerns_all(self) -> None:
        """What no file is to blame for, such as a full disk under the records, ends the others as it ended the one that met it."""
        error = self._roster.concerns_all
        if error is not None:
            self._fail_all(error)

    def _wait(self, turn: float) -> float:
        """Seconds until something may happen by itself; 0 for what fell due since this turn of the loop began, as while a disk was slow."""
        now = turn
        uploads = self._roster.open
        waking = [upload.wake(turn) for upload in uploads]
        if any(upload.flying for upload in uploads):
            waking.append(now + (_LOOK_SOON if self._outage.is_lost else _LOOK_EVERY))
        waking += [self._roster.alarm, now + self._budget.ends_in(now), self._outage.wake_at]
        if not self._renewing and not self._credentials.is_valid(now):
            waking.append(self._renew_at)
        held = [self._held_until(kind, now) for kind in Kind]
        soonest = min((moment for moment in (*waking, *held) if moment > now), default=now + _LOOK_EVERY)
        return min(max(soonest - self._now(), 0.0), _LONGEST_WAIT)

    def _held_until(self, kind: Kind, now: float) -> float:
        """When a request of this kind may go out at the earliest, as far as limits and probes go."""
        return max(
            now + self._pacer.delay(kind, now), self._outage.probe_at, self._health[kind].probe_at if self._health[kind].is_down else now
        )

    # -- starting ------------------------------------------------------------------------------------------------

    def _start_what_may(self) -> None:
        while self._pool.busy <= self._pool.jobs:  # one more than parts may be on their way: no part, when all of them wait
            request = self._next_request() or self._renewal()
            if request is None:
                return
            self._submit(request)

    def _next_request(self) -> Request | None:
        uploads = sorted(self._roster.open, key=lambda upload: upload.in_flight)
        idle = [upload for upload in uploads if not upload.in_flight]
        for upload in chain(idle, self._begun_now(), uploads[len(idle) :]):
            request = upload.want(self._may, self._health[Kind.UPLOAD].is_down)
            if request is not None:
                return request
        return None

    def _begun_now(self) -> Iterator[Upload]:
        """Uploads begun because those that are open leave a worker free: few at a time, and none but the first before there is a token."""
        while self._carrying < self._pool.jobs and self._may_begin():
            upload = self._begin()
            yield upload
            _close_if_ended(upload)

    def _began_ahead(self) -> bool:
        """Begin the next upload while nothing else is to be done, so that no worker need wait until its file has been looked at."""
        ahead = self._pool.jobs > 1 and self._may_begin() and all(upload.in_flight for upload in self._roster.open)
        if ahead:
            self._begin(ahead)
        return ahead

    def _may_begin(self) -> bool:
        """Whether another may be begun beside those that are open."""
        count = sum(upload.asks_on and not upload.is_waiting for upload in self._roster.open)
        return self._roster.to_come > 0 and (not count or (count < _OPEN * self._pool.jobs and self._credentials.is_valid(self._now())))

    def _begin(self, ahead: bool = False) -> Upload:
        upload = self._roster.begin(self._outage.through, ahead)
        if upload.opening is not None and upload.asks_on:
            self._pool.prepare(upload.opening.parts_expected)
        _close_if_ended(upload)
        return upload

    def _may(self, verb: Verb) -> bool:
        """Whether a request of this sort may go out now."""
        now, kind = self._now(), kind_of(verb)
        if not self._credentials.is_valid(now) or now < self._outage.probe_at or not self._health[kind].room(self._busy[kind], now):
            return False
        delay = self._pacer.delay(kind, now)
        if delay > 0:
            self._tell_wait(kind, delay, now)
            return False
        if kind is Kind.UPLOAD:
            to_come = self._busy[Kind.UPLOAD] + self._busy[Kind.WRITE]  # a video that is being made besides leaves room for its part
            return max(self._carrying + len(self._resting()), to_come) < self._pool.jobs
        return kind is Kind.READ or ((self._carrying < self._pool.jobs or self._may_go_besides()) and self._may_create(now))

    def _may_go_besides(self) -> bool:
        """Whether a video may be made although all are busy who could carry its part: not before a part that waits for one of them."""
        return self._pool.jobs > 1 and not any(upload.parts_left and not upload.in_flight for upload in self._roster.open)

    @property
    def _carrying(self) -> int:
        """How many of those who may carry a part are busy."""
        return self._pool.busy - self._pool.beside

    def _may_create(self, now: float) -> bool:
        """Whether the first part of another video could go as soon as that is made: a kill leaves no crowd of empty ones behind."""
        owed = sum(upload.owes_part for upload in self._roster.open)
        delay = self._pacer.delay(Kind.UPLOAD, now, owed)
        if delay > 0:
            self._tell_wait(Kind.UPLOAD, delay, now)
        busy = self._busy[Kind.UPLOAD] + owed
        return delay <= 0 and busy < self._pool.jobs and self._health[Kind.UPLOAD].room(busy, now)

    def _resting(self, begun: int = 0) -> frozenset[int]:
        """The workers that leave the last parts to others, of which so many are begun already, but not handed over.

        Nobody rests while other files wait, nor for a part of another file: their parts are of other sizes.
        """
        uploads = self._roster.open
        if self._roster.to_come or len(uploads) != 1:
            return frozenset()
        (last,) = uploads
        paces = {worker: seconds for worker, (upload, seconds) in self._paces.items() if upload == last.number}
        return sit_out(begun + last.parts_left, paces, self._pool.working())

    def _tell_wait(self, kind: Kind, delay: float, now: float) -> None:
        self._budget.excuse(now + delay)
        if delay > _WORTH_TELLING and now + delay > self._told_until + _WORTH_TELLING:
            self._told_until = now + delay
            self._tell(Waiting(delay, f"rate limit of {kind.value} requests"))

    def _renewal(self) -> Request | None:
        """The request for a token, where there is none that is good: one for all, and only while somebody needs it."""
        now = self._now()
        needed = any(upload.asks_on for upload in self._roster.open) and self._pool.busy < self._pool.jobs
        if self._renewing or self._credentials.is_valid(now) or now < self._renew_at or not needed:
            return None
        delay = self._pacer.delay(Kind.WRITE, now)
        if delay > 0:
            self._tell_wait(Kind.WRITE, delay, now)
            return None
        self._renewing = True
        return Request(Verb.REFRESH if self._credentials.can_refresh else Verb.LOGIN)

    def _submit(self, request: Request) -> None:
        self._serial += 1
        request = request._replace(serial=self._serial)
        token = self._credentials.token
        self._out[self._serial] = request, self._now(), token.serial if token is not None else 0
        self._busy[request.kind] += 1
        self._pacer.start(request.kind)
        resting = self._resting(begun=1) if request.verb is Verb.PART else frozenset[int]()
        self._outage.asking(request, self._now())
        self._pool.submit(request, token, resting)

    # -- settling ------------------------------------------------------------------------------------------------

    def _settle(self, answer: Answer) -> None:
        request, began, serial = self._out.pop(answer.request.serial)
        now = self._now()
        self._busy[request.kind] -= 1
        reply = answer.reply
        if reply is None:
            self._pacer.ended(request.kind, RateLimit(), now)
            self._raised(answer)
            return
        self._pacer.ended(request.kind, reply.rate, now)
        if request.serial in self._dropped:  # we hung up ourselves: that says nothing of the line
            self._dropped.discard(request.serial)
            self._roster[request.upload].take(answer, None)
            return
        action = self._acts.act(request, reply, token_works=self._credentials.works(serial), can_ask=self._by_key)
        action = self._learn(request, action, answer, began, serial, now)
        if request.upload == _LINE:
            self._renewed(request, action, began, now)
            return
        upload = self._roster[request.upload]
        before = upload.parts_good
        upload.take(answer, action)
        if upload.parts_good > before or (action.do is Do.GO_ON and upload.is_confirming):
            self._budget.progressed()

    def _hang_up(self) -> None:
        """Hang up on parts whose answer nobody needs any more, and on all that was asked for an upload that is over."""
        made = self._roster.made
        unneeded = {(upload.number, part) for upload in made for part in upload.dropped()}
        over = {upload.number for upload in made if upload.over}
        for request, _began, _serial in self._out.values() if unneeded or over else ():
            if ((request.upload, request.part) in unneeded or request.upload in over) and request.serial not in self._dropped:
                self._dropped.add(request.serial)
                self._pool.drop(request)

    def _raised(self, answer: Answer) -> None:
        """A body raised: that concerns its upload alone, unless it is a fault of vidup."""
        self._paces.pop(answer.worker, None)
        if not isinstance(answer.error, VidupError | Cancelled) and answer.error is not None:
            raise answer.error
        self._roster[answer.request.upload].take(answer, None)

    def _learn(self, request: Request, action: Action, answer: Answer, began: float, serial: int, now: float) -> Action:
        """What an answer tells of the line, whoever it is for; the action, with the wait that holds for a line that is down."""
        health = self._health[request.kind]
        if request.verb is Verb.PART and action.do is Do.GO_ON:
            self._paces[answer.worker] = request.upload, answer.seconds
        elif request.verb is Verb.PART:
            self._paces.pop(answer.worker, None)  # others must not wait for one that fails
        if not action.limited:
            self._pacer.answered(request.kind)
        if not action.failed and self._outage.answered(request.kind, action, now):
            self._line_is_back(now)
        if action.do is Do.GO_ON:
            self._credentials.accepted(serial)
            if not self._waits(request):
                self._budget.answered_well()
            if health.succeeded():
                self._wake_all()
        elif action.limited:
            until = self._pacer.limited(request.kind, action.reply.retry_after, began, now)
            if not self._waits(request):
                self._budget.limited(now, until)
                self._last_failure = action
            self._tell_wait(request.kind, until - now, now)
        elif action.token:
            self._credentials.refused(serial)
        elif action.failed:
            if not self._waits(request):
                self._last_failure = action
                self._budget.failed(now)
            return self._failed(request, action, now)
        return action

    def _waits(self, request: Request) -> bool:
        """Whether this is a look at a video that is whole: how that goes says nothing of the patience with those that are not."""
        return request.upload != _LINE and self._roster[request.upload].is_waiting

    def _failed(self, request: Request, action: Action, now: float) -> Action:
        """The line or the server failed: one state for all that are to wait, and the action with the wait that then holds."""
        health = self._health[request.kind]
        self._outage.failed(request, action, health.failures + 1, not self._out, now)
        most = self._outage.longest_wait(request, now)
        probe = health.failed(now, action.asked, most, self._outage.is_lost)
        if request.verb is not Verb.PART:
            action = action._replace(wait=max(min(action.wait, most), action.asked))
        if health.is_down:
            action = action._replace(wait=probe if request.verb is Verb.PART else max(probe, action.wait))
        left = self._budget.left if request.upload == _LINE else self._roster[request.upload].patience_left(self._budget.left)
        self._outage.tell_next(request.kind, action, action.wait, left, now)
        return action

    def _line_is_back(self, now: float) -> None:
        """Something answers again: all that wait for it go on at once."""
        for health in self._health.values():
            health.restored()
        self._acts.line_is_back()
        self._renew_at = min(self._renew_at, now)
        self._wake_all()

    def _wake_all(self) -> None:
        self._roster.awake()
        for upload in self._roster.open:
            upload.line_is_back()

    def _renewed(self, request: Request, action: Action, began: float, now: float) -> None:
        self._renewing = False
        if action.do is Do.GO_ON:
            self._credentials.renewed(action.reply, began)
        elif request.verb is Verb.REFRESH and not action.limited:
            self._credentials.refresh_failed()
        elif action.do is Do.AGAIN:
            self._renew_at = now + (0.0 if action.limited else action.wait)
            if action.failed:
                self._tell(Retrying(0, action.failures, action.wait, server_words(action.rule, action.reply)))
        else:
            error = refused(action, Verb.LOGIN.value)
            if error.code is ExitCode.TRUST and not self._outage.has_answered:
                error.advice = f"{error.advice} The address was {self._outage.base_url} (--base-url)."
            self._fail_all(error)


def _close_if_ended(upload: Upload) -> None:
    """Close at once what ended as it was begun: of those that do there may be thousands in one turn, and each holds files open."""
    if not upload.asks_on:
        upload.settle()
