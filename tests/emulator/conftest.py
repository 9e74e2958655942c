"""What the tests of the emulator start it with."""

from __future__ import annotations

import pytest

from tests.emulator.calling import KIB, Hands, Start
from vidup.emulator.server import Emulator


@pytest.fixture
def hands() -> Hands:
    """The clock of the emulator `small`."""
    return Hands()


@pytest.fixture
def small(emulate: Start, hands: Hands) -> Emulator:
    """An emulator whose parts may be as small as 1 KiB and as large as 64 KiB, so that tests send little; its clock stands still."""
    return emulate(min_part=KIB, max_part=64 * KIB, clock=hands)
