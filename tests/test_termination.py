import os
import signal
import threading
import time

import pytest

from vae_zoo import termination


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.01)  # So that Python comes to see it.


def at_once(*steps):
    with termination.raised():
        for step in steps:
            step()


def deferred(*steps):
    """What `termination.deferred` tells after each step."""
    told = []
    with termination.raised():
        try:
            with termination.deferred() as has_come:
                for step in steps:
                    step()
                    told.append(has_come())
        except termination.Terminated:
            told.append("raised")
    return told


def test_sigterm_raises_at_once_unless_it_is_deferred():
    numbers = (signal.SIGTERM, signal.SIGALRM)
    handlers = [signal.getsignal(number) for number in numbers]
    steps = []
    with pytest.raises(termination.Terminated):
        at_once(terminate, lambda: steps.append(1))
    assert not steps
    # Once or several times, as by who passes on the signals of a group.
    for times in (1, 2):
        steps = [tuple, *[terminate] * times, tuple]
        assert deferred(*steps) == [False, *[True] * times, True, "raised"]
    assert deferred(tuple) == [False]
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert handlers == [signal.getsignal(number) for number in numbers]


def test_it_is_not_deferred_for_ever(monkeypatch):
    monkeypatch.setattr(termination, "SECONDS_TO_SAVE", 0.2)
    assert deferred(terminate, lambda: time.sleep(60)) == [True, "raised"]
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_what_else_handles_it_is_left_alone():
    seen = []
    before = signal.signal(signal.SIGTERM, lambda *_: seen.append(1))
    try:
        with termination.deferred() as has_come:
            terminate()
            assert not has_come()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == [1]


def test_threads_other_than_the_first_do_without():
    failures = []

    def run():
        try:
            with termination.raised(), termination.deferred() as has_come:
                assert not has_come()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert not failures
