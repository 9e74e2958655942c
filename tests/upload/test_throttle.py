"""--limit-rate: what leaves in any ten seconds, for any number of workers, in virtual time; and that a stop does not wait for it."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import MIB
from vidup.api.credentials import ApiKey, Token
from vidup.errors import Cancelled
from vidup.plan.rate import KIB, SLOWEST, step_of
from vidup.upload.bucket import DEPTH, Bucket
from vidup.upload.carrying import Carrying
from vidup.upload.exchange import Request, Verb
from vidup.upload.flights import Stopper
from vidup.upload.rate import Meter
from vidup.upload.tally import PartState, Snapshot
from vidup.upload.throttle import Throttle, Throttled
from vidup.verdicts.judge import Reply

WINDOW = 10.0


def leaving(rate: int, lateness: list[float], seconds: float = 40.0) -> list[tuple[float, int]]:
    """(moment, bytes) of every step, with a worker for each entry, which is late by so many seconds after each wait."""
    bucket, step, left = Bucket(rate, 0.0), step_of(rate), list[tuple[float, int]]()
    turns = [(0.0, worker) for worker in range(len(lateness))]
    while turns[0][0] < seconds:
        now, worker = heapq.heappop(turns)
        out = now + bucket.take(step, now) + lateness[worker]
        left.append((out, step))
        heapq.heappush(turns, (out, worker))
    return sorted(left)


def shares(steps: list[tuple[float, int]], rate: int, seconds: float) -> list[float]:
    """Of what the limit allows in ten seconds, how much left in each window that begins with a step."""
    moments = [moment for moment, _count in steps if moment + WINDOW <= seconds]
    return [sum(count for moment, count in steps if begin <= moment < begin + WINDOW) / (rate * WINDOW) for begin in moments[::7]]


@given(
    rate=st.one_of(st.integers(SLOWEST, MIB), st.integers(MIB, 8 * MIB)),
    lateness=st.lists(st.floats(0.0, 0.02), min_size=1, max_size=16),
)
def test_any_ten_seconds_hold_what_the_limit_says_within_five_per_cent(rate: int, lateness: list[float]) -> None:
    """For any number of workers, on a machine that wakes each of them a little late."""
    found = shares(leaving(rate, lateness), rate, 40.0)
    assert found and min(found) >= 0.95 and max(found) <= 1.05


def test_it_begins_empty() -> None:
    """The first byte has to be earned, too."""
    assert Bucket(1000, 5.0).take(500, 5.0) == 0.5


def test_only_a_quarter_of_a_second_is_kept_for_whoever_was_late() -> None:
    """After a minute in which nobody sent there is no burst."""
    bucket = Bucket(1000, 0.0)
    assert bucket.take(int(1000 * DEPTH), 60.0) == 0.0
    assert bucket.take(1000, 60.0) == 1.0


class Hand:
    """A clock that only a sleep moves; with `stops_at`, the body is cut then."""

    def __init__(self, cut: Stopper | None = None, stops_at: float = 1e9) -> None:
        self.time = 0.0
        self._cut = cut
        self._stops_at = stops_at

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        if self._cut is not None and self.time >= self._stops_at:
            self._cut.set()


class Blocks:
    """A body of a few blocks."""

    def __init__(self, *blocks: bytes) -> None:
        self.blocks = blocks
        self.cut = Stopper()
        self.handed = 0
        self.moved_at = 0.0
        self.all_out = False
        self.content_type = "multipart/form-data; boundary=b"

    def __len__(self) -> int:
        return sum(map(len, self.blocks))

    def __iter__(self) -> Iterator[memoryview]:
        for block in self.blocks:
            yield memoryview(block)
        self.all_out = True

    def moved(self, taken: int) -> None:
        self.handed += taken


def test_the_bytes_are_those_of_the_body_in_the_time_that_the_limit_gives() -> None:
    """In steps no larger than those, and the last one is known to be out."""
    body, hand = Blocks(b"a" * 100_000, b"b", b"c" * 50_000), Hand()
    slow = Throttled(body, Throttle(100_000, hand.now, hand.sleep))
    pieces = [bytes(piece) for piece in slow]
    assert b"".join(pieces) == b"".join(body.blocks)
    assert max(map(len, pieces)) <= step_of(100_000)
    assert hand.time == pytest.approx(1.50001)
    assert slow.all_out and len(slow) == len(body) and slow.content_type == body.content_type
    slow.moved(7)
    assert body.handed == 7


def test_whoever_waits_for_the_limit_hears_of_a_stop_at_once() -> None:
    """Within a tenth of a second, though its turn would come in minutes; and it leaves its turn to the others."""
    body = Blocks(b"x" * 40_000)
    hand = Hand(body.cut, stops_at=1.0)
    throttle = Throttle(SLOWEST, hand.now, hand.sleep)
    throttle._bucket.take(5 * MIB, hand.time)  # somebody else has the next 320 seconds
    with pytest.raises(Cancelled):
        next(iter(Throttled(body, throttle)))
    assert 1.0 <= hand.time <= 1.1
    assert throttle._bucket.take(0, hand.time) == pytest.approx(320.0 - hand.time)


class Recording:
    """An API that only notes what bodies it is given."""

    def __init__(self) -> None:
        self.bodies: list[object] = []
        self.key = ApiKey("k", "a test")

    def connect(self) -> None: ...

    def hang_up(self, thread: int) -> None: ...

    def send_part(self, token: Token, video_id: str, content_range: str, body: object) -> Reply:
        self.bodies.append(body)
        return Reply(201, promised=True, body={})


@pytest.mark.parametrize("limited", [True, False])
def test_every_part_of_every_file_goes_through_the_one_limit(limited: bool) -> None:
    """Whatever it is read from; and without a limit nothing stands in between."""
    api, body = Recording(), Blocks(b"x")
    throttle = Throttle(MIB) if limited else None
    carrying = Carrying(api, throttle)  # type: ignore[arg-type]
    for upload in (0, 1):
        carrying.perform(Request(Verb.PART, upload, "vi1", 1, "part 1/1", body), Token(1, "bearer"))
    assert [isinstance(sent, Throttled) for sent in api.bodies] == [limited] * 2


@pytest.mark.parametrize("rate", [200 * KIB, 5 * MIB])
def test_the_speed_that_is_shown_is_that_of_the_limit(rate: int) -> None:
    """And the time that is left follows from it."""
    steps, meter, size = leaving(rate, [0.002] * 4, 30.0), Meter(), rate * 100
    waiting, handed, pace = iter(steps), 0, None
    following = next(waiting)
    for tick in range(1, 101):
        now = tick / 4
        while following[0] <= now:
            handed, following = handed + following[1], next(waiting)
        numbers = Snapshot(size, 0, handed, handed, 8, 0, 4, 0, bytes([PartState.SENDING] * 4 + [PartState.WAITING] * 4))
        pace = meter.read(now, numbers)
    assert pace is not None and pace.eta is not None
    assert pace.rate == pytest.approx(rate, rel=0.05)
    assert pace.eta == pytest.approx(75, rel=0.05)
