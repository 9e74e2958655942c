"""What the line is like in one story: how often which fault strikes a request, and the windows in which a fault strikes all of them.

All of it is drawn from the seed when the world begins, from mild to awful, and it is over after a bounded time.
"""

from __future__ import annotations

from itertools import accumulate
from random import Random
from typing import Final, NamedTuple

from tests.simulation.server import Habits
from vidup.upload.exchange import Kind, Verb

FINE: Final = "fine"

PART_FAULTS: Final = (
    "lost", "lost silently", "unheard", "late", "broken", "empty", "reset", "stalled", "early", "5xx", "5xx stored", "wordless",
    "wordless stored", "html", "doubled first", "doubled second", "401", "429",
)  # fmt: skip
"""What can happen to one part. `lost`: stored, no answer (`silently`: the line stays open); `unheard`: not stored either;
`empty`: a 204; `early`: a final answer before the body is out; `stored`: the refused part is on the server all the same."""

OTHER_FAULTS: Final = ("lost", "unheard", "late", "broken", "empty", "5xx", "5xx stored", "html", "401", "429")
"""What can happen to any other request."""

CLEAR_REFUSALS: Final = ("413", "uploaded-file-invalid-file", "418", "suspended", "certificate", "407", "key refused")
"""What ends an upload for good and says so, rarely met; healed, it is as if it had never been."""

WINDOWS: Final = ("storm", "outage", "black hole", "limited", "login down", "refresh refused")
"""What strikes every request that begins in a window of time."""

EVERYBODYS: Final = frozenset({*WINDOWS, "401", "429", "suspended", "certificate", "407", "key refused", "token refused"})
"""What concerns the whole line, whichever request met it."""


class Window(NamedTuple):
    """A stretch of time (clock seconds) in which a fault strikes everybody."""

    kind: str
    begins: float
    ends: float


class Weather:
    """The faults of one story. `severity` 0 (clear) to 3 (awful); `heals_at` in clock seconds, after which nothing more goes wrong."""

    def __init__(self, rng: Random, severity: int | None = None) -> None:
        self.severity = rng.choices((0, 1, 2, 3), (1, 4, 3, 2))[0] if severity is None else severity
        self.heals_at = 0.0 if self.severity == 0 else 60.0 * 40.0 ** rng.random()
        self.latency = (0.01, rng.choice((0.05, 0.2, 1.0)))
        self.pace = 0.02 * float(100.0 ** rng.random())
        """Seconds a block of a body takes, more or less; at most some seconds, so that bytes are never long in between."""
        self.habits = _habits(rng, self.severity)
        self.refusals: tuple[str, ...] = (rng.choice(CLEAR_REFUSALS),) if self.severity and rng.random() < 0.06 else ()
        self._parts = _Dice(rng, PART_FAULTS, self.severity)
        self._others = _Dice(rng, OTHER_FAULTS, self.severity)
        self.windows = [_window(rng, self.heals_at) for _ in range(rng.randint(0, self.severity))]

    def by_token(self) -> None:
        """Nobody logs in: who would be refused there is refused with the upload token. And a server answers when a part is stored, for
        with a token nobody can be asked later."""
        self.refusals = tuple("token refused" if refusal == "key refused" else refusal for refusal in self.refusals)
        self.habits = self.habits._replace(eager=False, careless=False)

    def over(self, now: float) -> bool:
        """Whether nothing goes wrong any more."""
        return now >= self.heals_at

    def window(self, now: float) -> str:
        """The fault that strikes everybody now, or nothing."""
        return next((window.kind for window in self.windows if window.begins <= now < window.ends), "")

    def fate(self, rng: Random, verb: Verb, now: float) -> str:
        """What happens to a request that goes out now."""
        if self.over(now):
            return FINE
        if self.refusals and rng.random() < 0.05 and _fits(self.refusals[0], verb):
            return self.refusals[0]
        dice = self._parts if verb is Verb.PART else self._others
        return dice.throw(rng)

    def __str__(self) -> str:
        windows = "".join(f"; {kind} {begins:.0f}-{ends:.0f} s" for kind, begins, ends in self.windows)
        return f"severity {self.severity}, heals at {self.heals_at:.0f} s; parts: {self._parts}; others: {self._others}{windows}; {self.habits}"


class _Dice:
    """Which faults there are, and how likely each is."""

    def __init__(self, rng: Random, names: tuple[str, ...], severity: int) -> None:
        count = rng.randint(1, 1 + 2 * severity) if severity else 0
        self._names = rng.sample(names, count)
        most = (0.0, 0.1, 0.3, 0.7)[severity]
        chances = [rng.uniform(0.01, most) / max(1.0, count**0.5) for _ in self._names]
        self._sums = list(accumulate(chance * min(1.0, 0.85 / sum(chances)) for chance in chances))

    def throw(self, rng: Random) -> str:
        number = rng.random()
        for name, bound in zip(self._names, self._sums, strict=True):
            if number < bound:
                return name
        return FINE

    def __str__(self) -> str:
        chances = zip(self._names, self._sums, [0.0, *self._sums], strict=False)
        return ", ".join(f"{name} {100 * (bound - before):.0f} %" for name, bound, before in chances) or "no faults"


def _habits(rng: Random, severity: int) -> Habits:
    lag, commit = 0.0, 0.0
    if severity and rng.random() < 0.5:
        lag = rng.choice((2.0, 8.0, 20.0, 45.0, 45.0 if severity < 2 else rng.choice((120.0, 240.0, 400.0))))
    if severity and rng.random() < 0.4:
        commit = rng.uniform(0.5, 20.0)
    limits = ((Kind.UPLOAD, rng.choice((10, 40, 100))), (Kind.WRITE, 40), (Kind.READ, 100)) if rng.random() < 0.3 else ()
    return Habits(
        lag=lag, steady=rng.random() < 0.5, commit=commit, eager=rng.random() < 0.3, careless=rng.random() < 0.4, token_life=rng.choice((3600, 3600, 600, 120)) if severity else 3600, limits=limits,
        lists=rng.choice(("exact", "exact", "unfiltered", "late")), tells_size=rng.random() < 0.7, tells_missing=rng.random() < 0.5,
    )  # fmt: skip


def _window(rng: Random, heals_at: float) -> Window:
    begins = rng.choice((0.0, rng.uniform(0.0, 20.0), rng.uniform(0.0, heals_at)))
    kind = rng.choice(WINDOWS)
    length = rng.choice((5.0, 30.0, 120.0, 600.0, heals_at))
    return Window(kind, begins, min(begins + length, heals_at))


def _fits(refusal: str, verb: Verb) -> bool:
    if refusal == "key refused":
        return verb is Verb.LOGIN
    return (
        verb is Verb.PART if refusal in ("413", "uploaded-file-invalid-file", "token refused") else verb not in (Verb.LOGIN, Verb.REFRESH)
    )
