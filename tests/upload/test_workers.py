"""The threads that carry requests: who gets which, what is known of them meanwhile, and the clock they share."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from vidup.api.credentials import Token
from vidup.upload.exchange import Answer, Request, Verb
from vidup.upload.workers import TICK, Clock, Stop, Workers
from vidup.verdicts.judge import Reply

LONG = 60.0
TOKEN = Token(3, "tok")


class Gate:
    """Something that takes until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.begun.set()
        assert self.go.wait(LONG)


class Carrier:
    """Carries a request by doing what the test says for its serial number; its reply tells in whose thread."""

    def __init__(self) -> None:
        self.does: dict[int, Callable[[], object]] = {}
        self.connects: Callable[[], None] = lambda: None
        self.carried: list[tuple[Request, Token | None]] = []
        self.hung_up: list[int] = []

    def perform(self, request: Request, token: Token | None) -> Reply:
        self.carried.append((request, token))
        self.does.get(request.serial, lambda: None)()
        return Reply(200, text=threading.current_thread().name)

    def connect(self) -> None:
        self.connects()

    def hang_up(self, thread: int) -> None:
        self.hung_up.append(thread)


class Crew(Workers):
    """Workers, their carrier and their stop; requests are told by a number."""

    def __init__(self, jobs: int) -> None:
        self.carrier, self.stop = Carrier(), Stop()
        super().__init__(jobs, self.carrier, Clock(), self.stop)

    def give(self, serial: int, does: Callable[[], object] = lambda: None, sparing: frozenset[int] = frozenset()) -> None:
        self.carrier.does[serial] = does
        self.submit(numbered(serial), TOKEN, sparing)

    def answer(self) -> Answer:
        found = self.next(LONG)
        assert found is not None
        return found

    def all_at_work(self) -> list[Gate]:
        """A gate in every worker."""
        gates = [Gate() for _ in range(self.jobs)]
        for serial, gate in enumerate(gates):
            self.give(serial, gate)
        for gate in gates:
            assert gate.begun.wait(LONG)
        return gates


def numbered(serial: int) -> Request:
    return Request(Verb.PART, 0, "vi1", 1, serial=serial)


@contextmanager
def crew(jobs: int) -> Iterator[Crew]:
    with closing(Crew(jobs)) as workers:
        yield workers


def test_a_request_comes_back_with_its_reply() -> None:
    """It went with the token it was given with, and is no longer counted."""
    with crew(1) as workers:
        workers.give(7)
        assert workers.busy == 1
        answer = workers.answer()
        assert (answer.request, answer.reply, answer.error, answer.worker) == (numbered(7), Reply(200, text="vidup-1"), None, 0)
        assert workers.carrier.carried == [(numbered(7), TOKEN)]
        assert workers.busy == 0


def test_a_spared_worker_is_passed_over_though_it_is_idle() -> None:
    """The request waits for another, and what comes later goes to the idle one."""
    with crew(2) as workers:
        first, second = workers.all_at_work()
        first.go.set()
        idle = workers.answer().worker
        waiting = Gate()
        workers.give(10, waiting, frozenset({idle}))
        workers.give(11)
        answer = workers.answer()
        assert (answer.request.serial, answer.worker) == (11, idle)
        assert not waiting.begun.is_set()
        second.go.set()
        busy = workers.answer().worker
        waiting.go.set()
        answer = workers.answer()
        assert (answer.request.serial, answer.worker) == (10, busy) and busy != idle


def test_where_all_others_are_spared_a_new_worker_is_started() -> None:
    """As long as there are fewer than jobs."""
    with crew(2) as workers:
        workers.give(1)
        first = workers.answer().worker
        workers.give(2, sparing=frozenset({first}))
        assert (first, workers.answer().worker) == (0, 1)


def test_no_thread_is_started_while_one_is_idle() -> None:
    """Each costs a connection."""
    with crew(4) as workers:
        names = set()
        for serial in range(8):
            workers.give(serial)
            reply = workers.answer().reply
            assert reply is not None
            names.add(reply.text)
        assert names == {"vidup-1"}


def test_no_more_requests_are_carried_at_a_time_than_jobs() -> None:
    """Others wait for whoever is free first, in their order."""
    with crew(2) as workers:
        gates = workers.all_at_work()
        for serial in (10, 11):
            workers.give(serial)
        assert (workers.busy, len(workers.carrier.carried)) == (4, 2)
        gates[0].go.set()
        assert [workers.answer().request.serial for _ in range(3)] == [0, 10, 11]
        gates[1].go.set()
        assert (workers.answer().request.serial, workers.busy) == (1, 0)


def test_the_worker_that_was_busy_last_comes_last() -> None:
    """What it has failed at is tried again on another connection."""
    with crew(3) as workers:
        order = []
        for gate in workers.all_at_work():
            gate.go.set()
            order.append(workers.answer().worker)
        for expected in order:
            workers.give(10)
            assert workers.answer().worker == expected


def test_it_is_known_who_is_at_work_and_since_when(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the moment that the request is handed over until its answer is out."""
    now = [100.0]
    monkeypatch.setattr("vidup.upload.workers.time.monotonic", lambda: now[0])
    with crew(2) as workers:
        gates = workers.all_at_work()
        now[0] = 107.0
        assert workers.working() == {0: 7.0, 1: 7.0}
        gates[0].go.set()
        done = workers.answer()
        assert (done.seconds, done.error) == (7.0, None)
        assert workers.working() == {1 - done.worker: 7.0}
        gates[1].go.set()
        workers.answer()
        assert (workers.working(), workers.busy) == ({}, 0)


def test_what_a_body_raises_comes_back_as_the_answer() -> None:
    """And the worker lives on."""

    def fails() -> None:
        raise ValueError("so be it")

    with crew(1) as workers:
        workers.give(1, fails)
        answer = workers.answer()
        assert (answer.request.serial, answer.reply, str(answer.error)) == (1, None, "so be it")
        workers.give(2)
        assert workers.answer().error is None


def test_as_many_connections_are_opened_ahead_as_there_is_work_for() -> None:
    """Never more than jobs, nor again for those that are there; one that fails is found out by the first request."""
    opened: list[str] = []

    def connect() -> None:
        opened.append(threading.current_thread().name)
        raise OSError("no route")

    with crew(3) as workers:
        workers.carrier.connects = connect
        for count in (2, 1, 0, 10):
            workers.prepare(count)
        for serial in range(3):
            workers.give(serial, Gate())
        for gate in workers.carrier.does.values():
            assert isinstance(gate, Gate) and gate.begun.wait(LONG)
            gate.go.set()
        assert all(workers.answer().error is None for _ in range(3))
        assert sorted(opened) == ["vidup-1", "vidup-2", "vidup-3"]


@pytest.mark.parametrize("held", [0, 1])
def test_a_request_goes_to_whoever_is_ready_first(held: int) -> None:
    """A worker that is still connecting keeps no request from one that has connected."""
    gate, turns = Gate(), iter([held == 0, held == 1])
    lock = threading.Lock()

    def connect() -> None:
        with lock:
            mine = next(turns)
        if mine:
            gate()

    with crew(2) as workers:
        workers.carrier.connects = connect
        workers.prepare(2)
        assert gate.begun.wait(LONG)
        workers.give(1)
        assert workers.answer().request.serial == 1
        gate.go.set()


def test_whoever_waits_for_a_dropped_answer_is_hung_up_on() -> None:
    """The very thread, and no other; the request still comes back, as whatever it came to."""
    with crew(2) as workers:
        threads: dict[int, int] = {}
        gates = [Gate(), Gate()]
        for serial, gate in enumerate(gates):

            def work(serial: int = serial, gate: Gate = gate) -> None:
                threads[serial] = threading.get_ident()
                gate()

            workers.give(serial, work)
        for gate in gates:
            assert gate.begun.wait(LONG)
        workers.drop(numbered(1))
        assert workers.carrier.hung_up == [threads[1]]
        gates[1].go.set()
        assert workers.answer().request.serial == 1
        workers.drop(numbered(1))
        assert workers.carrier.hung_up == [threads[1]]
        gates[0].go.set()
        workers.answer()


def test_without_an_answer_the_timeout_ends_the_wait() -> None:
    """At once where it is over; also with requests on their way."""
    with crew(1) as workers:
        assert workers.next(0.0) is None
        (gate,) = workers.all_at_work()
        assert workers.next(0.0) is None
        gate.go.set()
        assert workers.answer().request.serial == 0


def test_a_stop_ends_the_wait_once() -> None:
    """Whoever waits is told within a moment; afterwards answers are waited for as before."""
    with crew(1) as workers:
        (gate,) = workers.all_at_work()
        workers.stop.set()
        began = time.monotonic()
        assert workers.next(LONG) is None
        assert time.monotonic() - began < LONG / 2
        gate.go.set()
        assert workers.answer().request.serial == 0
        assert workers.next(0.0) is None


def test_idle_threads_end_when_closed() -> None:
    """Also one that was busy then, after its request."""
    before = set(threading.enumerate())
    with crew(2) as workers:
        gates = workers.all_at_work()
        gates[0].go.set()
        workers.answer()
    gates[1].go.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(LONG)
        assert not thread.is_alive()


# -- the clock


def test_time_in_which_the_process_was_suspended_does_not_count() -> None:
    """After Ctrl-Z or a closed lid amid a wait the clock goes on where it stood; a wait that ends in time, or nearly, is time."""
    moment = [100.0]
    clock = Clock(lambda: moment[0])
    began = clock.now()
    moment[0] += 0.9
    clock.waited(began, TICK)
    assert clock.now() == pytest.approx(100.9)
    began = clock.now()
    moment[0] += 3600.0
    clock.waited(began, TICK)
    assert clock.now() == pytest.approx(100.9 + TICK)


def test_a_slow_disk_is_no_suspended_process() -> None:
    """What the deciding thread does itself takes time that counts, however long."""
    moment = [0.0]
    clock = Clock(lambda: moment[0])
    moment[0] += 30.0
    assert clock.now() == 30.0


def test_a_stop_is_asked_for_once_and_stays() -> None:
    """Whoever asks."""
    stop = Stop()
    assert not stop.is_set()
    stop.set()
    stop.set()
    assert stop.is_set()


def test_one_more_question_may_go_out_while_all_wait() -> None:
    """Whether a part whose answer does not come is stored can be asked though every worker waits; nothing else passes them."""
    with crew(1) as workers:
        (gate,) = workers.all_at_work()
        for serial in (98, 99):
            workers.submit(Request(Verb.STATUS, 0, "vi1", serial=serial), TOKEN)
            answer = workers.answer()
            assert (answer.request.serial, answer.worker) == (serial, 1)
        gate.go.set()
        assert workers.answer().request.serial == 0


@pytest.mark.parametrize(("jobs", "beside"), [(1, False), (2, True)])
def test_a_question_leaves_the_last_idle_worker_to_a_part(jobs: int, beside: bool) -> None:
    """So that no part waits for a status, and one of several files goes on while another is asked for; a single worker does both itself."""
    with crew(jobs) as workers:
        gates = [Gate() for _ in range(jobs - 1)]
        for serial, gate in enumerate(gates):
            workers.give(serial, gate)
            assert gate.begun.wait(LONG)
        workers.give(50, sparing=frozenset(range(jobs - 1)))  # the last worker is started, and idle again
        assert workers.answer().worker == jobs - 1
        question = Gate()
        workers.carrier.does[99] = question
        workers.submit(Request(Verb.STATUS, 0, "vi1", serial=99), TOKEN)
        assert question.begun.wait(LONG)
        assert (workers.busy, workers.beside) == (jobs, beside)
        workers.give(51)
        if beside:
            assert (workers.answer().request.serial, workers.beside) == (51, True)
        for gate in (question, *gates):
            gate.go.set()
        assert {workers.answer().request.serial for _ in range(workers.busy)} >= {99}


def test_a_signal_that_takes_longer_than_a_tick_does_not_make_it_wait_for_ever() -> None:
    """CPython's SimpleQueue takes the time left, which is then below zero, for none at all: a Ctrl-C with nothing on its way would hang."""
    crew = Crew(1)
    rescue = threading.Timer(LONG, crew.give, [1])
    before = signal.signal(signal.SIGALRM, lambda *_: time.sleep(3 * TICK))
    rescue.start()
    try:
        with closing(crew):
            signal.setitimer(signal.ITIMER_REAL, TICK / 2)
            assert crew.next(5 * TICK) is None
    finally:
        signal.signal(signal.SIGALRM, before)
        rescue.cancel()
