"""EDGE: the verbs of the api.video API that vidup speaks, and the bearer token all of them share."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

from vidup import __version__
from vidup.api.credentials import ApiKey
from vidup.api.transport.transport import Body, Trace, Transport
from vidup.verdicts.judge import Reply

ANSWER_TIMEOUT: Final = 300.0
"""Seconds given to the answer after the last byte of a part: the server answers once it has stored the part."""


_LONGEST_LIFE: Final = 30 * 86400
"""Seconds after which a token is renewed at the latest, whatever its answer says; it may say anything."""


class SizedBody(Body, Protocol):
    """A body that also knows the Content-Type, with its boundary."""

    content_type: str


class _Token(NamedTuple):
    serial: int
    bearer: str
    refresh: str
    renew_at: float

    def __repr__(self) -> str:
        return f"_Token(serial={self.serial})"


class Api:
    """One server, one key. Every request is answered with a Reply, and nothing is decided; any number of threads may call."""

    def __init__(
        self, base_url: str, key: ApiKey, *, timeout: float, trace: Trace | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`timeout` in seconds: no byte accepted, or no answer, for so long is a failure. `trace` hears of every request."""
        self.key = key
        self.base_url = base_url.rstrip("/")
        self._transport = Transport(base_url, timeout=timeout, client=f"vidup:{__version__}", trace=trace)
        self._transport.keep_secret(key.value)
        self._clock = clock
        self._token: _Token | None = None
        self._serial = 0
        self._renewing = threading.Lock()

    @property
    def proxy(self) -> str:
        """The proxy in use, its password masked, or nothing."""
        return self._transport.proxy

    def scrub(self, text: str) -> str:
        """The text without the key, the tokens, or a password in a URL."""
        return self._transport.scrub(text)

    def connect(self) -> None:
        """Open the connection of the calling thread; no answer, for whatever goes wrong is found out by the first request."""
        self._transport.connect()

    def log_in(self) -> Reply:
        """Get a token for the key: `POST /auth/api-key` (https://docs.api.video/reference/authentication-guide)."""
        with self._renewing:
            return self._new_token("/auth/api-key", {"apiKey": self.key.value})

    def token_refused(self, reply: Reply) -> None:
        """This 401 came with the present token: the next request, of whichever thread, gets a new one first."""
        token = self._token
        if token is not None and reply.token == token.serial:
            self._token = _Token(token.serial, "", token.refresh, 0.0)

    def create_video(self, payload: Mapping[str, object]) -> Reply:
        """`POST /videos`: a new container. It has no idempotency key, so a lost answer may leave an empty one behind."""
        return self._call("POST", "/videos", payload=payload, promised=_names_a_video)

    def get_video(self, video_id: str) -> Reply:
        """`GET /videos/{videoId}`: title, metadata, assets."""
        return self._call("GET", f"/videos/{video_id}", promised=_names_a_video)

    def delete_video(self, video_id: str) -> Reply:
        """`DELETE /videos/{videoId}`: answered 204, without a body."""
        return self._call("DELETE", f"/videos/{video_id}", empty=True)

    def get_status(self, video_id: str) -> Reply:
        """`GET /videos/{videoId}/status`: the server's own ledger of what arrived."""
        return self._call("GET", f"/videos/{video_id}/status", promised=lambda body: isinstance(body.get("ingest"), dict))

    def send_part(self, video_id: str, content_range: str, body: SizedBody) -> Reply:
        """`POST /videos/{videoId}/source` with one part (https://docs.api.video/vod/progressive-upload)."""
        return self._call(
            "POST", f"/videos/{video_id}/source", body=body, answer_timeout=max(ANSWER_TIMEOUT, self._transport.timeout),
            headers={"Content-Range": content_range, "Content-Type": body.content_type},
            promised=lambda answer: answer.get("videoId") == video_id,
        )  # fmt: skip

    def _call(
        self,
        method: str,
        path: str,
        *,
        payload: Mapping[str, object] | None = None,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
        answer_timeout: float | None = None,
        promised: Callable[[dict[str, object]], bool] = bool,
        empty: bool = False,
    ) -> Reply:
        token = self._valid_token()
        if isinstance(token, Reply):
            return token
        reply = self._transport.request(
            method, path, authorization=f"Bearer {token.bearer}", payload=payload, body=body, headers=headers,
            answer_timeout=answer_timeout, promised=promised, empty=empty,
        )  # fmt: skip
        return reply.with_token(token.serial)

    def _valid_token(self) -> _Token | Reply:
        """The present token, renewed first if it was refused or is about to expire; whoever comes second waits for the first."""
        token = self._token
        if token is not None and self._clock() < token.renew_at:
            return token
        with self._renewing:
            if self._token is not None and self._clock() < self._token.renew_at:
                return self._token
            renewed = self._renew()
            return self._token if self._token is not None and renewed.promised else renewed

    def _renew(self) -> Reply:
        """A refresh, and if anything is wrong with it a log in with the key: a refresh token is spent by a lost answer, too."""
        if self._token is not None and self._token.refresh:
            refreshed = self._new_token("/auth/refresh", {"refreshToken": self._token.refresh})
            if refreshed.promised:
                return refreshed
        return self._new_token("/auth/api-key", {"apiKey": self.key.value})

    def _new_token(self, path: str, payload: Mapping[str, object]) -> Reply:
        asked_at = self._clock()
        reply = self._transport.request("POST", path, payload=payload, promised=_is_token)
        if reply.promised and reply.body is not None:
            bearer, refresh, lives = reply.body["access_token"], reply.body.get("refresh_token"), reply.body.get("expires_in")
            seconds = float(min(lives, _LONGEST_LIFE)) if isinstance(lives, int | float) and lives > 0 else 3600.0
            self._serial += 1
            renew_at = asked_at + seconds - min(60.0, seconds / 10)
            self._token = _Token(self._serial, str(bearer), refresh if isinstance(refresh, str) else "", renew_at)
            self._transport.keep_secret(self._token.bearer, self._token.refresh)
        return reply


def _names_a_video(body: dict[str, object]) -> bool:
    return isinstance(body.get("videoId"), str) and bool(body["videoId"])


def _is_token(body: dict[str, object]) -> bool:
    """Whether there is a token that can stand in a header."""
    token = body.get("access_token")
    return isinstance(token, str) and re.fullmatch(r"[!-~]+", token) is not None
