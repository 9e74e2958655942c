"""The threads that make requests: who gets which job, and what is known of them meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from vidup.upload.workers import Outcome, Workers

LONG = 60.0


class Gate:
    """A job that is done when it is let go, and tells in whose thread."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.begun.set()
        assert self.go.wait(LONG)
        return threading.current_thread().name


@contextmanager
def crew(jobs: int) -> Iterator[Workers]:
    with closing(Workers(jobs)) as workers:
        yield workers


def outcome(workers: Workers) -> Outcome:
    found = workers.next(LONG)
    assert found is not None
    return found


def all_at_work(workers: Workers) -> list[Gate]:
    gates = [Gate() for _ in range(workers.jobs)]
    for gate in gates:
        workers.submit(gate)
    for gate in gates:
        assert gate.begun.wait(LONG)
    return gates


def test_a_spared_worker_is_passed_over_though_it_is_idle() -> None:
    """The job waits for another, and what comes later goes to the idle one."""
    with crew(2) as workers:
        first, second = all_at_work(workers)
        first.go.set()
        idle = outcome(workers)
        waiting = Gate()
        workers.submit(waiting, frozenset({idle.worker}))
        workers.submit(lambda: "for anyone")
        assert outcome(workers)[::2] == ("for anyone", idle.worker)
        assert not waiting.begun.is_set()
        second.go.set()
        busy = outcome(workers).worker
        waiting.go.set()
        assert outcome(workers).worker == busy != idle.worker


def test_no_thread_is_started_while_one_is_idle() -> None:
    """Each costs a connection."""
    with crew(4) as workers:
        names = set()
        for _ in range(8):
            workers.submit(lambda: threading.current_thread().name)
            names.add(outcome(workers).value)
        assert len(names) == 1


def test_the_worker_that_was_busy_last_comes_last() -> None:
    """What it has failed at is tried again on another connection."""
    with crew(3) as workers:
        order = []
        for gate in all_at_work(workers):
            gate.go.set()
            order.append(outcome(workers).worker)
        for expected in order:
            workers.submit(lambda: None)
            assert outcome(workers).worker == expected


def test_it_is_known_who_is_at_work_and_since_when(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the moment that the job is handed over until its outcome is out."""
    now = [100.0]
    monkeypatch.setattr("vidup.upload.workers.time.monotonic", lambda: now[0])
    with crew(2) as workers:
        gates = all_at_work(workers)
        now[0] = 107.0
        assert workers.working() == {0: 7.0, 1: 7.0}
        gates[0].go.set()
        done = outcome(workers)
        assert (done.seconds, done.error) == (7.0, None)
        assert workers.working() == {1 - done.worker: 7.0}
        gates[1].go.set()
        outcome(workers)
        assert (workers.working(), workers.busy) == ({}, 0)


def test_what_a_job_raises_is_raised_where_it_is_awaited() -> None:
    """And the worker lives on."""

    def fails() -> None:
        raise ValueError("so be it")

    with crew(1) as workers:
        with pytest.raises(ValueError, match="so be it"):
            workers.call(fails, lambda: None)
        assert workers.call(lambda: 5, lambda: None) == 5


@pytest.mark.parametrize("held", [0, 1])
def test_a_job_goes_to_whoever_is_ready_first(held: int) -> None:
    """A worker that is still connecting keeps no job from one that has connected."""
    gate, turns = Gate(), iter([held == 0, held == 1])
    lock = threading.Lock()

    def connect() -> None:
        with lock:
            mine = next(turns)
        if mine:
            gate()

    with crew(2) as workers:
        workers.prepare(2, connect)
        assert gate.begun.wait(LONG)
        workers.submit(lambda: "sent")
        assert outcome(workers).value == "sent"
        gate.go.set()


def test_idle_threads_end_when_closed() -> None:
    """Also one that was busy then, after its job."""
    before = set(threading.enumerate())
    with crew(2) as workers:
        gates = all_at_work(workers)
        gates[0].go.set()
        outcome(workers)
    gates[1].go.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(LONG)
        assert not thread.is_alive()
