"""The real core and dispatcher in every weather: what must hold does, in over 3,000 uploads, and a defect would be noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation import machine
from tests.simulation.defects import DEFECTS, Defect, planted
from tests.simulation.harness import judge

CHUNKS, SEEDS = 10, 170


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_what_must_hold_holds_in_every_story(chunk: int) -> None:
    """Kills, signals, faults, lags, changed files, full disks; a seed that breaks anything prints its story: `python -m tests.simulation`."""
    first = 1 + chunk * SEEDS
    broken = [(str(story), words) for story, words in (judge(seed, machine.run) for seed in range(first, first + SEEDS)) if words]
    assert not broken, "\n".join(["", *broken[0][1], broken[0][0]])


@pytest.mark.parametrize("chunk", range(3))
def test_what_must_hold_holds_with_an_upload_token_alone(chunk: int) -> None:
    """Where nobody can be asked: kills, lost first and last answers, tokens that expire; `python -m tests.simulation --delegated`."""
    first = 1 + chunk * SEEDS
    stories = (judge(seed, machine.run, delegated=True) for seed in range(first, first + SEEDS))
    broken = [(str(story), words) for story, words in stories if words]
    assert not broken, "\n".join(["", *broken[0][1], broken[0][0]])


@pytest.mark.parametrize(
    "seed",
    [
        1928,
        4065,
        7658,
        9769,
        12080,
        14538,
        16476,
        21907,
        25605,
        27997,
        30572,
        39828,
        51196,
        59663,
        78979,
        84996,
        90078,
        100907,
        209417,
        306586,
    ],
)
def test_what_once_broke_holds(seed: int) -> None:
    """Stories that broke an invariant in long runs by hand: what they showed is mended, or said to be out of sight."""
    story, words = judge(seed, machine.run)
    assert not words, f"{words}\n{story}"


def test_the_ordinary_run_is_over_3000_uploads() -> None:
    """Many stories have more than one file."""
    assert sum(len(judge(seed, machine.run)[0].command.uploads) for seed in range(1, 1 + SEEDS)) * CHUNKS > 3000


def test_some_stories_are_of_many_files_and_some_of_them_are_killed_between_two_rows() -> None:
    """Fairness, and that each file ends as one video, are seen in these alone."""
    stories = [judge(seed, machine.run)[0] for seed in range(1, 241)]
    many = [story for story in stories if story.command.manifest]
    assert sum(len(story.command.uploads) >= 5 for story in many) >= 10
    assert sum(run.killed and 0 < len(run.endings) < len(story.command.uploads) for story in many for run in story.runs) >= 5


def test_a_seed_tells_the_same_story_every_time() -> None:
    """Whoever is shown a number can see what happened."""
    assert [str(judge(seed, machine.run)[0]) for seed in (7, 8, 9)] == [str(judge(seed, machine.run)[0]) for seed in (7, 8, 9)]


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.finding)
def test_each_planned_defect_can_still_be_planted(defect: Defect, tmp_path: Path) -> None:
    """The places that the defects change are still there; that each is noticed shows `python -m tests.simulation --defects`."""
    planted(defect, tmp_path)
