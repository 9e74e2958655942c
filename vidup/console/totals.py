"""CORE: what many files came to: counts, one exit code, and the last lines that a person reads; what failed alike is told together."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final, NamedTuple

from vidup.errors import ExitCode, VidupError
from vidup.inert import inert
from vidup.units import show_size, show_time
from vidup.upload.outcome import ON_SERVER, Report, combined

_GROUPS: Final = 10
"""Failures that the summary tells, each with its action; of more only how many."""

_LONGEST: Final = 1000
"""Characters of a command that is shown."""

_NAMES: Final = 3
"""Files that are named where several failed alike."""


class Failure(NamedTuple):
    """What some files failed by, in the words of the first of them, and what they are called."""

    what: str
    cause: str
    advice: str
    files: tuple[str, ...]
    many: int
    concerns_all: bool


class Totals:
    """Adds up reports as they come; keeps of each no more than two bytes and its video id."""

    def __init__(self, count: int) -> None:
        """`count` files are expected."""
        self.count = count
        self.uploaded = self.failed = self.interrupted = self.skipped = self.unplayable = self.unwaited = 0
        self.resumable = False
        self.bytes_sent = 0
        self.parts_again = 0
        self._codes = array("B", bytes(count))
        self._ids: dict[int, str] = {}
        self._failures: dict[tuple[str, str, str], Failure] = {}

    def add(self, number: int, report: Report) -> bool:
        """Count the file with this number, from 0. Whether it failed as another one did before."""
        self._codes[number] = report.exit_code
        self.resumable |= report.resumable
        self.bytes_sent += report.bytes_sent
        self.parts_again += report.parts_again
        if report.status in ON_SERVER:
            self._ids[number] = report.video_id or ""
            self.skipped += report.skipped
            self.uploaded += not report.skipped
            self.unplayable += report.error is not None
        elif report.status == "interrupted":
            self.interrupted += not report.whole
            self.unwaited += report.whole
        else:
            self.failed += 1
        return report.error is not None and self._fail(report.error, report.file or "")

    @property
    def troubled(self) -> int:
        """Files that have an error: those that failed, and those that are on the server and cannot be played."""
        return self.failed + self.unplayable

    @property
    def good(self) -> int:
        """Files that are on the server."""
        return self.uploaded + self.skipped

    def video_ids(self) -> list[str]:
        """Of the files that are on the server, in the order given."""
        return [video_id for _number, video_id in sorted(self._ids.items())]

    def code(self, received: ExitCode | None) -> ExitCode:
        """The exit code; that of a signal received, if it left anything undone, beats all."""
        undone = self.interrupted or self.unwaited or self.failed
        return received if received is not None and undone else combined([ExitCode(code) for code in self._codes])

    def message(self) -> str:
        """One sentence."""
        return f"{self.good} of {self.count} uploads are complete"

    def failures(self) -> list[Failure]:
        """What failed, the first first."""
        return list(self._failures.values())

    def _fail(self, error: VidupError, file: str) -> bool:
        name = _name(file)
        key = (_without(error.what, file, name), error.cause, error.advice)
        known = self._failures.get(key)
        if known is None:
            self._failures[key] = Failure(*key, (name,), 1, error.concerns_all)
        else:
            names = (*known.files, name) if known.many < _NAMES else known.files
            self._failures[key] = known._replace(files=names, many=known.many + 1)
        return known is not None


def summary_lines(totals: Totals, seconds: float, command: str, *, manifest: str = "", again: int = 0, brief: bool = False) -> list[str]:
    """What all came to in so many seconds; what failed, each with its action, but not if `brief`; and as the last line the command that
    continues. `again`: so many were uploaded before, into other videos."""
    lines = [f"Uploaded {totals.uploaded} of {totals.count} files{_amount(totals, seconds)}"]
    if totals.skipped:
        says = f", says {inert(manifest)}" if manifest else ""
        lines.append(f"  {totals.skipped} {'was' if totals.skipped == 1 else 'were'} on the server already{says}")
    if again:
        lines.append(
            f"  {again} of them {'was' if again == 1 else 'were'} uploaded before: to leave out what is there, use --manifest FILE"
        )
    if totals.interrupted:
        lines.append(f"  {totals.interrupted} {'is' if totals.interrupted == 1 else 'are'} not uploaded yet; what was sent is safe")
    if totals.unwaited:
        lines.append(f"  {totals.unwaited} {'is' if totals.unwaited == 1 else 'are'} on the server, whole, and no longer waited for")
    if totals.unplayable:
        lines.append(f"  {totals.unplayable} {'is' if totals.unplayable == 1 else 'are'} on the server, whole, but cannot be played")
    if totals.troubled:
        own = [] if brief else [failure for failure in totals.failures() if not failure.concerns_all]  # what concerns all was told
        lines += [*([f"  {totals.failed} failed"] if totals.failed else []), *_failure_lines(own)]
    if command and (totals.interrupted or totals.resumable):
        lines.append(continue_line(command))
    return lines


def continue_line(command: str) -> str:
    """The command that continues; one with thousands of file names is not repeated, and a part of it would not work."""
    return f"→ Continue with: {inert(command, _LONGEST)}" if len(command) <= _LONGEST else "→ To continue, run the same command again."


def undelivered_lines(command: str) -> list[str]:
    """That standard output did not take results, and the command that prints them there."""
    again = inert(command, _LONGEST) if len(command) <= _LONGEST else "run the same command again."
    return ["Standard output took nothing: results of this run are missing there.", f"→ To have them there: {again}"]


def done_words(report: Report) -> tuple[str, str]:
    """What the line of a file that ended well says behind its name: its video, then its size and how long it took."""
    took = f"{show_size(report.size or 0)} in {show_time(report.seconds)}" if report.parts_sent else "was there already"
    return inert(report.video_id or ""), took


def _failure_lines(told: Sequence[Failure]) -> list[str]:
    lines: list[str] = []
    for failure in told[:_GROUPS]:
        rest = f" and {failure.many - len(failure.files)} more" if failure.many > len(failure.files) else ""
        lines.append(f"  {inert(', '.join(failure.files))}{rest}: {inert(failure.what, 500)}")
        if failure.cause:
            lines.append(f"    {inert(failure.cause, 1000)}")
        if failure.advice:
            lines.append(f"  → {inert(failure.advice, 1000)}")
    if len(told) > _GROUPS:
        left = sum(failure.many for failure in told[_GROUPS:])
        lines.append(f"  and {left} more, each told above")
    return lines


def _amount(totals: Totals, seconds: float) -> str:
    if not totals.bytes_sent:
        return ""
    rate = f" ({show_size(totals.bytes_sent / seconds)}/s)" if seconds >= 1 else ""
    again = f", {totals.parts_again} part{'s'[: totals.parts_again != 1]} sent again" if totals.parts_again else ""
    return f": {show_size(totals.bytes_sent)} in {show_time(seconds)}{rate}{again}"


def _name(file: str) -> str:
    return file.rstrip("/").rpartition("/")[2] or file


def _without(what: str, *names: str) -> str:
    """The sentence about "it" where it begins with the name of the file, which stands before it already."""
    for name in names:
        if name and what.startswith(f"{name} "):
            return f"it {what.removeprefix(f'{name} ')}"
    return what
