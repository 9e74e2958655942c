"""CONDUCTOR: the video that an upload goes into: its book of parts, what the server told of it, and what is written down about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from vidup.api.ledger import Ledger, foreign_parts
from vidup.errors import ExitCode, VidupError
from vidup.events import Named, Note, Tell
from vidup.plan.parts import Plan
from vidup.state.journal import Journal, disk_refuses
from vidup.state.record import Checkpoint
from vidup.upload.outcome import NotThisFile
from vidup.upload.partbook import PartBook

LEAVE_OUT = "Upload into a video of its own, without --video-id: --restart"


class Unwritten:
    """The record of what is not worth one: nothing would go on with it."""

    def attempt(self, number: int) -> None: ...

    def refused(self, number: int) -> None: ...

    def confirm(self, number: int) -> None: ...

    def replanned(self, total: int) -> None: ...

    def file_changed(self) -> None: ...

    def forget(self) -> None: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class Container:
    """The open container of one run. `ledger` is what the server told of it last, `video` its video object.

    `was_there`: it was whole before this run, which was told that such a one will do. `asks`: there is a status to ask. `record` begins
    the record of a container that part 1 is yet to make; its `journal` is then none.
    """

    known: Checkpoint
    journal: Journal | Unwritten
    book: PartBook
    ledger: Ledger
    tell: Tell
    video: dict[str, object]
    was_there: bool = False
    asks: bool = True
    record: Callable[[Checkpoint], Journal] | None = None
    _lines: list[Callable[[], None]] = field(default_factory=list)
    _disk_told: bool = False

    @property
    def video_id(self) -> str:
        """The id of the video."""
        return self.known.video_id

    @property
    def named(self) -> bool:
        """Whether there is a video; with an upload token part 1 makes it."""
        return bool(self.known.video_id)

    def answered(self, video: dict[str, object], video_id: str) -> None:
        """The server took a part, and told the video. Raises VidupError where the disk refuses to take down the first word of it."""
        self.video = video if self.asks else {**self.video, **video}  # with an upload token it may tell no more than the id
        if self.named:
            return
        assert self.record is not None
        known = self.known._replace(video_id=video_id)
        self.journal = self.record(known)  # without a record nothing could be gone on with, and there is no name to tell
        self.known = known
        self.tell(Named(video_id, self.known.upload_id))

    @property
    def plan(self) -> Plan:
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
        if first and (not self.vouched or not self.book.touched):
            try:
                self.journal.attempt(number)
            except OSError as error:
                raise disk_refuses(error) from error
        self.book.sending(number)
        return first

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
        self.book = PartBook(Plan(self.known.size, total), listed=ledger.parts, touched=ledger.parts)
        self._lines.clear()
        self._write(lambda: self.journal.replanned(total))

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
