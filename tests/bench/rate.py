"""`rate`: what arrives under --limit-rate in every window of ten seconds, counted where it arrives."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from vidup.units import parse_rate

from . import uploaders
from .measure import MIB, run
from .rounds import table
from .servers import Sink
from .sink import SLOT
from .uploaders import Task

WINDOW: Final = 10.0
"""Seconds."""


class Windows(NamedTuple):
    """Per cent of what the limit allows: in the first window, and the least and the most of all that begin after the first."""

    first: float
    least: float
    most: float


def windows(timeline: Sequence[tuple[int, int]], rate: int) -> Windows:
    """From (slot, bytes) and the limit in bytes a second; of windows that lie between the first and the last byte."""
    counts = dict(timeline)
    begin, end, wide = timeline[0][0], timeline[-1][0], round(WINDOW / SLOT)
    shares = [
        100 * sum(counts.get(slot, 0) for slot in range(start, start + wide)) / (rate * WINDOW) for start in range(begin, end - wide + 1)
    ]
    later = shares[wide:] or shares[1:]
    return Windows(shares[0], min(later), max(later))


def rate(options: argparse.Namespace, work: Path) -> str:
    """Every limit with every number of workers."""
    rows: list[list[str | float]] = []
    with Sink(work, tls=options.tls, python=True) as sink:
        for text in options.rates:
            limit = parse_rate(text)
            file = uploaders.video_file(work, max(1, round(limit * options.seconds / MIB)))
            for jobs in options.jobs:
                sink.reset()
                run(uploaders.vidup(Task(file, None, jobs, sink, work), "--limit-rate", text, tree=options.tree))
                if wrong := sink.stats().differs_from(file, checked=False):
                    raise SystemExit(wrong)
                found = windows(sink.timeline(), limit)
                rows.append([text, str(jobs), sink.stats().most_open, found.first, found.least, found.most])
    return "\n\n".join([
        f"Per cent of --limit-rate in windows of {WINDOW:.0f} s at the receiver, {'TLS' if options.tls else 'plain'}",
        table(["limit", "-j", "connections", "first window", "least after it", "most after it"], rows),
    ])  # fmt: skip
