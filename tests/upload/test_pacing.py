"""The rate limits that the answers tell, and when the next request may start; every moment is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import LONG, MIB, Cli, parts_sent
from vidup.emulator.server import Emulator
from vidup.upload.exchange import Kind
from vidup.upload.pacing import Pacer
from vidup.verdicts.judge import RateLimit

UPLOAD, WRITE, READ = Kind.UPLOAD, Kind.WRITE, Kind.READ
NOTHING = RateLimit()


@pytest.fixture
def pacer() -> Pacer:
    """Its own backoff is 10 s, 20 s, 30 s and so on; processes are kept half a second apart."""
    return Pacer(lambda episodes: 10.0 * episodes, lambda: 0.5)


def told(remaining: int, reset: float | None = 20.0, limit: int = 40) -> RateLimit:
    return RateLimit(limit, remaining, reset)


def out(pacer: Pacer, count: int, kind: Kind = UPLOAD) -> None:
    """So many requests start."""
    for _ in range(count):
        pacer.start(kind)


def back(pacer: Pacer, now: float, *rates: RateLimit) -> None:
    """Answers come, each of which tells this."""
    for rate in rates:
        pacer.ended(UPLOAD, rate, now)


def may_start(pacer: Pacer, now: float, most: int = 100) -> int:
    """How many uploads the pacer lets start at once; they do."""
    count = 0
    while count < most and pacer.delay(UPLOAD, now) == 0:
        pacer.start(UPLOAD)
        count += 1
    return count


def test_without_headers_nothing_is_held_back(pacer: Pacer) -> None:
    """No header, no pacing."""
    for _ in range(1000):
        assert pacer.delay(UPLOAD, 0.0) == 0
        out(pacer, 1)
        back(pacer, 0.0, NOTHING)
    assert pacer.delay(UPLOAD, 0.0) == 0


def test_what_is_left_is_spent_and_then_waited_for(pacer: Pacer) -> None:
    """Two left: two more start, the third waits until the window resets."""
    out(pacer, 1)
    back(pacer, 100.0, told(2, 30))
    assert may_start(pacer, 101.0) == 2
    assert pacer.delay(UPLOAD, 101.0) == 29.0
    assert pacer.delay(UPLOAD, 130.0) == 0.0


def test_requests_on_their_way_are_taken_off_what_is_left(pacer: Pacer) -> None:
    """An answer may have been counted before those that are not answered yet."""
    out(pacer, 4)
    back(pacer, 0.0, told(3, 20))
    assert pacer.delay(UPLOAD, 0.0) == 20
    back(pacer, 0.0, NOTHING)  # one ended without an answer: whether it was counted will show
    assert may_start(pacer, 0.0) == 1


@pytest.mark.parametrize("order", [(19, 4), (4, 19)])
def test_of_one_window_the_least_that_any_answer_told_is_left(pacer: Pacer, order: tuple[int, int]) -> None:
    """Requests reach the server, and answers come back, in any order."""
    out(pacer, 2)
    back(pacer, 0.0, *(told(remaining) for remaining in order))
    assert may_start(pacer, 0.0) == 4


def test_answers_out_of_order_start_no_part_too_many(pacer: Pacer) -> None:
    """16 at once against 20 in a window: whatever the order of their answers, 4 more start, and not 11 (a run that was traced)."""
    out(pacer, 16)
    started = 0
    for remaining in (19, 15, 13, 8, 10, 18, 17, 7, 16, 14, 12, 11, 9, 6, 5, 4):
        back(pacer, 1.0, told(remaining, 10, limit=20))
        started += may_start(pacer, 1.0)
    assert started == 4


@given(st.permutations(range(4, 20)), st.lists(st.integers(0, 3), min_size=16, max_size=16))
def test_no_order_of_answers_breaks_the_limit(order: Sequence[int], pauses: list[int]) -> None:
    """Of 20 in a window never more than 20 are started in it."""
    pacer, started = Pacer(lambda _: 0.0, lambda: 0.0), 16
    out(pacer, 16)
    for remaining, pause in zip(order, pauses, strict=True):
        back(pacer, 1.0 + pause / 4, told(remaining, 10 - pause / 4, limit=20))
        started += may_start(pacer, 1.0 + pause / 4)
    assert started == 20


def test_a_new_window_begins_with_what_its_answers_tell(pacer: Pacer) -> None:
    """A window that resets later than the known one is another, and the old one's end is forgotten."""
    out(pacer, 2)
    back(pacer, 0.0, told(0, 20))
    back(pacer, 21.0, told(39, 20))
    assert may_start(pacer, 21.0) == 39
    assert pacer.delay(UPLOAD, 21.0) == 20.0


def test_an_end_told_in_whole_seconds_is_the_same_end(pacer: Pacer) -> None:
    """An answer that took a moment tells the end a second late: it is still of the window whose least was told before."""
    out(pacer, 2)
    back(pacer, 0.0, told(0, 20))
    back(pacer, 1.2, told(9, 20))
    assert pacer.delay(UPLOAD, 1.2) == pytest.approx(20.0)


def test_a_window_whose_end_is_not_told_lasts_a_minute(pacer: Pacer) -> None:
    """The reference names limits in requests a minute."""
    out(pacer, 1)
    back(pacer, 0.0, told(0, None))
    assert (pacer.delay(UPLOAD, 0.0), pacer.delay(UPLOAD, 60.0)) == (60.0, 0.0)


def test_no_header_is_believed_for_longer_than_ten_minutes(pacer: Pacer) -> None:
    """A reset in a year would be a hang."""
    out(pacer, 1)
    back(pacer, 0.0, told(0, 31_536_000.0))
    assert pacer.delay(UPLOAD, 0.0) == 600.0


def test_limits_of_uploads_writes_and_reads_are_kept_apart(pacer: Pacer) -> None:
    """Reads may go on while uploads wait."""
    out(pacer, 1)
    back(pacer, 0.0, told(0, 20))
    assert [pacer.delay(kind, 0.0) for kind in (UPLOAD, READ, WRITE)] == [20, 0, 0]
    pacer.limited(WRITE, 7.0, 0.0, 0.0)
    assert [pacer.delay(kind, 0.0) for kind in (UPLOAD, READ, WRITE)] == [20, 0, 7.5]


def test_a_429_pauses_its_kind_for_what_the_server_asks(pacer: Pacer) -> None:
    """And a moment that keeps processes apart; of what was left before it nothing is known any more."""
    out(pacer, 2)
    back(pacer, 0.0, told(0, 300))
    assert pacer.limited(UPLOAD, 7.0, 0.0, 100.0) == 107.5
    assert [pacer.delay(UPLOAD, now) for now in (100.0, 107.0, 107.5)] == [7.5, 0.5, 0.0]


def test_no_429_pauses_longer_than_ten_minutes(pacer: Pacer) -> None:
    """Whatever it asks."""
    assert pacer.limited(UPLOAD, 99_999.0, 0.0, 0.0) == 600.5


def test_a_429_that_names_no_wait_is_met_like_a_failure(pacer: Pacer) -> None:
    """With backoff, which grows while pauses do not help."""
    assert pacer.limited(UPLOAD, None, 0.0, 0.0) == 10.5
    assert pacer.limited(UPLOAD, None, 11.0, 11.0) == 31.5


def test_sixteen_refused_together_pause_once(pacer: Pacer) -> None:
    """16 workers refused by one window with `Retry-After: 1` wait a second or two, not what 16 refusals in a row would."""
    out(pacer, 16)
    pauses = [pacer.limited(UPLOAD, 1.0, began=99.0 + n / 100, now=100.0 + n / 100) for n in range(16)]
    assert pauses[0] == 101.5
    assert 101.5 <= pauses[-1] <= 102.0
    assert pacer.delay(UPLOAD, 102.0) == 0


def test_a_pause_that_did_not_help_is_followed_by_a_longer_one(pacer: Pacer) -> None:
    """Requests that began after it and are refused again need more than what was asked for."""
    pacer.limited(UPLOAD, 1.0, 99.0, 100.0)
    assert pacer.limited(UPLOAD, 1.0, 102.0, 103.0) == 123.5
    assert pacer.limited(UPLOAD, 1.0, 124.0, 125.0) == 155.5


def test_after_an_answer_that_was_not_limited_pauses_are_as_asked_again(pacer: Pacer) -> None:
    """Only pauses in a row are longer."""
    pacer.limited(UPLOAD, 1.0, 99.0, 100.0)
    pacer.answered(UPLOAD)
    assert pacer.limited(UPLOAD, 1.0, 102.0, 103.0) == 104.5


def test_a_shorter_pause_does_not_end_a_longer_one(pacer: Pacer) -> None:
    """Of several 429s the longest wait counts."""
    pacer.limited(UPLOAD, 30.0, 99.0, 100.0)
    assert pacer.limited(UPLOAD, 1.0, 99.5, 101.0) == 130.5


def test_several_processes_on_one_key_all_finish(emulate: Callable[..., Emulator], video: Callable[..., Path], vidup: Cli) -> None:
    """They share a limit that none of them knows of the others; each gets through."""
    emulator = emulate(rate_limit={"uploads": 6, "writes": 40, "reads": 100, "window": 2})
    paths = [video(25 * MIB, name=f"{n}.mp4", seed=n) for n in range(3)]
    running = [vidup.start("upload", path, "--part-size", "5MiB", emulator=emulator) for path in paths]
    for process in running:
        _out, err = process.communicate(timeout=LONG)
        assert process.returncode == 0, err
    assert len(set(parts_sent(emulator))) == 5
