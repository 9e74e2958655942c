"""What happens to one run beside the line: kills, signals, writers of the file, other clients, a full disk, a damaged record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from tests.simulation.clock import DIES_AFTER, DIES_BEFORE, DIES_HALFWAY
from tests.simulation.files import Content
from tests.simulation.world import World
from vidup.api.ledger import PORTABLE_KEY
from vidup.plan.parts import MAX_PARTS, MIB, MIN_PART

FILE_CHANGES: Final = ("written", "written unseen", "cut", "grown", "touched", "copied", "replaced")
"""What others do to the file. `unseen`: where no fingerprint looks; `copied`: another inode with the same content."""

Files = Sequence[tuple[int, str]]
"""The files of a command: number of the upload, path."""


def before_run(world: World, files: Files, chance: float) -> None:
    """What happens between two runs, each with a chance that `chance` scales (0: nothing)."""
    rng = world.rng
    if rng.random() < 0.3 * chance:
        change_file(world, *rng.choice(_begun(world, files) or files), rng.choice((*FILE_CHANGES, "written unseen", "written unseen")))
    if rng.random() < 0.1 * chance:
        world.damage(whole=rng.random() < 0.3)
    if world.delegated and rng.random() < 0.7:
        world.server.expired = False  # a new one was handed out
    if rng.random() < 0.02 * chance:
        lose_container(world)
    if rng.random() < 0.1 * chance:
        world.jump(rng.choice((-86_400.0, -3600.0, 3600.0, 700_000.0)))


def during_run(world: World, files: Files, chance: float) -> None:
    """Plan what will happen in the run that has just begun: after some seconds, or at some step of it."""
    rng = world.rng
    if rng.random() < 0.35 * chance:
        world.kill_at = int(1.5 * 200.0 ** rng.random())
        world.kill_where = rng.choice((DIES_BEFORE, DIES_HALFWAY, DIES_AFTER))
    if rng.random() < 0.2 * chance:
        _sometime(world, lambda: _signal(world))
    if rng.random() < 0.2 * chance:
        upload, path = rng.choice(files)
        kind = rng.choice((*FILE_CHANGES, "written unseen", "written unseen"))
        _sometime(world, lambda: change_file(world, upload, path, kind), amid=rng.random() < 0.5)
    if rng.random() < 0.1 * chance:
        _fill_disk(world)
    if rng.random() < 0.1 * chance:
        _sometime(world, lambda: _lose_tokens(world))
    if rng.random() < 0.05 * chance:
        _sometime(world, lambda: meddle(world, first=False))
    if world.server.videos and rng.random() < 0.4:
        for _ in range(6):
            _sometime(world, lambda: intrude(world))


def kill_among_many(world: World, files: Files) -> None:
    """Plan that a run of many files is killed, often where one of them ends or begins; with three chances in four."""
    rng = world.rng
    if rng.random() < 0.25:
        return
    world.kill_where = rng.choice((DIES_BEFORE, DIES_HALFWAY, DIES_AFTER))
    words = rng.choice(("all.ndjson", "all.ndjson", "removing", "creating", "sending CREATE", "sending PART", "waiting for an answer"))
    world.kill_amid = words, rng.randint(1, (1 + words.startswith("s") + 3 * words.startswith("w")) * len(files))


def change_file(world: World, upload: int, path: str, kind: str) -> None:
    """Do this (one of FILE_CHANGES) to the file of this upload, and tell it."""
    files, rng = world.files, world.rng
    inode = files.named[path]
    if kind == "written":
        files.write(path, seen=True)
    elif kind == "written unseen":
        files.write(path, seen=False)
    elif kind == "cut" and inode.size > 1:
        files.cut(path, rng.choice((inode.size - 1, rng.randrange(1, inode.size))))
    elif kind == "grown":
        files.append(path, rng.choice((1, MIB, 20 * MIB)))
    elif kind == "copied":
        files.copy(path, same_time=rng.random() < 0.5)
    elif kind == "replaced":
        files.make(path, rng.choice((inode.size, inode.size + MIB, MIN_PART)))
    else:
        files.touch(path)
    world.tell(kind, path, upload)


def meddle(world: World, *, first: bool) -> None:
    """Another client stores a part of its own in some container: `first`, before any of ours, where a status tells of it at once.

    Else its total is one that ours cannot have: what nothing could tell from ours, nobody can be asked to refuse.
    """
    open_ones = [video for video in world.server.videos.values() if not video.complete and not video.gone]
    if not open_ones:
        return
    video = world.rng.choice(open_ones)
    total = world.rng.choice((2, 3, 7)) if first and not world.server.habits.lag else MAX_PARTS
    slug, _ = world.server.store(video, world.rng.randint(1, total), total, Content(0, MIN_PART, ((0, (-1,)),)))
    if not slug:
        world.tell("other writer", f"a part of {total} in {video.id}", video.upload)


def intrude(world: World) -> None:
    """Another client stores a part of its own beside ours in a container that the user named: one that no run has ever begun."""
    named = [video for video in world.server.videos.values() if video.run == 0 and video.total and not video.complete and not video.gone]
    for video in named:
        assert video.total is not None
        free = [number for number in range(1, video.total + 1) if number not in video.parts and (video.id, number) not in world.tried]
        if free:
            number = world.rng.choice(free)
            slug, _ = world.server.store(video, number, video.total, Content((number - 1) * MIN_PART, MIN_PART, ((0, (-1,)),)))
            if not slug:
                world.tell("other writer", f"number {number} of {video.total} in {video.id}", video.upload)


def neighbour(world: World, files: list[tuple[int, str]]) -> None:
    """In the account is an upload of another file, begun elsewhere, of which the parts would fit one of ours: only its record tells."""
    dice = Random(f"{world.seed} neighbour")  # beside the world's own, which tell the other stories as ever
    fitting = [size for _number, path in files if (size := world.files.open(path).size) >= 2 * MIN_PART]
    if fitting and dice.random() < 0.5:
        total = dice.choice(fitting) // MIN_PART
        video = world.server.create("a neighbour's", [{"key": PORTABLE_KEY, "value": f"another file of {total} parts"}])
        video.run = -1  # no run of ours, and no container that the user named
        world.server.store(video, 1, total, Content(0, MIN_PART, ((0, (-1,)),)))


def lose_container(world: World) -> None:
    """Somebody deletes a container that is not complete, or its seven days are over."""
    open_ones = [video for video in world.server.videos.values() if not video.complete and not video.gone]
    if open_ones:
        video = world.rng.choice(open_ones)
        video.gone = True
        world.tell("deleted", video.id, video.upload)


def _signal(world: World) -> None:
    world.tell("signal", "the process is asked to stop")
    world.stop.set()


def _lose_tokens(world: World) -> None:
    if world.delegated:
        world.server.expired = True
        world.tell("expired", "the upload token")
        return
    if world.rng.random() < 0.7:
        world.server.revoke()
        world.tell("revoked", "every token given out so far")
    else:
        world.server.forget_refreshes()
        world.tell("revoked", "every refresh token")


def _fill_disk(world: World) -> None:
    world.disk.fill(world.rng.randint(1, 12))
    world.after(world.rng.choice((5.0, 60.0, 600.0)), world.disk.free)


def _begun(world: World, files: Files) -> list[tuple[int, str]]:
    """The files of which parts are stored, but not all."""
    begun = {video.upload for video in world.server.videos.values() if video.parts and not video.complete and not video.gone}
    return [(upload, path) for upload, path in files if upload in begun]


def _sometime(world: World, event: Callable[[], None], *, amid: bool = False) -> None:
    """In this run, after some seconds or at some step (`amid`: one at which parts are likely on their way); not in a later run or a healed
    world any more."""
    run = world.run

    def happen() -> None:
        if world.run == run and not world.healed and world.pool is not None:
            event()

    if amid:
        world.triggers.setdefault(world.rng.randint(20, 120), []).append(happen)
    elif world.rng.random() < 0.5:
        world.triggers.setdefault(int(1.5 * 100.0 ** world.rng.random()), []).append(happen)
    else:
        world.after(0.05 * 2000.0 ** world.rng.random(), happen)
