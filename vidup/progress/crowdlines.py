"""CORE: how many files at once are seen: a line of all of them, and a line for each that is open, for any width; it draws nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from vidup.inert import inert
from vidup.progress.layout import ECHO, GAP, Glyphs, Line, Span, Width, cropped, middle_cut
from vidup.progress.words import brief, stopping_words
from vidup.units import show_duration, show_size
from vidup.upload.crowd import Condition, CrowdNumbers, OpenFile
from vidup.upload.rate import Pace
from vidup.upload.tally import PartState

_MOST_LINES: Final = 8
_SHARE: Final = 3
"""A third of the screen is taken at most."""

_MIN_BAR: Final = 8
_MAX_BAR: Final = 30
_MIN_NAME: Final = 8
_SIZE: Final = len("100.0 MiB")
_ENOUGH: Final = 24
"""Cells of a name that are worth more than a bar beside it."""

_WORD: Final = max(len(condition.value) for condition in Condition)
_NOTED: Final = frozenset({Condition.RETRYING})


def lines_for(rows: int) -> int:
    """How many lines the block may have on a screen of so many rows."""
    return max(1, min(_MOST_LINES, rows // _SHARE))


def crowd_block(
    numbers: CrowdNumbers, pace: Pace, columns: int, lines: int, glyphs: Glyphs, width: Width, down: str = ""
) -> tuple[Line, ...]:
    """The block of at most `lines` lines for a terminal of `columns`: all files, then those that are open, as many as there is room for.

    The last column stays free, and behind the last line some more, where the terminal echoes keys.
    """
    room, shown = columns - 1, tuple(sorted(numbers.open, key=lambda file: file.condition is Condition.ENCODING))  # those that move first
    if len(shown) > lines - 1:
        shown = shown[: max(0, lines - 2)]
    hidden = len(numbers.open) - len(shown)
    more: tuple[Line, ...] = (((f"  and {hidden} more", "dim"),),) if hidden and lines > 1 else ()
    least = max(1, room - ECHO)
    total = _total_line(numbers, pace, room if shown or more else least, glyphs, down)
    *upper, last = (total, *_file_lines(shown, least, glyphs, width), *more)
    return (*(cropped(line, room, width) for line in upper), cropped(last, least, width))


def crowd_line(numbers: CrowdNumbers, pace: Pace, down: str = "") -> str:
    """`37 of 2000 files  2 failed  1.20 GiB/88.00 GiB  11.8 MiB/s  eta 1:46:02`."""
    fields = (count(numbers), _trouble(numbers), _amounts(numbers), _speed(pace, down), crowd_condition(numbers, pace, down))
    return "  ".join(field for field in fields if field)


def count(numbers: CrowdNumbers) -> str:
    """`37 of 2000 files`: those that are on the server."""
    return f"{_good(numbers)} of {numbers.files} files"


def crowd_condition(numbers: CrowdNumbers, pace: Pace, down: str = "") -> str:
    """The one thing to know about the time left: `eta 1:46`, or why there is none; `down` is how the line is, if it is down."""
    if pace.stopping is not None:
        return stopping_words(sum(file.states.count(PartState.ANSWER) for file in numbers.open), pace.stopping)
    if down:
        return down
    if numbers.only_encoding:
        return f"waiting until {len(numbers.open)} play" if len(numbers.open) > 1 else "waiting until it plays"
    if pace.limited:
        return f"rate limit: {show_duration(math.ceil(pace.limited))}"
    if pace.stalled:
        return f"{'awaiting answers' if pace.answering else 'stalled'} {show_duration(pace.idle)}"
    return "" if pace.eta is None else f"eta {show_duration(pace.eta)}"


def finished_line(name: str, told: Sequence[str], columns: int, glyphs: Glyphs, width: Width) -> str:
    """The name of a file that is done and what is said of it, in so many columns: where need be the last of that goes, and then the middle
    of the name."""
    enough = min(width(name), _ENOUGH)
    said = next((told[:kept] for kept in range(len(told), 1, -1) if columns - width(GAP + GAP.join(told[:kept])) >= enough), told[:1])
    rest = "".join(GAP + word for word in said)
    return middle_cut(name, max(_MIN_NAME, columns - width(rest)), glyphs.ellipsis, width) + rest


def _good(numbers: CrowdNumbers) -> int:
    return numbers.done + numbers.skipped


def _trouble(numbers: CrowdNumbers) -> str:
    return f"{numbers.failed} failed" if numbers.failed else ""


def _amounts(numbers: CrowdNumbers) -> str:
    return f"{show_size(min(numbers.bytes_confirmed, numbers.bytes_total))}/{show_size(numbers.bytes_total)}" if numbers.bytes_total else ""


def _speed(pace: Pace, down: str) -> str:
    return "" if down or pace.rate < 1 else f"{show_size(pace.rate)}/s"


def _total_line(numbers: CrowdNumbers, pace: Pace, room: int, glyphs: Glyphs, down: str) -> Line:
    """What there is room for: the state always, and whole; the count in short where need be; then the rest, the least needed last."""
    words = crowd_condition(numbers, pace, down)
    noted = down or (pace.stalled and not numbers.only_encoding) or pace.limited or pace.stopping is not None
    state: Span = (words.ljust(8), "yellow" if noted else "")
    short_state: Span = (brief(words), state[1])
    files: Span = (count(numbers), "bold")
    short: Span = (f"{_good(numbers)}/{numbers.files}", "bold")
    failed: Span = (_trouble(numbers), "red")
    size: Span = (_amounts(numbers), "")
    rate: Span = (_speed(pace, down).rjust(10) if pace.rate >= 1 and not down else "", "")
    choices = (
        ((files, failed, size, rate, state), _MIN_BAR),
        ((files, failed, rate, state), _MIN_BAR),
        ((files, failed, rate, state), 0),
        ((files, failed, state), 0),
        ((short, failed, rate, state), 0),
        ((short, failed, state), 0),
        ((short, failed, short_state), 0),
        ((short, short_state), 0),
    )
    filled = ((tuple(span for span in choice if span[0].strip()), bar) for choice, bar in choices)
    alone: Line = (short_state,) if words else (short,)
    fields, least = next(((choice, bar) for choice, bar in filled if room - _fields_width(choice) >= bar), (alone, 0))
    spans = tuple((GAP + text, style) for text, style in fields)
    if least:
        return (*_bar(numbers.bytes_confirmed, numbers.bytes_in_flight, numbers.bytes_total, room - _fields_width(fields), glyphs), *spans)
    (text, style), *others = spans
    return ((text.removeprefix(GAP), style), *others)


def _file_lines(files: Sequence[OpenFile], room: int, glyphs: Glyphs, width: Width) -> tuple[Line, ...]:
    """Name, bar, percents, size and what it is at, in columns; from the right, what there is no room for is left out."""
    names = [inert(file.name) for file in files]
    sizes = [show_size(file.size) for file in files]
    size_room = max([_SIZE, *map(len, sizes)])
    fixed = 2 + len(GAP) + len("100%") + len(GAP) + size_room
    longest = max(map(width, names), default=0)
    name_room = max(_MIN_NAME, min(longest, room - fixed, max(_ENOUGH, room - fixed - len(GAP) - _MIN_BAR)))
    rest = room - fixed - name_room
    bar = min(_MAX_BAR, rest - len(GAP))
    word = rest - len(GAP) - _MIN_BAR >= len(GAP) + _WORD
    if word:
        bar = min(_MAX_BAR, rest - 2 * len(GAP) - _WORD)
    lines = []
    for file, name, size in zip(files, names, sizes, strict=True):
        name = middle_cut(name, name_room, glyphs.ellipsis, width)
        spans: list[Span] = [("  ", ""), (name + " " * (name_room - width(name)), "")]
        if bar >= _MIN_BAR:
            spans += [(GAP, ""), *_bar(file.confirmed, file.in_flight, file.size, bar, glyphs)]
        spans += [(f"{GAP}{_percent(file):3}%", "bold"), (GAP + size.rjust(size_room), "")]
        if word and file.condition is not Condition.SENDING:
            spans.append((GAP + file.condition.value, "yellow" if file.condition in _NOTED else "dim"))
        lines.append(tuple(spans))
    return tuple(lines)


def _percent(file: OpenFile) -> int:
    whole = file.total_parts > 0 and file.parts_done == file.total_parts
    return 100 if whole else min(99, 100 * file.confirmed // max(1, file.size))


def _bar(confirmed: int, in_flight: int, total: int, length: int, glyphs: Glyphs) -> Line:
    total = max(1, total)
    done = length * min(confirmed, total) // total
    flying = length * min(confirmed + in_flight, total) // total - done
    solid, light, rest = glyphs.bar
    return (solid * done, "green"), (light * flying, "cyan"), (rest * (length - done - flying), "dim")


def _fields_width(fields: Line) -> int:
    """Of the fields and the gaps before them; the first of a line without a bar needs none, which leaves a little room."""
    return sum(len(GAP) + len(text) for text, _ in fields)
