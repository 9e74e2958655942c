"""`links`: slow lines, by number of jobs (goals 5, 6 and 8)."""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Final

from . import uploaders
from .measure import MIB, Command, run
from .rounds import Goal, goals, interleaved, table
from .servers import LongLine, Sink, Unavailable, long_line
from .uploaders import Task

JOBS: Final = (1, 2, 4, 8, 16)
_TIMEOUT: Final = 5
_HEADERS: Final = 1448 / 1500
"""Share of a packet that is payload."""


@dataclass(frozen=True, slots=True)
class Line:
    """A kind of slow line: rates in bytes/s of one connection and of all together, round trip in s; `goal`: most wall / ideal at 4 jobs."""

    title: str
    mib: int
    rate: float = 0
    total: float = 0
    rtt: float = 0
    loss: float = 0
    congestion: str = "cubic"
    jobs: tuple[int, ...] = JOBS
    goal: tuple[int, float] | None = None

    def ideal(self, jobs: int) -> float:
        """Seconds that the payload alone takes."""
        rates = [self.rate * jobs, self.total * (_HEADERS if self.rtt else 1)]
        return self.mib * MIB / min(rate for rate in rates if rate)


LINES: Final = {
    "throttle": Line("10 MB/s of one connection", 200, rate=10e6, goal=(5, 1.05)),
    "total": Line("25 MB/s of all connections together", 200, total=25e6),
    "wan": Line("50 ms round trip, 200 Mbit/s, no loss, cubic (TUN)", 100, total=25e6, rtt=0.05, goal=(5, 1.15)),
    "loss": Line("50 ms round trip, 200 Mbit/s, 0.1 % random loss, cubic (TUN)", 80, total=25e6, rtt=0.05, loss=0.001),
    "loss-bbr": Line("50 ms round trip, 200 Mbit/s, 0.1 % random loss, BBR (TUN)", 80, total=25e6, rtt=0.05, loss=0.001, congestion="bbr"),
    "slow": Line("20 kB/s of one connection", 1, rate=20e3, jobs=(1,)),
    "dead": Line(f"a line that takes nothing any more after 2 MiB, --timeout {_TIMEOUT}", 40),
}


def links(options: argparse.Namespace, work: Path) -> str:
    """One table a line."""
    if unknown := set(options.names) - LINES.keys():
        raise SystemExit(f"no such line: {', '.join(unknown)}; there are {', '.join(LINES)}")
    return "\n\n".join(_tables(options, work))


def _tables(options: argparse.Namespace, work: Path) -> Iterator[str]:
    for name in options.names or LINES:
        line = LINES[name]
        asked = replace(line, mib=options.mib or line.mib, jobs=tuple(options.jobs or line.jobs))
        try:
            yield _dead(options, work) if name == "dead" else _timed(asked, options, work)
        except Unavailable as missing:
            yield f"{line.title}: not on this machine: {missing}"


def _timed(line: Line, options: argparse.Namespace, work: Path) -> str:
    file, prefix, opened = uploaders.video_file(work, line.mib), list[str](), LongLine([], [], "127.0.0.1")
    with ExitStack() as stack:
        if line.rtt:
            opened = stack.enter_context(long_line(work, rtt=line.rtt, rate=line.total, loss=line.loss, congestion=line.congestion))
            prefix = opened.client
        sink = stack.enter_context(Sink(work, tls=options.tls, python=options.python_sink, host=opened.address, prefix=opened.server))
        total = 0.0 if line.rtt else line.total

        def once(command: Callable[[], Command]) -> Callable[[], tuple[float, int]]:
            def timed() -> tuple[float, int]:
                sink.reset(crc=True, rate=line.rate, total=total)
                wall, arrived = run(command(), prefix).wall, sink.stats()
                if wrong := arrived.differs_from(file, checked=True):
                    raise SystemExit(wrong)
                return wall, arrived.connections

            return timed

        def upload(jobs: int, part_size: int | None) -> Callable[[], Command]:
            return lambda: uploaders.vidup(Task(file, part_size, jobs, sink, work), tree=options.tree)

        variants = {(f"vidup -j {jobs}", jobs): once(upload(jobs, None)) for jobs in line.jobs}
        if line.mib >= 5 * 4:
            variants["vidup -j 4 --part-size 5MiB", 4] = once(upload(4, 5 * MIB))
            variants["curl -F --parallel x4, 5 MiB parts", 4] = once(lambda: uploaders.curl(Task(file, 5 * MIB, 4, sink, work)))
        results = interleaved(variants, options.rounds, options.patience)
    return _table(line, results, options)


def _table(line: Line, results: dict[tuple[str, int], list[tuple[float, int]]], options: argparse.Namespace) -> str:
    rows: list[list[object]] = []
    found: list[Goal] = []
    for (name, jobs), runs in results.items():
        walls, ideal = [wall for wall, _ in runs], line.ideal(jobs)
        rows.append([name, median(walls), f"{min(walls):.2f}-{max(walls):.2f}", ideal, median(walls) / ideal, runs[-1][1]])
        if line.goal and name.startswith("vidup") and jobs == 4:
            found.append(Goal(line.goal[0], f"{name}: wall / ideal", median(walls) / ideal, line.goal[1]))
    heads = [f"{line.title}; {line.mib} MiB, {'TLS' if options.tls else 'plain'}, {options.rounds} rounds", "wall s", "min-max", "ideal s",
             "wall / ideal", "connections"]  # fmt: skip
    if line.rate and line.mib == 1:
        found.append(
            Goal(
                6,
                "1 MiB at 20 kB/s: connections, one if nothing timed out",
                max(connections for runs in results.values() for _, connections in runs),
                1,
            )
        )
    return table(heads, rows) + (f"\n\n{goals(found)}" if found else "")


def _dead(options: argparse.Namespace, work: Path) -> str:
    """How long until vidup tells of a line that died in mid-part."""
    line = LINES["dead"]
    file, seconds = uploaders.video_file(work, line.mib), []
    with Sink(work, tls=options.tls, python=options.python_sink) as sink:
        for _ in range(options.rounds):
            sink.reset(stall=2 * MIB)
            task = Task(file, None, 4, sink, work)
            seconds.append(_until_retry(uploaders.vidup(task, "--progress", "json", "--timeout", str(_TIMEOUT), tree=options.tree)))
    rows = [[line.title, median(seconds), max(seconds)]]
    found = [Goal(6, "seconds until the dead line is noticed", max(seconds), _TIMEOUT + 1)]
    return f"{table(['', 'seconds to the first retry', 'most'], rows)}\n\n{goals(found)}"


def _until_retry(command: Command) -> float:
    began: float | None = None
    with subprocess.Popen(command.words, env=command.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
        assert child.stderr is not None
        for line in child.stderr:
            kind = json.loads(line)["type"]
            if kind == "start":
                began = time.monotonic()
            elif kind == "retry" and began is not None:
                child.kill()
                return time.monotonic() - began
    raise SystemExit("vidup ended without noticing the dead line")
