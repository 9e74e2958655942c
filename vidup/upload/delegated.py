"""CORE: what is different with an upload token alone: nobody tells what the server has, and part 1 makes the video.

Part 1 goes alone, its answer names the video, and every further part names it, too: one upload, one video
(https://docs.api.video/vod/delegated-upload-tokens). A token has no status, so the answers decide and the record remembers them.
"""

from __future__ import annotations

from typing import Final

from vidup.api.ledger import Ledger
from vidup.errors import ExitCode, VidupError
from vidup.events import Note, Tell
from vidup.state.record import Record
from vidup.upload.acting import Action, Do
from vidup.upload.asking import Script
from vidup.upload.container import Container
from vidup.upload.outcome import Refused, gave_up
from vidup.upload.partbook import Part

_MOST_LOST: Final = 3
"""Answers to part 1 that may get lost: each may have left a video behind."""


def recorded_ledger(record: Record) -> Ledger:
    """What the record of an upload says that the server has, in place of the server's own word."""
    known = record.checkpoint
    return Ledger(state="uploading", total=known.total_parts if known.plan.ended else None, parts=record.confirmed)


def vouch(container: Container, tell: Tell) -> Script[bool]:
    """The end of such an upload: every part was answered, and there is nobody else to ask. Says which answers were not the first."""
    held = container.book.numbers(Part.HELD)
    if held:
        which = f"part {held[0]}" if len(held) == 1 else f"{len(held)} parts"
        tell(
            Note(
                f"the answer to {which} was lost, and when it was sent again the server said that it has it: with an upload token "
                "nobody can ask whether the video is whole, so this is not verified", True,
            )
        )  # fmt: skip
    return True
    yield  # a script, though it has nothing to ask


class FirstPart:
    """What became of the answers to part 1, which makes the video."""

    __slots__ = ("lost", "told")

    def __init__(self) -> None:
        self.lost = 0
        self.told = False

    def failed(self, container: Container, action: Action, all_out: bool) -> None:
        """It is to be sent again. Says what it may have left behind; raises Refused, exit 75, where that has happened too often."""
        if not (all_out and action.do is Do.AGAIN and action.failed):
            return
        if not self.told:
            self.told = True
            container.tell(Note(left_behind(container), True))
        answered = action.reply.status is not None and action.reply.status >= 300
        self.lost += not answered
        if self.lost >= _MOST_LOST:
            raise gave_up(
                action, f"The answer to part 1 was lost {self.lost} times",
                "Each time it may have made a video. Run the same command again when the line is better.",
            )  # fmt: skip


def left_behind(container: Container) -> str:
    """What an unanswered part 1 may have left on the server."""
    if container.plan.ended and container.plan.total_parts == 1:
        return "the answer to the only part was lost: the video may be on the server, whole; sent again, it is a second one"
    return (
        "the answer to part 1 was lost: an incomplete video may be on the server, which api.video deletes after 7 days; "
        "part 1 sent again begins a new one"
    )


def refuse_another(container: Container, action: Action) -> None:
    """Raise VidupError(REJECTED) where a good answer names another video than the part was for."""
    told = (action.reply.body or {}).get("videoId")
    if container.named and isinstance(told, str) and told and told != container.video_id:
        raise VidupError(
            ExitCode.REJECTED, f"The server put a part into a video of its own, {told}, instead of {container.video_id}",
            cause="it does not go by the videoId that is sent with every part, so the parts will never be one video",
            advice="Upload with an API key instead of a token: it names the video in the address.",
        )  # fmt: skip


def explained(error: Refused, container: Container) -> Refused:
    """A refusal, with what it may mean for an upload that was begun before, perhaps with another token."""
    if error.code is ExitCode.UNKNOWN:
        error.what = f"This token cannot go on with the video {container.video_id}"
        error.advice = (
            "The video expired (7 days), was deleted, or belongs to another project than the token. To begin a new one: --restart"
        )
    elif error.code is ExitCode.AUTH and container.book.began_with:
        error.advice = f"{error.advice} If the token is good and new, it cannot go on with {container.video_id}; to begin anew: --restart"
    return error
