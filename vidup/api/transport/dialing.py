"""EDGE: how a connection comes about where a name has several addresses: none of them may hold up the others (RFC 8305)."""

from __future__ import annotations

import math
import os
import select
import socket
import time
from collections.abc import Sequence
from contextlib import closing
from errno import EADDRNOTAVAIL, EINPROGRESS, ETIMEDOUT
from itertools import chain, zip_longest
from typing import Any, Final

from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, LocationParseError, NameResolutionError, NewConnectionError

HEAD_START: Final = 0.25
"""Seconds that an address is alone before the next one is tried beside it: what RFC 8305 recommends."""

_Address = tuple[Any, ...]
"""What getaddrinfo tells of one: family, kind, protocol, name, and where."""

_answered: dict[tuple[str, int], object] = {}
"""Where each host was last reached, by any thread: the next connection goes there first."""


class Dialing(HTTPConnection):
    """urllib3's connection, which would give an address that swallows packets the whole timeout before it tries the next, each time."""

    def _new_conn(self) -> socket.socket:
        try:
            return dial(self._dns_host, self.port, seconds(self.timeout), self.socket_options or ())
        except socket.gaierror as unknown:
            raise NameResolutionError(self.host, self, unknown) from unknown
        except TimeoutError as late:
            raise ConnectTimeoutError(self, f"Connection to {self.host} timed out") from late
        except OSError as failed:
            raise NewConnectionError(self, f"Failed to establish a new connection: {failed}") from failed


def dial(host: str, port: int, timeout: float, options: Sequence[tuple[Any, ...]] = ()) -> socket.socket:
    """A socket connected to one of the host's addresses, within `timeout` seconds for the last of them.

    Raises LocationParseError for what can be no name, and OSError: gaierror for a name without an address, TimeoutError while an
    address might still answer, else the last refusal.
    """
    addresses = _addresses(host.strip("[]"), port)
    with closing(_Race(options)) as race:
        for address in addresses:
            race.enter(address)
            if won := race.won_within(timeout if address is addresses[-1] else min(HEAD_START, timeout)):
                sock, _answered[host, port] = won
                sock.settimeout(None if math.isinf(timeout) else timeout)
                return sock
        raise race.lost


def _addresses(host: str, port: int) -> list[_Address]:
    """The host's addresses as the system sorts them, but families by turns, and first of all the one that answered before."""
    try:
        host.encode("idna")
    except UnicodeError:
        raise LocationParseError(f"'{host}', label empty or too long") from None
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    families = [[entry for entry in found if entry[0] == family] for family in dict.fromkeys(entry[0] for entry in found)]
    by_turns = [entry for entry in chain.from_iterable(zip_longest(*families)) if entry is not None]
    return sorted(by_turns, key=lambda entry: entry[4] != _answered.get((host, port)))


class _Race:
    """Connections that are being made at the same time; whoever is there first wins."""

    def __init__(self, options: Sequence[tuple[Any, ...]]) -> None:
        self._options = options
        self._poll = select.poll()
        self._running: dict[int, tuple[socket.socket, object]] = {}
        self._failed: OSError = OSError(EADDRNOTAVAIL, "the name has no address")

    @property
    def lost(self) -> OSError:
        """Why nobody won."""
        return TimeoutError(ETIMEDOUT, "timed out") if self._running else self._failed

    def enter(self, address: _Address) -> None:
        """Begin to connect to this address too."""
        family, kind, protocol, _name, where = address
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as unknown_family:
            self._failed = unknown_family
            return
        self._running[sock.fileno()] = sock, where
        try:
            for option in self._options:
                sock.setsockopt(*option)
            sock.setblocking(False)
            code = sock.connect_ex(where)
        except OSError as failed:
            code = failed.errno or EADDRNOTAVAIL
        if code in (0, EINPROGRESS):
            self._poll.register(sock, select.POLLOUT)
        else:
            self._drop(sock.fileno(), code)

    def won_within(self, limit: float) -> tuple[socket.socket, object] | None:
        """The first that is connected, and where; None after `limit` seconds, or as soon as all have failed."""
        deadline = time.monotonic() + limit
        while self._running:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            for number, _events in self._poll.poll(None if math.isinf(left) else math.ceil(left * 1000)):
                self._poll.unregister(number)
                code = self._running[number][0].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if not code:
                    return self._running.pop(number)
                self._drop(number, code)
        return None

    def close(self) -> None:
        """End those that did not win."""
        for sock, _where in self._running.values():
            sock.close()

    def _drop(self, number: int, code: int) -> None:
        self._running.pop(number)[0].close()
        self._failed = OSError(code, os.strerror(code))


def seconds(timeout: object) -> float:
    """A timeout as urllib3 holds it: none, and its own word for the default, are for ever."""
    return timeout if isinstance(timeout, int | float) else math.inf
