"""`vidup emulator`: the local api.video as a server, for trying things out and for testing scripts."""

from __future__ import annotations

import io
import json
import re
import signal
import sys
import threading
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from vidup.console.help import Command
from vidup.console.values import Whole
from vidup.errors import ExitCode, VidupError
from vidup.units import show_size

if TYPE_CHECKING:
    from vidup.emulator.ledger import Record as RequestRecord
    from vidup.emulator.limits import RateLimit


_HELP: Final = """Serve the local api.video: the same addresses, limits and errors as the real one, until Ctrl-C.

\b
Examples:
  vidup emulator --fault part=3:status=503
  vidup emulator --fault 'part=*,after=4:drop-answer' --rate-limit 40
  vidup emulator --fault on=status:stall-answer=90 --fault part=2:reset=middle
  vidup emulator -v --fault 'part=*,times=*:slow=500K'
  vidup emulator --fault 'on=status,times=*:lag=8' --fault part=2:commit-after=5
\b
Then, elsewhere:
  VIDUP_API_KEY=KEY vidup upload --base-url URL movie.mp4

The first line on standard output is {"url": ..., "api_key": ...}.

\b
Faults are written WHERE[,WHERE...]:ACTION[,ACTION...]. A request meets the first
one that matches and is due.
\b
WHERE:
  part=3 part=*    uploads of this part; uploads of any kind
  on=NAME          create, login, refresh, status, source (uploads), get, list, any
  times=2 times=*  strike so often, for ever (once)
  after=5          let the first 5 matching requests pass
\b
ACTIONS in place of the API, so that nothing is stored:
  status=503       this status, with a plausible body
  error=SLUG       a documented error, see `vidup explain`; about=NAME beside it
                   makes it a problem of this attribute
  retry-after=2    429, or with status=: try again in 2 seconds
  redirect=URL     302 to there; stands last
  close            answer before the body is read, then hang up
  early=413        answer so before the body is read, then neither read nor hang
                   up until the client does, for a minute at most
\b
ACTIONS on the way, alone or with one of those above:
  reset=before     reset the connection: before, middle, after (the body)
  drop-answer      store the part, then reset instead of an answer
  stall=30         stop reading in the middle of the body for 30 seconds
  stall-answer=30  hold the answer back for 30 seconds
  slow=1M          read 1 MiB a second
  body=html        spoil the answer: html, empty, truncated, garbage, array,
                   no-id, huge; without status= the part is stored
  commit-after=5   admit the part and answer, but store it only 5 seconds later,
                   checked again; also with status=, or if the client is gone

ACTIONS on what is told (times=* for every time it is asked):
  lag=8            the status as it was 8 seconds ago; on=list: only videos that
                   were there then
  encode-after=30  all five qualities are encoded 30 seconds after the upload
  encode=failed    every quality fails; encode=partly: every second one does;
                   stuck: it never gets on; odd: in states that nobody documented
  unfiltered       on=list: all videos, whatever was asked for

Plain HTTP without CORS; of the two forms of Content-Range it takes "part".
"""


def _faults(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    from vidup.emulator.faults import parse_fault

    try:
        for text in value:
            parse_fault(text)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from None
    return value


def _limit(context: click.Context, parameter: click.Parameter, value: str | None) -> RateLimit | None:
    from vidup.emulator.limits import parse_rate_limit

    try:
        return None if value is None else parse_rate_limit(value)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from None


@click.command(cls=Command, help=_HELP)
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Listen here.")
@click.option("--port", type=Whole(0, 65535), default=0, metavar="PORT", help="Listen on this port.  [default: a free one]")
@click.option(
    "--store", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="Keep finished videos here, as VIDEO_ID.mp4.  [default: a temporary folder, removed at the end]",
)  # fmt: skip
@click.option(
    "--rate-limit", callback=_limit, metavar="LIMIT",
    help="Requests a minute: 40, or uploads=40,writes=40,reads=100,window=60 (window in seconds).  [default: no limit]",
)  # fmt: skip
@click.option("--api-key", metavar="KEY", help="Accept this made-up key; never give a real one.  [default: a new one each run]")
@click.option("--fault", "faults", multiple=True, callback=_faults, metavar="WHERE:ACTION", help="Script a fault, see above (repeat).")
@click.option("-v", "--verbose", is_flag=True, help="Show each request on standard error.")
@click.option("--allow-remote", is_flag=True, help="Allow a --host that other machines can reach.")
def emulator(
    host: str,
    port: int,
    store: Path | None,
    rate_limit: RateLimit | None,
    api_key: str | None,
    faults: tuple[str, ...],
    verbose: bool,
    allow_remote: bool,
) -> None:
    """Serve until SIGINT or SIGTERM."""
    from vidup.emulator.server import Emulator

    if not (allow_remote or _is_loopback(host)):
        raise click.UsageError(f"--host {host} is reachable for other machines; add --allow-remote if that is wanted")
    try:
        if store is not None:
            store.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VidupError(
            ExitCode.FILE, f"The emulator cannot keep videos in {store}", cause=error.strerror or str(error),
            advice="Name another folder with --store, or leave it out.",
        ) from None  # fmt: skip
    try:
        server = Emulator(
            host=host, port=port, store=store, api_key=api_key, rate_limit=rate_limit, faults=faults, hear=_teller() if verbose else None
        )  # fmt: skip
    except OSError as error:
        raise VidupError(
            ExitCode.USAGE, f"The emulator cannot start on {host} port {port}", cause=error.strerror or str(error),
            advice="Leave out --port for a free one, or name another." if port else "Correct --host.",
        ) from None  # fmt: skip
    asked_to_stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: asked_to_stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with server:
            click.echo(json.dumps({"url": server.url, "api_key": server.api_key}))
            sys.stdout.flush()
            click.echo(f"Serving the local api.video at {server.url}, until Ctrl-C.", err=True)
            click.echo(f"Try: VIDUP_API_KEY={server.api_key} vidup upload --base-url {server.url} FILE", err=True)
            asked_to_stop.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _teller() -> Callable[[RequestRecord], None]:
    """Shows each request as a line on stderr; one that is closed or full stops no request."""
    from vidup.inert import inert
    from vidup.progress.out import Out

    out = Out(sys.stderr if sys.stderr is not None else io.StringIO())

    def tell(record: RequestRecord) -> None:
        part = f"  part {record.part}/{record.total_parts or '*'}" if record.part else ""
        body = f"  {show_size(record.body_bytes)}" if record.body_bytes else ""
        path = re.sub(r"^(/upload-tokens/)[^?]+", r"\1***", record.path)  # it is a secret here, too
        out.write(inert(f"{record.status or 'cut'}  {record.method} {path}{part}{body}", 200) + "\n")
        out.flush()

    return tell


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
