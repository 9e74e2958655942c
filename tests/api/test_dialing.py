"""A name with several addresses: one that swallows every packet costs a moment, and only once."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from tests.api.conftest import serving
from tests.conftest import LONG
from vidup.api.transport import dialing
from vidup.api.transport.transport import Transport

Where = tuple[str, int]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n%-8b"


def transport(url: str, timeout: float = 10 * LONG) -> Transport:
    return Transport(url, timeout=timeout, client="vidup:0.1.0")


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is a run of its own."""
    monkeypatch.setattr(dialing, "_answered", {})


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let every name stand for these addresses, in this order."""

    def stand_for(*where: Where) -> None:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in where]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: list(found))

    return stand_for


class Swallowing:
    """A listener whose queue is full: the kernel drops whoever else wants to connect, as a firewall does."""

    def __init__(self, running: ExitStack) -> None:
        self._running = running
        self.listener = running.enter_context(socket.socket())
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.where: Where = self.listener.getsockname()
        for _ in range(100):
            guest = running.enter_context(socket.socket())
            guest.setblocking(False)
            guest.connect_ex(self.where)
            if not select.select([], [guest], [], 0.2)[1]:
                return
        pytest.skip("this system drops nobody")

    def recover(self, answer: bytes) -> None:
        """From now on it accepts and answers everybody, those in the queue too."""
        self._running.enter_context(serving(reply_with(answer), self.listener))


@pytest.fixture
def swallowing() -> Iterator[Swallowing]:
    with ExitStack() as running:
        yield Swallowing(running)


def reply_with(answer: bytes) -> Callable[[socket.socket], None]:
    """What answers every request on a connection so."""

    def serve(connection: socket.socket) -> None:
        while connection.recv(65536):
            connection.sendall(OK % answer)

    return serve


@contextmanager
def host(answer: bytes) -> Iterator[Where]:
    """Where somebody gives this answer."""
    with serving(reply_with(answer)) as url:
        yield "127.0.0.1", int(url.rpartition(":")[2])


@pytest.fixture
def refusing() -> Iterator[Where]:
    """Where nobody listens, nor can: it is taken."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()


def asked(line: Transport) -> Any:
    """The answer that a new connection gets."""
    replies: list[Any] = []
    thread = threading.Thread(target=lambda: replies.append(line.request("GET", "/x").body))
    thread.start()
    thread.join(LONG)
    return replies[0] if replies else "no answer for a long time"


def test_an_address_that_swallows_packets_costs_a_moment(swallowing: Swallowing, addresses: Callable[..., None]) -> None:
    """Not the whole timeout: the next address is tried beside it."""
    with host(b'{"a": 2}') as good:
        addresses(swallowing.where, good)
        assert asked(transport("http://api.example")) == {"a": 2}


def test_the_address_that_answered_is_the_first_for_every_later_connection(swallowing: Swallowing, addresses: Callable[..., None]) -> None:
    """Of all threads: the other one is not even asked, though it would answer now."""
    with host(b'{"a": 2}') as good:
        addresses(swallowing.where, good)
        line = transport("http://api.example")
        assert asked(line) == {"a": 2}
        swallowing.recover(b'{"a": 1}')
        assert [asked(line) for _ in range(3)] == [{"a": 2}] * 3
        assert asked(transport("http://another.example")) == {"a": 1}


def test_an_address_that_answered_once_and_is_gone_is_left_for_another(addresses: Callable[..., None], refusing: Where) -> None:
    """What is remembered is an order, and no more."""
    with host(b'{"a": 1}') as stays:
        with host(b'{"a": 2}') as goes:
            addresses(goes, stays)
            line = transport("http://api.example")
            assert asked(line) == {"a": 2}
        assert asked(line) == {"a": 1}
        addresses(refusing, stays)
        assert asked(line) == {"a": 1}


def test_the_only_address_has_the_whole_timeout(swallowing: Swallowing, addresses: Callable[..., None], refusing: Where) -> None:
    """So has the last of several, where the others refused; then it is said that nobody answered in time."""
    for others in ((), (refusing,)):
        addresses(*others, swallowing.where)
        began = time.monotonic()
        reply = transport("http://api.example", timeout=0.6).request("GET", "/x")
        assert time.monotonic() - began >= 0.6
        assert (reply.failure, "api.example did not answer in time" in reply.text) == ("no-answer", True)


def test_a_host_that_answers_late_is_waited_for_beside_the_others(
    swallowing: Swallowing, addresses: Callable[..., None], refusing: Where
) -> None:
    """The first address is not given up when the second has failed."""
    addresses(swallowing.where, refusing)
    late = threading.Timer(0.5, swallowing.recover, [b'{"a": 1}'])
    late.start()
    assert asked(transport("http://api.example", timeout=LONG)) == {"a": 1}
    late.join()


def test_a_refusal_everywhere_is_told_as_one(addresses: Callable[..., None], refusing: Where) -> None:
    """The last of them."""
    addresses(refusing, refusing)
    assert "api.example refused the connection" in transport("http://api.example").request("GET", "/x").text


def test_the_families_of_addresses_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two addresses of a family that goes nowhere do not come before one of the other."""
    six = [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", (f"2001:db8::{number}", 443, 0, 0)) for number in (1, 2)]
    four = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: six + four)
    assert dialing._addresses("api.example", 443) == [six[0], four[0], six[1]]
