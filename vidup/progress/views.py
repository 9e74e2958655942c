"""EDGE: the view for a style."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from vidup.progress.base import View
from vidup.progress.choice import Style
from vidup.upload.tally import Tally


def open_view(
    style: Style,
    tally: Tally,
    stream: TextIO,
    *,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], float] = time.time,
) -> View:
    """The view for this style; everything it shows goes to `stream`, which may be closed or break at any time.

    `clock` gives seconds that never go back, `now` seconds since 1970. Use it as a context manager: only inside does it draw by
    itself; outside, `message` and `tell` write at once.
    """
    match style.mode:
        case "tty":
            from vidup.progress.view import TerminalView

            return TerminalView(style, tally, stream, clock, now)
        case "json":
            from vidup.progress.stream import StreamView

            return StreamView(style, tally, stream, clock, now)
        case "plain":
            from vidup.progress.plain import PlainView

            return PlainView(style, tally, stream, clock, now)
        case "none":
            from vidup.progress.plain import SilentView

            return SilentView(style, tally, stream, clock, now)
