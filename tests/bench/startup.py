"""`startup`: CPU spent before anything useful happens (goal 9)."""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

from . import uploaders
from .measure import Command, run
from .rounds import Goal, goals, interleaved, table
from .uploaders import KEY, VIDUP

_LIMITS = {"vidup --version": 40, "vidup --help": 60, "vidup upload --help": 60, "TAB after `vidup up`": 90,
           "TAB after `vidup upload --pa`": 90, "first byte to the API": 160}  # fmt: skip
"""ms over `python -c pass`, on the machine that the goals were set on."""

_YARDSTICK = 87.4
"""ms that `import requests` takes over `python -c pass` on that machine: this one may be slower, and is so at times."""


def startup(options: argparse.Namespace, work: Path) -> str:
    """CPU in ms over that of `python -c pass`, as it is and at the pace of the machine that the goals were set on."""
    env = {"PYTHONPATH": str(options.tree)} if options.tree else {}
    file = uploaders.video_file(work, 10)

    def whole(*words: str, **more: str) -> Callable[[], float]:
        return lambda: run(Command(words, {**env, **more})).cpu * 1000

    def tab(line: str) -> Callable[[], float]:
        return whole(VIDUP, _VIDUP_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(line.split()) - 1))

    variants = {
        "python -c pass": whole(sys.executable, "-c", "pass"),
        "python -c 'import requests'": whole(sys.executable, "-c", "import requests"),
        "vidup --version": whole(VIDUP, "--version"),
        "vidup --help": whole(VIDUP, "--help"),
        "vidup upload --help": whole(VIDUP, "upload", "--help"),
        "TAB after `vidup up`": tab("vidup up"),
        "TAB after `vidup upload --pa`": tab("vidup upload --pa"),
        "first byte to the API": lambda: _first_byte(file, work, env),
    }
    results = {name: median(values) for name, values in interleaved(variants, options.rounds, options.patience).items()}
    over = {name: value - results["python -c pass"] for name, value in results.items()}
    pace = _YARDSTICK / over["python -c 'import requests'"]
    rows = [[name, value, over[name], over[name] * pace] for name, value in results.items()]
    found = [Goal(9, f"{name}, at the goals' pace", over[name] * pace, limit) for name, limit in _LIMITS.items()]
    heads = [f"CPU ms, {options.rounds} rounds", "median", "over `python -c pass`", f"at the goals' pace ({1 / pace:.2f} times as fast)"]
    return f"{table(heads, rows)}\n\n{goals(found)}"


def _first_byte(file: Path, work: Path, env: dict[str, str]) -> float:
    """CPU of an upload, its display on a terminal, when its first byte comes out of the socket."""
    ours, theirs = os.openpty()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        url, state = f"http://127.0.0.1:{listener.getsockname()[1]}", str(work / "first")
        command = Command([VIDUP, "upload", str(file), "--base-url", url, "--state-dir", state], {"VIDUP_API_KEY": KEY, **env})
        with subprocess.Popen(command.words, env=command.environment(), stdout=subprocess.DEVNULL, stderr=theirs) as child:
            client, _ = listener.accept()
            client.recv(1)
            used = sum(_cpu_ms(task) for task in Path(f"/proc/{child.pid}/task").iterdir())
            child.kill()
            client.close()
    os.close(theirs)
    os.close(ours)
    return used


def _cpu_ms(task: Path) -> float:
    return int((task / "schedstat").read_text().split()[0]) / 1e6
