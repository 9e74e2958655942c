"""`many`: thousands of small files over a line with a round trip (issue 12): speed by jobs, requests, CPU a file, memory of a long list."""

from __future__ import annotations

import argparse
import os
import tempfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from . import uploaders
from .measure import MIB, Command, Usage, run
from .rounds import Goal, goals, interleaved, ratio, table
from .servers import Received, Sink

_LONG_LIST: Final = 10_000
"""Files in the list whose memory is measured; their content is that of one."""

_GOAL: Final = 12


class Run(NamedTuple):
    """One run of one program over all files: what it took, and what the sink counted."""

    took: Usage
    arrived: Received


def many(options: argparse.Namespace, work: Path) -> str:
    """The table of all programs and numbers of jobs, and the goals."""
    files = _files(work, options.files, options.kib)
    total = sum(zlib.crc32(file.read_bytes()) for file in files) % 2**32
    with Sink(work, tls=options.tls, python=options.python_sink) as sink:

        def timed(command: Command) -> Run:
            sink.reset(crc=True, delay=options.rtt)
            took, arrived = run(command), sink.stats()
            _check(arrived, len(files), options.kib * 1024, total)
            return Run(took, arrived)

        def vidup(jobs: int) -> Callable[[], Run]:
            return lambda: timed(_vidup(listed, jobs, sink, work, options.tree))

        listed = _list(work, "files", files)
        variants = {f"vidup -j {jobs}": vidup(jobs) for jobs in (1, options.jobs)}
        variants[f"curl --parallel-max {options.jobs}"] = lambda: timed(_curl(files, options.jobs, sink, work))
        results = interleaved(variants, options.rounds, options.patience)
        memory = _memory(work, sink, options)
    return _tables(options, results, memory)


def _vidup(listed: Path, jobs: int, sink: Sink, work: Path, tree: Path | None) -> Command:
    """vidup over a list, as in a CI job: no terminal, the ids on stdout."""
    state = tempfile.mkdtemp(dir=work, prefix="state-")
    words = ["upload", "--from-file", str(listed), "--base-url", sink.url, "--allow-http", "--state-dir", state, "-j", str(jobs)]
    return Command([uploaders.VIDUP, *words], uploaders.vidup_env(sink, tree))


def _curl(files: Sequence[Path], jobs: int, sink: Sink, work: Path) -> Command:
    """One curl that makes the same three requests for each file, in any order: what a program in C takes that decides nothing."""
    trust = [f'cacert = "{sink.authority}"'] if sink.authority else []
    common = [f'header = "Authorization: Bearer {uploaders.KEY}"', 'output = "/dev/null"', "silent", "fail", *trust]
    video = f"{sink.url}/videos"
    blocks = []
    for file in files:
        blocks += [
            [f'url = "{video}"', 'json = "{\\"title\\":\\"bench\\"}"', *common],
            [f'url = "{video}/viBench/source"', f'form = "file=@{file}"', 'header = "Content-Range: part 1/1"', *common],
            [f'url = "{video}/viBench/status"', *common],
        ]
    config = work / f"curl-many-{sink.url.rpartition(':')[2]}.conf"
    config.write_text("\nnext\n".join("\n".join(block) for block in blocks) + "\n")
    return Command(["curl", "--parallel", "--parallel-max", str(jobs), "-K", str(config)])


def _memory(work: Path, sink: Sink, options: argparse.Namespace) -> Run:
    """A list of 10,000 files, all sent."""
    folder = work / "long"
    folder.mkdir(exist_ok=True)
    files = [folder / f"{number:05}.mp4" for number in range(_LONG_LIST)]
    one = _files(work, 1, 1)[0]
    for file in files:
        if not file.exists():
            os.link(one, file)
    sink.reset(crc=True)
    took, arrived = run(_vidup(_list(work, "long", files), options.jobs, sink, work, options.tree)), sink.stats()
    _check(arrived, _LONG_LIST, 1024, zlib.crc32(one.read_bytes()) * _LONG_LIST % 2**32)
    return Run(took, arrived)


def _check(arrived: Received, files: int, size: int, total: int) -> None:
    """Each file came once, whole, and as it is."""
    if (arrived.parts, arrived.payload, arrived.crcs) != (files, files * size, total):
        raise SystemExit(f"{arrived.parts} parts of {arrived.payload} bytes arrived, not the {files} files of {size}, or not as they are")


def _files(work: Path, count: int, kib: int) -> list[Path]:
    """So many files of which no two are alike."""
    folder = work / f"files-{kib}"
    folder.mkdir(exist_ok=True)
    files, noise = [folder / f"{number:05}.mp4" for number in range(count)], os.urandom(kib * 1024)
    for number, file in enumerate(files):
        if not file.exists():
            file.write_bytes(number.to_bytes(8, "big") + noise[8:])
    os.sync()
    return files


def _list(work: Path, name: str, files: Sequence[Path]) -> Path:
    listed = work / f"{name}-{len(files)}.txt"
    listed.write_text("".join(f"{file}\n" for file in files))
    return listed


def _tables(options: argparse.Namespace, results: dict[str, list[Run]], memory: Run) -> str:
    alone, together = results["vidup -j 1"], results[f"vidup -j {options.jobs}"]
    faster = ratio([run.took.wall for run in alone], [run.took.wall for run in together])
    rows = []
    for name, runs in results.items():
        wall, last = median(run.took.wall for run in runs), runs[-1].arrived
        cpu, rss = median(run.took.cpu for run in runs), max(run.took.rss_mib for run in runs)
        rows.append(
            [
                name,
                wall,
                options.files / wall,
                1000 * cpu / options.files,
                rss,
                last.requests / options.files,
                last.connections,
                last.logins,
            ]
        )
    cpu = max(1000 * run.took.cpu / options.files for run in (*alone, *together))
    found = [
        Goal(_GOAL, f"-j {options.jobs} against one after the other", faster, 8, least=True),
        Goal(_GOAL, "requests a file beside the log in", max((run.arrived.requests - 1) / options.files for run in together), 3),
        Goal(_GOAL, "log ins", max(run.arrived.logins for run in (*alone, *together, memory)), 1),
        Goal(_GOAL, f"connections, -j {options.jobs}", max(run.arrived.connections for run in (*together, memory)), options.jobs + 1),
        Goal(_GOAL, "CPU ms a file", cpu, 25),
        Goal(_GOAL, f"peak MiB with {_LONG_LIST} files in the list", memory.took.rss_mib, 64),
    ]
    heads = [f"{options.files} files of {options.kib} KiB, {1000 * options.rtt:.0f} ms a round trip, {'TLS' if options.tls else 'plain'}",
             "wall s", "files/s", "CPU ms a file", "peak MiB", "requests a file", "connections", "log ins"]  # fmt: skip
    long = [[f"vidup -j {options.jobs}, {_LONG_LIST} files of 1 KiB, no delay", memory.took.wall, _LONG_LIST / memory.took.wall,
             1000 * memory.took.cpu / _LONG_LIST, memory.took.rss_mib, memory.arrived.requests / _LONG_LIST, memory.arrived.connections,
             memory.arrived.logins]]  # fmt: skip
    sent = options.files * options.kib * 1024 / MIB
    return f"{table(heads, [*rows, *long])}\n\n{sent:.0f} MiB a run, median of {options.rounds}\n\n{goals(found)}"
