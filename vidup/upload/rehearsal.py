"""CONDUCTOR: uploads as far as they go without creating or sending anything: the file, the plan, the key, what would be continued."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

from vidup.api.credentials import ApiKey
from vidup.errors import VidupError
from vidup.events import Tell
from vidup.inert import inert
from vidup.plan.forecast import Forecast
from vidup.plan.foreseen import OpenForecast
from vidup.plan.openplan import USUAL_PART, OpenPlan
from vidup.plan.parts import Plan, plan_for
from vidup.plan.rate import most_in_part
from vidup.source.videofile import open_video
from vidup.units import show_size
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

    def who(self) -> str:
        """Who would upload: the key, or the token."""
        if self.key.delegated:
            return f"token     from {self.key.source}; only an upload can tell whether it is good"
        return f"key       accepted (from {self.key.source})"

    def lines(self) -> list[str]:
        """The same for a person."""
        return [
            *self.forecast.lines(),
            self.who(),
            f"upload    {self._begun()}; nothing was created or sent",
        ]

    def line(self) -> str:
        """The same of one file among several."""
        plan, done = self.forecast.plan, self.forecast.parts_done
        parts = "1 part" if plan.total_parts == 1 else f"{plan.total_parts} parts"
        sent = f", {done} of them on the server" if done else ""
        return f"{inert(self.forecast.file)} ({show_size(plan.size)}, {parts}{sent}): {self._begun()}"

    def _begun(self) -> str:
        if self.upload_id:
            return f"{self.upload_id} would be continued, into the video {self.video_id}"
        return f"a new upload into the video {self.video_id}" if self.video_id else "a new upload, into a new video"


def plan_file(
    path: str, part_size: int | None, jobs: int, uploads_per_minute: int, limit_rate: int | None = None, by_token: bool = False
) -> Forecast:  # fmt: skip
    """The forecast for this file; `part_size` in bytes or None to have one chosen, `limit_rate` in bytes a second; `by_token`: an upload
    token alone will send it.

    Raises VidupError(FILE) for what is no video file.
    """
    with closing(open_video(path)) as video:
        size = video.size
    plan = plan_for(size, part_size, jobs, uploads_per_minute, most_in_part(jobs, limit_rate, by_token))
    return Forecast(path, plan, uploads_per_minute, limit_rate=limit_rate, by_token=by_token)


def plan_stream(part_size: int | None, jobs: int, uploads_per_minute: int, limit_rate: int | None = None) -> OpenForecast:
    """The forecast for a stream, of which nothing is read."""
    from vidup.source.stream import AHEAD

    usual = min(USUAL_PART, most_in_part(jobs, limit_rate) or USUAL_PART)
    return OpenForecast("-", OpenPlan(part_size or usual), uploads_per_minute, jobs + AHEAD)


def rehearse(orders: Sequence[Order], tell: Tell, trace: Callable[[str], None] | None = None) -> list[Rehearsal | VidupError]:
    """Find out what these uploads would do, by the first step of each, after one log in; or what would stop them."""
    planned = [_planned(order) for order in orders]
    good = [number for number, forecast in enumerate(planned) if isinstance(forecast, Forecast)]
    outcomes: dict[int, Rehearsal | VidupError] = {number: error for number, error in enumerate(planned) if isinstance(error, VidupError)}

    def hand_in(number: int, place: int, report: Report) -> bool:
        forecast = planned[number]
        assert isinstance(forecast, Forecast)
        found = next((upload.foreseen for upload in batch.uploads if upload.number == place), None)  # it is gone once its report is
        outcomes[number] = report.error or _rehearsal(orders[number], forecast, found or Found(None))
        return True

    if good:
        look = partial(Order._replace, rehearse=True, retry_for=PATIENCE)
        handed = [(look(orders[number]), tell, partial(hand_in, number, place)) for place, number in enumerate(good)]
        batch = Batch(handed, tell, trace=trace)
        batch.run()
    return [outcomes[number] for number in range(len(orders))]


def _planned(order: Order) -> Forecast | VidupError:
    try:
        return plan_file(order.path, order.part_size, order.jobs, order.uploads_per_minute, order.limit_rate, order.key.delegated)
    except VidupError as error:
        return error


def _rehearsal(order: Order, forecast: Forecast, found: Found) -> Rehearsal:
    if found.known is None:
        return Rehearsal(forecast, order.key, None, None)
    known = found.known
    done = known.total_parts if found.ledger.complete else len(found.ledger.parts)
    forecast = replace(forecast, plan=Plan(known.size, known.total_parts), parts_done=done)
    return Rehearsal(forecast, order.key, known.upload_id if found.record is not None else None, known.video_id)
