"""Stories of a line that is out: it is one state, told once, and when it is back all that wait go on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import MIB
from tests.upload.virtual import LOST, Later, Run, Server, VirtualPool, early, line, order
from vidup.errors import ExitCode
from vidup.events import Awaiting, Event, LineDown, LineUp, Retrying
from vidup.plan.parts import Plan
from vidup.upload.acting import Acts
from vidup.upload.exchange import Kind, Request, Verb
from vidup.upload.flights import Stopper
from vidup.upload.outage import Outage
from vidup.upload.outcome import Report
from vidup.upload.partbook import PartBook
from vidup.upload.tally import Tally
from vidup.verdicts.judge import Reply
from vidup.verdicts.rules import TABLE


class Sent:
    """A body of which bytes went out."""

    handed, all_out, moved_at, content_type, cut = 1, False, 0.0, "", Stopper()

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[memoryview]:
        return iter(())

    def moved(self, taken: int) -> None: ...


RESET = Reply(failure="no-answer", text="h reset the connection")


def longest(failures: int) -> float:
    """The longest wait that full jitter gives."""
    return float(min(2 ** (failures - 1), 60))


def story(folder: Path, parts: int, jobs: int, *, begins: float, lasts: float) -> tuple[Run, VirtualPool, Report]:
    """Parts of a second each; the server is gone for a while: what was on its way is reset, then every connection is refused at once.

    Backoff and probes wait for as long as they ever do after so many failures.
    """
    server = Server()
    folder.mkdir(exist_ok=True)

    def answers(request: Request, worker: int) -> Reply:
        return early(request, RESET) if request.body is not None and pool.is_gone(pool.clock) else server(request, worker)

    pool = line(server, [1.0] * jobs, answers)
    pool.asking, pool.gone = 0.1, (begins, begins + lasts)
    run = Run(pool, [order(folder, parts, jobs)], backoff=longest, probes=longest)
    (report,) = run.run()
    return run, pool, report


def line_events(run: Run) -> list[LineDown | LineUp]:
    return [event for event in run.told if isinstance(event, LineDown | LineUp)]


@pytest.mark.parametrize("jobs", [1, 2, 4, 8])
def test_an_outage_is_one_state_and_not_one_of_each_part(jobs: int, tmp_path: Path) -> None:
    """A minute: it begins once and ends once, no part is told of, and none is tried that had not been begun before."""
    run, pool, report = story(tmp_path, 40, jobs, begins=3.5, lasts=60.0)
    told = line_events(run)
    assert report.exit_code == ExitCode.OK
    assert [type(event) for event in told] == [LineDown] * (len(told) - 1) + [LineUp]
    assert not [event for event in run.told if isinstance(event, Retrying)]
    tried = {request.part for began, _worker, request in pool.carried if request.part and 3.5 <= began < 63.5}
    assert len(tried) <= jobs + 1
    first, last = told[0], told[-1]
    assert isinstance(first, LineDown) and 899 <= first.left <= 900 and (first.lost, first.address) == (True, "")
    assert isinstance(last, LineUp) and 59 <= last.seconds <= 65
    assert all(0 < event.wait <= 2 for event in told[1:-1] if isinstance(event, LineDown))


@pytest.mark.parametrize("parts", [64, 78])
def test_what_is_left_after_an_outage_takes_its_usual_time(parts: int, tmp_path: Path) -> None:
    """The first success wakes all, however long each was to wait: a fifth more at most, the wait for the next probe included."""
    usual = story(tmp_path, parts, 4, begins=math.inf, lasts=0.0)[2].seconds - 3.5
    rest = story(tmp_path / "again", parts, 4, begins=3.5, lasts=60.0)[2].seconds - 63.5
    assert rest <= 1.2 * usual


def test_one_part_that_is_reset_while_others_go_through_is_its_own_trouble(tmp_path: Path) -> None:
    """The line is fine, so the part is told of, as soon as another answer shows that."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply:
        return RESET if request.part == 2 and pool.sent[2] == 1 else server(request, worker)

    pool = line(server, [1.0] * 4, answers)
    run = Run(pool, [order(tmp_path, 12, 4)], backoff=1.0)
    run.run()
    assert [event.part for event in run.told if isinstance(event, Retrying)] == [2]
    assert not line_events(run)


def test_the_only_request_that_is_reset_is_told_of_within_seconds(tmp_path: Path) -> None:
    """With one job nothing else tells whether it is the line: what cannot be known soon is told as the part's own."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply:
        return RESET if request.part == 2 and pool.sent[2] == 1 else server(request, worker)

    pool = line(server, [1.0], answers)
    run = Run(pool, [order(tmp_path, 3, 1)], backoff=10.0, probes=10.0)
    run.run()
    assert [event.part for event in run.told if isinstance(event, Retrying)] == [2]
    assert not line_events(run)


def test_a_server_in_trouble_is_one_state_too(tmp_path: Path) -> None:
    """Every part meets a 503 for ten minutes: the first ones are told of, then it is the server's trouble until it takes a part."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply:
        return Reply(503) if request.verb is Verb.PART and pool.clock < 600 else server(request, worker)

    pool = line(server, [1.0] * 4, answers)
    run = Run(pool, [order(tmp_path, 40, 4, retry_for=3600.0)], backoff=1.0, probes=10.0)
    (report,) = run.run()
    told = line_events(run)
    assert report.exit_code == ExitCode.OK
    assert sum(isinstance(event, Retrying) for event in run.told) <= 4
    assert sum(isinstance(event, LineUp) for event in told) == 1
    assert {event.lost for event in told} == {False}


def test_a_first_contact_that_fails_names_the_address_and_the_patience(tmp_path: Path) -> None:
    """Refused from the very first request: one line with the address; the end of patience names it and the option, too."""
    pool = line(Server(), [1.0] * 4)
    pool.gone = (0.0, math.inf)
    run = Run(pool, [order(tmp_path, 4, 4, retry_for=30.0)], backoff=9.0)
    (report,) = run.run()
    first = line_events(run)[0]
    assert isinstance(first, LineDown) and (first.address, first.left, first.wait) == ("http://virtual", 30.0, 2.0)
    assert not [event for event in run.told if isinstance(event, Retrying)]
    assert (report.exit_code, report.resumable) == (ExitCode.AGAIN, True) and 30 <= report.seconds <= 33
    assert report.error is not None and "http://virtual" in report.error.advice and "--base-url" in report.error.advice


def test_a_proxy_that_is_gone_is_in_the_advice(tmp_path: Path) -> None:
    """Where it is the proxy that never answered, its address is the first to be looked at, and not only the server's."""
    gone = Reply(failure="no-answer", text="the proxy http://127.0.0.1:3128 refused the connection")
    (report,) = Run(line(Server(), [1.0], lambda _request, _worker: gone), [order(tmp_path, 2, 1, retry_for=30.0)], backoff=9.0).run()
    assert report.exit_code == ExitCode.AGAIN and report.error is not None
    assert report.error.advice == (
        "Nothing ever answered at http://virtual: check the network, the proxy (HTTPS_PROXY, HTTP_PROXY) and --base-url."
    )


def test_a_certificate_refused_at_the_first_contact_names_the_address(tmp_path: Path) -> None:
    """Exit 7: which server it was, and the option that says so."""
    pool = line(Server(), [1.0], lambda _request, _worker: Reply(failure="certificate-not-trusted", text="expired"))
    (report,) = Run(pool, [order(tmp_path, 2, 1)]).run()
    assert report.exit_code == ExitCode.TRUST
    assert report.error is not None and "http://virtual (--base-url)" in report.error.advice


def test_what_everything_waits_for_is_told_as_it_is_asked(tmp_path: Path) -> None:
    """The log in, the video and the status, with the server; the first as a connection that is still to come."""
    pool = line(Server(), [1.0] * 2)
    run = Run(pool, [order(tmp_path, 2, 2)])
    run.run()
    assert [event.what for event in run.told if isinstance(event, Awaiting)] == [
        "connecting to virtual: logging in", "waiting for virtual: creating the video", "waiting for virtual: asking for the status",
    ]  # fmt: skip


class Body:
    def __init__(self, handed: int) -> None:
        self.handed, self.all_out = handed, False


def test_sent_again_counts_parts_whose_bytes_were_sent_again(tmp_path: Path) -> None:
    """A hundred tries that find no connection send nothing again; a part cut twice counts once. `bytes_sent` says the same."""
    book, tally = PartBook(Plan(20 * MIB, 4)), Tally()
    tally.begin(book)
    for handed in (0, 0, 3 * MIB, 0, 2 * MIB, 5 * MIB):
        tally.sending(1, Body(handed))
        tally.ended(1)
    for number in (2, 3):
        tally.sending(number, Body(5 * MIB))
        tally.ended(number)
    assert (tally.parts_again, tally.bytes_handed) == (1, 20 * MIB)
    _run, _pool, report = story(tmp_path, 40, 4, begins=3.5, lasts=60.0)
    assert report.retries > 20 and report.parts_again == 4
    assert report.size is not None and report.part_size is not None
    assert report.size < report.bytes_sent <= report.size + 4 * report.part_size


def test_a_status_that_could_not_be_had_is_asked_at_once_when_the_line_is_back(tmp_path: Path) -> None:
    """Parts whose answers were lost wait for the status, and the status for its turn: neither does when something answers again."""
    server = Server()

    def answers(request: Request, worker: int) -> Reply:
        return Reply(failure="answer-lost") if request.body is not None and pool.is_gone(pool.clock) else server(request, worker)

    pool = line(server, [1.0] * 2, answers)
    pool.asking, pool.gone = 0.1, (3.5, 63.5)
    run = Run(pool, [order(tmp_path, 30, 2)], backoff=longest, probes=longest)
    (report,) = run.run()
    assert report.exit_code == ExitCode.OK and report.seconds < 63.5 + 1.2 * 13
    assert not [event for event in run.told if isinstance(event, Retrying)]


def questions_refused(
    server: Server, pool_of: list[VirtualPool], until: float = math.inf, part: int = 0
) -> Callable[[Request, int], Reply | Later]:
    """The status is refused until then; part 1 is stored and its answer lost, so that it is asked for; and one part is refused once."""

    def answers(request: Request, worker: int) -> Reply | Later:
        (pool,) = pool_of
        if request.verb is Verb.STATUS and pool.clock < until:
            return Reply(503)
        if request.part == part and pool.sent[part] == 1:
            return Reply(503)
        reply = server(request, worker)
        return LOST if request.part == 1 and pool.sent[1] == 1 else reply

    return answers


def test_a_status_that_is_refused_while_parts_go_through_is_no_outage(tmp_path: Path) -> None:
    """The rate stays in the view, and what a part meets is told."""
    server, pools = Server(), list[VirtualPool]()
    pools.append(line(server, [2.0] * 2, questions_refused(server, pools, until=60.0, part=9)))
    pools[0].asking = 0.1
    run = Run(pools[0], [order(tmp_path, 80, 2)], backoff=1.0, probes=1.0)
    (report,) = run.run()
    assert report.exit_code == ExitCode.OK and sum(request.verb is Verb.STATUS for _began, _worker, request in pools[0].carried) > 3
    assert not line_events(run)
    assert 9 in [event.part for event in run.told if isinstance(event, Retrying)]


def test_a_status_that_is_refused_when_nothing_else_is_left_is_an_outage(tmp_path: Path) -> None:
    """It begins once, and the status itself ends it."""
    server, pools = Server(), list[VirtualPool]()
    pools.append(line(server, [1.0] * 2, questions_refused(server, pools, until=60.0)))
    run = Run(pools[0], [order(tmp_path, 4, 2)], backoff=1.0, probes=1.0)
    (report,) = run.run()
    told = line_events(run)
    assert report.exit_code == ExitCode.OK and told
    assert [type(event) for event in told] == [LineDown] * (len(told) - 1) + [LineUp] and not any(event.lost for event in told)


def outage() -> tuple[Outage, list[Event]]:
    """The state of a line of two jobs, and what it tells."""
    told: list[Event] = []
    return Outage(told.append, 2, "http://virtual"), told


def fails(outage: Outage, verb: Verb, failures: int, now: float) -> None:
    request = Request(verb, 0, "vi1", part=7 if verb is Verb.PART else 0, body=Sent() if verb is Verb.PART else None)
    action = Acts(TABLE, lambda _failures: 1.0).act(request, Reply(503))
    outage.failed(request, action, failures, False, now)
    outage.tell_next(request.kind, action, 1.0, 900.0, now)


@pytest.mark.parametrize("ends", ["a part is taken", "bytes move"])
def test_a_trouble_of_questions_alone_ends_when_parts_go_through(ends: str) -> None:
    """What a part meets is told during it, and when parts go through it is over, though the status is refused as before."""
    line, told = outage()
    heard = line.through(0, told.append)
    for number in range(1, 4):
        fails(line, Verb.STATUS, number, float(number))
    assert line.is_out and isinstance(told[-1], LineDown)
    heard(Retrying(0, 4, 1.0, "HTTP 503"))
    heard(Retrying(7, 1, 1.0, "HTTP 500"))
    assert [event.part for event in told if isinstance(event, Retrying)] == [7]
    if ends == "a part is taken":
        request = Request(Verb.PART, 0, "vi1", part=8)
        line.answered(Kind.UPLOAD, Acts(TABLE, lambda _failures: 1.0).act(request, Reply(200, promised=True)), 9.0)
    else:
        for second in range(4, 10):
            assert line.is_out
            line.moved(float(second))
    assert not line.is_out and isinstance(told[-1], LineUp)
    fails(line, Verb.STATUS, 4, 10.0)
    assert not line.is_out and isinstance(told[-1], LineUp)
    fails(line, Verb.STATUS, 5, 20.0)
    assert line.is_out


def test_parts_that_are_refused_themselves_do_not_go_through() -> None:
    """Bytes that move towards a refusal end no trouble, and a status that answers does not end one of parts."""
    line, _told = outage()
    for number in range(1, 4):
        fails(line, Verb.STATUS, number, float(number))
    for second in (10.0, 20.0, 30.0, 40.0):
        line.moved(second)
        fails(line, Verb.PART, round(second / 10), second + 1.0)
        assert line.is_out
    status = Request(Verb.STATUS, 0, "vi1")
    line.answered(Kind.READ, Acts(TABLE, lambda _failures: 1.0).act(status, Reply(200, promised=True)), 42.0)
    assert line.is_out
