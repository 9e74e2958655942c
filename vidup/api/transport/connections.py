"""EDGE: what urllib3 and requests do otherwise than vidup needs: connections, their pools, adapters, sessions."""

from __future__ import annotations

import errno
import fcntl
import math
import socket
import ssl
import struct
import termios
import time
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.wait import wait_for_read

_POLL: Final = 0.25
"""Seconds between two looks at what the kernel still holds."""


class _Draining(HTTPConnection):
    """A line may die with the end of a body in the kernel's buffer, which takes megabytes: that is no wait for an answer."""

    _stall: float | None = None

    def request(self, *args: Any, **options: Any) -> None:
        self._stall = self.timeout if isinstance(self.timeout, int | float) else None  # that of a send; an answer has its own
        super().request(*args, **options)

    def getresponse(self) -> Any:
        """As urllib3's, but raises TimeoutError when the kernel gets rid of nothing for as long as a send may stall.

        What can be read is read at once: an early answer, or a TLS ticket nobody asked for, after which only the answer's time counts.
        """
        least, since = math.inf, time.monotonic()
        while self._stall and self.sock is not None and (held := _unacknowledged(self.sock)):
            if wait_for_read(self.sock, timeout=_POLL):
                break
            if held < least:
                least, since = held, time.monotonic()
            elif time.monotonic() - since > self._stall:
                raise TimeoutError(errno.ETIMEDOUT, "timed out")
        return super().getresponse()


def _unacknowledged(sock: socket.socket) -> int:
    """Bytes sent that the peer has not acknowledged; 0 where the system does not tell (it does on Linux)."""
    try:
        return struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))[0]  # type: ignore[no-any-return]
    except (OSError, ValueError):
        return 0


class _Connection(_Draining, HTTPSConnection):
    """TLS, where readable does not mean closed, and where an early answer must be looked for."""

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


class PlainConnection(_Draining):
    """The timeout counts anew with every stretch the kernel takes; a sendall would have it bound a whole block."""

    def send(self, data: Any) -> None:
        if self.sock is None or not isinstance(data, bytes | memoryview):
            super().send(data)
            return
        left = memoryview(data)
        while left:
            left = left[self.sock.send(left) :]


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
    ConnectionCls = PlainConnection


class _Pool(_EarlyPool, HTTPSConnectionPool):
    ConnectionCls = _Connection


_POOLS: Final = {"http": _PlainPool, "https": _Pool}


class Session(requests.Session):
    """Redirects are shown, not followed; requests would still parse where one points, and fall over a hostile address."""

    def resolve_redirects(self, *_args: Any, **_options: Any) -> Any:
        return iter(())


class Adapter(HTTPAdapter):
    """One connection, no retries of its own, and one trust store for all adapters and proxies: parsing it costs 20 ms each time."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def open_early(self, request: requests.PreparedRequest, timeout: float) -> None:
        """Connect as this request would, within `timeout` seconds; raises what connecting raises."""
        pool = self.get_connection_with_tls_context(request, verify=True)
        if isinstance(pool, _EarlyPool):
            pool.open_early(timeout)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        if proxy.lower().startswith("https:"):
            options["proxy_ssl_context"] = self._context
        manager = super().proxy_manager_for(proxy, ssl_context=self._context, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"  # the context holds the certificates; requests would load its own on top
