"""CONDUCTOR: one upload as a machine: asked what it wants to send now, told what came back, and in the end what it came to.

It waits for nothing. Opening, sending, confirming, describing and watching until the video plays are its steps; `Dispatcher`
drives any number of uploads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, TypeVar

from vidup.api.ledger import LAG
from vidup.api.videostatus import VideoStatus
from vidup.errors import Cancelled, ExitCode, VidupError
from vidup.events import Note, Resumed, Started, Tell
from vidup.inert import inert
from vidup.plan.parts import WARN_SIZE
from vidup.source.videofile import FileChanged
from vidup.state.finished import forget_finished
from vidup.state.lock import Lock
from vidup.state.record import Checkpoint
from vidup.units import show_size
from vidup.upload.acting import Action, Acts
from vidup.upload.asking import Asking, KnownKey, May, Rest, Script
from vidup.upload.confirming import UNDESCRIBED, confirm, describe
from vidup.upload.container import Container
from vidup.upload.ending import CUT_GRACE, GRACE, Ending, World
from vidup.upload.exchange import Answer, Request, Source, Verb
from vidup.upload.opening import Found, Opening
from vidup.upload.order import Order
from vidup.upload.outcome import ON_SERVER, Elsewhere, Report, can_go_on
from vidup.upload.partbook import GOOD
from vidup.upload.sending import Sending
from vidup.upload.tally import Tally, Unwatched
from vidup.upload.waiting import Turns, Wait, Waiting, cannot_be_encoded, does_not_play_yet

T = TypeVar("T")

_NEWS_EVERY: Final = 0.1
"""Seconds between two looks at a source that still grows."""


class Upload:
    """One upload, counted in `crowd`. `deliver` is given its report once; if it says that a good result is out, the record goes."""

    def __init__(
        self, number: int, order: Order, world: World, acts: Acts, tell: Tell, deliver: Callable[[Report], bool], crowd: Unwatched,
    ) -> None:  # fmt: skip
        self.number = number
        self.order = order
        self.tally = Tally()
        self.over = False
        self.in_flight = 0
        self.foreseen: Found | None = None
        self.opening: Opening | None = None
        self._world = world
        self._acts = acts
        self._tell = tell
        self._deliver = deliver
        self._crowd = crowd
        self._began = world.now()
        self._ahead = False
        self._source: Source | None = None
        self._source_closed = False
        self._lock: Lock | None = None
        self._container: Container | None = None
        self._step: Asking[Container | bool | None] | Waiting | Sending | None = None
        self._last_step: Asking[Container | bool | None] | None = None
        self._turns = Turns()
        self._whole_at = 0.0
        self._whole = False
        self._dropped: list[int] = []
        self._ending: Ending | None = None

    # -- what the dispatcher asks --------------------------------------------------------------------------------

    @property
    def begun(self) -> bool:
        """Whether its first step was made."""
        return self.opening is not None or self.is_waiting or self._ending is not None

    @property
    def is_waiting(self) -> bool:
        """Whether its video is whole, and only waited for until it plays: it then holds nothing, and no patience but its own ends it."""
        return isinstance(self._step, Waiting)

    @property
    def seen(self) -> VideoStatus | None:
        """The last status of a video that is, or was, waited for."""
        return self._step.seen if isinstance(self._step, Waiting) else None

    def patience_left(self, otherwise: float) -> float:
        """Seconds for which it goes on waiting, or what holds for all that send."""
        return self._step.left(self._world.now()) if isinstance(self._step, Waiting) else otherwise

    @property
    def error(self) -> VidupError | None:
        """What it ends with, or is about to."""
        return self._ending.error if self._ending is not None else None

    @property
    def owes_part(self) -> bool:
        """Whether its video is being made, or was made and nothing has been sent into it: what a kill now would leave behind empty."""
        if isinstance(self._step, Sending):
            return self._container is not None and not self._container.book.may_be_on_server
        return isinstance(self._step, Asking) and self._step.is_out_for(Verb.CREATE)

    @property
    def parts_left(self) -> int:
        """Parts that are neither on the server nor on their way; 0 where none may be sent now."""
        if not isinstance(self._step, Sending) or self._container is None:
            return 0
        return self._container.book.left if self._container.named else int(not self._step.flights)

    @property
    def is_confirming(self) -> bool:
        """Whether every part is good and only the server's word is awaited."""
        return self._container is not None and self._container.book.all_good and not self.is_waiting

    @property
    def parts_good(self) -> int:
        """Parts that are known to be on the server."""
        return self._container.book.good if self._container is not None else 0

    def begin(self, ahead: bool = False) -> None:
        """Look at the file and for what was begun earlier, take the lock, and think of the first question.

        `ahead`: it is not its turn yet. Its time, and its place among those that are under way, begin with its first request.
        """
        self._ahead = ahead
        self._guarded(self._begin)

    def want(self, may: May, probing: bool) -> Request | None:
        """The request to make now, if it has one that may go out."""
        if not self.asks_on:
            return None
        if isinstance(self._step, Asking) and self._step.is_out:  # as most of many files are
            return None
        if isinstance(self._step, Sending) and self._step.is_all_out(self._world.now()):  # as the others are
            return None
        request = self._guarded(lambda: self._want(may, probing))
        if request is not None:
            self.in_flight += 1
            if self._ahead and self._source is not None:
                self._ahead, self._began = False, self._world.now()
                self._crowd.began(self.number, self._source.name, self._source.size, self.tally)
        return request

    def take(self, answer: Answer, action: Action | None) -> None:
        """An answer came, and what is to be done about it; None where its body raised."""
        self.in_flight -= 1
        if not self.over:
            self._guarded(lambda: self._take(answer, action))
        elif self.in_flight == 0:
            self._close_source()

    def look(self) -> bool:
        """Note the time; whether bytes moved since the last look."""
        moved = self._step.look(self._world.now()) if isinstance(self._step, Sending) else False
        if isinstance(self._step, Waiting) and self._step.is_over(self._world.now()):
            video_id, patience = self._step.video_id, self.order.wait or 0.0
            self._end("uploaded", ExitCode.NOT_PLAYABLE, does_not_play_yet(video_id, patience, self._step.seen))
        return moved

    def settle(self) -> None:
        """Write down what was confirmed, and tell what it came to, once it is over; the next requests went out first, and need not wait."""
        if self._container is not None:
            self._container.settle()
        self._close_if_over()

    def dropped(self) -> list[int]:
        """Parts whose answer nobody needs any more, since the last call."""
        dropped, self._dropped = self._dropped, []
        return dropped

    def wake(self, turn: float) -> float:
        """When, after this moment, it may want something again, or ends; infinity where that hangs on an answer."""
        if self._ending is not None:
            return min(self._ends_at(), self._step.wake()) if self._is_completing and isinstance(self._step, Asking) else self._ends_at()
        if isinstance(self._step, Sending):
            grows = self._container is not None and not self._container.plan.released
            return min(self._step.wake(turn), turn + _NEWS_EVERY) if grows else self._step.wake(turn)
        return self._step.wake() if self._step is not None else math.inf

    def rests_until(self, now: float) -> float | None:
        """When it wants to be looked at again, where it only waits until its video plays and that is later; else None."""
        if self._ending is not None or self.over or self.in_flight or not isinstance(self._step, Waiting):
            return None
        until = self._step.rests_until
        return until if until > now else None

    @property
    def flying(self) -> bool:
        """Whether a body is on its way."""
        return isinstance(self._step, Sending) and bool(self._step.flights)

    def line_is_back(self) -> None:
        """The line was down and is up again: nothing needs to wait any longer."""
        if self._step is not None:
            self._step.line_is_back(self._world.now())

    def takes_turns(self, turns: Turns) -> None:
        """Wait in turn with others; to be called before it begins."""
        self._turns = turns

    def heard_through(self, through: Callable[[int, Tell], Tell]) -> None:
        """Have all that it tells pass through this; to be called before it begins."""
        self._tell = through(self.number, self._tell)

    # -- how it ends ---------------------------------------------------------------------------------------------

    def stop(self, code: ExitCode) -> None:
        """End soon, as interrupted with this code; but where nothing is left undone, or not within the grace, as uploaded."""
        self._end(*(("uploaded", ExitCode.OK) if self._is_whole and self.order.wait is None else ("interrupted", code)), None)

    def fail(self, error: VidupError) -> None:
        """End soon, with this error; but where only the object of a whole video is not read yet, the line's patience and the state folder's
        disk end nothing: it is done without."""
        if self._whole and not self.is_waiting and error.code in (ExitCode.AGAIN, ExitCode.FILE):
            if self._ending is None:
                self._tell(UNDESCRIBED)
                self._wait_or_end()
        else:
            self._end("failed", error.code, error)

    def crash(self, error: VidupError) -> None:
        """End at once, for a fault of vidup itself."""
        self._ending = Ending("failed", error.code, error, -math.inf)
        self.over = False  # also where it failed while its report was being shown
        if isinstance(self._step, Sending):
            self._step.cut.set()
        self._close_if_over()

    def report(self) -> Report:
        """What it has come to so far."""
        container, known = self._container, self._known
        if container is not None and not container.named:
            container = None  # nothing is on the server that could be gone on with
        book = container.book if container else None
        plan = book.plan if book else known.plan if known else None
        ending = self._ending or Ending("interrupted", ExitCode.SIGINT, None, 0.0)
        good, skipped = (book.good, min(book.began_with, book.good)) if book else (0, 0)
        return Report(
            status=ending.status,
            file=self.order.path,
            exit_code=ending.code,
            upload_id=self.opening.upload_id if self.opening else None,
            video_id=container.video_id if container else known.video_id if known else self.order.video_id,
            size=plan.size if plan and plan.ended else (self._source.size or None) if self._source else None,
            part_size=plan.part_size if plan else None,
            total_parts=plan.total_parts if plan and plan.ended else None,
            parts_done=good,
            parts_sent=good - skipped,
            parts_skipped=skipped,
            retries=self.tally.retries,
            parts_again=self.tally.parts_again,
            bytes_sent=self.tally.bytes_handed,
            seconds=self._world.now() - self._began,
            title=container.title if container else None,
            public=container.public if container else True,
            assets=container.assets if container else None,
            resumable=not self._is_whole and can_go_on(ending.error, ending.code, plan is not None),
            error=ending.error,
            skipped=container.was_there if container else False,
            whole=self._is_whole,
            waited=self._world.now() - self._whole_at if self.is_waiting else 0.0,
            seen=self.seen,
            content=self.opening.content if self.opening else None,
        )

    @property
    def _is_whole(self) -> bool:
        """Whether the server has all of it, whatever else may be wanted of it."""
        return self._whole or (self._ending is not None and self._ending.status in ON_SERVER and not self.order.watch)

    @property
    def _known(self) -> Checkpoint | None:
        return None if self.opening is None or self.order.restart else self.opening.known

    @property
    def asks_on(self) -> bool:
        """Whether it may still want to make a request."""
        return self._ending is None or self._is_completing

    @property
    def _is_completing(self) -> bool:
        """Whether it was stopped when all parts were good, and the server's word that it has the whole is still worth the grace."""
        step = self._last_step
        return self._ending is not None and self._ending.error is None and step is not None and step is self._step and not step.finished

    def _end(self, status: str, code: ExitCode, error: VidupError | None) -> None:
        if self._ending is not None and error is not None:
            self._last_step = None
        elif self._ending is None:
            self._ending = Ending(status, code, error, self._world.now() + GRACE)
            if isinstance(self._step, Sending):
                self._step.cut.set()
            if self._source is not None and not self._is_whole:
                self._source.stopping()

    def _ends_at(self) -> float:
        assert self._ending is not None
        flights = self._step.flights.values() if isinstance(self._step, Sending) else ()
        if isinstance(self._step, Asking) and self._step.is_out_for(Verb.CREATE):
            return self._ending.until  # what it makes should be known
        if self._is_completing:
            return self._ending.until
        if not flights:
            return -math.inf  # any other question may be left unanswered
        answering = any(flight.body.all_out for flight in flights)
        return self._ending.until if answering else self._ending.until - GRACE + CUT_GRACE

    def _close_if_over(self) -> None:
        if self._ending is None or self.over or self._world.now() < self._ends_at():
            return
        self.over = True
        if self._ending.code is not ExitCode.INTERNAL:  # after a fault of ours nothing more is tried but telling it
            if self._container is not None:
                self._container.settle()
            self._tell_what_is_left()
            if not self._is_whole:  # a stop looks at no part any more that would notice
                self._note_if_changed()
                if self._container is not None:
                    self._container.keep()
        if isinstance(self._step, Sending):
            self._dropped += self._step.flights  # else a worker may wait minutes for an answer that nobody needs
        self._crowd.ended(self.number, self._ending.status, self._container.book.bytes_good if self._container is not None else 0)
        report = self.report()
        if self._deliver(report) and report.is_through and self._container is not None:
            self._forget()
        self._release()

    def _release(self) -> None:
        """Give back what is held; the file once nobody reads it any more."""
        if self._container is not None:
            self._container.close()
        if isinstance(self._step, Asking):
            self._step.close()
        if self._lock is not None:
            self._lock.release()
        if self.in_flight == 0:
            self._close_source()

    def _close_source(self) -> None:
        """Once: its descriptor may be somebody else's afterwards."""
        if self._source is not None and not self._source_closed:
            self._source_closed = True
            self._source.close()

    def _forget(self) -> None:
        """Drop the record of a finished upload; the result is out, so nothing may fail any more."""
        assert self._container is not None
        if self.is_waiting:  # its lock was given back, so that the record may be another's by now
            forget_finished(self._world.folder, self._container.known.upload_id, self._container.video_id)
            return
        try:
            self._container.journal.forget()
        except OSError as error:
            self._tell(Note(f"the record of this finished upload could not be removed ({error.strerror or error})", True))

    # -- its steps -----------------------------------------------------------------------------------------------

    def _guarded(self, act: Callable[[], T]) -> T | None:
        """Do a step; what it raises ends this upload, and a changed file is written down before anything else happens."""
        try:
            return act()
        except FileChanged as error:
            if self._container is not None:
                self._container.file_changed()
            self.fail(error)
        except VidupError as error:
            self._note_if_changed()
            self.fail(error)
        except Elsewhere as other:
            self._done_elsewhere(other)
        except Cancelled:
            pass  # whoever asked for the stop ends it, and knows the code
        return None

    def _begin(self) -> None:
        order, world = self.order, self._world
        if order.watch:
            self._crowd.began(self.number, order.path.rpartition("/")[2], 0, self.tally)  # of which nothing will be sent
            self._whole_at = world.now()
            self._wait_for(order.video_id or "", 0.0)
            return
        self._source = source = world.open_source(order.path)
        if not self._ahead:
            self._crowd.began(self.number, source.name, source.size, self.tally)
        if source.size > WARN_SIZE:
            self._tell(Note(f"{source.name} is {show_size(source.size)}: api.video's reference names 30 GiB as the limit of a video", True))
        if not order.rehearse:
            world.folder.prepare()
        self.opening = Opening(order, source, world.folder, self._tell, world.now, world.wall, world.stop, world.finished)
        if not order.rehearse or self.opening.known is not None:  # without a record a lock would only leave a file behind
            self._lock = world.folder.lock(self.opening.upload_id)
        source.read_in(self.opening.part_size)
        self._ask(self._foresee() if order.rehearse else self._open())

    def _open(self) -> Script[Container]:
        """The container, once there is something to send."""
        assert self.opening is not None and self._source is not None
        while not self._source.has_begun():
            yield Rest(_NEWS_EVERY)
        return (yield from self.opening.open())

    def _foresee(self) -> Script[None]:
        assert self.opening is not None
        yield KnownKey()
        self.foreseen = yield from self.opening.find()

    def _ask(self, script: Script[Container] | Script[bool] | Script[None], is_last: bool = False) -> None:
        step: Asking[Container | bool | None] = Asking(self.number, script, self._tell)
        self._step = step
        self._last_step = step if is_last else None
        step.begin(self._world.now())
        self._next_step()

    def _want(self, may: May, probing: bool) -> Request | None:
        now = self._world.now()
        if isinstance(self._step, Sending):
            self._take_news()
            self._next_step()
        if isinstance(self._step, Sending):
            return self._step.want(now, may, probing)
        request = self._step.want(now, may) if self._step is not None else None
        self._next_step()
        return request

    def _take_news(self) -> None:
        """Hear how far a source has grown."""
        container, source = self._container, self._source
        assert container is not None and source is not None
        grown = source.news(lambda number: container.book.state(number) in GOOD)
        if grown is not None:
            container.grow(grown)

    def _take(self, answer: Answer, action: Action | None) -> None:
        step = self._step
        if isinstance(step, Sending):
            if answer.request.verb is Verb.PART and answer.request.part not in step.flights:
                return
            if action is None:
                step.failed_body(answer)
            else:
                step.take(answer.request, action, self._world.now())
            self._dropped += step.dropped
            step.dropped = []
        elif isinstance(step, Asking) and action is not None and step.is_out_for(answer.request.verb):
            if self._ending is None or self._is_completing or answer.request.verb is Verb.CREATE:
                step.take(action, self._world.now())
            if self._ending is not None and step.finished and isinstance(step.result, Container):
                self._container = step.result
        self._next_step()

    def _next_step(self) -> None:
        """Go on to the step that follows, once one is finished."""
        step = self._step
        if step is None or not step.finished:
            return
        if self._ending is not None:
            self._complete(step)
        elif isinstance(step, Sending):
            self._confirm()
        elif isinstance(step, Waiting):
            plays = bool(step.result.playable)
            self._end(*(("playable", ExitCode.OK, None) if plays else ("uploaded", ExitCode.ENCODING, cannot_be_encoded(step.result))))
        elif self.order.rehearse:
            self._end("foreseen", ExitCode.OK, None)
        elif isinstance(step.result, Container):
            self._container = step.result
            self._send_or_confirm()
        elif step.result is False:
            self._send_or_confirm()
        elif step.result is True:
            self._describe()
        else:
            self._wait_or_end()

    def _complete(self, step: Asking[Container | bool | None] | Waiting | Sending) -> None:
        """The step that follows one which was finished in the grace of a stop: sending may, but opening does not, lead on to an end."""
        assert self._ending is not None
        if isinstance(step, Sending):
            if self._ending.error is None and self._container is not None and self._container.book.all_good:
                self._confirm()
        elif step is self._last_step:
            self._last_step = None
            self._whole = self._whole or step.result is True
            if self.order.wait is not None:
                return  # what was to be waited for does not come in the grace of a stop
            if step.result is not False:
                self._ending = Ending("uploaded", ExitCode.OK, None, self._ending.until)
            if step.result is True:
                self._describe()

    def _send_or_confirm(self) -> None:
        container, source = self._container, self._source
        assert container is not None and source is not None
        self.tally.begin(container.book)
        container.refuse_foreign(container.ledger)
        if container.book.all_good or (container.plan.ended and not (container.ledger.open or container.ledger.complete)):
            self._confirm()
            return
        self._announce(container, source)
        self._step = Sending(self.number, source, container, self._acts, self.tally, self._tell)

    def _confirm(self) -> None:
        assert self._container is not None
        container, self._whole_at = self._container, self._world.now()
        self._ask(confirm(container, self._tell, self._world.now) if container.asks else _vouched(container, self._tell), is_last=True)

    def _describe(self) -> None:
        assert self._container is not None
        self._whole = True
        self._ask(describe(self._container, self._tell), is_last=True)

    def _wait_or_end(self) -> None:
        """The video is whole, and all is known of it that will be: what is left is to wait until it plays, where that is wanted."""
        if self.order.wait is None:
            self._end("uploaded", ExitCode.OK, None)
        else:
            self._hold_nothing()
            self._wait_for(self._container.video_id if self._container is not None else "", LAG)

    def _wait_for(self, video_id: str, lag: float) -> None:
        """Wait until this video plays. `lag` as in `Wait`."""
        patience = math.inf if self.order.wait is None else self.order.wait
        wait = Wait(video_id, self._source.name if self._source is not None else "", self._whole_at, patience, lag)
        self._step = step = Waiting(self.number, wait, self._turns, self._world.now, self._world.about, self._tell)
        step.begin(self._world.now())

    def _done_elsewhere(self, other: Elsewhere) -> None:
        """Another run was quicker, and its video will do: nothing is made, and nothing sent."""
        self._tell(Note(f"it was uploaded meanwhile, by another vidup, as {inert(other.video_id)}"))
        if self.order.wait is None or other.plays:
            self._end("playable" if other.plays else "uploaded", ExitCode.OK, None)
            return
        self._whole, self._whole_at = True, self._world.now()
        if self._lock is not None:
            self._lock.release()
        self._close_source()
        self._wait_for(other.video_id, 0.0)

    def _hold_nothing(self) -> None:
        """The video is whole: its record, which stays until it plays, is closed, others may look at it, and nobody reads the file."""
        assert self._container is not None
        self._tell(Note("the whole file is on the server; waiting until it plays"))
        self.tally.encoding = True
        self.settle()
        self._container.keep()  # a wait may last for hours, and the power fail in them: the video is not to be made once more
        self._container.close()
        if self._lock is not None:
            self._lock.release()
        if self.in_flight == 0:  # else a worker may still be reading a part that nobody needs
            self._close_source()

    def _announce(self, container: Container, source: Source) -> None:
        plan, done = container.plan, container.book.good
        total, size = (plan.total_parts, source.size) if plan.ended else (None, None)
        before = done if plan.ended or container.earlier is None else len(container.earlier.confirmed)
        if before:
            self._tell(Resumed(before, total, "server" if plan.ended and container.asks else "journal"))
        self._tell(
            Started(
                file=source.name, size=size, total_parts=total, part_size=plan.part_size, jobs=self.order.jobs,
                target=self.order.base_url, video_id=container.video_id,
                upload_id=self.opening.upload_id if self.opening else "", parts_done=done,
            )
        )  # fmt: skip

    def _tell_what_is_left(self) -> None:
        """Where part 1 was out and makes the video, its answer would have told which."""
        flights = self._step.flights.values() if isinstance(self._step, Sending) else ()
        if self._container is not None and not self._container.named and any(flight.body.all_out for flight in flights):
            from vidup.upload.delegated import left_behind

            self._tell(Note(left_behind(self._container), True))

    def _note_if_changed(self) -> None:
        """Whatever ends an upload, a file that has changed meanwhile must not be gone on with."""
        if self._container is None or self._source is None or self.is_waiting:
            return
        try:
            self._source.check_unchanged()
        except FileChanged:
            self._container.file_changed()
        except VidupError:
            return


def _vouched(container: Container, tell: Tell) -> Script[bool]:
    """The end where there is no status to ask."""
    from vidup.upload.delegated import vouch

    return vouch(container, tell)
