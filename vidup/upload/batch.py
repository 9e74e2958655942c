"""CONDUCTOR: the uploads of one run over one line: the pure machine joined to this machine's files, threads and clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from vidup.api.client import Api
from vidup.api.transport.transport import Trace
from vidup.errors import ExitCode, VidupError
from vidup.events import Note, Tell
from vidup.plan.rate import buffer_of
from vidup.source.videofile import open_video
from vidup.state.journal import StateFolder
from vidup.units import show_rate
from vidup.upload.acting import Acts, Backoff
from vidup.upload.carrying import Carrying
from vidup.upload.dice import apart, full_jitter
from vidup.upload.dispatcher import Dispatcher, Stopping
from vidup.upload.ending import World
from vidup.upload.health import ENDLESS_LIMIT, RetryBudget
from vidup.upload.order import Order
from vidup.upload.outcome import Report
from vidup.upload.pacing import Pacer
from vidup.upload.questions import PATIENCE
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
        trace: Trace | None = None,
    ) -> None:  # fmt: skip
        """Each order with who hears of it, and who is given its report; `tell` hears of what concerns all. They share one line,
        so that base URL, key, jobs, `retry_for` and timeout are those of the first."""
        self._line = orders[0][0]
        self._tell = tell
        self._trace = trace
        self._backoff = backoff
        self._stop = Stop()
        self._stopped_by = ExitCode.SIGINT
        self._clock = Clock()
        self._acts = Acts(TABLE, backoff)
        self.uploads = [
            Upload(number, order, self._world(order), self._acts, hears, deliver) for number, (order, hears, deliver) in enumerate(orders)
        ]

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
            for upload in self.uploads:
                upload.fail(untrusted)
            return
        throttle = Throttle(line.limit_rate) if line.limit_rate is not None and not line.rehearse else None
        if throttle is not None and line.limit_rate is not None:
            self._tell(Note(f"limit {show_rate(line.limit_rate)}"))
        workers = Workers(line.jobs, Carrying(api, throttle), self._clock, self._stop)
        stopping = Stopping(self._stop.is_set, lambda: self._stopped_by)
        limit = PATIENCE if line.rehearse else ENDLESS_LIMIT
        budget, pacer = RetryBudget(line.retry_for, limit), Pacer(self._backoff, apart)
        try:
            Dispatcher(self.uploads, workers, self._acts, budget, pacer, self._backoff, self._clock.now, stopping, self._tell).run()
        finally:
            workers.close()

    def _world(self, order: Order) -> World:
        return World(open_video, StateFolder(order.state_dir), self._clock.now, time.time, self._stop.is_set)
