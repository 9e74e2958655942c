"""EDGE: HTTP, and the only room that knows `requests`: one request out, one `Reply` back, whatever happened on the way."""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any, Final, Protocol, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.utils import get_environ_proxies
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from vidup.trust import trust_store
from vidup.verdicts import Problem, RateLimit, Reply, slug_of

ERROR_BODY_LIMIT: Final = 64 * 1024
"""Bytes read of an error's body; whatever stands in between may send any amount."""

_BODY_LIMIT: Final = 4 * 1024 * 1024
"""Bytes read of a good answer: the status of 10,000 parts takes some 70 KB."""

Trace = Callable[[str], None]
"""Told one line about every request that is over; nothing secret is in it."""


class Body(Protocol):
    """A sized stream; `all_out` tells whether its last byte was handed to the socket."""

    all_out: bool

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[bytes | memoryview]: ...


class _Connection(HTTPSConnection):
    """Over TLS on Python 3.11 an answer sent before the body's end is hidden behind an SSLEOFError (cpython 115627).

    Turned into the BrokenPipeError that plain connections raise, it makes urllib3 read the answer.
    """

    def send(self, data: Any) -> None:
        try:
            super().send(data)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as closed:
            raise BrokenPipeError(errno.EPIPE, "closed by the peer while the body was being sent") from closed


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Connection


_POOLS: Final = {"http": HTTPConnectionPool, "https": _Pool}


class _Adapter(HTTPAdapter):
    """One connection, no retries of its own, and one trust store for all adapters: parsing it costs 20 ms each time."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, ssl_context=self._context, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"  # the context holds the certificates; requests would load its own on top


class _Authorization(AuthBase):
    """Set last, so that neither a .netrc nor a password in a URL can replace it."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.pop("Authorization", None)
        if self._value:
            request.headers["Authorization"] = self._value
        return request


def mask_url(url: str) -> str:
    """A URL as it may be shown: a password, and a lone user that may be a token, become ***."""
    return re.sub(r"(?<=://)[^/@\s]*@", "***@", url)


class Transport:
    """Requests to one base URL. Sessions belong to the thread that uses them, so each worker keeps one connection."""

    def __init__(self, base_url: str, *, timeout: float, client: str, trace: Trace | None = None) -> None:
        """`timeout` in seconds bounds a connect and every block sent; proxies and trust are taken from the environment once."""
        self.base_url = base_url.rstrip("/")
        self.timeout = timeout
        self._trace = trace
        self._headers = {"User-Agent": client.replace(":", "/"), "AV-Origin-Client": client, "Accept": "application/json"}
        self._proxies: dict[str, str] = {k: v for k, v in get_environ_proxies(self.base_url).items() if v}
        self._context = trust_store(os.environ) if self.base_url.startswith("https") or self._proxies else None
        self._threads = threading.local()
        self._secrets: set[str] = set()

    @property
    def proxy(self) -> str:
        """The proxy that requests go through, its password masked, or nothing."""
        chosen = self._proxies.get(urlsplit(self.base_url).scheme) or self._proxies.get("all", "")
        return mask_url(chosen)

    def keep_secret(self, *values: str) -> None:
        """These values are struck out of everything a server or proxy says."""
        self._secrets.update(value for value in values if len(value) >= 4)

    def scrub(self, text: str) -> str:
        """The text without secrets and without passwords in URLs."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return mask_url(text)

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
    ) -> Reply:
        """Send one request and reduce whatever comes back to a Reply; `promised` says whether a 2xx body is the one expected.

        `answer_timeout` (seconds, default the timeout) bounds each wait for bytes of the answer once the body is out.
        Raises only what the body itself raises: a changed file, a stop.
        """
        began = time.monotonic()
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
                reply = self._reply(response, promised)
        except requests.RequestException as failed:
            reply = self._failure(failed, body)
        if self._trace is not None:
            kind = "upload" if body is not None else "read" if method == "GET" else "write"
            what = " ".join(words for words in (method, path.partition("?")[0], (headers or {}).get("Content-Range", "")) if words)
            self._trace(self.scrub(f"{what}: {reply.status or reply.failure} in {time.monotonic() - began:.2f} s ({kind})"))
        return reply

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            session.proxies = dict(self._proxies)
            session.headers.update(self._headers)
            session.mount("https://", _Adapter(self._context))
            session.mount("http://", _Adapter(self._context))
            self._threads.session = session
        return session

    def _reply(self, response: requests.Response, promised: Callable[[dict[str, object]], bool]) -> Reply:
        good = 200 <= response.status_code < 300
        raw = _read(response, _BODY_LIMIT if good else ERROR_BODY_LIMIT)
        body = _json_object(raw)
        head = response.headers
        reply = Reply(
            status=response.status_code,
            promised=response.status_code == 204 or (good and body is not None and promised(body)),
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
        return reply if good else self._error(reply, raw, body)

    def _error(self, reply: Reply, raw: bytes, body: dict[str, object] | None) -> Reply:
        if body is None:
            words = re.sub(r"(?is)<(head|script|style)\b.*?</\1>|<[^>]*>", " ", raw[:4096].decode("utf-8", "replace"))
            return replace(reply, text=self.scrub(" ".join(words.split()))[:300])
        entries = body.get("problems")
        problems = tuple(
            Problem(self._text(entry, "name"), self._text(entry, "title"))
            for entry in (entries if isinstance(entries, list) else [])
            if isinstance(entry, dict)
        )
        return replace(
            reply,
            slug=slug_of(self._text(body, "type")),
            title=self._text(body, "title"),
            detail=self._text(body, "detail"),
            name=self._text(body, "name"),
            problems=problems,
        )

    def _text(self, entry: Mapping[str, object], key: str) -> str:
        value = entry.get(key)
        return self.scrub(value) if isinstance(value, str) else ""

    def _failure(self, failed: requests.RequestException, body: Body | None) -> Reply:
        causes = list(_causes(failed))
        untrusted = next((cause for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)), None)
        if untrusted is not None:
            return Reply(failure="certificate-not-trusted", text=self.scrub(untrusted.verify_message))
        if any("407" in str(cause) for cause in causes if isinstance(cause, OSError)) and self._proxies:
            return Reply(failure="proxy-wants-password", text=f"the proxy {self.proxy} answered 407")
        words = self.scrub(_words(causes, urlsplit(self.base_url).netloc.rpartition("@")[2], self.timeout))
        if isinstance(failed, requests.exceptions.ProxyError):
            words = f"{words} (through the proxy {self.proxy})"
        return Reply(failure="answer-lost" if body is not None and body.all_out else "no-answer", text=words)


def _read(response: requests.Response, limit: int) -> bytes:
    """At most `limit` bytes of the body; a body cut short is worth what came of it, which is nothing."""
    try:
        raw: bytes = response.raw.read(limit, decode_content=True)
        if len(raw) == limit:
            response.close()  # what is left is not worth reading, and would stand before the next answer
        return raw
    except (HTTPError, OSError, ValueError):
        response.close()
        return b""


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


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything it was made from, outermost first."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [getattr(cause, "reason", None), *cause.args, cause.__cause__, cause.__context__]


def _words(causes: list[BaseException], host: str, timeout: float) -> str:
    """What went wrong, in a few words for a person."""
    kinds: list[tuple[type[BaseException] | tuple[type[BaseException], ...], str]] = [
        (socket.gaierror, f"the name {host} could not be resolved"),
        (ConnectionRefusedError, f"{host} refused the connection"),
        ((ConnectionResetError, BrokenPipeError), f"{host} reset the connection"),
        (requests.Timeout, f"{host} did not answer in time"),
        (TimeoutError, f"{host} took no data for {timeout:g} s"),
        (ssl.SSLError, f"the TLS connection to {host} broke"),
    ]
    for kind, words in kinds:
        if any(isinstance(cause, kind) for cause in causes):
            return words
    if any(type(cause).__name__ == "RemoteDisconnected" for cause in causes):
        return f"{host} closed the connection without an answer"
    return f"the connection to {host} failed ({type(causes[-1]).__name__})"
