"""CONDUCTOR: an upload as far as it goes without creating or sending anything: the file, the plan, the key, what would be continued."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace

from vidup.api.credentials import ApiKey
from vidup.events import Tell
from vidup.plan.forecast import Forecast
from vidup.plan.parts import Plan, choose_total, total_parts_for
from vidup.plan.rate import most_in_part
from vidup.source.videofile import open_video
from vidup.upload.batch import Batch
from vidup.upload.opening import Found
from vidup.upload.order import Order
from vidup.upload.outcome import Report
from vidup.upload.questions import PATIENCE


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What the upload would do: `upload_id` of what it would continue, `video_id` it would go into; None for a new one."""

    forecast: Forecast
    key: ApiKey
    upload_id: str | None
    video_id: str | None

    def to_json(self) -> dict[str, object]:
        """The plan's object, and what of the upload exists already."""
        return {
            **self.forecast.to_json(),
            "upload_id": self.upload_id,
            "video_id": self.video_id,
            "parts_done": self.forecast.parts_done,
        }

    def _who(self) -> str:
        if self.key.delegated:
            return f"token     from {self.key.source}; only an upload can tell whether it is good"
        return f"key       accepted (from {self.key.source})"

    def lines(self) -> list[str]:
        """The same for a person."""
        if self.upload_id:
            begun = f"{self.upload_id} would be continued, into the video {self.video_id}"
        else:
            begun = f"a new upload into the video {self.video_id}" if self.video_id else "a new upload, into a new video"
        return [*self.forecast.lines(), self._who(), f"upload    {begun}; nothing was created or sent"]


def plan_file(
    path: str, part_size: int | None, jobs: int, uploads_per_minute: int, limit_rate: int | None = None, by_token: bool = False
) -> Forecast:  # fmt: skip
    """The forecast for this file; `part_size` in bytes or None to have one chosen, `limit_rate` in bytes a second; `by_token`: an upload
    token alone will send it.

    Raises VidupError(FILE) for what is no video file.
    """
    with closing(open_video(path)) as video:
        size = video.size
    most = most_in_part(jobs, limit_rate, by_token)
    total = total_parts_for(size, part_size) if part_size else choose_total(size, jobs, uploads_per_minute, most)
    return Forecast(path, Plan(size, total), uploads_per_minute, limit_rate=limit_rate, by_token=by_token)


def rehearse(order: Order, tell: Tell, trace: Callable[[str], None] | None = None) -> Rehearsal:
    """Find out what this upload would do, by the first step of it. Raises VidupError for what would stop it."""
    forecast = plan_file(order.path, order.part_size, order.jobs, order.uploads_per_minute, order.limit_rate, order.key.delegated)
    reports: list[Report] = []

    def deliver(report: Report) -> bool:
        reports.append(report)
        return True

    only_look = order._replace(rehearse=True, retry_for=PATIENCE)
    batch = Batch([(only_look, tell, deliver)], tell, trace=trace)
    batch.run()
    (upload,), (report,) = batch.uploads, reports
    if report.error is not None:
        raise report.error
    found = upload.foreseen or Found(None)
    if found.known is None:
        return Rehearsal(forecast, order.key, None, None)
    known = found.known
    done = known.total_parts if found.ledger.complete else len(found.ledger.parts)
    forecast = replace(forecast, plan=Plan(known.size, known.total_parts), parts_done=done)
    return Rehearsal(forecast, order.key, known.upload_id if found.record is not None else None, known.video_id)
