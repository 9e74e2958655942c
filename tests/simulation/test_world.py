"""The simulated world keeps its own promises: one seed is one story, and every part of it behaves as the real thing is documented to."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.simulation import simple
from tests.simulation.clock import Flag, Stuck
from tests.simulation.files import FakeVideo
from tests.simulation.harness import judge, play
from tests.simulation.network import ANSWER_TIMEOUT, TIMEOUT, FakePool
from tests.simulation.server import Habits, Server
from tests.simulation.trouble import FILE_CHANGES, change_file
from tests.simulation.weather import Weather
from tests.simulation.world import World
from vidup.errors import Cancelled, ExitCode, VidupError
from vidup.plan.parts import MIB, Plan
from vidup.source.videofile import FileChanged
from vidup.upload.exchange import Answer, Request, Verb
from vidup.verdicts.judge import Reply

A = "/videos/a.mp4"
NOBODY: frozenset[int] = frozenset()


class Token:
    """What a login gave."""

    bearer = "bearer-1"
    refresh = "refresh-1"


class Client:
    """A hand on the pool of a clear world with one video of three parts, logged in, its container made."""

    def __init__(self, habits: Habits | None = None, jobs: int = 2) -> None:
        self.world = World(1, severity=0)
        if habits is not None:
            self.world.server = Server(self.world, habits)
        self.world.files.make(A, 16 * MIB)
        self.world.begin()
        self.pool = FakePool(self.world, jobs)
        self.plan = Plan(16 * MIB, 3)
        self.video = self.world.open_source(A)
        self.ask(Request(Verb.LOGIN))
        self.ask(Request(Verb.CREATE, 0, payload={"title": "a"}))

    def fates(self, *fates: str) -> None:
        """What happens to the next requests."""
        coming = list(fates)
        self.world.fate = lambda request: coming.pop(0) if coming else "fine"  # type: ignore[method-assign]

    def part(self, number: int, video: FakeVideo | None = None) -> Request:
        """A part on its way."""
        body = (video or self.video).body(self.plan.part(number), Flag())
        request = Request(Verb.PART, 0, "vi1", number, self.plan.content_range(number), body)
        self.pool.submit(request, Token, NOBODY)
        return request

    def ask(self, request: Request) -> Reply:
        """A request and its answer."""
        self.pool.submit(request, Token, NOBODY)
        return self.answer().reply or Reply()

    def answer(self) -> Answer:
        """The next answer, however long it takes."""
        while (answer := self.pool.next(1000.0)) is None:
            pass
        return answer

    def reply(self) -> Reply:
        """The next answer's reply."""
        return self.answer().reply or Reply()

    def listed(self) -> object:
        """The parts that a status lists."""
        ingest = (self.ask(Request(Verb.STATUS, 0, "vi1")).body or {})["ingest"]
        assert isinstance(ingest, dict)
        return ingest["receivedParts"]["parts"]


@pytest.mark.parametrize("seed", range(0, 40, 4))
def test_one_seed_is_one_story(seed: int) -> None:
    """The same seed tells the same story to the last word, and another seed another one."""
    assert str(play(seed, simple.run)) == str(play(seed, simple.run)) != str(play(seed + 1, simple.run))


def test_an_honest_client_breaks_nothing() -> None:
    """A client that asks before it sends again gets through every weather without a breach, so the invariants ask for nothing impossible."""
    stories = [judge(seed, simple.run) for seed in range(900)]
    # one file after the other, each with the whole budget and a log in of its own: only with one file does that end in time, leave the
    # next one alone, and ask for nothing more once the key is refused
    apart = ("every_run_ends", "one_disaster", "what_concerns_all")
    found = [
        (story.world.seed, words)
        for story, found in stories
        for words in found
        if not words.startswith(("lost_answers", "a_wait_ends"))  # it waits for nothing
        and not story.happened(0, frozenset({"other writer"}))
        and (len(story.command.paths) == 1 or not words.startswith(apart))
    ]
    assert found == []
    assert {code for story, _ in stories for run in story.runs for code in (run.exit_code,)} >= {0, 3, 5, 6, 75, 130, None}


def test_a_part_is_sent_block_by_block_in_virtual_time_and_stored_once() -> None:
    """A part's body moves, is stored, listed, and refused when it comes again."""
    client = Client()
    before = client.world.now()
    request = client.part(2)
    assert client.reply()[:8] == (201, "", "", "", "", (), "", True)
    assert request.body is not None
    assert request.body.all_out
    assert request.body.handed == client.plan.part_size
    assert client.world.now() > before
    assert client.listed() == [2]
    client.part(2)
    assert client.reply().slug == "video-content-range-by-part-part-already-sent"


def test_a_whole_set_is_one_version_of_the_file() -> None:
    """When all parts are stored, another part is refused, and the parts are the file."""
    client = Client()
    for number in (3, 1, 2):
        client.part(number)
        assert client.reply().status == 201
    client.part(1)
    assert client.reply().slug == "video-source-already-uploaded"
    assert [content.length for content in client.world.server.videos["vi1"].parts.values()] == [
        client.plan.part(n).length for n in (3, 1, 2)
    ]


def test_a_status_lags_and_a_commit_comes_after_admission() -> None:
    """A second copy that arrives before the first is stored is refused only at its own commit; a status is as old as the lag."""
    client = Client(Habits(lag=30.0, commit=20.0))
    client.fates("doubled second")
    client.part(1)
    assert client.reply().slug == "video-content-range-by-part-part-already-sent"
    assert client.listed() == []
    client.world.wait(30.0)
    assert client.listed() == [1]


@pytest.mark.parametrize(
    ("fate", "failure", "status", "stored"),
    [
        ("lost", "answer-lost", None, True), ("lost silently", "answer-lost", None, True), ("unheard", "answer-lost", None, False),
        ("broken", "", 201, True), ("empty", "", 204, True), ("reset", "no-answer", None, False), ("stalled", "no-answer", None, False),
        ("outage", "no-answer", None, False), ("black hole", "no-answer", None, False), ("storm", "", 503, False), ("413", "", 413, False),
        ("limited", "", 429, False), ("certificate", "certificate-not-trusted", None, False), ("407", "proxy-wants-password", None, False),
        ("doubled first", "", 201, True), ("late", "", 201, True),
    ],
)  # fmt: skip
def test_each_fault_does_what_it_says(fate: str, failure: str, status: int | None, stored: bool) -> None:
    """What the client is told of a part, and whether the server has it."""
    client = Client()
    client.fates(fate)
    client.part(1)
    reply = client.reply()
    assert (reply.failure, reply.status, reply.promised) == (failure, status, status == 201 and fate != "broken")
    assert (1 in client.world.server.videos["vi1"].parts) is stored


def test_silence_ends_with_the_timeouts() -> None:
    """Without an answer a part ends 300 s after its last byte, a request without a body after 60 s."""
    client = Client()
    client.fates("lost silently", "unheard")
    client.part(1)
    assert client.answer().seconds > ANSWER_TIMEOUT
    before = client.world.now()
    assert client.ask(Request(Verb.STATUS, 0, "vi1")).failure == "answer-lost"
    assert TIMEOUT <= client.world.now() - before < TIMEOUT + 1.0


def test_next_passes_time_hears_a_stop_and_spares_workers() -> None:
    """`next` takes as long as it was told, a little at least, or until a stop; a spared worker gets nothing."""
    client = Client()
    before = client.world.now()
    assert client.pool.next(5.0) is None
    assert client.world.now() == before + 5.0
    assert client.pool.next(0.0) is None
    assert client.world.now() > before + 5.0
    client.world.after(2.0, client.world.stop.set)
    assert client.pool.next(50.0) is None
    assert client.world.now() < before + 8.0
    client.fates("outage", "outage")
    client.pool.submit(Request(Verb.PART, 0, "vi1", 1), Token, frozenset({0}))
    assert list(client.pool.working()) == [1]
    client.pool.submit(Request(Verb.PART, 0, "vi1", 1), Token, frozenset({0}))
    assert client.pool.busy == 2
    assert [client.answer().worker, client.answer().worker] == [1, 1]


def test_a_dropped_request_comes_back_at_once() -> None:
    """Its answer is lost, and the server may have the part all the same."""
    client = Client()
    client.fates("lost silently")
    request = client.part(1)
    assert client.pool.next(30.0) is None
    before = client.world.now()
    client.pool.drop(request)
    assert client.reply().failure == "answer-lost"
    assert client.world.now() == before
    assert client.listed() == [1]


@pytest.mark.parametrize("kind", sorted(set(FILE_CHANGES) - {"copied", "replaced"}))
def test_a_changed_file_never_completes_a_part(kind: str) -> None:
    """A change in place while a part is sent is the answer's error, and the server keeps nothing of it."""
    client = Client()
    client.world.after(0.001, lambda: change_file(client.world, 0, A, kind))
    client.part(1)
    assert isinstance(client.answer().error, FileChanged)
    assert client.world.server.videos["vi1"].parts == {}


def test_an_open_file_outlives_its_name() -> None:
    """A file that replaces another does not change what is open; a new descriptor is of the new one."""
    client = Client()
    change_file(client.world, 0, A, "replaced")
    client.part(1)
    assert client.reply().status == 201
    again = client.world.open_source(A)
    assert again.inode != client.video.inode
    assert again.fingerprint() != client.video.fingerprint()
    assert client.world.files.versions[A][0].holds(client.world.server.videos["vi1"].parts[1])


def test_a_fingerprint_sees_some_changes_and_a_copy_is_the_same() -> None:
    """What it does not look at it does not see; a stop ends it; what is missing cannot be opened."""
    client = Client()
    world, before = client.world, client.video.fingerprint()
    for kind, same in (("written unseen", True), ("copied", True), ("written", False)):
        change_file(world, 0, A, kind)
        assert (world.open_source(A).fingerprint() == before) is same
    with pytest.raises(Cancelled):
        client.video.fingerprint(lambda: True)
    with pytest.raises(VidupError) as missing:
        world.open_source("/videos/none.mp4")
    assert missing.value.code is ExitCode.FILE


def test_a_cut_body_is_an_error_and_reaches_nobody() -> None:
    """A body whose upload is stopped raises at its next block."""
    client, cut = Client(), Flag()
    client.world.after(0.001, cut.set)
    client.pool.submit(Request(Verb.PART, 0, "vi1", 1, "part 1/3", client.video.body(client.plan.part(1), cut)), Token, NOBODY)
    assert isinstance(client.answer().error, Cancelled)
    assert client.listed() == []


def test_what_is_out_at_a_kill_may_arrive_and_what_is_not_never_does() -> None:
    """The server goes on with whole bodies after the client is gone, and drops those that were cut."""
    arrived = set()
    for seconds in (0.0, 30.0):
        client = Client(Habits(commit=20.0))
        client.fates("lost silently")
        client.part(1)
        client.pool.next(seconds)
        client.world.end(killed=True)
        client.world.wait(60.0)
        arrived.add((seconds, 1 in client.world.server.videos["vi1"].parts))
    assert arrived == {(0.0, False), (30.0, True)}


def test_limits_and_tokens_are_kept() -> None:
    """Over the limit is 429 with the headers; an expired, unknown or revoked token is 401, and is renewed once by its refresh."""
    client = Client(Habits(token_life=100))
    renewed = client.ask(Request(Verb.REFRESH))
    assert renewed.promised
    assert client.ask(Request(Verb.REFRESH)).slug == "authentication-invalid-refresh-token"
    client.world.wait(100.0)
    assert client.ask(Request(Verb.STATUS, 0, "vi1")).slug == "authentication-invalid-access-token"
    client = Client(Habits(limits=((Request(Verb.STATUS).kind, 1),)))
    assert client.ask(Request(Verb.STATUS, 0, "vi1")).rate[:2] == (1, 0)
    refused = client.ask(Request(Verb.STATUS, 0, "vi1"))
    assert refused.status == 429
    assert 0 < (refused.retry_after or 0.0) <= 60


def test_a_list_is_filtered_unfiltered_or_late() -> None:
    """By title and metadata, unless this server ignores filters; a late one does not know what is new."""
    for lists, found in (("exact", ["vi3"]), ("unfiltered", ["vi3", "vi2", "vi1"]), ("late", [])):
        client = Client(Habits(lists=lists, lag=30.0))
        for value in ("x", "y"):
            client.ask(Request(Verb.CREATE, 0, payload={"title": "a", "metadata": [{"key": "nonce", "value": value}]}))
        body = client.ask(Request(Verb.FIND, payload={"title": "a", "metadata[nonce]": "y"})).body or {}
        assert [video["videoId"] for video in body["data"]] == found  # type: ignore[attr-defined]


def test_a_healed_world_is_fine_and_lags_as_any() -> None:
    """After `heal` the worst weather strikes nobody, the disk has room, and a status is at most 45 s old."""
    client = Client(Habits(lag=120.0))
    client.part(1)
    assert client.reply().status == 201
    world = client.world
    world.weather = Weather(Random(7), severity=3)
    world.disk.fill(1)
    world.heal()
    world.wait(45.0)
    assert client.listed() == [1]
    assert {world.fate(Request(verb)) for verb in Verb for _ in range(50)} == {"fine"}
    world.disk.create(Path("/state/a.jsonl"), b"")


def test_a_run_that_spins_is_stuck() -> None:
    """Steps without end raise, however little time they take."""
    client = Client()
    with pytest.raises(Stuck):
        while True:
            client.pool.next(0.0)
