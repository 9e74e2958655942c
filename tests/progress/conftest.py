"""What the tests of the views share: a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture
def terminal() -> Iterator[int]:
    """A descriptor of a terminal whose size a test sets."""
    ours, theirs = os.openpty()
    yield theirs
    os.close(ours)
    os.close(theirs)
