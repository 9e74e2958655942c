"""Speed and time left along literal timelines: never negative, never stale."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidup.upload.rate import Meter, Pace
from vidup.upload.tally import PartState, Snapshot

MIB = 1024 * 1024
START = Snapshot(100 * MIB, 0, 0, 0, 2, 0, 1, 0, bytes([PartState.SENDING, PartState.WAITING]))


def steady(meter: Meter, seconds: int, rate: int, at: float = 0.0, handed: int = 0) -> Pace:
    """Read once a second while `rate` bytes a second leave, beginning with a reading at `at`."""
    for second in range(seconds + 1):
        sent = handed + second * rate
        pace = meter.read(at + second, START._replace(bytes_handed=sent, bytes_in_flight=min(sent, START.bytes_total)))
    return pace


def test_a_steady_line_is_named_exactly() -> None:
    """At 2 MiB/s the rate is 2 MiB/s from the first second on, and the rest takes what it takes."""
    meter = Meter()
    assert meter.read(7.0, START) == Pace(0.0, None, 0.0, 0.0, False)
    pace = meter.read(8.0, START._replace(bytes_handed=2 * MIB, bytes_in_flight=2 * MIB))
    assert pace.rate == pytest.approx(2 * MIB)
    assert pace.eta == pytest.approx(49.0)


def test_no_eta_before_a_second_was_measured() -> None:
    """The burst that fills socket buffers makes no promise."""
    meter = Meter()
    meter.read(0.0, START)
    assert meter.read(0.5, START._replace(bytes_handed=8 * MIB, bytes_in_flight=8 * MIB)).eta is None


def test_a_slower_line_shows_within_seconds() -> None:
    """Ten seconds after a drop from 10 to 1 MiB/s most of the difference is shown."""
    meter = Meter()
    steady(meter, 20, 10 * MIB)
    pace = steady(meter, 10, MIB, at=20.0, handed=200 * MIB)
    assert MIB < pace.rate < 2.5 * MIB


def test_a_stall_falls_and_then_has_neither_rate_nor_eta() -> None:
    """The rate falls at once when bytes stop, and from 5 s on nothing is claimed."""
    meter = Meter()
    moving = steady(meter, 10, MIB)
    numbers = START._replace(bytes_handed=10 * MIB, bytes_in_flight=10 * MIB)
    paces = [meter.read(10.0 + second, numbers) for second in (1, 2, 3, 4, 5, 6)]
    rates = [moving.rate, *(pace.rate for pace in paces)]
    assert rates == sorted(rates, reverse=True)
    assert [pace.eta is None for pace in paces] == [False] * 4 + [True] * 2
    assert [pace.stalled for pace in paces] == [False] * 4 + [True] * 2
    assert paces[-1].idle == 6.0 and paces[-1].rate == 0.0


def test_after_a_stall_the_first_byte_counts_again() -> None:
    """A stall ends with the next byte, at a rate that remembers it."""
    meter = Meter()
    steady(meter, 10, MIB)
    for second in range(11, 20):
        meter.read(float(second), START._replace(bytes_handed=10 * MIB, bytes_in_flight=10 * MIB))
    pace = meter.read(20.0, START._replace(bytes_handed=11 * MIB, bytes_in_flight=11 * MIB))
    assert not pace.stalled and 0 < pace.rate < MIB and pace.eta is not None


def test_a_rate_limit_wait_is_no_stall() -> None:
    """While the server makes us wait the seconds left are told, and the stall clock starts only after it."""
    meter = Meter()
    steady(meter, 2, MIB)
    meter.wait_until(32.0)
    numbers = START._replace(bytes_handed=2 * MIB)
    paces = {second: meter.read(float(second), numbers) for second in range(3, 39)}
    assert (paces[20].limited, paces[20].idle, paces[20].stalled, paces[20].eta) == (12.0, 0.0, False, None)
    assert [paces[second].stalled for second in (32, 36, 37)] == [False, False, True]


def test_time_in_which_the_process_slept_does_not_count() -> None:
    """After Ctrl-Z or a closed lid the first look shows the pace from before, not a stall of hours."""
    meter = Meter()
    before = steady(meter, 10, MIB)
    after = meter.read(10.0 + 7200, START._replace(bytes_handed=10 * MIB, bytes_in_flight=10 * MIB))
    assert (after.rate, after.stalled, after.idle) == (before.rate, False, 0.0)


def test_awaiting_an_answer_is_told_apart() -> None:
    """When every begun part is fully out, idleness is the server's."""
    answer = START._replace(states=bytes([PartState.ANSWER, PartState.DONE]))
    assert Meter().read(0.0, answer).answering
    assert not Meter().read(0.0, START).answering


@pytest.mark.parametrize("moment", [5e-324, 1e-310, 3e-298, 1e-200, 1e-9])
def test_a_reading_next_to_no_time_later_spoils_nothing(moment: float) -> None:
    """Bytes through a moment would be an infinite speed, and then no number for ever; they count with the next reading."""
    meter = Meter()
    meter.read(0.0, START)
    at_once = meter.read(moment, START._replace(bytes_handed=MIB, bytes_in_flight=MIB))
    assert (at_once.rate, at_once.eta, at_once.idle) == (0.0, None, moment)
    assert steady(meter, 10, MIB, at=1.0, handed=MIB) == steady(Meter(), 11, MIB)


class Line:
    """A line that carries `rate` bytes a second in all, shared by the connections, each behind a kernel that takes `buffer` bytes at once."""

    def __init__(self, parts: int, jobs: int, size: int, rate: float, buffer: int, shares: tuple[float, ...] = ()) -> None:
        self.parts, self.size, self.rate, self.buffer = parts, size, rate, buffer
        self.shares = shares or (1.0,) * jobs
        self.waiting = list(range(parts))
        self.done: set[int] = set()
        self.handed = 0.0
        self.busy: dict[int, tuple[int, float, float]] = {}

    def pass_(self, seconds: float) -> None:
        """Let time go by: what has arrived whole is confirmed, and its connection takes the next part."""
        total = sum(self.shares[connection] for connection in self.busy)
        for connection, (part, handed, arrived) in list(self.busy.items()):
            arrived = min(handed, arrived + self.rate * self.shares[connection] / total * seconds)
            self.busy[connection] = part, handed, arrived
            if arrived >= self.size:
                self.done.add(part)
                del self.busy[connection]
        for connection in range(len(self.shares)):
            if connection not in self.busy and self.waiting:
                self.busy[connection] = self.waiting.pop(0), 0.0, 0.0
        for connection, (part, handed, arrived) in self.busy.items():
            takes = min(self.size, max(handed, arrived + self.buffer))
            self.handed += takes - handed
            self.busy[connection] = part, takes, arrived

    def snapshot(self) -> Snapshot:
        states = bytearray(PartState.DONE if part in self.done else PartState.WAITING for part in range(self.parts))
        for part, handed, _arrived in self.busy.values():
            states[part] = PartState.ANSWER if handed >= self.size else PartState.SENDING
        flying = int(sum(handed for _part, handed, _arrived in self.busy.values()))
        confirmed, total = len(self.done) * self.size, self.parts * self.size
        return Snapshot(total, confirmed, flying, int(self.handed), self.parts, len(self.done), len(self.busy), 0, bytes(states))


@pytest.mark.parametrize(
    "line",
    [
        Line(20, 4, 10 * MIB, 4 * MIB, 4 * MIB),
        Line(20, 4, 10 * MIB, 4 * MIB, 12 * MIB),
        Line(12, 4, 5 * MIB, MIB, 4 * MIB),
        Line(20, 1, 10 * MIB, 4 * MIB, 4 * MIB),
        Line(18, 4, 10 * MIB, 4 * MIB, 4 * MIB),
        Line(78, 16, 40 * MIB, 20 * MIB, 4 * MIB),
        Line(20, 4, 10 * MIB, 40 * MIB, 4 * MIB),
        Line(20, 4, 10 * MIB, 4 * MIB, 4 * MIB, (1.0, 1.1, 0.95, 1.05)),
    ],
    ids=["usual", "buffer-above-part", "slow", "one-job", "uneven-end", "many", "fast", "jitter"],
)
def test_the_time_left_is_true_however_much_the_kernel_takes(line: Line) -> None:
    """From a tenth confirmed on, on a steady line, every ETA is within a fifth of the truth, or a second of it near the end."""
    meter, claims, step, now = Meter(), [], 1 / 64, 0.0
    while len(line.done) < line.parts:
        line.pass_(step)
        now += step
        if (now * 4).is_integer():
            numbers = line.snapshot()
            claims.append((now, numbers.bytes_confirmed / numbers.bytes_total, meter.read(now, numbers).eta))
    told = [(moment, eta) for moment, share, eta in claims if share >= 0.1 and eta is not None]
    wrong = [(moment, eta) for moment, eta in told if abs(eta - (now - moment)) > max(1.5, 0.2 * (now - moment))]
    assert wrong == [] and len(told) > len(claims) / 4


def test_the_first_confirmation_corrects_what_the_kernel_promised() -> None:
    """A third confirmed after 26 s leaves 52 s, whatever speed the buffers have seen; it was shown as 12 s."""
    meter, states = Meter(), bytes([PartState.ANSWER] * 4 + [PartState.WAITING] * 8)
    numbers = Snapshot(60 * MIB, 0, 20 * MIB, 20 * MIB, 12, 0, 4, 0, states)
    for second in range(26):
        meter.read(float(second), numbers)
    states = bytes([PartState.DONE] * 4 + [PartState.SENDING] * 4 + [PartState.WAITING] * 4)
    pace = meter.read(26.0, Snapshot(60 * MIB, 20 * MIB, 16 * MIB, 36 * MIB, 12, 4, 4, 0, states))
    assert pace.eta == pytest.approx(52.0)


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(-(10**9), 10**10)), max_size=40))
def test_never_negative_and_always_a_number(steps: list[tuple[float, int]]) -> None:
    """However irregular the readings, also if a racing count dips, no number is negative, infinite or none."""
    meter, now, handed = Meter(), 0.0, 0
    for passed, moved in steps:
        now, handed = now + passed, max(0, handed + moved)
        flying = min(handed, START.bytes_total)
        pace = meter.read(now, START._replace(bytes_handed=handed, bytes_in_flight=flying))
        assert all(number >= 0 and math.isfinite(number) for number in (pace.rate, pace.idle, pace.limited, pace.eta or 0.0))
