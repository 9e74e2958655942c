"""EDGE: the view for a style."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from vidup.progress.base import View
from vidup.progress.choice import Style
from vidup.upload.tally import Tally

if TYPE_CHECKING:
    from vidup.progress.crowd import CrowdView
    from vidup.upload.crowd import Crowd


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


def open_crowd_view(
    style: Style,
    crowd: Crowd,
    stream: TextIO,
    *,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], float] = time.time,
) -> CrowdView:
    """The view of many files for this style; the rest as `open_view`."""
    match style.mode:
        case "tty":
            from vidup.progress.crowdview import CrowdTerminalView

            return CrowdTerminalView(style, crowd, stream, clock, now)
        case "json":
            from vidup.progress.crowdstream import CrowdStreamView

            return CrowdStreamView(style, crowd, stream, clock, now)
        case "plain":
            from vidup.progress.crowdplain import CrowdPlainView

            return CrowdPlainView(style, crowd, stream, clock, now)
        case "none":
            from vidup.progress.crowdplain import CrowdSilentView

            return CrowdSilentView(style, crowd, stream, clock, now)
