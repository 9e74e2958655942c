"""EDGE: a last look at an open file before the first request: one that cannot be a video, or that is still being written."""

from __future__ import annotations

import os

from vidup.errors import ExitCode, VidupError
from vidup.events import Note, Tell
from vidup.source.containers import look_at
from vidup.source.videofile import VideoFile
from vidup.source.writers import is_being_written


def inspect(video: VideoFile, called: str, tell: Tell) -> None:
    """Raise VidupError(FILE) if this file cannot be a video; tell of what may go wrong. `called` is the path as the user gave it.

    Nothing that api.video takes is refused: a head that nobody knows is only a note, for those who ask for details.
    """
    written = is_being_written(video.descriptor)
    try:
        look = look_at(lambda length, offset: os.pread(video.descriptor, length, offset), video.size)
    except OSError as error:
        raise video.unreadable("at its beginning", error) from error
    if look.refusal:
        follow = "To send it while it is being written: --follow. " if written and look.kind else ""
        raise VidupError(ExitCode.FILE, f"{called} {look.refusal}", advice=follow + look.advice)
    if written:
        tell(Note(f"{video.name} is open for writing in another process; to send it while it grows: --follow", warning=True))
    if not look.kind:
        tell(Note(f"{video.name} does not begin as any video that vidup knows; the server will tell", detail=True))
