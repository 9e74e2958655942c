"""DOOR: many files at once as a user meets them: all over one line, under one set of signals, with one exit."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from vidup.console.again import Memory
from vidup.console.crowdstage import CrowdStage
from vidup.console.leaving import end
from vidup.console.manifesting import Keeper
from vidup.console.options import Noise
from vidup.console.signals import ENDING, Signals
from vidup.console.task import Task, untouched, with_command, worth_telling
from vidup.errors import Cancelled, ExitCode, VidupError
from vidup.events import Awaiting, Event, Note, Started, Tell
from vidup.state.finished import forget_finished
from vidup.state.journal import StateFolder
from vidup.upload.batch import Batch, Deliver
from vidup.upload.crowd import Crowd
from vidup.upload.order import Order
from vidup.upload.outcome import ON_SERVER, Content, Elsewhere, Report, can_go_on
from vidup.upload.tally import Tally


def run_several(tasks: Sequence[Task], noise: Noise, keeper: Keeper | None = None) -> ExitCode:
    """Upload all of them over one line and print each result; returns the exit code, or ends by the signal that stopped them."""
    several = _Several(tasks, noise, keeper)
    with several.signals as signals:
        several.run()
    return end(several.code, signals if several.code in ENDING.values() else None)


class _Several:
    """The files of one command."""

    def __init__(self, tasks: Sequence[Task], noise: Noise, keeper: Keeper | None) -> None:
        self.signals = Signals(self._stop, self._quit, self._look, self._park)
        self.code = ExitCode.OK
        self._tasks = tasks
        self._noise = noise
        self._keeper = keeper
        self._stage = CrowdStage(tasks, noise, keeper.name if keeper is not None else "")
        self._view = self._stage.view
        self._memory = Memory()
        self._batch: Batch | None = None
        self._fatal: VidupError | None = None
        self._watched: dict[int, tuple[Order, Report]] = {}
        self._unprinted: dict[int, tuple[Path, str, str]] = {}

    # -- the run -------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Until every file has its result, or a signal ended it."""
        with self._view:
            self._stage.begin()
            try:
                self._refuse()
                self._leave_out()
                for numbers in self._lines():
                    self._upload(numbers)
            except Exception as error:  # noqa: BLE001  the one place where a fault of ours becomes a sentence
                self._crash(error)
            for number, task in self._stage.not_over():
                self._show(number, untouched(task, self._received or ExitCode.SIGINT))
            self._finish()

    @property
    def _received(self) -> ExitCode | None:
        """The code of the signal that came, if one did."""
        received = self.signals.received
        return ENDING[received] if received is not None else None

    def _refuse(self) -> None:
        """Say at once of those that cannot even begin why not."""
        for number, task in self._stage.not_over():
            if isinstance(task.order, VidupError):
                error = task.order
                report = task.untouched._replace(status="failed", exit_code=error.code, resumable=error.code.resumable, error=error)
                self._stage.crowd.ended(number, "failed")
                self._show(number, with_command(report, task))

    def _leave_out(self) -> None:
        """Leave out what the manifest vouches for; the files themselves are looked at, so that this may take a while."""
        if self._keeper is None:
            return
        self._view.tell(Awaiting(f"looking at the files that {self._keeper.name} tells of"))
        for number, task in self._stage.not_over():
            if self._received is not None:
                return
            if not isinstance(task.order, Order):
                continue
            with contextlib.suppress(Cancelled):
                vouched = self._keeper.vouched(task.order, lambda: self._received is not None)
                if vouched.note:
                    self._view.tell_of(self._stage.whose(number), Note(vouched.note))
                if vouched.report is not None and vouched.watch is not None:
                    self._watched[number] = vouched.watch, vouched.report
                elif vouched.report is not None:
                    self._stage.crowd.ended(number, "skipped")
                    self._show(number, vouched.report)

    def _lines(self) -> Iterator[list[int]]:
        """The files that are to be uploaded, by key and server: those of one go over one line, all at once."""
        lines: dict[tuple[str, str], list[int]] = {}
        for number, task in self._stage.not_over():
            if isinstance(task.order, Order):
                lines.setdefault((task.order.base_url, task.order.key.value), []).append(number)
        yield from lines.values()

    def _upload(self, numbers: list[int]) -> None:
        if self._received is not None or self._fatal is not None:
            return
        trace = self._view.message if self._noise.verbose >= 2 else None
        self._batch = Batch(
            _Orders(self, numbers), self._view.tell, trace=trace, crowd=_Mapped(self._stage.crowd, numbers),
            finished=(lambda place: partial(self._finished, numbers[place])) if self._keeper is not None else None,
        )  # fmt: skip
        if (code := self._received) is not None:  # it came a moment too early to be heard by this batch
            self._batch.stop_with(code)
        self._batch.run()
        self._batch = None

    def order(self, number: int) -> tuple[Order, Tell, Deliver]:
        """What a batch is told of this file."""
        task, whose = self._tasks[number], self._stage.whose(number)
        order, _ = self._watched.get(number, (task.order, None))
        assert isinstance(order, Order)

        def hear(event: Event) -> None:
            if worth_telling(event, self._noise):
                self._view.tell_of(whose, event)
            if isinstance(event, Started) and (note := self._memory.note(order, event)):
                self._view.tell_of(whose, Note(note))

        def deliver(report: Report) -> bool:
            if self._fatal is not None and report.status == "interrupted":
                report = report._replace(status="failed", error=self._fatal.twin(), exit_code=self._fatal.code)
            _, known = self._watched.get(number, (order, None))  # which another run may have made known meanwhile
            report = _as_known(report, task) if known is None else Keeper.watched(known, report)
            if report.whole:
                self._memory.remember(order, report)
            return self._show(number, with_command(report, task))

        return order, hear, deliver

    def _finished(self, number: int, content: Content, size: int) -> Elsewhere | None:
        """Whether another run with this manifest has finished the file meanwhile."""
        order = self._tasks[number].order
        assert self._keeper is not None
        assert isinstance(order, Order)
        known = self._keeper.finished(order, content, size)
        if known is None:
            return None
        self._watched[number] = order, known
        return Elsewhere(known.video_id or "", plays=known.status == "playable")

    def _crash(self, error: Exception) -> None:
        from vidup.console.crash import crash_error

        orders = [task.order for task in self._tasks if isinstance(task.order, Order)]
        if not orders:
            raise error
        fault = crash_error(error, orders[0].state_dir, sorted({order.key.value for order in orders}))
        fault.concerns_all = True
        if self._batch is not None:
            self._batch.crash(fault)
        for number, task in self._stage.not_over():
            self._show(number, task.untouched._replace(status="failed", exit_code=fault.code, resumable=False, error=fault))

    # -- what a file came to -------------------------------------------------------------------------------------

    def _show(self, number: int, report: Report) -> bool:
        """Tell everybody once what a file came to. Whether a good result is safe: on stdout, or in the manifest where there is one."""
        if self._stage.is_over(number):
            return False
        kept = self._keep(number, report)
        out = self._stage.show(number, report)
        for other in out:
            if (left := self._unprinted.pop(other, None)) is not None:
                forget_finished(StateFolder(left[0]), left[1], left[2])
        if self._keeper is not None:
            return kept  # without a row the record has to stay: a rerun looks nowhere else
        order = self._tasks[number].order
        if report.is_through and number not in out and isinstance(order, Order) and report.upload_id:
            self._unprinted[number] = order.state_dir, report.upload_id, report.video_id or ""
        return number in out

    def _keep(self, number: int, report: Report) -> bool:
        """Whether the manifest has it. One that cannot be written stops all: who asked for it relies on it."""
        if self._keeper is None or self._fatal is not None:
            return False
        order = self._tasks[number].order
        try:
            self._keeper.keep(order if isinstance(order, Order) else None, report)
        except VidupError as error:
            error.concerns_all = True
            self._fatal = error
            if self._batch is not None:
                self._batch.stop_with(error.code)
            return False
        return True

    # -- signals -------------------------------------------------------------------------------------------------

    def _stop(self, code: ExitCode) -> None:
        if self._batch is not None:
            self._batch.stop_with(code)
        self._stage.stopping(code)

    def _quit(self) -> None:
        if (code := self._received) is not None:
            self._stage.quit(code, lambda: self._as_they_are(code))

    def _as_they_are(self, code: ExitCode) -> Iterator[tuple[int, Report]]:
        """How those that are not over would end with this code."""
        batch = self._batch
        numbers = batch.crowd.numbers if batch is not None and isinstance(batch.crowd, _Mapped) else []
        open_now = {numbers[upload.number]: upload for upload in batch.uploads} if batch is not None else {}
        for number, task in self._stage.not_over():
            upload = open_now.get(number)
            if upload is None:
                yield number, untouched(task, code)
            else:
                report = upload.report()
                yield number, with_command(report if report.error else report._replace(exit_code=code), task)

    def _look(self) -> None:
        self._view.progress_line()

    def _park(self, parked: bool) -> None:
        (self._view.park if parked else self._view.go_on)()

    # -- the end -------------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        code = self._stage.totals.code(self._received)
        if self._fatal is not None and code is ExitCode.OK:
            code = self._fatal.code
        if self._received is None:
            self.signals.ignore()
        self._stage.again = self._memory.again
        self._stage.finish(code, self._fatal)
        self._memory.close()
        self.code = code


class _Orders(Sequence[tuple[Order, Tell, Deliver]]):
    """The orders of one line; what hears of each is made when its turn comes."""

    def __init__(self, several: _Several, numbers: Sequence[int]) -> None:
        self._several = several
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, place: int) -> tuple[Order, Tell, Deliver]:  # type: ignore[override]
        return self._several.order(self._numbers[place])


class _Mapped(Crowd):
    """The crowd of all files, told by a batch of some of them, whose files have numbers of their own."""

    def __init__(self, crowd: Crowd, numbers: Sequence[int]) -> None:
        super().__init__(())
        self.numbers = numbers
        self._all = crowd

    def began(self, number: int, name: str, size: int, tally: Tally) -> None:
        """As a crowd."""
        self._all.began(self.numbers[number], name, size, tally)

    def ended(self, number: int, status: str, confirmed: int = 0) -> None:
        """As a crowd."""
        self._all.ended(self.numbers[number], status, confirmed)


def _as_known(report: Report, task: Task) -> Report:
    """The report of a file that was not looked at, with what is known of it all the same: where it was begun earlier, it can go on."""
    if report.upload_id is not None or report.status in ON_SERVER:
        return report
    goes_on = report.resumable or can_go_on(report.error, report.exit_code, recorded=task.untouched.upload_id is not None)
    return task.untouched._replace(status=report.status, exit_code=report.exit_code, error=report.error, resumable=goes_on)
