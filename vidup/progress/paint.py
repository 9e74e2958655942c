"""CORE: a whole line as a terminal is sent it: its colour, the video id bold in it, its URL a link; and what moves a taskbar."""

from __future__ import annotations

import re
from typing import Final

_BELOW: Final = (" ", "→")
_URL: Final = re.compile(r"^(  (?:player|hls) +)(https?://[!-~]+)$")
"""The lines of the summary that end in a URL, and no other: what a server says in its messages becomes no link."""


def painted(text: str, colour: str, strong: str = "") -> str:
    """The text in this colour (the number of its SGR sequence, or none), with every `strong` in it bold, but in URLs.

    What stands below the first line of a message, details and the line to act upon, has no colour: it is to be found at a glance.
    """
    below = text.startswith(_BELOW)
    if strong and not _URL.match(text):
        text = text.replace(strong, f"\x1b[1m{strong}\x1b[22m")
    return f"\x1b[{colour}m{text}\x1b[0m" if colour and not below else text


def linked(text: str) -> str:
    """A line of the summary that ends in a URL, with that as a link to itself (OSC 8); any other line as it is."""
    return _URL.sub("\\1\x1b]8;;\\2\x1b\\\\\\2\x1b]8;;\x1b\\\\", text)


def taskbar(percent: int | None) -> str:
    """What shows so many percents in the terminal's own place for progress (OSC 9;4), None takes them away."""
    return "\x1b]9;4;0;\x1b\\" if percent is None else f"\x1b]9;4;1;{percent}\x1b\\"
