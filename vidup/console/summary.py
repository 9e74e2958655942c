"""CORE: the last lines a person reads: what was uploaded, or what failed, why, and what to do next."""

from __future__ import annotations

from vidup.errors import ExitCode, VidupError
from vidup.inert import inert
from vidup.plan.parts import Plan
from vidup.units import show_size, show_time
from vidup.upload.outcome import NotThisFile, Report


def success_lines(report: Report, next_step: str = "") -> list[str]:
    """The summary of a finished upload, and as the last line the command that leads on. A private video's URLs carry a token and are left
    out."""
    name, video_id = inert(_name(report)), inert(report.video_id or "")
    if report.parts_sent:
        size = f"{show_size(report.size or 0)}{_parts(report)}"
        what = f"Uploaded {name}: {size} in {show_time(_sending(report))}{_rate(report)}{_again(report)}"
    else:
        what = f"{name} is already on the server, whole: nothing was sent"
    if report.status == "playable":
        what += f"; it plays{f' {show_time(report.waited)} later' if report.waited >= 1 else ''}"
    lines = [what, f"  video   {video_id}  ({'public' if report.public else 'private: its links are in --json only'})"]
    for label, field in (("player", "player"), ("hls", "hls")):
        url = (report.assets or {}).get(field)
        if report.public and isinstance(url, str):
            lines.append(f"  {label:<7} {inert(url, 500)}")
    if next_step:
        lines.append(f"→ See the encoding: {inert(next_step, 1000)}")
    return lines


def undelivered_lines(report: Report, command: str) -> list[str]:
    """That standard output did not take the result of a finished upload: the id of the video, and the command that prints it there."""
    return [f"Standard output took nothing: the video is {inert(report.video_id or '')}.", f"→ To have it there: {inert(command, 1000)}"]


def failure_lines(report: Report, key_source: str = "", look_again: str = "", noun: str = "key") -> list[str]:
    """What failed, the cause in the words of whoever refused, what is safe, and as the last line what to do.

    `look_again` is the command that waits on for a video that is whole; `noun` says what came from `key_source`.
    """
    interrupted = report.status == "interrupted"
    lines = [f"Interrupted: {inert(_name(report))} is not uploaded yet." if interrupted else _could_not(report)]
    if report.whole:
        lines = [f"Interrupted: no longer waiting until {inert(report.video_id or '')} plays." if interrupted else _does_not_play(report)]
    if report.error and report.error.cause:
        lines.append(f"  {inert(report.error.cause, 1000)}")
    if report.exit_code is ExitCode.AUTH and key_source and report.error and report.error.cause:
        lines.append(f"  The {noun} came from {inert(key_source)}.")
    safe = f"{inert(_name(report))} is on the server, whole; nothing need be sent again." if report.whole else _safe(report)
    if safe:
        lines.append(f"  {safe}")
    if interrupted and report.whole and look_again:
        lines.append(f"→ Wait on: {inert(look_again, 1000)}")
    if report.error and report.error.advice:
        lines.append(f"→ {inert(report.error.advice, 1000)}")
    if report.resume_command and report.exit_code.resumable and report.exit_code is not ExitCode.BUSY:
        if safe and report.total_parts is not None:
            lines.append(f"  Keep {inert(_name(report))} unchanged until then.")
        lines.append(f"→ Continue with: {inert(report.resume_command, 1000)}")
    return lines


def error_lines(error: VidupError) -> list[str]:
    """What failed besides a file, the cause, and what to do."""
    lines = (error.what, f"  {error.cause}" if error.cause else "", f"→ {error.advice}" if error.advice else "")
    return [inert(line, 1000) for line in lines if line]


def _could_not(report: Report) -> str:
    """The file as it was named, once, and what failed."""
    file, what = "the stream" if report.file == "-" else report.file or "", report.error.what if report.error else "it failed"
    for name in (file, _name(report)):
        if name and what.startswith(f"{name} ") and not (report.error and report.error.concerns_all):  # else it is of another file
            what = f"it {what.removeprefix(f'{name} ')}"
    return f"Could not upload {inert(file, 500)}: {inert(what, 500)}" if file else f"Could not upload: {inert(what, 500)}"


def _does_not_play(report: Report) -> str:
    return f"Uploaded {inert(_name(report), 500)}, but: {inert(report.error.what if report.error else 'it does not play', 500)}"


def stopping_lines(report: Report, grace: float, answers: int) -> list[str]:
    """What a first signal is answered with: what is waited for, in seconds, if anything is, and already the command that continues."""
    wait = f", up to {grace:.0f} s for {answers} answer{'s'[: answers > 1]}" if answers else ""
    lines = [f"Stopping{wait} (again to quit at once)"]
    return [*lines, f"→ Continue with: {inert(report.resume_command, 1000)}"] if report.resume_command else lines


def _name(report: Report) -> str:
    file = report.file or ""
    return "the stream" if file == "-" else file.rpartition("/")[2] or file


def _parts(report: Report) -> str:
    """How many parts; after a resume how many of them in this run, to which alone time and speed belong."""
    if report.parts_skipped:
        return f"; {report.parts_sent} of {report.total_parts} parts now,"
    return f", {report.total_parts} parts" if report.total_parts != 1 else ""


def _rate(report: Report) -> str:
    """The speed, where there was time enough for it to be one: a run of less than a second is mostly its start."""
    return f" ({show_size(report.bytes_sent / _sending(report))}/s)" if _sending(report) >= 1 else ""


def _sending(report: Report) -> float:
    """Seconds until the server had all of it."""
    return max(0.0, report.seconds - report.waited)


def _again(report: Report) -> str:
    return f", {report.parts_again} sent again" if report.parts_again else ""


def _safe(report: Report) -> str:
    done = report.parts_done
    if done and report.total_parts is None and not isinstance(report.error, NotThisFile):
        return f"{done} part{'s'[: done != 1]} of {show_size(report.part_size or 0)} {'is' if done == 1 else 'are'} safe on the server."
    if not done or not report.size or not report.total_parts or isinstance(report.error, NotThisFile):
        return ""
    plan = Plan(report.size, report.total_parts)
    sent = min(done * plan.part_size, report.size)
    return f"{done} of {report.total_parts} parts ({show_size(sent)} of {show_size(report.size)}) are safe on the server."
