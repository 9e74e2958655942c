"""The sink in Python, for machines without a C compiler: same words, same counts as sink.c, slower, but for the timeline, which it alone tells. `python sink.py HOST [CERT KEY]`."""

from __future__ import annotations

import json
import re
import socket
import ssl
import sys
import threading
import time
import zlib
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Final

SLOT: Final = 0.1
"""Seconds of the timeline that are counted together."""

_BLOCK: Final = 256 * 1024
_WINDOW: Final = 64 * 1024
_VIDEO: Final = {"videoId": "viBench", "title": "bench", "public": True, "assets": {}}
_TOKEN: Final = {"token_type": "Bearer", "expires_in": 3600, "access_token": "bench-access", "refresh_token": "bench-refresh"}


class LineBroken(Exception):
    """The client has closed the connection."""


@dataclass
class How:
    """In which ways the sink is slow; 0 is off. Rates in bytes a second, delay in seconds, stall in payload bytes of one connection."""

    crc: bool = False
    rate: float = 0.0
    total: float = 0.0
    delay: float = 0.0
    stall: int = 0

    @property
    def slow(self) -> bool:
        """Whether bytes are to be taken slowly."""
        return bool(self.rate or self.total or self.stall)


@dataclass
class Stats:
    """What was counted since the last reset; `received` holds (number, bytes, crc32) of every part stored."""

    connections: int = 0
    most_open: int = 0
    requests: int = 0
    logins: int = 0
    creates: int = 0
    statuses: int = 0
    parts: int = 0
    expects: int = 0
    payload: int = 0
    crcs: int = 0
    received: list[tuple[int, int, int]] = field(default_factory=list)


class Sink:
    """All connections, what they brought, and how slowly it may come."""

    def __init__(self) -> None:
        self.how = How()
        self.stats = Stats()
        self.lock = threading.Lock()
        self.open_now = 0
        self.total_due = 0.0
        self.part_total = 0
        self.epoch = 0
        self.timeline = Counter[int]()

    def reset(self, words: list[str]) -> None:
        """Forget what was counted, and be slow in these ways from now on."""
        with self.lock:
            crc, rate, total, delay, stall = words
            self.how = How(crc != "0", float(rate), float(total), float(delay), int(stall))
            self.stats = Stats(most_open=self.open_now)
            self.total_due, self.part_total, self.epoch = 0.0, 0, self.epoch + 1
            self.timeline = Counter()

    def arrived(self, count: int) -> None:
        """So many bytes of a part came just now."""
        with self.lock:
            self.timeline[int(time.monotonic() / SLOT)] += count

    def opened(self) -> None:
        """A connection is there."""
        with self.lock:
            self.open_now += 1
            self.stats.connections += 1
            self.stats.most_open = max(self.stats.most_open, self.open_now)

    def closed(self) -> None:
        """A connection is gone."""
        with self.lock:
            self.open_now -= 1

    def stored(self, number: int, total: int, length: int, crc: int) -> None:
        """A part came whole."""
        with self.lock:
            self.part_total = total
            self.stats.parts += 1
            self.stats.payload += length
            self.stats.crcs = (self.stats.crcs + crc) % 2**32
            self.stats.received = sorted([*(row for row in self.stats.received if row[0] != number), (number, length, crc)])

    def status(self) -> dict[str, object]:
        """The answer to a status call."""
        with self.lock:
            numbers = [number for number, _, _ in self.stats.received]
        whole = bool(numbers) and len(numbers) == self.part_total
        parts = {"parts": numbers, "total": self.part_total or None}
        return {"ingest": {"status": "uploaded" if whole else "uploading", "receivedParts": parts}}


class Connection:
    """One client's requests, one after the other."""

    def __init__(self, sink: Sink, line: socket.socket) -> None:
        self._sink = sink
        self._line = line
        self._have = b""
        self._space = memoryview(bytearray(_BLOCK))
        self._due = 0.0
        self._taken = 0

    def serve(self) -> None:
        """Answer until the client goes away."""
        while True:
            head = self._until_blank_line().decode("latin-1")
            length = int(_header(head, "content-length") or 0)
            with self._sink.lock:
                self._sink.stats.requests += 1
                self._sink.stats.expects += bool(_header(head, "expect"))
            if _header(head, "expect"):
                self._line.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            code, body = self._answer(head.split(" ")[1], head, length)
            text = json.dumps(body).encode()
            time.sleep(self._sink.how.delay)
            self._line.sendall(
                b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (code, len(text), text)
            )

    def _answer(self, path: str, head: str, length: int) -> tuple[int, object]:
        if "/source" in path:
            self._take_part(head, length)
            return 201, _VIDEO
        self._swallow(length, length)
        stats = self._sink.stats
        if "/auth/" in path:
            stats.logins += 1
            return 200, _TOKEN
        if "/status" in path:
            stats.statuses += 1
            return 200, self._sink.status()
        stats.creates += 1
        return 201, _VIDEO

    def _take_part(self, head: str, length: int) -> None:
        number, total = map(int, re.findall(r"\d+", _header(head, "content-range") or "part 1/1"))
        form = self._until_blank_line()
        tail = len(form.split(b"\r\n", 1)[0]) + 6  # CR LF, the first line again, two dashes, CR LF
        crc = self._swallow(length - len(form), tail, timed=True)
        self._sink.stored(number, total, length - len(form) - tail, crc)

    def _swallow(self, left: int, tail: int, timed: bool = False) -> int:
        """Take in `left` bytes of body, of which all but the last `tail` are payload; returns the payload's crc32 if asked for."""
        how, crc = self._sink.how, 0
        slow = how.rate or how.total
        limit = min(_BLOCK, max(1024, int(slow / 50))) if slow else _BLOCK
        while left:
            if self._have:
                data, self._have = memoryview(self._have)[:left], self._have[left:]
            else:
                taken = self._line.recv_into(self._space[: min(limit, left)])
                if not taken:
                    raise LineBroken
                data = self._space[:taken]
            if how.crc and left > tail:
                crc = zlib.crc32(data[: left - tail], crc)
            left -= len(data)
            if timed:
                self._sink.arrived(len(data))
            if how.slow:
                self._throttle(len(data))
        return crc

    def _throttle(self, taken: int) -> None:
        sink, now = self._sink, time.monotonic()
        how, epoch, wait = sink.how, sink.epoch, 0.0
        if how.rate:
            self._due = max(self._due, now - 0.05) + taken / how.rate
            wait = self._due - now
        if how.total:
            with sink.lock:
                sink.total_due = max(sink.total_due, now - 0.05) + taken / how.total
                wait = max(wait, sink.total_due - now)
        time.sleep(max(0.0, wait))
        self._taken += taken
        while how.stall and self._taken >= how.stall and epoch == sink.epoch:
            time.sleep(0.02)

    def _until_blank_line(self) -> bytes:
        while b"\r\n\r\n" not in self._have:
            data = self._line.recv(16 * 1024)
            if not data:
                raise LineBroken
            self._have += data
        at = self._have.index(b"\r\n\r\n") + 4
        found, self._have = self._have[:at], self._have[at:]
        return found


def _header(head: str, name: str) -> str | None:
    found = re.search(rf"\r\n{name}: *([^\r]*)", head, re.IGNORECASE)
    return found[1] if found else None


def _serve(sink: Sink, accepted: socket.socket, context: ssl.SSLContext | None) -> None:
    sink.opened()
    accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if sink.how.slow:
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WINDOW)
    try:
        with context.wrap_socket(accepted, server_side=True) if context else accepted as line:
            Connection(sink, line).serve()
    except (LineBroken, OSError):
        return  # the client is done, or was stopped
    finally:
        sink.closed()


def _welcome(sink: Sink, listener: socket.socket, context: ssl.SSLContext | None) -> None:
    while True:
        accepted, _ = listener.accept()
        threading.Thread(target=_serve, args=(sink, accepted, context), daemon=True).start()


def main(host: str, *files: str) -> None:
    """Serve, and obey standard input until it ends."""
    sink, context = Sink(), None
    if files:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
    listener = socket.create_server((host, 0), backlog=128)
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    threading.Thread(target=_welcome, args=(sink, listener, context), daemon=True).start()
    for line in sys.stdin:
        if line.startswith("reset "):
            sink.reset(line.split()[1:])
            print("{}", flush=True)
        elif line.startswith("stats"):
            with sink.lock:
                print(json.dumps(asdict(sink.stats)), flush=True)
        elif line.startswith("timeline"):
            with sink.lock:
                print(json.dumps(sorted(sink.timeline.items())), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
