"""CORE: from an answer to what is done about it. The only place that reads a row's verdict, and the only one that counts "in a row"."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, NamedTuple

from vidup.upload.exchange import Request, Verb
from vidup.upload.partbook import Doubt
from vidup.verdicts.judge import Reply, Rule, Table, Then, Verdict

LONGEST_ASKED_WAIT: Final = 600.0
"""Seconds. No server is waited for longer at a time, whatever it asks."""

_MOST_TOKENS: Final = 2
"""Refusals in a row of a token that is renewed each time."""

_MOST_RECONCILES: Final = 2
"""Looks in a row at the status that bring no news after a documented refusal."""

_MOST_WORDLESS: Final = 2
"""Refusals without words of one part, where there is no status to ask."""

Backoff = Callable[[int], float]
"""The seconds to wait after so many failures in a row."""


class Do(Enum):
    """What is done about an answer. Each goes to whoever made the request."""

    GO_ON = "it is answered well"
    AGAIN = "the same request again, after the wait"
    ASK_FOR_PART = "ask the status for this part; if it is not there, the same again after the wait"
    ASK_FOR_UPLOAD = "ask the status and plan the rest from it"
    TAKE_WORD = "it says that it is there already, and nobody can be asked"
    END = "it cannot go on"


class Action(NamedTuple):
    """What is done about an answer, and the answer. `wait` is in seconds.

    `failed`: the line or the server failed, which is what patience is for. `limited`: the rate limit was met, and `wait` is what the
    server asks of all. `token`: the request's token was refused. `failures`: in a row, this one included.
    """

    do: Do
    rule: Rule
    reply: Reply
    wait: float = 0.0
    failed: bool = False
    limited: bool = False
    token: bool = False
    failures: int = 0
    doubt: Doubt = Doubt.LOST

    @property
    def asked(self) -> float:
        """Seconds that the server asked to wait, whatever our own backoff is."""
        return _asked(self.reply)


class _Row:
    """The answers in a row that one thing asked for has met."""

    failures: int = 0
    tokens: int = 0
    lost: int = 0


class Acts:
    """Carries out verdicts: one answer in, one action out."""

    def __init__(self, table: Table, backoff: Backoff) -> None:
        self._table = table
        self._backoff = backoff
        self._rows: dict[tuple[int, Verb, int], _Row] = {}
        self._reconciles: dict[int, int] = {}

    def act(self, request: Request, reply: Reply, *, token_works: bool = False, can_ask: bool = True) -> Action:
        """What to do about this answer to this request.

        `token_works`: another request was accepted with the very token of this one. `can_ask`: there is a status to ask (an upload
        token has none).
        """
        rule = self._table.judge(reply)
        asked_for = (request.upload, request.verb, request.part)
        if rule.verdict is Verdict.ACCEPT:
            self._rows.pop(asked_for, None)
            return Action(Do.GO_ON, rule, reply)
        if rule.holds and request.verb is Verb.PART and not can_ask:
            self._rows.pop(asked_for, None)
            return Action(Do.TAKE_WORD, rule, reply)
        row = self._rows.setdefault(asked_for, _Row())
        row.tokens = row.tokens + 1 if rule.then is Then.RENEW_TOKEN else 0
        match rule.then:
            case Then.PAUSE_ALL:
                return Action(Do.AGAIN, rule, reply, limited=True, wait=_asked(reply))
            case Then.RENEW_TOKEN if row.tokens < _MOST_TOKENS:
                return Action(Do.AGAIN, rule, reply, token=True)
            case Then.RENEW_TOKEN if token_works:
                return self._failed(Do.AGAIN, rule, reply, row)
            case Then.BACK_OFF:
                return self._back_off(rule, reply, row, request.may_have_acted and can_ask)
            case Then.ASK_FOR_PART:
                return self._ask(rule, reply, row, request, can_ask)
            case Then.ASK_FOR_UPLOAD if request.verb is Verb.PART and can_ask:
                return Action(Do.ASK_FOR_UPLOAD, rule, reply)
        return Action(Do.END, rule, reply)

    def line_is_back(self) -> None:
        """Nothing answered anybody: what failed for that has not failed in a row."""
        for row in self._rows.values():
            row.failures = 0

    def over(self, upload: int) -> None:
        """This upload is over: nothing that it met counts any more."""
        for asked_for in [asked_for for asked_for in self._rows if asked_for[0] == upload]:
            del self._rows[asked_for]
        self._reconciles.pop(upload, None)

    def reconciled(self, upload: int, news: bool) -> None:
        """The status was looked at for a documented refusal, and brought news or did not."""
        self._reconciles[upload] = 0 if news else self._reconciles.get(upload, 0) + 1

    def had_no_news(self, upload: int) -> bool:
        """Whether another look without news is one too many."""
        return self._reconciles.get(upload, 0) + 1 >= _MOST_RECONCILES

    def refused_for_good(self, action: Action) -> Action:
        """The end that a refusal comes to where the status did not explain it: a wordless one is judged by its status alone."""
        reply, rule = action.reply, action.rule
        if reply.status is not None and rule.status is None:
            rule = self._table.by_status(reply.status)
        return Action(Do.END, rule, reply)

    def _back_off(self, rule: Rule, reply: Reply, row: _Row, may_be_stored: bool) -> Action:
        if rule.at_most:
            row.lost += 1
            if row.lost > rule.at_most:
                return Action(Do.END, rule, reply)
        return self._failed(Do.ASK_FOR_PART if may_be_stored and not rule.at_most else Do.AGAIN, rule, reply, row)

    def _ask(self, rule: Rule, reply: Reply, row: _Row, request: Request, can_ask: bool) -> Action:
        """Where there is nobody to ask, no answer is asked for again, and a refusal stands: of a part of a video that is there already
        once it was sent again, for the word that it is stored may have got lost."""
        can_ask &= request.verb is Verb.PART
        refused = reply.status is not None and reply.status >= 400
        row.lost += refused
        if refused and not can_ask and request.verb is Verb.PART and request.video_id and row.lost < _MOST_WORDLESS:
            return self._failed(Do.AGAIN, rule, reply, row)
        if refused:
            ask = Action(Do.ASK_FOR_PART, rule, reply, doubt=Doubt.REFUSED)
            return ask if can_ask else self.refused_for_good(ask)
        return self._failed(Do.ASK_FOR_PART if can_ask else Do.AGAIN, rule, reply, row)

    def _failed(self, do: Do, rule: Rule, reply: Reply, row: _Row) -> Action:
        row.failures += 1
        wait = max(self._backoff(row.failures), _asked(reply))
        return Action(do, rule, reply, wait, failed=True, failures=row.failures)


def acted_upon(rule: Rule, may_go_on: bool) -> str:
    """The verdict that was acted upon in the end: whatever a row says, an upload that cannot go on was aborted."""
    return "abort" if not may_go_on else "retry" if rule.verdict is Verdict.RETRY else "resume"


def _asked(reply: Reply) -> float:
    return min(reply.retry_after or 0.0, LONGEST_ASKED_WAIT)
