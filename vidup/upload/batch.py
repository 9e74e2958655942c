"""CONDUCTOR: the uploads of one run over one line: the pure machine joined to this machine's files, threads and clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from vidup.api.client import Api
from vidup.api.transport.transport import Trace
from vidup.errors import ExitCode, VidupError
from vidup.events import Tell
from vidup.plan.rate import buffer_of
from vidup.source.inspection import inspect
from vidup.source.videofile import open_video
from vidup.state.journal import StateFolder
from vidup.upload.acting import Acts, Backoff
from vidup.upload.carrying import Carrying
from vidup.upload.dice import about, apart, full_jitter
from vidup.upload.dispatcher import Dispatcher, Stopping
from vidup.upload.ending import World
from vidup.upload.exchange import Source
from vidup.upload.health import ENDLESS_LIMIT, RetryBudget
from vidup.upload.order import Following, Inflow, Order
from vidup.upload.outcome import Report
from vidup.upload.pacing import Pacer
from vidup.upload.questions import PATIENCE
from vidup.upload.roster import Roster
from vidup.upload.tally import Unwatched
from vidup.upload.throttle import Throttle
from vidup.upload.upload import Upload
from vidup.upload.workers import Clock, Stop, Workers
from vidup.verdicts.rules import TABLE

Deliver = Callable[[Report], bool]
"""Is given a report once, and says whether a good result is out."""


class Batch:
    """One run of some uploads of one key at one server. `stop_with` may be called at any moment from anywhere."""

    def __init__(
        self, orders: Sequence[tuple[Order, Tell, Deliver]], tell: Tell, *, backoff: Backoff = full_jitter,
        trace: Trace | None = None, crowd: Unwatched | None = None,
    ) -> None:  # fmt: skip
        """Each order with who hears of it, and who is given its report; `tell` hears of what concerns all. They share one line,
        so that base URL, key, jobs, `retry_for` and timeout are those of the first.

        Orders may be thousands: each is looked up when its turn comes. `crowd` counts them, if somebody looks at all together.
        """
        self.crowd = crowd or Unwatched()
        self._orders = orders
        self._folders: dict[Path, StateFolder] = {}
        self._line = orders[0][0]
        self._tell = tell
        self._trace = trace
        self._backoff = backoff
        self._stop = Stop()
        self._stopped_by = ExitCode.SIGINT
        self._clock = Clock()
        self._acts = Acts(TABLE, backoff)
        self._alone = self._make(0) if len(orders) == 1 else None
        self._roster = Roster(len(orders), lambda number: self._alone or self._make(number))

    @property
    def uploads(self) -> list[Upload]:
        """Those that are open now, the older first; one alone from the beginning, and for good. May be asked from any thread."""
        return [self._alone] if self._alone is not None else self._roster.made

    def stop_with(self, code: ExitCode) -> None:
        """End soon, as interrupted with this code; may be called inside a signal handler."""
        self._stopped_by = code
        self._stop.set()

    def run(self) -> None:
        """Until every upload is over. Raises nothing but faults of vidup itself."""
        line = self._line
        try:
            api = Api(
                line.base_url, line.key, timeout=line.timeout, trace=self._trace, buffer=buffer_of(line.jobs, line.limit_rate)
            )  # fmt: skip
        except VidupError as untrusted:
            self._end_all(untrusted, Upload.fail)
            return
        throttle = Throttle(line.limit_rate) if line.limit_rate is not None and not line.rehearse else None
        workers = Workers(line.jobs, Carrying(api, throttle), self._clock, self._stop)
        stopping = Stopping(self._stop.is_set, lambda: self._stopped_by)
        limit = PATIENCE if line.rehearse else ENDLESS_LIMIT
        budget, pacer = RetryBudget(line.retry_for, limit), Pacer(self._backoff, apart)
        try:
            Dispatcher(
                self._roster, workers, self._acts, budget, pacer, self._backoff, self._clock.now, stopping, self._tell, line.base_url,
                not line.key.delegated,
            ).run()  # fmt: skip
        finally:
            workers.close()

    def crash(self, fault: VidupError) -> None:
        """End at once all that is not over, for a fault of vidup itself."""
        self._end_all(fault, Upload.crash)

    def _end_all(self, error: VidupError, end: Callable[[Upload, VidupError], None]) -> None:
        error.concerns_all = True
        self._roster.end_all(lambda upload: end(upload, error.twin()))

    def _make(self, number: int) -> Upload:
        order, hears, deliver = self._orders[number]
        folder = self._folders.get(order.state_dir)
        if folder is None:
            folder = self._folders[order.state_dir] = StateFolder(order.state_dir)
        world = World(partial(self._open, order, hears), folder, self._clock.now, time.time, self._stop.is_set, about)
        return Upload(number, order, world, self._acts, hears, deliver, self.crowd)

    def _open(self, order: Order, tell: Tell, path: str) -> Source:
        """What the order names: a stream, a file that grows, or one that was looked at, unless it was when its upload began."""
        if isinstance(order.inflow, Following):
            from vidup.source.growing import Growing

            return Growing(path, order.jobs, self._stop.is_set, order.inflow.idle, order.any_file)
        if order.inflow is not None:
            return self._stream(order, order.inflow)
        video = open_video(path)
        if not (order.any_file or order.continuing):
            try:
                inspect(video, path, tell)
            except VidupError:
                video.close()
                raise
        return video

    def _stream(self, order: Order, inflow: Inflow) -> Source:
        """The stream, named for people, and for the record by its title and the whole command."""
        import hashlib

        from vidup.source.producers import Command, Pipe
        from vidup.source.stream import Stream

        title = str(order.video.get("title", ""))
        producer = Command(inflow.command) if inflow.command else Pipe()
        name = f"the output of {inflow.command[0]}" if inflow.command else "standard input"
        command = "\0".join(inflow.command).encode("utf-8", "surrogateescape")
        mark = f" [{hashlib.sha256(command).hexdigest()[:8]}]" if inflow.command else ""
        path = f"{name}{f': {title}' if title else ''}{mark}"
        return Stream(producer, path, name, order.state_dir, order.jobs, self._stop.is_set, inflow.min_size)
