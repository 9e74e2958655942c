"""CORE: the three lines of the live block as spans of text and style, for any width and any glyphs; it draws nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from vidup.events import Started
from vidup.inert import inert
from vidup.progress.words import amounts, brief, condition, file_name, part_counts, percent, speed
from vidup.upload.rate import Pace
from vidup.upload.tally import PartState, Snapshot

Span = tuple[str, str]
"""A text and the name of its style."""

Line = tuple[Span, ...]
Frame = tuple[Line, Line, Line]
Width = Callable[[str], int]
"""How many cells a text takes."""

_MIN_NAME: Final = 12
_MIN_WHAT: Final = 8
_MIN_BAR: Final = 8
_MIN_MAP: Final = 10
GAP: Final = "  "
ECHO: Final = 4
"""Cells for `^C^C`: were they to wrap, the block would be a row higher than it is known to be, and the first would stay for good."""

_PART_STYLES: Final = ("dim", "cyan", "cyan", "yellow", "green")


class Glyphs(NamedTuple):
    """What lines are drawn with. `bar` is confirmed, handed out, the rest; `parts` is indexed by PartState."""

    bar: tuple[str, str, str]
    parts: str
    arrow: str
    ellipsis: str


BLOCKS: Final = Glyphs(("━", "╍", "─"), "·▓▓▒█", "→", "…")
ASCII: Final = Glyphs(("=", "-", "."), ".>>!#", "->", "...")


def frame(started: Started, numbers: Snapshot, pace: Pace, columns: int, glyphs: Glyphs, width: Width, down: str = "") -> Frame:
    """The block for a terminal of `columns`, the last of which stays free: some terminals wrap when it is written.

    The cursor stays behind the last line, where the terminal echoes keys. `down` says how the line is, if it is down.
    """
    room = columns - 1
    last = max(1, room - ECHO)
    amount = _bar_line(numbers, pace, room, glyphs, down) if numbers.ended else _amount_line(numbers, pace, down)
    counts = _map_line(numbers, last, glyphs) if numbers.ended else ((part_counts(numbers), ""),)
    lines = (_headline(started, room, glyphs, width), amount, counts)
    return cropped(lines[0], room, width), cropped(lines[1], room, width), cropped(lines[2], last, width)


def rows(block: Sequence[Line], columns: int, width: Width) -> int:
    """How many rows the block takes on a terminal that is `columns` wide by now, and has wrapped what was drawn when it was wider."""
    return sum(max(1, -(-cell_count(line, width) // columns)) for line in block)


def waiting_line(what: str, state: str, columns: int, glyphs: Glyphs, width: Width) -> Line:
    """The one line of a block that has nothing to show yet but what is waited for, for a terminal of `columns`.

    `state` is how that goes, and never cut: where both do not fit, it is told in brief, and then the middle of `what` is left out.
    """
    room = max(1, columns - 1 - ECHO)
    for form, least in ((state, min(width(what), _MIN_NAME)), (brief(state), min(width(what), _MIN_WHAT))):
        if room - len(GAP + form) >= least:
            return ((middle_cut(what, room - len(GAP + form), glyphs.ellipsis, width), ""), (GAP + form, ""))
    return ((head(brief(state), room, width), ""),)


def middle_cut(text: str, room: int, ellipsis: str, width: Width) -> str:
    """The text in at most `room` cells, its middle left out, so that a name keeps its suffix."""
    if width(text) <= room:
        return text
    if room <= len(ellipsis):
        return head(text, room, width)
    tail_room = (room - len(ellipsis)) // 2
    tail = head(text[::-1], tail_room, width)[::-1]
    return head(text, room - len(ellipsis) - width(tail), width) + ellipsis + tail


def part_map(states: bytes, cells: int, glyphs: Glyphs) -> Line:
    """One cell a part, or several parts a cell where they do not fit; a cell is done when all of its parts are."""
    total = len(states)
    cells = min(cells, total)
    shown = (
        states if cells == total else bytes(_merged(states[cell * total // cells : (cell + 1) * total // cells]) for cell in range(cells))
    )
    return tuple((glyphs.parts[state] * len(list(run)), _PART_STYLES[state]) for state, run in groupby(shown))


def _merged(states: bytes) -> int:
    for state in (PartState.RETRYING, PartState.SENDING, PartState.ANSWER):
        if state in states:
            return state
    return PartState.DONE if states.count(PartState.DONE) == len(states) else PartState.WAITING


def _headline(started: Started, room: int, glyphs: Glyphs, width: Width) -> Line:
    name, target, video_id = file_name(started), inert(started.target), inert(started.video_id)
    to = f" {glyphs.arrow} {target}"
    endings: tuple[Line, ...] = (((to, "dim"), (GAP + video_id, "cyan")), ((GAP + video_id, "cyan"),), ())
    least = min(width(name), _MIN_NAME)
    ending = next((ending for ending in endings if room - cell_count(ending, width) >= least), ())
    return ((middle_cut(name, room - cell_count(ending, width), glyphs.ellipsis, width), "bold"), *ending)


def _bar_line(numbers: Snapshot, pace: Pace, room: int, glyphs: Glyphs, down: str) -> Line:
    total_width = 2 * len(amounts(numbers).rpartition("/")[2]) + 1
    done: Span = (f"{percent(numbers):3}%", "bold")
    size: Span = (amounts(numbers).rjust(total_width), "")
    rate: Span = ("" if down else speed(numbers, pace).rjust(10), "")
    noted = down or pace.stalled or pace.limited or pace.stopping is not None
    told, style = condition(numbers, pace, down), "yellow" if noted else ""
    state: Span = (told.ljust(8), style)
    short: Span = (brief(told), style)
    choices: tuple[tuple[Line, int], ...] = (
        ((done, size, rate, state), _MIN_BAR), ((done, rate, state), _MIN_BAR), ((done, state), 0), ((done, short), 0)
    )  # fmt: skip
    alone: Line = (short,) if noted and room >= _fields_width((short,)) else (done,)
    fields = next((choice for choice, bar in choices if room - _fields_width(choice) >= bar), alone)
    return (*_bar(numbers, max(0, room - _fields_width(fields)), glyphs), *((GAP + text, style) for text, style in fields))


def _amount_line(numbers: Snapshot, pace: Pace, down: str) -> Line:
    """Instead of a bar, where nobody knows of how much."""
    noted = down or pace.stalled or pace.limited or pace.stopping is not None
    fields = (("" if down else speed(numbers, pace), ""), (condition(numbers, pace, down), "yellow" if noted else ""))
    return ((f"{amounts(numbers)} confirmed", "bold"), *((GAP + text, style) for text, style in fields if text))


def _bar(numbers: Snapshot, cells: int, glyphs: Glyphs) -> Line:
    confirmed = min(numbers.bytes_confirmed, numbers.bytes_total)
    handed = min(confirmed + numbers.bytes_in_flight, numbers.bytes_total)
    done = cells * confirmed // numbers.bytes_total
    flying = cells * handed // numbers.bytes_total - done
    solid, light, rest = glyphs.bar
    return (solid * done, "green"), (light * flying, "cyan"), (rest * (cells - done - flying), "dim")


def _map_line(numbers: Snapshot, room: int, glyphs: Glyphs) -> Line:
    total = str(numbers.total_parts)
    label = f"parts {str(numbers.parts_done).rjust(len(total))}/{total} "
    active = f"{numbers.parts_active} active"
    retried = f"{numbers.parts_retried} retried" if numbers.parts_retried else ""
    tails = (f"{active}, {retried}" if retried else active, active, "")
    wanted = min(numbers.total_parts, _MIN_MAP)
    rooms = ((tail, room - len(label) - len(tail) - len(GAP)) for tail in tails)
    tail, cells = next(((tail, cells) for tail, cells in rooms if cells >= wanted), ("", max(1, room - len(label))))
    return ((label, ""), *part_map(numbers.states, cells, glyphs), (GAP + tail, "dim"))


def _fields_width(fields: Line) -> int:
    return sum(len(GAP) + len(text) for text, _ in fields)


def cell_count(line: Line, width: Width) -> int:
    return sum(width(text) for text, _ in line)


def head(text: str, room: int, width: Width) -> str:
    taken = 0
    for place, character in enumerate(text):
        taken += width(character)
        if taken > room:
            return text[:place]
    return text


def cropped(line: Line, room: int, width: Width) -> Line:
    if cell_count(line, width) <= room:
        return line
    kept: list[Span] = []
    for text, style in line:
        text = head(text, room, width) if width(text) > room else text
        room -= width(text)
        kept.append((text, style))
    return tuple(kept)
