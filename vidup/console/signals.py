"""EDGE: signals. The first asks politely, the second ends at once; either way the process ends *by* it, so that shell loops stop."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Final, NoReturn

from vidup.console import early
from vidup.errors import ExitCode

Signal = signal.Signals

ENDING: Final = {signal.SIGINT: ExitCode.SIGINT, signal.SIGTERM: ExitCode.SIGTERM, signal.SIGHUP: ExitCode.SIGHUP}


class Signals:
    """While entered, `on_stop(code)` hears of the first ending signal, `on_quit()` of the second, of which the process then ends at once,
    `on_look()` of every SIGUSR1, and `on_park(True)` before Ctrl-Z stops the process, `on_park(False)` when it goes on; all run inside
    the handler. Of a signal that came before, `received` tells from the start, and nobody hears of it."""

    def __init__(
        self,
        on_stop: Callable[[ExitCode], None],
        on_quit: Callable[[], None],
        on_look: Callable[[], None],
        on_park: Callable[[bool], None],
    ) -> None:
        self.received: signal.Signals | None = None
        self._on_stop = on_stop
        self._on_quit = on_quit
        self._on_look = on_look
        self._on_park = on_park
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Signals:
        for number in ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:  # under nohup, or in the background of a script, it stays ignored
                self._before[number] = early.before(signal.signal(number, self._asked_to_end))
        self.received = self.received or early.over()
        self._before[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, lambda _number, _frame: self._on_look())
        if signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL:
            self._before[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, self._asked_to_rest)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def ignore(self) -> None:
        """From here to the end of the process no signal asks for anything: the last result is out, and its exit code holds."""
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
            self._before.pop(number, None)

    def _asked_to_end(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None:
            signal.signal(number, signal.SIG_DFL)  # a third one waits for nothing at all
            try:
                self._on_quit()
            finally:
                die_by(self.received)  # as the object says that was written
        self.received = signal.Signals(number)
        self._on_stop(ENDING[self.received])

    def _asked_to_rest(self, number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)  # a second one on the way would stop the process again behind its fg
        self._on_park(True)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # returns when the process is continued
        signal.signal(number, signal.SIG_IGN)
        self._on_park(False)
        signal.signal(number, self._asked_to_rest)


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, Ctrl-C raises KeyboardInterrupt, for what must be tidied up behind it; elsewhere it ends vidup on the spot."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def end_by_interrupt() -> NoReturn:
    """Ctrl-C where no upload is running: end by it, so that a shell loop stops here, too."""
    die_by(signal.SIGINT)


def die_by(number: signal.Signals) -> NoReturn:
    """End this process by the signal, as if vidup had never caught it. What is to be flushed must be flushed before."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # only where the signal is blocked
