"""CORE: what an upload came to: the error that ended it, whether it can go on, its report and JSON object, the exit code of several."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from vidup.api.videostatus import VideoStatus
from vidup.errors import ExitCode, VidupError
from vidup.inert import file_fields
from vidup.plan.openplan import AnyPlan
from vidup.plan.parts import MAX_PART, MIB, MIN_PART
from vidup.units import option_size
from vidup.upload.acting import Action, acted_upon
from vidup.verdicts.judge import Problem, Reply, Rule

ON_SERVER: Final = ("uploaded", "playable")
"""The statuses that say that the server has the whole video."""

_ENVELOPE: Final = 1024
"""Bytes, at most, that a request carries around its part: a limit of 10 MiB lets no part of 10 MiB through."""


_WHOLE_LINE: Final = (ExitCode.AUTH, ExitCode.TRUST)
"""What ends one upload so ends all: the key and the trust are the same for every file."""


class NotThisFile(VidupError):
    """What the server holds is not, or cannot be, this file: nothing of it is safe there."""


class Refused(VidupError):
    """The table's word on an answer: keeps the row and the reply for the report."""

    def __init__(self, rule: Rule, reply: Reply, what: str, *, cause: str = "", advice: str = "", code: ExitCode | None = None) -> None:
        super().__init__(code or rule.exit_code, what, cause=cause or server_words(rule, reply), advice=advice or rule.advice)
        self.rule = rule
        self.reply = reply
        self.mended_outside = rule.mended_outside
        self.concerns_all = self.code in _WHOLE_LINE


def refused(action: Action, what: str, plan: AnyPlan | None = None) -> Refused:
    """The error for an answer that ends the upload: code and advice from its row, `what` in the words of whoever asked.

    `plan` is that of the part that was refused, for advice that names a size that would work.
    """
    error = Refused(action.rule, action.reply, what, advice=advice_for(action.rule, plan) if plan else "")
    error.mended_outside |= plan is not None and _cannot_be_smaller(action.rule, plan)
    return error


def gave_up(action: Action, what: str, advice: str = "") -> Refused:
    """The end of patience: whatever failed last, the same command may go on later."""
    return Refused(action.rule, action.reply, what, advice=advice, code=ExitCode.AGAIN)


def can_go_on(error: VidupError | None, code: ExitCode, recorded: bool) -> bool:
    """Whether the same command can go on with what is on the server. The one place that says so.

    Interrupted or out of patience: yes. Stopped by what lies outside the upload, such as the key, the trust, the disk under the file: yes,
    once that is mended and if there is a record. Stopped by what is on the server or what the file has become: no.
    """
    if code.resumable:
        return True
    outside = code in (ExitCode.AUTH, ExitCode.TRUST, ExitCode.INTERNAL) or (error is not None and error.mended_outside)
    return recorded and outside and code is not ExitCode.OK


def combined(codes: Sequence[ExitCode]) -> ExitCode:
    """The exit code of one upload is its own; of several: 0 if all went well, 75 if all failures are resumable, else the first other."""
    if len(codes) == 1:
        return codes[0]
    failures = [code for code in codes if code is not ExitCode.OK]
    permanent = [code for code in failures if not code.resumable]
    return permanent[0] if permanent else ExitCode.AGAIN if failures else ExitCode.OK


def server_words(rule: Rule, reply: Reply) -> str:
    """The cause in the words of whoever refused: status, title, detail, and every problem by name."""
    if reply.status is None:
        return reply.text or rule.title
    told = (reply.title, reply.detail, reply.text.removeprefix(f"{reply.status} "))  # as proxies begin their pages
    said = " ".join(dict.fromkeys(words for words in told if words))
    problems = [_in_words(problem, said) for problem in reply.problems]
    if reply.name and not problems:
        problems = [f"about {reply.name}"]
    if reply.location:
        problems.append(f"it points to {reply.location}")
    status = f"HTTP {reply.status}, but not the API's answer" if 200 <= reply.status < 300 else f"HTTP {reply.status}"
    words = f'{status}: "{said}"' if said else status
    return "; ".join([words, *dict.fromkeys(problems)])


def _in_words(problem: Problem, said: str) -> str:
    """One problem by its name, and of its title and detail what was not said already; a title alone says little."""
    fresh = " ".join(words for words in dict.fromkeys((problem.title, problem.detail)) if words and words not in said)
    if not problem.name:
        return fresh or problem.title
    return f"{problem.name}: {fresh}" if fresh else f"about {problem.name}"


def smaller_parts(plan: AnyPlan, most: int) -> int | None:
    """A --part-size of at most `most` bytes, or as near as it can be, that splits finer than this plan; None where none does."""
    size = max(most // MIB * MIB, MIN_PART)
    return size if plan.is_finer(size) else None


def _cannot_be_smaller(rule: Rule, plan: AnyPlan) -> bool:
    """Whether smaller parts would help and there are none: then it is for others to let these through, and the same command goes on."""
    return "{smaller}" in rule.advice and smaller_parts(plan, _half(plan)) is None


def _half(plan: AnyPlan) -> int:
    return plan.part_size // 2 - _ENVELOPE


def advice_for(rule: Rule, plan: AnyPlan) -> str:
    """The row's advice with part sizes filled in that would work where the parts of this plan did not."""
    if _cannot_be_smaller(rule, plan):
        return (
            "Parts cannot be smaller: each but the last must have 5 MiB. Have the limit raised on the proxy or gateway in between, "
            "then run the same command again."
        )
    smaller = smaller_parts(plan, _half(plan)) or MIN_PART
    larger = min(max(plan.part_size * 2 // MIB * MIB, 2 * MIN_PART), MAX_PART)
    return rule.advice.replace("{smaller}", option_size(smaller)).replace("{larger}", option_size(larger))


class Content(NamedTuple):
    """What was sent: where the file really is, what it looks like from afar, and when it was last written to."""

    path: str
    fingerprint: str
    mtime_ns: int


class Report(NamedTuple):
    """One file's outcome. What is unknown or does not apply is None; sizes are bytes, `seconds` wall time.

    `file` is None only where a command failed before any was named.

    `status` is uploaded, playable, failed or interrupted. `skipped`: nothing was sent, since the video was known to be there.
    `whole`: the server has all of the file, also where waiting for it to play then failed or was interrupted; of `seconds`, `waited`
    went by in that, and `seen` is the last status that was seen.

    `bytes_sent` counts payload, sent again included; `parts_again` the parts of which it holds bytes more than once; `retries` the tries
    of parts beyond the first, also those that found no connection. `content` is None where the file was not looked at.
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
    parts_again: int = 0
    bytes_sent: int = 0
    seconds: float = 0.0
    title: str | None = None
    public: bool = True
    assets: dict[str, object] | None = None
    resumable: bool = False
    resume_command: str | None = None
    skipped: bool = False
    whole: bool = False
    waited: float = 0.0
    seen: VideoStatus | None = None
    error: VidupError | None = None
    content: Content | None = None

    @property
    def is_through(self) -> bool:
        """Whether no record need tell of it any more: the video is there, and whether it plays is known, or was not asked."""
        return self.status in ON_SERVER and self.exit_code is not ExitCode.NOT_PLAYABLE

    def to_json(self) -> dict[str, object]:
        """The object that `--json` prints; its fields are the contract's."""
        return {
            "v": 1,
            "status": self.status,
            **file_fields(self.file),
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
            "skipped": self.skipped,
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
            "slug": error.slug or None,
            "http_status": None,
            "title": error.what,
            "detail": error.cause or None,
            "verdict": "retry" if error.code.resumable else "abort",
            "advice": error.advice or None,
        }
    reply = error.reply
    return {
        "slug": error.rule.slug,
        "http_status": reply.status,
        "title": reply.title or reply.text or error.what,
        "detail": reply.detail or None,
        "verdict": acted_upon(error.rule, error.code.resumable),
        "advice": error.advice or None,
    }
