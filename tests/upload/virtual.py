"""Uploads without a network: a pool whose time is told, not spent, and a server that is a few lines long. The files are real."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from vidup.api.credentials import ApiKey, Token
from vidup.errors import ExitCode
from vidup.events import Event
from vidup.plan.parts import MIB
from vidup.source.partbody import BLOCK
from vidup.source.videofile import open_video
from vidup.state.disk import Disk, OsDisk
from vidup.state.journal import StateFolder
from vidup.state.lock import Lock
from vidup.state.record import Record
from vidup.upload.acting import Acts, Backoff
from vidup.upload.crowd import Crowd
from vidup.upload.dispatcher import Dispatcher, Stopping
from vidup.upload.ending import World
from vidup.upload.exchange import Answer, Body, Kind, Request, Verb
from vidup.upload.health import RetryBudget
from vidup.upload.order import Order
from vidup.upload.outcome import Report
from vidup.upload.pacing import Pacer
from vidup.upload.roster import Roster
from vidup.upload.upload import Upload
from vidup.verdicts.judge import Reply
from vidup.verdicts.rules import TABLE

PART = 5 * MIB
BY_PART = "video-content-range-by-part-"
LOST = Reply(failure="answer-lost")
GONE = Reply(failure="no-answer", text="nobody took the connection")


_REFUSING: Final = 0.01
"""Seconds that it takes to hear that nobody takes the connection."""


class Later(NamedTuple):
    """An answer that comes so many seconds after what it is about has happened."""

    reply: Reply
    seconds: float


class Killed(BaseException):
    """The process is gone: nothing is tidied up."""


def good(**body: object) -> Reply:
    return Reply(200, promised=True, body=dict(body))


def refusal(slug: str) -> Reply:
    return Reply(400, slug, title="x")


def early(request: Request, reply: Reply) -> Reply:
    """This reply, by somebody who did not wait for the end of the body."""
    if request.body is not None:
        request.body.all_out = False
    return reply


class Server:
    """Makes videos, takes each part once, and lists what it took `lag` seconds ago, but for the parts that it never lists.

    `now` tells its time; `line` sets it.
    """

    def __init__(self, *, lag: float = 0.0, unlisted: Collection[int] = ()) -> None:
        self.lag = lag
        self.unlisted = unlisted
        self.now: Callable[[], float] = lambda: 0.0
        self.parts: dict[str, dict[int, float]] = {}
        self.totals: dict[str, int] = {}
        self.videos: dict[str, dict[str, object]] = {}

    def __call__(self, request: Request, worker: int) -> Reply:
        video_id = request.video_id
        match request.verb:
            case Verb.LOGIN | Verb.REFRESH:
                return good(access_token="tok", refresh_token="ref", expires_in=3600)
            case Verb.CREATE:
                video_id = self._create(request.payload)
            case Verb.PART:
                return self._take(video_id, request.part, int(request.content_range.rpartition("/")[2]))
            case Verb.STATUS:
                return good(ingest=self.ingest(video_id))
            case Verb.FIND:
                found = [video for video in self.videos.values() if _fits(video, request.payload)]
                return good(data=found)._replace(date=self.now())
        return good(**self.videos[video_id])

    def ingest(self, video_id: str) -> dict[str, object]:
        """What the status says of a video."""
        seen = self.now() - self.lag
        parts = sorted(part for part, stored in self.parts[video_id].items() if stored <= seen and part not in self.unlisted)
        total = self.totals.get(video_id) if parts else None
        state = "uploaded" if total is not None and len(parts) == total else "uploading"
        return {"status": state, "receivedParts": {"parts": parts, "total": total}}

    def _create(self, payload: Mapping[str, object]) -> str:
        video_id = f"vi{len(self.videos) + 1}"
        created = datetime.fromtimestamp(self.now(), UTC).isoformat()
        self.videos[video_id] = {**payload, "videoId": video_id, "createdAt": created}
        self.parts[video_id] = {}
        return video_id

    def _take(self, video_id: str, part: int, total: int) -> Reply:
        parts = self.parts[video_id]
        if len(parts) == self.totals.setdefault(video_id, total):
            return refusal("video-source-already-uploaded")
        if total != self.totals[video_id]:
            return refusal(f"{BY_PART}different-total-parts")
        if part in parts:
            return refusal(f"{BY_PART}part-already-sent")
        parts[part] = self.now()
        return good(videoId=video_id)


def _fits(video: Mapping[str, object], query: Mapping[str, object]) -> bool:
    """Whether a search finds this video."""
    entries = video.get("metadata")
    metadata = {f"metadata[{entry['key']}]": entry["value"] for entry in entries} if isinstance(entries, list) else {}
    asked = {name: value for name, value in query.items() if name == "title" or name.startswith("metadata")}
    return all(value == (video.get(name) if name == "title" else metadata.get(name)) for name, value in asked.items())


@dataclass(slots=True)
class _Errand:
    """A request with a worker: what is left of its body, and the answer once that is known, if it comes later."""

    request: Request
    began: float
    ends: float
    blocks: Iterator[memoryview]
    sent: int = 0
    answer: Answer | None = None


class VirtualPool:
    """Workers each of whom takes so many seconds for whatever it carries; what that comes to is told by who answers.

    Bodies are read as they would be sent. `asking`: seconds for requests without one, if not as for the others. `step`: seconds between
    two moments at which a slow line takes anything. `gone`: from when to when every connection is refused at once. `stop_at`, `killed_at`: when the run is asked to stop, and when the process is gone.
    """

    def __init__(self, paces: Sequence[float], answers: Callable[[Request, int], Reply | Later]) -> None:
        self.jobs = len(paces)
        self.paces = [*paces, min(paces)]  # one more, for questions
        self.answers = answers
        self.asking: float | None = None
        self.step = 0.0
        self.gone = (math.inf, math.inf)
        self.clock = 0.0
        self.stop_at = self.killed_at = math.inf
        self.carried: list[tuple[float, int, Request]] = []
        self.dropped: list[Request] = []
        self.part_began, self.part_ended = math.inf, 0.0
        self._at: dict[int, _Errand] = {}
        self._idle = list(range(len(paces)))

    @property
    def busy(self) -> int:
        return len(self._at)

    @property
    def beside(self) -> bool:
        return self.jobs in self._at

    @property
    def sent(self) -> Counter[int]:
        """How often each part was sent."""
        return Counter(request.part for _began, _worker, request in self.carried if request.verb is Verb.PART)

    def began(self, *verbs: Verb) -> list[float]:
        """When each request of these kinds began."""
        return [began for began, _worker, request in self.carried if request.verb in verbs]

    def prepare(self, count: int) -> None: ...

    def submit(self, request: Request, token: Token | None, sparing: frozenset[int]) -> None:
        worker = next((worker for worker in self._idle if worker not in sparing), self.jobs)
        if request.kind is Kind.READ and self.jobs > 1 and len(self._idle) == 1 and not self.beside:
            worker = self.jobs
        if worker == self.jobs:
            assert request.kind is not Kind.UPLOAD and worker not in self._at, "there is one more worker, for a question"
        else:
            self._idle.remove(worker)
        takes = self.paces[worker] if request.body is not None or self.asking is None else self.asking
        blocks = iter(request.body) if request.body is not None else iter(())
        self._at[worker] = errand = _Errand(request, self.clock, self.clock + takes, blocks)
        if self.is_gone(self.clock):
            errand.ends, errand.answer = self.clock + _REFUSING, Answer(request, early(request, GONE), None, worker, _REFUSING)
        self.carried.append((self.clock, worker, request))

    def is_gone(self, moment: float) -> bool:
        """Whether nothing answers at this moment."""
        return self.gone[0] <= moment < self.gone[1]

    def working(self) -> dict[int, float]:
        return {worker: self.clock - errand.began for worker, errand in self._at.items()}

    def drop(self, request: Request) -> None:
        self.dropped.append(request)
        for worker, errand in self._at.items():
            if errand.request == request:
                errand.ends, errand.answer = self.clock, Answer(request, LOST, None, worker, self.clock - errand.began)

    def next(self, timeout: float) -> Answer | None:
        until = self.clock + timeout
        while True:
            ends = [errand.ends for errand in self._at.values()]
            stop = [self.stop_at] if self.stop_at > self.clock else []
            moment = min([until, *ends, *stop, self.killed_at])
            assert moment < math.inf and (timeout > 0 or moment in ends), "nothing would ever happen"
            self.clock = moment
            if moment >= self.killed_at:
                raise Killed
            self._move()
            answer = self.ready()
            if answer is not None:
                return answer
            if moment in (until, self.stop_at):
                return None

    def ready(self) -> Answer | None:
        for worker in [worker for worker, errand in reversed(self._at.items()) if errand.ends <= self.clock]:
            answer = self._ended(worker)
            if answer is not None:
                del self._at[worker]
                self._idle += [worker] if worker < self.jobs else []
                return answer
        return None

    def _ended(self, worker: int) -> Answer | None:
        """The answer, unless it comes later."""
        errand = self._at[worker]
        if errand.answer is not None:
            return errand.answer
        request, seconds = errand.request, self.clock - errand.began
        said = self.answers(request, worker)
        reply, wait = said if isinstance(said, Later) else (said, 0.0)
        if request.body is not None and reply.failure == "no-answer":
            request.body.all_out = False
        if request.verb is Verb.PART and reply.promised:
            self.part_began, self.part_ended = min(self.part_began, errand.began), self.clock
        answer = Answer(request, reply, None, worker, seconds + wait)
        if wait:
            errand.ends, errand.answer = self.clock + wait, answer
            return None
        return answer

    def _move(self) -> None:
        """The bytes of bodies leave evenly, and the last of them at the end."""
        for worker, errand in self._at.items():
            if errand.answer is None and errand.request.body is not None:
                try:
                    self._send(errand, errand.request.body)
                except BaseException as raised:  # noqa: BLE001  the conductor decides what it means
                    seconds = self.clock - errand.began
                    errand.ends, errand.answer = self.clock, Answer(errand.request, None, raised, worker, seconds)

    def _send(self, errand: _Errand, body: Body) -> None:
        passed = self.clock - errand.began
        passed -= passed % self.step if self.step else 0.0
        due = len(body) * passed / (errand.ends - errand.began)
        while self.clock >= errand.ends or errand.sent + BLOCK <= due:
            block = next(errand.blocks, None)
            if block is None:
                break
            errand.sent += len(block)
        handed = PART if self.clock >= errand.ends else int(min(due, PART))
        if handed != body.handed:
            body.handed, body.moved_at = handed, self.clock


def line(server: Server, paces: Sequence[float], answers: Callable[[Request, int], Reply | Later] | None = None) -> VirtualPool:
    """A pool for a run at this server, which goes on at the time at which the last one ended."""
    pool = VirtualPool(paces, answers or server)
    pool.clock = server.now()
    server.now = lambda: pool.clock
    return pool


class _Held:
    """A lock that nobody else wants; the kernel frees it with the process, and here no process ends."""

    def release(self) -> None: ...


class _Folder(StateFolder):
    def lock(self, upload_id: str) -> Lock:
        return _Held()  # type: ignore[return-value]


def _growing(wait: float | Backoff) -> Backoff:
    return wait if callable(wait) else lambda _failures: wait


class Run:
    """Some uploads over one virtual line."""

    def __init__(
        self,
        pool: VirtualPool,
        orders: Sequence[Order],
        *,
        backoff: float | Backoff = 0.0,
        probes: float | Backoff = 0.0,
        disk: Disk | None = None,
    ) -> None:
        """Seconds after each failure, and between two probes of a line that is down; or how they grow."""
        waits, probing = _growing(backoff), _growing(probes)
        self.pool = pool
        self.told: list[Event] = []
        self.reports: list[Report] = []
        self.folder = _Folder(orders[0].state_dir, disk or OsDisk())
        acts, stop = Acts(TABLE, waits), lambda: pool.clock >= pool.stop_at
        world = World(open_video, self.folder, lambda: pool.clock, lambda: pool.clock, stop)
        self.crowd = Crowd([None] * len(orders))
        self.uploads = [
            Upload(number, order, world, acts, self.told.append, lambda report: bool(self.reports.append(report)) or True, self.crowd)  # type: ignore[func-returns-value]
            for number, order in enumerate(orders)
        ]
        self.roster = Roster(len(orders), self.uploads.__getitem__)
        self.dispatcher = Dispatcher(
            self.roster, pool, acts, RetryBudget(orders[0].retry_for), Pacer(waits, lambda: 0.0),
            probing, lambda: pool.clock, Stopping(stop, lambda: ExitCode.SIGINT), self.told.append, orders[0].base_url,
            not orders[0].key.delegated,
        )  # fmt: skip

    def run(self) -> list[Report]:
        """The reports, in the order in which the uploads ended."""
        self.dispatcher.run()
        return self.reports

    @property
    def record(self) -> Record:
        """The only record there is."""
        (record,) = self.folder.records()
        return record


def order(folder: Path, parts: int, jobs: int, *, name: str = "movie.mp4", retry_for: float = 900.0) -> Order:
    """An upload of a file without content, in parts of 5 MiB."""
    path = folder / name
    if not path.exists():
        with path.open("wb") as file:
            file.truncate(parts * PART)
    return Order(
        path=str(path), base_url="http://virtual", key=ApiKey("sk", "a test"), state_dir=folder / "state", jobs=jobs, part_size=PART,
        retry_for=retry_for,
    )  # fmt: skip
