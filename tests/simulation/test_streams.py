"""The real core in stories of streams: producers that die, end at a border, idle, or make other bytes; spools that fill up."""

from __future__ import annotations

import pytest

from tests.simulation.streams import judge

CHUNKS, SEEDS = 6, 60


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_what_must_hold_of_streams_holds_in_every_story(chunk: int) -> None:
    """A seed that breaks anything prints its story: `python -m tests.simulation --streams`."""
    first = 1 + chunk * SEEDS
    broken = [(str(story), words) for story, words in map(judge, range(first, first + SEEDS)) if words]
    assert not broken, "\n".join(["", *broken[0][1], broken[0][0]])


def test_a_seed_tells_the_same_story_of_a_stream_every_time() -> None:
    """Whoever is shown a number can see what happened."""
    assert [str(judge(seed)[0]) for seed in (7, 16, 17)] == [str(judge(seed)[0]) for seed in (7, 16, 17)]
