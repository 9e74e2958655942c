"""CONDUCTOR: the video that an upload goes into: its book of parts, what the server told of it, and what is written down about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from vidup.api.ledger import Ledger, foreign_parts
from vidup.errors import ExitCode, VidupError
from vidup.events import Named, Note, Tell
from vidup.plan.openplan import AnyPlan, Grown
from vidup.state.journal import Journal, disk_refuses
from vidup.state.record import Checkpoint, Record
from vidup.upload.outcome import NotThisFile
from vidup.upload.partbook import PartBook

LEAVE_OUT = "Upload into a video of its own, without --video-id: --restart"


class Unwritten:
    """The record of what is not worth one: nothing would go on with it."""

    def attempt(self, number: int) -> None: ...

    def attempt_of(self, number: int, digest: str) -> None: ...

    def lost(self, number: int) -> None: ...

    def keep(self) -> None: ...

    def refused(self, number: int) -> None: ...

    def confirm(self, number: int) -> None: ...

    def replanned(self, total: int) -> None: ...

    def file_changed(self) -> None: ...

    def forget(self) -> None: ...

    def close(self) -> None: ...


@dataclass(eq=False, repr=False)
class Container:
    """The open container of one run. `ledger` is what the server told of it last, `video` its video object.

    `was_there`: it was whole before this run, which was told that such a one will do. `earlier`: the record of the runs before this one.
    `asks`: there is a status to ask. `record` begins the record of a container that its first part is yet to make; `journal` is then none.
    """

    known: Checkpoint
    journal: Journal | Unwritten
    book: PartBook
    ledger: Ledger
    tell: Tell
    video: dict[str, object]
    was_there: bool = False
    earlier: Record | None = None
    asks: bool = True
    record: Callable[[Checkpoint], Journal] | None = None
    _digests: dict[int, str] = field(default_factory=dict)
    _lines: list[Callable[[], None]] = field(default_factory=list)
    _disk_told: bool = False

    @property
    def video_id(self) -> str:
        """The id of the video."""
        return self.known.video_id

    @property
    def named(self) -> bool:
        """Whether there is a video; with an upload token the first part makes it."""
        return bool(self.known.video_id)

    def answered(self, number: int, video: dict[str, object], video_id: str) -> None:
        """The server took this part, and told the video. Raises VidupError where the disk refuses to take down the first word of it."""
        self.video = video if self.asks else {**self.video, **video}  # with an upload token it may tell no more than the id
        if self.named:
            return
        assert self.record is not None
        known = self.known._replace(video_id=video_id)
        self.journal = self.record(known)  # without a record nothing could be gone on with, and there is no name to tell
        try:
            self._attempt(number, self._digests.get(number))
        except OSError as error:
            raise disk_refuses(error) from error
        self.known = known
        self.tell(Named(video_id, self.known.upload_id))

    @property
    def plan(self) -> AnyPlan:
        """The split of the file."""
        return self.book.plan

    @property
    def vouched(self) -> bool:
        """Whether the parts in it are known to be this file's: vidup made it for this file, its record says so, or the user does."""
        return self.known.vouched or self.known.created

    @property
    def assets(self) -> dict[str, object] | None:
        """Player and stream URLs, as the server told them; those of a private video carry a token."""
        assets = self.video.get("assets")
        return assets if isinstance(assets, dict) else None

    @property
    def public(self) -> bool:
        """Whether the video's URLs may be shown: anything but a clear yes counts as private once the server has spoken."""
        return self.video.get("public", not self.video) is True

    @property
    def title(self) -> str | None:
        """Its title, if the server told it."""
        value = self.video.get("title")
        return value if isinstance(value, str) else None

    def begin(self, number: int) -> bool:
        """Take this part to be sent, and write down first that it may be on the server. Whether it is the first try of it ever.

        In a container of ours one line for the first part says enough: any may be. Elsewhere nothing else tells our parts from
        another's. Raises VidupError where the disk refuses.
        """
        first = number not in self.book.touched
        digest = self._digests.get(number)
        try:
            if first and (digest is not None or not self.vouched or not self.book.touched):
                self._attempt(number, digest)
        except OSError as error:
            raise disk_refuses(error) from error
        self.book.sending(number)
        return first

    def _attempt(self, number: int, digest: str | None) -> None:
        if digest is not None:
            self.journal.attempt_of(number, digest)
        else:
            self.journal.attempt(number)

    def clearly_refused(self, number: int) -> None:
        """The first try of this part was refused: what is found under its number is another's."""
        if not self.vouched:
            self.book.clearly_refused(number)
            self._write(lambda: self.journal.refused(number))

    def confirm(self, numbers: list[int]) -> None:
        """The server has these parts; `settle` writes it down."""
        self._lines += [lambda number=number: self.journal.confirm(number) for number in numbers]  # type: ignore[misc]

    def settle(self) -> None:
        """Write down what was confirmed; a full disk only costs a memory that the server has, too."""
        lines, self._lines = self._lines, []
        for line in lines:
            self._write(line)

    def grow(self, grown: Grown) -> None:
        """More is known of what is uploaded. Raises VidupError(FILE) if it is not what an earlier run sent parts of."""
        earlier = self.earlier or Record(self.known)
        stored = {*earlier.confirmed, *self.ledger.parts}
        whole = self.ledger.complete
        for number, digest in sorted(grown.digests.items()):
            before = earlier.digests.get(number)
            if before not in (None, digest):
                raise differs(number, grown.plan.part_size, "it holds other bytes than the part of that number that was sent before")
            if before is None and (number in stored or whole):
                raise differs(
                    number, grown.plan.part_size, "the server has a part of that number, and the record does not tell what it held"
                )
        beyond = [number for number in (*stored, *earlier.digests) if grown.plan.ended and number > grown.plan.total_parts]
        if beyond:
            raise differs(grown.plan.total_parts, grown.plan.part_size, f"it ends there, and {max(beyond)} parts were sent before")
        self._digests.update(grown.digests)
        listed = grown.digests if whole else self.ledger.parts
        news = [number for number in grown.digests if number in stored or whole]
        self.book.grow(grown.plan, recorded=earlier.confirmed, listed=listed)
        self._lines += [lambda number=number: self.journal.confirm(number) for number in news if number not in earlier.confirmed]  # type: ignore[misc]

    def lost(self, numbers: Iterable[int]) -> None:
        """The server took these parts, and does not show them: to the next run they are missing."""
        for number in numbers:
            self._write(lambda number=number: self.journal.lost(number))  # type: ignore[misc]

    def file_changed(self) -> None:
        """Write down that the parts sent so far may not be of the file as it is now, before anything else happens."""
        if self.book.may_be_on_server:
            self._write(self.journal.file_changed)

    def refuse_foreign(self, ledger: Ledger) -> None:
        """Raise VidupError(REJECTED) if the server lists parts that this upload never tried to send."""
        foreign = [] if self.vouched else foreign_parts(ledger, self.book.touched)
        if foreign:
            raise VidupError(
                ExitCode.REJECTED, f"Another program is uploading into this video: part {foreign[0]} is stored, and vidup never sent it",
                advice=LEAVE_OUT,
            )  # fmt: skip

    def replan(self, ledger: Ledger, total: int) -> None:
        """Take the server's total, and what it lists, for the rest of the upload; what this run knew of the other split is void."""
        self.tell(Note(f"the server counts this upload in {total} parts: going on with its split"))
        self.known = self.known._replace(total_parts=total)
        self.book = PartBook(self.known.plan, listed=ledger.parts, touched=ledger.parts)
        self._lines.clear()
        self._write(lambda: self.journal.replanned(total))

    def keep(self) -> None:
        """This upload is to be gone on with in a later run."""
        self._write(self.journal.keep)

    def close(self) -> None:
        """Write down what is left and close the journal."""
        self.settle()
        self.journal.close()

    def _write(self, line: Callable[[], None]) -> None:
        try:
            line()
        except OSError as error:
            if not self._disk_told:
                self._disk_told = True
                words = error.strerror or str(error)
                self.tell(Note(f"the state folder cannot be written ({words}); going on, for the server remembers the parts, too", True))


def not_this_split(ledger: Ledger) -> VidupError:
    """The refusal to mix this file's parts with those of another split, file or client."""
    return NotThisFile(
        ExitCode.REJECTED, "The parts on the server cannot be parts of this file",
        cause=f"the server counts {ledger.total or 'an unknown number of'} parts and holds {len(ledger.parts)}",
        advice=LEAVE_OUT,
    )  # fmt: skip


def differs(number: int, part_size: int, cause: str) -> VidupError:
    """The refusal to go on with what is not that whose parts were sent; the record stays, so that the right stream still can go on."""
    return VidupError(
        ExitCode.FILE, f"What comes now differs from what was sent before from part {number} on (byte {(number - 1) * part_size})",
        cause=cause, mended_outside=True,
        advice="Send the very same bytes again: the record stays. A producer that makes others each time cannot be continued: --restart",
    )  # fmt: skip
