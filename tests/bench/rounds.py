"""Interleaved rounds, ratios inside a round, medians, and markdown."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final, TypeVar

Name = TypeVar("Name")
Value = TypeVar("Value")


_LOOK: Final = 0.5
"""Seconds that the machine must be idle before a run."""
_IDLE: Final = 0.85
"""Share of the time of all cores that counts as idle."""


def interleaved(variants: Mapping[Name, Callable[[], Value]], rounds: int, patience: float) -> dict[Name, list[Value]]:
    """Every variant once a round, in a new order each time, so that what else the machine does meets all alike.

    Before each run an idle machine is waited for, `patience` seconds at most.
    """
    results: dict[Name, list[Value]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name in random.sample(list(variants), len(variants)):
            _await_idle(patience)
            results[name].append(variants[name]())
    return results


def _await_idle(patience: float) -> None:
    until = time.monotonic() + patience
    while time.monotonic() < until:
        before = _idle_seconds()
        time.sleep(_LOOK)
        if _idle_seconds() - before >= _IDLE * _LOOK * (os.cpu_count() or 1):
            return


def _idle_seconds() -> float:
    return float(Path("/proc/uptime").read_text().split()[1])


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median over the rounds of ours / theirs."""
    return median(mine / other for mine, other in zip(ours, theirs, strict=True))


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A markdown table; floats with two digits."""
    lines = [heads, ["---"] * len(heads), *([_shown(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _shown(cell: object) -> str:
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell)


@dataclass(frozen=True, slots=True)
class Goal:
    """One number that must not pass a limit; `least`: must not fall below it."""

    number: int
    what: str
    value: float
    limit: float
    least: bool = False

    @property
    def met(self) -> bool:
        """Whether it holds."""
        return self.value >= self.limit if self.least else self.value <= self.limit


def goals(found: Sequence[Goal]) -> str:
    """The goals of this table, each met or missed."""
    rows = [(goal.number, goal.what, goal.value, f"{'>=' if goal.least else '<='} {goal.limit:g}", "met" if goal.met else "MISSED")
            for goal in found]  # fmt: skip
    return table(["goal", "what", "measured", "limit", ""], rows)
