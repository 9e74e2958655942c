"""EDGE: HTTP, and the only room that knows `requests`: one request out, one `Reply` back, whatever happened on the way."""

from __future__ import annotations

import contextlib
import json
import os
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final, Protocol, cast
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from requests.utils import get_environ_proxies
from urllib3.exceptions import HTTPError

from vidup.api.transport.connections import Adapter, Session
from vidup.api.transport.failures import (
    causes_of,
    distrust,
    foreign_401,
    in_words,
    is_of_proxy_address,
    never_left,
    refused_tunnel,
    tunnel_row,
)
from vidup.api.transport.kernel import socket_options
from vidup.api.transport.listening import hang_up
from vidup.api.transport.pages import page_words
from vidup.api.transport.striking import Secrets, mask_proxy, userinfo
from vidup.api.trust import trust_source, trust_store
from vidup.verdicts.judge import Problem, RateLimit, Reply, slug_of

ERROR_BODY_LIMIT: Final = 64 * 1024
"""Bytes read of an error's body; whatever stands in between may send any amount."""

_BODY_LIMIT: Final = 4 * 1024 * 1024
"""Bytes read of a good answer: the status of 10,000 parts takes some 70 KB."""

_STATUS_TELLS: Final = frozenset({401, 407, 408, 413, 425, 429})
"""4xx answers that say enough without a body; whoever refuses a request early often resets the line behind the answer."""

_EARLY: Final = 5.0
"""Seconds for a connection that is opened before it is needed; a dead server is to be told of by a request, and without delay."""

Trace = Callable[[str], None]
"""Told one line about every request that is over; nothing secret is in it."""


class Body(Protocol):
    """A sized stream that starts anew with every iteration; `all_out` tells whether its last byte was handed to the socket."""

    all_out: bool

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[bytes | memoryview]: ...

    def moved(self, taken: int) -> None:
        """Called by the sending thread: the kernel took so many bytes (> 0), or the peer acknowledged some while none were taken (0)."""


class _Authorization(AuthBase):
    """Set last, so that neither a .netrc nor a password in a URL can replace it."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.pop("Authorization", None)
        if self._value:
            request.headers["Authorization"] = self._value
        return request


class Transport:
    """Requests to one base URL. Sessions belong to the thread that uses them, so each worker keeps one connection."""

    def __init__(self, base_url: str, *, timeout: float, client: str, trace: Trace | None = None, buffer: int | None = None) -> None:
        """`timeout` in seconds bounds a connect and every block sent; proxies and trust are taken from the environment once.

        `buffer`: bytes that the kernel is to hold for a connection at most.
        """
        self.base_url = base_url.rstrip("/")
        self.timeout = timeout
        self._host = urlsplit(self.base_url).netloc.rpartition("@")[2]
        self._trace = trace
        self._socket_options = socket_options(buffer)
        self._headers = {"User-Agent": client.replace(":", "/"), "AV-Origin-Client": client, "Accept": "application/json"}
        self._proxies: dict[str, str] = {k: v for k, v in get_environ_proxies(self.base_url).items() if v}
        self._context = trust_store(os.environ) if self.base_url.startswith("https") or self._proxies else None
        self._threads = threading.local()
        self._secrets = Secrets()
        for proxy in self._proxies.values():
            self._secrets.keep_proxy(proxy)

    @property
    def proxy(self) -> str:
        """The proxy that requests go through, its password masked, or nothing."""
        return mask_proxy(self._chosen_proxy)

    @property
    def _chosen_proxy(self) -> str:
        return self._proxies.get(urlsplit(self.base_url).scheme) or self._proxies.get("all", "")

    def keep_secret(self, *values: str) -> None:
        """These values are struck out of everything a server or proxy says."""
        self._secrets.keep(*values)

    def scrub(self, text: str) -> str:
        """The text without secrets and without passwords in URLs."""
        return self._secrets.scrub(text)

    def request(
        self,
        method: str,
        path: str,
        *,
        authorization: str = "",
        payload: Mapping[str, object] | None = None,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
        answer_timeout: float | None = None,
        promised: Callable[[dict[str, object]], bool] = bool,
        empty: bool = False,
    ) -> Reply:
        """Send one request and reduce whatever comes back to a Reply; `promised` says whether a 2xx body is the one expected.

        `empty` says that a 2xx without a body is promised, too; for whoever was promised words, a 204 is a broken answer.

        `answer_timeout` (seconds, default the timeout) bounds each wait for the answer once the body is out, and the whole of its body.
        Good bodies come without secrets, but for the tokens of `/auth/`. Raises only what the body raises: a changed file, a stop.
        """
        began, left = time.monotonic(), True
        try:
            with self._session().request(
                method,
                self.base_url + path,
                json=cast(Any, payload),
                data=cast(Any, body),  # requests' types know no sized iterable of views
                headers=headers,
                auth=_Authorization(authorization),
                timeout=(self.timeout, answer_timeout or self.timeout),
                allow_redirects=False,
                stream=True,
            ) as response:
                reply = self._reply(response, promised, empty, answer_timeout or self.timeout, body)
        except (requests.RequestException, HTTPError, ValueError) as failed:
            reply, left = self._failure(failed, body), not never_left(list(causes_of(failed)))
        if reply.failure == "no-answer" and payload is not None and left:
            reply = reply._replace(failure="answer-lost")  # the server may have done what it was asked for
        if reply.body is not None and not path.startswith("/auth/"):
            self._secrets.strike(reply.body)
        if self._trace is not None:
            kind = "upload" if body is not None else "read" if method == "GET" else "write"
            what = " ".join(words for words in (method, path.partition("?")[0], (headers or {}).get("Content-Range", "")) if words)
            self._trace(self.scrub(f"{what}: {reply.status or reply.failure} in {time.monotonic() - began:.2f} s ({kind})"))
        return reply

    def hang_up(self, thread: int) -> None:
        """End that thread's wait for an answer, if it waits for one: it goes on as if the peer had hung up."""
        hang_up(thread)

    def connect(self) -> None:
        """Open this thread's connection ahead of its first request, which finds out whatever goes wrong.

        Over TLS and without a proxy only: elsewhere it saves a single round trip, and a server that takes one connection after the
        other, as mocks do, would wait for a request on the wrong one.
        """
        if self.proxy or not self.base_url.startswith("https:"):
            return
        session = self._session()
        with contextlib.suppress(requests.RequestException, HTTPError, OSError, ValueError):
            request = session.prepare_request(requests.Request("GET", self.base_url))
            adapter = cast(Adapter, session.get_adapter(self.base_url))
            adapter.open_early(request, min(self.timeout, _EARLY))

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = Session()
            session.trust_env = False
            session.proxies = dict(self._proxies)
            session.headers.update(self._headers)
            session.mount("https://", Adapter(self._context, self._socket_options))
            session.mount("http://", Adapter(self._context, self._socket_options))
            self._threads.session = session
        return session

    def _reply(
        self, response: requests.Response, promised: Callable[[dict[str, object]], bool], empty: bool, seconds: float, sent: Body | None
    ) -> Reply:
        good = 200 <= response.status_code < 300
        raw, whole = _read(response, _BODY_LIMIT if good else ERROR_BODY_LIMIT, seconds)
        body = _json_object(raw)
        if not whole and body is None and 400 <= response.status_code < 500 and response.status_code not in _STATUS_TELLS:
            return _unanswered(sent, f"{self._host} broke off in the middle of its answer {response.status_code}")
        head = response.headers
        reply = Reply(
            status=response.status_code,
            promised=good and (promised(body) if body is not None else empty and whole and not raw),
            body=body if good else None,
            location=self.scrub(head.get("Location", "")),
            date=_moment(head.get("Date", "")),
            retry_after=_wait_asked(response.status_code, head),
            rate=RateLimit(
                limit=_count(head.get("X-RateLimit-Limit")),
                remaining=_count(head.get("X-RateLimit-Remaining")),
                reset_after=_seconds(head.get("X-RateLimit-Retry-After")),
            ),
        )
        if good:
            words = "" if body is not None else page_words(raw, self.scrub).partition("{")[0]  # not the token in a torn object
            return reply._replace(text=words)
        if response.status_code == 401:
            read_by_proxy = bool(self.proxy) and self.base_url.startswith("http:")
            reply = reply._replace(failure=foreign_401(raw, head.get("WWW-Authenticate", ""), read_by_proxy))
        reply = self._error(reply, raw, body)
        if self.proxy and (reply.status == 407 or reply.failure == "proxy-wants-password"):
            reply = reply._replace(problems=(*reply.problems, Problem("", f"it is the proxy {self.proxy} that answered")))
        return reply

    def _error(self, reply: Reply, raw: bytes, body: dict[str, object] | None) -> Reply:
        if body is None:
            return reply._replace(text=page_words(raw, self.scrub))
        entries = body.get("problems")
        problems = tuple(
            Problem(self._text(entry, "name"), self._text(entry, "title"), self._text(entry, "detail"))
            for entry in (entries if isinstance(entries, list) else [])
            if isinstance(entry, dict)
        )
        return reply._replace(
            slug=slug_of(self._text(body, "type")),
            title=self._text(body, "title"),
            detail=self._text(body, "detail"),
            name=self._text(body, "name"),
            problems=problems,
        )

    def _text(self, entry: Mapping[str, object], key: str) -> str:
        value = entry.get(key)
        return self.scrub(value) if isinstance(value, str) else ""

    def _failure(self, failed: Exception, body: Body | None) -> Reply:
        causes = list(causes_of(failed))
        of_proxy = isinstance(failed, requests.exceptions.ProxyError)  # what failed before the proxy had let us through
        whose = f"the proxy {self.proxy}" if of_proxy else self._host
        untrusted = next((cause for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)), None)
        if untrusted is not None:
            slug, words = distrust(untrusted, whose, trust_source(os.environ))
            return Reply(failure=slug, text=self.scrub(words))
        if refused := refused_tunnel(causes):
            words = self.scrub(f"no way to {self._host}: the proxy {self.proxy} answered CONNECT with {refused[:100]}")
            return Reply(failure=tunnel_row(refused), text=words)
        if self.proxy and is_of_proxy_address(failed):
            return Reply(failure="proxy-unusable", text=f"the proxy {self.proxy}{self._said_of_proxy(failed)}")
        words = self.scrub(in_words(causes, whose, self.timeout))
        return _unanswered(body, f"{words} (through the proxy {self.proxy})" if self.proxy and not of_proxy else words)

    def _said_of_proxy(self, failed: Exception) -> str:
        """What a parser says of the proxy's address, unless it quotes a piece of the password that it took for something else."""
        words = str(failed)
        pieces = re.split(r"[:/?#@\[\]]", userinfo(self._chosen_proxy))
        return "" if any(piece and piece in words for piece in pieces) else f": {self.scrub(words)}"


def _unanswered(body: Body | None, words: str) -> Reply:
    return Reply(failure="answer-lost" if body is not None and body.all_out else "no-answer", text=words)


def _read(response: requests.Response, limit: int, seconds: float) -> tuple[bytes, bool]:
    """At most `limit` bytes of the body, and whether that is all one wants; a body that takes longer than `seconds` is cut short."""
    raw, deadline = b"", time.monotonic() + seconds
    try:
        while len(raw) < limit:
            piece: bytes = response.raw.read1(limit - len(raw), decode_content=True)
            if not piece:
                return raw, True
            raw += piece
            if time.monotonic() > deadline:
                break
    except (HTTPError, OSError, ValueError):
        pass
    response.close()  # what is left is not worth reading, and would stand before the next answer
    return raw, len(raw) >= limit


def _json_object(raw: bytes) -> dict[str, object] | None:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"\d{1,9}", text.strip()) else None


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text.strip()) else None


def _wait_asked(status: int, head: Mapping[str, str]) -> float | None:
    """Seconds the server asks to wait: every answer tells when its rate window resets, but only a 429 means that one must."""
    asked = _seconds(head.get("X-RateLimit-Retry-After")) if status == 429 else None
    if asked is not None:
        return asked
    text = head.get("Retry-After", "")
    moment = _moment(text)
    return _seconds(text) if moment is None else max(0.0, moment - time.time())


def _moment(text: str) -> float | None:
    """Seconds since 1970 of a date as HTTP writes it."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
