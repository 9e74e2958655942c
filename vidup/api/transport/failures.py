"""EDGE: why no answer came, read from the errors of requests, urllib3, http.client and the socket."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from http.client import RemoteDisconnected
from typing import Final

import requests
from urllib3.exceptions import ConnectTimeoutError, LocationValueError, NewConnectionError

_TUNNEL: Final = "Tunnel connection failed: "
"""How http.client begins to tell what a proxy answered to CONNECT."""


def refused_tunnel(causes: list[BaseException]) -> str:
    """Status and reason of a proxy's answer to CONNECT that is no tunnel, or nothing; requests' own errors only quote them."""
    told = (str(cause) for cause in causes if isinstance(cause, OSError) and not isinstance(cause, requests.RequestException))
    return next((words.removeprefix(_TUNNEL) for words in told if words.startswith(_TUNNEL)), "")


def is_of_proxy_address(failed: Exception) -> bool:
    """Whether a request through a proxy failed for the proxy's own address, which is all that is looked at before it is reached."""
    if isinstance(failed, requests.exceptions.InvalidURL):  # without its request when it is the server's URL that is wrong
        return failed.request is not None or isinstance(failed, requests.exceptions.InvalidProxyURL)
    return isinstance(failed, requests.exceptions.InvalidSchema | LocationValueError | UnicodeError)


def causes_of(error: BaseException) -> Iterator[BaseException]:
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


def never_left(causes: list[BaseException]) -> bool:
    """Whether no connection came about, so that nothing of the request can have reached the server."""
    no_way = (NewConnectionError, ConnectTimeoutError, ssl.SSLError, ValueError)  # ValueError: it could not even be written
    return bool(refused_tunnel(causes)) or any(isinstance(cause, no_way) for cause in causes)


def in_words(causes: list[BaseException], host: str, timeout: float) -> str:
    """What went wrong, in a few words for a person."""
    kinds: list[tuple[type[BaseException] | tuple[type[BaseException], ...], str]] = [
        (socket.gaierror, f"the name {host} could not be resolved"),
        (ConnectionRefusedError, f"{host} refused the connection"),
        (RemoteDisconnected, f"{host} closed the connection without an answer"),  # which is also a ConnectionResetError
        ((ConnectionResetError, BrokenPipeError), f"{host} reset the connection"),
        (requests.Timeout, f"{host} did not answer in time"),
        ((LocationValueError, requests.exceptions.InvalidURL, UnicodeError), f"{host} cannot be the name of a server"),
        (TimeoutError, f"{host} took no data for {timeout:g} s"),
        (ssl.SSLError, f"the TLS connection to {host} broke"),
    ]
    for kind, words in kinds:
        if any(isinstance(cause, kind) for cause in causes):
            return words
    if refused := refused_tunnel(causes):
        return f"no way to {host}: CONNECT was answered {refused[:100]}"
    return f"the connection to {host} failed ({type(causes[-1]).__name__})"
