"""CONDUCTOR: one upload from the path to the report: which video, which parts are missing, sent, and confirmed whole by the server."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

from vidup.api.client import Api
from vidup.api.credentials import ApiKey
from vidup.api.ledger import Ledger, foreign_parts
from vidup.api.transport.transport import Trace
from vidup.errors import Cancelled, ExitCode, VidupError
from vidup.events import Finishing, Note, Resumed, Started, Tell
from vidup.plan.parts import WARN_SIZE, Plan
from vidup.source.videofile import VideoFile, open_video
from vidup.state.journal import StateFolder
from vidup.state.record import Checkpoint
from vidup.units import show_size
from vidup.upload.attempts import Question, another_writer, completed_by_another
from vidup.upload.container import Container, ask_ledger
from vidup.upload.line import Line, open_line
from vidup.upload.opening import Containers
from vidup.upload.order import Order
from vidup.upload.pacing import Backoff, Kind, Pacer, Patience, RetryBudget, Stop, full_jitter
from vidup.upload.report import Refused, Report
from vidup.upload.sending import Sending
from vidup.upload.tally import Tally
from vidup.upload.workers import Workers

_END_PATIENCE = 60.0
"""Seconds that an unfinished state is polled for."""

_LOST_AFTER = 30.0
"""Seconds after which a part that was accepted, but that the status does not list, counts as lost and is sent again."""

_LAG = 5.0
"""Seconds that a status may lag behind an answer that it does not explain."""

_MOST_ROUNDS = 2
"""Reconciles in a row that bring no news."""


class Upload:
    """One run. `stop_with` may be called at any moment from anywhere, `report` be read at any moment."""

    def __init__(self, order: Order, tell: Tell, backoff: Backoff = full_jitter, trace: Trace | None = None) -> None:
        self._stop = Stop()
        self._stopped_by = ExitCode.SIGINT
        self.tally = Tally()
        self._order = order
        self._tell = tell
        self._backoff = backoff
        self._trace = trace
        self._began = time.monotonic()
        self._video: VideoFile | None = None
        self._upload_id: str | None = None
        self._container: Container | None = None
        self._known: Checkpoint | None = None
        self._skipped = 0
        self._done: set[int] = set()

    def stop_with(self, code: ExitCode) -> None:
        """End soon, as interrupted with this code; may be called inside a signal handler."""
        self._stopped_by = code
        self._stop.set()

    def run(self, deliver: Callable[[Report], bool]) -> Report:
        """Upload, and hand the report to `deliver`, also after a failure. Raises nothing but faults of vidup itself.

        The record is dropped only once `deliver` has said that a good result is out.
        """
        try:
            with closing(open_video(self._order.path)) as video:
                self._video = video
                return self._run_locked(video, deliver)
        except VidupError as error:
            report = self.report("failed", error.code, error)
        except Cancelled:
            report = self.report("interrupted", self._stopped_by)
        deliver(report)
        return report

    def report(self, status: str, code: ExitCode, error: VidupError | None = None) -> Report:
        """What this run has come to so far."""
        numbers, container, known = self.tally.snapshot(), self._container, self._known
        plan = container.plan if container else Plan(known.size, known.total_parts) if known else None
        recorded = status != "uploaded" and plan is not None and code is not ExitCode.UNKNOWN
        return Report(
            status=status,
            file=self._order.path,
            exit_code=code,
            upload_id=self._upload_id,
            video_id=container.video_id if container else known.video_id if known else None,
            size=self._video.size if self._video else None,
            part_size=plan.part_size if plan else None,
            total_parts=plan.total_parts if plan else None,
            parts_done=len(self._done),
            parts_sent=len(self._done) - self._skipped,
            parts_skipped=self._skipped,
            retries=self.tally.retries,
            bytes_sent=numbers.bytes_handed,
            seconds=time.monotonic() - self._began,
            title=container.text("title") if container else None,
            public=container.public if container else True,
            assets=container.assets if container else None,
            resumable=code.resumable or recorded,
            error=error,
        )

    def _run_locked(self, video: VideoFile, deliver: Callable[[Report], bool]) -> Report:
        if video.size > WARN_SIZE:
            self._tell(Note(f"{video.name} is {show_size(video.size)}: api.video's reference names 30 GiB as the limit of a video", True))
        folder = StateFolder(self._order.state_dir)
        folder.prepare()
        line = self._line()
        containers = Containers(self._order, video, folder, line, self._tell)
        self._upload_id = containers.upload_id
        self._known = None if self._order.restart else containers.known
        with closing(line.workers), folder.locked(containers.upload_id):
            line.workers.prepare(containers.parts_expected, line.api.connect)
            container = self._container = containers.open()
            with closing(container):
                self._complete(line, video, container)
                report = self.report("uploaded", ExitCode.OK)
                if deliver(report):
                    self._forget(folder, containers.upload_id)
        return report

    def _forget(self, folder: StateFolder, upload_id: str) -> None:
        """Drop the record of a finished upload; the result is out, so nothing may fail any more."""
        try:
            folder.forget(upload_id)
        except OSError as error:
            self._tell(Note(f"the record of this finished upload could not be removed ({error.strerror or error})", True))

    def _line(self) -> Line:
        order = self._order
        patience = Patience(self._stop, RetryBudget(order.retry_for), Pacer(), lambda: self.tally.bytes_handed, self._backoff)
        return Line(Api(order.base_url, order.key, timeout=order.timeout, trace=self._trace), Workers(order.jobs), patience, self._tell)

    def _complete(self, line: Line, video: VideoFile, container: Container) -> None:
        """Send and ask, until the server has the whole. The server's word counts at the start of each round and at the end."""
        ledger, idle_rounds, question = container.ledger, 0, None
        accepted: set[int] = set()
        self._skipped = container.plan.total_parts if ledger.complete else len(ledger.parts)
        while not ledger.complete:
            _refuse_foreign(container, ledger)
            if not ledger.open:
                ledger = self._await_news(line, container, ledger, None, _END_PATIENCE)
                if not ledger.complete:
                    raise _unfinished(ledger)
                break
            before, question = ledger, self._send(line, video, container, ledger, accepted)
            if question is None:
                self._tell(Finishing())
            lag = _LOST_AFTER if question is None else _LAG * idle_rounds
            ledger = self._await_news(line, container, before, question, lag)
            if ledger.complete or not ledger.open:
                continue
            idle_rounds = 0 if (ledger.parts, ledger.total) != (before.parts, before.total) else idle_rounds + 1
            if idle_rounds >= _MOST_ROUNDS:
                raise _no_news(question)
            container.agree(ledger)
        if not ledger.may_hold(video.size):
            raise VidupError(
                ExitCode.REJECTED, f"The server holds {ledger.filesize} bytes, but {video.name} has {video.size}",
                cause="the video on the server is not this file", advice="Upload it again with --restart.",
            )  # fmt: skip
        _refuse_foreign(container, ledger)
        if not container.vouched and not _all_ours(container, ledger):
            raise completed_by_another()
        self._done = set(range(1, container.plan.total_parts + 1))
        container.describe()

    def _send(self, line: Line, video: VideoFile, container: Container, ledger: Ledger, accepted: set[int]) -> Question | None:
        done = self._done = set(ledger.parts)
        self.tally.begin(container.plan, done)
        self._announce(video, container, done)
        sending = Sending(
            line, video, container.video_id, container.plan, done, tally=self.tally, notebook=container,
            accepted=accepted, attempted=None if container.vouched else container.attempted,
        )  # fmt: skip
        try:
            return sending.run()
        except BaseException:
            if done and _has_changed(video):
                container.file_changed()
            raise
        finally:
            if sending.answer is not None:
                container.video = sending.answer

    def _announce(self, video: VideoFile, container: Container, done: set[int]) -> None:
        plan = container.plan
        if done:
            self._tell(Resumed(len(done), plan.total_parts, "server"))
        self._tell(
            Started(
                file=video.name, size=video.size, total_parts=plan.total_parts, part_size=plan.part_size, jobs=self._order.jobs,
                target=self._order.base_url, video_id=container.video_id, upload_id=self._upload_id or "", parts_done=len(done),
            )
        )  # fmt: skip

    def _await_news(self, line: Line, container: Container, before: Ledger, question: Question | None, patience: float) -> Ledger:
        """Ask the status, and while it is unfinished and tells nothing new, for it may lag, ask again for `patience` seconds."""
        until, pause = time.monotonic() + patience, 0.5
        while True:
            ledger = container.ask_ledger()
            news = question is not None and (ledger.parts, ledger.total) != (before.parts, before.total)
            closed = question is not None and not ledger.open
            if ledger.complete or news or closed or time.monotonic() + pause > until:
                return ledger
            line.patience.sleep(pause)
            pause = min(pause * 2, 5.0)


def _all_ours(container: Container, ledger: Ledger) -> bool:
    """Whether every part of a container that nobody vouches for may have been stored by this upload."""
    return not container.plan.missing(container.attempted) and ledger.total in (None, container.plan.total_parts)


def _has_changed(video: VideoFile) -> bool:
    try:
        video.check_unchanged()
    except VidupError:
        return True
    return False


def _refuse_foreign(container: Container, ledger: Ledger) -> None:
    if not container.vouched and (foreign := foreign_parts(ledger, container.attempted)):
        raise another_writer(foreign)


def _no_news(question: Question | None) -> VidupError:
    if question is not None:
        return Refused(question.rule, question.reply, "The server refuses parts, and its status does not say why")
    return VidupError(
        ExitCode.AGAIN, "The server confirmed every part, but its status does not list them all",
        advice="Run the same command again later.",
    )  # fmt: skip


def _unfinished(ledger: Ledger) -> VidupError:
    return VidupError(
        ExitCode.AGAIN, "Every part is sent, but the server has not put the video together yet",
        cause=f'its status is "{ledger.state}"', advice="Run the same command again in a minute: nothing is sent twice.",
    )  # fmt: skip


def delete_container(known: Checkpoint, key: ApiKey, tell: Tell) -> None:
    """Delete the unfinished video of a record, to be called under its lock.

    Raises VidupError where it is not vidup's to delete: not created by vidup, already complete, or refused by the server.
    """
    if not known.created:
        raise VidupError(
            ExitCode.REJECTED, f"The video {known.video_id} was not created by vidup, so vidup does not delete it",
            advice="Forget the record without --delete-video.",
        )  # fmt: skip
    line = open_line(known.base_url, key, tell, retry_for=60.0)
    if ask_ledger(line, known.video_id).complete:
        raise VidupError(
            ExitCode.REJECTED, f"The video {known.video_id} is complete on the server, so vidup does not delete it",
            advice="Forget the record without --delete-video.",
        )  # fmt: skip
    line.ask(Kind.WRITE, lambda: line.api.delete_video(known.video_id), f"The video {known.video_id} could not be deleted")
