"""Loaded by Python itself in a vidup process under test: kills it, or fills its disk, at one exact call.

VIDUP_TEST_INJECT is `kill:CALL:N:before`, `kill:CALL:N:after` or `full:CALL:N` (the Nth call and all after it fail), where CALL is
write, fsync, replace (of the state folder) or send (to the server).
"""

import errno
import http.client
import os
import signal
from collections.abc import Callable
from typing import Any

_action, _call, _number, *_when = os.environ["VIDUP_TEST_INJECT"].split(":")
_seen = 0


def _wrapped(real: Callable[..., Any], counts: Callable[..., bool]) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        global _seen
        if not counts(*args):
            return real(*args)
        _seen += 1
        if _action == "full" and _seen >= int(_number):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        due = _action == "kill" and _seen == int(_number)
        if due and _when == ["before"]:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args)
        if due:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return call


if _call == "send":
    http.client.HTTPConnection.send = _wrapped(http.client.HTTPConnection.send, lambda *_: True)  # type: ignore[method-assign]
else:
    setattr(os, _call, _wrapped(getattr(os, _call), lambda *args: _call == "replace" or (isinstance(args[0], int) and args[0] > 2)))
