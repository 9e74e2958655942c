"""When a run may rightly end for good: what the client was clearly told, what others did to its file, container or record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.simulation.runs import Ending, Run, Story
from tests.simulation.trouble import FILE_CHANGES
from tests.simulation.world import Refusal
from vidup.api.ledger import LAG
from vidup.upload.exchange import Verb

FILE_CHANGED: Final = frozenset(FILE_CHANGES) - {"copied"}
"""What makes the file another one, or may have. A copy of the same content does not."""

LINE_WIDE: Final = frozenset({
    "authorization-suspended-account", "authentication-invalid-api-key", "authentication-invalid-upload-token", "certificate-not-trusted", "proxy-wants-password",
})  # fmt: skip
"""Refusals that concern every upload, whichever met them."""

_BY_CODE: Final[dict[int, frozenset[str]]] = {
    4: frozenset({"authorization-suspended-account", "authentication-invalid-api-key", "authentication-invalid-upload-token"}),
    5: frozenset({"resource-not-found"}),
    6: frozenset({"uploaded-file-invalid-file", "teapot"}),
    7: frozenset({"certificate-not-trusted", "proxy-wants-password"}),
}
"""Slugs that may rightly end a run with this code."""


def excused(story: Story, run: Run, ending: Ending) -> bool:
    """Whether this permanent code of this run was right at the time, though the same command succeeds in a healed world."""
    told = [one for one in story.world.refusals if one.run == run.number]
    mine = [one for one in told if one.upload in (ending.upload, -1) or one.slug in LINE_WIDE or one.status == 401]
    if any(one.slug in _BY_CODE.get(ending.exit_code, ()) for one in mine):
        return True
    also: dict[int, Callable[[], bool]] = {
        3: lambda: story.happened(ending.upload, FILE_CHANGED, until=run.ended),
        4: lambda: sum(one.status == 401 for one in mine) >= 2,
        6: lambda: (
            any(map(_final, mine))
            or _twice_without_words(story, mine)
            or _lags_beyond_patience(story, mine)
            or not may_go_on(story, ending.upload, since=-1.0)
        ),
    }
    return also.get(ending.exit_code, lambda: False)()


def may_go_on(story: Story, upload: int, since: float) -> bool:
    """Whether, since that time, nothing happened that keeps the same command from going on for good."""
    lost = {"deleted", "other writer"}
    if story.command.video_id:  # nothing but the record, and the answers, tell whose the parts in it are
        lost |= {"damaged", "killed", "disk full", "doubled first", "doubled second"}
    return not story.happened(upload, FILE_CHANGED | lost, since=since)


def told_and_killed(story: Story, video_id: str | None, after: Run | None = None) -> bool:
    """Whether a run, one `after` this, told how this video ended, dropped its record, and was killed before its own end, as over other
    files: without a manifest nothing tells the same command then that this file is done."""
    killed = {number for number, video in story.world.forgotten if video == video_id and (after is None or number > after.number)}
    return bool(killed) and not story.command.manifest


def _lags_beyond_patience(story: Story, mine: list[Refusal]) -> bool:
    """Whether a refusal that a stored part explains was never explained, for the status lags by more than any patience."""
    return story.world.server.habits.lag + story.world.server.habits.commit > LAG and any(
        one.wordless or (story.command.video_id is not None and "already" in one.slug) for one in mine
    )


def _twice_without_words(story: Story, mine: list[Refusal]) -> bool:
    """Whether a part was refused without words again when it was sent again, where with an upload token nobody can be asked."""
    return story.command.delegated and sum(one.wordless for one in mine) >= 2


def _final(told: Refusal) -> bool:
    """Whether an answer without words is as clear as one can be: the part is not stored, or it was not about a part."""
    return told.status == 413 or (told.wordless and told.status not in (401, 413) and (told.verb is not Verb.PART or not told.stored))
