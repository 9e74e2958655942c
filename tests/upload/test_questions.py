"""Single questions outside of an upload: asked until they are answered, or until a short patience ends; waits are told, not spent."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from vidup.api.client import Api
from vidup.api.credentials import ApiKey, Token
from vidup.events import Event, Retrying
from vidup.upload.exchange import Verb
from vidup.upload.outcome import Refused
from vidup.upload.questions import Line, ask_alone
from vidup.verdicts.judge import Reply
from vidup.verdicts.rules import TABLE

TOKEN = Reply(200, promised=True, body={"access_token": "tok", "refresh_token": "ref", "expires_in": 3600})
STATUS = Reply(200, promised=True, body={"ingest": {}})
ASKED_TO_WAIT = Reply(503, retry_after=2.0)


class Server(Api):
    """Answers from two lists, and keeps who asked; a last answer is given for ever."""

    def __init__(self, *statuses: Reply, logins: tuple[Reply, ...] = (TOKEN,)) -> None:
        super().__init__("http://127.0.0.1:9", ApiKey("sk", "a test"), timeout=1)
        self.statuses, self.logins = list(statuses), list(logins)
        self.asked: list[str] = []

    def log_in(self) -> Reply:
        self.asked.append("login")
        return self.logins.pop(0) if len(self.logins) > 1 else self.logins[0]

    def get_status(self, token: Token, video_id: str) -> Reply:
        self.asked.append(f"{video_id} with {token.serial}")
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


class Waits:
    """Takes waits for spent, also on the clock by which tenacity knows how long it has tried."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waits: list[float] = []
        monkeypatch.setattr("tenacity.time", SimpleNamespace(monotonic=lambda: sum(self.waits)))

    def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    return Waits(monkeypatch)


def line(server: Server, waits: Waits, patience: float = 15.0) -> tuple[Line, list[Event]]:
    told: list[Event] = []
    return Line(server, told.append, patience, waits), told


def ask(line: Line) -> Reply:
    return line.ask(Verb.STATUS, "vi1")


def test_a_question_is_asked_with_a_token_that_is_got_once(waits: Waits) -> None:
    """The second one needs no other."""
    server = Server(STATUS)
    asking, told = line(server, waits)
    assert (ask(asking), ask(asking)) == (STATUS, STATUS)
    assert (server.asked, waits.waits, told) == (["login", "vi1 with 1", "vi1 with 1"], [], [])


def test_a_question_is_asked_until_it_is_answered(waits: Waits) -> None:
    """The user hears of each failure: which it is, what it was, and the wait until the next."""
    server = Server(ASKED_TO_WAIT, Reply(502, retry_after=3.0), STATUS)
    asking, told = line(server, waits)
    assert ask(asking) is STATUS
    assert waits.waits == [2.0, 3.0]
    assert told == [Retrying(0, 1, 2.0, "HTTP 503"), Retrying(0, 2, 3.0, "HTTP 502")]


def test_without_an_answer_the_wait_has_jitter(waits: Waits) -> None:
    """A second at most after the first failure, two after the second."""
    asking, _told = line(Server(Reply(failure="no-answer"), Reply(failure="answer-lost"), STATUS), waits)
    assert ask(asking) is STATUS
    first, second = waits.waits
    assert 0 <= first <= 1 and 0 <= second <= 2


@pytest.mark.parametrize(
    ("refusal", "code"),
    [(Reply(404, "resource-not-found"), 5), (Reply(400, "video-source-already-uploaded"), 6), (Reply(403), 6), (Reply(302), 6)],
)
def test_what_is_refused_for_good_is_asked_once(waits: Waits, refusal: Reply, code: int) -> None:
    """An ABORT, and a refusal that only an upload could resume from."""
    server = Server(refusal)
    asking, told = line(server, waits)
    with pytest.raises(Refused) as raised:
        ask(asking)
    assert (raised.value.code, raised.value.what) == (code, "The status of vi1 could not be read")
    assert (server.asked, waits.waits, told) == (["login", "vi1 with 1"], [], [])


def test_patience_ends(waits: Waits) -> None:
    """No wait is begun that would outlast it; the error is that of the last answer, and may be tried again."""
    server = Server(Reply(503, retry_after=4.0))
    asking, _told = line(server, waits)
    with pytest.raises(Refused) as raised:
        ask(asking)
    assert (raised.value.code, raised.value.cause, raised.value.advice) == (
        75,
        "HTTP 503",
        "Try again later, or see what is wrong with: vidup check",
    )
    assert waits.waits == [4.0, 4.0, 4.0]
    assert len(server.asked) == 1 + 4


def test_a_limit_that_asks_to_wait_longer_than_patience_is_told_at_once(waits: Waits) -> None:
    """`vidup check` does not sit silent for minutes."""
    server = Server(Reply(429, "too-many-requests", retry_after=300.0))
    asking, told = line(server, waits)
    with pytest.raises(Refused) as raised:
        ask(asking)
    assert (raised.value.code, raised.value.rule.slug) == (75, "too-many-requests")
    assert (len(server.asked), waits.waits, told) == (2, [], [])


def test_a_short_limit_is_waited_for(waits: Waits) -> None:
    """As long as it asks."""
    asking, told = line(Server(Reply(429, retry_after=5.0), STATUS), waits)
    assert ask(asking) is STATUS
    assert waits.waits == [5.0] and len(told) == 1


def test_an_endless_limit_that_names_no_wait_ends_with_patience(waits: Waits) -> None:
    """It is met like a failure, with jitter, and not at once again and again."""
    server = Server(Reply(429))
    asking, _told = line(server, waits)
    with pytest.raises(Refused) as raised:
        ask(asking)
    assert raised.value.code == 75
    assert sum(waits.waits) <= 15 and len(server.asked) < 100


def test_a_refused_token_is_renewed_once(waits: Waits) -> None:
    """By a log in with the key; the question goes again with the new one, at once."""
    server = Server(Reply(401, "authentication-invalid-access-token"), STATUS)
    asking, _told = line(server, waits)
    assert ask(asking) is STATUS
    assert [who.split()[0] for who in server.asked] == ["login", "vi1", "login", "vi1"]
    assert sum(waits.waits) == 0


def test_a_token_that_is_refused_twice_in_a_row_ends_it(waits: Waits) -> None:
    """Then it is the key."""
    server = Server(Reply(401))
    asking, _told = line(server, waits)
    with pytest.raises(Refused) as raised:
        ask(asking)
    assert (raised.value.code, len(server.asked)) == (4, 4)


@pytest.mark.parametrize("refusal", [Reply(400, "authentication-invalid-user-credentials"), Reply(401, "authentication-invalid-api-key")])
def test_a_refused_key_is_told_at_once(waits: Waits, refusal: Reply) -> None:
    """The question is not asked at all."""
    server = Server(STATUS, logins=(refusal,))
    asking, _told = line(server, waits)
    with pytest.raises(Refused) as raised:
        ask(asking)
    assert (raised.value.code, raised.value.what, server.asked) == (4, "Logging in failed", ["login"])


def test_a_log_in_is_asked_until_it_is_answered_too(waits: Waits) -> None:
    """A busy server is no reason to distrust the key."""
    server = Server(STATUS, logins=(ASKED_TO_WAIT, TOKEN))
    asking, told = line(server, waits)
    assert asking.log_in() is TOKEN
    assert (server.asked, waits.waits, len(told)) == (["login", "login"], [2.0], 1)


def test_a_question_outside_an_upload_is_not_advised_to_upload() -> None:
    """An unknown video is unknown: there is nothing to start over."""

    def unknown() -> Reply:
        reply = Reply(404, "resource-not-found")
        raise Refused(TABLE.judge(reply), reply, "The status of vi1 could not be read")

    server = Server(STATUS)
    with pytest.raises(Refused) as raised:
        ask_alone(Line(server, lambda _event: None), unknown)
    assert "--restart" not in raised.value.advice and "vidup" not in raised.value.advice
