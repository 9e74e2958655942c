"""What is seen while a video is waited for until it plays: how far its encoding is, and for how long it has taken."""

from __future__ import annotations

import pytest

from tests.progress.test_progress import Hand, Tape, objects, resize, screen_of, started, view_of
from vidup.events import Awaiting, Encoding
from vidup.progress.crowdlines import crowd_condition
from vidup.upload.crowd import Condition, CrowdNumbers, OpenFile
from vidup.upload.rate import Pace

WAITING = (("240p", "waiting"), ("720p", "waiting"))
HALF = (("240p", "encoded"), ("720p", "encoding"))


def look(qualities: tuple[tuple[str, str], ...], video_id: str = "vi1", *, over: bool = False) -> Encoding:
    return Encoding(video_id, "/tmp/movie.mp4", "uploaded", qualities, over)


def test_a_log_tells_each_change_and_else_one_line_a_minute() -> None:
    """The time counts from the first look; questions to the server are nobody's business."""
    tape, hand = Tape(), Hand()
    tally, event = started(done=20)
    view = view_of("plain", tally, tape, hand)
    view.tell(event)
    for second in range(130):
        view.tell(look(WAITING if second < 30 else HALF))
        view.tell(Awaiting("waiting for ws.api.video: asking for the status"))
        view.beat()
        hand.time += 1
    lines = [line.split(" ", 1)[1] for line in tape.getvalue().splitlines()[1:]]
    assert lines == [
        "movie.mp4  encoding: 240p 720p waiting  5 s", "movie.mp4  encoding: 240p encoded, 720p encoding  30 s",
        "movie.mp4  encoding: 240p encoded, 720p encoding  1:30",
    ]  # fmt: skip


@pytest.mark.parametrize("columns", [20, 60, 100])
def test_the_block_gives_way_to_one_line(columns: int, terminal: int) -> None:
    """It fits any width, and is gone once the wait is over."""
    resize(terminal, columns)
    tape, hand = Tape(terminal), Hand()
    tally, event = started(20, 200 * 1024**2, "movie.mp4", done=20)
    view = view_of("tty", tally, tape, hand)
    view.tell(event)
    view.tell(look(HALF))
    hand.time += 72
    view.beat()
    rows = [row for row in screen_of(tape, columns) if row]
    assert len(rows) == 1
    assert len(rows[0]) < columns
    if columns == 100:
        assert rows == ["movie.mp4  encoding: 240p encoded, 720p encoding  1:12"]
    view.result({"video_id": "vi1"})
    assert not any(screen_of(tape, columns))


def test_several_videos_are_told_by_their_number() -> None:
    """What is over counts no longer; with one left it is told by its name again."""
    tape, hand = Tape(), Hand()
    tally, _event = started()
    view = view_of("json", tally, tape, hand)
    for event in (look(HALF, "vi1"), look(WAITING, "vi2"), look(HALF, "vi1", over=True)):
        view.tell(event)
        hand.time += 2
        view.beat()
    assert [one["reason"] for one in objects(tape)] == [
        "movie.mp4  encoding: 240p encoded, 720p encoding", "encoding 2 videos: 1 of 4 qualities encoded",
        "movie.mp4  encoding: 240p 720p waiting",
    ]  # fmt: skip


def test_many_files_that_only_wait_are_not_stalled() -> None:
    """Nothing moves, and nothing is wrong."""
    open_files = tuple(OpenFile(n, "a.mp4", 10, 10, 0, Condition.ENCODING) for n in range(3))
    numbers = CrowdNumbers(3, 0, 0, 0, 0, 30, 30, 0, 30, open_files)
    pace = Pace(0.0, None, 100.0, 0.0, False)
    assert crowd_condition(numbers, pace) == "waiting until 3 play"
    assert "stalled" in crowd_condition(numbers._replace(files=4), pace)
