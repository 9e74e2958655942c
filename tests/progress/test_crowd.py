"""Many files at once: one line for all and a few for those that are open, on any terminal; seldom lines in a log; events that name their file."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.progress.course import Course
from tests.progress.test_progress import Body, Hand, Tape, resize
from tests.progress.test_window import Window
from vidup.events import Awaiting, Encoding, LineDown, LineUp, Note, PartChanged, Resumed, Retrying, Started, Waiting
from vidup.plan.parts import Plan
from vidup.progress.choice import Mode, Style
from vidup.progress.crowd import CrowdView, Whose
from vidup.progress.crowdlines import crowd_block, crowd_line, finished_line, lines_for
from vidup.progress.layout import ASCII, BLOCKS
from vidup.progress.outlook import Outlook
from vidup.progress.view import _cells
from vidup.progress.views import open_crowd_view
from vidup.upload.crowd import Condition, Crowd, CrowdNumbers, OpenFile
from vidup.upload.rate import Pace
from vidup.upload.tally import PartState

MIB = 1024 * 1024
CALM = Pace(11.8 * MIB, 6362.0, 0.0, 0.0, False)
NAMES = ("holiday-2026-final-cut-with-a-long-name.mp4", "短い映画のとても長い名前です.mp4", "a.mp4", "🎬 clip.mov", "\x1b[31mred.mp4")


def whose(number: int) -> Whose:
    return Whose(number, f"/films/{number}/{NAMES[number % len(NAMES)]}")


class Run:
    """A crowd of files of ten parts of 1 MiB that a test moves by hand, and a view of it."""

    def __init__(self, mode: Mode, tape: Tape, files: int = 40, *, quiet: bool = False) -> None:
        self.hand, self.tape = Hand(), tape
        self.crowd = Crowd([10 * MIB] * files)
        self.courses: dict[int, Course] = {}
        style = Style(mode, False, quiet)
        self.view: CrowdView = open_crowd_view(style, self.crowd, tape, clock=lambda: self.hand.time, now=lambda: self.hand.time)

    def begin(self, number: int) -> None:
        course = self.courses[number] = Course(Plan(10 * MIB, 10))
        self.crowd.began(number, whose(number).name, 10 * MIB, course)
        self.view.tell_of(
            whose(number), Started(whose(number).name, 10 * MIB, 10, MIB, 4, "https://ws.api.video", f"vi{number}", f"up{number}", 0)
        )
        course.sending(1, Body(MIB // 2))

    def done(self, number: int, after: float = 0.0) -> None:
        self.hand.time += after
        self.crowd.ended(number, "uploaded")
        self.view.result_of(
            whose(number), {"v": 1, "file": whose(number).file, "video_id": f"vi{number}"}, (f"vi{number}", "10.0 MiB in 2.0 s")
        )

    def pass_(self, seconds: float) -> None:
        """Time passes, in beats."""
        for _ in range(round(seconds * 2)):
            self.hand.time += 0.5
            self.view.beat()


@pytest.fixture
def run(terminal: int) -> Iterator[Run]:
    resize(terminal, 80)
    yield Run("tty", Tape(terminal))


def text(block: tuple[tuple[tuple[str, str], ...], ...]) -> list[str]:
    return ["".join(span for span, _style in line) for line in block]


def numbers_of(count: int, *, failed: int = 2, files: int = 2000) -> CrowdNumbers:
    conditions = list(Condition)
    files_open = tuple(
        OpenFile(
            n,
            NAMES[n % 5],
            (n + 1) * 30 * MIB,
            (n + 1) * 10 * MIB,
            4 * MIB,
            conditions[n % 5],
            3,
            10,
            bytes([PartState.ANSWER, PartState.SENDING]),
        )
        for n in range(count)
    )
    return CrowdNumbers(files, 37, failed, 0, 5, 88 << 30, 3 << 30, 40 << 20, 0, files_open)


# -- the block ------------------------------------------------------------------------------------------------------

PACES = st.builds(
    Pace, st.sampled_from([0.0, 900.0, 11.8 * MIB, 2e9]), st.sampled_from([None, 0.0, 62.0, 6362.0, 1e9]), st.sampled_from([0.0, 9.0, 4000.0]),
    st.sampled_from([0.0, 59.0]), st.booleans(), st.sampled_from([None, 4.2]),
)  # fmt: skip


@given(
    open_files=st.integers(0, 32), pace=PACES, columns=st.integers(10, 220), rows=st.integers(1, 60), failed=st.sampled_from([0, 3, 12_345]),
    down=st.sampled_from(["", "no connection 0:42, next try in 5 s", "server in trouble 1:02:03, trying now"]), glyphs=st.sampled_from([BLOCKS, ASCII]),
)  # fmt: skip
def test_the_block_never_wraps_nor_takes_more_than_its_share(
    open_files: int, pace: Pace, columns: int, rows: int, failed: int, down: str, glyphs: object
) -> None:
    """Eight lines or a third of the screen, at any width, and behind the last line there is room for an echoed `^C`."""
    lines = lines_for(rows)
    block = text(crowd_block(numbers_of(open_files, failed=failed), pace, columns, lines, glyphs, _cells, down))  # type: ignore[arg-type]
    assert len(block) <= max(1, min(8, rows // 3))
    assert max(map(_cells, block)) < columns
    assert _cells(block[-1]) < max(2, columns - 4)


@pytest.mark.parametrize(("rows", "lines"), [(1, 1), (3, 1), (6, 2), (12, 4), (23, 7), (24, 8), (60, 8)])
def test_the_block_takes_a_third_of_the_screen_at_most(rows: int, lines: int) -> None:
    """And one line where even that is more."""
    assert lines_for(rows) == lines


@pytest.mark.parametrize("columns", [40, 80, 120, 200])
def test_the_state_of_the_line_is_told_whole_at_every_width(columns: int) -> None:
    """It is the one thing to know; what is next and how often else gives way to it."""
    total = text(crowd_block(numbers_of(4), CALM, columns, 8, BLOCKS, _cells, "no connection 0:42, next try in 5 s"))[0]
    assert "no connection 0:42" in total and "42" in total and "MiB/s" not in total


def test_the_total_line_says_how_many_how_much_how_fast_and_how_long() -> None:
    """Where there is room; files that were skipped are on the server, too."""
    assert text(crowd_block(numbers_of(1, failed=0), CALM, 100, 8, BLOCKS, _cells))[0].endswith(
        "  42 of 2000 files  3.00 GiB/88.00 GiB  11.8 MiB/s  eta 1:46:02"
    )
    assert text(crowd_block(numbers_of(1), CALM, 40, 8, BLOCKS, _cells))[0] == "42/2000  2 failed  eta 1:46:02"
    assert crowd_line(numbers_of(1), CALM) == "42 of 2000 files  2 failed  3.00 GiB/88.00 GiB  11.8 MiB/s  eta 1:46:02"


def test_more_open_files_than_lines_are_counted() -> None:
    """The last line says how many are not shown; where there is one line, it is that of all."""
    assert text(crowd_block(numbers_of(12), CALM, 80, 8, BLOCKS, _cells))[-1] == "  and 6 more"
    assert len(text(crowd_block(numbers_of(7), CALM, 80, 8, BLOCKS, _cells))) == 8
    assert len(text(crowd_block(numbers_of(12), CALM, 80, 1, BLOCKS, _cells))) == 1


def test_what_a_stop_waits_for_is_counted_over_all_files() -> None:
    """Every open file has one part that awaits its answer."""
    total = text(crowd_block(numbers_of(4), CALM._replace(stopping=4.2), 80, 8, BLOCKS, _cells))[0]
    assert "stopping, 5 s for 4 answers" in total


@pytest.mark.parametrize("columns", [40, 80, 120, 200])
@pytest.mark.parametrize("keys", ["^C", "^C^C"])
def test_nothing_stays_behind_of_the_block(terminal: int, columns: int, keys: str) -> None:
    """With names of any script, files that come and go, an echoed key, and lines that are said above."""
    window = Window(terminal, columns)
    run = Run("tty", window.tape)
    run.view.message("what was above")
    for number in range(6):
        run.begin(number)
        run.pass_(1)
    shown = window.lines()
    assert shown[0] == "what was above" and "0 of 40 files" in shown[1] + shown[1].replace("0/40", "0 of 40 files") and len(shown) == 8
    for number in range(5):
        run.done(number, 1.1)
        run.pass_(0.5)
    shown = window.lines()
    assert [line[:2] for line in shown[1:6]] == ["✓ "] * 5 and len(shown) == 8
    window.echo(keys)
    run.view.message("Stopping", "warning")
    assert [line[:8] for line in window.lines()[6:7]] == ["! Stoppi"]
    run.crowd.ended(5, "interrupted")
    run.view.over()
    assert window.lines()[6:] == ["! Stopping"]


def test_a_window_made_narrower_keeps_no_line_of_the_block(terminal: int) -> None:
    """The rows that the block takes once its lines are wrapped are all taken away, and none above it."""
    window = Window(terminal, 200)
    run = Run("tty", window.tape)
    run.view.message("what was above")
    for number in range(4):
        run.begin(number)
    run.pass_(1)
    for columns in range(190, 36, -30):
        window.narrow(columns)
        run.pass_(1)
        shown = window.lines()
        assert len(shown) == 6 and shown[0].startswith("what") and max(map(len, shown)) <= columns
    run.view.over()
    assert window.lines() == ["what was above"]


def test_what_is_done_scrolls_by_at_most_once_a_second(run: Run) -> None:
    """Five at a time, the others counted, so that a thousand small files are no storm; in the end nothing is kept back."""
    for number in range(30):
        run.begin(number)
    for number in range(20):
        run.done(number, 0.01)
    shown = run.tape.getvalue()
    assert shown.count("✓ ") == 1
    run.pass_(1)
    shown = run.tape.getvalue()
    assert shown.count("✓ ") == 6 and "and 14 more files" in shown
    run.done(20)
    run.view.over()
    assert run.tape.getvalue().count("✓ ") == 7


def test_a_name_that_is_done_is_cut_before_what_is_said_of_it(terminal: int) -> None:
    """The video id stays whole, and the line a line."""
    resize(terminal, 56)
    run = Run("tty", Tape(terminal))
    run.begin(0)
    run.done(0)
    (line,) = [line for line in run.tape.getvalue().splitlines() if "✓" in line]
    assert line.rstrip().endswith("vi0  10.0 MiB in 2.0 s") and _cells(line[line.index("✓") :]) < 56 and "…" in line


@pytest.mark.parametrize("columns", range(36, 120))
def test_the_line_of_a_file_that_is_done_is_one_row(columns: int) -> None:
    """The id is always whole; how long it took goes before too much of the name does."""
    line = finished_line(NAMES[0], ("vi4blUQJFrYWbaG44NChkH27", "28.0 MiB in 2.1 s"), columns, BLOCKS, _cells)
    assert _cells(line) <= columns and "vi4blUQJFrYWbaG44NChkH27" in line
    assert ("in 2.1 s" in line) == (columns >= 24 + 26 + 19)


def test_others_may_write_to_the_terminal_in_between(terminal: int) -> None:
    """An id or an object on standard output stands on a line of its own, and the block goes on below it."""
    window = Window(terminal, 80)
    run = Run("tty", window.tape)
    run.begin(0)
    run.pass_(1)
    assert "0 of 40 files" in window.lines()[0]
    with run.view.aside():
        window.tape.write("vi4k3\n")
    run.pass_(1)
    shown = window.lines()
    assert shown[0] == "vi4k3" and "0 of 40 files" in shown[1] and len(shown) == 3


# -- a log ----------------------------------------------------------------------------------------------------------


def log(tape: Tape) -> list[str]:
    """The lines, without their times."""
    assert "\x1b" not in tape.getvalue() and "\r" not in tape.getvalue()
    return [line[9:] for line in tape.getvalue().splitlines()]


@pytest.fixture
def plain() -> Run:
    return Run("plain", Tape(None))


def test_a_log_begins_with_how_many_files_there_are(plain: Run) -> None:
    """Once, however many begin."""
    plain.begin(0)
    plain.begin(1)
    assert log(plain.tape) == ["vidup: uploading 40 files (400.0 MiB), 4 parts at a time, to https://ws.api.video"]


def test_a_log_has_a_line_a_second_for_what_is_done_and_else_sums(plain: Run) -> None:
    """Every ten seconds, as long as there is anything that got no line."""
    for number in range(40):
        plain.begin(number)
    for number in range(30):
        plain.done(number, 0.0625)
    lines = log(plain.tape)[1:]
    assert [line.split()[0] for line in lines] == [NAMES[0], NAMES[1]]
    plain.pass_(20)
    sums = log(plain.tape)[3:]
    assert len(sums) == 1 and sums[0].startswith("30 of 40 files  300.0 MiB/400.0 MiB")


def test_a_log_is_never_silent_for_long(plain: Run) -> None:
    """CI systems kill what is, and a file may take hours."""
    plain.begin(0)
    plain.pass_(185)
    assert len(log(plain.tape)) == 4


def test_a_log_tells_of_whom_it_is(plain: Run) -> None:
    """Retries, what goes on, and notes; what holds for every file alike once."""
    plain.begin(0)
    plain.view.tell_of(whose(0), Retrying(2, 1, 1.5, "HTTP 503"))
    plain.view.tell_of(whose(2), Resumed(3, 10, "server"))
    plain.view.tell_of(whose(0), Note("--part-size is not applied", True))
    plain.view.tell_of(whose(2), Note("--part-size is not applied", True))
    plain.view.tell_of(whose(2), Note("a.mp4 has changed"))
    plain.view.tell(Waiting(12.0, "rate limit of upload requests"))
    plain.view.tell(LineDown("refused", 5.0, 900.0, True))
    plain.view.tell(LineUp(5.0, True))
    assert log(plain.tape)[1:] == [
        f"{NAMES[0]}: part 2: HTTP 503, retry 1 in 1.5 s",
        "a.mp4: resuming: 3 of 10 parts are already on the server",
        f"warning: {NAMES[0]}: --part-size is not applied",
        "a.mp4 has changed",
        "waiting 12 s: rate limit of upload requests",
        "refused: trying again for up to 15 min",
        "the connection is back after 5 s",
    ]


def test_a_look_at_any_time_is_one_line_of_all(plain: Run) -> None:
    """As SIGUSR1 asks for."""
    plain.begin(0)
    plain.pass_(2)
    plain.view.progress_line()
    assert log(plain.tape)[-1].startswith("0 of 40 files  0 B/400.0 MiB")


@pytest.mark.parametrize("quiet", [True, False])
def test_no_progress_is_no_line_but_what_people_must_be_told(quiet: bool) -> None:
    """Failures always; notes unless it is to be quiet."""
    run = Run("none", Tape(None), quiet=quiet)
    run.begin(0)
    run.done(0)
    run.view.tell_of(whose(1), Note("odd"))
    run.view.tell_of(whose(1), Retrying(2, 1, 1.5, "HTTP 503"))
    run.view.message("Could not upload x", "error")
    run.pass_(100)
    notes = [] if quiet else [f"{NAMES[1]}: odd"]
    assert run.tape.getvalue().splitlines() == [*notes, "error: Could not upload x"]


# -- events ---------------------------------------------------------------------------------------------------------


def test_every_event_of_a_file_names_it() -> None:
    """By its path as it was given, and by its place in the list; totals are of all."""
    run = Run("json", Tape(None), files=3)
    run.view.tell(Awaiting("connecting"))
    run.begin(1)
    run.view.tell_of(whose(1), PartChanged(1, "sending", 1))
    run.view.tell_of(whose(1), Retrying(1, 1, 0.5, "HTTP 503"))
    run.view.tell_of(whose(1), Note("odd"))
    run.pass_(3)
    run.courses[1].done(1)
    run.pass_(1)
    run.done(1)
    run.view.over()
    run.view.exit_(75, "again", "1 of 3 uploads are complete", True)
    events = [json.loads(line) for line in run.tape.getvalue().splitlines()]
    of_files = [event for event in events if event["type"] not in ("total", "exit", "wait")]
    assert {(event["file"], event["index"]) for event in of_files} == {(whose(1).file, 2)}
    assert [event["type"] for event in of_files] == ["start", "part", "retry", "note", "progress", "progress", "result"]
    progress = of_files[5]
    assert (progress["bytes_confirmed"], progress["parts_done"], progress["total_parts"]) == (MIB, 1, 10)
    totals = [event for event in events if event["type"] == "total"]
    assert [(total["files"], total["uploaded"], total["bytes_total"]) for total in totals[-1:]] == [(3, 1, 30 * MIB)]
    assert events[-1]["type"] == "exit"


def test_events_come_about_once_a_second_and_only_where_something_changed() -> None:
    """A program that reads them is not to be drowned."""
    run = Run("json", Tape(None), files=3)
    run.begin(0)
    run.pass_(30)
    kinds = [json.loads(line)["type"] for line in run.tape.getvalue().splitlines()]
    assert kinds.count("progress") == 1 and kinds.count("total") <= 2  # a stall that began is news


# -- how long it takes ----------------------------------------------------------------------------------------------


def test_a_burst_and_a_wait_for_the_rate_limit_are_one_speed() -> None:
    """A hundred files in ten seconds and then none for fifty: the rest takes minutes, not seconds."""
    outlook, confirmed, left = Outlook(), 0, None
    for second in range(600):
        confirmed += 10 if second % 60 < 10 else 0
        left = outlook.left(float(second), CrowdNumbers(2000, 0, 0, 0, 0, 2000, confirmed, 0, 0, ()))
    assert left is not None and (2000 - confirmed) / left == pytest.approx(100 / 60, rel=0.35)


def test_a_sleep_of_the_machine_is_no_slowness() -> None:
    """Nor is anything said before there is something to say."""
    outlook = Outlook()
    assert outlook.left(0.0, CrowdNumbers(9, 0, 0, 0, 0, 1000, 0, 0, 0, ())) is None
    for second in range(1, 21):
        outlook.left(float(second), CrowdNumbers(9, 0, 0, 0, 0, 1000, 10 * second, 0, 0, ()))
    outlook.left(8000.0, CrowdNumbers(9, 0, 0, 0, 0, 1000, 200, 0, 0, ()))
    assert outlook.left(8001.0, CrowdNumbers(9, 0, 0, 0, 0, 1000, 210, 0, 0, ())) == pytest.approx(79, rel=0.05)


# -- until they play ------------------------------------------------------------------------------------------------

ENCODING = Encoding("vi0", "a.mp4", "uploaded", (("240p", "encoded"), ("360p", "encoding")))


def test_a_log_of_a_run_that_only_waits_is_not_silent(plain: Run) -> None:
    """As where a manifest says that all is on the server: there is no progress, and CI systems kill what says nothing."""
    plain.view.tell_of(whose(0), ENCODING)
    plain.view.tell_of(whose(1), ENCODING._replace(video_id="vi1"))
    plain.pass_(130)
    assert [line.split("  ")[0] for line in log(plain.tape)] == ["encoding 2 videos: 2 of 4 qualities encoded"] * 3


def test_a_terminal_of_a_run_that_only_waits_shows_that(run: Run) -> None:
    """In the one line that there is."""
    run.view.tell_of(whose(0), ENCODING)
    run.pass_(3)
    assert "encoding: 240p encoded, 360p encoding" in run.tape.getvalue()


def test_events_tell_of_whom_the_encoding_is_and_only_what_is_new() -> None:
    """It is asked every few seconds."""
    run = Run("json", Tape(None), files=3)
    run.begin(1)
    for event in (ENCODING, ENCODING, ENCODING._replace(qualities=(("240p", "encoded"),))):
        run.view.tell_of(whose(1), event)
    waits = [json.loads(line) for line in run.tape.getvalue().splitlines() if '"wait"' in line]
    assert [(wait["index"], wait["reason"]) for wait in waits] == [
        (2, "encoding: 240p encoded, 360p encoding"), (2, "encoding: 240p encoded"),
    ]  # fmt: skip
