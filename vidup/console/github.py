"""EDGE: what a step of a GitHub job gets to read: its outputs, its summary, and the annotation of a failure."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from vidup.events import Event, Named, Started
from vidup.inert import github_escape, inert
from vidup.units import show_size, show_time
from vidup.upload.outcome import Report

HEAD: Final = "| File | Result | Video | Size | Time | Watch |\n|---|---|---|---|---|---|\n"
_LONGEST: Final = 3000
"""Characters of an annotation; the runner cuts at 4096."""

_LONGEST_OUTPUT: Final = 500_000
"""Characters of an output; the runner takes 1 MiB of all of a job."""


class Step:
    """The step that vidup runs in. Its files may be missing or unwritable: no upload fails for them."""

    def __init__(self, output: str, summary: str, warn: Callable[[str], None]) -> None:
        """`output` and `summary` are the files that GITHUB_OUTPUT and GITHUB_STEP_SUMMARY name; empty for none.

        `warn` is told once of each that cannot be written.
        """
        self._output = output
        self._summary = summary
        self._warn = warn
        self._warned: set[str] = set()
        self._told: dict[str, str] = {}

    def hear(self, event: Event) -> None:
        """Note the ids as soon as there are any: a step that is killed has still told them."""
        if isinstance(event, Started | Named) and event.video_id:
            self._tell({"upload-id": event.upload_id, "video-id": event.video_id})

    def end(self, report: Report) -> None:
        """Tell what a file came to. The player URL of a private video carries a token and is told to nobody."""
        outputs = {"upload-id": report.upload_id, "video-id": report.video_id, "player-url": _player(report)}
        self._tell({name: value for name, value in outputs.items() if value} | {"resumable": str(report.resumable).lower()})
        if self._summary:
            self._append("GITHUB_STEP_SUMMARY", self._summary, ("" if ends_in_table(self._summary) else f"\n{HEAD}") + row(report))

    def _tell(self, outputs: Mapping[str, str]) -> None:
        fresh = {name: inert(value, _LONGEST_OUTPUT) for name, value in outputs.items() if self._told.get(name) != value}
        self._told.update(outputs)
        if self._output and fresh:
            mark = f"ghadelimiter_{uuid.uuid4()}"
            told = "".join(f"{name}<<{mark}\n{value}\n{mark}\n" for name, value in fresh.items())
            self._append("GITHUB_OUTPUT", self._output, ("" if _ends_a_line(self._output) else "\n") + told)

    def _append(self, variable: str, path: str, text: str) -> None:
        try:
            _append(path, text)
        except (OSError, ValueError) as error:
            if variable not in self._warned:
                self._warned.add(variable)
                words = error.strerror if isinstance(error, OSError) else ""
                self._warn(f"{path}, which {variable} names, cannot be written ({words or error}): later steps will not see the result")


def open_step(environ: Mapping[str, str], warn: Callable[[str], None]) -> Step | None:
    """The step that this process runs in, or None outside of GitHub Actions. `warn` as in `Step`."""
    if environ.get("GITHUB_ACTIONS") != "true":
        return None
    return Step(environ.get("GITHUB_OUTPUT", ""), environ.get("GITHUB_STEP_SUMMARY", ""), warn)


def annotation(environ: Mapping[str, str], lines: Iterable[str]) -> str:
    """The workflow command that marks a step with a failure told in these lines, the first as its title; empty outside of GitHub."""
    if environ.get("GITHUB_ACTIONS") != "true":
        return ""
    title, *rest = [inert(line.strip().removeprefix("✗ "), _LONGEST // 3) for line in lines] or [""]
    message = github_escape("\n".join(rest) or title)[:_LONGEST]
    return f"::error title={github_escape(title[:200], property=True)}::{message}"


def _player(report: Report) -> str:
    url = (report.assets or {}).get("player")
    return url if isinstance(url, str) and report.public and report.exit_code == 0 else ""


def row(report: Report) -> str:
    """One line of the table. Foreign text stands as code, where GitHub looks for no markup, mentions, links or emoji."""
    file = report.file or ""
    error = report.error
    told = (error.what, error.cause, f"→ {error.advice}" if error.advice else "") if error else ()
    result = f"{report.status}: {'. '.join(filter(None, told))}" if error else report.status
    url = _player(report)
    cells = (
        code(file.rpartition("/")[2] or file),
        code(result),
        code(report.video_id or ""),
        show_size(report.size) if report.size is not None else "",
        show_time(report.seconds),
        f"[player]({url})" if re.fullmatch(r"https?://[\w.:/%?=&-]+", url) else "",
    )
    return f"| {' | '.join(cells)} |\n"


def code(text: str) -> str:
    """The text as code, every sign of it spelled: GitHub looks for nothing in there."""
    spelled = "".join(sign if sign.isalnum() or sign == " " else f"&#{ord(sign)};" for sign in inert(text, 1000))
    return f"<code>{spelled}</code>" if text else ""


def ends_in_table(path: str) -> bool:
    """Whether the file ends in rows of ours, so that several files share one table."""
    if not os.path.isfile(path):
        return False  # reading a pipe could take for ever
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            _before, found, rows = file.read().rpartition(HEAD)
        return bool(found) and all(row.startswith("| <code>") for row in rows.splitlines())
    except OSError:
        return False


def _ends_a_line(path: str) -> bool:
    """Whether what is there ends in a whole line, as what a script wrote with `printf` may not: the runner reads line by line."""
    try:
        if not os.path.isfile(path) or not os.path.getsize(path):
            return True
        with open(path, "rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"
    except OSError:
        return True


def _append(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
