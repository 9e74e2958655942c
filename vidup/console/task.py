"""DOOR: one file of a command, and the commands that its report tells people to type."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from vidup.console.options import Noise
from vidup.errors import ExitCode, VidupError
from vidup.events import Event, Note
from vidup.units import show_rate
from vidup.upload.order import Order
from vidup.upload.outcome import Report


class Task(NamedTuple):
    """One file of a command: what to upload, or the error for which it cannot even begin; None where a signal came before that was known.

    `untouched` is its report where a signal came before its turn. `resume_command` takes the upload id, None where no video was begun,
    `restart_command` the options that are advised besides --restart, `status_command` the video id of an upload that is through.
    """

    order: Order | VidupError | None
    untouched: Report
    resume_command: Callable[[str | None], str]
    restart_command: Callable[[str], str] = "--restart{}".format
    status_command: Callable[[str], str] = "vidup status {}".format


def limit_line(order: Order) -> str:
    """What is told once of a limit of rate; empty without one."""
    return f"limit {show_rate(order.limit_rate)}" if order.limit_rate is not None else ""


def with_command(report: Report, task: Task) -> Report:
    """The report with the commands to type in full: what begins anew has options that `vidup resume` does not know."""
    if report.error is not None and not report.error.advice_is_whole:
        advice = re.sub(r"--restart((?: --part-size \S+)?)", lambda found: task.restart_command(found[1]), report.error.advice)
        report.error.advice = re.sub(r"vidup status --wait (\w+)$", lambda found: f"{task.status_command(found[1])} --wait", advice)
        report.error.advice_is_whole = True  # a report is asked for more than once where a signal comes amid a failure
    if not report.resumable:
        return report
    return report._replace(resume_command=task.resume_command(report.upload_id if report.total_parts is not None else None))


def worth_telling(event: Event, noise: Noise) -> bool:
    """Whether an event is for these ears: details are for those who ask for them."""
    return noise.verbose > 0 or not (isinstance(event, Note) and event.detail)


def untouched(task: Task, code: ExitCode) -> Report:
    """The report of a file that was not begun when vidup ended with this code."""
    return with_command(task.untouched._replace(exit_code=code), task)
