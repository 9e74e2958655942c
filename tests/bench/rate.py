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


def _files(work: Path, mib: int, count: int) -> list[str]:
    """So many files of this size, under names of their own."""
    first = uploaders.video_file(work, mib)
    others = [work / f"{number}-of-{mib}.mp4" for number in range(1, count)]
    for other in others:
        other.unlink(missing_ok=True)
        other.hardlink_to(first)
    return [str(first), *map(str, others)]


def rate(options: argparse.Namespace, work: Path) -> str:
    """Every limit with every number of workers."""
    rows: list[list[str | float]] = []
    with Sink(work, tls=options.tls, python=True) as sink:
        for text in options.rates:
            limit = parse_rate(text)
            file, *others = _files(work, max(1, round(limit * options.seconds / MIB / options.files)), options.files)
            for jobs in options.jobs:
                sink.reset()
                run(uploaders.vidup(Task(Path(file), None, jobs, sink, work), "--limit-rate", text, *others, tree=options.tree))
                if not others and (wrong := sink.stats().differs_from(Path(file), checked=False)):
                    raise SystemExit(wrong)
                found = windows(sink.timeline(), limit)
                rows.append([text, str(jobs), sink.stats().most_open, found.first, found.least, found.most])
    return "\n\n".join([
        f"Per cent of --limit-rate in windows of {WINDOW:.0f} s at the receiver, {options.files} files, {'TLS' if options.tls else 'plain'}",
        table(["limit", "-j", "connections", "first window", "least after it", "most after it"], rows),
    ])  # fmt: skip
