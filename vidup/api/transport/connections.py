"""EDGE: what urllib3 and requests do otherwise than vidup needs: connections, their pools, adapters, sessions."""

from __future__ import annotations

import errno
import ssl
from collections.abc import Sequence
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from vidup.api.transport.listening import Listening


class _Connection(Listening, HTTPSConnection):
    """TLS, where readable does not mean closed, and where the end of the line hides an answer that came before it."""

    @property
    def is_connected(self) -> bool:
        """Whether the peer still listens: a session ticket sent after the handshake is no end, though urllib3 takes it for one."""
        if self.sock is None or super().is_connected:
            return self.sock is not None
        timeout = self.sock.gettimeout()
        try:
            self.sock.settimeout(0)
            self.sock.recv(1)
        except ssl.SSLWantReadError:
            return True
        except OSError:
            return False
        finally:
            self.sock.settimeout(timeout)
        return False

    def send(self, data: Any) -> None:
        """Over TLS on Python 3.11 an answer sent before the body's end is hidden behind an SSLEOFError (cpython 115627).

        Turned into the BrokenPipeError that plain connections raise, it makes urllib3 read the answer.
        """
        try:
            super().send(data)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as closed:
            raise BrokenPipeError(errno.EPIPE, "closed by the peer while the body was being sent") from closed


class _EarlyPool(HTTPConnectionPool):
    def open_early(self, timeout: float) -> None:
        """Connect, within `timeout` seconds, before there is anything to send; raises what connecting raises."""
        connection = self._get_conn()
        connection.timeout = timeout
        try:
            if connection.is_closed:
                connection.connect()
        except BaseException:
            connection.close()
            raise
        finally:
            self._put_conn(connection)


class _PlainPool(_EarlyPool):
    ConnectionCls = Listening


class _Pool(_EarlyPool, HTTPSConnectionPool):
    ConnectionCls = _Connection


_POOLS: Final = {"http": _PlainPool, "https": _Pool}


class Session(requests.Session):
    """What the session has and what is asked for are put side by side: to merge them as requests does takes as long as all the rest.

    Redirects are shown, not followed; requests would still parse where one points, and fall over a hostile address.
    """

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        prepared = requests.PreparedRequest()
        prepared.prepare(
            method=request.method, url=request.url, headers={**self.headers, **(request.headers or {})}, data=request.data,
            json=request.json, auth=request.auth, cookies=self.cookies,
        )  # fmt: skip
        return prepared

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> dict[str, Any]:
        return {"proxies": self.proxies, "stream": stream, "verify": self.verify, "cert": self.cert}

    def resolve_redirects(self, *_args: Any, **_options: Any) -> Any:
        return iter(())


class Adapter(HTTPAdapter):
    """One connection, no retries of its own, and one trust store for all adapters and proxies: parsing it costs 20 ms each time."""

    def __init__(self, context: ssl.SSLContext | None, options: Sequence[tuple[int, int, int]]) -> None:
        """`options` are set on every socket before it connects, as `setsockopt` wants them."""
        self._context = context
        self._options = options
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, socket_options=self._options, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def open_early(self, request: requests.PreparedRequest, timeout: float) -> None:
        """Connect as this request would, within `timeout` seconds; raises what connecting raises."""
        pool = self.get_connection_with_tls_context(request, verify=True)
        if isinstance(pool, _EarlyPool):
            pool.open_early(timeout)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        if proxy.lower().startswith("https:"):
            options["proxy_ssl_context"] = self._context
        manager = super().proxy_manager_for(proxy, ssl_context=self._context, socket_options=self._options, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"  # the context holds the certificates; requests would load its own on top
