"""EDGE: the one thread that writes to stderr for every view, and the fence behind which a view may fail."""

from __future__ import annotations

import queue
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from threading import Event as Signal
from threading import RLock, Thread, current_thread
from threading import enumerate as living_threads
from types import TracebackType
from typing import Any, ClassVar, Final, Literal, NamedTuple, Self, TextIO

from vidup.events import Awaiting, Encoding, Event, LineDown, LineUp, Named, Note, Started, Waiting
from vidup.inert import inert
from vidup.progress.choice import Style
from vidup.progress.out import Out
from vidup.progress.words import down_state, encoding_line
from vidup.units import show_duration
from vidup.upload.rate import Meter, Pace
from vidup.upload.tally import Snapshot, Tally

Kind = Literal["note", "warning", "error", "success"]

Told = Callable[[], None]
"""Hears, in the thread that writes, that something was written."""

_PATIENCE: Final = 2.0
"""Seconds that `close` waits for a terminal that takes no output (Ctrl-S, a full pipe nobody reads)."""

_BLINK: Final = 0.1
"""Seconds that last words wait for what is being written."""

_PATIENT_FOR: Final = 1.0
"""Seconds from which it is told what everything waits for."""

_THREAD: Final = "vidup-view"


class Leaving(NamedTuple):
    """How vidup ends: what the last event tells."""

    code: int
    kind: str
    message: str
    resumable: bool


class View(ABC):
    """What is seen of one upload, or of several one after the other.

    Everything that is told goes through one queue to one thread, so that neither a slow terminal nor a full pipe ever holds up a
    send, and a signal handler may call any method. Outside `with` the caller's own thread writes at once.

    No method raises, for what is seen must not change what is done: at its first fault a view goes dark. It then shows nothing live
    any more, but still tries what people and programs must be told: messages, the result and the exit.
    """

    beat_every: ClassVar[float] = 0.5
    """Seconds between two looks at the tally."""

    breath: ClassVar[float] = 0.0
    """Seconds for which the thread, once it has shown all that was told, hears of nothing: where hundreds of things are told a second, to
    be woken for each would take more time than to show them."""

    def __init__(self, style: Style, tally: Tally, stream: TextIO, clock: Callable[[], float], now: Callable[[], float]) -> None:
        self.style = style
        self.out = Out(stream)
        self._tally = tally
        self._clock = clock
        self._now = now
        self._meter = Meter()
        self._started: Started | None = None
        self._awaiting: Awaiting | None = None
        self._awaiting_since = 0.0
        self._encodings: dict[str, Encoding] = {}
        self._down: LineDown | None = None
        self._down_at = self._down_since = 0.0
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = RLock()
        self._thread: Thread | None = None
        self._running = False
        self._closed = False
        self._dark = False
        self._patience = _PATIENCE
        self._stop_by: float | None = None
        self._go = Signal()

    def __enter__(self) -> Self:
        self._running = True
        self._thread = Thread(target=self._run, name=_THREAD, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def tell(self, event: Event) -> None:
        """Something happened; from any thread."""
        self._post(partial(self._receive, event))

    def message(self, text: str, kind: Kind = "note", told: Told | None = None) -> None:
        """Lines for people: above the live block, or as plain lines. Each is made inert; a warning or an error is marked.

        `told` is called once they are written, and nothing can come in between.
        """
        self._post_and(partial(self._tell_people, text, kind), told)

    def progress_line(self) -> None:
        """Show the progress once, now."""
        self._post(self._progress_now)

    def stopping(self, seconds: float) -> None:
        """The upload ends within so many seconds: neither a rate nor a time left is claimed any more."""
        self._stop_by = self._clock() + seconds
        self._post(self._look)

    @abstractmethod
    def last_words(self, lines: Sequence[str], report: dict[str, Any]) -> str:
        """What the end of a file would be told as: for people these lines, a warning; nothing is written."""

    def last_word(self, leaving: Leaving) -> str:
        """What the end of vidup would be told as behind that; nothing is written."""
        return ""

    def cut_in(self, text: Callable[[], str]) -> None:
        """Take the live block away and write this at once, past the view's own thread, which writes no more. For a last moment.

        What is being written is waited for, but for a blink only: then a stream that takes nothing keeps us from it. The text is asked for
        when nothing is, so that it can leave out what was told just now.
        """
        free = self._lock.acquire(timeout=_BLINK)
        try:
            self.out.cut_in(self._wipe() + text())
        finally:
            if free:
                self._lock.release()

    def _wipe(self) -> str:
        """What puts the cursor at the start of a line of its own."""
        return "\n" if self.out.is_terminal() else ""

    def park(self) -> None:
        """Show nothing from here to `go_on`: the process is about to be stopped, and the terminal is then the shell's."""
        if self._running:
            parked = Signal()
            self._go.clear()
            self._jobs.put(partial(self._rest_until_go, parked))  # never in this thread, which alone will say go
            parked.wait(_PATIENCE)

    def go_on(self) -> None:
        """The process goes on."""
        self._go.set()

    def ending(self) -> None:
        """The process was asked to end: nothing is told beside the lines any more, for a second signal would leave it there."""
        self._post(self._tell_no_more)

    def settle(self) -> None:
        """Wait until all that was told is shown, at most two seconds: what is printed to stdout next belongs below it."""
        if self._running:
            shown = Signal()
            self._post(shown.set)
            shown.wait(_PATIENCE)

    @abstractmethod
    def result(self, report: dict[str, Any], told: Told | None = None) -> None:
        """One file is over, and came to this report. `told` as in `message`."""

    def exit_(self, code: int, kind: str, message: str, resumable: bool) -> None:
        """vidup ends with this exit code; the view is closed."""
        self.close()

    def close(self) -> None:
        """Write what is queued, give the terminal back and stop the thread; again or from several threads does no harm."""
        thread = self._thread
        if thread is not None and thread is not current_thread():
            self._jobs.put(None)
            thread.join(self._patience)
            if thread.is_alive():
                self._patience = 0.0
                return  # the stream takes nothing, not even what would restore it
        self._drain()
        self._fenced(self._finish)

    @abstractmethod
    def beat(self) -> None:
        """Look at the tally and show what is due; called by the view's own thread."""

    @abstractmethod
    def _shown(self, event: Event) -> None:
        """Show an event that is no note."""

    @abstractmethod
    def _say(self, text: str, kind: Kind) -> None:
        """Show lines to people."""

    @abstractmethod
    def _progress_now(self) -> None:
        """Show the progress once."""

    def _fenced(self, action: Callable[[], None]) -> bool:
        """The fence: everything that a view does is done in here. False if it failed, and the view is dark now."""
        with self._lock:
            try:
                action()
            except Exception as fault:  # noqa: BLE001  the one place where a fault of what is seen ends
                self._go_dark(fault)
                return False
            return True

    def _go_dark(self, fault: Exception) -> None:
        if self._dark:
            return
        self._dark = True
        self._fenced(self._rest)  # what is drawn goes away, and with it whatever drew it
        self._fenced(partial(self._say, f"the display failed ({type(fault).__name__}); the upload goes on without it", "warning"))

    def _look(self) -> None:
        """A beat, unless the view is dark; its fault does not end the job that asked for it."""
        if not self._dark:
            self._fenced(self.beat)

    def _tell_people(self, text: str, kind: Kind) -> None:
        if not self._fenced(partial(self._say, text, kind)):
            self._fenced(partial(self._say, text, kind))  # once more, in the dark: as a plain line it may well come out

    def _rest(self) -> None:
        """The progress of one file ends here."""
        self._started = self._awaiting = self._down = None
        self._encodings = {}

    def _make_room(self) -> None:
        """Take away what is drawn, for now; lines alone only have to be out."""
        self.out.flush()

    def _tell_no_more(self) -> None:
        self.style = self.style._replace(taskbar=False)

    def _rest_until_go(self, parked: Signal) -> None:
        parked.set()
        self._go.wait()

    def _finish(self) -> None:
        """The last act of the view, maybe repeated; one that changed the terminal restores it here."""
        self._closed = True

    def _numbers(self) -> Snapshot | None:
        """The numbers, once there are any."""
        return self._tally.snapshot() if self._started is not None else None

    def _reading(self) -> tuple[Snapshot, Pace]:
        numbers = self._tally.snapshot()
        now = self._clock()
        pace = self._meter.read(now, numbers)
        if self._stop_by is not None:
            pace = pace._replace(rate=0.0, eta=None, stopping=max(0.0, self._stop_by - now))
        return numbers, pace

    def _receive(self, event: Event) -> None:
        if self._closed:
            return
        if isinstance(event, Note):
            self._tell_people(event.text, "warning" if event.warning else "note")
        elif not self._dark:
            self._follow(event)

    def _follow(self, event: Event) -> None:
        if isinstance(event, Started):
            self._started, self._meter = event, Meter()
            self._awaiting = None
            self._reading()
        elif isinstance(event, Named) and self._started is not None:
            self._started = self._started._replace(video_id=event.video_id)
        elif isinstance(event, Awaiting):
            self._await(event)
        elif isinstance(event, Encoding):
            self._await_encoding(event)
        elif isinstance(event, Waiting):
            self._meter.wait_until(self._clock() + event.seconds)
        self._shown(event)
        if isinstance(event, LineDown):
            self._down_since = self._clock() if self._down is None else self._down_since
            self._down, self._down_at = event, self._clock()
        elif isinstance(event, LineUp):
            self._down = None

    def _await(self, event: Awaiting) -> None:
        """Remember what is waited for, unless there is progress to show, or it is asked again."""
        if self._started is None and event != self._awaiting and not self._encodings:
            self._awaiting, self._awaiting_since = event, self._clock()

    def _await_encoding(self, event: Encoding) -> None:
        """The progress is over: from now on the encoding is what is waited for, and since when does not change with it."""
        if event.over:
            self._encodings.pop(event.video_id, None)
        else:
            if not self._encodings:
                self._end_progress()
                self._awaiting_since = self._clock()
            self._encodings[event.video_id] = event
        awaiting = Awaiting(encoding_line(list(self._encodings.values()))) if self._encodings else None
        self._awaiting = self._awaiting if awaiting == self._awaiting else awaiting

    def _end_progress(self) -> None:
        """Take the progress away."""
        self._rest()

    def _down_now(self) -> str:
        """How the line is, if it is down; else empty."""
        if self._down is None:
            return ""
        now = self._clock()
        return down_state(self._down, now - self._down_since, self._down_at + self._down.wait - now)

    def _waiting_now(self, least: float = _PATIENT_FOR) -> tuple[str, str] | None:
        """What everything waits for before there is any progress, where that takes so many seconds or more, and how that goes."""
        waited = self._clock() - self._awaiting_since
        if self._started is not None or self._awaiting is None or waited < least:
            return None
        return inert(self._awaiting.what), self._down_now() or show_duration(waited)

    def _post(self, job: Callable[[], None]) -> None:
        self._jobs.put(job)
        if not self._running:
            self._drain()

    def _post_and(self, job: Callable[[], None], told: Told | None) -> None:
        def both() -> None:
            job()
            if told is not None:
                told()

        self._post(both)

    def _drain(self) -> None:
        with self._lock:
            while True:
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    return
                if job is not None:
                    self._fenced(job)

    def _run(self) -> None:
        next_beat = time.monotonic()
        try:
            while True:
                try:
                    job = self._jobs.get(timeout=max(0.0, next_beat - time.monotonic()))
                except queue.Empty:
                    self._look()
                    next_beat = time.monotonic() + self.beat_every
                    continue
                if job is None:
                    return
                self._fenced(job)
                if self.breath and self._jobs.empty():
                    time.sleep(self.breath)
        finally:
            self._fenced(self._finish)
            self._running = False


def stderr_is_stuck() -> bool:
    """Whether the thread of a closed view still hangs in a write that nobody takes; to be asked while no view is open."""
    return any(thread.name == _THREAD for thread in living_threads())
