"""CONDUCTOR: whether the account has a video of this very file already, where no record tells: by the fingerprint that --portable keeps.

The list is only where to look. It may ignore the filter, lag, come in pages, and name what was deleted since: each value is compared
here, and what a video holds is asked of its status.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from vidup.api.ledger import PORTABLE_KEY, Ledger, agreed_total, read_ledger, recorded_file
from vidup.errors import ExitCode
from vidup.events import Note, Tell
from vidup.upload.asking import Ask, Script
from vidup.upload.creating import moment
from vidup.upload.exchange import Verb
from vidup.upload.outcome import Refused
from vidup.verdicts.judge import Reply

_PAGE: Final = 100
"""Videos a page: the most that the API gives."""

_MOST_PAGES: Final = 20
"""Pages that are read at most. One is enough where the server filters; where it does not, these are the newest 2,000 videos."""

_MOST_LOOKS: Final = 25
"""Videos of this file whose status is asked at most."""

_OPEN_FOR: Final = 8 * 86400.0
"""Seconds after which a video is complete or gone: containers live 7 days; and one for clocks that differ."""


class Match(NamedTuple):
    """A video of this very file: the video object, what the server has of it, and the number of parts it is sent in."""

    video: dict[str, object]
    ledger: Ledger
    total: int

    @property
    def video_id(self) -> str:
        """Its id."""
        return str(self.video["videoId"])


class Wanted(NamedTuple):
    """What is looked for: the value of the file's portable record, the size in bytes, the parts that it would be sent in, and whether a
    complete video will do, or only one to go on with.

    `taken` tells the ids of incomplete videos that are not to be gone on with: those that other files of this machine are going into.
    """

    value: str
    size: int
    planned: int
    complete_will_do: bool
    taken: Callable[[], frozenset[str]] = frozenset


def find(wanted: Wanted, tell: Tell, wall: Callable[[], float]) -> Script[Match | None]:
    """The oldest video of this file that is incomplete; or the oldest complete one before all others, where that will do.

    `wall` tells seconds since 1970, where the server does not. A list that is refused is told and passes for empty, unless a complete
    video would do: not to know is then no reason to make another, so that Refused is raised.
    """
    try:
        candidates, now = yield from _candidates(wanted, tell)
    except Refused as error:
        if error.code not in (ExitCode.UNKNOWN, ExitCode.REJECTED):
            raise
        if wanted.complete_will_do:
            error.advice = "Whether there is a video of this file cannot be told. To upload it in any case, leave out --if-exists skip."
            raise
        tell(Note(f"the account's videos could not be listed, so that none is gone on with ({error.cause})", True))
        return None
    if not wanted.complete_will_do:  # the older ones are complete or gone
        candidates = [video for video in candidates if not 0.0 < moment(video) < (now or wall()) - _OPEN_FOR]
    if len(candidates) > _MOST_LOOKS:
        tell(Note(f"{len(candidates)} videos are of this file; only the {_MOST_LOOKS} oldest are looked at", True))
    open_one: Match | None = None
    for video in candidates[:_MOST_LOOKS]:
        match = yield from _look_at(video, wanted, tell)
        if match is None:
            continue
        if match.ledger.complete and wanted.complete_will_do:
            return match
        if not match.ledger.complete and open_one is None and match.video_id not in wanted.taken():
            open_one = match
            if not wanted.complete_will_do:
                break
    return open_one


def _candidates(wanted: Wanted, tell: Tell) -> Script[tuple[list[dict[str, object]], float | None]]:
    """The videos that bear this file's record and are not discarded, the oldest first; and the server's time, if it told any."""
    seen: dict[str, dict[str, object]] = {}
    for page in range(1, _MOST_PAGES + 1):
        query: dict[str, object] = {
            f"metadata[{PORTABLE_KEY}]": wanted.value, "sortBy": "createdAt", "sortOrder": "desc", "pageSize": _PAGE, "currentPage": page,
        }  # fmt: skip
        reply = (yield Ask(Verb.FIND, payload=query)).reply
        videos = _listed(reply)
        fresh = {str(video["videoId"]): video for video in videos if str(video["videoId"]) not in seen}
        seen |= fresh
        if not fresh or page >= _pages(reply, page, len(videos)):
            break
    else:
        tell(Note(f"the account's list goes on: only its newest {len(seen)} videos were compared with this file", True))
    mine = [video for video in seen.values() if recorded_file(video) == wanted.value and video.get("discarded") is not True]
    mine.reverse()  # of those of one moment the older come first, too
    return sorted(mine, key=moment), reply.date


def _listed(reply: Reply) -> list[dict[str, object]]:
    data = (reply.body or {}).get("data")
    return [video for video in data if isinstance(video, dict) and video.get("videoId")] if isinstance(data, list) else []


def _pages(reply: Reply, page: int, count: int) -> int:
    """How many pages there are, as told; else another one only after a full one."""
    pagination = (reply.body or {}).get("pagination")
    told = pagination.get("pagesTotal") if isinstance(pagination, dict) else None
    return told if isinstance(told, int) else page + (count >= _PAGE)


def _look_at(video: dict[str, object], wanted: Wanted, tell: Tell) -> Script[Match | None]:
    """What the server has of this video, or None where it is gone, or cannot be of this file."""
    video_id = str(video["videoId"])
    try:
        ledger = read_ledger((yield Ask(Verb.STATUS, video_id)).reply.body or {})
    except Refused as error:
        if error.code is not ExitCode.UNKNOWN:
            raise
        return None  # deleted, and the list does not know it yet
    total = agreed_total(ledger, wanted.planned, wanted.size)
    if total is None or not ledger.may_hold(wanted.size) or (ledger.by_bytes and not ledger.complete):
        tell(Note(f"{video_id} bears the record of this file, but what it holds cannot be of it; it is left alone", True))
        return None
    return Match(video, ledger, total)
