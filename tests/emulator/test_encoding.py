"""What the status tells of the encoding, from the last byte on."""

from __future__ import annotations

import pytest

from tests.emulator.calling import Hands, Start, call, form, new_video, send, source
from vidup.emulator.server import Emulator


def encoding(emulator: Emulator, video_id: str) -> tuple[bool, str]:
    """Whether it plays, and the first letters of the five qualities: w(aiting), e(ncoding), E(ncoded), f(ailed)."""
    told = call(emulator, "GET", f"/videos/{video_id}/status")[2]["encoding"]
    letters = {"waiting": "w", "encoding": "e", "encoded": "E", "failed": "f"}
    assert [quality["quality"] for quality in told["qualities"]] == ["240p", "360p", "480p", "720p", "1080p"]
    return told["playable"], "".join(letters[quality["status"]] for quality in told["qualities"])


def course(emulator: Emulator, hands: Hands, *moments: float) -> list[tuple[bool, str]]:
    """The encoding of a video that is complete at 100, at these seconds after that."""
    video_id = new_video(emulator)
    hands.passed = 99.0
    seen = [encoding(emulator, video_id)]
    hands.passed = 100.0
    send(emulator, source(video_id), form(b"x"))
    for moment in moments:
        hands.passed = 100.0 + moment
        seen.append(encoding(emulator, video_id))
    return seen


def test_without_a_word_all_is_encoded_at_once(small: Emulator, hands: Hands) -> None:
    """Waiting until the last byte, encoded from then on."""
    assert course(small, hands, 0.0) == [(False, "wwwww"), (True, "EEEEE")]


def test_encoding_takes_its_time(small: Emulator, hands: Hands) -> None:
    """One quality after another; it plays with the first, as in the documented example."""
    small.add_fault("on=status,times=*:encode-after=50")
    assert course(small, hands, 0.0, 9.9, 10.0, 45.0, 50.0) == [
        (False, "wwwww"), (False, "ewwww"), (False, "ewwww"), (True, "Eewww"), (True, "EEEEe"), (True, "EEEEE"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("actions", "seen"),
    [
        ("encode=failed", [(False, "wwwww"), (False, "fffff"), (False, "fffff")]),
        ("encode=failed,encode-after=50", [(False, "wwwww"), (False, "ewwww"), (False, "fffff")]),
        ("encode=stuck", [(False, "wwwww"), (False, "ewwww"), (False, "ewwww")]),
        ("encode=partly", [(False, "wwwww"), (True, "fEfEf"), (True, "fEfEf")]),
        ("encode=partly,encode-after=50", [(False, "wwwww"), (False, "ewwww"), (True, "fEfEf")]),
        ("encode-after=50,lag=1000", [(False, "wwwww"), (False, "wwwww"), (False, "ewwww")]),
    ],
)
def test_encoding_fails_gets_stuck_or_is_told_late(small: Emulator, hands: Hands, actions: str, seen: list[tuple[bool, str]]) -> None:
    """Right after the last byte, and a thousand seconds later."""
    small.add_fault(f"on=status,times=*:{actions}")
    assert course(small, hands, 0.0, 1000.0) == seen


def test_states_nobody_documented_come_before_the_end(small: Emulator, hands: Hands) -> None:
    """A client that knows the documented ones alone is tried with others; all is encoded in the end."""
    small.add_fault("on=status,times=*:encode=odd,encode-after=50")
    video_id = new_video(small)
    send(small, source(video_id), form(b"x"))

    def states() -> list[str]:
        return [quality["status"] for quality in call(small, "GET", f"/videos/{video_id}/status")[2]["encoding"]["qualities"]]

    assert states() == ["analyzing", "queued", "packaging", "analyzing", "queued"]
    hands.passed += 50.0
    assert states() == ["encoded"] * 5


def test_a_slow_start_is_one_status_long(small: Emulator, hands: Hands) -> None:
    """`times` ends it, as any fault."""
    video_id = new_video(small)
    send(small, source(video_id), form(b"x"))
    small.add_fault("on=status:encode=stuck")
    assert [encoding(small, video_id) for _ in range(2)] == [(False, "ewwww"), (True, "EEEEE")]


def test_playable_after_is_when_it_first_plays(emulate: Start) -> None:
    """The setting of tests names the moment at which the first quality is through."""
    hands = Hands()
    emulator = emulate(playable_after=10.0, clock=hands)
    assert course(emulator, hands, 9.9, 10.0, 50.0) == [(False, "wwwww"), (False, "ewwww"), (True, "Eewww"), (True, "EEEEE")]
