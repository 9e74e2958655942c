"""The whole world of one story: server, files, disk and weather around one clock, and what the client was told so far."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple, Protocol

from tests.simulation.clock import Clock
from tests.simulation.disk import MemoryDisk
from tests.simulation.files import FakeVideo, Files
from tests.simulation.server import Server
from tests.simulation.weather import FINE, Weather
from vidup.api.ledger import LAG
from vidup.upload.exchange import Answer, Request, Verb

USUAL_LAG: Final = 45.0
"""Seconds that a status may be old while nothing is wrong."""


class Line(Protocol):
    """What a run's requests go through, as far as the end of the run concerns it."""

    def hang_up(self) -> None: ...


class Sent(NamedTuple):
    """One request that a run made: when (clock seconds), in which run, for which upload, what."""

    at: float
    run: int
    upload: int
    verb: Verb


class Refusal(NamedTuple):
    """A 4xx or untrusted line that a run was told of, and when. `stored`: the part it is about was on the server all the same."""

    at: float
    run: int
    upload: int
    verb: Verb
    status: int | None
    slug: str
    wordless: bool
    stored: bool


class World(Clock):
    """Everything outside the machine. The harness begins and ends runs; in between the machine calls `open_source`, `disk` and the pool."""

    def __init__(self, seed: int, severity: int | None = None) -> None:
        super().__init__(seed)
        self.weather = Weather(self.rng, severity)
        self.server = Server(self, self.weather.habits)
        self.files = Files(self)
        self.disk = MemoryDisk(self, self.files.named)
        self.pool: Line | None = None
        self.uploads: tuple[int, ...] = tuple(range(100))
        self.delegated = False
        """Whether the story is one of an upload token."""
        self.sent: list[Sent] = []
        self.turns: list[tuple[bool, int, Verb]] = []
        """What the first run sent (True) and was answered, in order: for which upload."""
        self.good_at: list[float] = []
        self.refusals: list[Refusal] = []
        self.tried: set[tuple[str, int]] = set()
        """Parts that some run began to send."""
        self.limited: set[int] = set()
        """Runs that were answered 429."""
        self.given_out: set[str] = set()
        """Videos of which this run has told that there is nothing left to do."""
        self.forgotten: set[tuple[int, str]] = set()
        """(run, video) where a run that was killed had told so, and no record tells of the video any more."""
        self.creates: Counter[int] = Counter()
        self.created: Counter[int] = Counter()
        """By upload: how many creates were sent, and how many of their good answers a run lived to write down."""
        self.unnamed: Counter[tuple[int, int]] = Counter()
        """By upload and run: first parts that went out with an upload token and whose answer got lost."""
        self.resent: list[tuple[float, int, int, str, int]] = []
        """(when, run, upload, video, part) of every part begun though the client had been told that it is stored."""
        self._known: set[tuple[str, int]] = set()
        self._fresh: set[tuple[str, int]] = set()
        self._accepted: dict[tuple[str, int], float] = {}
        """Parts known by their own answer alone, and since when."""
        self._fresh_creates: list[int] = []
        self._this_run: set[tuple[str, int]] = set()
        self._refused_before = 0

    def open_source(self, path: str) -> FakeVideo:
        """Open a file to upload. Raises VidupError(FILE) if it is missing or empty."""
        return self.files.open(path)

    def fate(self, request: Request) -> str:
        """What happens to a request that goes out now: what strikes everybody, else what the dice say."""
        if self.healed or self.weather.over(self.now()):
            return FINE
        auth = request.verb in (Verb.LOGIN, Verb.REFRESH)
        window = self.weather.window(self.now())
        reaches = {"limited": request.verb is Verb.PART, "login down": auth, "refresh refused": request.verb is Verb.REFRESH}
        if window and reaches.get(window, True):
            return window
        fate = self.weather.fate(self.rng, request.verb, self.now())
        return FINE if fate == "401" and auth else fate

    def heal(self) -> None:
        """From now on nothing goes wrong any more; what was done to files and records stays done, and a status may lag as any may."""
        self.healed = True
        self.server.lag_at_most = USUAL_LAG
        self.server.expired = False
        self.disk.free()

    def by_token(self) -> None:
        """The story is one of an upload token."""
        self.delegated = True
        self.weather.by_token()
        self.server.habits = self.weather.habits

    def whose(self, request: Request) -> int:
        """The upload that a request is for, by its number in the first command: a later one may name only what is left. -1: the line."""
        return self.uploads[request.upload] if request.upload >= 0 else -1

    def told_stored(self, video_id: str, part: int) -> bool:
        """Whether the client was told that this part is stored, and lived to write it down where it has not been lost since."""
        mine = (video_id, part)
        if self.now() - self._accepted.get(mine, self.now()) >= LAG:
            return False  # accepted, and not listed for so long that it may be lost
        return mine in self._known or mine in self._fresh

    def submitted(self, request: Request) -> None:
        """A run has made this request."""
        whose = self.whose(request)
        self.sent.append(Sent(self.now(), self.run, whose, request.verb))
        if self.run == 1:
            self.turns.append((True, whose, request.verb))
        if request.verb is Verb.CREATE or (request.verb is Verb.PART and not request.video_id):
            self.creates[whose] += 1
        if request.verb is Verb.PART:
            self.tried.add((request.video_id, request.part))
        if request.verb is Verb.PART and self.told_stored(request.video_id, request.part):
            self.resent.append((self.now(), self.run, whose, request.video_id, request.part))

    def delivered(self, answer: Answer) -> None:
        """A run was handed this answer."""
        request, reply = answer.request, answer.reply
        if self.run == 1:
            self.turns.append((False, self.whose(request), request.verb))
        if reply is None:
            return
        made = request.verb is Verb.PART and not request.video_id
        if made and request.may_have_acted and not reply.promised and (reply.status is None or reply.status < 300):
            self.unnamed[self.whose(request), self.run] += 1
        if reply.promised:
            self.good_at.append(self.now())
            self._learn(request, reply.body or {})
        elif reply.status == 429:
            self.limited.add(self.run)
        elif reply.failure in ("certificate-not-trusted", "proxy-wants-password") or 400 <= (reply.status or 0) < 500:
            video = self.server.videos.get(request.video_id)
            stored = video is not None and request.part in video.parts
            wordless = not (reply.slug or reply.title or reply.failure)
            slug = reply.slug or reply.failure
            if self.delegated and "already" in slug:  # with an upload token that is the answer that had got lost
                self.news()
                self.confirmed()
            self.refusals.append(Refusal(self.now(), self.run, self.whose(request), request.verb, reply.status, slug, wordless, stored))

    def settled(self) -> None:
        """The run came back for more, so it has written down what it was told before."""
        if self._fresh or self._fresh_creates:
            self._known |= self._fresh
            self._this_run |= self._fresh
            self._fresh = set()
            self.created.update(self._fresh_creates)
            self._fresh_creates = []

    def begin(self) -> None:
        """A new process begins."""
        super().begin()
        self._fresh, self._fresh_creates, self._this_run = set(), [], set()
        self.given_out = set()
        self._refused_before = self.disk.refused

    def end(self, *, killed: bool) -> None:
        """The process is gone: by itself, having written down what it knows, or killed."""
        if not killed:
            self.settled()
        else:
            self.forgotten |= {(self.run, video_id) for video_id in self.given_out if not self.disk.tells_of(video_id)}
        self.news()
        self.confirmed()
        self._fresh, self._fresh_creates = set(), []
        if self.disk.refused > self._refused_before:  # what could not be written is not known to the next run
            self._known -= self._this_run
        if self.pool is not None:
            self.pool.hang_up()
            self.pool = None
        self.dead = False

    def lose_power(self) -> None:
        """What is not on a platter is gone; nothing waits for that in the record of a file of one part, whose answer may so be forgotten."""
        self.disk.lose_power()
        small = {video.id for video in self.server.videos.values() if video.total in (None, 1)}  # None: it stores what it took later
        self._known -= {mine for mine in self._this_run if mine[0] in small}

    def damage(self, *, whole: bool) -> None:
        """A line of a record, or a whole record, is lost, and with it what the client knew."""
        if self.disk.damage(whole=whole):
            self._known.clear()

    def _learn(self, request: Request, body: dict[str, object]) -> None:
        if request.verb is Verb.PART:
            if not request.video_id:  # with an upload token it makes the video
                self._fresh_creates.append(self.whose(request))
            parts = {(request.video_id or str(body["videoId"]), request.part)}
            for mine in parts:
                self._accepted.setdefault(mine, self.now())
        elif request.verb is Verb.STATUS:
            parts = {(request.video_id, number) for number in _listed(body)}
            for listed in parts:
                self._accepted.pop(listed, None)
        else:
            parts = set()
            if request.verb is Verb.CREATE:
                self._fresh_creates.append(self.whose(request))
        parts -= self._known
        if parts or request.verb is not Verb.STATUS:
            self.news()
        if request.verb is Verb.PART:
            self.confirmed()
        self._fresh |= parts


def _listed(body: dict[str, object]) -> list[int]:
    ingest = body["ingest"]
    assert isinstance(ingest, dict)
    parts: list[int] = ingest["receivedParts"]["parts"]
    return parts
