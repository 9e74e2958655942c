"""EMULATOR: the course of one request: rate limit, scripted fault, address, answer, the rest of the body, record."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

from vidup.emulator.answers import Answer, Refused
from vidup.emulator.bodies import Body, Cut, boundary_of, drain
from vidup.emulator.faults import NO_FAULT, Fault, FaultBook
from vidup.emulator.ledger import Exchange
from vidup.emulator.limits import RateLimiter
from vidup.emulator.routes import Request, Route, Site, find_route, is_video_route
from vidup.emulator.scripted import answer_of, spoil
from vidup.emulator.wire import Gone, Head, Wire

EARLY_HOLD: Final = 60.0
"""Seconds that a connection with an early answer stays open, unread."""


@dataclass(frozen=True, slots=True)
class Course:
    """What every request of one emulator runs through. `answer_delay` in seconds."""

    site: Site
    faults: FaultBook
    limiter: RateLimiter | None
    answer_delay: float
    stopping: threading.Event

    def run(self, wire: Wire, head: Head, connection: int) -> None:
        """Serves one request. Gone when the connection is of no more use; after a scripted reset too."""
        body = Body(wire, head.length, self.stopping)
        authorized = head.headers.get("Authorization") is not None
        exchange = Exchange(head.method, head.path, head.headers.get("Content-Range"), connection, body, authorized)
        route, name = find_route(head.method, head.path)
        exchange.is_upload = route.place == "source"
        exchange.video_id = name if is_video_route(route) else None
        self.site.ledger.open(exchange)
        try:
            self._serve(wire, route, Request(head, exchange, name))
        except Cut:
            self.site.ledger.close(exchange, None)
            wire.reset()
            raise Gone("a scripted reset") from None
        finally:
            self.site.ledger.close(exchange, None)

    def _serve(self, wire: Wire, route: Route, request: Request) -> None:
        budget = self.limiter.count(route.counts_as) if self.limiter else None
        fault = NO_FAULT
        if budget is not None and budget.refused:
            answer = Refused("too-many-requests").answer()
        else:
            fault = self.faults.take(route.place, request.exchange.part)
            answer = self._answer(wire, route, request, fault)
        if fault.drop_answer:
            raise Cut
        request.exchange.body.wait(self.answer_delay + fault.stall_answer)
        if budget is not None:
            answer = answer.with_headers(budget.headers())
        self._send(wire, request, spoil(answer, fault.body))

    def _answer(self, wire: Wire, route: Route, request: Request, fault: Fault) -> Answer:
        if fault.reset == "before":
            raise Cut
        exchange = request.exchange
        exchange.body.fault = fault
        if fault.instead and fault.commit_after is None:
            if fault.close:
                wire.stays = False
            elif not fault.early:
                self._drain(request)
            return answer_of(fault, exchange.part, exchange.total_parts)
        answer = self._answer_of_api(route, request)
        return answer_of(fault, exchange.part, exchange.total_parts) if fault.instead else answer

    def _answer_of_api(self, route: Route, request: Request) -> Answer:
        try:
            if not route.open_to_all:
                self.site.keyring.check(request.head.headers.get("Authorization"))
            if request.head.length == 0:
                self._drain(request)
            return route.handler(self.site, request)
        except Refused as refusal:
            return refusal.answer()
        except OSError as error:  # typically a full disk
            return Refused("server-error", detail=str(error)).answer()

    def _send(self, wire: Wire, request: Request, answer: Answer) -> None:
        body = request.exchange.body
        if body.fault.early and request.head.length != 0:
            self._send_early(wire, request, answer)
            return
        if wire.waits_for_word or body.too_long_to_drain():
            wire.stays = False
        with_body = request.head.method != "HEAD"
        if body.read_to_end or request.head.length == 0:
            self.site.ledger.close(request.exchange, answer.status)  # before the answer, so that its reader finds the record
            wire.answer(answer, with_body=with_body)
            return
        request.exchange.answered = True
        try:
            wire.answer(answer, with_body=with_body)
            if wire.stays:
                self._drain(request)
        finally:
            self.site.ledger.close(request.exchange, answer.status)

    def _send_early(self, wire: Wire, request: Request, answer: Answer) -> None:
        self.site.ledger.close(request.exchange, answer.status)
        wire.answer(answer)
        wire.wait_for_hang_up(EARLY_HOLD)
        wire.stays = False

    def _drain(self, request: Request) -> None:
        exchange = request.exchange
        drain(exchange.body, boundary_of(request.head.headers), lambda count: self.site.ledger.seen(exchange, count))
