"""DOOR: where one upload is seen: the view on stderr, the result on stdout, the step of a GitHub job; `crowdstage` is that of many."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable
from functools import partial

from vidup.console.github import annotation, open_step
from vidup.console.options import Noise, environment
from vidup.console.parting import Parting
from vidup.console.results import print_result
from vidup.console.summary import failure_lines, success_lines, undelivered_lines
from vidup.console.task import Task
from vidup.errors import ExitCode
from vidup.events import Event
from vidup.progress.base import Kind, Leaving, View, stderr_is_stuck
from vidup.progress.choice import decide
from vidup.progress.views import open_view
from vidup.upload.order import Order
from vidup.upload.outcome import ON_SERVER, Report
from vidup.upload.tally import Tally


class Stage:
    """Where one upload is seen: the view on stderr, the result on stdout, and the step of a GitHub job."""

    def __init__(self, noise: Noise, key_source: str, parting: Parting, task: Task | None = None) -> None:
        self._parting = parting
        self._noise = noise
        self._key_source = key_source
        self._noun = task.order.key.short_noun if task is not None and isinstance(task.order, Order) else "key"
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
        good = _is_good(report)
        self._lines = self._summary(report)
        fields = report.to_json()
        self.shown = report
        if self._style.mode == "json":
            self.view.result(fields, self._parting.told)
        else:
            self.view.result(fields)
            kind: Kind = "success" if good else "warning" if report.status == "interrupted" else "error"
            self.view.message("\n".join(self._lines), kind, self._parting.told)
        if self._step is not None:
            self._parting.noting()
            self._step.end(report)
        self.view.settle()  # people and jobs come first: standard output may be a pipe that takes nothing for as long as it likes
        out = print_result(report, self._noise, self._tells_a_person(), self._parting.printing)
        if good and not out and self._task is not None:
            self.view.message("\n".join(undelivered_lines(report, self._task.resume_command(report.upload_id))), "error")
        return out

    def _summary(self, report: Report) -> list[str]:
        leads_on = self._leads_on(report)
        return success_lines(report, leads_on) if _is_good(report) else failure_lines(report, self._key_source, leads_on, self._noun)

    def _leads_on(self, report: Report) -> str:
        """The command that shows the encoding, or waits for it; one of a video that plays leads nowhere."""
        if self._task is None or not report.video_id or report.status == "playable":
            return ""
        return f"{self._task.status_command(report.video_id)}{' --wait' if report.status != 'uploaded' else ''}"

    def _tells_a_person(self) -> bool:
        """Whether the summary is shown on a terminal, so that the video id need not be told again on one."""
        return self._stderr.isatty() and self._style.mode != "json" and not self._noise.quiet

    def last_words(self, report: Report, leaving: Leaving) -> tuple[str, str]:
        """What stderr is told if the file ends so: the words about it, and the end; worded now."""
        return self.view.last_words(self._summary(report), report.to_json()), self.view.last_word(leaving)

    def last_outputs(self, report: Report) -> list[Callable[[], None]]:
        """What tells a GitHub job so."""
        return [] if self._step is None else [partial(self._step.end, report)]

    @property
    def report(self) -> Report:
        """What was shown."""
        assert self.shown is not None
        return self.shown

    def leave(self, code: ExitCode) -> None:
        """The end: the view is closed, and only then stderr is free for an annotation."""
        report = self.report
        self.view.exit_(int(code), code.name.lower(), message_of(report), report.resumable)
        self._parting.over()
        heard = self._style.mode != "json" and not stderr_is_stuck()
        if report.error is not None and heard and (command := annotation(environment(), self._lines)):
            with contextlib.suppress(OSError, ValueError):
                print(command, file=self._stderr, flush=True)


def _is_good(report: Report) -> bool:
    return report.status in ON_SERVER and report.exit_code is ExitCode.OK


def message_of(report: Report) -> str:
    """In a few words, what it came to."""
    return report.error.what if report.error else report.status
