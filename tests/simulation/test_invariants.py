"""Each invariant catches what it is there for, in stories made by hand, and lets the honest one next to it pass."""

from __future__ import annotations

from tests.simulation import invariants
from tests.simulation.clock import EPOCH, Fault
from tests.simulation.files import Content, cells_of
from tests.simulation.network import FakePool
from tests.simulation.runs import Command, Ending, Run, Story
from tests.simulation.server import Habits, Video
from tests.simulation.simple import FOLDER
from tests.simulation.world import Refusal, Sent, World
from vidup.plan.parts import MIB, Plan
from vidup.upload.exchange import Answer, Request, Verb
from vidup.verdicts.judge import Reply

A, B = "/videos/a.mp4", "/videos/b.mp4"
PLAN = Plan(16 * MIB, 3)
UPLOADED = Ending(0, 0, "uploaded", "vi1", 3, 3, 3, 0, False)
LATER = Ending(0, 75, "failed", "vi1", 3, 1, 1, 0, True)
BAD = LATER._replace(exit_code=6, resumable=False)


def make_story(*endings: Ending, jobs: int = 1, paths: tuple[str, ...] = (A,), parts: int = 3) -> Story:
    """A story in which each run, of a hundred seconds, ended so; the last is healed. One container holds parts of the file."""
    world = World(1, severity=0)
    world.server.habits = Habits()
    for path in paths:
        world.files.make(path, PLAN.size)
    world.run = 1
    video = world.server.create(upload=0)
    for number in range(1, parts + 1):
        world.server.store(video, number, 3, content(world, number))
    world.creates[0] = world.created[0] = 1
    story = Story(world, Command(paths, tuple(range(len(paths))), jobs, 900.0), [])
    for number, ending in enumerate(endings, 1):
        story.runs.append(Run(number, 100.0 * number, 100.0 * number + 50.0, number == len(endings), ending.exit_code, (ending,), 0.0))
    return story


def content(world: World, number: int) -> Content:
    """What a part of the file holds now."""
    part, cells = PLAN.part(number), world.files.named[A].cells
    first = part.offset // MIB
    return Content(part.offset, part.length, ((first, tuple(cells[first : cells_of(part.offset + part.length)])),))


def video_of(story: Story) -> Video:
    return story.world.server.videos["vi1"]


def broken(story: Story) -> set[str]:
    """The names of the invariants that a story breaks."""
    return {words.partition(":")[0] for words in invariants.breaches(story)}


def test_an_honest_story_breaks_nothing() -> None:
    """Stopped once, then uploaded."""
    assert broken(make_story(LATER, UPLOADED._replace(parts_sent=2, parts_skipped=1))) == set()


def test_a_mix_of_two_versions_is_caught() -> None:
    """A part of the new content among parts of the old one is neither; an unfinished or unknown video is none at all."""
    story = make_story(UPLOADED)
    story.world.files.write(A, seen=False)
    story.world.files.write(A, seen=True)
    assert broken(story) == set()
    video_of(story).parts[1] = content(story.world, 1)
    assert "uploaded_means_one_version" in broken(story)
    assert "uploaded_means_one_version" in broken(make_story(UPLOADED, parts=2))
    assert "uploaded_means_one_version" in broken(make_story(UPLOADED._replace(video_id="vi9")))


def test_parts_of_another_split_are_caught() -> None:
    """All parts of one version, but of a split in which they do not lie behind each other."""
    story = make_story(UPLOADED)
    part = video_of(story).parts[2]
    video_of(story).parts[2] = part._replace(offset=part.offset - MIB)
    assert broken(story) == {"uploaded_means_one_version"}


def test_a_permanent_code_that_passes_is_caught_and_a_clear_refusal_excuses_it() -> None:
    """Exit 6, then 0 with nothing changed; a 413 on a part was clear, one 401 was not, and exit 1 is never right."""
    story = make_story(BAD, UPLOADED)
    assert "no_permanent_code_that_passes" in broken(story)
    story.world.refusals.append(Refusal(0.0, 1, 0, Verb.PART, 413, "", wordless=True, stored=False))
    assert broken(story) == set()
    refused = make_story(BAD._replace(exit_code=4), UPLOADED)
    refused.world.refusals.append(Refusal(0.0, 1, 0, Verb.PART, 401, "", wordless=True, stored=False))
    assert "no_permanent_code_that_passes" in broken(refused)
    assert "no_permanent_code_that_passes" in broken(make_story(LATER._replace(exit_code=1), UPLOADED))


def test_words_that_got_lost_excuse_only_what_is_not_stored() -> None:
    """After a 4xx without words a stored part must be found, and one that is not stored may end the upload."""
    for stored in (True, False):
        story = make_story(BAD, UPLOADED)
        story.world.refusals.append(Refusal(0.0, 1, 0, Verb.PART, 409, "", wordless=True, stored=stored))
        assert ("no_permanent_code_that_passes" in broken(story)) is stored


def test_a_stored_part_that_is_sent_again_is_caught_unless_nobody_can_know() -> None:
    """Told and come back for more: known. Told and killed at once, or its record damaged: not known."""
    for killed, damaged in ((False, False), (True, False), (False, True)):
        story = make_story(UPLOADED)
        world, part = story.world, Request(Verb.PART, 0, "vi1", 2, "part 2/3")
        world.begin()
        world.delivered(Answer(part, Reply(status=201, promised=True, body={})))
        world.end(killed=killed)
        if damaged:
            world.begin()
            world.disk.create(FOLDER / "a.mp4.jsonl", b"a line\n")
            world.damage(whole=True)
        world.begin()
        FakePool(world, 1)
        world.submitted(part)
        assert ("no_stored_part_again" in broken(story)) is not (killed or damaged)


def test_hammering_is_caught() -> None:
    """A request a second with no success between them is too many; with a success now and then it is not."""
    story = make_story(UPLOADED)
    story.world.sent.extend(Sent(100.0 + second, 1, 0, Verb.PART) for second in range(50))
    assert broken(story) == {"nobody_is_hammered"}
    story.world.good_at.append(125.0)
    assert broken(story) == set()


def test_a_run_without_end_is_caught() -> None:
    """Idle for longer than the budget and the timeouts; 15 minutes more where 429s told to wait."""
    story = make_story(UPLOADED)
    story.runs[0] = story.runs[0]._replace(most_idle=1261.0)
    assert broken(story) == {"every_run_ends", "lost_answers_cost_seconds"}
    story.world.limited.add(1)
    assert broken(story) == set()


def test_a_wrong_resumable_is_caught() -> None:
    """True and it cannot go on; false and it did; true of what is uploaded."""
    name = "resumable_means_resumable"
    assert name in broken(make_story(LATER, BAD))
    assert name in broken(make_story(LATER._replace(resumable=False), UPLOADED))
    assert name in broken(make_story(UPLOADED._replace(resumable=True)))
    assert name in broken(make_story(LATER._replace(video_id="vi2"), UPLOADED))


def test_a_change_that_was_noticed_is_not_resumable() -> None:
    """Exit 3 after a change says that it cannot go on, whatever was begun; another code may not know of the change yet."""
    for code, caught in ((3, True), (75, False)):
        story = make_story(LATER._replace(exit_code=code), LATER._replace(exit_code=3, resumable=False))
        story.world.tell("written", A, 0)
        assert ("resumable_means_resumable" in broken(story)) is caught


def test_too_many_containers_are_caught() -> None:
    """A second one though the first create was answered; a third in one run, however unsure."""
    story = make_story(UPLOADED)
    story.world.server.create(upload=0)
    assert broken(story) == {"containers_are_few"}
    story.world.creates[0] = 2
    assert broken(story) == set()
    story.world.creates[0] = 3
    story.world.server.create(upload=0)
    assert broken(story) == {"containers_are_few"}


def test_a_report_that_does_not_add_up_is_caught() -> None:
    """Done but neither sent nor skipped, more done than there is or than the server has, uploaded with a part missing."""
    for wrong in (
        UPLOADED._replace(parts_sent=2), UPLOADED._replace(parts_done=4, parts_sent=4), UPLOADED._replace(parts_done=2, parts_sent=2),
        UPLOADED._replace(status="failed"),
    ):  # fmt: skip
        assert broken(make_story(wrong)) == {"reports_add_up"}
    assert "reports_add_up" in broken(make_story(LATER._replace(parts_done=3, parts_sent=3), UPLOADED, parts=2))


def test_an_end_that_is_not_well_is_caught() -> None:
    """Still not uploaded in a healed world, or never told of; a file that was changed may stay where it is."""
    story = make_story(LATER, LATER)
    assert "the_unchanged_end_well" in broken(story)
    story.world.tell("touched", A, 0)
    assert "the_unchanged_end_well" not in broken(story)
    assert "the_unchanged_end_well" in broken(make_story())


def test_a_file_that_suffers_for_another_is_caught() -> None:
    """Of two files the one that met nothing must end well; a fault of the whole line excuses it."""
    ending = LATER._replace(upload=1, video_id=None, parts_done=0, parts_sent=0)
    story = make_story(ending, paths=(A, B))
    story.world.tell("cut", A, 0)
    assert "one_disaster_is_nobody_elses" in broken(story)
    story.world.tell("storm", "part 1")
    assert "one_disaster_is_nobody_elses" not in broken(story)


def test_time_begins_where_it_says() -> None:
    """The clocks agree until this computer's jumps."""
    world = World(1, severity=0)
    world.jump(-3600.0)
    assert (world.now(), world.true_wall(), world.wall()) == (0.0, EPOCH, EPOCH - 3600.0)


def test_a_stop_that_gives_up_too_early_is_noticed() -> None:
    """Every part was good when it came, and the grace was not used; used up, or with a part missing, it is an honest interruption."""
    stopped = Ending(0, 130, "interrupted", "vi1", 3, 3, 3, 0, True)
    for ending, at, noticed in (
        (stopped, 149.9, True),
        (stopped, 145.0, False),
        (stopped._replace(parts_done=2, parts_sent=2), 149.9, False),
    ):
        story = make_story(ending, UPLOADED._replace(parts_sent=0, parts_skipped=3))
        story.world.story.append(Fault(at, 1, -1, "signal", "the process is asked to stop"))
        assert ("a_stop_is_worth_its_grace" in broken(story)) is noticed


def test_whoever_goes_out_of_turn_is_caught() -> None:
    """A second part of a large file while a small one has none on its way, or is not begun; a younger file before an older one."""
    made = [(True, 0, Verb.CREATE), (True, 1, Verb.CREATE), (False, 0, Verb.CREATE), (False, 1, Verb.CREATE)]
    honest = [*made, (True, 0, Verb.PART), (True, 1, Verb.PART), (False, 1, Verb.PART), (True, 1, Verb.PART), (True, 0, Verb.PART)]
    greedy = [*made, (True, 0, Verb.PART), (True, 0, Verb.PART)]
    younger = [*made, (True, 1, Verb.PART)]
    alone = [(True, 0, Verb.CREATE), (False, 0, Verb.CREATE), (True, 0, Verb.PART), (True, 0, Verb.PART)]
    caught = []
    for turns in (honest, greedy, younger, alone):
        story = make_story(LATER, UPLOADED, paths=(A, B), jobs=2)
        story.world.server.store(story.world.server.create(upload=1), 1, 3, content(story.world, 1))
        story.world.turns = turns
        caught.append("the_fewest_in_flight_first" in broken(story))
    assert caught == [False, True, True, True]


def test_a_request_after_a_refusal_for_all_is_caught() -> None:
    """The account is suspended, and the next file is begun; what concerned one file alone lets the others go on."""
    for slug, ends in (("authorization-suspended-account", True), ("uploaded-file-invalid-file", False)):
        story = make_story(LATER, UPLOADED)
        story.world.refusals.append(Refusal(120.0, 1, 0, Verb.PART, 403, slug, wordless=False, stored=False))
        story.world.sent.append(Sent(120.0, 1, 1, Verb.CREATE))
        assert "what_concerns_all_ends_all" not in broken(story)
        story.world.sent.append(Sent(121.0, 1, 1, Verb.CREATE))
        assert ("what_concerns_all_ends_all" in broken(story)) is ends


def test_with_a_manifest_a_second_whole_video_is_caught() -> None:
    """Without one, a run that was killed when it had told that the first is whole, and forgotten it, excuses it."""
    for manifest, forgotten, caught in ((False, True, False), (False, False, True), (True, True, True)):
        story = make_story(LATER, UPLOADED)
        story.world.forgotten |= {(1, "vi1")} if forgotten else set()
        story.runs[0] = story.runs[0]._replace(exit_code=None, endings=())
        story.world.server.create(upload=0)
        story.world.creates[0] = story.world.created[0] = 2
        mended = story._replace(command=story.command._replace(manifest=manifest))
        assert ("containers_are_few" in broken(mended)) is caught


def test_a_whole_video_that_is_made_again_is_caught_unless_its_end_was_told_and_forgotten() -> None:
    """Waited for in vain, then another is made: right only where a run between told how it ended, kept no record, and was killed."""
    waits = UPLOADED._replace(exit_code=9, whole=True)
    for told, kept, manifest, caught in (
        (True, False, False, False),
        (False, False, False, True),
        (True, True, False, True),
        (True, False, True, True),
    ):
        story = make_story(waits, LATER, UPLOADED)
        story = story._replace(command=story.command._replace(wait=20.0, manifest=manifest))
        story.runs[1] = story.runs[1]._replace(exit_code=None, endings=())
        story.world.begin()
        story.world.given_out |= {"vi1"} if told else set()
        story.world.disk.create(FOLDER / "a.mp4.jsonl", b'{"video_id": "vi1"}\n' if kept else b'{"video_id": "vi11"}\n')
        story.world.end(killed=True)
        story.world.sent.append(Sent(310.0, 3, 0, Verb.CREATE))
        assert ("the_same_command_sends_nothing_then" in broken(story)) is caught
