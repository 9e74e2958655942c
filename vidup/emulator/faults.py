"""EMULATOR: scripted faults: their compact text form, and which one a request meets."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from vidup.emulator.answers import row
from vidup.emulator.encoding import ENDS
from vidup.units import parse_duration, parse_size

PLACES: Final = ("create", "login", "refresh", "status", "source", "get", "list", "any")
"""What `on=` may name: `POST /videos`, `/auth/api-key`, `/auth/refresh`, `GET .../status`, an upload, `GET /videos/{id}`,
`GET /videos`, any request."""

BODIES: Final = ("html", "empty", "truncated", "garbage", "array", "no-id", "huge")
"""What `body=` may name."""

RESETS: Final = ("before", "middle", "after")
"""When `reset=` may strike: on the head, after half of the body, after the whole body."""

_LONGEST: Final = 365 * 86400.0
_FASTEST: Final = 1024**3
_HIGHEST: Final = 10**9

_GOES_WITH: Final = {
    "lag": ("status", "list"), "encode-after": ("status",), "encode": ("status",), "commit-after": ("source",), "unfiltered": ("list",),
}  # fmt: skip
"""The places at which an action has a meaning; without `on=` the first is meant."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted fault. Waits are seconds, `slow` bytes a second; zero, None and empty mean: not this."""

    on: str = "any"
    part: int | None = None
    times: float = 1
    after: int = 0
    status: int | None = None
    error: str = ""
    retry_after: float | None = None
    reset: str = ""
    drop_answer: bool = False
    stall: float = 0
    stall_answer: float = 0
    slow: int = 0
    body: str = ""
    close: bool = False
    redirect: str = ""
    early: int | None = None
    lag: float = 0
    commit_after: float | None = None
    encode_after: float | None = None
    encode: str = ""
    unfiltered: bool = False
    about: str = ""

    @property
    def instead(self) -> bool:
        """Whether the fault answers in the API's place; without `commit_after` nothing is stored then."""
        return bool(self.status or self.error or self.redirect or self.close or self.early or self.retry_after is not None)

    def matches(self, place: str, part: int | None) -> bool:
        """Whether a request of this place, carrying this part, is meant."""
        return self.on in ("any", place) and (self.part is None or self.part == part)


NO_FAULT: Final = Fault()


def _one_of(*names: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        return text

    return convert


def _number(text: str) -> int:
    if not re.fullmatch("[0-9]+", text):
        raise ValueError("must be a whole number")
    if len(text) > 10 or int(text) > _HIGHEST:
        raise ValueError(f"must be at most {_HIGHEST:,}")
    return int(text)


def _positive(text: str) -> int:
    if not re.fullmatch("0*[1-9][0-9]*", text):
        raise ValueError("must be a whole number over 0")
    return _number(text)


def _status(text: str) -> int:
    if not re.fullmatch("[2-5][0-9][0-9]", text):
        raise ValueError("must be an HTTP status from 200 to 599")
    return int(text)


def _seconds(text: str) -> float:
    seconds = parse_duration(text)
    if not seconds <= _LONGEST:
        raise ValueError("must be at most 365 days")
    return seconds


def _slug(text: str) -> str:
    try:
        return row(text).slug
    except KeyError:
        raise ValueError("must be the slug of a documented error, see `vidup explain`") from None


def _rate(text: str) -> int:
    try:
        size = parse_size(text.removesuffix("/s"))
    except OverflowError:
        size = _FASTEST + 1
    if not 0 < size <= _FASTEST:
        raise ValueError("must be over 0 and at most 1 GiB a second")
    return size


def _address(text: str) -> str:
    if not text:
        raise ValueError("must be an address")
    return text


def _attribute(text: str) -> str:
    if not text:
        raise ValueError("must name an attribute")
    return text


_WHERE: Final[dict[str, Callable[[str], Any]]] = {
    "part": lambda text: None if text == "*" else _positive(text),
    "on": _one_of(*PLACES),
    "times": lambda text: math.inf if text == "*" else _positive(text),
    "after": _number,
}
_ACTIONS: Final[dict[str, Callable[[str], Any]]] = {
    "status": _status,
    "error": _slug,
    "about": _attribute,
    "retry-after": _seconds,
    "reset": _one_of(*RESETS),
    "stall": _seconds,
    "stall-answer": _seconds,
    "slow": _rate,
    "body": _one_of(*BODIES),
    "redirect": _address,
    "early": _status,
    "lag": _seconds,
    "commit-after": _seconds,
    "encode-after": _seconds,
    "encode": _one_of(*ENDS),
}
_FLAGS: Final = ("drop-answer", "close", "unfiltered")


def parse_fault(text: str) -> Fault:
    """A fault from `WHERE[,WHERE...]:ACTION[,ACTION...]`; ValueError with a sentence that names what is wrong."""
    where, _, actions = text.partition(":")
    if not where.strip() or not actions.strip():
        raise ValueError(f"{text!r} is not a fault: write WHERE:ACTION, for example part=3:status=503")
    places = _pairs(text, where.split(","), _WHERE, ())
    if "part" in places and places.setdefault("on", "source") != "source":
        raise ValueError(f"{text!r}: only on=source goes with part=")
    done = _pairs(text, _split_actions(actions), _ACTIONS, _FLAGS)
    for name, meant in _GOES_WITH.items():
        if name.replace("-", "_") in done and places.setdefault("on", meant[0]) not in meant:
            raise ValueError(f"{text!r}: {name}= goes only with {' or '.join(f'on={place}' for place in meant)}")
    if wrong := _contradiction(done):
        raise ValueError(f"{text!r}: {wrong}")
    return replace(NO_FAULT, **places, **done)


def _contradiction(done: dict[str, Any]) -> str:
    if sum(name in done for name in ("status", "error", "redirect", "early")) > 1:
        return "only one of status=, error=, redirect= and early= can be the answer"
    if "about" in done and "error" not in done:
        return "about= tells what a documented error is about, so error= goes with it"
    if "early" in done and "close" in done:
        return "early= keeps the connection open, close ends it"
    if "commit_after" in done and ("early" in done or "close" in done):
        return "commit-after= needs the body, which early= and close leave unread"
    if done.get("encode") == "stuck" and "encode_after" in done:
        return "encode=stuck never ends, so encode-after= has no meaning"
    return ""


def _split_actions(text: str) -> list[str]:
    match = re.search(r"(?:^|,)\s*redirect\s*=", text)  # an address may hold commas, so it takes the rest
    if match is None:
        return text.split(",")
    first, last = text[: match.start()], text[match.start() :].lstrip(",")
    return [*(first.split(",") if first else []), last]


def _pairs(text: str, items: list[str], known: dict[str, Callable[[str], Any]], flags: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in items:
        name, equals, value = (piece.strip() for piece in item.partition("="))
        field = name.replace("-", "_")
        if field in found:
            raise ValueError(f"{text!r}: {name} stands there twice")
        if name in flags and not equals:
            found[field] = True
        elif name in known and equals:
            try:
                found[field] = known[name](value)
            except ValueError as error:
                raise ValueError(f"{text!r}: {name}={value}: {error}") from None
        else:
            names = ", ".join((*(f"{key}=" for key in known), *flags))
            raise ValueError(f"{text!r}: {item.strip()!r} is not known here; there are {names}")
    return found


@dataclass
class _Entry:
    fault: Fault
    seen: int = 0
    fired: int = 0


class FaultBook:
    """The faults of one emulator, with how often each has struck; ValueError as `parse_fault`."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._entries = [_Entry(parse_fault(text)) for text in texts]

    def add(self, text: str) -> None:
        """Adds one fault in its text form, behind those already there; ValueError as `parse_fault`."""
        entry = _Entry(parse_fault(text))
        with self._lock:
            self._entries.append(entry)

    def clear(self) -> None:
        """Forgets every fault."""
        with self._lock:
            self._entries.clear()

    def take(self, place: str, part: int | None) -> Fault:
        """The fault this request meets: the first that matches and is due. The others count the request as seen."""
        chosen: Fault | None = None
        with self._lock:
            for entry in self._entries:
                if entry.fault.matches(place, part):
                    entry.seen += 1
                    if chosen is None and entry.seen > entry.fault.after and entry.fired < entry.fault.times:
                        entry.fired += 1
                        chosen = entry.fault
        return chosen or NO_FAULT
