"""`vidup demo`: the main job without an account: a real upload to the local emulator, cut off by a kill, continued, and compared."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from vidup.console.help import Command
from vidup.console.retyping import program
from vidup.errors import ExitCode, VidupError
from vidup.inert import command_line
from vidup.plan.parts import MIB
from vidup.units import show_size

if TYPE_CHECKING:
    from vidup.emulator.server import Emulator

_SIZE: Final = 160 * MIB + 12_345
_PART: Final = 16 * MIB
_KILL_AT: Final = 66 * MIB
_JOBS: Final = 3
_RATE: Final = 8 * MIB
"""Bytes a second and connection, so that there is something to see."""

_LEAVE: Final = 10.0
"""Seconds for an upload to end by itself after Ctrl-C: it waits 5 for answers that are on their way."""


@click.command(cls=Command)
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Keep the data and the uploaded copy here.")
def demo(keep: Path | None) -> int:
    """Show an upload that is killed midway and continued, on this machine alone: no account, no network.

    \b
    Examples:
      vidup demo
      vidup demo --keep ./demo

    Generated data (not a playable video) goes in real parts, through the very code of `vidup upload`, to the local emulator.
    """
    import tempfile  # it and the others inside functions would slow down every TAB

    from vidup.console.signals import interruptible

    try:
        with interruptible(), tempfile.TemporaryDirectory(prefix="vidup-demo-") as scratch:
            return _play_in(keep or Path(scratch), Path(scratch))
    except KeyboardInterrupt:
        _say("Stopped the demo. Its upload went nowhere, so there is nothing to continue.")
        raise


def _play_in(folder: Path, scratch: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _play(folder, scratch)
    except OSError as error:
        raise VidupError(
            ExitCode.FILE, f"The demo cannot write to {folder}", cause=error.strerror or str(error),
            advice=f"It needs {show_size(2 * _SIZE)} of space; name a folder of yours with --keep.",
        ) from error  # fmt: skip


def _play(folder: Path, scratch: Path) -> int:
    from vidup.emulator.server import Emulator

    movie = folder / "demo-movie.mp4"
    sent = _generate(movie)
    _say(f"1. Made {movie.name}: {show_size(_SIZE)} of seeded data. It is not a playable video.")
    with Emulator(store=folder / "store", faults=(f"part=*,times=*:slow={_RATE}",)) as server:
        _say(f"2. Started the local api.video at {server.url}.")
        killed = _run_upload(movie, scratch, server, kill_when=lambda: server.payload_bytes() >= _KILL_AT)
        if killed != -9:
            return _failed(f"the first upload was to be killed, but ended with exit code {killed}")
        server.wait_until(lambda: not server.in_progress(), timeout=30)
        stored = _stored(server)
        _say(f"3. Killed the upload (SIGKILL) with {len(stored)} of {-(-_SIZE // _PART)} parts on the server.\n   The same command again:")
        code = _run_upload(movie, scratch, server)
        if code != 0:
            return _failed(f"the second upload ended with exit code {code}")
        (video_id,) = server.videos
        return _verdict(sent, server.sha256(video_id), len(stored), server.payload_bytes() - _SIZE)


def _verdict(sent: str, received: str | None, kept: int, again: int) -> int:
    if sent != received:
        return _failed(f"SHA-256 of the file {sent}, of the video {received}")
    _say(f"4. It continued: {kept} parts were not sent again.")
    _say(f"   {_twice(again)}")
    _say(f"5. SHA-256 of the file and of the video are the same: {sent[:16]}…")
    _say("   The local api.video ends here, and its video with it.")
    vidup = command_line(program())
    _say(f"→ Now with your own key: {vidup} login, then {vidup} upload movie.mp4")
    return ExitCode.OK


def _twice(again: int) -> str:
    """What the kill cost, in bytes that were sent a second time."""
    if again <= 0:
        return "Nothing went over the wire twice: the kill cut off no part that had begun."
    return f"{show_size(again)} went over the wire twice: the parts in flight at the kill."


def _run_upload(movie: Path, scratch: Path, server: Emulator, kill_when: Callable[[], bool] | None = None) -> int:
    """Run `vidup upload` as a process of its own; kill it without warning once `kill_when` says so. Returns its exit code."""
    import subprocess

    command = [
        sys.executable, "-m", "vidup", "upload", str(movie), "--base-url", server.url, "--state-dir", str(scratch / "state"),
        "--part-size", str(_PART), "--jobs", str(_JOBS), "--private",  # of a public one it would print links, and they would lead elsewhere
    ]  # fmt: skip
    quiet_stdout = None if sys.stdout.isatty() else subprocess.DEVNULL
    environ = {**os.environ, "VIDUP_API_KEY": server.api_key, "VIDUP_CONFIG": os.devnull}
    process = subprocess.Popen(command, env=environ, stdout=quiet_stdout)
    try:
        if kill_when is not None and server.wait_until(kill_when, timeout=60):
            process.kill()
        code = process.wait(timeout=120)
    except KeyboardInterrupt:
        process.wait(timeout=_LEAVE)  # it got the Ctrl-C, too, and takes its live view away by itself
        raise
    finally:
        process.kill()
    if code < 0:
        _restore_terminal()
    return code


def _stored(server: Emulator) -> set[int]:
    return {part for video_id in list(server.videos) for part in server.stored_parts(video_id)}


def _generate(movie: Path) -> str:
    """Write the seeded data and return its SHA-256."""
    import hashlib
    import random

    digest, source = hashlib.sha256(), random.Random(2026)
    with movie.open("wb") as file:
        left = _SIZE
        while left:
            block = source.randbytes(min(MIB, left))
            digest.update(block)
            file.write(block)
            left -= len(block)
    return digest.hexdigest()


def _restore_terminal() -> None:
    """What a killed process leaves of its live view: three lines, and the cursor behind the last."""
    if sys.stderr.isatty():
        sys.stderr.write("\n")
        sys.stderr.flush()


def _say(text: str) -> None:
    click.echo(text, err=True)


def _failed(why: str) -> int:
    _say(f"✗ The demo failed: {why}")
    _say("→ Please report this.")
    return ExitCode.INTERNAL
