"""The programs compared, each as one command: vidup, curl, and the published Python client."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .measure import MIB, Command
from .servers import Sink

KEY: Final = "bench-key"
VIDUP: Final = str(Path(sys.executable).with_name("vidup"))
"""The command as it is installed beside this interpreter."""


@dataclass(frozen=True, slots=True)
class Task:
    """Upload this file to this sink, in parts of about so many bytes, so many at a time."""

    file: Path
    part_size: int | None
    jobs: int
    sink: Sink
    work: Path


def vidup(task: Task, *options: str, tree: Path | None = None, tty: bool = True) -> Command:
    """vidup as a user runs it: the display is on; `tree` is another checkout to run from."""
    state = tempfile.mkdtemp(dir=task.work, prefix="state-")
    parts = ["--part-size", f"{task.part_size // MIB}MiB"] if task.part_size else []
    words = [
        "upload",
        str(task.file),
        "--base-url",
        task.sink.url,
        "--state-dir",
        state,
        "-j",
        str(task.jobs),
        "--allow-http",
        *parts,
        *options,
    ]
    return Command([VIDUP, *words], vidup_env(task.sink, tree), tty)


def vidup_env(sink: Sink, tree: Path | None) -> dict[str, str]:
    """What vidup needs to know from its environment."""
    known = {"VIDUP_API_KEY": KEY, "SSL_CERT_FILE": sink.authority, "PYTHONPATH": str(tree or "")}
    return {name: value for name, value in known.items() if value}


def curl(task: Task, *, parallel: bool = True) -> Command:
    """One curl to create the video, one to send all parts with `-F`: connections reused, up to `jobs` at a time, part files made before."""
    assert task.part_size is not None
    slices = _sliced(task.file, task.part_size, task.work)
    config = task.work / f"curl-{task.sink.url.rpartition(':')[2]}-{task.part_size}.conf"
    trust = [f'cacert = "{task.sink.authority}"'] if task.sink.authority else []
    blocks = [
        "\n".join([
            f'url = "{task.sink.url}/videos/viBench/source"', f'form = "file=@{part};filename=video.mp4"', 'output = "/dev/null"',
            f'header = "Content-Range: part {number}/{len(slices)}"', f'header = "Authorization: Bearer {KEY}"', "silent", "fail", *trust,
        ])
        for number, part in enumerate(slices, 1)
    ]  # fmt: skip
    config.write_text("\nnext\n".join(blocks) + "\n")
    authority = f"--cacert {shlex.quote(task.sink.authority)} " if task.sink.authority else ""
    create = f'curl -sf -o /dev/null {authority}--json \'{{"title":"bench"}}\' {task.sink.url}/videos'
    many = f"--parallel --parallel-max {task.jobs} " if parallel else ""
    return Command(["sh", "-c", f"{create} && curl {many}-K {shlex.quote(str(config))}"])


def published(task: Task) -> Command:
    """The published Python client: one connection, and its default parts of 50 MiB."""
    script = Path(__file__).with_name("published.py")
    return Command([sys.executable, "-W", "ignore", str(script), task.sink.url, str(task.file), task.sink.authority])


def video_file(work: Path, mib: int) -> Path:
    """A file of so many MiB of which no two are alike."""
    path = work / f"video-{mib}.mp4"
    if not path.exists():
        noise = os.urandom(MIB)
        with path.open("wb") as out:
            for number in range(mib):
                turn = number * 7919 % MIB
                out.write(number.to_bytes(16, "big") + (noise[turn:] + noise[:turn])[16:])
        os.sync()
    return path


def _sliced(file: Path, part_size: int, work: Path) -> list[Path]:
    """The parts of the file as files, made once."""
    folder = work / f"{file.stem}-by-{part_size}"
    parts = [folder / f"{number:05}" for number in range(-(-file.stat().st_size // part_size))]
    if not folder.exists():
        folder.mkdir()
        with file.open("rb") as source:
            for part in parts:
                with part.open("wb") as out:
                    left = part_size
                    while left and (data := source.read(min(left, MIB))):
                        left -= out.write(data)
        os.sync()
    return parts
