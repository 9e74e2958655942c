"""The proof of the simulation: deliberate defects, each a small change to the program that the stories must notice.

`python -m tests.simulation --defects` plants one after the other into a copy of the program and plays stories until one breaks.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]


class Change(NamedTuple):
    """In this file of `vidup/`, this text, which stands there once, becomes that."""

    file: str
    old: str
    new: str


class Defect(NamedTuple):
    """One defect. `finding` is the number of the review's finding that it brings back, or a word for one of ours."""

    name: str
    finding: str
    changes: tuple[Change, ...]
    stories: tuple[str, ...] = ()
    """The options of the stories that notice it."""


class Caught(NamedTuple):
    """By which seed, in how many seconds, and which invariants broke; `seed` is None where 3,000 stories did not notice."""

    defect: Defect
    seed: int | None
    seconds: float
    invariants: str


_IN_PLACE: Final = Change(
    "upload/opening.py",
    "        if same and not record.file_changed and (known.mtime_ns != now.mtime_ns or record.touched):",
    "        if False:",
)

DEFECTS: Final = (
    Defect("the mark of a changed file only once a part is confirmed", "1a", (
        _IN_PLACE, Change("upload/container.py", "if self.book.may_be_on_server:", "if self.book.good:"),
    )),
    Defect("the mark of a changed file only when the upload is over", "1b", (
        _IN_PLACE, Change("upload/upload.py", "            if self._container is not None:\n                self._container.file_changed()\n            self.fail(error)",
                          "            self.fail(error)"),
    )),
    Defect("a file written in place between two runs is gone on with", "1c", (_IN_PLACE,)),
    Defect("the record of confirmed parts is not used", "2a", (
        Change("upload/opening.py", "recorded=confirmed,", "recorded=(),"),
    )),
    Defect("too little told at the end is a rejection", "2c", (
        Change("upload/confirming.py", '            ExitCode.AGAIN, "The server confirmed every part', '            ExitCode.REJECTED, "The server confirmed every part'),
    )),
    Defect("any 2xx is as good as what was promised", "3", (
        Change("verdicts/judge.py", '"accepted" if reply.promised else "answer-broken"', '"accepted" if reply.promised or reply.status in (201, 204) else "answer-broken"'),
    )),
    Defect("another part size is taken though parts were sent", "5", (
        Change("upload/opening.py", "untouched = ledger.empty and not record.attempted and not record.confirmed and not", "untouched = ledger.empty and not"),
    )),
    Defect("videos are made until one is answered", "6", (
        Change("upload/creating.py", "_MOST_MADE: Final = 2", "_MOST_MADE: Final = 99"),
    )),
    Defect("patience is used up while bytes move", "7", (
        Change("upload/health.py", "        if moved:\n            self._moved_at = now\n", ""),
    )),
    Defect("no common backoff", "8", (
        Change("upload/health.py", "return busy < (1 if self.is_down else self.width) and (not self.is_down or now >= self.probe_at)", "return True"),
    )),
    Defect("an endless rate limit is waited for for ever", "10", (
        Change("upload/health.py", "return now - self._limited_since >= self.limit", "return False"),
    )),
    Defect("whatever has a record is resumable", "13", (
        Change("upload/outcome.py", "return recorded and outside and code is not ExitCode.OK", "return recorded"),
    )),
    Defect("an answer that comes with the stop is thrown away", "17", (
        Change("upload/dispatcher.py", "            while answer is not None:", "            while answer is not None and not self._stopping.is_set():"),
    )),
    Defect("a stop takes parts that are all good for the whole video", "stop-1", (
        Change("upload/upload.py", "                self._confirm()\n        elif step is self._last_step:",
               "                self._ending = Ending(\"uploaded\", ExitCode.OK, None, -math.inf)\n        elif step is self._last_step:"),
    )),
    Defect("a stop asks no further though every part is good", "stop-2", (
        Change("upload/upload.py", "            if self._ending.error is None and self._container is not None and self._container.book.all_good:",
               "            if False:"),
    )),
    Defect("a refusal without words ends the upload at once", "words", (
        Change("verdicts/judge.py", 'return self._by_slug["refused-without-words"]', "return self.by_status(reply.status)"),
    )),
    Defect("an answer that never comes is waited for to its end", "overdue", (
        Change("upload/sending.py", "return max(self._looking.at, overdue + self._patience()) if overdue < math.inf else math.inf", "return math.inf"),
    )),
    Defect("parts of another writer are taken for ours", "writer", (
        Change("upload/container.py", "foreign = [] if self.vouched else foreign_parts(ledger, self.book.touched)", "foreign: list[int] = []"),
        Change("upload/confirming.py", "if not container.vouched and not ours:", "if False:"),
    )),
    Defect("the server is not asked in the end", "confirm", (
        Change("upload/upload.py", "        self._ask(confirm(container, self._tell, self._world.now) if container.asks else _vouched(container, self._tell), is_last=True)", "        self._describe()"),
    )),
    Defect("a refused refresh is tried for ever", "token", (
        Change("api/credentials.py", "        self._refresh_failed = True\n", ""),
    )),
    Defect("what was confirmed is written down at the end alone", "journal", (
        Change("upload/upload.py",
               "        if self._container is not None:\n            self._container.settle()\n        self._close_if_over()",
               "        self._close_if_over()"),
    )),
    Defect("one upload that is refused ends all", "others", (
        Change("upload/roster.py", "if error is not None and error.concerns_all)", "if error is not None)"),
    )),
    Defect("the record of an upload that failed is dropped", "forget", (
        Change("upload/upload.py", "if self._deliver(report) and report.is_through and", 'if self._deliver(report) and report.status != "interrupted" and'),
    )),
    Defect("the patience for sending ends a wait, too", "wait", (
        Change("upload/dispatcher.py", "upload.fail(error.twin()) if of_waits or not upload.is_waiting else None", "upload.fail(error.twin())"),
        Change("upload/dispatcher.py", "            if not self._waits(request):\n                self._last_failure = action\n                self._budget.failed(now)", "            self._last_failure = action\n            self._budget.failed(now)"),
    )),
    Defect("the record goes though the wait was too short", "wait-record", (
        Change("upload/outcome.py", " and self.exit_code is not ExitCode.NOT_PLAYABLE", ""),
    )),
    Defect("a state that nobody documented is an end", "wait-states", (
        Change("api/videostatus.py", 'all(one.status == "failed" for one in self.qualities)', 'all(one.status not in ("waiting", "encoding", "encoded") for one in self.qualities)'),
    )),
    Defect("a video that plays is waited for as if it did not", "wait-end", (
        Change("upload/waiting.py", "if self.seen.playable or self.seen.failed:", "if self.seen.failed:"),
    )),
    Defect("what is waited for is resumable", "wait-resume", (
        Change("upload/upload.py", "resumable=not self._is_whole and can_go_on", "resumable=can_go_on"),
    )),
    Defect("a list is believed to be filtered", "find", (
        Change("upload/finding.py", "recorded_file(video) == wanted.value and ", ""),
    )),
    Defect("nothing is looked for without a record", "find-again", (
        Change("upload/opening.py", "if self._order.portable and not self._order.restart and not self._by_token:", "if False:"),
    )),
    Defect("every part makes a video of its own", "own video", (
        Change("upload/sending.py", "alone = not self.container.named", "alone = False"),
    ), ("--delegated",)),
    Defect("a last answer that was lost is a failure", "last answer", (
        Change("upload/acting.py", "if rule.holds and request.verb is Verb.PART and not can_ask:", "if False:"),
    ), ("--delegated",)),
    Defect("the record of a token's upload is not used", "token record", (
        Change("upload/delegated.py", "parts=record.confirmed)", "parts=frozenset())"),
        Change("upload/opening.py", "recorded=confirmed,", "recorded=(),"),
    ), ("--delegated",)),
    Defect("the video that part 1 made is not written down", "unwritten", (
        Change("upload/container.py", "        self.journal = self.record(known)  # without a record nothing could be gone on with, and there is no name to tell\n", ""),
    ), ("--delegated",)),
    Defect("part 1 is sent again however many answers get lost", "first answers", (
        Change("upload/delegated.py", "_MOST_LOST: Final = 3", "_MOST_LOST: Final = 99"),
    ), ("--delegated",)),
    Defect("a split that part 1 was sent in is planned anew", "token split", (
        Change("upload/opening.py", " and not self._by_token  # whose record part 1 began", ""),
    ), ("--delegated",)),
    Defect("the status is asked with an upload token", "token status", (
        Change("upload/sending.py", "if self._looking.is_out or not self.container.asks:", "if self._looking.is_out:"),
    ), ("--delegated",)),
    Defect("the last part does not wait for the producer's end", "release", (
        Change("upload/partbook.py", "return self.plan.released and self.good", "return self.good"),
    ), ("--streams",)),
    Defect("the head of a growing file goes first", "head", (
        Change("plan/openplan.py", "first = (1,) if self.first_late and self.total_parts else ()", "first: tuple[int, ...] = ()"),
    ), ("--streams",)),
    Defect("a file that was rewritten behind what was sent is gone on with", "rewritten", (
        Change("upload/container.py", "        if self.book.may_be_on_server:\n            self._write(self.journal.file_changed)", "        return"),
        Change("upload/container.py", "if before not in (None, digest):", "if False:"),
    ), ("--streams",)),
    Defect("what a stream holds is not compared", "digest", (
        Change("upload/container.py", "if before not in (None, digest):", "if False:"),
    ), ("--streams",)),
    Defect("what a stream's part held is not written down", "written", (
        Change("upload/container.py", "self.journal.attempt_of(number, digest)", "self.journal.attempt(number)"),
    ), ("--streams",)),
    Defect("a key that is refused ends nobody else's upload", "all", (
        Change("upload/roster.py", "if error is not None and error.concerns_all)", "if False)"),
    )),
    Defect("the record goes before the row of the manifest is written", "row", (
        Change("upload/upload.py", "        if self._deliver(report) and report.is_through and self._container is not None:\n            self._forget()\n",
               "        if report.is_through and self._container is not None:\n            self._forget()\n        self._deliver(report)\n"),
    )),
    Defect("a row of the manifest tells what the server has not said yet", "early row", (
        Change("upload/upload.py", "        elif isinstance(step, Sending):\n            self._confirm()", "        elif isinstance(step, Sending):\n            self._end(\"uploaded\", ExitCode.OK, None)"),
    )),
    Defect("the older file has all workers, and small ones starve", "large", (
        Change("upload/dispatcher.py", "sorted(self._roster.open, key=lambda upload: upload.in_flight)", "self._roster.open"),
        Change("upload/dispatcher.py", "idle = [upload for upload in uploads if not upload.in_flight]", "idle = uploads"),
    )),
    Defect("the younger file goes first, and the older starves", "older", (
        Change("upload/dispatcher.py", "for upload in chain(idle, self._begun_now(),", "for upload in chain(self._begun_now(), reversed(idle),"),
    )),
    Defect("the record of many parts waits for no platter either", "platter", (
        Change("state/journal.py", "        return self._total_parts != 1\n", "        return False\n"),
    )),
    Defect("a status may not lag", "lag", (Change("api/ledger.py", "LAG: Final = 60.0", "LAG: Final = 3.0"),)),
)  # fmt: skip


def planted(defect: Defect, into: Path) -> None:
    """Copy the program there and plant the defect. Raises AssertionError where a text does not stand exactly once."""
    shutil.copytree(ROOT / "vidup", into / "vidup", ignore=shutil.ignore_patterns("__pycache__"))
    for file, old, new in defect.changes:
        path = into / "vidup" / file
        text = path.read_text()
        assert text.count(old) == 1, f"{defect.name}: {file} holds this {text.count(old)} times: {old}"
        path.write_text(text.replace(old, new))


def catch(defect: Defect, seeds: int) -> Caught:
    """Play up to so many stories with this defect in the program."""
    with tempfile.TemporaryDirectory() as folder:
        planted(defect, Path(folder))
        (Path(folder) / "tests").symlink_to(ROOT / "tests")
        began = time.monotonic()
        words = [sys.executable, "-m", "tests.simulation", "--quiet", "--most", "1", "--seeds", str(seeds), *defect.stories]
        done = subprocess.run(words, cwd=folder, env={**os.environ, "PYTHONPATH": folder}, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - began
    seeds_seen = re.findall(r"^seed (\d+): ?(\w*)", done.stdout, re.MULTILINE)
    if done.returncode == 0 or not seeds_seen:
        return Caught(defect, None, seconds, done.stderr[-300:])
    return Caught(defect, int(seeds_seen[0][0]), seconds, ", ".join(sorted({name or "raises" for _, name in seeds_seen})))


def main(seeds: int, only: str) -> int:
    """A line a defect; 1 if any goes unnoticed."""
    missed = 0
    for defect in DEFECTS:
        if only and only not in (defect.finding, defect.name):
            continue
        found = catch(defect, seeds)
        missed += found.seed is None
        seed = "MISSED" if found.seed is None else f"seed {found.seed}"
        print(f"| {defect.finding} | {defect.name} | {seed} | {found.seconds:.1f} s | {found.invariants} |", flush=True)
    return 1 if missed else 0
