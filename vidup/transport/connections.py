"""EDGE: what urllib3 and requests do otherwise than vidup needs: connections, their pools, adapters, sessions."""

from __future__ import annotations

import errno
import ssl
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class _Connection(HTTPSConnection):
    """Over TLS on Python 3.11 an answer sent before the body's end is hidden behind an SSLEOFError (cpython 115627).

    Turned into the BrokenPipeError that plain connections raise, it makes urllib3 read the answer.
    """

    def send(self, data: Any) -> None:
        try:
            super().send(data)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as closed:
            raise BrokenPipeError(errno.EPIPE, "closed by the peer while the body was being sent") from closed


class PlainConnection(HTTPConnection):
    """The timeout counts anew with every stretch the kernel takes; a sendall would have it bound a whole block."""

    def send(self, data: Any) -> None:
        if self.sock is None or not isinstance(data, bytes | memoryview):
            super().send(data)
            return
        left = memoryview(data)
        while left:
            left = left[self.sock.send(left) :]


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Connection


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = PlainConnection


_POOLS: Final = {"http": _PlainPool, "https": _Pool}


class Session(requests.Session):
    """Redirects are shown, not followed; requests would still parse where one points, and fall over a hostile address."""

    def resolve_redirects(self, *_args: Any, **_options: Any) -> Any:
        return iter(())


class Adapter(HTTPAdapter):
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
