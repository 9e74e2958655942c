"""`display`: what the live display costs while 16 parts are on their way (goal 10)."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from statistics import median

from . import uploaders
from .measure import MIB, Usage, run
from .rounds import Goal, goals, interleaved, table
from .servers import Sink
from .uploaders import Task

_MIB = 160
_RATE = 1.0e6


def display(options: argparse.Namespace, work: Path) -> str:
    """CPU of the same slow upload with the display, with none, and with stderr going to a pipe."""
    file = uploaders.video_file(work, _MIB)
    with Sink(work, tls=options.tls, python=options.python_sink) as sink:
        task = Task(file, 5 * MIB, 16, sink, work)

        def once(progress: str, tty: bool) -> Callable[[], Usage]:
            def measured() -> Usage:
                sink.reset(rate=_RATE)
                return run(uploaders.vidup(task, "--progress", progress, tree=options.tree, tty=tty))

            return measured

        variants = {"none": once("none", True), "live, on a terminal": once("auto", True), "plain lines, in a pipe": once("auto", False)}
        results = interleaved(variants, options.rounds, options.patience)
    silent = results["none"]
    shares = {name: [one.cpu / one.wall * 100 for one in runs] for name, runs in results.items()}
    extra = {
        name: median((one.cpu - none.cpu) / one.wall * 100 for one, none in zip(runs, silent, strict=True))
        for name, runs in results.items()
    }
    rows = [[name, median(one.wall for one in runs), median(shares[name]), extra[name]] for name, runs in results.items()]
    heads = [f"display, 16 parts in flight, {options.rounds} rounds", "wall s", "CPU % of one core, all of vidup", "of it for the display"]
    found = [
        Goal(10, "live display, % of a core", extra["live, on a terminal"], 2),
        Goal(10, "no terminal, % of a core", extra["plain lines, in a pipe"], 0.2),
    ]
    return f"{table(heads, rows)}\n\n{goals(found)}"
