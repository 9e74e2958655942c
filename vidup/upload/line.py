"""CONDUCTOR: the line to the server: starts a request when the limits allow, judges the answer, acts on what concerns all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from vidup.api.client import Api
from vidup.api.credentials import ApiKey
from vidup.api.transport.transport import Trace
from vidup.errors import ExitCode
from vidup.events import Retrying, Tell, Waiting
from vidup.upload.pacing import Kind, Pacer, Patience, RetryBudget, Stop
from vidup.upload.report import Refused, server_words
from vidup.upload.workers import Workers
from vidup.verdicts.judge import Reply, Rule, Then, Verdict
from vidup.verdicts.rules import TABLE

_WORTH_TELLING = 1.0
"""Seconds. Shorter waits are nobody's business."""


class Line:
    """One server, the workers that talk to it, and the patience they share."""

    def __init__(self, api: Api, workers: Workers, patience: Patience, tell: Tell) -> None:
        self.api = api
        self.workers = workers
        self.patience = patience
        self.tell = tell
        self._told_wait_until = 0.0
        self._limited: Counter[Kind] = Counter()

    def delay(self, kind: Kind) -> float:
        """Seconds until a request of this kind may start; a wait worth knowing is told once."""
        pacer = self.patience.pacer
        seconds = pacer.delay(kind)
        until = pacer.clock() + seconds
        if seconds > _WORTH_TELLING and until > self._told_wait_until + _WORTH_TELLING:
            self._told_wait_until = until
            self.patience.budget.excuse(seconds)
            self.tell(Waiting(seconds, f"rate limit of {kind.value} requests"))
        return seconds

    def start(self, kind: Kind) -> int:
        """Note that a request of this kind starts now; returns the ticket that `judge` wants with its answer."""
        return self.patience.pacer.start(kind)

    def judge(self, kind: Kind, ticket: int, reply: Reply) -> Rule:
        """The table's row for this answer. A token refused or a limit met is dealt with for all workers at once."""
        self.patience.pacer.learn(kind, ticket, reply)
        rule = TABLE.judge(reply)
        if rule.then is Then.RENEW_TOKEN:
            self.api.token_refused(reply)
        if rule.then is not Then.PAUSE_ALL:
            self._limited[kind] = 0
        else:
            self._limited[kind] += 1
            asked = reply.retry_after if reply.retry_after is not None else self.patience.backoff(3)
            again = self.patience.backoff(self._limited[kind]) if self._limited[kind] > 1 else 0.0
            self.patience.budget.excuse(self.patience.pacer.pause(kind, max(asked, again)))
            self.delay(kind)
        return rule

    def ask_once(self, kind: Kind, request: Callable[[], Reply]) -> Reply:
        """Make one request whose answer is welcome, but not worth waiting for."""
        ticket = self.start(kind)
        reply = self.workers.call(request, self.patience.look)
        self.judge(kind, ticket, reply)
        return reply

    def ask(self, kind: Kind, request: Callable[[], Reply], what: str) -> Reply:
        """Make one request that carries no part until it is answered well. Raises Refused for an ABORT or when patience ends.

        `what` names the request in the error, as in "The video could not be created".
        """

        def attempt() -> tuple[Reply, Rule]:
            self.patience.sleep(self.delay(kind))
            ticket = self.start(kind)
            reply = self.workers.call(request, self.patience.look)
            return reply, self.judge(kind, ticket, reply)

        def told(rule: Rule, reply: Reply, tries: int, wait: float) -> None:
            if rule.then is Then.BACK_OFF or rule.verdict is Verdict.RESUME:
                self.tell(Retrying(0, tries, wait, server_words(rule, reply)))

        reply, rule = self.patience.persist(attempt, told)
        if rule.verdict is not Verdict.ACCEPT:
            raise refused(rule, reply, what)
        return reply


def open_line(
    base_url: str, key: ApiKey, tell: Tell, *, timeout: float = 60.0, retry_for: float = 15.0, trace: Trace | None = None
) -> Line:
    """A line for single questions, without parts: each is asked again for `retry_for` seconds. `timeout` and `trace` as in `Api`."""
    patience = Patience(Stop(), RetryBudget(retry_for), Pacer(), lambda: 0)
    return Line(Api(base_url, key, timeout=timeout, trace=trace), Workers(1), patience, tell)


def ask_alone(line: Line, kind: Kind, request: Callable[[], Reply], what: str) -> Reply:
    """`Line.ask` for a question outside of any upload: where the row's advice is to go on with one, it is another here."""
    try:
        return line.ask(kind, request, what)
    except Refused as error:
        if error.code is ExitCode.AGAIN:
            error.advice = "Try again later, or see what is wrong with: vidup check"
        elif error.code is ExitCode.UNKNOWN:
            error.advice = "Check the video id and the key: the video is unknown, deleted or expired, or belongs to another project."
        raise


def refused(rule: Rule, reply: Reply, what: str, advice: str = "") -> Refused:
    """The error for an answer that ends the upload: exit code and advice from its row, except that a used-up patience is exit 75."""
    tired = rule.verdict is not Verdict.ABORT and rule.exit_code is ExitCode.AGAIN
    return Refused(rule, reply, what, advice=advice, code=ExitCode.AGAIN if tired else None)
