"""`compare`: whole processes on one file, vidup against curl and the published Python client (goals 1, 2 and 4)."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from . import uploaders
from .measure import MIB, Command, Usage, run
from .rounds import Goal, goals, interleaved, ratio, table
from .servers import Received, Sink
from .uploaders import Task


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: what it took and what arrived."""

    usage: Usage
    received: Received


def runner(task: Task, command: Callable[[], Command], *, crc: bool = False, rate: float = 0) -> Callable[[], Sample]:
    """A function that runs the command once and checks what arrived."""

    def once() -> Sample:
        task.sink.reset(crc=crc, rate=rate)
        usage = run(command())
        received = task.sink.stats()
        if wrong := received.differs_from(task.file, crc):
            raise SystemExit(f"{command().words[0]}: {wrong}")
        return Sample(usage, received)

    return once


def compare(options: argparse.Namespace, work: Path) -> str:
    """The tables of one comparison, after one round in which every byte is checked."""
    file = uploaders.video_file(work, options.mib)
    with Sink(work, tls=options.tls, python=options.python_sink) as sink:
        task = Task(file, options.part_mib * MIB, options.jobs, sink, work)
        commands: dict[str, Callable[[], Command]] = {"vidup": lambda: uploaders.vidup(task, tree=options.tree)}
        if options.other_tree:
            commands["vidup, other tree"] = lambda: uploaders.vidup(task, tree=options.other_tree)
        commands[f"curl -F --parallel x{options.jobs}"] = lambda: uploaders.curl(task)
        commands["curl -F, one after the other"] = lambda: uploaders.curl(task, parallel=False)
        commands["published Python client"] = lambda: uploaders.published(task)
        interleaved({name: runner(task, command, crc=True) for name, command in commands.items()}, 1, 0)
        samples = interleaved(
            {name: runner(task, command, rate=options.rate * 1e6) for name, command in commands.items()}, options.rounds, options.patience
        )
        kind = sink.kind
    title = (
        f"{options.mib} MiB, {options.part_mib} MiB parts, {options.jobs} jobs, {'TLS' if options.tls else 'plain'}, sink in {kind}, "
        f"{options.rounds} rounds; the bytes of every program checked by CRC-32 in a round before"
    )
    return f"{title}\n\n{_results(samples, options)}\n\n{_goals(samples, options)}"


def _results(samples: dict[str, list[Sample]], options: argparse.Namespace) -> str:
    parallel, client = f"curl -F --parallel x{options.jobs}", "published Python client"
    rows: list[list[object]] = []
    for name, runs in samples.items():
        walls, last = [one.usage.wall for one in runs], runs[-1].received
        rows.append([
            name, median(walls), f"{min(walls):.2f}-{max(walls):.2f}", options.mib * MIB / median(walls) / 1e9,
            median(one.usage.cpu for one in runs) * 1024 / options.mib, f"{max(one.usage.rss_mib for one in runs):.0f}",
            _ratio(samples, name, parallel, "wall"), _ratio(samples, name, parallel, "cpu"),
            f"{_ratio(samples, client, name, 'wall'):.2f}x", last.connections, last.requests, last.statuses, last.expects,
        ])  # fmt: skip
    heads = ["program", "wall s", "min-max", "GB/s", "CPU-s/GiB", "peak MiB", "wall / curl parallel", "CPU / curl parallel",
             "speed vs published", "connections", "requests", "status calls", "Expect"]  # fmt: skip
    return table(heads, rows)


def _ratio(samples: dict[str, list[Sample]], ours: str, theirs: str, what: str) -> float:
    return ratio(*([getattr(one.usage, what) for one in samples[name]] for name in (ours, theirs)))


def _goals(samples: dict[str, list[Sample]], options: argparse.Namespace) -> str:
    parallel, client, last = f"curl -F --parallel x{options.jobs}", "published Python client", samples["vidup"][-1].received
    return goals([
        Goal(1, "wall / curl --parallel", _ratio(samples, "vidup", parallel, "wall"), 0.90 if options.tls else 0.85),
        Goal(1, "CPU / curl --parallel", _ratio(samples, "vidup", parallel, "cpu"), 1.0),
        Goal(2, "speed / published client", _ratio(samples, client, "vidup", "wall"), 2.3 if options.tls else 4.5, least=True),
        Goal(4, "connections", last.connections, options.jobs + 1),
        Goal(4, "requests besides parts, create and log in", last.requests - last.parts - 2, 2),
        Goal(4, "Expect: 100-continue", last.expects, 0),
    ])  # fmt: skip
