"""EDGE: why no answer came, or not the server's, read from the errors of requests, urllib3, http.client and the socket."""

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

_TUNNEL_REFUSED: Final = {"401": "proxy-wants-password", "403": "proxy-refuses", "407": "proxy-wants-password"}
"""The rows of answers to CONNECT that stay the same however often one asks; some proxies say 401 where they should say 407."""

_BAD_CERTIFICATE: Final = {
    9: "certificate-out-of-date",  # X509_V_ERR_CERT_NOT_YET_VALID
    10: "certificate-out-of-date",  # X509_V_ERR_CERT_HAS_EXPIRED
    62: "certificate-for-another-name",  # X509_V_ERR_HOSTNAME_MISMATCH
    64: "certificate-for-another-name",  # X509_V_ERR_IP_ADDRESS_MISMATCH
}
"""The rows of certificates that no CA bundle would make good, by OpenSSL's number for what is wrong with them."""


def refused_tunnel(causes: list[BaseException]) -> str:
    """Status and reason of a proxy's answer to CONNECT that is no tunnel, or nothing; requests' own errors only quote them."""
    told = (str(cause) for cause in causes if isinstance(cause, OSError) and not isinstance(cause, requests.RequestException))
    return next((words.removeprefix(_TUNNEL) for words in told if words.startswith(_TUNNEL)), "")


def tunnel_row(refused: str) -> str:
    """The slug of the row for such an answer."""
    return _TUNNEL_REFUSED.get(refused[:3], "no-answer")


def foreign_401(raw: bytes, challenge: str, read_by_proxy: bool) -> str:
    """The slug of the row for a 401 with this body, if it is somebody else's and clear whose: a proxy's, or a box's with a password."""
    if not raw.strip() or raw.lstrip().startswith(b"{"):  # the API's own, perhaps torn
        return ""
    if read_by_proxy:
        return "proxy-wants-password"
    return "page-wants-password" if challenge.lower().startswith("basic") else ""


def distrust(untrusted: ssl.SSLCertVerificationError, whose: str, trusted: str) -> tuple[str, str]:
    """The slug of the row for a certificate that was not accepted, and why, in words; `trusted` says by whose certificates."""
    slug = _BAD_CERTIFICATE.get(untrusted.verify_code, "certificate-not-trusted")
    if slug == "certificate-not-trusted":
        return slug, f"the certificate of {whose} is not trusted: {untrusted.verify_message} (trusted: {trusted})"
    return slug, f"the certificate of {whose} cannot be accepted: {untrusted.verify_message}"


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
    """What went wrong, in a few words for a person; `host` is whoever was spoken to, a server or a proxy."""
    kinds: list[tuple[type[BaseException] | tuple[type[BaseException], ...], str]] = [
        (socket.gaierror, f"{host} could not be resolved to an address"),
        (ConnectionRefusedError, f"{host} refused the connection"),
        (RemoteDisconnected, f"{host} closed the connection without an answer"),  # which is also a ConnectionResetError
        ((ConnectionResetError, BrokenPipeError), f"{host} reset the connection"),
        ((requests.Timeout, ConnectTimeoutError), f"{host} did not answer in time"),
        ((LocationValueError, requests.exceptions.InvalidURL, UnicodeError), f"{host} cannot be the name of a server"),
        (TimeoutError, f"{host} took no data for {timeout:g} s"),
        (ssl.SSLError, f"the TLS connection to {host} broke"),
    ]
    for kind, words in kinds:
        if any(isinstance(cause, kind) for cause in causes):
            return words
    return f"the connection to {host} failed ({type(causes[-1]).__name__})"
