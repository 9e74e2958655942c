"""CORE: one question after the other. A script yields what it asks and gets the answer back; how often that takes is not its business."""

import math
from collections.abc import Callable, Generator, Mapping
from types import MappingProxyType
from typing import Generic, NamedTuple, TypeVar

from vidup.events import Retrying, Tell
from vidup.upload.acting import Action, Do
from vidup.upload.exchange import Request, Verb
from vidup.upload.outcome import refused, server_words

Result = TypeVar("Result")
May = Callable[[Verb], bool]
"""Whether a request of this sort may go out now."""


class Ask(NamedTuple):
    """A question. `plainly`: the script wants to hear of every failure itself, but for limits and tokens, which concern all."""

    verb: Verb
    video_id: str = ""
    payload: Mapping[str, object] = MappingProxyType({})
    plainly: bool = False


class Rest(NamedTuple):
    """Nothing to ask for so many seconds."""

    seconds: float


class KnownKey(NamedTuple):
    """Nothing to ask, but the key must have been accepted."""


Script = Generator[Ask | Rest | KnownKey, Action, Result]
"""Yields questions; is sent the action about the answer, whose reply holds it. `Refused` is raised where it yields if there is none."""


class Asking(Generic[Result]):
    """Drives one script. `want` and `take` are called with the moment, in seconds of one clock."""

    def __init__(self, upload: int, script: Script[Result], tell: Tell) -> None:
        self.finished = False
        self._upload = upload
        self._script = script
        self._tell = tell
        self._result: list[Result] = []
        self._ask: Ask | None = None
        self._for_key = False
        self._due = 0.0
        self.is_out = False
        """Whether an answer is awaited."""

    @property
    def result(self) -> Result:
        """What the script came to, once it is finished."""
        return self._result[0]

    def begin(self, now: float) -> None:
        """Run the script to its first question. Raises what the script raises, as do `want` and `take`."""
        self._run(lambda: next(self._script), now)

    def want(self, now: float, may: May) -> Request | None:
        """The request to make now, if there is one that may go out."""
        if self.is_out or self.finished or now < self._due:
            return None
        if self._ask is None:  # it rested, or waits for the key
            if self._for_key and not may(Verb.STATUS):
                return None
            self._run(lambda: self._script.send(None), now)  # type: ignore[arg-type]
            return self.want(now, may)
        ask = self._ask
        request = Request(ask.verb, self._upload, ask.video_id, payload=ask.payload)
        if not may(request.verb):
            return None
        self.is_out = True
        return request

    def take(self, action: Action, now: float) -> None:
        """The answer to the request came."""
        assert self._ask is not None
        self.is_out = False
        shared = action.limited or action.token
        if action.do is Do.GO_ON or (self._ask.plainly and not shared):
            self._run(lambda: self._script.send(action), now)
        elif action.do is Do.AGAIN:
            self._due = now if shared else now + action.wait
            if action.failed:
                self._tell(Retrying(0, action.failures, action.wait, server_words(action.rule, action.reply)))
        else:
            error = refused(action, self._ask.verb.value.format(self._ask.video_id))
            self._run(lambda: self._script.throw(error), now)

    def wake(self) -> float:
        """When there is something to ask again; infinity while an answer is awaited."""
        return math.inf if self.is_out or self.finished else self._due

    def line_is_back(self, now: float) -> None:
        """What failed may be asked again now; a rest that the script wants for itself is kept."""
        if self._ask is not None and not self.is_out:
            self._due = min(self._due, now)

    def is_out_for(self, verb: Verb) -> bool:
        """Whether an answer to this is awaited."""
        return self.is_out and self._ask is not None and self._ask.verb is verb

    def close(self) -> None:
        """Give back what the script holds."""
        self._script.close()

    def _run(self, advance: Callable[[], Ask | Rest | KnownKey], now: float) -> None:
        try:
            wish = advance()
        except StopIteration as end:
            self.finished = True
            self._result.append(end.value)
            return
        self._ask = wish if isinstance(wish, Ask) else None
        self._for_key = isinstance(wish, KnownKey)
        self._due = now + wish.seconds if isinstance(wish, Rest) else now
