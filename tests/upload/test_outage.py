"""Stories of a line that is out: it is one state, told once, and when it is back all that wait go on."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.conftest import MIB
from tests.upload.virtual import Run, Server, VirtualPool, early, line, order
from vidup.errors import ExitCode
from vidup.events import Awaiting, LineDown, LineUp, Retrying
from vidup.plan.parts import Plan
from vidup.upload.exchange import Request, Verb
from vidup.upload.outcome import Report
from vidup.upload.partbook import PartBook
from vidup.upload.tally import Tally
from vidup.verdicts.judge import Reply

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
