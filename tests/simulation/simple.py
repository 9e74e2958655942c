"""The smallest honest client, by which the world itself is proven: one request at a time, a record, a status before anything is sent."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Final, NamedTuple

from tests.simulation import manifest
from tests.simulation.clock import Flag
from tests.simulation.files import FakeVideo
from tests.simulation.network import FakePool
from tests.simulation.runs import Command, Ending
from tests.simulation.world import World
from vidup.errors import VidupError
from vidup.plan.parts import MIB, Plan
from vidup.upload.exchange import Body, Request, Verb
from vidup.verdicts.judge import Reply

FOLDER: Final = Path("/state")


class _Ended(Exception):
    """An upload ends with this exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class _Token(NamedTuple):
    bearer: str
    refresh: str = ""


class _Record(NamedTuple):
    video_id: str
    fingerprint: str
    written: tuple[int, int]
    total: int


def run(world: World, command: Command) -> tuple[int, list[Ending]]:
    """One process, as `harness.MakeRun` wants it; of a server that answers when a part is stored, for it takes an answer for that."""
    world.server.habits = world.server.habits._replace(eager=False, careless=False)
    line = _Line(world, FakePool(world, command.jobs), command.retry_for)
    endings = []
    for number, upload, path in zip(range(len(command.paths)), command.uploads, command.paths, strict=True):
        endings.append(_Upload(line, command, number, upload, path).end())
    codes = [ending.exit_code for ending in endings if ending.exit_code]
    return 130 if 130 in codes else next((code for code in codes if code != 75), 75 if codes else 0), endings


class _Line:
    """Requests one after the other, each tried until the budget is used up."""

    def __init__(self, world: World, pool: FakePool, budget: float) -> None:
        self.world = world
        self.pool = pool
        self.budget = budget
        self.last_news = world.now()
        self.token: _Token | None = None

    def once(self, request: Request) -> Reply:
        """One answer. Raises _Ended(130) when a stop is asked for, and what the body raises."""
        if self.token is None and request.verb is not Verb.LOGIN:
            body = self.ask(Request(Verb.LOGIN)).body or {}
            self.token = _Token(str(body["access_token"]))
        self.pool.submit(request, self.token, frozenset())
        while (answer := self.pool.next(60.0)) is None:
            self.stop_if_asked()
        if answer.error is not None:
            raise answer.error
        assert answer.reply is not None
        return answer.reply

    def ask(self, request: Request) -> Reply:
        """A promised answer, however often it takes. Raises _Ended."""
        for tries in range(2 if request.verb is Verb.CREATE else 1000):
            self.look()
            reply = self.once(request)
            if reply.promised:
                return reply
            self.wait(reply, tries)
        raise _Ended(75)

    def wait(self, reply: Reply, tries: int) -> None:
        """Wait as this answer asks. Raises _Ended if it is final or the patience is at its end."""
        if reply.status == 401 and reply.slug != "authentication-invalid-api-key":
            self.token = None
        elif reply.status == 404:
            raise _Ended(5)
        elif reply.status is not None and 400 <= reply.status < 500 and reply.status != 429:
            raise _Ended({401: 4, 403: 4 if reply.slug else 6, 407: 7}.get(reply.status, 6))
        elif reply.failure in ("certificate-not-trusted", "proxy-wants-password"):
            raise _Ended(7)
        self.sleep(max(reply.retry_after or 0.0, min(30.0, 2.0**tries)))

    def sleep(self, seconds: float) -> None:
        """Let time go by. Raises _Ended(130) when a stop is asked for, _Ended(75) when nothing was new for too long."""
        until = self.world.now() + seconds
        while self.world.now() < until:
            self.pool.next(until - self.world.now())
            self.stop_if_asked()
        self.look()

    def look(self) -> None:
        """Raises _Ended(130) when a stop is asked for, _Ended(75) when nothing was new for too long."""
        self.stop_if_asked()
        if self.world.now() - self.last_news > self.budget:
            raise _Ended(75)

    def stop_if_asked(self) -> None:
        """Raises _Ended(130)."""
        if self.world.stop.is_set():
            raise _Ended(130)


class _Upload:
    """One file."""

    def __init__(self, line: _Line, command: Command, number: int, upload: int, path: str) -> None:
        self._line = line
        self._command = command
        self._number = number
        self._upload = upload
        self._path = path
        self._disk = line.world.disk
        self._file = FOLDER / f"{path.rpartition('/')[2]}.jsonl"
        self._plan = Plan(1, 1)
        self._known: set[int] = set()
        self._tried: set[int] = set()
        self._record: _Record | None = None
        self._sent = 0

    def end(self) -> Ending:
        """Upload it, and say how that ended."""
        resumable = True
        self._line.last_news = self._line.world.now()
        try:
            self._send(self._line.world.open_source(self._path))
            code = 0
        except _Ended as ended:
            code, resumable = ended.code, ended.code not in (3, 5)
        except VidupError as error:
            code, resumable = int(error.code), False
            if self._record is not None:
                self._write("changed", 1)
        except OSError:
            code = 75
        done = len(self._known)
        total = self._plan.total_parts if self._plan.size > 1 else None
        ending = Ending(
            self._upload, code, "uploaded" if code == 0 else "failed", self._record and self._record.video_id, total, done, self._sent,
            done - self._sent, resumable and code != 0,
        )  # fmt: skip
        with contextlib.suppress(OSError):  # without its row the record stays
            if self._command.manifest:
                manifest.write(self._disk, self._line.world.run, ending)
            if code == 0 and self._record is not None:
                self._line.world.given_out.add(self._record.video_id)
                self._disk.remove(self._file)
        return ending

    def _send(self, video: FakeVideo) -> None:
        self._plan = Plan(video.size, max(1, video.size // (self._command.part_size or 5 * MIB)))
        self._record = self._open(video)
        while missing := self._plan.missing(self._known):
            self._part(video, missing[0])

    def _open(self, video: FakeVideo) -> _Record:
        self._disk.prepare(FOLDER)
        written = (video.inode, video.mtime_ns)
        record, fingerprint = self._read(), video.fingerprint()
        if record is not None:
            same_place = record.written[0] != written[0] or record.written == written
            if not same_place or record.fingerprint != fingerprint:
                raise _Ended(3)
            self._learn()
            return record
        video_id = self._command.video_id
        if not video_id:
            reply = self._line.ask(Request(Verb.CREATE, self._number, payload={"title": self._path}))
            video_id = str((reply.body or {})["videoId"])
        self._record = _Record(video_id, fingerprint, written, self._plan.total_parts)
        self._disk.create(self._file, json.dumps(self._record).encode() + b"\n")
        if self._command.video_id:
            self._learn()
        return self._record

    def _read(self) -> _Record | None:
        with contextlib.suppress(FileNotFoundError, ValueError):
            first, *lines = self._disk.read(self._file).split(b"\n")
            video_id, fingerprint, written, total = json.loads(first)
            self._record = _Record(video_id, fingerprint, tuple(written), total)
            self._plan = self._plan._replace(total_parts=total)
            for line in lines[:-1]:
                with contextlib.suppress(ValueError):
                    kind, number = json.loads(line)
                    if kind == "changed":
                        raise _Ended(3)
                    (self._tried if kind == "tried" else self._known).add(number)
            if lines[-1]:
                self._disk.truncate(self._file, len(self._disk.read(self._file)) - len(lines[-1]))
            return self._record
        return None

    def _learn(self) -> bool:
        """Ask the status; whether there was news."""
        assert self._record is not None
        body = self._line.ask(Request(Verb.STATUS, self._number, self._record.video_id)).body or {}
        ingest = body["ingest"]
        assert isinstance(ingest, dict)
        new = set(ingest["receivedParts"]["parts"]) - self._known
        if ingest["receivedParts"]["total"] not in (None, self._plan.total_parts):
            raise _Ended(6)
        if self._command.video_id and new - self._tried:
            raise _Ended(6)  # another writer's
        for number in sorted(new):
            self._write("part", number)
        self._known |= new
        self._line.last_news = self._line.world.now() if new else self._line.last_news
        return bool(new)

    def _part(self, video: FakeVideo, number: int) -> None:
        """Have one part stored, asking before it is sent again. Raises _Ended."""
        assert self._record is not None
        for tries in range(1000):
            self._line.look()
            if number in self._known:
                return
            if number not in self._tried:
                self._tried.add(number)
                self._disk.append(self._file, json.dumps(["tried", number]).encode() + b"\n")
            body: Body = video.body(self._plan.part(number), Flag())
            reply = self._line.once(Request(Verb.PART, self._number, self._record.video_id, number, self._plan.content_range(number), body))
            if reply.promised:
                self._write("part", number)
                self._known.add(number)
                self._sent += 1
                self._line.last_news = self._line.world.now()
                return
            wordless = reply.status is not None and 400 <= reply.status < 500 and not reply.slug and reply.status not in (401, 407, 413)
            if body.all_out and reply.status != 401:
                for _ in range(12 if wordless or reply.status == 400 else 5):
                    if self._learn() and number in self._known:
                        return
                    self._line.sleep(10.0)
            if reply.slug.endswith(("already-sent", "already-uploaded")):
                continue
            self._line.wait(reply, tries)

    def _write(self, kind: str, number: int) -> None:
        with contextlib.suppress(OSError):  # a full disk costs a memory only
            self._disk.append(self._file, json.dumps([kind, number]).encode() + b"\n")
