"""The simulated disk: what a kill, a full disk and damage leave of a record."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation.clock import DIES_AFTER, DIES_BEFORE, DIES_HALFWAY, Killed
from tests.simulation.world import World

RECORD = Path("/state/a.jsonl")


@pytest.mark.parametrize(("where", "left"), [(DIES_BEFORE, b""), (DIES_HALFWAY, None), (DIES_AFTER, b"line\n")])
def test_a_kill_strikes_before_within_or_behind_a_write(where: str, left: bytes | None) -> None:
    """A killed append left nothing, half a line, or all of it; afterwards every step raises, until the next run begins."""
    world = World(3, severity=0)
    world.begin()
    world.disk.create(RECORD, b"")
    world.kill_at, world.kill_where = 2, where
    with pytest.raises(Killed):
        world.disk.append(RECORD, b"line\n")
    with pytest.raises(Killed):
        world.disk.read(RECORD)
    world.end(killed=True)
    world.begin()
    found = world.disk.read(RECORD)
    assert found == left if left is not None else b"line\n".startswith(found)


def test_a_full_disk_refuses_until_it_is_freed_and_damage_is_told() -> None:
    """From a chosen write on nothing can be written; a damaged line differs, and the story knows."""
    world = World(1, severity=0)
    world.begin()
    world.disk.create(RECORD, b"00 one\n11 two\n")
    world.disk.fill(1)
    with pytest.raises(OSError, match="No space"):
        world.disk.append(RECORD, b"22 three\n")
    world.disk.free()
    world.disk.append(RECORD, b"22 three\n")
    world.damage(whole=False)
    assert len(set(world.disk.read(RECORD).split(b"\n")) & {b"00 one", b"11 two", b"22 three"}) == 2
    assert [fault.kind for fault in world.story] == ["disk full", "damaged"]
    assert world.disk.exists(RECORD)
    assert world.disk.names(RECORD.parent) == ["a.jsonl"]
    with pytest.raises(FileNotFoundError):
        world.disk.read(RECORD.with_name("b.jsonl"))
