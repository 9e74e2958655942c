"""CONDUCTOR: the video that an upload goes into: its plan, what the server has of it, and what is written down about it."""

from __future__ import annotations

from collections.abc import Callable

from vidup.api.ledger import Ledger, agreed_total, read_ledger
from vidup.errors import ExitCode, VidupError
from vidup.events import Note, Tell
from vidup.plan.parts import Plan
from vidup.state.journal import Journal
from vidup.state.record import Checkpoint
from vidup.upload.line import Line
from vidup.upload.pacing import Kind

LEAVE_OUT = "Leave out --video-id, so that vidup creates a video of its own."


class Container:
    """The open container of one run: its plan, what the server said of it, and the journal that remembers what it confirms."""

    def __init__(
        self,
        line: Line,
        tell: Tell,
        journal: Journal,
        checkpoint: Checkpoint,
        ledger: Ledger,
        attempted: set[int],
        video: dict[str, object],
    ) -> None:
        self.video_id = checkpoint.video_id
        self.plan = Plan(checkpoint.size, checkpoint.total_parts)
        self.vouched = checkpoint.vouched
        self.ledger = ledger
        self.attempted = attempted
        self.video = video
        self._line = line
        self._tell = tell
        self._journal = journal
        self._disk_told = False

    @property
    def assets(self) -> dict[str, object] | None:
        """Player and stream URLs, as the server told them; those of a private video carry a token."""
        assets = self.video.get("assets")
        return assets if isinstance(assets, dict) else None

    @property
    def public(self) -> bool:
        """Whether the video's URLs may be shown: anything but a clear yes counts as private once the server has spoken."""
        return self.video.get("public", not self.video) is True

    def text(self, name: str) -> str | None:
        """A text attribute of the video object, or None."""
        value = self.video.get(name)
        return value if isinstance(value, str) else None

    def confirm(self, part: int) -> None:
        """Write down that the server has this part. A full disk only costs a memory that the server has, too."""
        self._write(lambda: self._journal.confirm(part))

    def attempt(self, part: int) -> None:
        """Write down that this part is tried: in a container that vidup did not make, nothing else tells its parts from another's."""
        try:
            self._journal.attempt(part)
        except OSError as error:
            raise VidupError(
                ExitCode.AGAIN, "The state folder cannot be written any more", cause=error.strerror or str(error),
                advice="Free some space there, then run the same command again: what was sent stays sent.",
            ) from error  # fmt: skip

    def refused(self, part: int) -> None:
        """Write down that this part's first try was refused, so that what is found under its number is another's."""
        self._write(lambda: self._journal.refused(part))

    def file_changed(self) -> None:
        """Write down that the parts sent so far may not be of the file as it is now."""
        self._write(self._journal.file_changed)

    def ask_ledger(self) -> Ledger:
        """What the server has of this video now."""
        return ask_ledger(self._line, self.video_id)

    def agree(self, ledger: Ledger) -> None:
        """Take the server's total for the rest, if it can be this file's; else raise VidupError(REJECTED)."""
        self.ledger = ledger
        total = agreed_total(ledger, self.plan.total_parts, self.plan.size)
        if total is None or (total != self.plan.total_parts and not self.vouched):
            raise not_this_split(ledger)
        if total != self.plan.total_parts:
            self.plan = Plan(self.plan.size, total)
            self._tell(Note(f"the server counts this upload in {total} parts: going on with its split"))
            self._write(lambda: self._journal.replanned(total))

    def describe(self) -> None:
        """Fetch the video object if no answer brought one; without it only the summary is shorter."""
        if self.video:
            return
        reply = self._line.ask_once(Kind.READ, lambda: self._line.api.get_video(self.video_id))
        if reply.promised:
            self.video = reply.body or {}
        else:
            self._tell(Note("the video object could not be read, so its links are not shown", warning=True))

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()

    def _write(self, line: Callable[[], None]) -> None:
        try:
            line()
        except OSError as error:
            if not self._disk_told:
                self._disk_told = True
                words = error.strerror or str(error)
                self._tell(Note(f"the state folder cannot be written ({words}); going on, for the server remembers the parts, too", True))


def ask_ledger(line: Line, video_id: str) -> Ledger:
    """What the server has of this video. Raises Refused, exit 5 when it is unknown."""
    reply = line.ask(Kind.READ, lambda: line.api.get_status(video_id), f"The status of {video_id} could not be read")
    return read_ledger(reply.body or {})


def not_this_split(ledger: Ledger) -> VidupError:
    """The refusal to mix this file's parts with those of another split, file or client."""
    return VidupError(
        ExitCode.REJECTED, "The parts on the server cannot be parts of this file",
        cause=f"the server counts {ledger.total or 'an unknown number of'} parts and holds {len(ledger.parts)}",
        advice=LEAVE_OUT,
    )  # fmt: skip
