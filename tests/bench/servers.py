"""Builds and starts what the runs talk to: the sink, in C where a compiler is, and a long line between two network namespaces."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

_HERE: Final = Path(__file__).parent
_SIDES: Final = ("vidup-bench-a", "vidup-bench-b")
_ADDRESSES: Final = ("10.77.0.1", "10.77.0.2")


class Unavailable(Exception):
    """This machine cannot do it; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Received:
    """What the sink counted since its last reset; `received` holds (number, bytes, crc32) of every part stored."""

    connections: int
    most_open: int
    requests: int
    logins: int
    creates: int
    statuses: int
    parts: int
    expects: int
    payload: int
    crcs: int
    """The sum of the checksums of all parts, also of those that came under one number, modulo 2**32; 0 where they are not taken."""
    received: list[tuple[int, int, int]]

    def differs_from(self, file: Path, checked: bool) -> str:
        """Why these parts are not exactly this file, or nothing. `checked`: compare checksums, too."""
        lengths = tuple(length for _, length, _ in self.received)
        if [number for number, _, _ in self.received] != list(range(1, len(lengths) + 1)) or sum(lengths) != file.stat().st_size:
            return f"{len(lengths)} parts of {sum(lengths)} bytes arrived, not the {file.stat().st_size} of {file}"
        if self.payload != sum(lengths):
            return f"{self.payload} bytes of payload were needed for {sum(lengths)}"
        if checked and tuple(crc for _, _, crc in self.received) != _checksums(file, file.stat().st_mtime_ns, lengths):
            return f"the bytes that arrived are not those of {file}"
        return ""


@cache
def _checksums(file: Path, _written: int, lengths: tuple[int, ...]) -> tuple[int, ...]:
    """Of parts of these lengths; `_written` tells a file from another that was at its path before."""
    with file.open("rb") as source:
        return tuple(_checksum(source, length) for length in lengths)


def _checksum(source: Any, length: int) -> int:
    crc = 0
    while length:
        data = source.read(min(length, 1 << 20))
        crc, length = zlib.crc32(data, crc), length - len(data)
    return crc


class Sink:
    """A running sink. It ends with this process at the latest, for it reads our pipe."""

    def __init__(self, work: Path, *, tls: bool = False, python: bool = False, host: str = "127.0.0.1", prefix: Sequence[str] = ()) -> None:
        """`prefix` goes before the command, as `ip netns exec NAME`; `python` has the sink in Python even where C is possible."""
        files = certificate(work) if tls else ()
        binary = None if python else _built(work, tls)
        words = [str(binary)] if binary else [sys.executable, str(_HERE / "sink.py")]
        self.kind = "C" if binary else "Python"
        self.authority = str(files[0]) if files else ""
        command = [*prefix, *words, host, *map(str, files)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = f"{'https' if tls else 'http'}://{host}:{self._read()['port']}"
        self.reset()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()

    def reset(self, *, crc: bool = False, rate: float = 0, total: float = 0, delay: float = 0, stall: int = 0) -> None:
        """Forget what was counted, and be slow in these ways: bytes/s of a connection, of all, seconds an answer, bytes until it stalls."""
        self._say(f"reset {int(crc)} {rate} {total} {delay} {stall}")
        self._read()

    def stats(self) -> Received:
        """What was counted since the last reset."""
        self._say("stats")
        answer: dict[str, Any] = self._read()
        answer["received"] = [tuple(row) for row in answer["received"]]
        return Received(**answer)

    def timeline(self) -> list[tuple[int, int]]:
        """(slot, payload bytes that came in it), in order, since the last reset; slots of `sink.SLOT` seconds. The sink in Python only."""
        self._say("timeline")
        return [(slot, count) for slot, count in self._read()]

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        print(line, file=self._process.stdin, flush=True)

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Unavailable(f"the sink ended with {self._process.wait()}")
        return json.loads(line)


def certificate(work: Path) -> tuple[Path, Path]:
    """A certificate for the addresses used here, and its key; the certificate is its own authority."""
    pem, key = work / "sink.pem", work / "sink.key"
    if not pem.exists():
        if not shutil.which("openssl"):
            raise Unavailable("TLS needs the openssl command for a certificate")
        names = ",".join(f"IP:{address}" for address in ("127.0.0.1", *_ADDRESSES))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj",
             "/CN=vidup bench", "-addext", f"subjectAltName={names}", "-keyout", str(key), "-out", str(pem)],
            check=True, capture_output=True,
        )  # fmt: skip
    return pem, key


def _built(work: Path, tls: bool) -> Path | None:
    """The sink in C, or None where it cannot be built: no compiler, or no OpenSSL headers for TLS."""
    libraries = ["-DTLS", "-lpthread", "-lssl", "-lcrypto"] if tls else ["-lpthread"]
    return _compiled(work, "sink.c", "sink-tls" if tls else "sink", *libraries)


def _compiled(work: Path, source: str, name: str, *options: str) -> Path | None:
    binary, text, compiler = work / name, _HERE / source, shutil.which("cc")
    if not binary.exists() or binary.stat().st_mtime < text.stat().st_mtime:
        if compiler is None:
            return None
        built = subprocess.run([compiler, "-O2", str(text), "-o", str(binary), *options], capture_output=True, check=False)
        if built.returncode:
            return None
    return binary


@dataclass(frozen=True, slots=True)
class LongLine:
    """Both ends of a line: what to put before a command so that it runs on the client's or the server's side, and the server's address."""

    client: list[str]
    server: list[str]
    address: str = _ADDRESSES[1]


@contextlib.contextmanager
def long_line(work: Path, *, rtt: float, rate: float, loss: float, congestion: str) -> Iterator[LongLine]:
    """A line with round trip (s), rate (bytes/s) and random loss, real TCP at both ends. Raises Unavailable without root, TUN or `ip`."""
    binary = _compiled(work, "link.c", "link")
    if binary is None or not shutil.which("ip") or not Path("/dev/net/tun").exists():
        raise Unavailable("a long line needs a C compiler, the `ip` command and /dev/net/tun")
    try:
        for side in _SIDES:
            _ip("netns", "add", side)
        words = [str(binary), *_SIDES, str(rtt), str(rate), str(loss)]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as carrier:
            if carrier.stdout is None or carrier.stdout.readline() != "ready\n":
                raise Unavailable("the TUN devices could not be opened")
            for side, address in zip(_SIDES, _ADDRESSES, strict=True):
                _ip("-n", side, "addr", "add", f"{address}/32", "dev", "vb0")
                _ip("-n", side, "link", "set", "vb0", "up")
                _ip("-n", side, "route", "add", "10.77.0.0/24", "dev", "vb0", "congctl", congestion)
            yield LongLine(["ip", "netns", "exec", _SIDES[0]], ["ip", "netns", "exec", _SIDES[1]])
            carrier.communicate()
    finally:
        for side in _SIDES:
            subprocess.run(["ip", "netns", "del", side], capture_output=True, check=False)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"ip {' '.join(words)}: {done.stderr.strip()}")
