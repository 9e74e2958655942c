"""CORE: what happens during an upload, as values that the conductor tells and a view shows or a pipe reads.

They are named tuples, as are most small values of vidup: to define a frozen dataclass takes 1 ms of every start.
Where they are many, as here, no `annotations` are imported from the future: a named tuple would compile the words of every field.
"""

from collections.abc import Callable
from typing import NamedTuple


class Started(NamedTuple):
    """Parts are about to be sent: the split, where to, and how much of it the server already has.

    `video_id` is empty where part 1 is to make the video; `Named` follows. Size and total are None for what has no end yet.
    """

    file: str
    size: int | None
    total_parts: int | None
    part_size: int
    jobs: int
    target: str
    video_id: str
    upload_id: str
    parts_done: int


class Named(NamedTuple):
    """The video has got its id: with an upload token only part 1 makes it, after `Started`."""

    video_id: str
    upload_id: str


class PartChanged(NamedTuple):
    """A part was begun ("sending"), confirmed by the server ("done") or put back ("waiting"); `attempts` counts sends so far."""

    part: int
    state: str
    attempts: int


class Retrying(NamedTuple):
    """A request failed and is made again after `wait` seconds; `part` is 0 for a request that carries no part."""

    part: int
    attempt: int
    wait: float
    reason: str


class Resumed(NamedTuple):
    """An upload begun earlier goes on; `source` says whose word counts the parts: "server" or "journal"."""

    parts_done: int
    total_parts: int | None
    source: str


class Waiting(NamedTuple):
    """Nothing new is started for `seconds`, because the server's rate limit says so."""

    seconds: float
    reason: str


class Awaiting(NamedTuple):
    """A question went out that everything waits for; `what` names the server and what is asked of it."""

    what: str


class LineDown(NamedTuple):
    """The line is down, for every part alike: told when it begins, and with every try that fails.

    `reason` is why the last one failed; the next is made in `wait` seconds. `left`: seconds for which vidup goes on trying, or infinity.
    `lost`: nothing answers; else the server does, and is in trouble. `address` is the base URL where nothing ever answered there.
    """

    reason: str
    wait: float
    left: float
    lost: bool
    address: str = ""


class LineUp(NamedTuple):
    """The line is back after so many seconds; `lost` as it was."""

    seconds: float
    lost: bool


class Finishing(NamedTuple):
    """Every part is confirmed; the status is asked whether the video is whole."""


class Encoding(NamedTuple):
    """The video is whole and waited for until it plays: its `ingest` state, and each quality (`720p`) with its state, in the server's
    words. `over`: it is not waited for any more."""

    video_id: str
    file: str
    ingest: str
    qualities: tuple[tuple[str, str], ...]
    over: bool = False


class Note(NamedTuple):
    """A sentence for people; `warning` marks one that they should act upon, `detail` one for those alone who ask for more (-v)."""

    text: str
    warning: bool = False
    detail: bool = False


Event = Started | Named | PartChanged | Retrying | Resumed | Waiting | Awaiting | LineDown | LineUp | Finishing | Encoding | Note
Tell = Callable[[Event], None]
