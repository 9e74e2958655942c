"""CONDUCTOR: what one attempt at a part came to, and the refusals that many of them add up to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from vidup.errors import ExitCode, VidupError
from vidup.plan.parts import MIB, MIN_PART, Plan
from vidup.source.videofile import PartBody
from vidup.units import option_size
from vidup.upload.report import Refused
from vidup.verdicts.judge import Reply, Rule

MOST_CUTS: Final = 10
"""Failures in mid-body of one part, with no part confirmed in between, after which smaller parts are advised."""


class Question(NamedTuple):
    """An answer that only the server's ledger can explain: the upload must be planned anew from its status."""

    rule: Rule
    reply: Reply


class Sent(NamedTuple):
    """How one attempt at a part ended."""

    number: int
    ticket: int
    body: PartBody
    reply: Reply | None = None
    error: BaseException | None = None


class Asked(NamedTuple):
    """The answer to one status call, and the parts it was asked for."""

    ticket: int
    reply: Reply


@dataclass(slots=True)
class History:
    """What one part has been through."""

    attempts: int = 0
    failures: int = 0
    tokens_refused: int = 0
    unheard: int = 0
    lost: int = 0


def cut_too_often(plan: Plan, number: int, rule: Rule, reply: Reply) -> Refused:
    """The end of an upload whose parts the line does not carry, with a size that it may carry."""
    smaller = max(plan.part_size // 4 // MIB * MIB, MIN_PART)
    advice = f"The line drops before a part is through. Smaller parts may pass: --restart --part-size {option_size(smaller)}"
    what = f"Part {number} was cut off {MOST_CUTS} times on its way"
    return Refused(rule, reply, what, code=ExitCode.AGAIN, advice=advice if plan.part_size > MIN_PART else "")


def completed_by_another() -> VidupError:
    """The refusal to call a video ours that is complete although parts of it were never taken from us."""
    return VidupError(
        ExitCode.REJECTED, "This video is complete, but not by this upload",
        cause="the server never took all of its parts from vidup", advice="Leave out --video-id, so that vidup creates a video of its own.",
    )  # fmt: skip


def another_writer(parts: list[int]) -> VidupError:
    """The refusal to mix two uploads in one container."""
    return VidupError(
        ExitCode.REJECTED, f"Another program is uploading into this video: part {parts[0]} is stored, and vidup never sent it",
        advice="Leave out --video-id, so that vidup creates a video of its own.",
    )  # fmt: skip
