"""What an interruption costs: each fault against the real command and the emulator, counted in bytes. Run: python -m tests.bench.resume."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import MIB, fill, sha256
from vidup.emulator.server import Emulator

SIZE = 160 * MIB
PART = 16 * MIB
JOBS = 4
MIDWAY = 72 * MIB
SLOW = "part=*,times=*:slow=24M"


@dataclass(frozen=True)
class Setting:
    """One scenario's emulator, file and folders."""

    emulator: Emulator
    path: Path
    state: Path

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [
            sys.executable, "-m", "vidup", "upload", str(self.path), "--part-size", str(PART), "--jobs", str(JOBS), "--base-url",
            self.emulator.url, "--state-dir", str(self.state), *words,
        ]  # fmt: skip
        env = {**os.environ, "VIDUP_API_KEY": self.emulator.api_key}
        return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *words: str) -> None:
        process = self.start(*words)
        _out, err = process.communicate()
        assert process.returncode == 0, err

    def end_midway(self, number: int, *words: str) -> str:
        """End an upload by a signal in the middle; returns the id of its video."""
        process = self.start(*words)
        self.emulator.wait_until(lambda: self.emulator.payload_bytes() >= MIDWAY, 60)
        process.send_signal(number)
        process.communicate()
        self.emulator.wait_until(lambda: not self.emulator.in_progress(), 60)
        return next(view.video_id for view in self.emulator.videos.values() if view.parts)


def killed(setting: Setting) -> None:
    setting.end_midway(signal.SIGKILL)
    setting.run()


def interrupted(setting: Setting) -> None:
    setting.end_midway(signal.SIGINT)
    setting.run()


def journal_lost_its_tail(setting: Setting) -> None:
    setting.end_midway(signal.SIGKILL)
    (record,) = setting.state.glob("*.jsonl")
    record.write_bytes(record.read_bytes().split(b"\n")[0] + b"\n")
    setting.run()


def new_machine(setting: Setting) -> None:
    setting.end_midway(signal.SIGKILL, "--portable")
    (record,) = setting.state.glob("*.jsonl")
    record.unlink()
    setting.run("--portable")


def moved(setting: Setting) -> None:
    setting.end_midway(signal.SIGKILL)
    elsewhere = setting.path.rename(setting.path.with_name("moved.mp4"))
    Setting(setting.emulator, elsewhere, setting.state).run()


def in_one_run(setting: Setting) -> None:
    setting.run()


@dataclass(frozen=True)
class Scenario:
    """A fault, what a reader is told of it, and how to bring it about."""

    fault: str
    outcome: str
    play: Callable[[Setting], None]
    faults: tuple[str, ...] = ()


SCENARIOS = (
    Scenario("SIGKILL, or power lost", "the same command sends what is missing", killed),
    Scenario("Ctrl-C", "parts already out get their answer; the same command goes on", interrupted),
    Scenario("killed, and the journal lost all but its first line", "the server's list counts", journal_lost_its_tail),
    Scenario("killed, and the state folder is gone (`--portable`)", "found among the account's videos by its fingerprint", new_machine),
    Scenario("killed, and the file was moved", "recognised by its fingerprint", moved),
    Scenario("a part answered 503", "that part is sent again", in_one_run, ("part=3:status=503",)),
    Scenario("a connection reset in the middle of a part", "that part is sent again", in_one_run, ("part=3:reset=middle",)),
    Scenario("a part stored, its answer lost", "the status is asked; nothing is sent again", in_one_run, ("part=3:drop-answer",)),
    Scenario("the last answer lost", "the status is asked; nothing is sent again", in_one_run, ("part=10:drop-answer",)),
    Scenario("the token expires midway", "one refresh for all; that part is sent again", in_one_run, ("part=3:error=authentication-invalid-access-token",)),
    Scenario("429 on a part", "all wait as told; that part is sent again", in_one_run, ("part=3:retry-after=1",)),
)  # fmt: skip


def main() -> None:
    """Play every scenario and print the table of the README."""
    print(f"{SIZE // MIB} MiB in parts of {PART // MIB} MiB, {JOBS} jobs; each row one run, hashes compared\n")
    print("| fault | what happens | bytes sent again |\n|---|---|---:|")
    for scenario in SCENARIOS:
        with tempfile.TemporaryDirectory() as scratch:
            place = Path(scratch)
            path = fill(place / "movie.mp4", SIZE)
            digest = sha256(path)
            with Emulator(store=place / "store", faults=(*scenario.faults, SLOW)) as emulator:
                scenario.play(Setting(emulator, path, place / "state"))
                (video_id,) = emulator.videos
                assert emulator.sha256(video_id) == digest, scenario.fault
                again = (emulator.payload_bytes() - SIZE) / MIB
        print(f"| {scenario.fault} | {scenario.outcome} | {again:.1f} MiB |")


if __name__ == "__main__":
    main()
