"""The api.video of the simulated world: containers, parts that are admitted and then committed, a status that lags, tokens, limits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol

from tests.simulation import answers
from tests.simulation.clock import Clock
from tests.simulation.files import Content
from vidup.plan.parts import MAX_PARTS, MIN_PART
from vidup.upload.exchange import Kind, Request, Verb
from vidup.verdicts.judge import RateLimit, Reply

Respond = Callable[[Reply], None]

_BY_PART: Final = "video-content-range-by-part-"
_WINDOW: Final = 60.0


class Bearing(Protocol):
    """A token, as far as a server looks at it."""

    @property
    def bearer(self) -> str: ...

    @property
    def refresh(self) -> str: ...


class Habits(NamedTuple):
    """How this server always is, ill or well. Seconds, requests a minute.

    `lag` is how old a status is at most, `steady` whether always that much; `commit` how long after its admission a part is stored,
    and `eager` whether it is answered before that. `careless`: what was admitted is stored without another look, whatever came between.
    `lists` is exact, unfiltered (every video of the account) or late (as old as `lag`).
    """

    lag: float = 0.0
    steady: bool = True
    commit: float = 0.0
    eager: bool = False
    careless: bool = False
    token_life: int = 3600
    limits: tuple[tuple[Kind, int], ...] = ()
    lists: str = "exact"
    tells_size: bool = True
    tells_missing: bool = False


class Video:
    """A container: what it was created with, and when each of its parts was stored."""

    __slots__ = ("admitted", "created", "gone", "id", "log", "metadata", "parts", "run", "title", "total", "upload")

    def __init__(self, video_id: str, upload: int, run: int, title: str, metadata: list[object], created: float) -> None:
        self.id = video_id
        self.upload = upload
        self.run = run
        self.title = title
        self.metadata = metadata
        self.created = created
        self.gone = False
        self.total: int | None = None
        self.parts: dict[int, Content] = {}
        self.admitted = 0
        self.log: list[tuple[float, int]] = []

    @property
    def complete(self) -> bool:
        """Whether all its parts are stored; no number above the total ever is."""
        return self.total is not None and len(self.parts) == self.total

    @property
    def size(self) -> int:
        """Bytes of all that is stored."""
        return sum(content.length for content in self.parts.values())

    def refusal(self, number: int, total: int | None, length: int) -> tuple[str, str]:
        """The slug (with its detail) that this part meets now, or nothing."""
        if self.complete:
            return "video-source-already-uploaded", ""
        if total is not None and total > MAX_PARTS:
            return _BY_PART + "total-parts-too-high", f"The maximum number of parts allowed is {MAX_PARTS}."
        ceiling = self.total or total or MAX_PARTS
        if self.total is not None and total not in (None, self.total):
            return _BY_PART + "different-total-parts", f'The "total_parts" you already set for this video is {self.total}.'
        if number > ceiling:
            return _BY_PART + "part-too-high-total", f"The maximum number of parts allowed for a video is {ceiling}."
        if number in self.parts:
            return _BY_PART + "part-already-sent", f"The part number {number} has already been sent."
        if self.total is None and total is not None and max(self.parts, default=0) >= total:
            return _BY_PART + "total-parts-too-low", ""
        if length < MIN_PART and number != total:
            return _BY_PART + "uploaded-file-too-small", ""
        return "", ""


class Server:
    """Everything that outlives a run at the other end of the line. It answers honestly; what happens to answers is the network's business."""

    def __init__(self, clock: Clock, habits: Habits) -> None:
        self.clock = clock
        self.habits = habits
        self.lag_at_most = float("inf")
        self.encoding: Callable[[Video, float], dict[str, object]] = lambda _video, _moment: {"playable": False, "qualities": []}
        self.videos: dict[str, Video] = {}
        self._limits = dict(habits.limits)
        self._used: dict[Kind, int] = {}
        self._window = 0.0
        self._bearers: dict[str, float] = {}
        self._refreshes: set[str] = set()
        self._issued = 0
        self.expired = False
        """Whether the upload token is good no more."""

    def create(self, title: str = "", metadata: object = None, upload: int = -1) -> Video:
        """A new, empty container."""
        entries = list(metadata) if isinstance(metadata, list | tuple) else []
        video = Video(f"vi{len(self.videos) + 1}", upload, self.clock.run, title, entries, self.clock.true_wall())
        self.videos[video.id] = video
        return video

    def receive(self, request: Request, token: Bearing | None, content: Content | None, respond: Respond) -> None:
        """A whole request has arrived; its answer goes to `respond`, now or once a part is stored."""
        refusal = self._refusal(request, token)
        if refusal is not None:
            respond(self._marked(request, refusal))
        elif content is not None:
            self._take_part(request, content, lambda reply: respond(self._marked(request, reply)))
        else:
            respond(self._marked(request, self._answer(request, token)))

    def store(self, video: Video, number: int, total: int | None, content: Content, *, admitted: bool = False) -> tuple[str, str]:
        """Commit a part if nothing speaks against it any more; else the slug and detail that it meets.

        `admitted` is enough for a server that does not look again, unless the number is taken or the video whole.
        """
        careless = admitted and number not in video.parts and not video.complete
        refusal = ("", "") if careless else video.refusal(number, total, content.length)
        if not refusal[0]:
            video.total = video.total or total
            video.parts[number] = content
            video.log.append((self.clock.now(), number))
        return refusal

    def revoke(self) -> None:
        """No token given out so far is good any more."""
        self._bearers.clear()
        self._refreshes.clear()

    def forget_refreshes(self) -> None:
        """Tokens stay good, but none can be renewed."""
        self._refreshes.clear()

    def seconds_left(self) -> float:
        """Until the windows of all limits begin anew."""
        return self._window + _WINDOW - self.clock.now()

    def _refusal(self, request: Request, token: Bearing | None) -> Reply | None:
        if self.clock.now() >= self._window + _WINDOW:
            self._window = self.clock.now()
            self._used.clear()
        used = self._used.get(request.kind, 0)
        limit = self._limits.get(request.kind)
        if limit is not None and used >= limit:
            return answers.too_many(limit, self.seconds_left(), self.clock.true_wall())
        self._used[request.kind] = used + 1
        if request.verb in (Verb.LOGIN, Verb.REFRESH):
            return None
        if token is None and request.verb is Verb.PART:  # by the upload token alone
            if self.expired:
                return answers.refused("authentication-invalid-upload-token")
        elif token is None or self._bearers.get(token.bearer, 0.0) <= self.clock.now():
            return answers.refused("authentication-invalid-access-token")
        if request.video_id and (request.video_id not in self.videos or self.videos[request.video_id].gone):
            return answers.refused("resource-not-found")
        return None

    def _marked(self, request: Request, reply: Reply) -> Reply:
        limit = self._limits.get(request.kind)
        if limit is not None and reply.status != 429:
            left = max(0, limit - self._used.get(request.kind, 0))
            reply = reply._replace(rate=RateLimit(limit, left, self.seconds_left()))
        return reply._replace(date=self.clock.true_wall())

    def _take_part(self, request: Request, content: Content, respond: Respond) -> None:
        video = self.videos[request.video_id] if request.video_id else self.create("by token", upload=request.upload)
        number, _, told = request.content_range.removeprefix("part ").partition("/")
        total = None if told == "*" else int(told)
        assert int(number) == request.part, f"{request.content_range} is not part {request.part}"

        def commit() -> None:
            video.admitted -= 1
            outcome = self.store(video, int(number), total, content, admitted=self.habits.careless)
            if not self.habits.eager:
                answer(*outcome)

        def answer(slug: str, detail: str) -> None:
            respond(answers.refused(slug, detail) if slug else answers.good(201, self._object(video)))

        refusal = video.refusal(int(number), total, content.length)
        if refusal[0]:
            answer(*refusal)
        else:
            video.admitted += 1
            if self.habits.eager:
                answer("", "")
            self.clock.after(self.habits.commit and self.clock.rng.uniform(0.0, self.habits.commit), commit)

    def _answer(self, request: Request, token: Bearing | None) -> Reply:
        if request.verb is Verb.LOGIN:
            return self._new_token()
        if request.verb is Verb.REFRESH:
            return self._renewed(token)
        if request.verb is Verb.CREATE:
            title = str(request.payload.get("title", ""))
            return answers.good(201, self._object(self.create(title, request.payload.get("metadata"), request.upload)))
        if request.verb is Verb.FIND:
            return answers.good(200, self._found(request))
        video = self.videos[request.video_id]
        if request.verb is Verb.STATUS:
            return answers.good(200, self._status(video))
        if request.verb is Verb.DELETE:
            video.gone = True
            return answers.good(204, None)
        assert request.verb is Verb.VIDEO, f"nobody answers {request.verb}"
        return answers.good(200, self._object(video))

    def _new_token(self) -> Reply:
        self._issued += 1
        bearer, refresh = f"bearer-{self._issued}", f"refresh-{self._issued}"
        self._bearers[bearer] = self.clock.now() + self.habits.token_life
        self._refreshes.add(refresh)
        body: dict[str, object] = {
            "token_type": "Bearer", "expires_in": self.habits.token_life, "access_token": bearer, "refresh_token": refresh,
        }  # fmt: skip
        return answers.good(200, body)

    def _renewed(self, token: Bearing | None) -> Reply:
        if token is None or token.refresh not in self._refreshes:
            return answers.refused("authentication-invalid-refresh-token")
        self._refreshes.discard(token.refresh)
        return self._new_token()

    def _as_of(self) -> float:
        lag = min(self.habits.lag, self.lag_at_most)
        return self.clock.now() - (lag if self.habits.steady or not lag else self.clock.rng.uniform(0.0, lag))

    def _status(self, video: Video) -> dict[str, object]:
        moment = self._as_of()
        parts = [number for when, number in video.log if when <= moment]
        whole = video.total is not None and len(parts) == video.total
        ingest: dict[str, object] = {
            "filesize": video.size if whole and self.habits.tells_size else None,
            "receivedBytes": [],
            "receivedParts": {"parts": parts, "total": video.total if parts else None},
        }
        if parts or self.habits.tells_missing:
            ingest["status"] = "uploaded" if whole else "uploading" if parts else "missing"
        return {"ingest": ingest, "encoding": self.encoding(video, moment)}

    def _found(self, request: Request) -> dict[str, object]:
        moment = self._as_of() - self.clock.now() + self.clock.true_wall() if self.habits.lists == "late" else self.clock.true_wall()
        found = [video for video in self.videos.values() if not video.gone and video.created <= moment]
        if self.habits.lists != "unfiltered":
            found = [video for video in found if _matches(video, request)]
        size, page = _count(request, "pageSize", 25), _count(request, "currentPage", 1)
        found.reverse()
        shown = found[(page - 1) * size : page * size]
        pages = {"currentPage": page, "pageSize": size, "pagesTotal": -(-len(found) // size), "itemsTotal": len(found)}
        return {"data": [self._object(video) for video in shown], "pagination": pages}

    @staticmethod
    def _object(video: Video) -> dict[str, object]:
        created = datetime.fromtimestamp(video.created, UTC).isoformat()
        return {
            "videoId": video.id, "title": video.title, "metadata": video.metadata, "createdAt": created, "public": True,
            "assets": {"player": f"https://embed.invalid/{video.id}"},
        }  # fmt: skip


def _matches(video: Video, request: Request) -> bool:
    for key, value in request.payload.items():
        if key == "title" and str(value) not in video.title:
            return False
        if key.startswith("metadata[") and {"key": key[9:-1], "value": value} not in video.metadata:
            return False
    return True


def _count(request: Request, name: str, otherwise: int) -> int:
    return int(str(request.payload.get(name, otherwise)))
