"""CONDUCTOR: which video an upload goes into: the one begun earlier, the one named, or a new one, and whose parts are found in it."""

from __future__ import annotations

import os
import time

from vidup.api.ledger import Ledger, agreed_total, portable_record, recorded_file
from vidup.errors import ExitCode, VidupError
from vidup.events import Note, Tell
from vidup.plan.parts import Plan, choose_total, total_parts_for
from vidup.source.videofile import VideoFile
from vidup.state.identity import key_hash
from vidup.state.journal import Journal, StateFolder, disk_refuses
from vidup.state.record import Checkpoint, Record
from vidup.units import show_size
from vidup.upload.container import LEAVE_OUT, Container, ask_ledger, not_this_split
from vidup.upload.line import Line
from vidup.upload.order import Order
from vidup.upload.pacing import Kind
from vidup.upload.report import Refused

_CONTAINER_LIFE = 7 * 86400
"""Seconds that api.video keeps a container that is not complete."""


class Containers:
    """Finds or makes the container for an order. `upload_id` is settled first, so that its lock can be taken before anything is created."""

    def __init__(self, order: Order, video: VideoFile, folder: StateFolder, line: Line, tell: Tell) -> None:
        self._order = order
        self._video = video
        self._folder = folder
        self._line = line
        self._tell = tell
        self._requested = order.video_id or ""
        self._fingerprint = video.fingerprint()
        found = folder.find(video.path, order.base_url, self._requested)
        found = found or folder.find_moved(order.base_url, self._requested, self._fingerprint)
        self.known = found.checkpoint if found else None
        self.upload_id = self.known.upload_id if self.known else folder.free_upload_id(video.path, order.base_url, self._requested)

    @property
    def parts_expected(self) -> int:
        """How many parts will have to be sent, as far as can be told without asking the server."""
        record = None if self._order.restart else self._folder.read(self.upload_id)
        return record.checkpoint.total_parts - len(record.confirmed) if record else self._planned()

    def open(self) -> Container:
        """Log in, then continue what the record tells of, or begin. To be called under the lock. Raises VidupError for every refusal."""
        self._line.ask(Kind.WRITE, self._line.api.log_in, "Logging in failed")
        record = self._record()
        if record is not None:
            container = self._continue(record)
            if container is not None:
                return container
        return self._begin_named(self._requested) if self._requested else self._create()

    def foresee(self) -> tuple[Checkpoint | None, Ledger]:
        """What `open` would go on with or put its parts into, and what the server has of it. Creates nothing; raises as `open`."""
        record = None if self._order.restart else self._folder.read(self.upload_id)
        self._line.ask(Kind.WRITE, self._line.api.log_in, "Logging in failed")
        if record is not None:
            known, ledger = record.checkpoint, self._ledger_of(record)
            if self._still_fits(record, ledger):
                vouched = known.created or known.vouched or self._order.adopt
                return known._replace(total_parts=self._agreed(known, ledger, vouched)), ledger
        if not self._requested:
            return None, Ledger()
        checkpoint, ledger, _video = self._look_at_named(self._requested)
        return checkpoint, ledger

    def _record(self) -> Record | None:
        """What to continue. A record that --restart passes over stays until the new one takes its place."""
        if self._order.restart:
            if self.known is not None:
                self._tell(Note(f"starting over; the unfinished video {self.known.video_id} is abandoned"))
            return None
        record = self._folder.read(self.upload_id)
        if self._order.continuing and (record is None or self.upload_id != self._order.continuing):
            raise VidupError(
                ExitCode.UNKNOWN, f"The interrupted upload {self._order.continuing} is not known any more",
                cause="it was completed or forgotten a moment ago, by another vidup", advice="See what there is: vidup list",
            )  # fmt: skip
        if record is None and self._folder.file_of(self.upload_id).exists():
            self._tell(Note("the record of an earlier upload of this file is damaged and cannot be used; beginning anew", True))
        return record

    # -- an upload begun earlier ---------------------------------------------------------------------------------

    def _continue(self, record: Record) -> Container | None:
        """The container of the record, or None when it held a finished upload of what the file used to be."""
        known = record.checkpoint
        ledger = self._ledger_of(record)
        if not self._still_fits(record, ledger):
            self._tell(Note(f"{self._video.name} has changed since its upload as {known.video_id} was completed; uploading it anew"))
            self._folder.forget(self.upload_id)
            return None
        attempted = set(record.attempted)
        vouched = known.created or known.vouched or self._order.adopt
        if self._order.adopt and not (known.created or known.vouched):
            self._tell(_adopting(known.video_id))
        total = self._agreed(known, ledger, vouched)
        if known.mtime_ns != self._video.mtime_ns:
            self._tell(Note(f"{self._video.name} has another modification time than when its upload began; its content looks the same"))
        try:
            journal = Journal.reopen(self._folder, self.upload_id)
        except OSError as error:
            raise disk_refuses(error) from error
        checkpoint = self._continued(known, total, journal, vouched)
        self._tell_what_is_not_applied(known, checkpoint, ledger)
        return Container(self._line, self._tell, journal, checkpoint, ledger, attempted, {})

    def _still_fits(self, record: Record, ledger: Ledger) -> bool:
        """Whether the record is of this file as it is; False if of a finished upload of what it used to be; else raises VidupError."""
        known = record.checkpoint
        if known.fingerprint == self._fingerprint and known.size == self._video.size and not record.file_changed:
            return True
        if ledger.complete and not record.file_changed:
            return False
        raise self._another_file(record)

    def _agreed(self, known: Checkpoint, ledger: Ledger, vouched: bool) -> int:
        """The total that the rest is sent with. Raises VidupError(REJECTED) where the server's cannot be of this file."""
        planned = self._planned() if ledger.empty and self._order.part_size else known.total_parts
        total = agreed_total(ledger, planned, self._video.size)
        if (ledger.by_bytes and not ledger.complete) or total is None or (total != known.total_parts and not vouched and not ledger.empty):
            raise not_this_split(ledger)
        return total

    def _continued(self, known: Checkpoint, total: int, journal: Journal, vouched: bool) -> Checkpoint:
        """The checkpoint as it holds from now on: path, split and vouching brought up to date, also in the journal."""
        try:
            if known.path != self._video.path:
                self._tell(Note(f"continuing the upload of {known.path}, whose file is now here"))
                journal.moved(self._video.path)
            if total != known.total_parts:
                journal.replanned(total)
            if vouched and not known.vouched and not known.created:
                journal.adopted()
        except OSError as error:
            journal.close()
            raise disk_refuses(error) from error
        return known._replace(path=self._video.path, total_parts=total, vouched=vouched)

    def _tell_what_is_not_applied(self, known: Checkpoint, now: Checkpoint, ledger: Ledger) -> None:
        plan = Plan(now.size, now.total_parts)
        if self._order.part_size and ledger.parts and total_parts_for(now.size, self._order.part_size) != plan.total_parts:
            self._tell(Note(f"--part-size is not applied: parts of {show_size(plan.part_size)} are on the server already", True))
        changed = [name for name, value in self._order.video.items() if known.options.get(name) != value]
        if known.created and changed and self._order.video:
            self._tell(Note(f"the video exists already: changed options are not applied ({', '.join(changed)})", True))

    def _ledger_of(self, record: Record) -> Ledger:
        known = record.checkpoint
        try:
            return ask_ledger(self._line, known.video_id)
        except Refused as error:
            if error.code is not ExitCode.UNKNOWN:
                raise
            old = time.time() - known.began > _CONTAINER_LIFE
            if old and known.key_hash == key_hash(self._order.base_url, self._order.key.value):
                self._folder.forget(self.upload_id)
            error.what = f"The video {known.video_id}, which this upload was going into, is gone"
            error.advice = "It expired (containers live 7 days), was deleted, or belongs to another key. To begin a new video: --restart"
            raise

    def _another_file(self, record: Record) -> VidupError:
        known, now = record.checkpoint, self._video
        if record.file_changed:
            cause = "it was written to while parts of it were being sent, so those parts may be of its old content"
        elif known.size != now.size:
            cause = f"its size was {known.size} bytes and is now {now.size}"
        else:
            cause = "its size is the same, its content is not"
        return VidupError(
            ExitCode.FILE, f"{now.name} changed since the interrupted upload; its parts no longer fit together", cause=cause,
            advice="Start over with --restart.",
        )  # fmt: skip

    # -- a container named by the user ---------------------------------------------------------------------------

    def _begin_named(self, video_id: str) -> Container:
        return self._opened(*self._look_at_named(video_id))

    def _look_at_named(self, video_id: str) -> tuple[Checkpoint, Ledger, dict[str, object]]:
        api = self._line.api
        video = self._line.ask(Kind.READ, lambda: api.get_video(video_id), f"The video {video_id} cannot be used").body or {}
        ledger = ask_ledger(self._line, video_id)
        vouched = self._is_vouched(video_id, video, ledger)
        planned = None if ledger.parts else self._planned()
        total = agreed_total(ledger, planned, self._video.size)
        if total is None and not ledger.complete:
            raise not_this_split(ledger)
        return self._checkpoint(video_id, total or 1, created=False, vouched=vouched), ledger, video

    def _is_vouched(self, video_id: str, video: dict[str, object], ledger: Ledger) -> bool:
        """Whether parts found in the container are this file's. Raises VidupError where they are not, or nobody can tell."""
        recorded, mine = recorded_file(video), portable_record(self._video.size, self._fingerprint)["value"]
        if recorded and recorded != mine and not ledger.empty:
            raise VidupError(
                ExitCode.FILE, f"The video {video_id} was begun with another file than {self._video.name}",
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

    # -- a new container -----------------------------------------------------------------------------------------

    def _create(self) -> Container:
        payload = {"title": os.path.splitext(self._video.name)[0] or self._video.name, **self._order.video}
        payload["title"] = str(payload["title"]).encode("utf-8", "replace").decode()
        if self._order.portable:
            entries = payload.get("metadata")
            payload["metadata"] = [*(entries if isinstance(entries, list) else []), portable_record(self._video.size, self._fingerprint)]
        api = self._line.api
        video = self._line.ask(Kind.WRITE, lambda: api.create_video(payload), "The video could not be created").body or {}
        checkpoint = self._checkpoint(str(video["videoId"]), self._planned(), created=True, vouched=True)
        return self._opened(checkpoint, Ledger(state="uploading"), video)

    def _planned(self) -> int:
        size = self._video.size
        if self._order.part_size:
            return total_parts_for(size, self._order.part_size)
        return choose_total(size, self._order.jobs, self._order.uploads_per_minute)

    def _checkpoint(self, video_id: str, total: int, *, created: bool, vouched: bool) -> Checkpoint:
        order = self._order
        return Checkpoint(
            upload_id=self.upload_id, path=self._video.path, size=self._video.size, mtime_ns=self._video.mtime_ns,
            fingerprint=self._fingerprint, base_url=order.base_url, video_id=video_id, total_parts=total, created=created,
            vouched=vouched, requested_id=self._requested,
            key_hash=key_hash(order.base_url, order.key.value), options=dict(order.video), began=time.time(),
            device=self._video.device, inode=self._video.inode,
        )  # fmt: skip

    def _opened(self, checkpoint: Checkpoint, ledger: Ledger, video: dict[str, object]) -> Container:
        try:
            journal = Journal.create(self._folder, checkpoint)
        except OSError as error:
            raise disk_refuses(error) from error
        return Container(self._line, self._tell, journal, checkpoint, ledger, set(), video)


def _adopting(video_id: str) -> Note:
    return Note(f"--adopt: taking the parts in {video_id} for parts of this file; if they are not, the video will be broken", warning=True)
