"""Loaded by Python itself in a vidup process under test: kills it, or fills its disk, at one exact call, or makes it patient.

VIDUP_TEST_INJECT is `kill:CALL:N:before`, `kill:CALL:N:after` or `full:CALL:N` (the Nth call and all after it fail), where CALL is
write, fsync, replace (of the state folder) or send (to the server); or `patient:FILE`: after a stop answers have ten minutes instead of
seconds, and FILE grows by a byte whenever all of a body is out.
"""

import errno
import http.client
import os
import signal
from collections.abc import Callable
from typing import Any

_action, _call, *_point = os.environ["VIDUP_TEST_INJECT"].split(":")
_seen = 0


def _wrapped(real: Callable[..., Any], counts: Callable[..., bool]) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        global _seen
        if not counts(*args):
            return real(*args)
        _seen += 1
        if _action == "full" and _seen >= int(_point[0]):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        due = _action == "kill" and _seen == int(_point[0])
        if due and _point[1:] == ["before"]:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args)
        if due:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return call


def _be_patient() -> None:
    import vidup.source.partbody
    import vidup.upload.upload

    def is_out(body: Any) -> bool:
        return bool(vars(body).get("is out"))

    def note(body: Any, out: bool) -> None:
        vars(body)["is out"] = out
        if out:
            with open(_call, "ab") as file:
                file.write(b".")

    setattr(vidup.upload.upload, "GRACE", 600.0)  # noqa: B010  a constant
    vidup.source.partbody.PartBody.all_out = property(is_out, note)  # type: ignore[assignment]


if _action == "patient":
    _be_patient()
elif _call == "send":
    http.client.HTTPConnection.send = _wrapped(http.client.HTTPConnection.send, lambda *_: True)  # type: ignore[method-assign]
else:
    setattr(os, _call, _wrapped(getattr(os, _call), lambda *args: _call == "replace" or (isinstance(args[0], int) and args[0] > 2)))
