"""A script of questions, driven by literal answers: what it asks, when it asks again, and what it comes to."""

from __future__ import annotations

import math
from collections.abc import Generator

import pytest

from vidup.errors import ExitCode, VidupError
from vidup.events import Event, Retrying
from vidup.upload.acting import Action, Do
from vidup.upload.asking import Ask, Asking, Rest, Script
from vidup.upload.exchange import Request, Verb
from vidup.upload.outcome import Refused
from vidup.verdicts.judge import Reply
from vidup.verdicts.rules import TABLE

GOOD = Reply(200, promised=True, body={"videoId": "vi1"})
ASK = Ask(Verb.STATUS, "vi1")


def action(do: Do, reply: Reply, wait: float = 0.0, *, failed: bool = False, limited: bool = False, token: bool = False) -> Action:
    return Action(do, TABLE.judge(reply), reply, wait, failed, limited, token, failures=int(failed))


ANSWERED = action(Do.GO_ON, GOOD)
BUSY = action(Do.AGAIN, Reply(503), 7.0, failed=True)
REFUSED = action(Do.END, Reply(404, "resource-not-found"))
LIMITED = action(Do.AGAIN, Reply(429), 30.0, limited=True)
EXPIRED = action(Do.AGAIN, Reply(401), token=True)


def anything(_verb: Verb) -> bool:
    return True


def nothing(_verb: Verb) -> bool:
    return False


class Course:
    """One script, begun at 100 s, and what was told meanwhile."""

    def __init__(self, script: Script[object]) -> None:
        self.told: list[Event] = []
        self.asking = Asking(5, script, self.told.append)
        self.asking.begin(100.0)

    def asked(self, now: float = 100.0) -> Request:
        request = self.asking.want(now, anything)
        assert request is not None
        return request

    def silent(self, now: float) -> bool:
        return self.asking.want(now, anything) is None


def one(ask: Ask = ASK) -> Generator[Ask | Rest, Action, object]:
    """One question, and its answer as the result."""
    return (yield ask)


def test_a_question_becomes_a_request_of_its_upload() -> None:
    """With all that it asks for; it is asked once until it is answered."""
    course = Course(one(Ask(Verb.FIND, payload={"title": "a"})))
    assert course.asked() == Request(Verb.FIND, 5, "", payload={"title": "a"})
    assert course.silent(500.0) and course.asking.is_out_for(Verb.FIND) and not course.asking.is_out_for(Verb.CREATE)
    assert course.asking.wake() == math.inf


def test_the_answer_goes_to_the_script() -> None:
    """What it returns is the result."""
    course = Course(one())
    course.asked()
    course.asking.take(ANSWERED, 101.0)
    assert (course.asking.finished, course.asking.result, course.told) == (True, ANSWERED, [])
    assert course.silent(500.0) and course.asking.wake() == math.inf


def test_a_question_that_may_not_go_out_waits() -> None:
    """What it asks is asked for, and nothing is lost."""
    course, verbs = Course(one()), list[Verb]()

    def none_of(verb: Verb) -> bool:
        verbs.append(verb)
        return False

    assert course.asking.want(100.0, none_of) is None
    assert (verbs, course.asking.wake(), course.asking.is_out_for(Verb.STATUS)) == ([Verb.STATUS], 100.0, False)
    assert course.asked().verb is Verb.STATUS


def test_a_failure_is_asked_again_after_the_wait() -> None:
    """The script hears nothing of it; the user does."""
    course = Course(one())
    course.asked()
    course.asking.take(BUSY, 101.0)
    assert course.told == [Retrying(0, 1, 7.0, "HTTP 503")]
    assert course.asking.wake() == 108.0 and course.silent(107.9)
    course.asked(108.0)
    course.asking.take(ANSWERED, 109.0)
    assert course.asking.result is ANSWERED


@pytest.mark.parametrize("shared", [LIMITED, EXPIRED], ids=["limit", "token"])
@pytest.mark.parametrize("plainly", [False, True])
def test_limits_and_tokens_are_nobodys_failure(shared: Action, plainly: bool) -> None:
    """They concern all, and whoever knows of them says when the question may go out: it waits for nothing of its own."""
    course = Course(one(ASK._replace(plainly=plainly)))
    course.asked()
    course.asking.take(shared, 101.0)
    assert (course.told, course.asking.finished, course.asking.wake()) == ([], False, 101.0)
    assert course.asking.want(101.0, nothing) is None
    course.asked(101.0)


@pytest.mark.parametrize("heard", [BUSY, REFUSED, action(Do.END, Reply(400, "invalid-payload"))])
def test_a_script_that_asks_plainly_hears_of_every_failure(heard: Action) -> None:
    """It decides itself."""
    course = Course(one(ASK._replace(plainly=True)))
    course.asked()
    course.asking.take(heard, 101.0)
    assert (course.asking.result, course.told) == (heard, [])


def test_a_refusal_is_raised_where_the_script_asked() -> None:
    """In the words of its question; what it does not catch is raised by whoever drives it."""
    course = Course(one())
    course.asked()
    with pytest.raises(Refused) as raised:
        course.asking.take(REFUSED, 101.0)
    assert (raised.value.what, raised.value.code) == ("The status of vi1 could not be read", 5)


def test_a_script_may_go_on_after_a_refusal() -> None:
    """It catches it, and asks something else."""

    def script() -> Script[object]:
        try:
            return (yield ASK)
        except Refused:
            return (yield Ask(Verb.VIDEO, "vi2"))

    course = Course(script())
    course.asked()
    course.asking.take(REFUSED, 101.0)
    assert course.asked(101.0) == Request(Verb.VIDEO, 5, "vi2")


def test_a_rest_is_kept_and_then_gone_on_from() -> None:
    """Nobody is asked meanwhile, and its end is foreseen."""

    def script() -> Script[object]:
        yield ASK
        yield Rest(20.0)
        return (yield Ask(Verb.VIDEO, "vi2"))

    course = Course(script())
    course.asked()
    course.asking.take(ANSWERED, 101.0)
    assert course.asking.wake() == 121.0 and course.silent(120.9)
    assert course.asked(121.0).verb is Verb.VIDEO


def test_rests_follow_one_another_and_may_end_a_script() -> None:
    """Each from the moment that the one before was over."""

    def script() -> Script[object]:
        yield Rest(1.0)
        yield Rest(2.0)
        return "rested"

    course = Course(script())
    assert course.silent(101.0) and course.asking.wake() == 103.0
    assert course.silent(103.0) and course.asking.result == "rested"


def test_a_script_that_asks_nothing_is_finished_as_it_begins() -> None:
    """Its result is there at once."""

    def script() -> Script[object]:
        yield from ()
        return "nothing to ask"

    assert Course(script()).asking.result == "nothing to ask"


def test_what_a_script_raises_comes_out_where_it_runs() -> None:
    """At its beginning, after an answer, and after a rest."""

    def script(raise_at: int) -> Script[object]:
        for step in range(3):
            if step == raise_at:
                raise VidupError(ExitCode.FILE, "so be it")
            yield Rest(1.0) if step else ASK
        return None

    with pytest.raises(VidupError):
        Course(script(0))
    course = Course(script(1))
    course.asked()
    with pytest.raises(VidupError):
        course.asking.take(ANSWERED, 101.0)
    course = Course(script(2))
    course.asked()
    course.asking.take(ANSWERED, 101.0)
    with pytest.raises(VidupError):
        course.asking.want(102.0, anything)


def test_a_script_that_is_closed_gives_back_what_it_holds() -> None:
    """Though its question was never answered."""
    given_back = []

    def script() -> Script[object]:
        try:
            return (yield ASK)
        finally:
            given_back.append(True)

    course = Course(script())
    course.asked()
    course.asking.close()
    assert given_back == [True]
