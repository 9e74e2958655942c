"""EDGE: the record of an upload that is over, dropped after its end, when its lock was given back already or its process was killed."""

from __future__ import annotations

import contextlib

from vidup.errors import VidupError
from vidup.state.journal import StateFolder


def forget_finished(folder: StateFolder, upload_id: str, video_id: str) -> None:
    """Drop this record, if there is one and it is of this video; else, and while another process has it, nothing happens.

    Nothing fails: what is left behind costs the next run of the same file one question.
    """
    if not upload_id or not folder.disk.exists(folder.file_of(upload_id)):
        return
    with contextlib.suppress(VidupError, OSError), folder.locked(upload_id):
        record = folder.read(upload_id)
        if record is not None and record.checkpoint.video_id == video_id:
            folder.forget(upload_id)
