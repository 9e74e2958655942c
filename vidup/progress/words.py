"""CORE: what the terminal and the plain lines both say about an upload, without colour or layout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from vidup.api.videostatus import encoding_words
from vidup.events import Encoding, LineDown, LineUp, Named, Resumed, Retrying, Started, Waiting
from vidup.inert import inert
from vidup.units import show_duration, show_size
from vidup.upload.rate import STALL_AFTER, Pace
from vidup.upload.tally import PartState, Snapshot

_TO_SEND: Final = frozenset({PartState.WAITING, PartState.SENDING, PartState.RETRYING})

_LEAST: Final = 20
"""Columns below which folding helps nobody."""


def is_whole(numbers: Snapshot) -> bool:
    """Whether the server has acknowledged every part."""
    return numbers.ended and numbers.parts_done == numbers.total_parts


def percent(numbers: Snapshot) -> int:
    """Whole percents that the server acknowledged; 100 only with the last part, and 0 where nobody knows of how much."""
    if not numbers.ended:
        return 0
    return 100 if is_whole(numbers) else min(99, 100 * numbers.bytes_confirmed // numbers.bytes_total)


def amounts(numbers: Snapshot) -> str:
    """`309.0 MiB/3.00 GiB`: acknowledged and in all; `309.0 MiB` where nobody knows of how much."""
    if not numbers.ended:
        return show_size(numbers.bytes_confirmed)
    return f"{show_size(min(numbers.bytes_confirmed, numbers.bytes_total))}/{show_size(numbers.bytes_total)}"


def speed(numbers: Snapshot, pace: Pace) -> str:
    """`11.8 MiB/s`; empty when nothing moves or all is confirmed."""
    return "" if is_whole(numbers) or pace.rate < 1 else f"{show_size(pace.rate)}/s"


def condition(numbers: Snapshot, pace: Pace, down: str = "") -> str:
    """The one thing to know about the time left: `eta 1:46`, or why there is none; `down` is how the line is, if it is down."""
    if down and pace.stopping is None:
        return down
    if is_whole(numbers):
        return "finishing"
    if pace.stopping is not None:
        return stopping_words(numbers.states.count(PartState.ANSWER), pace.stopping)
    if pace.limited:
        return f"rate limit: {show_duration(math.ceil(pace.limited))}"
    if is_starved(numbers):
        return f"waiting for more{f' {show_duration(pace.idle)}' if pace.idle >= STALL_AFTER else ''}"
    if pace.idle >= STALL_AFTER:
        return f"{'awaiting answer' if pace.answering else 'stalled'} {show_duration(pace.idle)}"
    if numbers.ended and not _TO_SEND.intersection(numbers.states):
        return "awaiting answer"
    return "" if pace.eta is None else f"eta {show_duration(pace.eta)}"


def stopping_words(answers: int, seconds: float) -> str:
    """`stopping, 4 s for 4 answers`; without a promise where there is nothing to wait for."""
    return f"stopping, {show_duration(math.ceil(seconds))} for {answers} answer{'s'[: answers > 1]}" if answers else "stopping"


def is_starved(numbers: Snapshot) -> bool:
    """Whether everything that has come is confirmed, and more will come."""
    return not numbers.ended and numbers.parts_done + numbers.held == numbers.total_parts


def part_counts(numbers: Snapshot) -> str:
    """`12 parts, 3 on their way, 2 waiting`: of what has no total yet."""
    waiting = numbers.total_parts - numbers.parts_done - numbers.parts_active
    counts = (f"{numbers.parts_done} part{'s'[: numbers.parts_done != 1]}", *(f"{count} {where}" for count, where in (
        (numbers.parts_active, "on their way"), (waiting, "waiting")) if count > 0))  # fmt: skip
    return ", ".join(counts)


def progress_line(numbers: Snapshot, pace: Pace, down: str = "") -> str:
    """`10%  309.0 MiB/3.00 GiB  11.9 MiB/s  eta 3:52`; of a line that is `down` no rate is claimed."""
    done = f"{percent(numbers)}%" if numbers.ended else part_counts(numbers)
    fields = (done, amounts(numbers), "" if down else speed(numbers, pace), condition(numbers, pace, down))
    return "  ".join(field for field in fields if field)


def start_line(event: Started) -> str:
    """The line that a log needs to find this upload again: what, how it is split, and both ids."""
    split = "in one part" if event.total_parts == 1 else f"{event.total_parts} parts of {show_size(event.part_size)}"
    jobs = f", {event.jobs} at a time" if event.total_parts != 1 else ""
    ids = f" as {inert(event.video_id)}, upload id {inert(event.upload_id)}" if event.video_id else ""
    if event.size is None:
        return f"vidup: uploading {file_name(event)} (in parts of {show_size(event.part_size)}{jobs}){ids}"
    return f"vidup: uploading {file_name(event)} ({show_size(event.size)}, {split}{jobs}){ids}"


def named_line(event: Named) -> str:
    """What the start line could not tell yet."""
    return f"vidup: the video is {inert(event.video_id)}, upload id {inert(event.upload_id)}"


def retry_line(event: Retrying) -> str:
    """`part 9: HTTP 503, retry 1 in 1.7 s`."""
    who = f"part {event.part}: " if event.part else ""
    return f"{who}{inert(event.reason)}, retry {event.attempt} in {event.wait:.1f} s"


def resumed_line(event: Resumed) -> str:
    """`resuming: 35 of 62 parts are already on the server`, and by whose word."""
    known = "are already on the server" if event.source == "server" else "were confirmed before, says this machine's record"
    if event.total_parts is None:
        return f"resuming: what comes is compared with the {event.parts_done} parts that {known}"
    return f"resuming: {event.parts_done} of {event.total_parts} parts {known}"


def waiting_line(event: Waiting) -> str:
    """`waiting 12 s: rate limit`."""
    return f"waiting {show_duration(event.seconds)}: {inert(event.reason)}"


def encoding_line(events: Sequence[Encoding]) -> str:
    """`movie.mp4  encoding: 240p encoded, 360p 480p encoding`; of several videos only how many qualities are through."""
    if len(events) > 1:
        states = [state for event in events for _name, state in event.qualities]
        return f"encoding {len(events)} videos: {states.count('encoded')} of {len(states)} qualities encoded"
    (event,) = events
    return f"{inert(event.file.rsplit('/', 1)[-1] or event.video_id)}  {inert(encoding_words(event.ingest, event.qualities), 1000)}"


def down_line(event: LineDown, numbers: Snapshot | None) -> str:
    """`127.0.0.1:18090 refused the connection: trying again for up to 15 min; 4 of 20 parts are safe`."""
    patience = "until it answers" if event.left == math.inf else f"for up to {_minutes(event.left)}"
    of = f" of {numbers.total_parts}" if numbers is not None and numbers.ended else ""
    safe = f"; {numbers.parts_done}{of} parts are safe" if numbers is not None and numbers.parts_done else ""
    address = f"; nothing has answered yet at {inert(event.address)} (--base-url)" if event.address else ""
    return f"{inert(event.reason)}: trying again {patience}{safe}{address}"


def down_state(event: LineDown, since: float, until_next: float) -> str:
    """`no connection 0:42, next try in 5 s`; both in seconds."""
    what, lasts = "no connection" if event.lost else "server in trouble", round(max(since, 0.0))
    upcoming = f"next try in {show_duration(math.ceil(until_next))}" if until_next > 0 else "trying now"
    return f"{what} {lasts // 60}:{lasts % 60:02}, {upcoming}"


def brief(state: str) -> str:
    """The state without what only adds to it: `no connection 0:42` of `no connection 0:42, next try in 5 s`."""
    return state.partition(", ")[0]


def up_line(event: LineUp) -> str:
    """`the connection is back after 1:02`."""
    return f"the {'connection' if event.lost else 'server'} is back after {show_duration(event.seconds)}"


def _minutes(seconds: float) -> str:
    return show_duration(seconds) if seconds < 100 or seconds >= 7200 else f"{math.ceil(seconds / 60)} min"


def folded(text: str, columns: int) -> list[str]:
    """The text in as many lines of so many columns as it needs; a word that is longer, as a path, is left whole."""
    from textwrap import wrap

    return wrap(text, max(columns, _LEAST), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def file_name(event: Started) -> str:
    """The file without its folders, inert."""
    return inert(event.file.rsplit("/", 1)[-1] or event.file)
