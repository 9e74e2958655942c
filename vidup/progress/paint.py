"""CORE: a whole line as a terminal is sent it: its colour, and the video id bold in it."""

from __future__ import annotations

from typing import Final

_BELOW: Final = (" ", "→")


def painted(text: str, colour: str, strong: str = "") -> str:
    """The text in this colour (the number of its SGR sequence, or none), with every `strong` in it bold.

    What stands below the first line of a message, details and the line to act upon, has no colour: it is to be found at a glance.
    """
    below = text.startswith(_BELOW)
    if strong:
        text = text.replace(strong, f"\x1b[1m{strong}\x1b[22m")
    return f"\x1b[{colour}m{text}\x1b[0m" if colour and not below else text
