"""The real core and dispatcher, run against a world: one process of the command, as `harness.MakeRun` wants it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.simulation import manifest
from tests.simulation.network import FakePool
from tests.simulation.runs import THROUGH, Command, Ending
from tests.simulation.world import World
from vidup.api.credentials import ApiKey
from vidup.errors import ExitCode
from vidup.state.journal import StateFolder
from vidup.state.lock import Lock
from vidup.upload.acting import Acts
from vidup.upload.crowd import Crowd
from vidup.upload.dice import LONGEST_BACKOFF
from vidup.upload.dispatcher import Dispatcher, Stopping
from vidup.upload.ending import World as Outside
from vidup.upload.health import RetryBudget
from vidup.upload.order import Order
from vidup.upload.outcome import Report, combined
from vidup.upload.pacing import Pacer
from vidup.upload.roster import Roster
from vidup.upload.upload import Upload
from vidup.verdicts.rules import TABLE

FOLDER: Final = Path("/state")
BASE_URL: Final = "https://ws.api.video"


class _Held:
    """A lock that nobody else wants: in a story one process runs at a time."""

    def release(self) -> None:
        return


class _Folder(StateFolder):
    """The records on the world's disk. Locks are the kernel's, and not of this world."""

    def lock(self, upload_id: str) -> Lock:
        return _Held()  # type: ignore[return-value]


def run(world: World, command: Command) -> tuple[int, list[Ending]]:
    """One process from its begin to its end. Killed passes through it."""
    reports: dict[int, Report] = {}

    def backoff(failures: int) -> float:
        return world.rng.uniform(0.0, min(LONGEST_BACKOFF, 2.0 ** (failures - 1)))

    def deliver(number: int, report: Report) -> bool:
        reports[number] = report
        if command.manifest:
            try:
                manifest.write(world.disk, world.run, _ending(command.uploads[number], report))
            except OSError:
                return False
        if report.exit_code in THROUGH and report.video_id:
            world.given_out.add(report.video_id)
        return True

    acts, folder = Acts(TABLE, backoff), _Folder(FOLDER, world.disk)
    outside = Outside(
        world.open_source, folder, world.now, world.wall, world.stop.is_set, lambda seconds: seconds * world.rng.uniform(0.8, 1.2)
    )
    crowd = Crowd([None] * len(command.paths))

    def make(number: int) -> Upload:
        order = _order(command, command.paths[number], f"{world.run}-{number}")
        return Upload(number, order, outside, acts, lambda _event: None, lambda report: deliver(number, report), crowd)

    roster = Roster(len(command.paths), make)
    stopping = Stopping(world.stop.is_set, lambda: ExitCode.SIGINT)
    budget, pacer = RetryBudget(command.retry_for), Pacer(backoff, world.rng.random)
    pool = FakePool(world, command.jobs)
    Dispatcher(roster, pool, acts, budget, pacer, backoff, world.now, stopping, lambda _event: None, BASE_URL, not command.delegated).run()
    endings = [_ending(upload, reports[number]) for number, upload in enumerate(command.uploads)]
    return int(combined([report.exit_code for report in reports.values()])), endings


def _order(command: Command, path: str, nonce: str) -> Order:
    return Order(
        path=path, base_url=BASE_URL, key=ApiKey("key", "the story", command.delegated), state_dir=FOLDER, video_id=command.video_id,
        part_size=command.part_size, jobs=command.jobs, retry_for=command.retry_for, nonce=nonce,
        wait=command.wait, portable=command.portable, skip_existing=command.skip,
    )  # fmt: skip


def _ending(upload: int, report: Report) -> Ending:
    return Ending(
        upload, int(report.exit_code), report.status, report.video_id, report.total_parts, report.parts_done, report.parts_sent,
        report.parts_skipped, report.resumable, report.error.what if report.error is not None else "", report.whole,
    )  # fmt: skip
