"""CORE: the exit codes, and the one exception by which any room says what failed, why, and what to do next."""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """What a script reads. The numbers are public; the README's table is pinned to them by a test."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    FILE = 3
    AUTH = 4
    UNKNOWN = 5
    REJECTED = 6
    TRUST = 7
    ENCODING = 8
    NOT_PLAYABLE = 9
    BUSY = 10
    AGAIN = 75
    SIGHUP = 129
    SIGINT = 130
    SIGTERM = 143

    @property
    def resumable(self) -> bool:
        """Whether the very same command may be run again, now or later, and will continue."""
        return self in (ExitCode.BUSY, ExitCode.AGAIN, ExitCode.SIGHUP, ExitCode.SIGINT, ExitCode.SIGTERM)


class VidupError(Exception):
    """Something a person must know: `what` failed, its `cause` in the words of whoever refused, the next step as `advice`.

    `mended_outside`: the very same command can go on once something outside the upload is put right. `concerns_all`: it is no file's
    own trouble, so that it ends every upload of the run and is to be told once. `slug` names what scripts may ask for; empty where a
    row of the table of errors, or nothing, does.
    """

    def __init__(
        self, code: ExitCode, what: str, *, cause: str = "", advice: str = "", mended_outside: bool = False, concerns_all: bool = False,
        slug: str = "",
    ) -> None:  # fmt: skip
        super().__init__(what)
        self.code = code
        self.what = what
        self.cause = cause
        self.advice = advice
        self.mended_outside = mended_outside
        self.slug = slug
        self.concerns_all = concerns_all
        self.advice_is_whole = False
        """Whether the commands in the advice are complete, so that they can be pasted."""

    def twin(self) -> Self:
        """The same for another file, whose command may word the advice for itself."""
        twin = type(self).__new__(type(self), *self.args)
        twin.__dict__.update(self.__dict__)
        return twin


class Cancelled(Exception):
    """Raised inside a wait or a body when the upload is being stopped; never shown to anybody."""
