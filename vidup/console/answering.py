"""DOOR: commands that ask and tell but upload nothing: their answer on stdout, their waits and notes on stderr."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Mapping, Sequence

from vidup.console import early
from vidup.console.options import Noise, environment
from vidup.console.session import refuse_upload
from vidup.console.signals import die_by
from vidup.console.summary import failure_lines
from vidup.console.task import Task, worth_telling
from vidup.errors import ExitCode, VidupError
from vidup.events import Tell
from vidup.inert import json_line
from vidup.progress.base import View
from vidup.progress.choice import Style, decide
from vidup.progress.out import Out
from vidup.progress.views import open_view
from vidup.upload.order import Order
from vidup.upload.outcome import Report, combined
from vidup.upload.tally import Tally


def say(lines: Iterable[str]) -> None:
    """Lines on stdout, whatever its encoding; one that is closed is no reason to fail. Raises OSError where the disk behind it is full."""
    stdout = sys.stdout if sys.stdout is not None else io.StringIO()
    out = Out(stdout)
    try:
        for line in lines:
            stdout.write(out.carried(f"{line}\n"))
            stdout.flush()
    except (BrokenPipeError, ValueError):
        return


def answer(lines: Iterable[str], fields: Mapping[str, object], as_json: bool) -> None:
    """The answer on stdout: lines for a person, or one JSON object."""
    say([json_line(fields)] if as_json else lines)


def teller() -> Tell:
    """Shows retries and waits as plain lines on stderr."""
    return open_view(Style("plain", False, False), Tally(), sys.stderr if sys.stderr is not None else io.StringIO()).tell


def tell_first(notes: Iterable[str], noise: Noise) -> None:
    """Notes on what is about to be done, before there is any view of it."""
    view = _view(noise)
    for note in notes:
        view.message(note)
    view.close()


def nothing_to_do(noise: Noise) -> ExitCode:
    """Say that no file is to be uploaded; that is no failure, as an empty shard is none."""
    view = _view(noise)
    view.message("there is nothing to upload", "warning")
    view.exit_(0, "ok", "nothing to upload", False)
    return ExitCode.OK


def end_by_early_signal() -> ExitCode:
    """End by the signal that came before anybody listened, if one did."""
    if received := early.over():
        die_by(received)
    return ExitCode.OK


def _heard_by(view: View, noise: Noise) -> Tell:
    return lambda event: view.tell(event) if worth_telling(event, noise) else None


def run_dry(task: Task, noise: Noise) -> ExitCode:
    """Tell on stdout what this upload would do; returns the exit code that it would be refused with, else 0."""
    from vidup.upload.rehearsal import rehearse

    end_by_early_signal()
    if not isinstance(task.order, Order):
        assert task.order is not None
        return refuse_upload(task.untouched.file, task.order, noise)
    order, view = task.order, _view(noise)
    if noise.verbose:
        view.message("\n".join([*noise.sources, f"the {order.key.noun} is from {order.key.source}"]))
    (rehearsal,) = rehearse([order], _heard_by(view, noise), view.message if noise.verbose >= 2 else None)
    if isinstance(rehearsal, VidupError):
        return refuse_upload(order.path, rehearsal, noise, order.key.source)
    if noise.as_json or not noise.quiet:
        answer(rehearsal.lines(), rehearsal.to_json(), noise.as_json)
    view.exit_(0, "ok", "dry run", False)
    return ExitCode.OK


def run_dry_all(tasks: Sequence[Task], noise: Noise) -> ExitCode:
    """Tell what these uploads would do, a line or an object each, and what all take together; the exit code is that of several."""
    from vidup.plan.forecast import lines_of_all
    from vidup.upload.rehearsal import Rehearsal, rehearse

    end_by_early_signal()
    view = _view(noise)
    orders = [task.order for task in tasks if isinstance(task.order, Order)]
    if noise.verbose:
        view.message("\n".join([*noise.sources, *(f"the {order.key.noun} is from {order.key.source}" for order in orders[:1])]))
    outcomes = iter(rehearse(orders, _heard_by(view, noise), view.message if noise.verbose >= 2 else None))
    codes: list[ExitCode] = []
    good: list[Rehearsal] = []
    for task in tasks:
        outcome = task.order if isinstance(task.order, VidupError) else next(outcomes)
        if isinstance(outcome, Rehearsal):
            good.append(outcome)
            codes.append(ExitCode.OK)
            if noise.as_json or not noise.quiet:
                answer([outcome.line()], outcome.to_json(), noise.as_json)
        else:
            report = Report("failed", task.untouched.file, outcome.code, resumable=outcome.code.resumable, error=outcome)
            codes.append(outcome.code)
            if noise.as_json:
                say([json_line(report.to_json())])
            view.message("\n".join(failure_lines(report)), "error")
    if good and not noise.as_json and not noise.quiet:
        say([
            *lines_of_all((one.forecast for one in good), good[0].forecast.uploads_per_minute, good[0].forecast.limit_rate),
            f"{good[0].who()}; nothing was created or sent",
        ])  # fmt: skip
    code = combined(codes)
    view.exit_(int(code), code.name.lower(), f"dry run: {len(good)} of {len(tasks)} could be uploaded", code.resumable)
    return code


def _view(noise: Noise) -> View:
    stderr = sys.stderr if sys.stderr is not None else io.StringIO()
    style = decide(noise.progress, noise.color, noise.quiet, noise.verbose, environment(), stderr.isatty())
    return open_view(style, Tally(), stderr)
