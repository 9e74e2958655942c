"""DOOR: uploads as a user meets them: the view on stderr, the signals, the result on stdout, and the exit."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vidup.console import early
from vidup.console.again import note_if_again, remember
from vidup.console.leaving import end
from vidup.console.options import Noise
from vidup.console.parting import Parting
from vidup.console.results import result_line
from vidup.console.signals import ENDING, Signal, Signals
from vidup.console.stage import Stage, message_of
from vidup.console.summary import error_lines, stopping_lines
from vidup.console.task import Task, limit_line, untouched, with_command, worth_telling
from vidup.errors import Cancelled, ExitCode, VidupError
from vidup.events import Event, Note, Started
from vidup.progress.base import Leaving
from vidup.upload.batch import Batch
from vidup.upload.ending import GRACE
from vidup.upload.order import Order
from vidup.upload.outcome import Content, Elsewhere, Report
from vidup.upload.tally import PartState, Tally

if TYPE_CHECKING:
    from vidup.console.manifesting import Keeper, Vouched


def run_uploads(tasks: Sequence[Task], noise: Noise, keeper: Keeper | None = None) -> ExitCode:
    """Upload all of them at once and print each result; returns the exit code, or ends by the signal that stopped them.

    `keeper` knows what need not be uploaded, and is told of what is over.
    """
    if len(tasks) != 1:
        from vidup.console.several import run_several

        return run_several(tasks, noise, keeper)
    session = _Session(noise, keeper)
    with session.signals as signals:
        session.run(tasks[0])
    return end(session.code, signals if session.code in ENDING.values() else None)


def refuse_upload(path: str | None, error: VidupError, noise: Noise, key_source: str = "", video_id: str | None = None) -> ExitCode:
    """End an upload that cannot even begin, say for want of a key, as one that failed: with an object, an `exit`, an annotation."""
    early.over()  # a failure is what it ends by
    stage = _refuse(path, error, noise, key_source, video_id)
    stage.leave(error.code)
    return end(error.code)


class _Session:
    """The one upload of a command, and what hears signals meanwhile."""

    def __init__(self, noise: Noise, keeper: Keeper | None) -> None:
        self.parting = Parting()
        self.signals = Signals(self._stop, self._quit, self._look, self._park)
        self.code = ExitCode.OK
        self._noise = noise
        self._keeper = keeper
        self._not_kept: VidupError | None = None
        self._running: tuple[Batch, Stage, Task] | None = None
        self._look_is_due = False

    def run(self, task: Task) -> None:
        """Upload the file, or say why not; nothing begins once a signal has come."""
        if self.signals.received is not None or task.order is None:
            stage = self._skip(task, ENDING[self.signals.received or Signal.SIGINT])
        elif isinstance(task.order, VidupError):
            stage = _refuse(task.untouched.file, task.order, self._noise, parting=self.parting)
            self._keep(None, stage.report)
        else:
            stage = self._upload(task, task.order)
        self.code = code_of(stage.report, self.signals.received)
        if self._not_kept is not None:
            stage.view.message("\n".join(error_lines(self._not_kept)), "error")
            self.code = self.code or self._not_kept.code
        stage.leave(self.code)

    def _vouched(self, order: Order) -> Vouched | None:
        """What the manifest says of the file, None where it is not asked."""
        if self._keeper is None:
            return None
        try:
            return self._keeper.vouched(order, lambda: self.signals.received is not None)
        except Cancelled:
            return None  # what follows hears of the signal, too

    def _keep(self, order: Order | None, report: Report) -> bool:
        """Whether the manifest has the row of this report."""
        if self._keeper is None:
            return False
        try:
            self._keeper.keep(order, report)
        except VidupError as error:
            self._not_kept = error
            return False
        return True

    def _upload(self, task: Task, order: Order) -> Stage:
        stage = Stage(self._noise, order.key.source, self.parting, task)
        vouched = self._vouched(order)
        known = vouched.report if vouched is not None else None
        if vouched is not None and known is not None:
            if vouched.watch is None:
                with stage.open(Tally()):
                    stage.show(known)
                return stage
            order = vouched.watch

        def finished(content: Content, size: int) -> Elsewhere | None:
            nonlocal known
            known = self._keeper.finished(order, content, size) if self._keeper is not None else None
            return Elsewhere(known.video_id or "", plays=known.status == "playable") if known is not None else None

        def deliver(report: Report) -> bool:
            if known is not None and self._keeper is not None:
                report = self._keeper.watched(known, report)
            report = with_command(report, task)
            if stage.shown is None:
                self._foretell(stage, report)
            kept = self._keep(order, report)
            out = stage.show(report)
            if report.status != "interrupted":
                self.signals.ignore()
            if report.whole and report.video_id:
                remember(order, report.video_id)
            return out if self._keeper is None else kept  # without a row the record has to stay: a rerun looks nowhere else

        def hear(event: Event) -> None:
            if worth_telling(event, self._noise):
                stage.tell(event)
            if isinstance(event, Started) and (note := note_if_again(order, event)):
                stage.tell(Note(note))

        trace = stage.trace if self._noise.verbose >= 2 else None
        batch = Batch([(order, hear, deliver)], stage.tell, trace=trace, finished=lambda _number: finished)
        notes = [*self._sources(order), vouched.note if vouched is not None else "", limit_line(order)]
        self._run(batch, stage, task, [note for note in notes if note])
        return stage

    def _sources(self, order: Order) -> list[str]:
        """What -v asks for."""
        return ["\n".join([*self._noise.sources, f"the {order.key.noun} is from {order.key.source}"])] if self._noise.verbose else []

    def _run(self, batch: Batch, stage: Stage, task: Task, notes: Sequence[str]) -> None:
        """Until the upload is over, with what is to be said first."""
        (upload,) = batch.uploads
        view = stage.open(upload.tally)
        try:
            with view:
                for note in notes:
                    view.message(note)
                self._running = batch, stage, task
                if self._look_is_due:
                    self._look()
                if self.signals.received is not None:  # it came a moment too early to be heard by this upload
                    self._stop(ENDING[self.signals.received])
                batch.run()
        except Exception as error:  # noqa: BLE001  the one place where a fault of ours becomes a sentence
            from vidup.console.crash import crash_error

            fault = crash_error(error, upload.order.state_dir, [upload.order.key.value])
            if stage.shown is None:
                upload.crash(fault)
            else:
                view.message(f"after the result was out, {fault.what}: {fault.cause}", "warning")
        finally:
            self._running = None

    def _skip(self, task: Task, code: ExitCode) -> Stage:
        stage = Stage(self._noise, "", self.parting)
        with stage.open(Tally()) as view:
            self.parting.by_way_of(view.cut_in)
            stage.show(untouched(task, code))
        return stage

    def _stop(self, code: ExitCode) -> None:
        if self._running is None:
            return
        batch, stage, task = self._running
        batch.stop_with(code)
        try:
            (upload,) = batch.uploads
            answers = upload.tally.snapshot().states.count(PartState.ANSWER) or int(upload.is_confirming)
            report = self._as_it_is(code)
            if stage.shown is None:
                self._foretell(stage, report)
        except Exception:  # noqa: BLE001  a signal may come amid any change: then the stop is all there is
            report, answers = task.untouched, 0
        stage.view.ending()
        stage.view.stopping(GRACE)
        stage.view.message("\n".join(stopping_lines(report, GRACE, answers)), "warning")

    def _quit(self) -> None:
        """The second signal: say how it ends, in the numbers of this moment, or where that fails in those that were made ready before."""
        with contextlib.suppress(Exception):
            if self._running is not None and self.signals.received is not None and self._running[1].shown is None:
                self._foretell(self._running[1], self._as_it_is(ENDING[self.signals.received]))
        self.parting.say()

    def _as_it_is(self, code: ExitCode) -> Report:
        """How the running upload would end now that this code asks it to."""
        assert self._running is not None
        batch, _stage, task = self._running
        (upload,) = batch.uploads
        report = upload.report()
        return with_command(report if report.error else report._replace(exit_code=code), task)

    def _foretell(self, stage: Stage, report: Report) -> None:
        """Once a signal has come: make ready what a second one is to say of this report."""
        if self.signals.received is None:
            return
        code = ENDING[self.signals.received]  # whatever becomes of the file: the process ends by the signal
        words, last = stage.last_words(report, Leaving(int(code), code.name.lower(), message_of(report), report.resumable))
        self.parting.prepare(stage.view.cut_in, [words], last, [result_line(report, self._noise)], stage.last_outputs(report))

    def _look(self) -> None:
        self._look_is_due = self._running is None
        if self._running is not None:
            self._running[1].view.progress_line()

    def _park(self, parked: bool) -> None:
        if self._running is not None:
            view = self._running[1].view
            (view.park if parked else view.go_on)()


def _refuse(
    path: str | None, error: VidupError, noise: Noise, key_source: str = "", video_id: str | None = None, parting: Parting | None = None
) -> Stage:
    stage = Stage(noise, key_source, parting or Parting())
    report = Report("failed", path, error.code, video_id=video_id, resumable=error.code.resumable, error=error)
    with stage.open(Tally()):
        stage.show(report)
    return stage


def code_of(report: Report, received: Signal | None) -> ExitCode:
    """The exit code of the command; a signal that left the file undone beats all."""
    return ENDING[received] if received is not None and report.status == "interrupted" else report.exit_code
