"""`memory`: peak memory of the whole process by part size, jobs and file size (goal 3)."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from statistics import median

from . import uploaders
from .measure import MIB, run
from .rounds import Goal, goals, interleaved, table
from .servers import Sink
from .uploaders import Task

_SPARSE_GIB = 30


def memory(options: argparse.Namespace, work: Path) -> str:
    """Peak RSS of vidup over a grid, and of a 30 GiB file that takes no disk."""
    file, small, sparse = uploaders.video_file(work, options.mib), uploaders.video_file(work, 100), work / "sparse.mp4"
    sparse.write_bytes(b"\x1a\x45\xdf\xa3")  # what holds nothing but zeros is refused
    os.truncate(sparse, _SPARSE_GIB * 1024 * MIB)
    with Sink(work, tls=options.tls, python=options.python_sink) as sink:

        def peak(file: Path, part_mib: int | None, jobs: int) -> Callable[[], float]:
            task = Task(file, part_mib * MIB if part_mib else None, jobs, sink, work)

            def once() -> float:
                sink.reset()
                peak = run(uploaders.vidup(task, tree=options.tree)).rss_mib
                if wrong := sink.stats().differs_from(file, checked=False):
                    raise SystemExit(wrong)
                return peak

            return once

        grid = {(jobs, part): peak(file, part, jobs) for jobs in (1, 4, 16) for part in (5, 64, 200)}
        peaks = {key: median(values) for key, values in interleaved(grid, options.rounds, options.patience).items()}
        chosen = {"100 MiB": peak(small, None, 4), f"{_SPARSE_GIB} GiB (sparse)": peak(sparse, None, 4)}
        sizes = {key: median(values) for key, values in interleaved(chosen, options.rounds, options.patience).items()}
    large = sizes[f"{_SPARSE_GIB} GiB (sparse)"]
    rows = [[f"{jobs} jobs", *(peaks[jobs, part] for part in (5, 64, 200))] for jobs in (1, 4, 16)]
    found = [
        Goal(3, "peak MiB, 4 jobs", max(peaks[4, part] for part in (5, 64, 200)), 48),
        Goal(3, "MiB between 5 and 200 MiB parts, 4 jobs", abs(peaks[4, 200] - peaks[4, 5]), 2),
        Goal(3, "peak MiB, 16 jobs", max(peaks[16, part] for part in (5, 64, 200)), 60),
        Goal(3, f"MiB that {_SPARSE_GIB} GiB cost more than 100 MiB", large - sizes["100 MiB"], 2),
    ]
    return "\n\n".join([
        f"Peak MiB of the whole process, {options.mib} MiB, {'TLS' if options.tls else 'plain'}, median of {options.rounds}",
        table(["", "5 MiB parts", "64 MiB parts", "200 MiB parts"], rows),
        table(["file, part size chosen by vidup, 4 jobs", "peak MiB"], [[name, value] for name, value in sizes.items()]),
        goals(found),
    ])  # fmt: skip
