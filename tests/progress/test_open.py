"""What is shown of an upload without a total: counts and amounts, and no bar that pretends."""

from __future__ import annotations

from vidup.events import Started
from vidup.progress.layout import ASCII, frame
from vidup.progress.words import part_counts, percent, progress_line, start_line
from vidup.upload.rate import Meter, Pace
from vidup.upload.tally import PartState, Snapshot

MIB = 1024 * 1024
STARTED = Started("standard input", None, None, 16 * MIB, 4, "http://127.0.0.1:1", "vi1", "up1", 0)
STATES = bytes([PartState.DONE] * 3 + [PartState.SENDING] * 2 + [PartState.WAITING])
NUMBERS = Snapshot(96 * MIB, 48 * MIB, 8 * MIB, 56 * MIB, 6, 3, 2, 0, STATES, ended=False)
PACE = Pace(11.9 * MIB, None, 0.0, 0.0, False)


def lines(numbers: Snapshot, pace: Pace = PACE, columns: int = 80) -> list[str]:
    return ["".join(text for text, _style in line) for line in frame(STARTED, numbers, pace, columns, ASCII, len)]


def test_there_is_no_bar_without_a_total() -> None:
    """Amount, speed, and where the parts are."""
    assert lines(NUMBERS)[1:] == ["48.0 MiB confirmed  11.9 MiB/s", "3 parts, 2 on their way, 1 waiting"]
    assert progress_line(NUMBERS, PACE) == "3 parts, 2 on their way, 1 waiting  48.0 MiB  11.9 MiB/s"


def test_there_is_one_as_soon_as_the_total_is_known() -> None:
    """Then it is as true as that of a file."""
    assert lines(NUMBERS._replace(ended=True))[1].startswith("====")
    assert percent(NUMBERS._replace(ended=True)) == 50


def test_no_percents_are_claimed_and_never_that_all_is_done() -> None:
    """Not even when everything that has come is confirmed: more will come, and that is said."""
    starved = NUMBERS._replace(states=bytes([PartState.DONE] * 3), total_parts=3, parts_active=0, bytes_in_flight=0)
    assert percent(starved) == 0
    assert "waiting for more 12 s" in lines(starved, PACE._replace(rate=0.0, idle=12.0))[1]
    assert part_counts(starved) == "3 parts"


def test_a_part_that_is_kept_back_is_no_work_to_do() -> None:
    """The head of a growing file waits for its end."""
    numbers = NUMBERS._replace(states=bytes([PartState.WAITING, PartState.DONE]), total_parts=2, parts_done=1, parts_active=0, held=1)
    assert "waiting for more" in progress_line(numbers, PACE._replace(rate=0.0))


def test_nobody_knows_when_it_will_be_over() -> None:
    """No time left is claimed, whatever the rate."""
    meter = Meter()
    for second in range(5):
        pace = meter.read(float(second), NUMBERS._replace(bytes_handed=(second + 1) * 10 * MIB))
    assert pace.eta is None and pace.rate > 0


def test_the_first_line_says_how_it_is_cut() -> None:
    """In parts of a size, of a number that nobody knows."""
    assert start_line(STARTED) == "vidup: uploading standard input (in parts of 16.0 MiB, 4 at a time) as vi1, upload id up1"
