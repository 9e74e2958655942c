"""From every row of the table to what is done about it, against literals: what is sent again, what is asked for, what ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from vidup.upload.acting import Action, Acts, Do, acted_upon
from vidup.upload.exchange import Request, Verb
from vidup.upload.flights import Stopper
from vidup.upload.partbook import Doubt
from vidup.verdicts.judge import Reply
from vidup.verdicts.rules import TABLE


class Sent:
    """The body of an attempt that ended before, or after, its last byte was out."""

    handed = 7
    moved_at = 0.0
    content_type = ""
    cut = Stopper()

    def __init__(self, all_out: bool) -> None:
        self.all_out = all_out

    def __len__(self) -> int:
        return 7

    def __iter__(self) -> Iterator[memoryview]:
        return iter(())

    def moved(self, taken: int) -> None: ...


STORED: Final = Request(Verb.PART, 0, "vi1", 3, body=Sent(True))
"""A part whose whole body went out."""
CUT: Final = Request(Verb.PART, 0, "vi1", 3, body=Sent(False))
"""A part of whose body the end never left."""
QUESTION: Final = Request(Verb.STATUS, 0, "vi1")

GO_ON, AGAIN, END, ASK_PART, ASK_ALL = Do.GO_ON, Do.AGAIN, Do.END, Do.ASK_FOR_PART, Do.ASK_FOR_UPLOAD

BY_PART = "video-content-range-by-part-"
BY_BYTES = "video-content-range-by-bytes-"

ROWS: list[tuple[str, Reply, Do, Do, Do]] = [
    # row, an answer that meets it, and what is done about a stored part, a cut part, and a question
    ("accepted", Reply(201, promised=True), GO_ON, GO_ON, GO_ON),
    ("answer-broken", Reply(201), ASK_PART, ASK_PART, AGAIN),
    ("no-answer", Reply(failure="no-answer"), ASK_PART, AGAIN, AGAIN),
    ("answer-lost", Reply(failure="answer-lost"), ASK_PART, ASK_PART, AGAIN),
    ("refused-without-words", Reply(400), ASK_PART, ASK_PART, END),
    ("server-error", Reply(500, "server-error"), ASK_PART, AGAIN, AGAIN),
    ("too-many-requests", Reply(429, "too-many-requests"), AGAIN, AGAIN, AGAIN),
    ("authentication-invalid-access-token", Reply(401, "authentication-invalid-access-token"), AGAIN, AGAIN, AGAIN),
    ("authentication-invalid-refresh-token", Reply(401, "authentication-invalid-refresh-token"), AGAIN, AGAIN, AGAIN),
    ("undocumented-401", Reply(401), AGAIN, AGAIN, AGAIN),
    ("uploaded-file-no-file", Reply(400, "uploaded-file-no-file"), AGAIN, AGAIN, AGAIN),
    ("video-source-already-uploaded", Reply(400, "video-source-already-uploaded"), ASK_ALL, ASK_ALL, END),
    ("video-content-range-already-initiated", Reply(400, "video-content-range-already-initiated"), ASK_ALL, ASK_ALL, END),
    (BY_PART + "different-total-parts", Reply(400, BY_PART + "different-total-parts"), ASK_ALL, ASK_ALL, END),
    (BY_PART + "part-too-high-total", Reply(400, BY_PART + "part-too-high-total"), ASK_ALL, ASK_ALL, END),
    (BY_PART + "total-parts-too-low", Reply(400, BY_PART + "total-parts-too-low"), ASK_ALL, ASK_ALL, END),
    (BY_PART + "part-already-sent", Reply(400, BY_PART + "part-already-sent"), ASK_PART, ASK_PART, END),
    ("certificate-not-trusted", Reply(failure="certificate-not-trusted"), END, END, END),
    ("certificate-out-of-date", Reply(failure="certificate-out-of-date"), END, END, END),
    ("certificate-for-another-name", Reply(failure="certificate-for-another-name"), END, END, END),
    ("proxy-unusable", Reply(failure="proxy-unusable"), END, END, END),
    ("proxy-refuses", Reply(failure="proxy-refuses"), END, END, END),
    ("page-wants-password", Reply(401, failure="page-wants-password", text="Who are you?"), END, END, END),
    ("proxy-wants-password", Reply(407), END, END, END),
    ("redirect", Reply(302), END, END, END),
    ("request-too-large", Reply(413), END, END, END),
    ("wrong-address", Reply(404), END, END, END),
    ("undocumented", Reply(418, title="I am a teapot."), END, END, END),
    *(
        (slug, Reply(status, slug), END, END, END)
        for slug, status in [
            ("authentication-invalid-api-key", 401), ("authentication-invalid-user-credentials", 400),
            ("authentication-invalid-authorization-header-value", 401), ("authentication-missing-authorization-header", 401),
            ("authentication-invalid-upload-token", 401), ("authentication-missing-upload-token", 401),
            ("authorization-suspended-account", 403), ("invalid-attribute", 400), ("attribute-required", 400), ("invalid-payload", 400),
            ("resource-not-found", 404), ("unrecognized-request-url", 404), ("method-not-allowed", 405), ("invalid-query-parameter", 400),
            ("parameter-out-of-range", 400), ("webhook-limit-reached", 400), ("summary-already-exists", 409),
            ("uploaded-file-extension-invalid", 400), ("uploaded-file-empty", 400), ("uploaded-file-invalid-file", 400),
            ("uploaded-file-multiple-files", 400), ("uploaded-file-too-large", 400), ("video-source-already-copied", 400),
            ("video-source-already-downloaded", 400), ("video-content-range-started-with-part", 400),
            ("video-content-range-started-with-bytes", 400), ("video-content-range-malformed", 400),
            (BY_PART + "part-too-high-allowed", 400), (BY_PART + "part-zero", 400), (BY_PART + "total-parts-too-high", 400),
            (BY_PART + "total-parts-zero", 400), (BY_PART + "uploaded-file-too-small", 400), (BY_BYTES + "different-total-bytes", 400),
            (BY_BYTES + "from-byte-too-high", 400), (BY_BYTES + "range-mismatch", 400), (BY_BYTES + "range-overlap", 400),
            (BY_BYTES + "range-too-large", 400), (BY_BYTES + "range-too-small", 400), (BY_BYTES + "to-byte-too-high-allowed", 400),
            (BY_BYTES + "to-byte-too-high-total", 400), (BY_BYTES + "total-bytes-too-high", 400),
            (BY_BYTES + "total-bytes-too-low", 400), (BY_BYTES + "total-bytes-zero", 400),
        ]
    ),
]  # fmt: skip


@pytest.fixture
def acts() -> Acts:
    """After one failure in a row it waits 10 s, after two 20 s, and so on."""
    return Acts(TABLE, lambda failures: 10.0 * failures)


def shape(action: Action) -> tuple[Do, float, bool]:
    return action.do, action.wait, action.failed


def test_no_row_is_left_out() -> None:
    """A row that is added to the table needs a line here."""
    assert sorted(row[0] for row in ROWS) == sorted(rule.slug for rule in TABLE.rules)


@pytest.mark.parametrize(("slug", "reply", "stored", "cut", "question"), ROWS, ids=[row[0] for row in ROWS])
def test_what_each_answer_makes_vidup_do(slug: str, reply: Reply, stored: Do, cut: Do, question: Do) -> None:
    """To a part whose whole body went out, to one whose body did not, and to anything that is no part."""
    done = [Acts(TABLE, lambda _: 10.0).act(request, reply) for request in (STORED, CUT, QUESTION)]
    assert [done[0].rule.slug, done[1].rule.slug] == [slug, slug]
    assert [action.do for action in done] == [stored, cut, question]


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504, 520, 527, 599])
def test_a_broken_gateway_may_hide_a_stored_part(acts: Acts, status: int) -> None:
    """After the whole body the status is asked; before its end the part is sent again. Both count as failures, and wait."""
    assert shape(acts.act(STORED, Reply(status))) == (ASK_PART, 10.0, True)
    assert shape(acts.act(CUT, Reply(status))) == (AGAIN, 20.0, True)


@pytest.mark.parametrize("status", [400, 403, 409, 422])
def test_a_refusal_without_words_is_asked_for_and_stands_if_that_explains_nothing(acts: Acts, status: int) -> None:
    """It is no failure of the line: nothing waits for it, and in the end its status alone judges it."""
    action = acts.act(STORED, Reply(status))
    assert (*shape(action), action.doubt) == (ASK_PART, 0.0, False, Doubt.REFUSED)
    end = acts.refused_for_good(action)
    assert (end.do, end.rule.slug, end.rule.exit_code) == (END, "undocumented", 6)


def test_a_part_that_collides_with_one_already_sent_is_asked_for() -> None:
    """The first answer was lost; if the status never lists it, the refusal stands in the words of its row."""
    acts = Acts(TABLE, lambda _: 10.0)
    action = acts.act(STORED, Reply(400, BY_PART + "part-already-sent"))
    assert (*shape(action), action.doubt, action.rule.holds) == (ASK_PART, 0.0, False, Doubt.REFUSED, "part")
    assert acts.refused_for_good(action).rule.slug == BY_PART + "part-already-sent"


@pytest.mark.parametrize("reply", [Reply(failure="answer-lost"), Reply(201), Reply(503), Reply(failure="no-answer")])
def test_a_lost_answer_leaves_a_part_in_doubt_as_lost(acts: Acts, reply: Reply) -> None:
    """If the status does not list it, it is sent again after the wait."""
    action = acts.act(STORED, reply)
    assert (*shape(action), action.doubt) == (ASK_PART, 10.0, True, Doubt.LOST)


# -- in a row


def test_waits_grow_with_the_failures_in_a_row_of_one_thing(acts: Acts) -> None:
    """Another part, another question and another upload have rows of their own; a good answer ends a row."""
    assert [acts.act(CUT, Reply(503)).failures for _ in range(3)] == [1, 2, 3]
    assert acts.act(CUT._replace(part=4), Reply(503)).failures == 1
    assert acts.act(CUT._replace(upload=1), Reply(503)).failures == 1
    assert acts.act(QUESTION, Reply(503)).failures == 1
    acts.act(CUT, Reply(201, promised=True))
    assert shape(acts.act(CUT, Reply(503))) == (AGAIN, 10.0, True)


def test_a_wait_is_as_long_as_the_server_asks_if_that_is_longer(acts: Acts) -> None:
    """At most ten minutes, and never shorter than our own backoff."""
    waits = [acts.act(CUT, Reply(503, retry_after=after)).wait for after in (60.0, 60.0, 1.0, 99_999.0)]
    assert waits == [60.0, 60.0, 30.0, 600.0]
    assert acts.act(CUT, Reply(503, retry_after=99_999.0)).asked == 600.0


@pytest.mark.parametrize("reply", [Reply(401), Reply(401, "authentication-invalid-access-token")])
def test_a_refused_token_is_renewed_once(acts: Acts, reply: Reply) -> None:
    """A second 401 in a row ends it, as a matter of the key."""
    first, second = acts.act(STORED, reply), acts.act(STORED, reply)
    assert (*shape(first), first.token) == (AGAIN, 0.0, False, True)
    assert (second.do, second.rule.exit_code) == (END, 4)


def test_a_token_that_works_elsewhere_is_no_reason_to_end(acts: Acts) -> None:
    """Then the server is unsure, not the key: backoff, for as long as patience lasts."""
    acts.act(STORED, Reply(401))
    seen = [acts.act(STORED, Reply(401), token_works=True) for _ in range(3)]
    assert [(*shape(action), action.token) for action in seen] == [(AGAIN, 10.0 * n, True, False) for n in (1, 2, 3)]
    assert acts.act(STORED, Reply(401)).do is END


@pytest.mark.parametrize("between", [Reply(201, promised=True), Reply(503), Reply(429), Reply(failure="no-answer")])
def test_refusals_of_a_token_count_only_in_a_row(acts: Acts, between: Reply) -> None:
    """Whatever else is answered in between shows that the new token was taken."""
    acts.act(STORED, Reply(401))
    acts.act(STORED, between)
    assert acts.act(STORED, Reply(401)).token


def test_a_first_refusal_of_a_token_that_works_elsewhere_renews_it(acts: Acts) -> None:
    """It may have expired a moment ago."""
    assert acts.act(STORED, Reply(401), token_works=True).token


def test_a_lost_body_is_sent_again_twice(acts: Acts) -> None:
    """Though all of it went out: what was lost cannot be stored, so that nobody is asked. The third time it ends."""
    reply = Reply(400, "uploaded-file-no-file")
    assert [shape(acts.act(STORED, reply)) for _ in range(3)] == [(AGAIN, 10.0, True), (AGAIN, 20.0, True), (END, 0.0, False)]
    assert acts.act(STORED._replace(part=4), reply).do is AGAIN


def test_a_rate_limit_is_no_failure(acts: Acts) -> None:
    """It waits for what is asked, at most ten minutes, and neither counts nor uncounts failures in a row."""
    assert acts.act(STORED, Reply(503)).failures == 1
    for after, wait in ((7.0, 7.0), (None, 0.0), (99_999.0, 600.0)):
        action = acts.act(STORED, Reply(429, retry_after=after))
        assert (*shape(action), action.limited) == (AGAIN, wait, False, True)
    assert acts.act(STORED, Reply(503)).failures == 2


# -- where there is no status to ask


@pytest.mark.parametrize(
    ("reply", "done"),
    [
        (Reply(failure="answer-lost"), AGAIN), (Reply(201), AGAIN), (Reply(503), AGAIN), (Reply(failure="no-answer"), AGAIN),
        (Reply(400), AGAIN), (Reply(400, BY_PART + "part-already-sent"), Do.TAKE_WORD), (Reply(400, "video-source-already-uploaded"), Do.TAKE_WORD),
        (Reply(401, "authentication-invalid-upload-token"), END), (Reply(404, "resource-not-found"), END),
        (Reply(400, BY_PART + "different-total-parts"), END),
    ],
)  # fmt: skip
def test_with_an_upload_token_nobody_can_be_asked(acts: Acts, reply: Reply, done: Do) -> None:
    """The status needs a key: what was lost is sent again, what is there already counts, and what else is refused is refused."""
    assert acts.act(STORED, reply, can_ask=False).do is done


def test_a_wordless_refusal_that_nobody_can_explain_is_judged_by_its_status(acts: Acts) -> None:
    """So is that of a question. A part of a video that is there is sent once more: the word that it is stored may have got lost."""
    assert acts.act(STORED, Reply(403), can_ask=False).do is AGAIN
    assert acts.act(STORED, Reply(403), can_ask=False).rule.slug == "undocumented"
    assert acts.act(QUESTION, Reply(403)).rule.slug == "undocumented"


def test_a_part_that_is_to_make_the_video_is_not_sent_again_after_a_refusal(acts: Acts) -> None:
    """It would make another one."""
    assert acts.act(STORED._replace(video_id=""), Reply(403), can_ask=False).do is END


# -- looks at the status that bring no news


def test_a_second_look_without_news_is_one_too_many(acts: Acts) -> None:
    """The first may be lag; news starts the count anew, for each upload by itself."""
    assert not acts.had_no_news(0)
    acts.reconciled(0, news=False)
    assert acts.had_no_news(0) and not acts.had_no_news(1)
    acts.reconciled(0, news=True)
    assert not acts.had_no_news(0)


@pytest.mark.parametrize(
    ("slug", "may_go_on", "told"),
    [("server-error", True, "retry"), ("answer-lost", True, "resume"), ("server-error", False, "abort"), ("undocumented", False, "abort")],
)
def test_what_was_acted_upon_in_the_end(slug: str, may_go_on: bool, told: str) -> None:
    """What cannot go on was aborted, whatever its row says."""
    rule = TABLE.rule(slug)
    assert rule is not None and acted_upon(rule, may_go_on) == told
