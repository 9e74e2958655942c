"""A video of this very file is found among the account's by its fingerprint, whatever the list is like; each answer is a literal here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from vidup.errors import ExitCode
from vidup.events import Note
from vidup.plan.parts import MIB
from vidup.upload.acting import Action, Do
from vidup.upload.asking import Ask
from vidup.upload.exchange import Verb
from vidup.upload.finding import Match, Wanted, find
from vidup.upload.outcome import refused
from vidup.verdicts.judge import Reply
from vidup.verdicts.rules import TABLE

MINE = "12582912:v1:abc"
SIZE = 12 * MIB
NOW = 1_800_000_000.0
DAY = 86400.0
NOT_FOUND = Reply(404, "resource-not-found", title="x")


def video(name: str, days: float = 1.0, value: str = MINE, **more: object) -> dict[str, Any]:
    """A video object made so many days ago that bears this record."""
    made = datetime.fromtimestamp(NOW - days * DAY, UTC).isoformat()
    entries = [{"key": "owner", "value": "me"}, {"key": "vidup-file", "value": value}]
    return {"videoId": name, "createdAt": made, "metadata": entries, **more}


def status(*parts: int, total: int | None = 2, state: str = "uploading", size: int | None = None) -> dict[str, Any]:
    return {"ingest": {"status": state, "filesize": size, "receivedParts": {"parts": list(parts), "total": total}}}


WHOLE = status(1, 2, state="uploaded", size=SIZE)
BEGUN = status(1)
EMPTY = status(total=None)


class Account:
    """Answers the questions of a search: pages of a list, and what each video holds (missing: 404)."""

    def __init__(self, videos: list[dict[str, Any]], holds: Mapping[str, dict[str, Any]], page: int = 100) -> None:
        self.videos, self.holds, self.page = videos, holds, page
        self.asked: list[Ask] = []
        self.notes: list[str] = []
        self.refuses: Reply | None = None
        self.paging = True
        self.told_pages = True
        self.ignores_pages = False
        self.date: float | None = NOW

    def answer(self, ask: Ask) -> Reply:
        self.asked.append(ask)
        if ask.verb is Verb.STATUS:
            body = self.holds.get(ask.video_id)
            return NOT_FOUND if body is None else Reply(200, promised=True, body=body)
        assert ask.verb is Verb.FIND
        if self.refuses is not None:
            return self.refuses
        number = 1 if self.ignores_pages else int(str(ask.payload["currentPage"]))
        shown = self.videos[(number - 1) * self.page : number * self.page]
        pages = {"pagination": {"pagesTotal": -(-len(self.videos) // self.page)}} if self.told_pages else {}
        return Reply(200, promised=True, body={"data": shown, **pages}, date=self.date)

    def search(self, *, skip: bool = False, taken: Callable[[], frozenset[str]] = frozenset) -> Match | None:
        script = find(
            Wanted(MINE, SIZE, 2, skip, taken),
            lambda event: self.notes.append(event.text) if isinstance(event, Note) else None,
            lambda: NOW,
        )
        ask = next(script)
        while True:
            assert isinstance(ask, Ask)
            reply = self.answer(ask)
            action = Action(Do.GO_ON, TABLE.judge(reply), reply)
            try:
                ask = script.send(action) if reply.promised else script.throw(refused(action, "it was refused"))
            except StopIteration as end:
                found: Match | None = end.value
                return found

    @property
    def looked_at(self) -> list[str]:
        return [ask.video_id for ask in self.asked if ask.verb is Verb.STATUS]


def test_an_incomplete_one_is_gone_on_with() -> None:
    """One page and one status; the split is the server's."""
    account = Account([video("a")], {"a": status(1, total=2)})
    match = account.search()
    assert match is not None
    assert (match.video_id, match.total, sorted(match.ledger.parts)) == ("a", 2, [1])
    assert [ask.verb for ask in account.asked] == [Verb.FIND, Verb.STATUS]
    assert account.asked[0].payload == {
        "metadata[vidup-file]": MINE, "sortBy": "createdAt", "sortOrder": "desc", "pageSize": 100, "currentPage": 1,
    }  # fmt: skip
    empty = Account([video("a")], {"a": EMPTY}).search()
    assert empty is not None
    assert empty.total == 2, "where nothing is stored the split is ours"


@pytest.mark.parametrize(
    ("videos", "holds", "new", "skip"),
    [
        ([], {}, None, None),
        (["w"], {"w": WHOLE}, None, "w"),
        (["b", "w"], {"w": WHOLE, "b": BEGUN}, "b", "w"),
        (["w", "b"], {"w": WHOLE, "b": BEGUN}, "b", "w"),
        (["b2", "b1"], {"b1": BEGUN, "b2": BEGUN}, "b1", "b1"),
        (["w2", "w1"], {"w1": WHOLE, "w2": WHOLE}, None, "w1"),
        (["e", "b"], {"e": EMPTY, "b": BEGUN}, "b", "b"),
        (["b", "gone"], {"b": BEGUN}, "b", "b"),
        (["gone"], {}, None, None),
        (["merging"], {"merging": status(1, state="merging")}, "merging", "merging"),
    ],
)
def test_of_several_the_oldest_incomplete_one_unless_a_complete_one_will_do(
    videos: list[str], holds: dict[str, dict[str, Any]], new: str | None, skip: str | None
) -> None:
    """The list is newest first; one that was deleted since is passed over."""
    listed = [video(name, days=1.0 + place / 10) for place, name in enumerate(videos)]
    for will_do, expected in ((False, new), (True, skip)):
        match = Account(listed, holds).search(skip=will_do)
        assert (match.video_id if match else None) == expected


@pytest.mark.parametrize(
    "other",
    [
        video("x", value="12582912:v1:abd"), video("x", value=""), {"videoId": "x"}, {"videoId": "x", "metadata": "vidup-file"},
        {"videoId": "x", "metadata": [{"key": "other", "value": MINE}, 7]}, video("x", discarded=True), {"metadata": video("x")["metadata"]},
    ],
)  # fmt: skip
def test_the_values_are_compared_here(other: dict[str, Any]) -> None:
    """A list that ignores its filter, or matches loosely, names others; they are not even asked for. Nor is what was thrown away."""
    account = Account([other, video("a", days=2)], {"x": BEGUN, "a": BEGUN})
    match = account.search()
    assert match is not None
    assert (match.video_id, account.looked_at) == ("a", ["a"])


def test_all_pages_are_read_as_far_as_it_makes_sense() -> None:
    """An unfiltered account of 250 is three pages; with 25 a page, as told, ten; an endless one is 20, which is said."""
    crowd = [video(f"x{n}", value="other") for n in range(249)]
    for page, pages in ((100, 3), (25, 10)):
        account = Account([*crowd, video("a", days=3)], {"a": BEGUN}, page=page)
        assert account.search() is not None
        assert [ask.payload["currentPage"] for ask in account.asked if ask.verb is Verb.FIND] == list(range(1, pages + 1))
        assert account.notes == []
    endless = Account([video(f"x{n}", value="other") for n in range(5000)], {})
    assert endless.search() is None
    assert len(endless.asked) == 20
    assert "only its newest 2000 videos" in endless.notes[0]


def test_a_list_that_never_turns_its_page_is_read_twice() -> None:
    """No page of it is new; nor is a page asked for after one that is not full, where no count is told."""
    account = Account([video(f"x{n}", value="other") for n in range(300)], {})
    account.ignores_pages = True
    assert account.search() is None
    assert len(account.asked) == 2
    silent = Account([video("a")], {"a": BEGUN})
    silent.told_pages = False
    assert silent.search() is not None
    assert len(silent.asked) == 2


@pytest.mark.parametrize("date", [NOW, None])
def test_what_is_too_old_to_be_incomplete_costs_no_question(date: float | None) -> None:
    """Containers live 7 days; where a complete one will do, age is no reason. A video without a date may be anything."""
    undated = {**video("u"), "createdAt": "?"}
    account = Account([video("new", 7.5), video("old", 9.0), undated], {"new": BEGUN, "old": WHOLE, "u": WHOLE})
    account.date = date
    assert account.search() is not None
    assert account.looked_at == ["u", "new"]
    match = Account([video("old", 900.0)], {"old": WHOLE}).search(skip=True)
    assert match is not None


def test_no_more_than_25_are_asked_for() -> None:
    """The oldest, and it is said."""
    account = Account([video(f"w{n}", days=5 - n / 10) for n in range(40)][::-1], {f"w{n}": WHOLE for n in range(40)})
    assert account.search() is None
    assert account.looked_at == [f"w{n}" for n in range(25)]
    assert "40 videos are of this file" in account.notes[0]


@pytest.mark.parametrize(
    "odd",
    [
        status(1, total=9000), status(1, 7, total=2), status(1, 2, state="uploaded", size=SIZE + 1),
        {"ingest": {"status": "uploading", "receivedBytes": [{"from": 0, "to": 9, "total": 20}]}},
    ],
)  # fmt: skip
def test_what_cannot_be_of_this_file_is_left_alone(odd: dict[str, Any]) -> None:
    """Another split, another size, another client's way: named in a warning, and neither gone on with nor taken for the video."""
    for skip in (False, True):
        account = Account([video("odd", 2), video("a", 1)], {"odd": odd, "a": BEGUN})
        match = account.search(skip=skip)
        assert match is not None
        assert match.video_id == "a"
        assert "odd bears the record of this file" in account.notes[0]


def test_what_another_file_of_this_machine_goes_into_is_not_joined() -> None:
    """A copy under another name becomes a video of its own; a complete one does for both."""
    account = Account([video("a")], {"a": BEGUN})
    assert account.search(taken=lambda: frozenset({"a"})) is None
    assert Account([video("a")], {"a": WHOLE}).search(skip=True, taken=lambda: frozenset({"a"})) is not None


def test_a_list_that_is_refused_ends_only_what_depends_on_it() -> None:
    """Not to know is no reason to upload what may be there; else it is a warning and a new video. A refused key ends either."""
    for status_, slug in ((400, "invalid-query-parameter"), (404, "unrecognized-request-url"), (418, "")):
        account = Account([video("a")], {"a": BEGUN})
        account.refuses = Reply(status_, slug, title="no")
        assert account.search() is None
        assert "could not be listed" in account.notes[0]
        with pytest.raises(Exception, match="it was refused") as caught:
            account.search(skip=True)
        assert "leave out --if-exists skip" in caught.value.advice  # type: ignore[attr-defined]
    account.refuses = Reply(403, "authorization-suspended-account", title="no")
    for skip in (False, True):
        with pytest.raises(Exception, match="it was refused") as caught:
            account.search(skip=skip)
        assert caught.value.code is ExitCode.AUTH  # type: ignore[attr-defined]
