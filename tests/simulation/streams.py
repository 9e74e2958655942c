"""Stories of streams: a producer that makes the same bytes each time, dies, idles, or makes others; and what must hold whatever it does."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from tests.simulation import machine
from tests.simulation.files import Content, FakeBody, Inode, cells_of
from tests.simulation.harness import RERUNS, SLEEP, run_once
from tests.simulation.invariants import no_stored_part_again, nobody_is_hammered, reports_add_up
from tests.simulation.runs import AGAIN, Command, Ending, Run, Story
from tests.simulation.world import World
from vidup.errors import ExitCode, VidupError
from vidup.plan.openplan import Grown, OpenPlan
from vidup.plan.parts import MIB, Part
from vidup.source.partbody import Cut
from vidup.source.videofile import FileChanged

PATH: Final = "/videos/a.mp4"
PART: Final = 5 * MIB


class Take(NamedTuple):
    """What the producer of one run does: the cells and the size of what it makes, in bytes a second, and after so many it dies, or idles.

    `fills`: the spool's disk is full from this part on. `checks`: seconds for which it is not known whether its end was good.
    `head`: it is a file that is followed, whose first cell is this one until its end. `rewrites`: so is what was sent of it before.
    """

    cells: tuple[int, ...]
    size: int
    rate: float
    dies_at: int = -1
    idles_at: int = -1
    idle: float = 0.0
    fills: int = 0
    checks: float = 0.0
    head: int = 0
    rewrites: bool = False


class Taken(NamedTuple):
    """A take and the run that it was made in."""

    run: int
    take: Take


class FakeStream:
    """A stream, with the fields and methods of `vidup.source.stream.Stream`, in virtual time."""

    path = name = PATH
    size = mtime_ns = device = inode = 0

    def __init__(self, world: World, take: Take, jobs: int) -> None:
        self.clock = world
        self.held = Inode(0, take.size, 0, [take.head, *take.cells[1:]] if take.head else list(take.cells))
        self._take = take
        self._jobs = jobs
        self._began = world.now()
        self._part_size = 0
        self._done: set[int] = set()
        self._told = OpenPlan(0)
        self._ended_at: float | None = None

    def fingerprint(self, stop: Callable[[], bool] = lambda: False) -> str:
        return "stream:a"

    def check_unchanged(self) -> None:
        return

    def plan(self, part_size: int | None, jobs: int, uploads_per_minute: int, most: int | None = None) -> OpenPlan:
        return OpenPlan(part_size or PART)

    def read_in(self, part_size: int) -> None:
        self._part_size = part_size

    def has_begun(self) -> bool:
        return self._now().total_parts > (1 if self._take.head and self._ended_at is None else 0)

    def news(self, is_done: Callable[[int], bool]) -> Grown | None:
        self._done |= {number for number in range(1, self._told.total_parts + 1) if is_done(number)}
        plan = self._now()
        if plan == self._told:
            return None
        new = set(range(self._told.total_parts + 1, plan.total_parts + 1)) - ({1} if plan.first_late else set())
        new |= {1} if plan.first_late and plan.ended and not self._told.ended else set()
        self._told = plan
        return Grown(plan, {number: self._digest(plan.part(number)) for number in sorted(new)})

    def body(self, part: Part, cut: Cut) -> FakeBody:
        if part.number in self._done:
            raise VidupError(ExitCode.AGAIN, f"The server lost part {part.number}", advice="Send the same stream once more.")
        return FakeBody(self, part, cut)  # type: ignore[arg-type]

    def stopping(self) -> None:
        return

    def close(self) -> None:
        return

    def _now(self) -> OpenPlan:
        """How far it is, never further than the spool holds."""
        take, passed = self._take, self.clock.now() - self._began
        if 0 <= take.idles_at <= passed * take.rate:
            passed = max(take.idles_at / take.rate, passed - take.idle)
        most = (len(self._done) + self._jobs + 1) * self._part_size + 1
        arrived = min(int(passed * take.rate), take.size if take.dies_at < 0 else take.dies_at, most)
        ready = max(0, arrived - 1) // self._part_size
        if take.fills and ready >= take.fills:
            raise VidupError(ExitCode.AGAIN, "The spool cannot be written", mended_outside=True, advice="Free some space.")
        if arrived == take.dies_at < take.size:
            raise VidupError(ExitCode.FILE, "The command failed", slug="producer-failed", mended_outside=True, advice="See why.")
        if arrived < take.size:
            return OpenPlan(self._part_size, ready * self._part_size, ready, first_late=bool(take.head))
        self._ended_at = self.clock.now() if self._ended_at is None else self._ended_at
        good = self.clock.now() >= self._ended_at + take.checks
        if good and take.dies_at >= take.size:
            raise VidupError(ExitCode.FILE, "The command failed", slug="producer-failed", mended_outside=True, advice="See why.")
        if take.rewrites:
            raise FileChanged(ExitCode.FILE, "It was rewritten while it was uploaded", advice="Upload the finished file.")
        self.held.cells[0] = take.cells[0]
        return OpenPlan(self._part_size, take.size, ready + 1, first_late=bool(take.head), ended=True, released=good)

    def _digest(self, part: Part) -> str:
        cells = self._take.cells[part.offset // MIB : cells_of(part.offset + part.length)]
        return hashlib.sha256(f"{part.length} {cells}".encode()).hexdigest()


def play(seed: int) -> tuple[Story, list[Taken]]:
    """The whole story of this seed, and what the producer did in each run."""
    world, taken = World(seed), list[Taken]()
    rng = world.rng
    parts = rng.choice((1, 2, 3, 4, 6, 9))
    world.files.make(PATH, max(1, parts * PART - rng.choice((0, 0, 1, PART - 1, rng.randrange(PART)))))
    command = Command((PATH,), (0,), rng.choice((1, 2, 3, 4)), rng.choice((60.0, 300.0, 900.0)), PART)
    story = Story(world, command, [])
    chance = min(1.0, world.weather.severity / 2)
    follows = rng.random() < 0.4
    for number in range(1 + (rng.randrange(4) if chance else 0)):
        story.runs.append(_run(world, command, _some_take(world, number > 0, chance, follows), taken, chance))
        if story.runs[-1].exit_code == 0:
            return story, taken
        world.wait(rng.uniform(0.5, 60.0))
    world.heal()
    for _ in range(RERUNS):
        world.wait(SLEEP)
        story.runs.append(_run(world, command, _plain_take(world, follows), taken, 0.0))
        if story.runs[-1].exit_code not in (None, *AGAIN):
            break
    return story, taken


def judge(seed: int, _make_run: object = None) -> tuple[Story, list[str]]:
    """The story of this seed and every breach of what must hold, in words."""
    story, taken = play(seed)
    checks = (nobody_is_hammered, no_stored_part_again, reports_add_up)
    words = [f"{check.__name__}: {breach}" for check in checks for breach in check(story)]
    return story, words + [f"{check.__name__}: {breach}" for check in STREAMS for breach in check(story, taken)]


def whole_means_one_good_take(story: Story, taken: list[Taken]) -> Iterator[str]:
    """What the server holds complete is, byte for byte, what the producer of some run made, and that one did not fail."""
    for video in story.world.server.videos.values():
        if video.complete and not any(_holds(video.parts, one.take) for one in taken if one.take.dies_at < 0 and not one.take.rewrites):
            yield f"{video.id} is complete, and no take of a good producer"


def a_failed_producer_is_no_success(story: Story, taken: list[Taken]) -> Iterator[str]:
    """Exit 0 never comes of a run whose producer failed."""
    for run, one in zip(story.runs, taken, strict=True):
        if run.exit_code == 0 and (one.take.dies_at >= 0 or one.take.rewrites):
            yield f"run {run.number} ended well, though its producer did not"


def the_right_stream_ends_well(story: Story, taken: list[Taken]) -> Iterator[str]:
    """In the end, healed and run again with the first stream: whole, unless another one had sent parts of its own, or the record is gone."""
    right, last = taken[-1].take, story.runs[-1]
    others = any(one.take.rewrites for one in taken) or any((one.take.cells, one.take.size) != (right.cells, right.size) for one in taken)
    spoiled = any(fault.kind in ("damaged", "disk full", "deleted", "other writer") for fault in story.world.story)
    refused = any(one.status is not None and 400 <= one.status < 500 for one in story.world.refusals)
    if last.exit_code != 0 and not (others or spoiled or refused) and story.world.server.habits.lag <= 60.0:
        yield f"the stream was not uploaded after {len(story.runs)} runs: {last.endings}"


STREAMS: Final = (whole_means_one_good_take, a_failed_producer_is_no_success, the_right_stream_ends_well)


def _holds(parts: dict[int, Content], take: Take) -> bool:
    offset = 0
    for number in range(1, len(parts) + 1):
        content = parts[number]
        same = all(take.cells[first : first + len(ids)] == ids for first, ids in content.stretches)
        if content.offset != offset or not same:
            return False
        offset += content.length
    return offset == take.size


def _run(world: World, command: Command, take: Take, taken: list[Taken], chance: float) -> Run:
    taken.append(Taken(world.run + 1, take))

    def make_run(world: World, command: Command) -> tuple[int, list[Ending]]:
        world.open_source = lambda path: FakeStream(world, take, command.jobs)  # type: ignore[method-assign,assignment,return-value]
        return machine.run(world, command)

    return run_once(world, command, make_run, chance)


def _plain_take(world: World, follows: bool) -> Take:
    inode = world.files.named[PATH]
    return Take(tuple(inode.cells), inode.size, 50.0 * MIB, head=-world.run - 1 if follows else 0)


def _some_take(world: World, again: bool, chance: float, follows: bool) -> Take:
    """What the producer does this time."""
    rng, take = world.rng, _plain_take(world, follows)
    take = take._replace(rate=rng.choice((1.0, 20.0, 200.0)) * MIB, checks=rng.choice((0.0, 0.3, 5.0)))
    if rng.random() < 0.25 * chance:
        take = take._replace(dies_at=rng.choice((take.size, rng.randrange(take.size), take.size // PART * PART)))
        world.tell("producer", f"dies at byte {take.dies_at}", 0)
    if rng.random() < 0.2 * chance:
        take = take._replace(idles_at=rng.randrange(take.size), idle=rng.choice((1.0, 60.0, 400.0)))
    if rng.random() < 0.1 * chance:
        take = take._replace(fills=rng.randint(1, 4))
        world.tell("producer", f"the spool is full from part {take.fills} on", 0)
    if follows and rng.random() < 0.3 * chance:
        take = take._replace(rewrites=True)
        world.tell("producer", "rewrites its file", 0)
    if again and rng.random() < 0.3 * chance:
        take = _another(world, take)
    return take


def _another(world: World, take: Take) -> Take:
    """Another stream: of other bytes from somewhere on, shorter, or longer."""
    rng, cells = world.rng, list(take.cells)
    kind = rng.choice(("other", "shorter", "longer"))
    if kind == "other":
        place = rng.randrange(len(cells))
        cells[place:] = [-number - 1000 * world.run for number in range(1, len(cells) - place + 1)]
        take = take._replace(cells=tuple(cells))
    elif kind == "shorter":
        size = max(1, rng.choice((take.size - PART, rng.randrange(1, take.size + 1))))
        take = take._replace(cells=tuple(cells[: cells_of(size)]), size=size)
    else:
        cells += [-number - 5000 * world.run for number in range(1, 8)]
        take = take._replace(cells=tuple(cells), size=take.size + 7 * MIB)
    world.tell("producer", f"makes another stream ({kind})", 0)
    return take._replace(dies_at=min(take.dies_at, take.size), idles_at=min(take.idles_at, take.size))
