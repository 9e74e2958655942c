"""DOOR: uploads as a user meets them: the view on stderr, the signals, the result on stdout, and the exit."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from vidup.console.again import note_if_again, remember
from vidup.console.github import annotation, open_step
from vidup.console.options import Noise, environment
from vidup.console.parting import Parting
from vidup.console.results import flush, print_result, result_line
from vidup.console.signals import ENDING, Signal, Signals, die_by
from vidup.console.summary import failure_lines, stopping_lines, success_lines, undelivered_lines
from vidup.errors import ExitCode, VidupError
from vidup.events import Event, Note, Started
from vidup.progress.base import Leaving, View, stderr_is_stuck
from vidup.progress.choice import decide
from vidup.progress.views import open_view
from vidup.upload.batch import Batch
from vidup.upload.ending import GRACE
from vidup.upload.order import Order
from vidup.upload.outcome import Report, combined
from vidup.upload.tally import PartState, Tally


class Task(NamedTuple):
    """One file of a command: what to upload, or the error for which it cannot even begin.

    `untouched` is its report where a signal came before its turn. `resume_command` takes the upload id, None where no video was begun,
    `restart_command` the options that are advised besides --restart, `status_command` the video id of an upload that is through.
    """

    order: Order | VidupError
    untouched: Report
    resume_command: Callable[[str | None], str]
    restart_command: Callable[[str], str] = "--restart{}".format
    status_command: Callable[[str], str] = "vidup status {}".format


def run_uploads(tasks: Sequence[Task], noise: Noise) -> ExitCode:
    """Upload one file after the other and print each result; returns the exit code, or ends by the signal that stopped them."""
    session = _Session(noise)
    with session.signals as signals:
        for number, task in enumerate(tasks, 1):
            session.run(task, tasks[number:])
    return end(session.code, signals if session.code in ENDING.values() else None)


def refuse_upload(path: str, error: VidupError, noise: Noise, key_source: str = "", video_id: str | None = None) -> ExitCode:
    """End an upload that cannot even begin, say for want of a key, as one that failed: with an object, an `exit`, an annotation."""
    stage = _refuse(path, error, noise, key_source, video_id)
    stage.leave(error.code, [stage.report])
    return end(error.code)


def end(code: ExitCode, signals: Signals | None = None) -> ExitCode:
    """The last act: ends by the signal received, if there is one, else returns the code.

    Where stderr takes nothing, the interpreter's own end would wait for it for ever: then the process is left at once.
    """
    stuck = stderr_is_stuck()
    flush(*([sys.stdout] if stuck else [sys.stdout, sys.stderr]))
    if signals is not None and signals.received is not None:
        die_by(signals.received)
    if stuck:
        os._exit(code)
    return code


class _Session:
    """The uploads of one command, one after the other, under the same ears for signals."""

    def __init__(self, noise: Noise) -> None:
        self.parting = Parting()
        self.signals = Signals(self._stop, self.parting.say, self._look, self._park)
        self.code = ExitCode.OK
        self._reports: list[Report] = []
        self._noise = noise
        self._running: tuple[Batch, _Stage, Task] | None = None
        self._rest: Sequence[Task] = ()

    def run(self, task: Task, rest: Sequence[Task]) -> None:
        """Upload this file, or say why not; nothing begins once a signal has come. The last one ends the stream of events."""
        self._rest, last = rest, not rest
        if self.signals.received is not None:
            stage = self._skip(task, ENDING[self.signals.received])
        elif isinstance(task.order, VidupError):
            stage = _refuse(task.untouched.file, task.order, self._noise, parting=self.parting)
        else:
            stage = self._upload(task, task.order)
        self._reports.append(stage.report)
        if last:
            self.code = code_of(self._reports, self.signals.received)
        stage.leave(self.code, self._reports if last else None)

    def _upload(self, task: Task, order: Order) -> _Stage:
        stage = _Stage(self._noise, order.key.source, self.parting, task)

        def deliver(report: Report) -> bool:
            out = stage.show(_with_command(report, task))
            if not self._rest and report.status != "interrupted":
                self.signals.ignore()
            if report.status == "uploaded" and report.video_id:
                remember(order, report.video_id)
            return out

        def hear(event: Event) -> None:
            stage.tell(event)
            if isinstance(event, Started) and (note := note_if_again(order, event)):
                stage.tell(Note(note))

        batch = Batch([(order, hear, deliver)], stage.tell, trace=stage.trace if self._noise.verbose >= 2 else None)
        (upload,) = batch.uploads
        view = stage.open(upload.tally)
        try:
            with view:
                if self._noise.verbose:
                    view.message("\n".join([*self._noise.sources, f"the {order.key.noun} is from {order.key.source}"]))
                self._running = batch, stage, task
                if self.signals.received is not None:  # it came a moment too early to be heard by this upload
                    self._stop(ENDING[self.signals.received])
                batch.run()
        except Exception as error:  # noqa: BLE001  the one place where a fault of ours becomes a sentence
            from vidup.console.crash import crash_error

            fault = crash_error(error, order.state_dir, [order.key.value])
            if stage.shown is None:
                upload.crash(fault)
            else:
                view.message(f"after the result was out, {fault.what}: {fault.cause}", "warning")
        finally:
            self._running = None
        return stage

    def _skip(self, task: Task, code: ExitCode) -> _Stage:
        stage = _Stage(self._noise, "", self.parting)
        with stage.open(Tally()):
            stage.show(_untouched(task, code))
        return stage

    def _stop(self, code: ExitCode) -> None:
        if self._running is None:
            return
        batch, stage, task = self._running
        batch.stop_with(code)
        try:
            (upload,) = batch.uploads
            numbers, report = upload.tally.snapshot(), upload.report()
            report = _with_command(report if report.error else report._replace(exit_code=code), task)
            answers = numbers.states.count(PartState.ANSWER)
            if stage.shown is None:
                self._prepare(stage, [report, *(_untouched(later, code) for later in self._rest)], code)
        except Exception:  # noqa: BLE001  a signal may come amid any change: then the stop is all there is
            report, answers = task.untouched, 0
        stage.view.ending()
        stage.view.stopping(GRACE)
        stage.view.message("\n".join(stopping_lines(report, GRACE, answers)), "warning")

    def _prepare(self, stage: _Stage, reports: Sequence[Report], code: ExitCode) -> None:
        """Make ready what a second signal is to say: how these, and those before them, would end now."""
        message = _message_of([*self._reports, *reports])
        leaving = Leaving(int(code), code.name.lower(), message, any(one.resumable for one in [*self._reports, *reports]))
        objects = [line for line in (result_line(report, self._noise) for report in reports) if line]
        self.parting.prepare(stage.last_words(reports, leaving), objects, stage.last_outputs(reports))

    def _look(self) -> None:
        if self._running is not None:
            self._running[1].view.progress_line()

    def _park(self, parked: bool) -> None:
        if self._running is not None:
            view = self._running[1].view
            (view.park if parked else view.go_on)()


def _with_command(report: Report, task: Task) -> Report:
    """The report with the commands to type in full: what begins anew has options that `vidup resume` does not know."""
    if report.error is not None:
        report.error.advice = re.sub(r"--restart((?: --part-size \S+)?)", lambda found: task.restart_command(found[1]), report.error.advice)
    if not report.resumable:
        return report
    return report._replace(resume_command=task.resume_command(report.upload_id if report.total_parts is not None else None))


def _untouched(task: Task, code: ExitCode) -> Report:
    return _with_command(task.untouched._replace(exit_code=code), task)


def _refuse(
    path: str | None, error: VidupError, noise: Noise, key_source: str = "", video_id: str | None = None, parting: Parting | None = None
) -> _Stage:
    stage = _Stage(noise, key_source, parting or Parting())
    report = Report("failed", path, error.code, video_id=video_id, resumable=error.code.resumable, error=error)
    with stage.open(Tally()):
        stage.show(report)
    return stage


class _Stage:
    """Where one upload is seen: the view on stderr, the result on stdout, and the step of a GitHub job."""

    def __init__(self, noise: Noise, key_source: str, parting: Parting, task: Task | None = None) -> None:
        self._parting = parting
        self._noise = noise
        self._key_source = key_source
        self._noun = "upload token" if task is not None and isinstance(task.order, Order) and task.order.key.delegated else "key"
        self._task = task
        self.shown: Report | None = None
        self._stderr = io.StringIO() if sys.stderr is None or stderr_is_stuck() else sys.stderr
        self._style = decide(noise.progress, noise.color, noise.quiet, noise.verbose, environment(), self._stderr.isatty())
        self._step = open_step(environment(), self._warn)
        self._view: View | None = None
        self._lines: list[str] = []

    def open(self, tally: Tally) -> View:
        """The view of these numbers."""
        self._view = open_view(self._style, tally, self._stderr)
        return self._view

    @property
    def view(self) -> View:
        """The view, once it is open."""
        assert self._view is not None
        return self._view

    def tell(self, event: Event) -> None:
        """Something happened."""
        self.view.tell(event)
        if self._step is not None:
            self._step.hear(event)

    def _warn(self, text: str) -> None:
        self.view.message(text, "warning")

    def trace(self, line: str) -> None:
        """A request was made."""
        self.view.message(line)

    def show(self, report: Report) -> bool:
        """What a file came to, everywhere and once; False if stdout could not take it. Nothing is printed before all is worded."""
        if self.shown is not None:
            return False
        good = report.status == "uploaded"
        self._lines = success_lines(report, self._leads_on(report)) if good else failure_lines(report, self._key_source, self._noun)
        fields = report.to_json()
        self.shown = report
        self.view.result(fields)
        self.view.settle()
        self._parting.printing()
        out = print_result(report, self._noise, self._tells_a_person())
        if self._style.mode != "json":
            self.view.message("\n".join(self._lines), "success" if good else "error" if report.status == "failed" else "warning")
        if good and not out and self._task is not None:
            self.view.message("\n".join(undelivered_lines(report, self._task.resume_command(report.upload_id))), "error")
        if self._step is not None:
            self._step.end(report)
        return out

    def _leads_on(self, report: Report) -> str:
        return self._task.status_command(report.video_id) if self._task is not None and report.video_id else ""

    def _tells_a_person(self) -> bool:
        """Whether the summary is shown on a terminal, so that the video id need not be told again on one."""
        return self._stderr.isatty() and self._style.mode != "json" and not self._noise.quiet

    def last_words(self, reports: Sequence[Report], leaving: Leaving) -> Callable[[], None]:
        """What writes to stderr at once that these files end so; worded now."""
        lines = [line for report in reports for line in failure_lines(report, self._key_source, self._noun)]
        words = self.view.last_words(lines, [report.to_json() for report in reports], leaving)
        return partial(self.view.cut_in, words)

    def last_outputs(self, reports: Sequence[Report]) -> list[Callable[[], None]]:
        """What tells a GitHub job so."""
        return [] if self._step is None else [partial(self._step.end, report) for report in reports]

    @property
    def report(self) -> Report:
        """What was shown."""
        assert self.shown is not None
        return self.shown

    def leave(self, code: ExitCode, reports: Sequence[Report] | None) -> None:
        """The end: the view is closed, and only then stderr is free for an annotation.

        `reports`, of the whole command, are given with its last file: a stream of events ends with one `exit`, and `code`.
        """
        report = self.report
        if reports is None:
            self.view.close()
        else:
            self.view.exit_(int(code), code.name.lower(), _message_of(reports), any(one.resumable for one in reports))
            self._parting.over()
        heard = self._style.mode != "json" and not stderr_is_stuck()
        if report.status == "failed" and heard and (command := annotation(environment(), self._lines)):
            with contextlib.suppress(OSError, ValueError):
                print(command, file=self._stderr, flush=True)


def code_of(reports: Sequence[Report], received: Signal | None) -> ExitCode:
    """The exit code of the command; a signal that left anything undone beats all."""
    undone = [report for report in reports if report.status == "interrupted" or (len(reports) > 1 and report.status == "failed")]
    return ENDING[received] if undone and received is not None else combined([report.exit_code for report in reports])


def _message_of(reports: Sequence[Report]) -> str:
    if len(reports) > 1:
        return f"{sum(report.status == 'uploaded' for report in reports)} of {len(reports)} uploads are complete"
    (report,) = reports
    return report.error.what if report.error else report.status
