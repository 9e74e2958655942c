"""DOOR: many files at once as a user meets them: one view, one set of signals, the results in the order given, and one exit."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from vidup.console.again import Memory
from vidup.console.github import annotation
from vidup.console.jobstep import CrowdStep, open_crowd_step
from vidup.console.leaving import end
from vidup.console.manifesting import Keeper
from vidup.console.options import Noise, environment, same_command
from vidup.console.outlet import Outlet
from vidup.console.results import is_terminal, result_line
from vidup.console.signals import ENDING, Signals
from vidup.console.summary import error_lines, failure_lines, stopping_lines
from vidup.console.task import Task, limit_line, untouched, with_command
from vidup.console.totals import GOOD, Totals, done_words, summary_lines, undelivered_lines
from vidup.errors import Cancelled, ExitCode, VidupError
from vidup.events import Awaiting, Event, Note, Started, Tell
from vidup.progress.base import Kind, Leaving, stderr_is_stuck
from vidup.progress.choice import decide
from vidup.progress.crowd import Whose
from vidup.progress.out import write_while_taken
from vidup.progress.views import open_crowd_view
from vidup.state.finished import forget_finished
from vidup.state.journal import StateFolder
from vidup.upload.batch import Batch, Deliver
from vidup.upload.crowd import Crowd
from vidup.upload.ending import GRACE
from vidup.upload.order import Order
from vidup.upload.outcome import Report, can_go_on
from vidup.upload.tally import PartState, Tally

_LAST_PATIENCE = 0.5
"""Seconds without a byte taken that the objects of a second signal are given to go out."""

_ANNOTATIONS = 10
"""Failures that are marked in a GitHub job; it shows no more of one step."""


def run_several(tasks: Sequence[Task], noise: Noise, keeper: Keeper | None = None) -> ExitCode:
    """Upload all of them over one line and print each result; returns the exit code, or ends by the signal that stopped them."""
    several = _Several(tasks, noise, keeper)
    with several.signals as signals:
        several.run()
    return end(several.code, signals if several.code in ENDING.values() else None)


class _Several:
    """The files of one command. Everything but the view's drawing happens in the thread that made it, signals among it."""

    def __init__(self, tasks: Sequence[Task], noise: Noise, keeper: Keeper | None) -> None:
        self.signals = Signals(self._stop, self._quit, self._look, self._park)
        self.code = ExitCode.OK
        self._tasks = tasks
        self._noise = noise
        self._keeper = keeper
        self._stderr = io.StringIO() if sys.stderr is None or stderr_is_stuck() else sys.stderr
        self._style = decide(noise.progress, noise.color, noise.quiet, noise.verbose, environment(), self._stderr.isatty())
        self._crowd = Crowd(_size_of(task) for task in tasks)
        self._view = open_crowd_view(self._style, self._crowd, self._stderr)
        self._step: CrowdStep | None = open_crowd_step(environment(), lambda text: self._view.message(text, "warning"))
        self._totals = Totals(len(tasks))
        self._outlet = Outlet()
        self._memory = Memory()
        self._batch: Batch | None = None
        self._over = bytearray(len(tasks))
        self._unprinted: dict[int, tuple[Path, str, str]] = {}
        self._fatal: VidupError | None = None
        self._last_error: VidupError | None = None
        self._finished = False
        self._annotations: list[str] = []
        self._began = time.monotonic()

    # -- the run -------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Until every file has its result, or a signal ended it."""
        with self._view:
            if self._noise.verbose:
                self._view.message("\n".join([*self._noise.sources, *self._key_sources()]))
            for line in sorted({limit_line(task.order) for task in self._tasks if isinstance(task.order, Order)} - {""}):
                self._view.message(line)
            try:
                self._refuse()
                self._leave_out()
                for numbers in self._lines():
                    self._upload(numbers)
            except Exception as error:  # noqa: BLE001  the one place where a fault of ours becomes a sentence
                self._crash(error)
            received = self.signals.received
            for number, task in self._not_over():
                self._show(number, untouched(task, ENDING[received] if received is not None else ExitCode.SIGINT))
            self._finish()

    def _refuse(self) -> None:
        """Say at once of those that cannot even begin why not."""
        for number, task in self._not_over():
            if isinstance(task.order, VidupError):
                error = task.order
                report = task.untouched._replace(status="failed", exit_code=error.code, resumable=error.code.resumable, error=error)
                self._crowd.ended(number, "failed")
                self._show(number, with_command(report, task))

    def _leave_out(self) -> None:
        """Leave out what the manifest vouches for; the files themselves are looked at, so that this may take a while."""
        if self._keeper is None:
            return
        self._view.tell(Awaiting(f"looking at the files that {self._keeper.name} tells of"))
        for number, task in self._not_over():
            if self.signals.received is not None:
                return
            if not isinstance(task.order, Order):
                continue
            with contextlib.suppress(Cancelled):
                vouched = self._keeper.vouched(task.order, lambda: self.signals.received is not None)
                if vouched.note:
                    self._view.tell_of(self._whose(number), Note(vouched.note))
                if vouched.report is not None:
                    self._crowd.ended(number, "skipped")
                    self._show(number, vouched.report)

    def _lines(self) -> Iterator[list[int]]:
        """The files that are to be uploaded, by key and server: those of one go over one line, all at once."""
        lines: dict[tuple[str, str], list[int]] = {}
        for number, task in self._not_over():
            if isinstance(task.order, Order):
                lines.setdefault((task.order.base_url, task.order.key.value), []).append(number)
        yield from lines.values()

    def _upload(self, numbers: list[int]) -> None:
        if self.signals.received is not None or self._fatal is not None:
            return
        trace = self._view.message if self._noise.verbose >= 2 else None
        self._batch = Batch(_Orders(self, numbers), self._view.tell, trace=trace, crowd=_Mapped(self._crowd, numbers))
        if self.signals.received is not None:  # it came a moment too early to be heard by this batch
            self._batch.stop_with(ENDING[self.signals.received])
        try:
            self._batch.run()
        finally:
            self._batch = None

    def order(self, number: int) -> tuple[Order, Tell, Deliver]:
        """What a batch is told of this file."""
        task, whose = self._tasks[number], self._whose(number)
        order = task.order
        assert isinstance(order, Order)

        def hear(event: Event) -> None:
            self._view.tell_of(whose, event)
            if isinstance(event, Started) and (note := self._memory.note(order, event)):
                self._view.tell_of(whose, Note(note))

        def deliver(report: Report) -> bool:
            if self._fatal is not None and report.status == "interrupted":
                report = report._replace(status="failed", error=self._fatal.twin(), exit_code=self._fatal.code)
            report = _as_known(report, task)
            if report.status in GOOD and report.video_id:
                self._memory.remember(order, report.video_id)
            return self._show(number, with_command(report, task))

        return order, hear, deliver

    def _crash(self, error: Exception) -> None:
        from vidup.console.crash import crash_error

        orders = [task.order for task in self._tasks if isinstance(task.order, Order)]
        if not orders:
            raise error
        fault = crash_error(error, orders[0].state_dir, sorted({order.key.value for order in orders}))
        fault.concerns_all = True
        if self._batch is not None:
            self._batch.crash(fault)
        for number, task in self._not_over():
            report = task.untouched._replace(status="failed", exit_code=fault.code, resumable=False, error=fault)
            self._show(number, report)

    # -- what a file came to -------------------------------------------------------------------------------------

    def _show(self, number: int, report: Report) -> bool:
        """Tell everybody once what a file came to. Whether a good result is safe: on stdout, or in the manifest."""
        if self._over[number]:
            return False
        self._over[number] = 1
        kept = self._keep(number, report)
        self._tell(number, report, again=self._totals.add(number, report))
        if self._step is not None:
            self._step.end(report)
        line = result_line(report, self._noise, self._tells_a_person())
        with self._view.aside() if line and is_terminal() else contextlib.nullcontext():
            out = self._outlet.put(number, line)
        for other in out:
            if (left := self._unprinted.pop(other, None)) is not None:
                forget_finished(StateFolder(left[0]), left[1], left[2])
        order = self._tasks[number].order
        if self._keeper is not None:
            return kept  # without a row the record has to stay: a rerun looks nowhere else
        if report.status in GOOD and number not in out and isinstance(order, Order) and report.upload_id:
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

    def _tell(self, number: int, report: Report, *, again: bool) -> None:
        good = report.status in GOOD
        fields = report.to_json() if self._style.mode == "json" else {}
        self._view.result_of(self._whose(number), fields, done_words(report) if good and not report.skipped else ())
        error, before = report.error, self._last_error
        self._last_error = error or before
        if report.status != "failed" or (again and error is not None and (error.concerns_all or error is before)):
            return
        order = self._tasks[number].order
        source, noun = (order.key.source, order.key.short_noun) if isinstance(order, Order) else ("", "key")
        lines = failure_lines(report._replace(resume_command=None), source, noun)
        if self._style.mode != "json":
            self._view.message("\n".join(lines[:1] if again else lines), "error")
        if not again and len(self._annotations) < _ANNOTATIONS and (command := annotation(environment(), lines)):
            self._annotations.append(command)

    def _tells_a_person(self) -> bool:
        """Whether what is done is shown on a terminal, so that the video ids need not be told again on one."""
        return self._stderr.isatty() and self._style.mode != "json" and not self._noise.quiet

    # -- signals -------------------------------------------------------------------------------------------------

    def _stop(self, code: ExitCode) -> None:
        if self._batch is not None:
            self._batch.stop_with(code)
        answers = 0
        with contextlib.suppress(Exception):  # a signal may come amid any change: then the stop is all there is
            answers = sum(file.states.count(PartState.ANSWER) for file in self._crowd.snapshot().open)
        self._view.ending()
        self._view.stopping(GRACE)
        report = Report("interrupted", None, code, resumable=True, resume_command=same_command())
        self._view.message("\n".join(stopping_lines(report, GRACE, answers)), "warning")

    def _quit(self) -> None:
        """The second signal: say how it ends, in the numbers of this moment."""
        received = self.signals.received
        if received is None or self._finished:
            return
        code = ENDING[received]
        with contextlib.suppress(Exception):
            self._view.cut_in(lambda: self._last_words(code))
        with contextlib.suppress(OSError, ValueError, AttributeError):
            write_while_taken(sys.stdout.fileno(), self._last_objects(code).encode(), _LAST_PATIENCE)
        if self._step is not None:
            with contextlib.suppress(Exception):
                self._step.finish(self._totals.video_ids(), self._totals.failed, True, self._totals.message())

    def _last_words(self, code: ExitCode) -> str:
        left = len(self._tasks) - sum(self._over)
        self._totals.interrupted += left
        lines = self._summary()
        self._totals.interrupted -= left
        leaving = Leaving(int(code), code.name.lower(), self._totals.message(), True)
        results = (self._view.last_result(self._whose(number), report.to_json()) for number, report in self._last_reports(code))
        return self._view.last_words_of_all(lines, results, leaving)

    def _last_objects(self, code: ExitCode) -> str:
        """The results that stdout has not got: those held back, and of every other file how it ends now; in the order given."""
        last = dict(self._last_reports(code)) if self._noise.as_json else {}
        lines = []
        for number in range(self._outlet.turn, len(self._tasks)):
            held = self._outlet.held(number)
            line = held if held is not None else result_line(last[number], self._noise) if number in last else ""
            lines += [f"{line}\n"] if line else []
        return "".join(lines)

    def _last_reports(self, code: ExitCode) -> Iterator[tuple[int, Report]]:
        """How those that are not over would end with this code."""
        batch = self._batch
        numbers = batch.crowd.numbers if batch is not None and isinstance(batch.crowd, _Mapped) else []
        open_now = {numbers[upload.number]: upload for upload in batch.uploads} if batch is not None else {}
        for number, task in self._not_over():
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
        received, totals = self.signals.received, self._totals
        code = totals.code(ENDING[received] if received is not None else None)
        if self._fatal is not None and code is ExitCode.OK:
            code = self._fatal.code
        if received is None:
            self.signals.ignore()
        self._view.over()
        if self._fatal is not None and not totals.failed:  # else it was told as what those failed by
            self._view.message("\n".join(error_lines(self._fatal)), "error")
        kind: Kind = "note" if not self._tasks else "error" if totals.failed else "warning" if totals.interrupted else "success"
        if self._style.mode != "json":
            self._view.message("\n".join(self._summary()), kind)
        if self._step is not None:
            self._step.finish(totals.video_ids(), totals.failed, totals.resumable, totals.message())
        if self._outlet.broken:
            self._view.message("\n".join(undelivered_lines(same_command())), "error")
        self._view.exit_(int(code), code.name.lower(), totals.message(), totals.resumable)
        self._finished = True
        self._memory.close()
        self.code = code
        if self._style.mode != "json" and not stderr_is_stuck():
            with contextlib.suppress(OSError, ValueError):
                for command in self._annotations:
                    print(command, file=self._stderr, flush=True)

    def _summary(self) -> list[str]:
        if not self._tasks:
            return ["There is nothing to upload"]
        manifest = self._keeper.name if self._keeper is not None else ""
        return summary_lines(
            self._totals, time.monotonic() - self._began, same_command(), manifest=manifest, again=self._memory.again,
            brief=self._noise.quiet or self._totals.failed == len(self._tasks),  # all of it was told just before
        )  # fmt: skip

    # -- the files -----------------------------------------------------------------------------------------------

    def _not_over(self) -> Iterator[tuple[int, Task]]:
        return ((number, task) for number, task in enumerate(self._tasks) if not self._over[number])

    def _whose(self, number: int) -> Whose:
        return Whose(number, self._tasks[number].untouched.file or "")

    def _key_sources(self) -> list[str]:
        keys = {task.order.key for task in self._tasks if isinstance(task.order, Order)}
        return sorted({f"the {key.noun} is from {key.source}" for key in keys})


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
    if report.upload_id is not None or report.status in GOOD:
        return report
    goes_on = report.resumable or can_go_on(report.error, report.exit_code, recorded=task.untouched.upload_id is not None)
    return task.untouched._replace(status=report.status, exit_code=report.exit_code, error=report.error, resumable=goes_on)


def _size_of(task: Task) -> int | None:
    """The size of the file, before anybody opens it; None where that is not known, or the file cannot be uploaded."""
    if not isinstance(task.order, Order):
        return None
    try:
        return task.untouched.size or os.stat(task.order.path).st_size
    except (OSError, ValueError):
        return None
