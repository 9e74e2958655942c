"""DOOR: the last act of a command that uploads: what was written goes out, and the process ends with a code, or by the signal it got."""

from __future__ import annotations

import os
import sys

from vidup.console.results import flush
from vidup.console.signals import Signals, die_by
from vidup.errors import ExitCode
from vidup.progress.base import stderr_is_stuck


def end(code: ExitCode, signals: Signals | None = None) -> ExitCode:
    """The last act: ends by the signal received, if there is one, else returns the code.

    Where stderr takes nothing, the interpreter's own end would wait for it for ever: then the process is left at once.
    """
    stuck = stderr_is_stuck()
    flush(*([sys.stdout] if stuck else [sys.stdout, sys.stderr]))
    if signals is not None and signals.received is not None:
        die_by(signals.received)
    if stuck:
        os._exit(code)
    return code
