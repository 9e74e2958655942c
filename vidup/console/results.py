"""DOOR: the result of a file on stdout, which may be closed, full or nobody's."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TextIO

from vidup.console.options import Noise
from vidup.inert import inert, json_line
from vidup.upload.outcome import ON_SERVER, Report


def result_line(report: Report, noise: Noise, person_told: bool = False) -> str:
    """What stdout gets of this file: one JSON object, the video id, which only a person at a terminal who was told it does without, or
    nothing."""
    if noise.as_json:
        return json_line(report.to_json())
    told = report.status in ON_SERVER and report.video_id and not (person_told and is_terminal())
    return inert(report.video_id or "") if told else ""


def print_result(report: Report, noise: Noise, person_told: bool = False, printing: Callable[[], None] = lambda: None) -> bool:
    """The result on stdout. False if stdout could not take it. `printing` is called just before it is written."""
    text = result_line(report, noise, person_told)
    if not text:
        printing()
        return True
    return print_line(text, printing)


def print_line(text: str, printing: Callable[[], None] = lambda: None) -> bool:
    """A line on stdout, at once. False if stdout could not take it; `printing` is called just before it is written."""
    if sys.stdout is None:  # closed before vidup began; print() would quietly do nothing
        return False
    try:
        printing()
        sys.stdout.write(f"{text}\n")  # as one: a signal between the two could have the next follow on the same line
        sys.stdout.flush()
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


def is_terminal() -> bool:
    """Whether stdout is one."""
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
