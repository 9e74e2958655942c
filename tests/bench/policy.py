"""`policy`: the part size vidup chooses, against the best one, under the limit of uploads a minute (goal 7). A model: nothing is sent."""

from __future__ import annotations

import argparse
import random
from heapq import heappop, heappush
from math import inf
from pathlib import Path
from statistics import fmean, median
from typing import Final

from vidup.plan.parts import MAX_PART, MAX_PARTS, MIB, choose_total, total_parts_for

from .rounds import Goal, goals, table

_LIMITS: Final = (40, 100)
_SIZES: Final = (10, 30, 100, 300, 1024, 3 * 1024, 10 * 1024, 30 * 1024)
"""MiB."""
_SPEEDS: Final = (1, 3, 12.5, 25, 50, 125)
"""MB/s of the whole line."""
_PARTS: Final = (5, 8, 10, 12.5, 16, 20, 25, 32, 40, 50, 64, 80, 100, 128, 150, 200)
"""MiB."""
_JOBS: Final = 4
_IDLE: Final = 0.3
"""Seconds of a part in which no payload moves: a round trip and the server's work."""
_RUNS: Final = 4


def policy(options: argparse.Namespace, work: Path) -> str:
    """Wall of the chosen split over the wall of the best split of the grid."""
    rows: list[list[object]] = []
    shares: dict[int, list[float]] = {limit: [] for limit in _LIMITS}
    for limit in _LIMITS:
        for size in _SIZES:
            cells: list[object] = []
            for speed in _SPEEDS:
                chosen = choose_total(size * MIB, _JOBS, limit)
                best = min(wall(size * MIB, total, speed * 1e6, limit) for total in _splits(size * MIB))
                share = wall(size * MIB, chosen, speed * 1e6, limit) / best
                shares[limit].append(share)
                cells.append(share)
            rows.append([limit, size, f"{size / chosen:.1f}", chosen, *cells])
    heads = ["uploads/min", "file MiB", "part MiB chosen", "parts", *(f"{speed:g} MB/s" for speed in _SPEEDS)]
    found = [Goal(7, f"median of wall / best wall, {limit} uploads/min", median(shares[limit]), 1.05) for limit in _LIMITS]
    worst = [[limit, median(shares[limit]), max(shares[limit])] for limit in _LIMITS]
    return "\n\n".join([table(heads, rows), table(["uploads/min", "median", "worst"], worst), goals(found)])


def _splits(size: int) -> set[int]:
    """All numbers of parts to choose from that the API allows, whole waves of jobs among them."""
    totals = {total_parts_for(size, int(min(part * MIB, MAX_PART))) for part in _PARTS}
    waves = {-(-total // _JOBS) * _JOBS for total in totals if total < 4 * _JOBS}
    return {total for total in totals | waves if total <= MAX_PARTS and (total == 1 or size / total >= 5 * MIB)}


def wall(size: int, total: int, speed: float, limit: int) -> float:
    """Seconds for `total` parts, the mean of some runs of the dice."""
    return fmean(_run(size / total, total, speed, limit, random.Random(seed)) for seed in range(_RUNS))


def _run(part: float, total: int, speed: float, limit: int, dice: random.Random) -> float:
    """`limit` parts may start in a minute (fixed windows), and those on their way share the line evenly."""
    ready, ends = [0.0] * min(_JOBS, total), list[float]()  # when a connection is free; how much each part of a wave has got when it ends
    now, got, started, done = 0.0, 0.0, 0, 0
    while done < total:
        opens = max(ready[0], 60.0 * (started // limit)) if ready and started < total else inf
        closes = now + (ends[0] - got) * len(ends) / speed if ends else inf
        got += (min(opens, closes) - now) * speed / len(ends) if ends else 0.0
        now = min(opens, closes)
        if opens <= closes:
            heappop(ready)
            heappush(ends, got + part)
            started += 1
        else:
            heappop(ends)
            heappush(ready, now + _IDLE * dice.uniform(0.5, 1.5))
            done += 1
    return max(ready)
