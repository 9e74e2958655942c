"""DOOR: the result of a file on stdout, which may be closed, full or nobody's."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from vidup.console.options import Noise
from vidup.inert import inert, json_line
from vidup.upload.outcome import Report


def result_line(report: Report, noise: Noise) -> str:
    """What stdout gets of this file: one JSON object, the video id, or nothing."""
    if noise.as_json:
        return json_line(report.to_json())
    told = report.status == "uploaded" and report.video_id and (noise.quiet or not _is_terminal())
    return inert(report.video_id or "") if told else ""


def print_result(report: Report, noise: Noise) -> bool:
    """The result on stdout: one JSON object, or the video id. False if stdout could not take it."""
    text = result_line(report, noise)
    if not text:
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
