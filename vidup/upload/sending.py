"""CONDUCTOR: the loop that sends the missing parts: parts to workers, answers to verdicts, verdicts to action. It alone decides."""

from __future__ import annotations

import heapq
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Final, Protocol

from vidup.api.client import SizedBody
from vidup.api.ledger import Ledger, foreign_parts, read_ledger
from vidup.errors import ExitCode
from vidup.events import PartChanged, Retrying
from vidup.plan.parts import Plan
from vidup.source.videofile import PartBody, VideoFile
from vidup.units import show_duration
from vidup.upload.attempts import MOST_CUTS, Asked, History, Question, Sent, another_writer, cut_too_often
from vidup.upload.line import Line, refused
from vidup.upload.pacing import Kind
from vidup.upload.report import Refused, advice_for, server_words
from vidup.upload.tail import sit_out
from vidup.upload.tally import Tally
from vidup.upload.workers import Outcome
from vidup.verdicts.judge import Reply, Rule, Then, Verdict
from vidup.verdicts.rules import TABLE

GRACE: Final = 5.0
"""Seconds that parts whose body is out get for their answer when the upload is stopped."""

_TICK: Final = 0.1
_LAG: Final = 5.0
"""Seconds between two looks at a status that does not explain a refusal: it may lag."""

_MOST_UNHEARD: Final = 2
"""Documented refusals in a row of one part that the status does not explain."""


class Notebook(Protocol):
    """Who remembers what the server confirmed."""

    def confirm(self, part: int) -> None: ...

    def attempt(self, part: int) -> None: ...

    def refused(self, part: int) -> None: ...


class Sending:
    """The sending of what is missing of one plan into one video."""

    def __init__(
        self, line: Line, video: VideoFile, video_id: str, plan: Plan, done: set[int], *, tally: Tally, notebook: Notebook,
        accepted: set[int], attempted: set[int] | None,
    ) -> None:  # fmt: skip
        """`done` is added to as the server confirms, `accepted` as it answers 201, also where its status then does not list the part.

        `attempted`, if given, are the only parts that the status may list: others are foreign.
        """
        self.done = done
        self.answer: dict[str, object] | None = None
        self._line = line
        self._video = video
        self._video_id = video_id
        self._plan = plan
        self._tally = tally
        self._notebook = notebook
        self._accepted = accepted
        self._attempted = attempted
        self._first_tries: set[int] = set()
        self._fresh = deque(plan.missing(done))
        self._later: list[tuple[float, int]] = []
        self._sending: dict[int, PartBody] = {}
        self._unsure: dict[int, tuple[Rule, Reply]] = {}
        self._asked_for: dict[int, tuple[Rule, Reply]] = {}
        self._asking = False
        self._ask_at = 0.0
        self._ask_failures = 0
        self._ask_tokens_refused = 0
        self._history: dict[int, History] = {}
        self._cuts: Counter[int] = Counter()
        self._paces: dict[int, float] = {}  # of each worker whose last part was accepted, the seconds it took
        self._cut = threading.Event()
        self._question: Question | None = None
        self._last_failure: tuple[Rule, Reply] | None = None

    def run(self) -> Question | None:
        """Send until every part is confirmed (None) or the plan itself is in question. Raises VidupError or Cancelled."""
        try:
            while len(self.done) < self._plan.total_parts and self._question is None:
                self._start_what_may()
                outcome = self._line.workers.next(_TICK)
                self._line.patience.look()
                if outcome is not None:
                    self._settle(outcome)
                self._check_patience()
        except BaseException:
            self._stop(GRACE)
            raise
        self._stop(None)
        return self._question

    # -- starting ------------------------------------------------------------------------------------------------

    def _start_what_may(self) -> None:
        workers = self._line.workers
        while workers.busy < workers.jobs:
            if self._unsure and not self._asking and time.monotonic() >= self._ask_at and not self._line.delay(Kind.READ):
                self._start_asking()
                continue
            resting = sit_out(len(self._fresh) + len(self._later), self._paces, workers.working())
            if workers.busy + len(resting) >= workers.jobs:
                return
            number = self._next_part()
            if number is None:
                return
            if self._line.delay(Kind.UPLOAD):
                self._fresh.appendleft(number)
                return
            self._start_part(number, resting)

    def _next_part(self) -> int | None:
        """A part that is due for another try, else one never tried."""
        while self._later and self._later[0][0] <= time.monotonic():
            number = heapq.heappop(self._later)[1]
            if number not in self.done:
                return number
        while self._fresh:
            number = self._fresh.popleft()
            if number not in self.done:
                return number
        return None

    def _start_part(self, number: int, resting: frozenset[int]) -> None:
        body = PartBody(self._video, self._plan.part(number), self._cut)
        content_range = self._plan.content_range(number)
        history = self._history.setdefault(number, History())
        history.attempts += 1
        if self._attempted is not None and number not in self._attempted:
            self._notebook.attempt(number)
            self._attempted.add(number)
            self._first_tries.add(number)
        self._sending[number] = body
        self._tally.sending(number, body)
        self._line.tell(PartChanged(number, "sending", history.attempts))
        ticket = self._line.start(Kind.UPLOAD)
        self._line.workers.submit(lambda: self._send(number, ticket, content_range, body), resting)

    def _send(self, number: int, ticket: int, content_range: str, body: SizedBody) -> Sent:
        """In a worker's thread: nothing is decided here."""
        assert isinstance(body, PartBody)
        try:
            return Sent(number, ticket, body, self._line.api.send_part(self._video_id, content_range, body))
        except BaseException as error:  # noqa: BLE001  the conductor decides what it means
            return Sent(number, ticket, body, error=error)

    def _start_asking(self) -> None:
        self._asking = True
        self._asked_for, self._unsure = self._unsure, {}
        ticket = self._line.start(Kind.READ)
        self._line.workers.submit(lambda: Asked(ticket, self._line.api.get_status(self._video_id)))

    # -- deciding ------------------------------------------------------------------------------------------------

    def _settle(self, outcome: Outcome) -> None:
        sent = outcome.value
        if isinstance(sent, Asked):
            self._settle_status(sent)
            return
        assert isinstance(sent, Sent), outcome
        self._sending.pop(sent.number)
        self._tally.ended(sent.number)
        if sent.error is not None:
            raise sent.error
        assert sent.reply is not None
        rule = self._line.judge(Kind.UPLOAD, sent.ticket, sent.reply)
        self._note_first_try(sent.number, sent.reply)
        history = self._history[sent.number]
        if rule.verdict is Verdict.ACCEPT:
            self._paces[outcome.worker] = outcome.seconds
        else:
            self._paces.pop(outcome.worker, None)  # others must not wait for one that fails
        if rule.then is not Then.RENEW_TOKEN:
            history.tokens_refused = 0
        actions: dict[Verdict, Callable[[Sent, Rule, Reply, History], None]] = {
            Verdict.ACCEPT: self._accept,
            Verdict.RETRY: self._retry,
            Verdict.RESUME: self._resume,
            Verdict.ABORT: self._abort,
        }
        actions[rule.verdict](sent, rule, sent.reply, history)

    def _note_first_try(self, number: int, reply: Reply) -> None:
        """A part refused at its first try is not on the server by us; any other outcome may have stored it."""
        if number in self._first_tries and self._attempted is not None:
            self._first_tries.discard(number)
            if reply.status is not None and 400 <= reply.status < 500:
                self._attempted.discard(number)
                self._notebook.refused(number)

    def _accept(self, sent: Sent, rule: Rule, reply: Reply, history: History) -> None:
        self.answer = reply.body
        self._accepted.add(sent.number)
        if self._mark_done(sent.number):
            self._start_what_may()  # the connection need not wait for the disk
            self._notebook.confirm(sent.number)

    def _retry(self, sent: Sent, rule: Rule, reply: Reply, history: History) -> None:
        if rule.then is Then.PAUSE_ALL:
            self._fresh.appendleft(sent.number)
            return
        if rule.then is Then.RENEW_TOKEN:
            history.tokens_refused += 1
            if history.tokens_refused >= 2:
                raise self._refusal(rule, reply, "The server refuses the key's token")
            self._fresh.appendleft(sent.number)
            return
        if rule.at_most:
            history.lost += 1
            if history.lost > rule.at_most:
                raise self._refusal(rule, reply, f"Part {sent.number} was refused {history.lost} times")
        if reply.failure and sent.body.handed > 0:
            self._cuts[sent.number] += 1
        self._try_again_later(sent.number, rule, reply)
        if self._cuts[sent.number] >= MOST_CUTS:
            raise cut_too_often(self._plan, sent.number, rule, reply)

    def _resume(self, sent: Sent, rule: Rule, reply: Reply, history: History) -> None:
        if rule.then is Then.ASK_FOR_UPLOAD:
            self._question = Question(rule, reply)
            self._fresh.appendleft(sent.number)
        elif reply.status is not None and reply.status >= 400 and sent.number in self._accepted:
            self._confirm(sent.number)  # it was accepted earlier in this run, by a server whose status lags
        else:
            self._unsure[sent.number] = (rule, reply)
            if history.unheard:
                self._ask_at = max(self._ask_at, time.monotonic() + _LAG)

    def _abort(self, sent: Sent, rule: Rule, reply: Reply, history: History) -> None:
        raise self._refusal(rule, reply, f"Part {sent.number} of {self._plan.total_parts} was refused")

    def _settle_status(self, asked: Asked) -> None:
        self._asking = False
        rule = self._line.judge(Kind.READ, asked.ticket, asked.reply)
        if rule.verdict is Verdict.ABORT:
            raise self._refusal(rule, asked.reply, "The status of the video was refused")
        if rule.verdict is not Verdict.ACCEPT:
            self._unsure = self._asked_for | self._unsure
            self._ask_failures += 1
            self._ask_tokens_refused = self._ask_tokens_refused + 1 if rule.then is Then.RENEW_TOKEN else 0
            if self._ask_tokens_refused > 1:
                raise self._refusal(rule, asked.reply, "The server refuses the key's token")
            wait = 0.0 if rule.then in (Then.PAUSE_ALL, Then.RENEW_TOKEN) else self._wait_after(rule, asked.reply, 0, self._ask_failures)
            self._ask_at = time.monotonic() + wait
            return
        self._ask_failures = self._ask_tokens_refused = 0
        self._read_ledger(read_ledger(asked.reply.body or {}), asked.reply)

    def _read_ledger(self, ledger: Ledger, reply: Reply) -> None:
        """While other parts are on their way a status only adds parts; another total, or another writer, puts the plan in question."""
        unsure, self._asked_for = self._asked_for, {}
        if ledger.parts and (ledger.total not in (None, self._plan.total_parts) or max(ledger.parts) > self._plan.total_parts):
            self._unsure.clear()
            self._question = Question(*next(iter(unsure.values())))
            return
        foreign = foreign_parts(ledger, self._attempted) if self._attempted is not None else []
        if foreign:
            raise another_writer(foreign)
        for number in sorted(ledger.parts - self.done - self._sending.keys()):
            self._unsure.pop(number, None)
            self._confirm(number)
        for number, (rule, said) in unsure.items():
            if number in self.done:
                continue
            history = self._history[number]
            if said.status is not None and said.status >= 400:
                history.unheard += 1
                if history.unheard >= _MOST_UNHEARD:
                    raise self._refusal(rule, said, f"Part {number} is refused, yet the status does not list it")
            self._try_again_later(number, rule, said)

    # -- consequences --------------------------------------------------------------------------------------------

    def _confirm(self, number: int) -> None:
        if self._mark_done(number):
            self._notebook.confirm(number)

    def _mark_done(self, number: int) -> bool:
        """Whether this part was not confirmed before."""
        if number in self.done:
            return False
        self.done.add(number)
        self._tally.done(number)
        self._line.patience.budget.progressed()
        self._cuts.clear()
        self._line.tell(PartChanged(number, "done", self._history.get(number, History()).attempts))
        return True

    def _try_again_later(self, number: int, rule: Rule, reply: Reply) -> None:
        history = self._history[number]
        history.failures += 1
        self._tally.retrying(number)
        wait = self._wait_after(rule, reply, number, history.failures)
        heapq.heappush(self._later, (time.monotonic() + wait, number))

    def _wait_after(self, rule: Rule, reply: Reply, part: int, failures: int) -> float:
        patience = self._line.patience
        patience.budget.failed()
        self._last_failure = (rule, reply)
        wait = patience.wait_after(reply, failures)
        self._line.tell(Retrying(part, failures, wait, server_words(rule, reply)))
        return wait

    def _check_patience(self) -> None:
        if self._line.patience.budget.used_up and self._last_failure is not None:
            rule, reply = self._last_failure
            spent = show_duration(self._line.patience.budget.seconds)
            raise Refused(rule, reply, f"Gave up after {spent} in which nothing moved", code=ExitCode.AGAIN)

    def _refusal(self, rule: Rule, reply: Reply, what: str) -> Refused:
        return refused(rule, reply, what, advice_for(rule, self._plan.part_size))

    # -- stopping ------------------------------------------------------------------------------------------------

    def _stop(self, grace: float | None) -> None:
        """Cut the bodies on their way; parts whose body is out get `grace` seconds (None: as long as it takes) for their answer."""
        self._cut.set()
        workers, started = self._line.workers, time.monotonic()
        while workers.busy:
            waited = time.monotonic() - started
            if grace is not None and waited > (grace if any(body.all_out for body in self._sending.values()) else min(grace, 0.3)):
                return
            if grace is None:
                self._line.patience.look()
            outcome = workers.next(_TICK)
            if outcome is not None and isinstance(outcome.value, Sent):
                self._settle_late(outcome.value)

    def _settle_late(self, sent: Sent) -> None:
        """An answer that came while stopping: good news is written down, all else will be found out by the next run."""
        self._sending.pop(sent.number, None)
        self._tally.ended(sent.number)
        if sent.reply is not None and TABLE.judge(sent.reply).verdict is Verdict.ACCEPT:
            self._confirm(sent.number)
