"""One story from its seed: the command is run under trouble, then in a healed world until it is through, and judged by the invariants."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

from tests.simulation import afterwards, manifest, trouble
from tests.simulation.clock import Killed
from tests.simulation.invariants import breaches
from tests.simulation.runs import AGAIN, LARGEST_PARTS, THROUGH, Command, Ending, Run, Story
from tests.simulation.world import World
from vidup.plan.parts import MIB

MakeRun = Callable[[World, Command], tuple[int, list[Ending]]]
"""One process: it runs the command in this world and gives its exit code and how each upload ended. Killed passes through it."""

RERUNS: Final = 6
"""Times a healed command is run again, as by a shell loop, before it must be through."""

MANY: Final = 0.08
"""Of all stories, those with many files."""

SLEEP: Final = 60.0
"""Seconds that the shell loop sleeps."""


def play(seed: int, make_run: MakeRun, severity: int | None = None, *, delegated: bool = False) -> Story:
    """The whole story of this seed. Raises what the machine raises, but for its being killed."""
    few = Random(f"{seed} of many")  # beside the world's own dice, which tell the stories of one file as ever
    many = few.random() < MANY
    world = World(seed, few.choice((0, 0, 1, 1, 2, 3)) if many and severity is None else severity)
    world.server.encoding = lambda video, moment: afterwards.encoding(seed, video.id).told(afterwards.whole_since(video, moment))
    if delegated:
        world.by_token()
    story = Story(world, invent_many(world) if many else invent(world), [])
    if story.command.portable and world.server.habits.lists == "unfiltered":
        trouble.neighbour(world, story.command.files)
    chance = min(1.0, world.weather.severity / 2)
    left = story.command
    for number in range(1 + (world.rng.randrange(4) if chance or many else 0)):
        if number and chance:
            trouble.before_run(world, left.files, chance)
            left = left if world.rng.random() < 0.8 else left._replace(part_size=world.rng.choice((5 * MIB, 7 * MIB, LARGEST_PARTS)))
        run = run_once(world, left, make_run, chance)
        story.runs.append(run)
        left = unfinished(story)
        if not left.paths or not goes_on(run):
            break
        world.wait(world.rng.choice((0.5, world.rng.uniform(1.0, 120.0))))
    world.heal()
    for _ in range(RERUNS):
        if not left.paths:
            break
        world.wait(SLEEP)
        story.runs.append(run_once(world, left, make_run, 0.0))
        left = unfinished(story, ended=True)
    return story


def judge(seed: int, make_run: MakeRun, severity: int | None = None, *, delegated: bool = False) -> tuple[Story, list[str]]:
    """The story of this seed, or of an upload token by this seed, and every invariant that it breaks, in words."""
    story = play(seed, make_run, severity, delegated=delegated)
    return story, breaches(story)


def invent(world: World) -> Command:
    """Make the files, and the command that uploads them; now and then into a container that is there already."""
    rng = world.rng
    count = rng.choices((1, 2, 3), (7, 2, 1))[0]
    paths = tuple(f"/videos/{'abc'[number]}.mp4" for number in range(count))
    part_size = rng.choice((None, 5 * MIB, 6 * MIB + 1, LARGEST_PARTS))
    for path in paths:
        parts = rng.choice((1, 2, 3, 4, 4, 6, 8, 12))
        world.files.make(path, max(1, parts * (part_size or 5 * MIB) - rng.choice((0, 1, rng.randrange(5 * MIB)))))
    named = count == 1 and rng.random() < 0.15 and not world.delegated
    video_id = world.server.create("a video of mine", upload=0).id if named else None
    if named and world.weather.severity and rng.random() < 0.3:
        trouble.meddle(world, first=True)
    jobs, retry_for = rng.choice((1, 2, 3, 4, 8)), rng.choice((10.0, 60.0, 300.0, 900.0))
    return Command(
        paths, tuple(range(count)), jobs, retry_for, part_size, video_id, False, *_wishes(world, named), delegated=world.delegated
    )


def _wishes(world: World, named: bool) -> afterwards.Wish:
    """What the command wants afterwards; into a video that is named no record is written, of many a manifest tells, and an upload token
    can ask for nothing."""
    wish = afterwards.wish(world.seed)
    if world.delegated:
        return wish._replace(wait=None, portable=False, skip=False)
    return wish._replace(portable=False, skip=False) if named else wish


def invent_many(world: World) -> Command:
    """Make many files, most of one part, and often a large one among them; the command that uploads them keeps a manifest."""
    rng = world.rng
    count, large = rng.randint(5, 14), rng.choice((-1, 0, 0, 1, 3))
    paths = tuple(f"/videos/{number:02}.mp4" for number in range(count))
    for number, path in enumerate(paths):
        parts = rng.randint(8, 24) if number == large else rng.choice((1, 1, 1, 1, 2, 3))
        world.files.make(path, parts * 5 * MIB - rng.choice((0, 1, rng.randrange(5 * MIB))))
    return Command(
        paths,
        tuple(range(count)),
        rng.choice((1, 2, 3, 4, 8)),
        rng.choice((60.0, 300.0, 900.0)),
        5 * MIB,
        None,
        True,
        *_wishes(world, named=True),
        delegated=world.delegated,
    )


def run_once(world: World, command: Command, make_run: MakeRun, chance: float) -> Run:
    """One process from its begin to its end, with trouble by this chance."""
    world.begin()
    world.uploads = command.uploads
    if chance:
        trouble.during_run(world, command.files, chance)
    if command.manifest and not world.healed:
        trouble.kill_among_many(world, command.files)
    began = world.now()
    try:
        code, endings = make_run(world, command)
    except Killed:
        world.end(killed=True)
        if command.manifest and world.rng.random() < 0.3:
            world.lose_power()
        world.disk.flush()
        told = manifest.rows(world.disk, world.run) if command.manifest else ()
        return Run(world.run, began, world.now(), world.healed, None, told, world.most_idle, world.most_still)
    world.end(killed=False)
    world.disk.flush()
    return Run(world.run, began, world.now(), world.healed, code, tuple(endings), world.most_idle, world.most_still)


def unfinished(story: Story, *, ended: bool = False) -> Command:
    """The same command for the uploads that are not through yet, as `--manifest` would have it; nor, with `ended`, ended for good."""
    left = []
    for number in story.command.uploads:
        last = story.last(number)
        code = None if last is None else last[1].exit_code
        if code not in THROUGH and not (ended and code is not None and code not in AGAIN):
            left.append(number)
    return story.command._replace(paths=tuple(story.command.paths[number] for number in left), uploads=tuple(left))


def goes_on(run: Run) -> bool:
    """Whether a shell loop, or somebody whose process was killed, runs the same command again."""
    return run.killed or run.exit_code in AGAIN
