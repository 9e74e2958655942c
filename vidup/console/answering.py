"""DOOR: commands that ask and tell but upload nothing: their answer on stdout, their waits and notes on stderr."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Mapping

from vidup.console.options import Noise, environment
from vidup.console.session import refuse_upload
from vidup.errors import ExitCode, VidupError
from vidup.events import Tell
from vidup.progress.choice import Style, decide
from vidup.progress.out import Out
from vidup.progress.views import open_view
from vidup.upload.order import Order
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
    say([json.dumps(fields)] if as_json else lines)


def teller() -> Tell:
    """Shows retries and waits as plain lines on stderr."""
    return open_view(Style("plain", False, False), Tally(), sys.stderr if sys.stderr is not None else io.StringIO()).tell


def run_dry(order: Order, noise: Noise) -> ExitCode:
    """Tell on stdout what this upload would do; returns the exit code that it would be refused with, else 0."""
    from vidup.upload.rehearsal import rehearse

    stderr = sys.stderr if sys.stderr is not None else io.StringIO()
    style = decide(noise.progress, noise.color, noise.quiet, noise.verbose, environment(), stderr.isatty())
    view = open_view(style, Tally(), stderr)
    if noise.verbose:
        view.message("\n".join([*noise.sources, f"the {order.key.noun} is from {order.key.source}"]))
    try:
        rehearsal = rehearse(order, view.tell, view.message if noise.verbose >= 2 else None)
    except VidupError as error:
        return refuse_upload(order.path, error, noise, order.key.source)
    if noise.as_json or not noise.quiet:
        answer(rehearsal.lines(), rehearsal.to_json(), noise.as_json)
    view.exit_(0, "ok", "dry run", False)
    return ExitCode.OK
