"""DOOR: one upload as a user meets it: the view on stderr, the signals, the result on stdout, and the exit."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from vidup.errors import ExitCode, VidupError
from vidup.events import Event
from vidup.github import annotation, open_step
from vidup.inert import inert, json_line
from vidup.keys import VARIABLES
from vidup.options import Noise, environment, state_folder
from vidup.order import Order
from vidup.progress import View, decide, open_view
from vidup.report import Report
from vidup.signals import Signals, die_by
from vidup.summary import failure_lines, success_lines
from vidup.tally import Tally
from vidup.upload import Upload


def run_upload(order: Order, noise: Noise, resume_command: Callable[[str | None], str]) -> ExitCode:
    """Upload and print the result; returns the exit code, or ends by the signal that stopped the upload."""
    stage = _Stage(noise, order.key.source)
    trace = stage.trace if noise.verbose >= 2 else None
    upload = Upload(order, stage.tell, trace=trace)
    view = stage.open(upload.tally)
    if noise.verbose:
        view.message("\n".join([*noise.sources, f"the API key is from {order.key.source}"]))

    def on_stop(code: ExitCode) -> None:
        upload.stopped_by = code
        upload.stop.set()
        view.message("Stopping: parts already sent get up to 5 s for their answer (again to quit at once)", "warning")

    def deliver(report: Report) -> bool:
        if report.resumable:
            command = resume_command(report.upload_id if report.video_id else None)
            report = replace(report, resume_command=command)
        return stage.show(report)

    with Signals(on_stop, view.progress_line) as signals:
        try:
            with view:
                report = upload.run(deliver)
        except Exception as error:  # noqa: BLE001  the one place where a fault of ours becomes a sentence
            report = _crashed(upload, order, error)
            deliver(report)
        stage.leave(report)
    if signals.received is not None and report.status == "interrupted":
        flush()
        die_by(signals.received)
    return report.exit_code


def refuse_upload(path: str, error: VidupError, noise: Noise, key_source: str = "") -> ExitCode:
    """End an upload that cannot even begin, say for want of a key, as one that failed: with an object, an `exit`, an annotation."""
    stage, report = _Stage(noise, key_source), Report("failed", path, error.code, resumable=error.code.resumable, error=error)
    stage.open(Tally())
    stage.show(report)
    stage.leave(report)
    return error.code


class _Stage:
    """Where one upload is seen: the view on stderr, the result on stdout, and the step of a GitHub job."""

    def __init__(self, noise: Noise, key_source: str) -> None:
        self._noise = noise
        self._key_source = key_source
        self._stderr = sys.stderr if sys.stderr is not None else io.StringIO()
        self._style = decide(noise.progress, noise.color, noise.quiet, noise.verbose, environment(), self._stderr.isatty())
        self._step = open_step(environment())
        self._view: View | None = None
        self._lines: list[str] = []

    def open(self, tally: Tally) -> View:
        """The view of these numbers."""
        self._view = open_view(self._style, tally, self._stderr)
        return self._view

    @property
    def view(self) -> View:
        """The view, once it is open."""
        assert self._view is not None
        return self._view

    def tell(self, event: Event) -> None:
        """Something happened."""
        self.view.tell(event)
        if self._step is not None:
            self._step.hear(event)

    def trace(self, line: str) -> None:
        """A request was made."""
        self.view.message(line)

    def show(self, report: Report) -> bool:
        """What a file came to, everywhere; False if stdout could not take it. Nothing is printed before all of it is worded."""
        good = report.status == "uploaded"
        self._lines = success_lines(report) if good else failure_lines(report, self._key_source)
        self.view.result(report.to_json())
        self.view.settle()
        out = print_result(report, self._noise)
        if self._style.mode != "json":
            self.view.message("\n".join(self._lines), "success" if good else "error" if report.status == "failed" else "warning")
        if self._step is not None:
            self._step.end(report)
        return out

    def leave(self, report: Report) -> None:
        """The end: the view is closed, and only then stderr is free for an annotation; a stream of events ends with its `exit`."""
        self.view.exit_(int(report.exit_code), report.exit_code.name.lower(), _message(report), report.resumable)
        if report.status == "failed" and self._style.mode != "json" and (command := annotation(environment(), self._lines)):
            with contextlib.suppress(OSError, ValueError):
                print(command, file=self._stderr, flush=True)


def print_result(report: Report, noise: Noise) -> bool:
    """The result on stdout: one JSON object, or the video id. False if stdout could not take it."""
    if noise.as_json:
        text = json_line(report.to_json())
    elif report.status == "uploaded" and report.video_id and (noise.quiet or not _is_terminal()):
        text = inert(report.video_id)
    else:
        return True
    if sys.stdout is None:  # closed before vidup began; print() would quietly do nothing
        return False
    try:
        print(text, flush=True)
    except (OSError, ValueError):
        _silence_stdout()
        return False
    return True


def flush() -> None:
    """Hand everything written to the outside; a closed stream is no reason to fail."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue


def write_crash(error: BaseException, folder: Path, secrets: Iterable[str] = ()) -> str | None:
    """Write the traceback of a fault of ours to a private file here, or else in the temporary folder; its path, or None."""
    text = "".join(traceback.format_exception(error))
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    text = re.sub(r"(?i)(bearer|basic) +[^\s'\"]+", r"\1 ***", text)
    for place in (folder, Path(tempfile.gettempdir())):
        path = place / f"crash-{datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}.txt"
        with contextlib.suppress(OSError):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
            return str(path)
    return None


def crash_error(error: BaseException, folder: Path, secrets: Iterable[str] = ()) -> VidupError:
    """A fault of vidup itself as one sentence that says where its traceback is."""
    what, path = f"vidup itself failed ({type(error).__name__})", write_crash(error, folder, secrets)
    if path is None:
        return VidupError(ExitCode.INTERNAL, what, cause="the traceback could not be written anywhere", advice="Please report it.")
    return VidupError(
        ExitCode.INTERNAL, what, cause=f"the traceback is in {path}", advice="Please report it with that file; it holds no key."
    )


def stray_fault(error: Exception) -> VidupError:
    """A fault of vidup outside of any upload, as `crash_error` tells it."""
    given = environment().get("VIDUP_STATE_DIR")
    return crash_error(error, state_folder(Path(given) if given else None), [environment().get(name, "") for name in VARIABLES])


def _crashed(upload: Upload, order: Order, error: Exception) -> Report:
    return upload.report("failed", ExitCode.INTERNAL, crash_error(error, order.state_dir, [order.key.value]))


def _message(report: Report) -> str:
    return report.error.what if report.error else report.status


def _is_terminal() -> bool:
    try:
        return sys.stdout.isatty()
    except (ValueError, AttributeError):
        return False


def _silence_stdout() -> None:
    """Point a broken stdout at nothing, so that the interpreter's last flush does not complain."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except OSError:
        return
