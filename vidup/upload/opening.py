"""CONDUCTOR: which video an upload goes into: the one begun earlier, the one named, or a new one, and whose parts are found in it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from vidup.api.ledger import NONCE_KEY, Ledger, portable_record, read_ledger, recorded_file
from vidup.errors import ExitCode, VidupError
from vidup.events import Note, Tell
from vidup.inert import readable
from vidup.plan.openplan import AnyPlan
from vidup.plan.parts import Plan
from vidup.plan.rate import most_in_part
from vidup.state.identity import key_hash
from vidup.state.journal import Journal, StateFolder, disk_refuses
from vidup.state.record import Checkpoint, Record
from vidup.units import show_size
from vidup.upload.asking import Ask, Script
from vidup.upload.container import LEAVE_OUT, Container, Unwritten, not_this_split
from vidup.upload.creating import create
from vidup.upload.exchange import Source, Verb
from vidup.upload.order import Order
from vidup.upload.outcome import Content, Finished, Refused
from vidup.upload.partbook import Part, PartBook

if TYPE_CHECKING:
    from vidup.upload.finding import Match

_CONTAINER_LIFE = 7 * 86400
"""Seconds that api.video keeps a container that is not complete."""


class Found(NamedTuple):
    """What an upload goes on with: the checkpoint of it, None where a video is to be made, what the server has, the record, the video.

    `is_there`: a whole video of this file was found among the account's, and will do.
    """

    known: Checkpoint | None
    ledger: Ledger = Ledger()
    record: Record | None = None
    video: dict[str, object] = {}  # noqa: RUF012  never written to
    is_there: bool = False


class Opening:
    """Finds or makes the container for an order, by two scripts: `find` changes nothing anywhere, `open` goes on from there.

    `upload_id` is settled at the beginning, so that its lock can be taken before anything is created.
    """

    def __init__(
        self, order: Order, source: Source, folder: StateFolder, tell: Tell, now: Callable[[], float], wall: Callable[[], float],
        stop: Callable[[], bool], finished: Finished | None = None,
    ) -> None:  # fmt: skip
        """`now` tells seconds of a clock, `wall` since 1970, `stop` whether to stop reading. Raises Cancelled, VidupError(FILE)."""
        self._finished = finished
        self._order = order
        self._source = source
        self._folder = folder
        self._tell = tell
        self._now = now
        self._wall = wall
        self._requested = order.video_id or ""
        self._fingerprint = source.fingerprint(stop)
        self.upload_id, found = folder.find(source.path, order.base_url, self._requested)
        if found is None and (found := folder.find_moved(order.base_url, self._requested, self._fingerprint)) is not None:
            self.upload_id = found.checkpoint.upload_id
        self.known = found.checkpoint if found else None
        self._done_before = len(found.confirmed) if found else 0

    @property
    def _by_token(self) -> bool:
        """Whether there is an upload token alone, which has no status to ask."""
        return self._order.key.delegated

    @property
    def content(self) -> Content:
        """What is being sent."""
        return Content(self._source.path, self._fingerprint, self._source.mtime_ns)

    @property
    def parts_expected(self) -> int:
        """How many parts will have to be sent, as far as can be told without asking the server."""
        known = None if self._order.restart else self.known
        plan, done = (known.plan, self._done_before) if known is not None else (self._planned(), 0)
        return plan.total_parts - done if plan.ended else self._order.jobs

    @property
    def part_size(self) -> int:
        """Bytes of a part, as far as can be told without asking the server."""
        return (self._planned() if self.known is None or self._order.restart else self.known.plan).part_size

    def open(self) -> Script[Container]:
        """The container, journaled. To be run under the lock. Raises VidupError for every refusal, and Elsewhere."""
        if self._order.restart and self.known is not None:
            self._tell(Note(f"starting over; the unfinished video {self.known.video_id} is abandoned"))
        record = self._record()
        self._note_if_written(record)
        found = yield from self._find(record)
        if found.known is None and self._by_token:
            return self._to_be_made()
        if found.known is None:
            elsewhere = self._finished(self.content, self._source.size) if self._finished is not None else None
            if elsewhere is not None:  # who finished it said so under this lock, before its record went
                raise elsewhere
            video = yield from create(self._payload(), self._tell, self._now)
            known = self._checkpoint(str(video["videoId"]), self._planned(), created=True, vouched=True)
            return self._begun(Found(known, Ledger(state="uploading"), None, video))
        return self._continued(found, found.record) if found.record is not None else self._begun(found)

    def _note_if_written(self, record: Record | None) -> None:
        """Write down at once that the file was written to in place, for all that has not happened yet may be cut off."""
        if record is None or record.touched or self._order.adopt or not self._is_written_in_place(record):
            return
        with contextlib.suppress(OSError):  # it is refused in any case
            Journal.reopen(self._folder, self.upload_id, record.checkpoint.total_parts).touched()

    def _is_written_in_place(self, record: Record) -> bool:
        known, now = record.checkpoint, self._source
        return known.inode != 0 and (known.device, known.inode) == (now.device, now.inode) and known.mtime_ns != now.mtime_ns

    def find(self) -> Script[Found]:
        """What the upload would go on with; creates nothing and writes nothing. Raises VidupError for every refusal."""
        return (yield from self._find(self._record()))

    def _find(self, record: Record | None) -> Script[Found]:
        if record is not None:
            found = yield from self._begun_earlier(record)
            if found is not None:
                return found
        if self._requested:
            return (yield from self._named(self._requested))
        if self._order.portable and not self._order.restart and not self._by_token:
            return (yield from self._found_again())
        return Found(None)

    def _record(self) -> Record | None:
        """What to continue. A record that --restart passes over stays until the new one takes its place."""
        if self._order.restart:
            return None
        record = self._folder.read(self.upload_id)
        if self._order.continuing and (record is None or self.upload_id != self._order.continuing):
            raise VidupError(
                ExitCode.UNKNOWN, f"The interrupted upload {self._order.continuing} is not known any more",
                cause="it was completed or forgotten a moment ago, by another vidup", advice="See what there is: vidup list",
            )  # fmt: skip
        if record is None and self._folder.disk.exists(self._folder.file_of(self.upload_id)):
            self._tell(Note("the record of an earlier upload of this file is damaged and cannot be used; beginning anew", True))
        return record

    # -- an upload begun earlier ---------------------------------------------------------------------------------

    def _begun_earlier(self, record: Record) -> Script[Found | None]:
        """What the record tells of, or None when it held a finished upload of what the file used to be."""
        known = record.checkpoint
        try:
            ledger = _recorded(record) if self._by_token else (yield from ask_ledger(known.video_id))
        except Refused as error:
            raise self._gone(record, error) from error
        if not self._still_fits(record, ledger):
            what = f"was completed as {known.video_id}" if ledger.complete else f"into {known.video_id} began, of which nothing was sent"
            self._tell(Note(f"{self._source.name} has changed since its upload {what}; uploading it anew"))
            return None
        vouched = known.created or known.vouched or self._order.adopt
        if self._order.adopt and not (known.created or known.vouched):
            self._tell(_adopting(known.video_id))
        plan = self._agreed(record, ledger, vouched)
        return Found(known._replace(total_parts=plan.total_parts, vouched=vouched), ledger, record)

    def _still_fits(self, record: Record, ledger: Ledger) -> bool:
        """Whether the record is of this file as it is; False if it can be left behind, as finished or not begun; else raises VidupError."""
        known, now = record.checkpoint, self._source
        same = known.fingerprint == self._fingerprint and known.size == now.size
        if same and not record.file_changed and (known.mtime_ns != now.mtime_ns or record.touched):
            if (record.touched or self._is_written_in_place(record)) and not self._order.adopt:
                raise self._another_file(record, "it was written to, or only touched, where it lies; no sample can tell which")
            self._tell(Note(f"{now.name} has another modification time than when its upload began; its content looks the same"))
        if same and not record.file_changed:
            return True
        if ledger.complete and not record.file_changed:
            return False
        if ledger.empty and not record.attempted and not record.confirmed:
            return False  # nothing of the other file was ever sent
        if record.file_changed:
            raise self._another_file(
                record, "it was written to while parts of it were being sent, so those parts may be of its old content"
            )
        size = f"its size was {known.size} bytes and is now {now.size}"
        raise self._another_file(record, size if known.size != now.size else "its size is the same, its content is not")

    def _another_file(self, record: Record, cause: str) -> VidupError:
        only_touched = not record.file_changed and record.checkpoint.fingerprint == self._fingerprint
        adopt = "If you know that its content is the same, go on with --adopt: if it is not, the video will be broken. Else start over: "
        return VidupError(
            ExitCode.FILE, f"{self._source.name} changed since the interrupted upload; its parts no longer fit together", cause=cause,
            advice=f"{adopt if only_touched else 'Start over: '}--restart",
        )  # fmt: skip

    def _agreed(self, record: Record, ledger: Ledger, vouched: bool) -> AnyPlan:
        """The split that the rest is sent with. Raises VidupError(REJECTED) where the server's cannot be of this file.

        Once any part was attempted its split is fixed: what a killed run sent may still be stored, and a part carries no offset.
        """
        known = record.checkpoint
        untouched = ledger.empty and not record.attempted and not record.confirmed and not self._by_token  # whose record part 1 began
        planned = self._planned() if untouched and self._order.part_size and known.plan.ended else known.plan
        plan = planned.agreed(ledger.parts, ledger.total)
        if (ledger.by_bytes and not ledger.complete) or plan is None or (plan != known.plan and not vouched and not ledger.empty):
            raise not_this_split(ledger)
        return plan

    def _continued(self, found: Found, record: Record) -> Container:
        """The record, opened again: path, split, vouching and the file's identity brought up to date in it."""
        known, now, source = record.checkpoint, found.known, self._source
        assert now is not None
        identity = (source.device, source.inode, source.mtime_ns)
        try:
            journal = Journal.reopen(self._folder, self.upload_id, known.total_parts)
            if known.path != source.path:
                self._tell(Note(f"continuing the upload of {known.path}, whose file is now here"))
                journal.moved(source.path)
            if now.total_parts != known.total_parts:
                journal.replanned(now.total_parts)
            if now.vouched and not known.vouched and not known.created:
                journal.adopted()
            if identity != (known.device, known.inode, known.mtime_ns) or record.touched:
                journal.identified(*identity)
        except OSError as error:
            raise disk_refuses(error) from error
        self._tell_what_is_not_applied(known, now, found.ledger)
        same = now.total_parts == known.total_parts
        book = self._book(now, found.ledger, record if same else None)
        container = Container(now._replace(path=source.path), journal, book, found.ledger, self._tell, {}, earlier=record)
        container.asks = not self._by_token
        if now.plan.ended:  # a status may be older the next time it is asked, and list less
            news = {number for number in book.numbers(Part.LISTED) if number in book.touched}
            container.confirm(sorted(news - set(record.confirmed if same else ())))
        return container

    def _tell_what_is_not_applied(self, known: Checkpoint, now: Checkpoint, ledger: Ledger) -> None:
        plan = now.plan
        if self._order.part_size and not plan.is_split_by(self._order.part_size):
            why = "are on the server already" if ledger.parts else "were sent already"
            self._tell(Note(f"--part-size is not applied: parts of {show_size(plan.part_size)} {why}", True))
        changed = [name for name, value in self._order.video.items() if known.options.get(name) != value]
        if known.created and changed and self._order.video:
            self._tell(_not_applied(changed))

    def _gone(self, record: Record, error: Refused) -> Refused:
        """What a refused status means for an upload begun earlier; the record of a container that has expired is dropped."""
        known = record.checkpoint
        if error.code is not ExitCode.UNKNOWN:
            return error
        old = self._wall() - known.began > _CONTAINER_LIFE
        if old and known.key_hash == key_hash(self._order.base_url, self._order.key.value):
            self._folder.forget(self.upload_id)
        error.what = f"The video {known.video_id}, which this upload was going into, is gone"
        error.advice = "It expired (containers live 7 days), was deleted, or belongs to another key. To begin a new video: --restart"
        return error

    # -- a video found among the account's -----------------------------------------------------------------------

    def _found_again(self) -> Script[Found]:
        """A video that bears the record of this very file, so that its parts are vouched for; else nothing."""
        from vidup.upload.finding import Wanted, find

        value = portable_record(self._source.size, self._fingerprint)["value"]
        wanted = Wanted(value, self._source.size, self._planned().total_parts, self._order.skip_existing, self._going_on_here)
        match = yield from find(wanted, self._tell, self._wall)
        if match is None:
            return Found(None)
        self._tell(_again(match, self._source.name))
        changed = [name for name, asked in self._order.video.items() if name != "metadata" and match.video.get(name, asked) != asked]
        if changed:
            self._tell(_not_applied(changed))
        known = self._checkpoint(match.video_id, Plan(self._source.size, match.total), created=False, vouched=True)
        return Found(known, match.ledger, None, match.video, is_there=match.ledger.complete)

    def _going_on_here(self) -> frozenset[str]:
        """The videos of other records: a copy of this file, under another name, has one of its own."""
        try:
            return frozenset(record.checkpoint.video_id for record in self._folder.records())
        except VidupError:
            return frozenset()  # what cannot be read now may be gone by the next run, and both files are the same

    # -- a container named by the user ---------------------------------------------------------------------------

    def _named(self, video_id: str) -> Script[Found]:
        video = (yield Ask(Verb.VIDEO, video_id)).reply.body or {}
        ledger = yield from ask_ledger(video_id)
        vouched = self._is_vouched(video_id, video, ledger)
        untold = bool(ledger.parts) and ledger.total is None
        plan = None if untold else self._planned().agreed(ledger.parts, ledger.total)
        if plan is None and not ledger.complete:
            raise not_this_split(ledger)
        return Found(self._checkpoint(video_id, plan or self._planned(), created=False, vouched=vouched), ledger, None, video)

    def _is_vouched(self, video_id: str, video: dict[str, object], ledger: Ledger) -> bool:
        """Whether parts found in the container are this file's. Raises VidupError where they are not, or nobody can tell."""
        recorded, mine = recorded_file(video), portable_record(self._source.size, self._fingerprint)["value"]
        if recorded and recorded != mine and not ledger.empty:
            raise VidupError(
                ExitCode.FILE, f"The video {video_id} was begun with another file than {self._source.name}",
                cause="its record of size and content does not match", advice=LEAVE_OUT,
            )  # fmt: skip
        if recorded == mine:
            return True
        if ledger.empty:
            return False
        if ledger.complete:
            raise VidupError(ExitCode.REJECTED, f"The video {video_id} already has its content", advice=LEAVE_OUT)
        if ledger.by_bytes:
            raise VidupError(ExitCode.REJECTED, f"The upload into {video_id} was begun by bytes, by another client", advice=LEAVE_OUT)
        if not self._order.adopt:
            raise VidupError(
                ExitCode.REJECTED, f"The video {video_id} already holds {len(ledger.parts)} parts, and nothing tells whose they are",
                cause="it has no record of the file (--portable keeps one), and this machine did not begin it",
                advice="If you are sure that they are of this very file, add --adopt: if they are not, the video will be broken.",
            )  # fmt: skip
        self._tell(_adopting(video_id))
        return True

    # -- a new record --------------------------------------------------------------------------------------------

    def _payload(self) -> dict[str, object]:
        payload = {"title": _stem(self._source.name), **self._order.video}
        payload["title"] = readable(str(payload["title"]))
        if self._order.portable:
            entries = payload.get("metadata")
            payload["metadata"] = [
                *(entries if isinstance(entries, list) else []),
                portable_record(self._source.size, self._fingerprint),
                *([{"key": NONCE_KEY, "value": self._order.nonce}] if self._order.nonce else []),
            ]
        return payload

    def _planned(self) -> AnyPlan:
        order = self._order
        most = most_in_part(order.jobs, order.limit_rate, order.key.delegated)
        return self._source.plan(order.part_size, order.jobs, order.uploads_per_minute, most)

    def _checkpoint(self, video_id: str, plan: AnyPlan, *, created: bool, vouched: bool) -> Checkpoint:
        order, source = self._order, self._source
        return Checkpoint(
            upload_id=self.upload_id, path=source.path, size=source.size, mtime_ns=source.mtime_ns, device=source.device,
            inode=source.inode, fingerprint=self._fingerprint, base_url=order.base_url, video_id=video_id, total_parts=plan.total_parts,
            created=created, vouched=vouched, requested_id=self._requested, key_hash=key_hash(order.base_url, order.key.value),
            options=dict(order.video), began=self._wall(), part_size=0 if plan.ended else plan.part_size, again=order.again,
        )  # fmt: skip

    def _to_be_made(self) -> Container:
        """The container that part 1 will make; its record begins with the answer that names it."""
        known, ledger = self._checkpoint("", self._planned(), created=True, vouched=True), Ledger(state="uploading")
        return Container(known, Unwritten(), self._book(known, ledger, None), ledger, self._tell, {}, asks=False, record=self._recorded)

    def _recorded(self, known: Checkpoint) -> Journal:
        """The record of a new container. Raises VidupError where the disk refuses."""
        try:
            journal = Journal.create(self._folder, known)
        except OSError as error:
            refusal = disk_refuses(error)
            if known.created:
                state = "holds part 1 alone" if self._by_token else "is empty"
                refusal.advice = f"The video {known.video_id} was made, {state}, and stays behind for 7 days. {refusal.advice}"
            raise refusal from error
        return journal

    def _begun(self, found: Found) -> Container:
        known = found.known
        assert known is not None
        journal = self._recorded(known)
        return Container(known, journal, self._book(known, found.ledger, None), found.ledger, self._tell, found.video, found.is_there)

    def _book(self, known: Checkpoint, ledger: Ledger, record: Record | None) -> PartBook:
        plan = known.plan
        everything = range(1, plan.total_parts + 1)
        confirmed = [number for number in record.confirmed if number in everything] if record else []
        touched = (
            record.attempted
            if record and not plan.ended
            else [number for number in record.attempted if number in everything]
            if record
            else []
        )
        if record is not None and self._by_token and plan.ended:
            touched = list(everything)  # the record names the first alone, and nobody tells what became of the others
        listed = everything if ledger.complete else [number for number in ledger.parts if number in everything]
        return PartBook(plan, recorded=confirmed, listed=listed, touched=[*touched, *(listed if known.vouched else [])])


def ask_ledger(video_id: str) -> Script[Ledger]:
    """What the server has of this video. Raises Refused, exit 5 when it is unknown."""
    return read_ledger((yield Ask(Verb.STATUS, video_id)).reply.body or {})


def _stem(name: str) -> str:
    """The file name without its suffix; all of it where there is nothing before the dot."""
    stem = name.rpartition(".")[0]
    return stem if stem.strip(".") else name


def _not_applied(changed: list[str]) -> Note:
    return Note(f"the video exists already: changed options are not applied ({', '.join(changed)})", True)


def _recorded(record: Record) -> Ledger:
    from vidup.upload.delegated import recorded_ledger

    return recorded_ledger(record)


def _again(match: Match, name: str) -> Note:
    if match.ledger.complete:
        return Note(f"{name} is in the account already, as {match.video_id}")
    return Note(f"the upload of {name} into {match.video_id} was begun elsewhere; going on with it")


def _adopting(video_id: str) -> Note:
    return Note(f"--adopt: taking the parts in {video_id} for parts of this file; if they are not, the video will be broken", warning=True)
