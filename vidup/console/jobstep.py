"""EDGE: what a step of a GitHub job gets to read of many files: all video ids, how many failed, and one table, of so many rows at most."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from vidup.console.github import HEAD, Step, code, ends_in_table, row
from vidup.upload.outcome import Report

_ROWS: Final = 200
"""Rows of files that ended well, and as many of those that did not: GitHub drops a summary of more than 1 MiB whole."""


class CrowdStep(Step):
    """The step of many files. Outputs that one file alone can have are not told."""

    _good = _other = 0
    _begun = False

    def end(self, report: Report) -> None:
        """Tell what a file came to, as a row of the table while there is room."""
        good = report.exit_code == 0
        self._good, self._other = self._good + good, self._other + (not good)
        if self._summary and (self._good if good else self._other) <= _ROWS:
            self._write(row(report))

    def finish(self, video_ids: Sequence[str], failed: int, resumable: bool, message: str) -> None:
        """All files are over: `video-ids` is a JSON list in the order given, `failed` counts files."""
        self._tell({"video-ids": json.dumps(video_ids), "failed": str(failed), "resumable": str(resumable).lower()})
        if self._summary:
            more = max(0, self._good - _ROWS) + max(0, self._other - _ROWS)
            self._write((f"| {code(f'and {more} more files')} | | | | | |\n" if more else "") + f"\n{code(message)}\n")

    def _write(self, text: str) -> None:
        head = "" if self._begun or ends_in_table(self._summary) else f"\n{HEAD}"
        self._begun = True
        self._append("GITHUB_STEP_SUMMARY", self._summary, head + text)


def open_crowd_step(environ: Mapping[str, str], warn: Callable[[str], None]) -> CrowdStep | None:
    """The step that this process runs in, or None outside of GitHub Actions. `warn` as in `Step`."""
    if environ.get("GITHUB_ACTIONS") != "true":
        return None
    return CrowdStep(environ.get("GITHUB_OUTPUT", ""), environ.get("GITHUB_STEP_SUMMARY", ""), warn)
