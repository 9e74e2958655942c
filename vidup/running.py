"""DOOR: one upload as a user meets it: the view on stderr, the signals, the result on stdout, and the exit."""

from __future__ import annotations

import io
import json
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from vidup.errors import ExitCode, VidupError
from vidup.inert import inert
from vidup.options import Noise, environment
from vidup.order import Order
from vidup.progress import Style, View, decide, open_view
from vidup.report import Report
from vidup.signals import Signals, die_by
from vidup.summary import failure_lines, success_lines
from vidup.upload import Upload


def run_upload(order: Order, noise: Noise, resume_command: Callable[[str | None], str]) -> ExitCode:
    """Upload and print the result; returns the exit code, or ends by the signal that stopped the upload."""
    stderr = sys.stderr if sys.stderr is not None else io.StringIO()
    style = decide(noise.progress, noise.color, noise.quiet, 0, environment(), stderr.isatty())
    views: list[View] = []
    upload = Upload(order, lambda event: views[0].tell(event))
    view = open_view(style, upload.tally, stderr)
    views.append(view)

    def on_stop(code: ExitCode) -> None:
        upload.stopped_by = code
        upload.stop.set()
        view.message("Stopping: parts already sent get up to 5 s for their answer (again to quit at once)", "warning")

    def deliver(report: Report) -> bool:
        if report.resumable:
            command = resume_command(report.upload_id if report.video_id else None)
            report = replace(report, resume_command=command)
        view.result(report.to_json())
        out = print_result(report, noise)
        tell_outcome(view, style, report, order)
        return out

    with Signals(on_stop, view.progress_line) as signals:
        try:
            with view:
                report = upload.run(deliver)
        except Exception as error:  # noqa: BLE001  the one place where a fault of ours becomes a sentence
            report = _crashed(upload, order, error)
            deliver(report)
        view.exit_(int(report.exit_code), report.exit_code.name.lower(), _message(report), report.resumable)
    if signals.received is not None and report.status == "interrupted":
        flush()
        die_by(signals.received)
    return report.exit_code


def print_result(report: Report, noise: Noise) -> bool:
    """The result on stdout: one JSON object, or the video id. False if stdout could not take it."""
    if noise.as_json:
        text = json.dumps(report.to_json())
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


def tell_outcome(view: View, style: Style, report: Report, order: Order) -> None:
    """The last words for people: a summary, or what failed, why, and what to do next."""
    if style.mode == "json":
        return
    if report.status == "uploaded":
        view.message("\n".join(success_lines(report)), "success")
    else:
        view.message("\n".join(failure_lines(report, order.key.source)), "error" if report.status == "failed" else "warning")


def flush() -> None:
    """Hand everything written to the outside; a closed stream is no reason to fail."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue


def write_crash(error: BaseException, folder: Path, secret: str = "") -> str:
    """Write the traceback of a fault of ours to a private file and return its path, or say that it could not be written."""
    text = "".join(traceback.format_exception(error))
    path = folder / f"crash-{datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}.txt"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text.replace(secret, "***") if secret else text)
    except OSError:
        return "nowhere (the state folder cannot be written)"
    return str(path)


def crash_error(error: BaseException, folder: Path, secret: str = "") -> VidupError:
    """A fault of vidup itself as one sentence that says where its traceback is."""
    return VidupError(
        ExitCode.INTERNAL, f"vidup itself failed ({type(error).__name__})",
        cause=f"the traceback is in {write_crash(error, folder, secret)}",
        advice="Please report it with that file; it holds no key.",
    )  # fmt: skip


def _crashed(upload: Upload, order: Order, error: Exception) -> Report:
    return upload.report("failed", ExitCode.INTERNAL, crash_error(error, order.state_dir, order.key.value))


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
