"""EDGE: the verbs of the api.video API that vidup speaks, each one request and what its answer must hold to be good."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol
from urllib.parse import quote, urlencode

from vidup import __version__
from vidup.api.credentials import ApiKey, Token, is_token, is_word
from vidup.api.transport.transport import Body, Trace, Transport
from vidup.verdicts.judge import Reply

ANSWER_TIMEOUT: Final = 300.0
"""Seconds given to the answer after the last byte of a part: the server answers once it has stored the part."""


class SizedBody(Body, Protocol):
    """A body that also knows its Content-Type, with the boundary."""

    content_type: str


class Api:
    """The verbs, from any thread. They make one request each, and decide nothing about what comes back."""

    def __init__(
        self, base_url: str, key: ApiKey, *, timeout: float, trace: Trace | None = None, buffer: int | None = None
    ) -> None:  # fmt: skip
        """`timeout` in seconds: no byte accepted, or no answer, for so long is a failure. `trace` hears of every request. `buffer`: bytes
        that the kernel is to hold for a connection at most, None for as many as it likes."""
        self.key = key
        self.base_url = base_url.rstrip("/")
        self._transport = Transport(base_url, timeout=timeout, client=f"vidup:{__version__}", trace=trace, buffer=buffer)
        self._transport.keep_secret(key.value, quote(key.value, safe=""))

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

    def hang_up(self, thread: int) -> None:
        """Close the connection on which that thread waits for an answer, if it does: the wait ends there and then."""
        self._transport.hang_up(thread)

    def log_in(self) -> Reply:
        """Get a token for the key: `POST /auth/api-key` (https://docs.api.video/reference/authentication-guide)."""
        return self._new_token("/auth/api-key", {"apiKey": self.key.value})

    def refresh(self, token: Token) -> Reply:
        """Get the next token: `POST /auth/refresh` (same page). A lost answer spends the refresh token, too."""
        return self._new_token("/auth/refresh", {"refreshToken": token.refresh})

    def create_video(self, token: Token, payload: Mapping[str, object]) -> Reply:
        """`POST /videos`: a new container. It has no idempotency key, so a lost answer may leave an empty one behind."""
        return self._call("POST", "/videos", token, payload=payload, promised=_names_a_video)

    def find_videos(self, token: Token, query: Mapping[str, object]) -> Reply:
        """`GET /videos`: a page of the account's videos. Whether its filters match exactly is not documented: compare the values."""
        path = f"/videos?{urlencode({name: str(value) for name, value in query.items()})}"
        return self._call("GET", path, token, promised=lambda body: isinstance(body.get("data"), list))

    def get_video(self, token: Token, video_id: str) -> Reply:
        """`GET /videos/{videoId}`: title, metadata, assets."""
        return self._call("GET", f"/videos/{video_id}", token, promised=_names_a_video)

    def delete_video(self, token: Token, video_id: str) -> Reply:
        """`DELETE /videos/{videoId}`: answered 204, without a body."""
        return self._call("DELETE", f"/videos/{video_id}", token, empty=True)

    def get_status(self, token: Token, video_id: str) -> Reply:
        """`GET /videos/{videoId}/status`: the server's own ledger of what arrived."""
        return self._call("GET", f"/videos/{video_id}/status", token, promised=lambda body: isinstance(body.get("ingest"), dict))

    def send_part(self, token: Token, video_id: str, content_range: str, body: SizedBody) -> Reply:
        """`POST /videos/{videoId}/source` with one part (https://docs.api.video/vod/progressive-upload)."""
        return self._call(
            "POST", f"/videos/{video_id}/source", token, body=body, answer_timeout=max(ANSWER_TIMEOUT, self._transport.timeout),
            headers={"Content-Range": content_range, "Content-Type": body.content_type},
            promised=lambda answer: answer.get("videoId") == video_id,
        )  # fmt: skip

    def send_part_by_token(self, video_id: str, content_range: str, body: SizedBody) -> Reply:
        """`POST /upload?token=…` with one part, and no Authorization (https://docs.api.video/vod/delegated-upload-tokens).

        `video_id` is empty for part 1, whose answer names the video; the body of every other holds it as a field.
        """
        return self._transport.request(
            "POST", f"/upload?token={quote(self.key.value, safe='')}", body=body,
            answer_timeout=max(ANSWER_TIMEOUT, self._transport.timeout),
            headers={"Content-Range": content_range, "Content-Type": body.content_type},
            promised=lambda answer: _names_a_video(answer) and video_id in ("", answer["videoId"]),
        )  # fmt: skip

    def create_token(self, token: Token, ttl: int) -> Reply:
        """`POST /upload-tokens`: a token that lives `ttl` seconds, 0 for ever (https://docs.api.video/reference/api/Upload-Tokens)."""
        return self._call("POST", "/upload-tokens", token, payload={"ttl": ttl}, promised=lambda body: is_word(body.get("token")))

    def list_tokens(self, token: Token, query: Mapping[str, object]) -> Reply:
        """`GET /upload-tokens`: a page of the project's tokens."""
        path = f"/upload-tokens?{urlencode({name: str(value) for name, value in query.items()})}"
        return self._call("GET", path, token, promised=lambda body: isinstance(body.get("data"), list))

    def delete_token(self, token: Token, upload_token: str) -> Reply:
        """`DELETE /upload-tokens/{token}`: answered 204, without a body."""
        self._transport.keep_secret(upload_token, quote(upload_token, safe=""))
        return self._call("DELETE", f"/upload-tokens/{quote(upload_token, safe='')}", token, empty=True)

    def _call(
        self,
        method: str,
        path: str,
        token: Token,
        *,
        payload: Mapping[str, object] | None = None,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
        answer_timeout: float | None = None,
        promised: Callable[[dict[str, object]], bool] = bool,
        empty: bool = False,
    ) -> Reply:
        return self._transport.request(
            method, path, authorization=f"Bearer {token.bearer}", payload=payload, body=body, headers=headers,
            answer_timeout=answer_timeout, promised=promised, empty=empty,
        )  # fmt: skip

    def _new_token(self, path: str, payload: Mapping[str, object]) -> Reply:
        reply = self._transport.request("POST", path, payload=payload, promised=is_token)
        if reply.promised and reply.body is not None:
            refresh = reply.body.get("refresh_token")
            self._transport.keep_secret(str(reply.body["access_token"]), refresh if isinstance(refresh, str) else "")
        return reply


def _names_a_video(body: dict[str, object]) -> bool:
    return isinstance(body.get("videoId"), str) and bool(body["videoId"])
