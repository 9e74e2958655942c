"""One upload run in this process, as the command runs it, without its view and its signals."""

from __future__ import annotations

from collections.abc import Callable

from vidup.events import Tell
from vidup.upload.batch import Batch
from vidup.upload.order import Order
from vidup.upload.outcome import Report


def run_upload(
    order: Order, tell: Tell = lambda _event: None, *, backoff: float = 0.0, deliver: Callable[[Report], bool] = lambda _report: True
) -> Report:
    """Upload, and return the report; every failure is followed by a wait of `backoff` seconds."""
    reports: list[Report] = []

    def keep(report: Report) -> bool:
        reports.append(report)
        return deliver(report)

    Batch([(order, tell, keep)], tell, backoff=lambda _failures: backoff).run()
    (report,) = reports
    return report
