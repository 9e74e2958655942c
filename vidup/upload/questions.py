"""CONDUCTOR: single questions outside of any upload, asked until they are answered or a short patience ends (`tenacity`)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from vidup.api.client import Api
from vidup.api.credentials import ApiKey, Credentials
from vidup.api.ledger import read_ledger
from vidup.errors import ExitCode, VidupError
from vidup.events import Retrying, Tell
from vidup.state.record import Checkpoint
from vidup.upload.acting import Action, Acts, Do
from vidup.upload.carrying import Carrying
from vidup.upload.dice import full_jitter
from vidup.upload.exchange import Request, Verb
from vidup.upload.outcome import Refused, gave_up, refused, server_words
from vidup.verdicts.judge import Reply
from vidup.verdicts.rules import TABLE

if TYPE_CHECKING:
    from tenacity import RetryCallState

PATIENCE: Final = 15.0
"""Seconds for which a single question is asked again. A limit that asks to wait longer is told instead of waited for."""


class Line:
    """One server, for single questions: each is asked again for `patience` seconds. `sleep` waits so many seconds."""

    def __init__(self, api: Api, tell: Tell, patience: float = PATIENCE, sleep: Callable[[float], None] = time.sleep) -> None:
        self.api = api
        self._carrying = Carrying(api)
        self._tell = tell
        self._patience = patience
        self._sleep = sleep
        self._acts = Acts(TABLE, full_jitter)
        self._credentials = Credentials()

    def log_in(self) -> Reply:
        """Log in anew. Raises Refused."""
        began = time.monotonic()
        reply = self._ask(Request(Verb.LOGIN))
        self._credentials.renewed(reply, began)
        return reply

    def ask(self, verb: Verb, video_id: str) -> Reply:
        """Ask about a video, logging in where that is not done. Raises Refused, also when patience ends."""
        return self._ask(Request(verb, video_id=video_id))

    def put(self, verb: Verb, payload: Mapping[str, object]) -> Reply:
        """Ask for something that these values describe, logging in where that is not done. Raises Refused, also when patience ends.

        What it makes may be made twice where an answer is lost.
        """
        return self._ask(Request(verb, payload=payload))

    def _ask(self, request: Request) -> Reply:
        action = self._once(request)
        if action.do is not Do.GO_ON:  # it rarely is not: tenacity is not even imported else
            action = self._again(request, action)
        what = request.verb.value.format(request.video_id)
        if action.do is Do.GO_ON:
            return action.reply
        raise (
            refused(action, what)
            if action.do is Do.END
            else gave_up(action, what, "Try again later, or see what is wrong with: vidup check")
        )

    def _once(self, request: Request) -> Action:
        """With a token that is not known to be refused, where it takes one."""
        if request.verb is not Verb.LOGIN and self._credentials.token is None:
            self.log_in()
        action = self._acts.act(request, self._carrying.perform(request, self._credentials.token), can_ask=False)
        if action.token:
            self._credentials = Credentials()
        return action

    def _again(self, request: Request, first: Action) -> Action:
        from tenacity import Retrying as Retry
        from tenacity import retry_if_result

        def before_sleep(state: RetryCallState) -> None:
            action = _action(state)
            self._tell(Retrying(0, state.attempt_number, state.upcoming_sleep, server_words(action.rule, action.reply)))

        answers = [first]
        retrying = Retry(
            retry=retry_if_result(lambda action: action.do is Do.AGAIN),
            wait=_wait,
            stop=lambda state: (
                (state.seconds_since_start or 0.0) + state.upcoming_sleep > self._patience
            ),  # the very wait: it is a throw of dice
            sleep=self._sleep,
            before_sleep=before_sleep,
            retry_error_callback=_action,
        )
        return retrying(lambda: answers.pop() if answers else self._once(request))


def _wait(state: RetryCallState) -> float:
    """Seconds until the question is asked again; a limit that names none is met like a failure."""
    action = _action(state)
    return max(action.wait, full_jitter(state.attempt_number)) if action.limited else action.wait


def _action(state: RetryCallState) -> Action:
    assert state.outcome is not None
    action: Action = state.outcome.result()
    return action


def open_line(base_url: str, key: ApiKey, tell: Tell, *, timeout: float = 60.0, patience: float = PATIENCE) -> Line:
    """A line for single questions. `timeout` as in `Api`. Raises VidupError(TRUST) for certificates that cannot be read."""
    return Line(Api(base_url, key, timeout=timeout), tell, patience)


def ask_alone(line: Line, ask: Callable[[], Reply]) -> Reply:
    """A question whose row advises to go on with an upload, where there is none."""
    try:
        return ask()
    except Refused as error:
        if error.code is ExitCode.UNKNOWN:
            error.advice = "Check the video id and the key: the video is unknown, deleted or expired, or belongs to another project."
        raise


def delete_container(known: Checkpoint, key: ApiKey, tell: Tell) -> None:
    """Delete the unfinished video of a record, to be called under its lock.

    Raises VidupError where it is not vidup's to delete: not created by vidup, already complete, or refused by the server.
    """
    if not known.created:
        raise VidupError(
            ExitCode.REJECTED, f"The video {known.video_id} was not created by vidup, so vidup does not delete it",
            advice="Forget the record without --delete-video.",
        )  # fmt: skip
    line = open_line(known.base_url, key, tell, patience=60.0)
    if read_ledger(line.ask(Verb.STATUS, known.video_id).body or {}).complete:
        raise VidupError(
            ExitCode.REJECTED, f"The video {known.video_id} is complete on the server, so vidup does not delete it",
            advice="Forget the record without --delete-video.",
        )  # fmt: skip
    line.ask(Verb.DELETE, known.video_id)
