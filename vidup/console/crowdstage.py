"""DOOR: where many files are seen: the view on stderr, the results on stdout in the order given, and the step of a GitHub job."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from vidup.console.github import annotation
from vidup.console.jobstep import CrowdStep, open_crowd_step
from vidup.console.options import Noise, environment
from vidup.console.outlet import Outlet
from vidup.console.results import is_terminal, result_line
from vidup.console.retyping import same_command
from vidup.console.summary import error_lines, failure_lines, stopping_lines
from vidup.console.task import Task, limit_line
from vidup.console.totals import Totals, continue_line, done_words, summary_lines, undelivered_lines
from vidup.errors import ExitCode, VidupError
from vidup.progress.base import Kind, Leaving, stderr_is_stuck
from vidup.progress.choice import decide
from vidup.progress.crowd import Whose
from vidup.progress.out import write_while_taken
from vidup.progress.views import open_crowd_view
from vidup.upload.crowd import Crowd
from vidup.upload.ending import GRACE
from vidup.upload.order import Order
from vidup.upload.outcome import Report
from vidup.upload.tally import PartState

_LAST_PATIENCE: Final = 0.5
"""Seconds without a byte taken that the objects of a second signal are given to go out."""

_ANNOTATIONS: Final = 10
"""Failures that are marked in a GitHub job; it shows no more of one step."""

Reports = Callable[[], Iterator[tuple[int, Report]]]
"""How those that are not over would end now, by their numbers, from 0."""


class CrowdStage:
    """Tells of the files of one command what they come to. All but the view's drawing happens in the thread that made it."""

    def __init__(self, tasks: Sequence[Task], noise: Noise, manifest: str) -> None:
        """`manifest` is what its file is called, empty where there is none."""
        self._tasks = tasks
        self._noise = noise
        self._manifest = manifest
        self._stderr = io.StringIO() if sys.stderr is None or stderr_is_stuck() else sys.stderr
        self._prints_on_terminal = is_terminal()
        self._style = decide(noise.progress, noise.color, noise.quiet, noise.verbose, environment(), self._stderr.isatty())
        self._person_is_told = self._stderr.isatty() and self._style.mode != "json" and not noise.quiet
        """Whether what is done is shown on a terminal, so that the video ids need not be told again on one."""
        self.crowd = Crowd(_size_of(task) for task in tasks)
        self.view = open_crowd_view(self._style, self.crowd, self._stderr)
        self.totals = Totals(len(tasks))
        self.again = 0
        """Files that were uploaded before, and are in a second video now."""
        self._step: CrowdStep | None = open_crowd_step(environment(), lambda text: self.view.message(text, "warning"))
        self._outlet = Outlet()
        self._over = bytearray(len(tasks))
        self._telling: tuple[int, Report] | None = None
        self._last_error: VidupError | None = None
        self._annotations: list[str] = []
        self._finished = False
        self._began = time.monotonic()

    def whose(self, number: int) -> Whose:
        """The file with this number."""
        return Whose(number, self._tasks[number].untouched.file or "")

    def not_over(self) -> Iterator[tuple[int, Task]]:
        """The files of which nobody was told yet what they came to."""
        return ((number, task) for number, task in enumerate(self._tasks) if not self._over[number])

    def begin(self) -> None:
        """Tell where settings come from, if that is asked for, and what limit of rate holds."""
        orders = [task.order for task in self._tasks if isinstance(task.order, Order)]
        if self._noise.verbose:
            sources = {f"the {order.key.noun} is from {order.key.source}" for order in orders}
            self.view.message("\n".join([*self._noise.sources, *sorted(sources)]))
        for line in sorted({limit_line(order) for order in orders} - {""}):
            self.view.message(line)

    # -- what a file came to -------------------------------------------------------------------------------------

    def show(self, number: int, report: Report) -> list[int]:
        """Tell everybody what a file came to, once. The files whose results are on stdout now, and were not before."""
        self._telling = number, report
        self._over[number] = 1
        self._tell(number, report, again=self.totals.add(number, report))
        if self._step is not None:
            self._step.end(report)
        line = result_line(report, self._noise, self._person_is_told)
        with self.view.aside() if line and self._prints_on_terminal else contextlib.nullcontext():
            out = self._outlet.put(number, line)
        self._telling = None
        return out

    def is_over(self, number: int) -> bool:
        """Whether it was told what this file came to."""
        return bool(self._over[number])

    def _tell(self, number: int, report: Report, *, again: bool) -> None:
        error, before = report.error, self._last_error
        good = error is None and report.status != "interrupted"
        fields = report.to_json() if self._style.mode == "json" else {}
        self.view.result_of(self.whose(number), fields, done_words(report) if good and not report.skipped else ())
        if error is None or report.status == "interrupted":
            return
        self._last_error = error
        if again and (error.concerns_all or error is before):
            return
        order = self._tasks[number].order
        source, noun = (order.key.source, order.key.short_noun) if isinstance(order, Order) else ("", "key")
        lines = failure_lines(report._replace(resume_command=None), source, noun=noun)
        if self._style.mode != "json":
            self.view.message("\n".join(lines[:1] if again else lines), "error")
        if not again and len(self._annotations) < _ANNOTATIONS and (command := annotation(environment(), lines)):
            self._annotations.append(command)

    # -- signals -------------------------------------------------------------------------------------------------

    def stopping(self, code: ExitCode) -> None:
        """The first signal: say so, and how to go on."""
        answers = 0
        with contextlib.suppress(Exception):  # a signal may come amid any change: then the stop is all there is
            answers = sum(file.states.count(PartState.ANSWER) for file in self.crowd.snapshot().open)
        self.view.ending()
        self.view.stopping(GRACE)
        lines = [*stopping_lines(Report("interrupted", None, code), GRACE, answers), continue_line(same_command())]
        self.view.message("\n".join(lines), "warning")

    def quit(self, code: ExitCode, reports: Reports) -> None:
        """The second signal: say at once how it ends, in the numbers of this moment, unless all is said."""
        if self._finished:
            return
        with contextlib.suppress(Exception):
            self.view.cut_in(lambda: self._last_words(code, reports))
        with contextlib.suppress(OSError, ValueError, AttributeError):
            write_while_taken(sys.stdout.fileno(), self._last_objects(reports).encode(), _LAST_PATIENCE)
        if self._step is not None:
            with contextlib.suppress(Exception):
                self._step.finish(self.totals.video_ids(), self.totals.failed, True, self.totals.message())

    def _last_words(self, code: ExitCode, reports: Reports) -> str:
        left = len(self._tasks) - sum(self._over)
        self.totals.interrupted += left
        lines = self._summary()
        self.totals.interrupted -= left
        leaving = Leaving(int(code), code.name.lower(), self.totals.message(), True)
        results = (self.view.last_result(self.whose(number), report.to_json()) for number, report in reports())
        return self.view.last_words_of_all(lines, results, leaving)

    def _last_objects(self, reports: Reports) -> str:
        """The results that stdout has not got: those held back, and of every other file how it ends now; in the order given."""
        last = dict(reports()) if self._noise.as_json else {}
        if self._telling is not None:
            last[self._telling[0]] = self._telling[1]
        lines = []
        for number in range(self._outlet.turn, len(self._tasks)):
            held = self._outlet.held(number)
            line = held if held is not None else result_line(last[number], self._noise) if number in last else ""
            lines += [f"{line}\n"] if line else []
        return "".join(lines)

    # -- the end -------------------------------------------------------------------------------------------------

    def finish(self, code: ExitCode, besides: VidupError | None) -> None:
        """All files are over, and vidup ends with this code; `besides` is what failed and is no file's failure."""
        totals = self.totals
        self.view.over()
        if besides is not None and not totals.failed:  # else it was told as what those failed by
            self.view.message("\n".join(error_lines(besides)), "error")
        kind: Kind = (
            "note" if not self._tasks else "error" if totals.troubled else "warning" if totals.interrupted or totals.unwaited else "success"
        )
        if self._style.mode != "json":
            self.view.message("\n".join(self._summary()), kind)
        if self._step is not None:
            self._step.finish(totals.video_ids(), totals.failed, totals.resumable, totals.message())
        if self._outlet.broken:
            self.view.message("\n".join(undelivered_lines(same_command())), "error")
        self.view.exit_(int(code), code.name.lower(), totals.message(), totals.resumable)
        self._finished = True
        if self._style.mode != "json" and not stderr_is_stuck():
            with contextlib.suppress(OSError, ValueError):
                for command in self._annotations:
                    print(command, file=self._stderr, flush=True)

    def _summary(self) -> list[str]:
        if not self._tasks:
            return ["There is nothing to upload"]
        return summary_lines(
            self.totals, time.monotonic() - self._began, same_command(), manifest=self._manifest, again=self.again,
            brief=self._noise.quiet or self.totals.failed == len(self._tasks),  # all of it was told just before
        )  # fmt: skip


def _size_of(task: Task) -> int | None:
    """The size of the file, before anybody opens it; None where that is not known, or the file cannot be uploaded."""
    if not isinstance(task.order, Order):
        return None
    try:
        return task.untouched.size or os.stat(task.order.path).st_size
    except (OSError, ValueError):
        return None
