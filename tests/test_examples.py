"""The ordinary run is the same run each time: every example that a test makes up is fixed, and only a run by hand looks at others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import ORDINARY

DICE = re.compile(r"\burandom\(|\buuid\d?\(|\bsecrets\.|SystemRandom|\brandom\.[a-z]+\(|\bRandom\(\)")
PROGRAMS = ("bench", "picture.py", "test_examples.py")
"""What measures and draws, and this."""


def test_hypothesis_looks_at_the_same_examples_in_every_run(pytestconfig: pytest.Config) -> None:
    """Unless somebody asks for others, and no slow machine makes a difference."""
    seen: list[int] = []

    @settings(settings.get_profile(ORDINARY), max_examples=20)
    @given(st.integers())
    def look(number: int) -> None:
        seen.append(number)

    look()
    first = list(seen)
    seen.clear()
    look()
    assert seen == first and len(set(seen)) > 10
    assert pytestconfig.getoption("--hypothesis-profile") or (settings().derandomize, settings().deadline) == (True, None)


def test_no_test_throws_dice_of_its_own() -> None:
    """What looks random comes from a `random.Random` with its seed written down."""
    root = Path(__file__).parent
    files = [path for path in root.rglob("*.py") if path.relative_to(root).parts[0] not in PROGRAMS]
    assert [f"{path.name}: {line.strip()}" for path in files for line in path.read_text().splitlines() if DICE.search(line)] == []
