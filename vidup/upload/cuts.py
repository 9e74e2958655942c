"""CORE: a line that drops before a part is through, and the part size that may pass."""

from __future__ import annotations

from typing import Final

from vidup.plan.openplan import AnyPlan
from vidup.units import option_size
from vidup.upload.acting import Action
from vidup.upload.outcome import Refused, gave_up, smaller_parts

MOST_CUTS: Final = 10
"""Failures in mid-body of one part, with no part confirmed in between, after which smaller parts are advised."""


def cut_too_often(plan: AnyPlan, number: int, action: Action) -> Refused:
    """The end of an upload whose parts the line does not carry, with a size that it may carry."""
    smaller = smaller_parts(plan, plan.part_size // 4)
    advice = (
        f"The line drops before a part is through. Smaller parts may pass: --restart --part-size {option_size(smaller)}" if smaller else ""
    )
    return gave_up(action, f"Part {number} was cut off {MOST_CUTS} times on its way", advice)
