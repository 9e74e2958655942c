"""DOOR: uploads as a user meets them: the view on stderr, the signals, the result on stdout, and the exit."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple, TextIO

from vidup.console.again import note_if_again, remember
from vidup.console.github import annotation, open_step
from vidup.console.options import Noise, environment
from vidup.console.signals import ENDING, Signal, Signals, die_by
from vidup.console.summary import failure_lines, success_lines, undelivered_lines
from vidup.errors import ExitCode, VidupError
from vidup.events import Event, Note, Started
from vidup.inert import inert, json_line
from vidup.progress.base import View, stderr_is_stuck
from vidup.progress.choice import decide
from vidup.progress.views import open_view
from vidup.upload.batch import Batch
from vidup.upload.order import Order
from vidup.upload.outcome import Report, combined
from vidup.upload.tally import Tally


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
        for task in tasks:
            session.run(task, last=task is tasks[-1])
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
        self.signals = Signals(self._stop, self._look, self._park)
        self.code = ExitCode.OK
        self._reports: list[Report] = []
        self._noise = noise
        self._running: tuple[Batch, View] | None = None

    def run(self, task: Task, last: bool) -> None:
        """Upload this file, or say why not; nothing begins once a signal has come. The `last` one ends the stream of events."""
        if self.signals.received is not None:
            stage = self._skip(task, ENDING[self.signals.received])
        elif isinstance(task.order, VidupError):
            stage = _refuse(task.untouched.file, task.order, self._noise)
        else:
            stage = self._upload(task.order, task, last)
        self._reports.append(stage.report)
        if last:
            self.code = code_of(self._reports, self.signals.received)
        stage.leave(self.code, self._reports if last else None)

    def _upload(self, order: Order, task: Task, last: bool) -> _Stage:
        stage = _Stage(self._noise, order.key.source, task)

        def deliver(report: Report) -> bool:
            out = stage.show(_with_command(report, task))
            if last and report.status != "interrupted":
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
                    view.message("\n".join([*self._noise.sources, f"the API key is from {order.key.source}"]))
                self._running = batch, view
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
        stage = _Stage(self._noise, "")
        with stage.open(Tally()):
            stage.show(_with_command(task.untouched._replace(exit_code=code), task))
        return stage

    def _stop(self, code: ExitCode) -> None:
        if self._running is not None:
            batch, view = self._running
            batch.stop_with(code)
            view.ending()
            view.message("Stopping: parts already sent get up to 5 s for their answer (again to quit at once)", "warning")

    def _look(self) -> None:
        if self._running is not None:
            self._running[1].progress_line()

    def _park(self, parked: bool) -> None:
        if self._running is not None:
            view = self._running[1]
            (view.park if parked else view.go_on)()


def _with_command(report: Report, task: Task) -> Report:
    """The report with the commands to type in full: what begins anew has options that `vidup resume` does not know."""
    if report.error is not None:
        report.error.advice = re.sub(r"--restart((?: --part-size \S+)?)", lambda found: task.restart_command(found[1]), report.error.advice)
    if not report.resumable:
        return report
    return report._replace(resume_command=task.resume_command(report.upload_id if report.total_parts is not None else None))


def _refuse(path: str | None, error: VidupError, noise: Noise, key_source: str = "", video_id: str | None = None) -> _Stage:
    stage = _Stage(noise, key_source)
    report = Report("failed", path, error.code, video_id=video_id, resumable=error.code.resumable, error=error)
    with stage.open(Tally()):
        stage.show(report)
    return stage


class _Stage:
    """Where one upload is seen: the view on stderr, the result on stdout, and the step of a GitHub job."""

    def __init__(self, noise: Noise, key_source: str, task: Task | None = None) -> None:
        self._noise = noise
        self._key_source = key_source
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
        self._lines = success_lines(report, self._leads_on(report)) if good else failure_lines(report, self._key_source)
        fields = report.to_json()
        self.shown = report
        self.view.result(fields)
        self.view.settle()
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
            message = _message(report) if len(reports) == 1 else f"{_finished(reports)} of {len(reports)} uploads are complete"
            self.view.exit_(int(code), code.name.lower(), message, any(one.resumable for one in reports))
        heard = self._style.mode != "json" and not stderr_is_stuck()
        if report.status == "failed" and heard and (command := annotation(environment(), self._lines)):
            with contextlib.suppress(OSError, ValueError):
                print(command, file=self._stderr, flush=True)


def print_result(report: Report, noise: Noise, person_told: bool = False) -> bool:
    """The result on stdout: one JSON object, or the video id, which only a person at a terminal who was told it does without.

    False if stdout could not take it.
    """
    if noise.as_json:
        text = json_line(report.to_json())
    elif report.status == "uploaded" and report.video_id and not (person_told and _is_terminal()):
        text = inert(report.video_id)
    else:
        return True
    if sys.stdout is None:  # closed before vidup began; print() would quietly do nothing
        return False
    try:
        print(text, flush=True)
    except (OSError, ValueError):
        _silence_stdout()
        return False
    return True


def flush(*streams: TextIO) -> None:
    """Hand everything written to the outside; a closed stream is no reason to fail."""
    for stream in streams:
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue


def code_of(reports: Sequence[Report], received: Signal | None) -> ExitCode:
    """The exit code of the command; a signal that left anything undone beats all."""
    undone = [report for report in reports if report.status == "interrupted" or (len(reports) > 1 and report.status == "failed")]
    return ENDING[received] if undone and received is not None else combined([report.exit_code for report in reports])


def _finished(reports: Sequence[Report]) -> int:
    return sum(report.status == "uploaded" for report in reports)


def _message(report: Report) -> str:
    return report.error.what if report.error else report.status


def _is_terminal() -> bool:
    try:
        return sys.stdout.isatty()
    except (ValueError, AttributeError):
        return False


def _silence_stdout() -> None:
    """Point a broken stdout at nothing, so that the interpreter's last flush does not complain."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except OSError:
        return
