"""EDGE: signals before an upload listens for them. The first is noted, to be met once there is a way to tell of it; a second ends at once.

Only for the commands whose every end is an object of `--json` and an event. It imports nothing that takes time.
"""

from __future__ import annotations

import signal
import sys
from types import FrameType, TracebackType
from typing import Final

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class CutShort(BaseException):
    """A signal came in a wait that may last; raised out of it, and no `Exception`, so that nobody takes it for a failure."""


class _Early:
    received: signal.Signals | None = None
    waiting = False


def listen() -> None:
    """Note the first signal from here on. One that is ignored, as under nohup, stays so."""
    if sys.argv[1:2] in (["upload"], ["resume"]):
        for number in _ENDING:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _heard)


def before(handler: object) -> object:
    """What a signal meant before this handler was replaced, without us."""
    return signal.SIG_DFL if handler is _heard else handler


def over() -> signal.Signals | None:
    """From here on signals have their plain meaning again, where nobody else listens by now. The one that came, if one did."""
    for number in _ENDING:
        if signal.getsignal(number) is _heard:
            signal.signal(number, signal.SIG_DFL)
    received, _Early.received = _Early.received, None
    return received


class Waiting:
    """While entered, a signal raises CutShort, as does one that came before: for what may wait for a person, as the reading of a pipe."""

    def __enter__(self) -> None:
        _Early.waiting = True
        if _Early.received is not None:
            _Early.waiting = False
            raise CutShort

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _Early.waiting = False


def _heard(number: int, _frame: FrameType | None) -> None:
    if _Early.received is not None:
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    _Early.received = signal.Signals(number)
    if _Early.waiting:
        _Early.waiting = False
        raise CutShort
