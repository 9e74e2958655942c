"""CORE: what an upload came to, as a value, as the JSON object of the contract, and as an exit code."""

from __future__ import annotations

from typing import NamedTuple

from vidup.errors import ExitCode, VidupError
from vidup.plan.parts import MAX_PART, MIB, MIN_PART
from vidup.units import option_size
from vidup.verdicts.judge import Reply, Rule


class Refused(VidupError):
    """The table's word on an answer: keeps the row and the reply for the report."""

    def __init__(self, rule: Rule, reply: Reply, what: str, *, cause: str = "", advice: str = "", code: ExitCode | None = None) -> None:
        super().__init__(code or rule.exit_code, what, cause=cause or server_words(rule, reply), advice=advice or rule.advice)
        self.rule = rule
        self.reply = reply


def server_words(rule: Rule, reply: Reply) -> str:
    """The cause in the words of whoever refused: status, title, detail, and every problem by name."""
    if reply.status is None:
        return reply.text or rule.title
    said = " ".join(dict.fromkeys(words for words in (reply.title, reply.detail, reply.text) if words))
    problems = [f"{problem.name}: {problem.title}" if problem.name else problem.title for problem in reply.problems]
    if reply.name and not problems:
        problems = [f"about {reply.name}"]
    if reply.location:
        problems.append(f"it points to {reply.location}")
    words = f'HTTP {reply.status}: "{said}"' if said else f"HTTP {reply.status}"
    return "; ".join([words, *dict.fromkeys(problems)])


def advice_for(rule: Rule, part_size: int) -> str:
    """The row's advice with part sizes filled in that would work where `part_size` bytes did not."""
    if "{smaller}" in rule.advice and part_size <= MIN_PART:
        return (
            "Parts cannot be smaller than 5 MiB: have the limit raised on the proxy or gateway in between, then run the same command again."
        )
    smaller = max(part_size // 2 // MIB * MIB, MIN_PART)
    larger = min(max(part_size * 2 // MIB * MIB, 2 * MIN_PART), MAX_PART)
    return rule.advice.replace("{smaller}", option_size(smaller)).replace("{larger}", option_size(larger))


class Report(NamedTuple):
    """One file's outcome. What is unknown or does not apply is None; sizes are bytes, `seconds` wall time.

    `file` is None only where a command failed before any was named.

    `status` is uploaded, failed or interrupted. `bytes_sent` counts payload, sent again included.
    """

    status: str
    file: str | None
    exit_code: ExitCode
    upload_id: str | None = None
    video_id: str | None = None
    size: int | None = None
    part_size: int | None = None
    total_parts: int | None = None
    parts_done: int = 0
    parts_sent: int = 0
    parts_skipped: int = 0
    retries: int = 0
    bytes_sent: int = 0
    seconds: float = 0.0
    title: str | None = None
    public: bool = True
    assets: dict[str, object] | None = None
    resumable: bool = False
    resume_command: str | None = None
    error: VidupError | None = None

    def to_json(self) -> dict[str, object]:
        """The object that `--json` prints; its fields are the contract's."""
        return {
            "v": 1,
            "status": self.status,
            "file": self.file,
            "upload_id": self.upload_id,
            "video_id": self.video_id,
            "size": self.size,
            "part_size": self.part_size,
            "total_parts": self.total_parts,
            "parts_sent": self.parts_sent,
            "parts_skipped": self.parts_skipped,
            "retries": self.retries,
            "bytes_sent": self.bytes_sent,
            "seconds": round(self.seconds, 3),
            "assets": self.assets,
            "resumable": self.resumable,
            "resume_command": self.resume_command,
            "error": error_json(self.error),
            "exit_code": int(self.exit_code),
        }


def error_json(error: VidupError | None) -> dict[str, object] | None:
    """The `error` field: slug, status and verdict where the server's answer was the reason, else what vidup found itself."""
    if error is None:
        return None
    if not isinstance(error, Refused):
        return {
            "slug": None,
            "http_status": None,
            "title": error.what,
            "detail": error.cause or None,
            "verdict": "retry" if error.code.resumable else "abort",
            "advice": error.advice or None,
        }
    reply = error.reply
    stopped = "abort" if not error.code.resumable else "retry" if error.rule.verdict.value == "retry" else "resume"
    return {
        "slug": reply.slug or error.rule.slug,
        "http_status": reply.status,
        "title": reply.title or reply.text or error.what,
        "detail": reply.detail or None,
        "verdict": stopped,
        "advice": error.advice or None,
    }
