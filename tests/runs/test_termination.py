import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from vae_zoo.runs import termination


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


def test_sigterm_is_taken_back_from_a_library(monkeypatch):
    """TensorFlow sets a handler in C, of which Python knows nothing."""
    monkeypatch.setattr(termination, "SECONDS_TO_SAVE", 0.2)
    ignore = ctypes.c_void_p(1)
    at_once(lambda: ctypes.CDLL(None).signal(signal.SIGTERM, ignore), terminate)
    with pytest.raises(termination.Terminated):
        at_once(
            lambda: ctypes.CDLL(None).signal(signal.SIGTERM, ignore),
            termination.take_back,
            terminate,
        )
    assert signal.set_wakeup_fd(-1) == -1
    time.sleep(0.3)  # Nobody ends a process that has handled it.


def test_nothing_is_taken_back_outside():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        termination.take_back()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
        assert signal.set_wakeup_fd(-1) == -1
    finally:
        signal.signal(signal.SIGTERM, before)


def test_sigterm_ends_what_waits_in_c():
    program = """
import ctypes, os, signal, threading
from vae_zoo.runs import termination
termination.SECONDS_TO_SAVE = 0.2
with termination.raised():
    termination.take_back()
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    mutex = ctypes.create_string_buffer(64)
    for _ in range(2):
        ctypes.CDLL(None).pthread_mutex_lock(mutex)
"""
    command = [sys.executable, "-c", program]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (found.returncode, found.stderr) == (143, "vae-zoo: terminated\n")
