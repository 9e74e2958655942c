"""EMULATOR: the local api.video as one object: its socket, its threads, and what a test may ask and do."""

from __future__ import annotations

import contextlib
import hashlib
import select
import shutil
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from types import TracebackType
from typing import Self

from vidup.emulator.clock import Clock
from vidup.emulator.course import Course
from vidup.emulator.encoding import QUALITIES, Encoding
from vidup.emulator.faults import FaultBook
from vidup.emulator.keys import Keyring, UploadToken
from vidup.emulator.ledger import Ledger, Record
from vidup.emulator.limits import MAX_PART, MIN_PART, RateLimit, RateLimiter, rate_limit_of
from vidup.emulator.routes import Site
from vidup.emulator.video import Video
from vidup.emulator.videos import Library
from vidup.emulator.wire import Gone, Wire


@dataclass(frozen=True, slots=True)
class VideoView:
    """One video as it was when asked. `attributes` is what it was created with; `file` the assembled file once complete."""

    video_id: str
    title: str
    attributes: Mapping[str, object]
    parts: frozenset[int]
    total_parts: int | None
    file: Path | None
    size: int | None

    @property
    def complete(self) -> bool:
        """Whether the whole file is there."""
        return self.file is not None


class Emulator:
    """A local api.video, serving from `with` to its end.

    `store` is the folder for finished videos (None: a temporary one, removed at the end); `rate_limit` requests a window (None: no
    limit, no headers); `faults` in the text form of `vidup emulator --help`; `token_lifetime`, `answer_delay` and `playable_after`
    in seconds; `min_part` and `max_part` in bytes; `clock` measures all time but waits on the wire; `hear` is
    given each request that has ended, in any thread. ValueError for a bad fault or
    rate limit, OSError for an address in use.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        store: Path | str | None = None,
        api_key: str | None = None,
        rate_limit: RateLimit | Mapping[str, float] | None = None,
        faults: Iterable[str] = (),
        token_lifetime: float = 3600,
        tls: ssl.SSLContext | None = None,
        answer_delay: float = 0.0,
        playable_after: float = 0.0,
        min_part: int = MIN_PART,
        max_part: int = MAX_PART,
        clock: Clock | None = None,
        hear: Callable[[Record], None] | None = None,
    ) -> None:
        limit = rate_limit_of(rate_limit) if isinstance(rate_limit, Mapping) else rate_limit
        clock = clock or Clock()
        self._faults = FaultBook(faults)
        self._tls = tls
        self._stopping = threading.Event()
        self._ledger = Ledger(hear)
        self._keyring = Keyring(api_key or token_urlsafe(24), token_lifetime, clock)
        self._lock = threading.Lock()
        self._wires: dict[int, Wire] = {}
        self._threads: dict[int, threading.Thread] = {}
        self._opened = self._peak = 0
        with contextlib.ExitStack() as undo:
            self._listener = undo.enter_context(_listen(host, port))
            library = Library(*self._folders(undo, store), min_part, max_part, clock)
            self._bell, self._waker = (undo.enter_context(end) for end in socket.socketpair())
            self._closing = undo.pop_all()
        site = Site(library, self._keyring, self._ledger, Encoding(playable_after * len(QUALITIES)))
        self._library = library
        self._course = Course(site, self._faults, RateLimiter(limit, clock) if limit else None, answer_delay, self._stopping)
        name, number = self._listener.getsockname()[:2]
        self.url = f"{'https' if tls else 'http'}://{f'[{name}]' if ':' in name else name}:{number}"
        self._acceptor = threading.Thread(target=self._accept, name="emulator", daemon=True)

    def _folders(self, undo: contextlib.ExitStack, store: Path | str | None) -> tuple[Path, Path]:
        if store is None:
            folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="vidup-emulator-", ignore_cleanup_errors=True)))
        else:
            folder = Path(store)
            folder.mkdir(parents=True, exist_ok=True)
        parts = Path(tempfile.mkdtemp(prefix=".parts-", dir=folder))
        undo.callback(shutil.rmtree, parts, ignore_errors=True)
        return folder, parts

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopping.set()
        self._waker.send(b"!")
        self._acceptor.join()
        with self._lock:
            wires, threads = list(self._wires.values()), list(self._threads.values())
        for wire in wires:
            wire.hang_up()
        for thread in threads:
            thread.join(5)
        self._closing.close()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            ready, _, _ = select.select([self._listener, self._bell], [], [])
            if self._listener in ready and not self._stopping.is_set():
                with contextlib.suppress(OSError):  # the client has left already
                    self._welcome(self._listener.accept()[0])

    def _welcome(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._opened += 1
            number = self._opened
            thread = threading.Thread(target=self._serve, args=(sock, number), name=f"emulator-{number}", daemon=True)
            self._threads[number] = thread
            self._wires[number] = Wire(sock)
            self._peak = max(self._peak, len(self._wires))
        self._ledger.ring()
        thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        wire = self._wires[number]
        try:
            if self._tls is not None:
                wire.encrypt(self._tls)
            while not self._stopping.is_set():
                head = wire.read_head()
                if head is None:
                    break
                self._course.run(wire, head, number)
                if not wire.stays:
                    break
        except Gone:
            pass
        finally:
            wire.close()
            with self._lock:
                self._wires.pop(number, None)
                self._threads.pop(number, None)
            self._ledger.ring()

    @property
    def api_key(self) -> str:
        """The one key this server knows."""
        return self._keyring.api_key

    @property
    def requests(self) -> list[Record]:
        """The requests that have ended so far."""
        return self._ledger.records()

    @property
    def connections(self) -> int:
        """TCP connections accepted so far."""
        return self._opened

    @property
    def peak_connections(self) -> int:
        """The most TCP connections open at one time."""
        return self._peak

    @property
    def videos(self) -> dict[str, VideoView]:
        """Every video by its id, the oldest first."""
        return {video.video_id: self._view(video) for video in reversed(self._library.every())}

    def _view(self, video: Video) -> VideoView:
        parts = frozenset(self._library.parts_of(video))
        return VideoView(
            video.video_id, str(video.attributes["title"]), dict(video.attributes), parts, video.total, video.file, video.file_size
        )

    def stored_parts(self, video_id: str) -> set[int]:
        """The numbers of the parts this video has; empty for an unknown one."""
        view = self.videos.get(video_id)
        return set(view.parts) if view else set()

    def file(self, video_id: str) -> Path | None:
        """The assembled file; None while the video is unknown or not complete."""
        view = self.videos.get(video_id)
        return view.file if view else None

    def sha256(self, video_id: str) -> str | None:
        """The hex digest of the assembled file; None as for `file`."""
        path = self.file(video_id)
        if path is None:
            return None
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def payload_bytes(self, video_id: str | None = None) -> int:
        """File bytes received for one video or all, with those of refused, unfinished and running requests."""
        return self._ledger.payload_bytes(video_id)

    def in_progress(self) -> int:
        """Upload requests being received right now."""
        return self._ledger.receiving()

    def wait_until(self, predicate: Callable[[], object], timeout: float = 10.0) -> bool:
        """Waits until the predicate holds, at most `timeout` seconds; whether it did. It is asked again whenever anything moves."""
        return self._ledger.wait_until(predicate, timeout)

    def add_fault(self, text: str) -> None:
        """Scripts one more fault; ValueError for a text that is none."""
        self._faults.add(text)

    def clear_faults(self) -> None:
        """Takes every fault away that has not struck."""
        self._faults.clear()

    def expire_tokens(self) -> None:
        """Ends every access token given out so far; refresh tokens live on."""
        self._keyring.expire_access()

    def new_upload_token(self, ttl: int) -> UploadToken:
        """A new upload token that lives `ttl` seconds, 0 for ever."""
        return self._keyring.new_upload_token(ttl)

    def upload_tokens(self) -> list[UploadToken]:
        """The living upload tokens, the newest first."""
        return self._keyring.upload_tokens()

    def delete_video(self, video_id: str) -> None:
        """Takes a video away, as if it had expired; KeyError for an unknown one."""
        if video_id not in self.videos:
            raise KeyError(video_id)
        self._library.delete(video_id)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=128)
