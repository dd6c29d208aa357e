"""SIGTERM: the notice that a process gets before its machine is taken away."""

import contextlib
import signal
import threading

# Kubernetes, for one, gives 30 seconds.
SECONDS_TO_SAVE = 15
SECONDS_TO_CLEAN_UP = 3
HAS_TIMER = hasattr(signal, "setitimer")  # Not on Windows.


class Terminated(BaseException):
    """SIGTERM, as KeyboardInterrupt is SIGINT."""


@contextlib.contextmanager
def raised():
    """Within it SIGTERM raises `Terminated`, which undoes what is half done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [signal.SIGTERM, *([signal.SIGALRM] if HAS_TIMER else [])]
    before = [signal.signal(number, _raise) for number in numbers]
    try:
        yield
    finally:
        _set_timer(0)
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@contextlib.contextmanager
def deferred():
    """Within it SIGTERM does not raise at once, so that there is time to save.

    It raises at the end, or after `SECONDS_TO_SAVE`; if it comes again that is no
    matter. Nothing changes outside `raised`, nor where there are no timers (Windows).

    Yields:
        A function that tells whether SIGTERM has come.
    """
    came = False

    def note(number, frame):
        del number, frame
        nonlocal came
        if not came:
            _set_timer(SECONDS_TO_SAVE)
        came = True

    def has_come():
        return came

    is_raised = signal.getsignal(signal.SIGTERM) is _raise and HAS_TIMER
    if not is_raised or threading.current_thread() is not threading.main_thread():
        yield has_come
        return
    signal.signal(signal.SIGTERM, note)
    try:
        yield has_come
    finally:
        signal.signal(signal.SIGTERM, _raise)
    if came:
        raise Terminated


def _raise(number, frame):
    del number, frame
    # Python drops what is raised in a destructor or a callback from C: then again.
    _set_timer(SECONDS_TO_CLEAN_UP)
    raise Terminated


def _set_timer(seconds):
    if HAS_TIMER:
        signal.setitimer(signal.ITIMER_REAL, seconds)
