"""EMULATOR: the videos, their parts on disk, and the assembled files."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import secrets
import shutil
import string
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final
from uuid import uuid4

from vidup.emulator.answers import Refused
from vidup.emulator.clock import Clock
from vidup.emulator.limits import MAX_VIDEO, MIB
from vidup.emulator.ranges import PartRange, check_against
from vidup.emulator.video import Arrival, Standing, Video

_ALPHABET: Final = string.ascii_letters + string.digits
_COPY_BLOCK: Final = 64 * MIB


@dataclass(order=True)
class _Held:
    """A file that was admitted and is stored only at `due`, in seconds of the clock; `turn` keeps the order of arrival."""

    due: float
    turn: int
    video: Video = field(compare=False)
    wanted: PartRange | None = field(compare=False)
    file: Path = field(compare=False)
    size: int = field(compare=False)


class Library:
    """Every video of one emulator. Files go to `store`; parts wait in a hidden folder of it.

    A part whose storing was put off is stored by the first question asked after its time has come, as if it had happened then.
    """

    def __init__(self, store: Path, parts: Path, min_part: int, max_part: int, clock: Clock) -> None:
        self.store = store
        self.min_part = min_part
        self.max_part = max_part
        self._parts = parts
        self._clock = clock
        self._held: list[_Held] = []
        self._turns = itertools.count()
        self._lock = threading.RLock()
        self._videos: dict[str, Video] = {}

    def create(self, attributes: Mapping[str, object]) -> Video:
        """A new container. A `source` attribute decides how later uploads into it are refused."""
        video_id, date = "vi" + "".join(secrets.choice(_ALPHABET) for _ in range(22)), self._clock.date()
        video = Video(video_id, dict(attributes), created=date, updated=date, born=self._clock.now())
        source = video.attributes.pop("source", None)
        with self._lock:
            if source is not None:
                video.refuses = "video-source-already-copied" if source in self._videos else "video-source-already-downloaded"
            self._videos[video_id] = video
        return video

    def get(self, video_id: str) -> Video:
        """This video; Refused (404) when there is none."""
        with self._lock:
            self._settle()
            video = self._videos.get(video_id)
        if video is None:
            raise Refused("resource-not-found", name="videoId")
        return video

    def every(self, lag: float = 0.0) -> list[Video]:
        """All videos, the newest first; with a lag only those that were there so many seconds ago."""
        with self._lock:
            self._settle()
            return [video for video in reversed(self._videos.values()) if not lag or video.born <= self._clock.now() - lag]

    def update(self, video: Video, attributes: Mapping[str, object]) -> None:
        """Sets these attributes."""
        with self._lock:
            video.attributes.update(attributes)
            video.updated = self._clock.date()

    def delete(self, video_id: str) -> None:
        """Removes the video and its files; Refused (404) when there is none."""
        video = self.get(video_id)
        with self._lock:
            self._videos.pop(video_id, None)
            if video.file is not None:
                video.file.unlink(missing_ok=True)
        shutil.rmtree(self._folder(video_id), ignore_errors=True)

    def parts_of(self, video: Video) -> list[int]:
        """The numbers of the stored parts, sorted."""
        with self._lock:
            return sorted(video.parts)

    def standing(self, video: Video, lag: float = 0.0) -> Standing:
        """How this video stood `lag` seconds ago."""
        with self._lock:
            self._settle()
            return video.standing(self._clock.now() - lag)

    def admit(self, video: Video, wanted: PartRange | None) -> None:
        """Refused when an upload with this range cannot be taken into the video as it stands now."""
        with self._lock:
            if video.refuses:
                raise Refused(video.refuses)
            if video.file is not None:
                raise Refused("video-source-already-uploaded", name="file")
            if wanted is not None:
                check_against(wanted, stored=set(video.parts), total=video.total)
            elif video.parts:
                raise Refused("video-content-range-already-initiated")

    @contextlib.contextmanager
    def waiting_room(self) -> Iterator[Path]:
        """The path for a file being received; what still lies there afterwards is removed."""
        path = self._parts / f"{uuid4().hex}.tmp"
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def check_size(self, size: int, wanted: PartRange | None) -> None:
        """Refused when so many bytes cannot be this part, or this whole file."""
        if size == 0:
            raise Refused("uploaded-file-empty", name="file")
        if size > self.max_part:
            raise Refused("uploaded-file-too-large", name="file")
        if wanted is not None and not wanted.last and size < self.min_part:
            least = f"{self.min_part // MIB} MiB ({self.min_part:,} bytes)" if self.min_part >= MIB else f"{self.min_part:,} bytes"
            text = f"The uploaded file is too small. It must be greater than or equal to {least}, except if it is the last part."
            raise Refused("video-content-range-by-part-uploaded-file-too-small", name="file", detail=text)

    def commit(self, video: Video, wanted: PartRange | None, received: Path, size: int, delay: float | None = None) -> None:
        """Stores a received file as this part, or as the whole video, in one step; assembles the video when it was the last one missing.

        With a delay in seconds it is only admitted now: checked again and stored when the time has come, or dropped without a word.
        Refused when another request was faster, or the video is gone.
        """
        with self._lock:
            self._settle()
            if delay is not None:
                self._check(video, wanted, size)
                held = received.rename(received.with_suffix(".held"))
                heapq.heappush(self._held, _Held(self._clock.now() + delay, next(self._turns), video, wanted, held, size))
                return
        self._store(video, wanted, received, size, self._clock.now())

    def _settle(self) -> None:
        with self._lock:
            while self._held and self._held[0].due <= self._clock.now():
                held = heapq.heappop(self._held)
                with contextlib.suppress(Refused):  # the client has its answer, or has left
                    self._store(held.video, held.wanted, held.file, held.size, held.due)
                held.file.unlink(missing_ok=True)

    def _check(self, video: Video, wanted: PartRange | None, size: int) -> None:
        if self._videos.get(video.video_id) is not video:
            raise Refused("resource-not-found", name="videoId")
        self.admit(video, wanted)
        if sum(video.parts.values()) + size > MAX_VIDEO:
            raise Refused("uploaded-file-too-large", name="file")

    def _store(self, video: Video, wanted: PartRange | None, received: Path, size: int, at: float) -> None:
        with self._lock:
            self._check(video, wanted, size)
            if wanted is None:
                self._finish(video, received, size, at)
                return
            self._folder(video.video_id).mkdir(exist_ok=True)
            received.rename(self._part(video, wanted.number))
            video.arrived(Arrival(wanted.number, wanted.total, at), size)
            if not video.all_there:
                return
        self._assemble(video, at)

    def _finish(self, video: Video, file: Path, size: int, at: float) -> None:
        video.file = file.rename(self.store / f"{video.video_id}.mp4")
        video.file_size = size
        video.completed = at

    def _assemble(self, video: Video, at: float) -> None:
        whole = self._part(video, 1)
        try:
            with whole.open("r+b", buffering=0) as target:
                target.seek(0, os.SEEK_END)
                for number in range(2, len(video.parts) + 1):
                    _append(self._part(video, number), target)
                    self._part(video, number).unlink()
            with self._lock:
                if video.video_id not in self._videos:
                    raise Refused("resource-not-found", name="videoId")
                self._finish(video, whole, sum(video.parts.values()), at)
        except FileNotFoundError:  # deleted meanwhile
            raise Refused("resource-not-found", name="videoId") from None
        shutil.rmtree(self._folder(video.video_id), ignore_errors=True)

    def _folder(self, video_id: str) -> Path:
        return self._parts / video_id

    def _part(self, video: Video, number: int) -> Path:
        return self._folder(video.video_id) / f"{number}.part"


def _append(source: Path, target: BinaryIO) -> None:
    with source.open("rb", buffering=0) as part:
        if hasattr(os, "copy_file_range"):
            with contextlib.suppress(OSError):  # not every file system can; what is left is copied below
                while os.copy_file_range(part.fileno(), target.fileno(), _COPY_BLOCK):
                    pass
        shutil.copyfileobj(part, target, MIB)
