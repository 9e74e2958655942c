"""CORE: which of many files this machine takes: one of N shards of a list that all of them see."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

By = Literal["order", "hash"]

_GIVEN: Final = re.compile(r"(\d{1,9})/(\d{1,9})", re.ASCII)
_NUMBER: Final = re.compile(r"\d{1,9}", re.ASCII)
_GIVE: Final = "give --shard I/N, as --shard 3/8"


class Shard(NamedTuple):
    """The `number`-th of `total` machines, 1 to `total`."""

    number: int
    total: int

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"


def parse_shard(text: str) -> Shard:
    """The shard of `3/8`. Raises ValueError for anything else, `0/8` and `9/8` included."""
    match = _GIVEN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not I/N, as 3/8, nor auto")
    return _checked(int(match[1]), int(match[2]), f"{text!r}")


def auto_shard(environ: Mapping[str, str]) -> Shard:
    """The shard that the engine around tells of; the first of them that is complete counts, and vidup's own variables are the first.

    Raises ValueError where there is none, and for anything doubtful: a wrong guess would leave files out, or send them twice.
    """
    for variable, found in _ENGINES.items():
        if environ.get(variable):
            return found(environ)
    raise ValueError(
        "--shard auto finds none of VIDUP_SHARD_INDEX with VIDUP_SHARD_TOTAL, CI_NODE_INDEX (GitLab), SLURM_ARRAY_TASK_ID (Slurm), "
        f"JOB_COMPLETION_INDEX with VIDUP_SHARD_TOTAL (Kubernetes): {_GIVE}"
    )


def _ours(environ: Mapping[str, str]) -> Shard:
    if not environ.get("VIDUP_SHARD_TOTAL"):
        raise ValueError(f"VIDUP_SHARD_INDEX is set, and VIDUP_SHARD_TOTAL is not: set both, or {_GIVE}")
    return _numbered(environ, "VIDUP_SHARD_INDEX", "VIDUP_SHARD_TOTAL")


def _gitlab(environ: Mapping[str, str]) -> Shard:
    """`parallel: N` (https://docs.gitlab.com/ci/yaml/#parallel); a job without it has CI_NODE_TOTAL alone, as 1."""
    if not environ.get("CI_NODE_TOTAL"):
        raise ValueError(f"CI_NODE_INDEX is set, and CI_NODE_TOTAL is not: {_GIVE}")
    return _numbered(environ, "CI_NODE_INDEX", "CI_NODE_TOTAL", "; GitLab counts from 1")


def _slurm(environ: Mapping[str, str]) -> Shard:
    """A job array (https://slurm.schedmd.com/job_array.html), only where it is whole: a re-run of some of its tasks is another array."""
    names = [f"SLURM_ARRAY_TASK_{word}" for word in ("ID", "MIN", "MAX", "COUNT")]
    values = {name: environ.get(name, "") for name in names}
    missing = [name for name, value in values.items() if not _NUMBER.fullmatch(value)]
    if missing:
        raise ValueError(f"SLURM_ARRAY_TASK_ID is set, and {missing[0]} is no number: {_GIVE}")
    task, least, most, count = (int(value) for value in values.values())
    step = environ.get("SLURM_ARRAY_TASK_STEP") or "1"
    if not _NUMBER.fullmatch(step) or not int(step):
        raise ValueError(f"SLURM_ARRAY_TASK_STEP is {step}, which is no step: {_GIVE}")
    whole = least in (0, 1) and most > least and (most - least) // int(step) + 1 == count  # one task may be the re-run of one
    if not whole or (task - least) % int(step) or not least <= task <= most:
        raise ValueError(
            f"this Slurm array of {count} tasks, {least} to {most}, is not a whole one, as a re-run of some tasks is none: "
            f"{_GIVE}, with the numbers of the first run"
        )
    return Shard((task - least) // int(step) + 1, count)


def _kubernetes(environ: Mapping[str, str]) -> Shard:
    """An Indexed Job, whose index counts from 0; no variable tells `completions`
    (https://kubernetes.io/docs/tasks/job/indexed-parallel-processing-static)."""
    index, total = environ.get("JOB_COMPLETION_INDEX", ""), environ.get("VIDUP_SHARD_TOTAL", "")
    if not total:
        raise ValueError(f"JOB_COMPLETION_INDEX is set, and VIDUP_SHARD_TOTAL is not: give it the Job's completions, or {_GIVE}")
    if not (_NUMBER.fullmatch(index) and _NUMBER.fullmatch(total)):
        raise ValueError(f"JOB_COMPLETION_INDEX is {index!r} and VIDUP_SHARD_TOTAL {total!r}, which are not both numbers: {_GIVE}")
    return _checked(int(index) + 1, int(total), f"JOB_COMPLETION_INDEX {index} of VIDUP_SHARD_TOTAL {total}")


_ENGINES: Final = {
    "VIDUP_SHARD_INDEX": _ours, "CI_NODE_INDEX": _gitlab, "SLURM_ARRAY_TASK_ID": _slurm, "JOB_COMPLETION_INDEX": _kubernetes,
}  # fmt: skip
"""By which variable each engine is known, in the order in which they count."""


def _numbered(environ: Mapping[str, str], index: str, total: str, hint: str = "") -> Shard:
    one, of = environ[index], environ[total]
    if not (_NUMBER.fullmatch(one) and _NUMBER.fullmatch(of)):
        raise ValueError(f"{index} is {one!r} and {total} {of!r}, which are not both numbers: {_GIVE}")
    return _checked(int(one), int(of), f"{index} {one} of {total} {of}", hint)


def _checked(number: int, total: int, told: str, hint: str = "") -> Shard:
    if not 1 <= number <= total:
        raise ValueError(f"{told} is not one of 1/{total} to {total}/{total}{hint}: {_GIVE}" if total else f"{told} is a shard of none")
    return Shard(number, total)


def take(paths: Sequence[bytes], shard: Shard, by: By) -> list[int]:
    """The positions in `paths` that this shard takes, ascending. Together, N shards take each path once.

    By order: every N-th of the paths sorted by their bytes, so that shards differ by one file at most. By hash: a path's shard is a
    function of the path alone, and a list may grow between two runs without moving what is on it.
    """
    if by == "hash":
        return [position for position, path in enumerate(paths) if _hashed(path) % shard.total == shard.number - 1]
    in_order = sorted(range(len(paths)), key=paths.__getitem__)
    return sorted(in_order[shard.number - 1 :: shard.total])


def digest(paths: Iterable[bytes]) -> str:
    """Eight hexadecimal digits of the whole list, in whatever order: machines that see another list tell another number."""
    whole = hashlib.sha256()
    for path in sorted(paths):
        whole.update(path + b"\0")
    return whole.hexdigest()[:8]


def _hashed(path: bytes) -> int:
    return int.from_bytes(hashlib.sha256(path).digest(), "big")
