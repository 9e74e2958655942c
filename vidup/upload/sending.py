"""CORE: the sending of what is missing: which part or question goes out next, and what each answer does to the book of parts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from vidup.api.ledger import LAG, Ledger, read_ledger
from vidup.errors import Cancelled, VidupError
from vidup.events import PartChanged, Retrying, Tell
from vidup.upload.acting import Action, Acts, Do
from vidup.upload.asking import May
from vidup.upload.container import Container, not_this_split
from vidup.upload.cuts import MOST_CUTS, cut_too_often
from vidup.upload.delegated import FirstPart, explained, refuse_another
from vidup.upload.exchange import Answer, Request, Source, Verb
from vidup.upload.flights import Flight, Looking, Stopper
from vidup.upload.outcome import Refused, gave_up, refused, server_words
from vidup.upload.partbook import Doubt, Part
from vidup.upload.tally import Tally

_USUALLY_ANSWERED: Final = 10.0
"""Seconds after its last byte in which no answer is overdue."""

_OVERDUE: Final = 4.0
"""Times the median answer after which an answer is overdue."""

_MOST_DOUBLINGS: Final = 6
"""Of the wait between two looks at the status that bring no news."""

_MOST_UNANSWERED: Final = 3
"""Failures in a row of the status, after which parts are sent again without its word."""


@dataclass(eq=False, repr=False)
class Sending:
    """One round of sending into one container. It ends when every part is good, or `closed`: the server takes no more parts; or raises."""

    upload: int
    source: Source
    container: Container
    acts: Acts
    tally: Tally
    tell: Tell
    closed: bool = False
    flights: dict[int, Flight] = field(default_factory=dict)
    dropped: list[int] = field(default_factory=list)
    cut: Stopper = field(default_factory=Stopper)
    _looking: Looking = field(default_factory=Looking)
    _question: Action | None = None
    _asked_since: float = math.inf
    _answer_times: list[float] = field(default_factory=list)
    _listed_meanwhile: set[int] = field(default_factory=set)
    _first: FirstPart = field(default_factory=FirstPart)
    _maker: int = 0
    """The part that makes the video, where there is none yet."""

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to send."""
        return self.closed or (self.container.book.all_good and self._question is None)

    # -- what may go out -----------------------------------------------------------------------------------------

    def want(self, now: float, may: May, probing: bool) -> Request | None:
        """The request to make now, if one may go out. `probing`: the line is down, so that parts need not wait out their own turn."""
        if self._wants_status(now) and may(Verb.STATUS):
            self._looking.is_out, self._looking.asked_at = True, now
            return Request(Verb.STATUS, self.upload, self.container.video_id)
        if self._question is not None or self.cut.is_set():
            return None
        number = self.container.book.next(math.inf if probing else now)
        alone = not self.container.named  # one part makes the video that all others name
        if number is None or (alone and (self.flights or self._maker not in (0, number))) or not may(Verb.PART):
            return None
        self._maker = self._maker or number
        first = self.container.begin(number)
        plan, body = self.container.plan, self.source.body(self.container.plan.part(number), self.cut)
        request = Request(Verb.PART, self.upload, self.container.video_id, number, plan.content_range(number), body)
        self.flights[number] = Flight(request, body, first, now)
        self.tally.sending(number, body)
        self.tell(PartChanged(number, "sending", self.container.book.trouble(number).attempts))
        return request

    def is_all_out(self, now: float) -> bool:
        """Whether every part is good or on its way, and none for long enough to be asked about: then nothing is wanted. Soon told."""
        book = self.container.book
        if self._question is not None or book.unsure or not self.flights or not book.plan.ended or book.left:
            return False
        return now < min(flight.since for flight in self.flights.values()) + _USUALLY_ANSWERED

    def wake(self, now: float) -> float:
        """When something may go out again that may not now; infinity if that hangs on an answer."""
        moments = [self._status_due(now)]
        if self._question is None:
            moments.append(self.container.book.due() or math.inf)
        return min((moment for moment in moments if moment > now), default=math.inf)

    def line_is_back(self, now: float) -> None:
        """Nothing needs to wait any longer: neither parts, nor a status that could not be had."""
        self.container.book.wake(now)
        if self._looking.failures:
            self._looking.at = min(self._looking.at, now)

    def look(self, now: float) -> bool:
        """Note what moved since the last look; whether anything did."""
        moved = False
        for flight in self.flights.values():
            mark = (flight.body.handed, flight.body.moved_at)
            if mark != flight.mark:
                moved |= flight.mark[0] >= 0 or mark[0] > 0
                flight.mark, flight.since = mark, now
        return moved

    def _wants_status(self, now: float) -> bool:
        return now >= self._status_due(now)

    def _status_due(self, now: float) -> float:
        """When the status is to be asked next; infinity if nothing hangs on it, or it is being asked."""
        if self._looking.is_out or not self.container.asks:
            return math.inf
        if self._question is not None:
            return self._looking.at if not self.flights else math.inf
        if self.container.book.unsure:
            return self._looking.at
        out = (flight.since for flight in self.flights.values() if flight.body.all_out and self._is_ours(flight))
        overdue = min(out, default=math.inf)
        return max(self._looking.at, overdue + self._patience()) if overdue < math.inf else math.inf

    def _is_ours(self, flight: Flight) -> bool:
        """Whether the part can be only ours if it is listed while it is on its way: at its first try in a video of somebody else's
        another client may have stored that number, and only our own answer tells."""
        return self.container.vouched or not flight.first

    def _patience(self) -> float:
        times = sorted(self._answer_times)  # `statistics` would load `fractions` and `decimal` at every start
        return max(_USUALLY_ANSWERED, _OVERDUE * times[len(times) // 2]) if times else _USUALLY_ANSWERED

    # -- what came back ------------------------------------------------------------------------------------------

    def failed_body(self, answer: Answer) -> None:
        """The body itself raised: it was cut, or the file cannot be sent. Raises what is to end the upload."""
        number = self._landed(answer.request.part)
        if number in self._listed_meanwhile:
            self._confirmed(self.container.book.listed([number], on_their_way=True))
        elif self.container.book.state(number) == Part.SENDING:
            self.container.book.put_back(number)
        if not isinstance(answer.error, Cancelled) and answer.error is not None:
            raise answer.error

    def take(self, request: Request, action: Action, now: float) -> None:
        """An answer came. Raises VidupError when the upload cannot go on."""
        if request.verb is Verb.STATUS:
            self._take_status(action, now)
        else:
            self._take_part(self.flights[request.part], action, now)

    def _landed(self, number: int) -> int:
        self.tally.ended(number)
        del self.flights[number]
        return number

    def _take_part(self, flight: Flight, action: Action, now: float) -> None:
        book, number = self.container.book, self._landed(flight.request.part)
        if book.state(number) != Part.SENDING:  # the status listed it meanwhile
            return
        if not self.container.asks and action.do is not Do.END:
            self._by_token(flight, action)
        if action.do is Do.GO_ON:
            self.container.answered(number, action.reply.body or {}, str((action.reply.body or {}).get("videoId")))
            self._answer_times = [*self._answer_times[-20:], now - flight.since]
            self._confirmed([number] if book.accepted(number) else [])
            return
        if number in self._listed_meanwhile:
            self._confirmed(book.listed([number], on_their_way=True))
            return
        if flight.first and action.rule.status is not None and not action.failed:
            self.container.clearly_refused(number)
        if action.limited or action.token:
            book.put_back(number)
            self.container.refuse_foreign(self.container.ledger)  # told while it was on its way, and it is not ours after all
        elif action.do is Do.AGAIN:
            self._again(flight, action, now)
        elif action.do is Do.ASK_FOR_PART:
            self._ask_for(flight, action, now)
        elif action.do is Do.ASK_FOR_UPLOAD:
            self._ask_for_all(flight, action, now)
        elif action.do is Do.TAKE_WORD and self.container.vouched and (flight.body.all_out or not flight.first):
            self._hold(number)
        else:
            book.put_back(number)
            error = refused(self._final(action), f"Part {number} of {self.container.plan.total_parts} was refused", self.container.plan)
            raise error if self.container.asks else explained(error, self.container)

    def _final(self, action: Action) -> Action:
        return self.acts.refused_for_good(action) if action.do is Do.TAKE_WORD else action

    def _by_token(self, flight: Flight, action: Action) -> None:
        """What an answer means where nobody can be asked. Raises VidupError for a server that makes a video of every part."""
        try:
            refuse_another(self.container, action)
            if not self.container.named:
                self._first.failed(self.container, action, flight.body.all_out)
        except VidupError:
            self.container.book.put_back(flight.request.part)
            raise

    def _again(self, flight: Flight, action: Action, now: float) -> None:
        number, cuts = flight.request.part, self.container.book.cuts
        if action.reply.failure and flight.body.handed > 0:
            cuts[number] += 1
        self._send_again(number, action, now + action.wait)
        if cuts[number] >= MOST_CUTS:
            raise cut_too_often(self.container.plan, number, action)

    def _send_again(self, number: int, action: Action, at: float) -> None:
        self.container.book.again(number, at)
        failures = max(action.failures, 1)
        self.tell(Retrying(number, failures, action.wait, server_words(action.rule, action.reply)))

    def _ask_for(self, flight: Flight, action: Action, now: float) -> None:
        """What is known of the part decides, else the status is asked for it: one question for all that wait."""
        book, number = self.container.book, flight.request.part
        if action.rule.holds and (self.container.vouched or number in book.touched) and flight.body.all_out:
            self._hold(number)
            return
        book.doubtful(number, action.doubt, (action.rule, action.reply), now, action.wait)
        if flight.body.all_out and number in self.container.ledger.parts:  # told while it was on its way
            self._confirmed(book.listed([number]))
            return
        book.trouble(number).failures = max(action.failures, 1)
        self._looking.looks = 0
        if not self._looking.is_out:
            self._looking.at = min(self._looking.at, now)

    def _hold(self, number: int) -> None:
        self.container.book.held(number)
        self._confirmed([number])

    def _ask_for_all(self, flight: Flight, action: Action, now: float) -> None:
        """The split itself is in question: what is on its way is cut, and when all of it has landed the status is asked."""
        book, number = self.container.book, flight.request.part
        if action.rule.holds and self.container.vouched and flight.body.all_out:
            self._hold(number)
        else:
            book.put_back(number)
        if self._question is None:
            self._question, self._asked_since = action, now
            self._looking.at, self._looking.looks = now, 0
        self.cut.set()

    def _confirmed(self, numbers: list[int]) -> None:
        book = self.container.book
        for number in numbers:
            self.tell(PartChanged(number, "done", book.trouble(number).attempts))
        if numbers:
            self.container.confirm(numbers)
            book.progressed()

    # -- what the status tells -----------------------------------------------------------------------------------

    def _take_status(self, action: Action, now: float) -> None:
        looking = self._looking
        looking.is_out = False
        if action.limited or action.token:
            return
        if action.do is Do.GO_ON:
            looking.failures = 0
            self._read(read_ledger(action.reply.body or {}), now)
        elif action.do is Do.AGAIN:
            looking.failures += 1
            looking.at = now + action.wait
            self.tell(Retrying(0, action.failures, action.wait, server_words(action.rule, action.reply)))
            if looking.failures >= _MOST_UNANSWERED:
                self._do_without(now)
        else:
            raise refused(action, Verb.STATUS.value.format(self.container.video_id))

    def _do_without(self, now: float) -> None:
        """The status cannot be had: what may have got lost is sent again, and the server will say if it was not."""
        book = self.container.book
        for number in sorted(book.unsure):
            trouble = book.trouble(number)
            if trouble.doubt is Doubt.LOST and trouble.said is not None:
                self._released(number, now)

    def _read(self, ledger: Ledger, now: float) -> None:
        """Take in what the server lists. In between a status only adds parts; another total puts the split in question."""
        before, self.container.ledger = self.container.ledger, ledger
        plan = self.container.plan
        if self._question is None:
            if ledger.parts and not plan.fits(ledger.parts, ledger.total):
                raise not_this_split(ledger)
            self._listed(ledger, now)
        elif self.flights or self._looking.asked_at < self._asked_since:  # asked before the question came up: no answer to it, yet news
            if self.container.vouched and ledger.total == plan.total_parts:
                self._confirmed(self.container.book.listed(sorted(ledger.parts)))
            self.container.ledger, self._looking.at = before, now
        else:
            self._reconcile(before, ledger, now)

    def _listed(self, ledger: Ledger, now: float) -> None:
        self.container.refuse_foreign(ledger)
        book, plan = self.container.book, self.container.plan
        whole = range(1, plan.total_parts + 1) if ledger.complete else sorted(ledger.parts)
        ours = {n: flight for n, flight in self.flights.items() if self._is_ours(flight)}
        patience = self._patience()
        overdue = {n for n, flight in ours.items() if flight.body.all_out and now - flight.since >= patience}
        self._listed_meanwhile |= {n for n in whole if n in ours and n not in overdue and book.state(n) == Part.SENDING}
        on_their_way = [number for number in whole if number in overdue and book.state(number) == Part.SENDING]
        news = [*book.listed(whole), *book.listed(on_their_way, on_their_way=True)]
        self._confirmed(news)
        self.dropped += [self._landed(number) for number in on_their_way]
        for number in sorted(book.unsure):
            if book.trouble(number).since <= self._looking.asked_at:
                self._not_listed(number, now)
        self._looking.looks = 0 if news else min(self._looking.looks + 1, _MOST_DOUBLINGS)
        self._looking.at = now + min(2.0**self._looking.looks, 5.0 if book.unsure else 60.0)

    def _not_listed(self, number: int, now: float) -> None:
        """A part in doubt that the status does not list: lost parts are sent again; a refusal stands once no lag explains it."""
        trouble = self.container.book.trouble(number)
        assert trouble.said is not None
        if trouble.doubt is Doubt.LOST:
            self._released(number, now)
        elif self._looking.asked_at - trouble.since >= LAG:
            rule, reply = trouble.said
            end = self.acts.refused_for_good(Action(Do.END, rule, reply))
            self.container.book.again(number, now)
            raise refused(end, f"Part {number} is refused, and the status does not list it", self.container.plan)

    def _released(self, number: int, now: float) -> None:
        trouble = self.container.book.trouble(number)
        assert trouble.said is not None
        action = Action(Do.AGAIN, *trouble.said, wait=trouble.wait, failures=trouble.failures)
        self._send_again(number, action, max(now, trouble.since + trouble.wait))

    def _reconcile(self, before: Ledger, ledger: Ledger, now: float) -> None:
        """Plan the rest from the status, for a refusal that puts the split in question."""
        assert self._question is not None
        container, book = self.container, self.container.book
        news = (ledger.parts, ledger.total, ledger.complete) != (before.parts, before.total, before.complete)
        if not ledger.complete:
            plan = book.plan.agreed(ledger.parts, ledger.total)
            if plan is None or (plan != book.plan and not container.vouched):
                raise not_this_split(ledger)
            if plan != book.plan:
                container.replan(ledger, plan.total_parts)
                self.tally.begin(container.book)
                self._go_on(True)
                return
        if not ledger.complete and not ledger.open:
            if not book.plan.ended:
                raise not_this_split(ledger)
            self.closed = True  # the server is busy with what it has
            return
        self._listed(ledger, now)
        if news or book.all_good:
            self._go_on(True)
        elif not self._question.rule.holds and not self.acts.had_no_news(self.upload):
            self._go_on(False)
        elif self._looking.asked_at - self._asked_since < LAG:
            self._looking.looks = min(self._looking.looks + 1, _MOST_DOUBLINGS)
            self._looking.at = now + min(0.5 * 2.0**self._looking.looks, 5.0)
        elif self._question.rule.holds and container.vouched:
            raise gave_up(
                self._question, "The server says that it has the whole video, but its status does not show it",
                "Run the same command again later: nothing is sent twice.",
            )  # fmt: skip
        else:
            end = self.acts.refused_for_good(self._question)
            raise Refused(end.rule, end.reply, "The server refuses parts, and its status does not say why")

    def _go_on(self, news: bool) -> None:
        """The first look without news may be lag: what was refused is tried once more."""
        self.acts.reconciled(self.upload, news)
        self._question = None
        self.cut = Stopper()
