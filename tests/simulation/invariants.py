"""What must hold in every story, one function a sentence; each yields the words of every breach it finds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

from tests.simulation import afterwards
from tests.simulation.excuses import FILE_CHANGED, LINE_WIDE, excused, may_go_on, told_and_killed
from tests.simulation.network import ANSWER_TIMEOUT, TIMEOUT
from tests.simulation.runs import AGAIN, LARGEST_PARTS, THROUGH, Run, Story
from tests.simulation.server import Video
from tests.simulation.turns import the_fewest_in_flight_first
from tests.simulation.world import World
from vidup.api.ledger import LAG
from vidup.plan.parts import MAX_PARTS
from vidup.upload.ending import GRACE
from vidup.upload.exchange import Verb
from vidup.upload.outcome import ON_SERVER

PERMANENT: Final = frozenset({3, 4, 5, 6, 7})

REQUESTS_A_MINUTE: Final = 40
"""While nothing succeeds, the first few aside."""

ENDLESS_LIMIT: Final = 900.0
"""Seconds after which an endless 429 ends a run, and at most one pause on top."""

PAUSE: Final = 60.0
"""Seconds of the longest pause that this world's 429 asks for."""

SLOW: Final = 40.0
"""Seconds of lag and commit together from which an upload may give up for now though nothing went wrong."""

MOST_UNNAMED: Final = 3
"""Answers to a part that makes the video that may get lost in a run; each may have made one."""

Words = Iterator[str]


def uploaded_means_one_version(story: Story) -> Words:
    """Exit 0 only if the server holds, complete, exactly one version of what the path ever held."""
    for run, ending in story.endings():
        if _nobody_can_tell(story, ending.upload) or _beyond_sampling(story, ending.upload):
            continue
        if ending.exit_code == 0 and (why := wrong_with(story, ending.upload, ending.video_id, run.ended)):
            yield f"run {run.number} says uploaded, but {why}"


def _beyond_sampling(story: Story, upload: int) -> bool:
    """Whether the file was copied and written to where no fingerprint looks, with no run that could see one without the other: what the
    README says that sampling can miss."""
    copied, written = (
        [one.at for one in story.world.story if one.upload == upload and one.kind == kind] for kind in ("copied", "written unseen")
    )
    by_fingerprint = story.command.portable and story.happened(upload, frozenset({"damaged"}))  # without its record, as on another machine
    return (by_fingerprint and bool(written)) or any(not _told_apart(story, upload, copy, write) for copy in copied for write in written)


def _told_apart(story: Story, upload: int, copy: float, write: float) -> bool:
    """Whether a run had the file open when it was written to, before it was copied; or went on with the copy, before it was written to."""
    if write < copy:
        return any(_turn_came(story, upload, run.number) < copy and run.ended > write for run in story.runs if not run.killed)
    went_on = [run for run, ending in story.endings() if ending.upload == upload and ending.parts_sent]
    return any(copy <= run.began < write for run in went_on)


def _turn_came(story: Story, upload: int, run: int) -> float:
    """When this run had the file open for certain: of many, it comes to each in its turn."""
    return min((one.at for one in story.world.sent if (one.run, one.upload) == (run, upload)), default=math.inf)


def _nobody_can_tell(story: Story, upload: int) -> bool:
    """Whether another writer was beside us while answers about our own parts got lost: whose a listed part is, only the answers tell."""
    beside = story.happened(upload, frozenset({"other writer"}))
    unclear = any(fault.words.startswith("part") for fault in story.world.story if fault.kind != "other writer")
    return bool(story.command.video_id) and beside and (unclear or any(run.killed for run in story.runs))


def wrong_with(story: Story, upload: int, video_id: str | None, by: float) -> str:
    """Why this video is not a whole version of the upload's file at that time, or nothing."""
    video = story.world.server.videos.get(video_id or "")
    if video is None:
        return f"there is no video {video_id}"
    if not video.complete or video.log[-1][0] > by:
        return f"{video.id} is not complete"
    path = story.command.paths[upload]
    if not any(_is_version(video, size, holds) for size, holds in ((one.size, one.holds) for one in story.world.files.versions[path])):
        return f"{video.id} is no version of {path}"
    return ""


def _is_version(video: Video, size: int, holds: Callable[..., bool]) -> bool:
    offset = 0
    for number in range(1, len(video.parts) + 1):
        content = video.parts[number]
        if content.offset != offset or not holds(content):
            return False
        offset += content.length
    return offset == size


def no_permanent_code_that_passes(story: Story) -> Words:
    """Never a permanent exit code when the same command succeeds in a healed world, but after a clear refusal or a change of the file."""
    for run, ending in story.endings():
        if ending.exit_code in (*THROUGH, *AGAIN):
            continue
        last = story.last(ending.upload)
        if ending.exit_code not in PERMANENT:
            yield f"run {run.number} ended with {ending.exit_code}, a fault of its own"
        elif last is not None and last[0].number > run.number and last[1].exit_code == 0 and not excused(story, run, ending):
            yield f"run {run.number} ended upload {ending.upload} with {ending.exit_code}, but the same command succeeded in run {last[0].number}"


def no_stored_part_again(story: Story) -> Words:
    """Never is a part sent again that the server had told this client is stored."""
    if story.world.server.habits.lag > LAG:
        return  # it takes back what it listed, for longer than anybody waits
    for at, run, upload, video_id, part in story.world.resent:
        if story.command.portable and story.world.server.habits.lag and afterwards.whole_since(story.world.server.videos[video_id], at):
            continue  # it was through and its record gone when the run was killed; found again, its status does not know yet
        yield f"run {run} sent part {part} of upload {upload} again at {at:.1f} s, though {video_id} was known to hold it"


def nobody_is_hammered(story: Story) -> Words:
    """While nothing succeeds, no minute sees more than 40 requests, the first three of each worker aside."""
    for run in story.runs:
        good = [at for at in story.world.good_at if run.began <= at <= run.ended]
        sent = [one.at for one in story.world.sent if one.run == run.number]
        for since, until in pairwise([run.began, *good, run.ended]):
            alone = [at for at in sent if since <= at < until or at == until == run.ended][3 * story.command.jobs :]
            for first, beyond in zip(alone, alone[REQUESTS_A_MINUTE:], strict=False):
                if beyond - first <= 60.0:
                    yield f"run {run.number} made over {REQUESTS_A_MINUTE} requests from {first:.1f} to {beyond:.1f} s with no success"
                    break


def every_run_ends(story: Story) -> Words:
    """Every run ends within its budget, an answer's timeout and one more timeout of idle time without news; endless 429s are bounded."""
    for run in story.runs:
        most = story.command.retry_for + ANSWER_TIMEOUT + TIMEOUT
        most += story.command.wait or 0.0
        most += LAG if story.world.server.habits.lag > LAG else 0.0  # in which a refusal is looked into that the status explains later
        most += ENDLESS_LIMIT + PAUSE if run.number in story.world.limited else 0.0
        if run.most_idle > most:
            yield f"run {run.number} was idle for {run.most_idle:.0f} s, and {most:.0f} s are the most"


def patience_is_for_standing_still(story: Story) -> Words:
    """No run gives up for having moved nothing but after that much time in which it moved nothing."""
    for run in story.runs:
        if run.number in story.world.limited or any(ending.exit_code == 3 for ending in run.endings):
            continue  # what the file's change ended still gets answers, which count for nobody
        if story.command.delegated and story.happened(-1, frozenset({"disk full"}), since=run.began, until=run.ended):
            continue  # an answer whose upload could not write down the video it names is nobody's progress
        share = 0.5 if story.command.delegated else 0.8  # part 1 goes alone: until its first block is taken nothing moves
        for ending in run.endings:
            if ending.why.startswith("Gave up") and run.most_still < share * story.command.retry_for - 2.0:
                yield f"run {run.number} gave up, though it was never still for longer than {run.most_still:.0f} s: {ending.why}"
                break


def lost_answers_cost_seconds(story: Story) -> Words:
    """A stored part whose answer never comes holds up nothing for minutes, where nothing else goes wrong."""
    habits = story.world.server.habits
    others = {fault.kind for fault in story.world.story} - {"lost silently"}
    asks = not story.command.video_id and story.command.wait is None and not story.command.delegated
    if not others and asks and habits.lag + habits.commit == 0.0 and not habits.limits:
        for run in story.runs:
            if run.most_idle > SLOW and run.number not in story.world.limited:
                yield f"run {run.number} stood still for {run.most_idle:.0f} s"


def a_stop_is_worth_its_grace(story: Story) -> Words:
    """An upload whose parts were all good when a stop came, or within its grace, is not given up for interrupted before that is over."""
    for run, ending in story.endings():
        stops = [fault.at for fault in story.world.story if fault.kind == "signal" and run.began <= fault.at <= run.ended]
        refused = any(one.run == run.number and one.upload in (ending.upload, -1) for one in story.world.refusals)
        if ending.status != "interrupted" or ending.parts_done != ending.total_parts or not stops or refused or ending.whole:
            continue
        if story.happened(ending.upload, frozenset({"other writer"})):
            continue  # it may be told within the grace that the video is another's, and that is no answer to wait for any longer
        if run.ended < stops[0] + GRACE - 0.5:
            yield f"run {run.number} was stopped at {stops[0]:.1f} s with every part good, and asked no further"


def resumable_means_resumable(story: Story) -> Words:
    """`resumable` is true exactly if the same command goes on into the same container in a healed world."""
    for run, ending in story.endings():
        last = story.last(ending.upload)
        if ending.exit_code == 0:
            if ending.resumable:
                yield f"run {run.number}: upload {ending.upload} is uploaded and resumable"
            continue
        if last is None or last[0].number <= run.number or not last[0].healed or not may_go_on(story, ending.upload, since=run.ended):
            continue
        if told_and_killed(story, ending.video_id, after=run) or story.happened(ending.upload, frozenset({"damaged"}), since=run.ended):
            continue
        went_on = (last[1].exit_code == 0 or last[1].whole) and (ending.video_id in (None, last[1].video_id))
        unnoticed = ending.exit_code != 3 and not may_go_on(story, ending.upload, since=-1.0)
        unwritten = story.happened(ending.upload, frozenset({"disk full"}), since=run.began, until=run.ended)
        if ending.resumable and not went_on and not unnoticed and not unwritten:
            yield f"run {run.number}: upload {ending.upload} was resumable, but ended with {last[1].exit_code} in {last[1].video_id}"
        if not ending.resumable and went_on and ending.video_id and not ending.whole and not excused(story, run, ending):
            yield f"run {run.number}: upload {ending.upload} was not resumable, but went on in {ending.video_id}"


def containers_are_few(story: Story) -> Words:
    """At most two containers a run (with an upload token one for each lost answer to part 1, of which there are few), and in all one more than creates whose answer the client did not live to write down.

    Another file under the same path may have another; and lists that lag by more than any patience tell of none that was made.
    """
    world, mine = story.world, [video for video in story.world.server.videos.values() if video.run > 0]
    blind = world.server.habits.lists == "late" and world.server.habits.lag > LAG
    for (upload, run), count in Counter((video.upload, video.run) for video in mine).items():
        if count > 2 and not blind and not story.command.delegated:
            yield f"run {run} made {count} containers for upload {upload}"
    for (upload, run), count in world.unnamed.items():
        if count > MOST_UNNAMED:
            yield f"run {run} heard of {count} first parts of upload {upload} not even that they failed, and went on"
    lost = sum(fault.kind in ("damaged", "disk full") for fault in world.story)
    for upload, count in Counter(video.upload for video in mine).items():
        unsure = world.creates[upload] - world.created[upload]
        powerless = sum(fault.kind == "power lost" for fault in world.story) if _may_be_lost(story, upload) else 0
        untold = sum(video.upload == upload and told_and_killed(story, video.id) for video in mine)
        others = sum(fault.kind in FILE_CHANGED | {"deleted"} and fault.upload == upload for fault in world.story)
        twice = sum(fault.kind.startswith("doubled") and fault.upload == upload for fault in world.story) if story.command.delegated else 0
        if count > 1 + unsure + lost + untold + others + powerless + twice:
            yield f"upload {upload} has {count} containers, and {unsure} of its creates were unsure"


def _may_be_lost(story: Story, upload: int) -> bool:
    """Whether the record of this upload need not outlive a power failure: with the part size of some run it is one of one part."""
    return min(version.size for version in story.world.files.versions[story.command.paths[upload]]) <= LARGEST_PARTS


def reports_add_up(story: Story) -> Words:
    """No part is both confirmed and missing: what is done was sent or skipped, is on the server, and is everything once it is uploaded."""
    for run, ending in story.endings():
        told = f"run {run.number}, upload {ending.upload}: {ending.parts_done} of {ending.total_parts} done"
        if ending.parts_done != ending.parts_sent + ending.parts_skipped:
            yield f"{told}, but {ending.parts_sent} sent and {ending.parts_skipped} skipped"
        if ending.parts_done > (MAX_PARTS if ending.total_parts is None else ending.total_parts):
            yield told
        if ending.exit_code == 0 and (ending.status not in ON_SERVER or ending.parts_done != ending.total_parts):
            yield f"{told}, status {ending.status} and exit 0"
        if not story.world.server.habits.eager and ending.parts_done > _stored(story.world, ending.video_id, run):
            yield f"{told}, but the server had only {_stored(story.world, ending.video_id, run)}"


def _stored(world: World, video_id: str | None, run: Run) -> int:
    video = world.server.videos.get(video_id or "")
    return 0 if video is None else sum(at <= run.ended for at, _ in video.log)


def the_unchanged_end_well(story: Story) -> Words:
    """In the end, healed and run again as a shell loop does, a file that nobody changed is uploaded."""
    for upload in story.command.uploads:
        last = story.last(upload)
        if (last is None or not (last[1].exit_code in THROUGH or last[1].whole)) and may_go_on(story, upload, since=-1.0):
            yield f"upload {upload} was not uploaded after {len(story.runs)} runs: {last[1] if last else 'nothing was ever told of it'}"


def one_disaster_is_nobody_elses(story: Story) -> Words:
    """With several uploads, one that met no fault itself ends well whatever happens to the others."""
    habits = story.world.server.habits
    if len(story.command.uploads) == 1 or habits.lag + habits.commit > SLOW or story.command.retry_for < ANSWER_TIMEOUT:
        return  # one answer that never comes may use up a short budget, which is the line's
    for run, ending in story.endings():
        struck = any(fault.upload in (ending.upload, -1) and fault.at <= run.ended for fault in story.world.story)
        tokens = sum(one.status == 401 and one.run == run.number for one in story.world.refusals)
        if ending.exit_code == 4 and tokens >= 2:
            continue  # the key is everybody's
        if ending.exit_code not in (0, 8, 9) and not struck and not ending.why.startswith("Gave up"):  # the line's patience is one for all
            yield f"run {run.number}: upload {ending.upload} met no fault, but ended with {ending.exit_code}"


def what_concerns_all_ends_all(story: Story) -> Words:
    """Once a part, a status or a create was refused for what every upload shares, nothing more is asked for any of them.

    But whether a video that is on the server plays, which who waits for it asks with a patience of its own.
    """
    waited_for = (Verb.STATUS,) if story.command.wait is not None else ()
    for told in story.world.refusals:
        if told.slug in LINE_WIDE and told.verb in (Verb.PART, Verb.STATUS, Verb.CREATE):
            later = next((one for one in story.world.sent if one.run == told.run and one.at > told.at and one.verb not in waited_for), None)
            if later is not None:
                yield f"run {told.run} was told {told.slug} at {told.at:.1f} s, and sent {later.verb.name} at {later.at:.1f} s"


INVARIANTS: Final = (
    uploaded_means_one_version, no_permanent_code_that_passes, no_stored_part_again, nobody_is_hammered, every_run_ends,
    patience_is_for_standing_still, lost_answers_cost_seconds, a_stop_is_worth_its_grace,
    resumable_means_resumable, containers_are_few, the_fewest_in_flight_first, what_concerns_all_ends_all, reports_add_up, the_unchanged_end_well, one_disaster_is_nobody_elses,
    *afterwards.INVARIANTS,
)  # fmt: skip


def breaches(story: Story) -> list[str]:
    """Every breach of every invariant, each with the invariant's name."""
    return [f"{invariant.__name__}: {words}" for invariant in INVARIANTS for words in invariant(story)]
