"""SIGTERM: the notice that a process gets before its machine is taken away."""

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

# Kubernetes, for one, gives 30 seconds.
SECONDS_TO_SAVE = 15
SECONDS_TO_CLEAN_UP = 3
EXIT_CODE = 128 + signal.SIGTERM
HAS_TIMER = hasattr(signal, "setitimer")  # Not on Windows.

# The end of a pipe to which Python writes the signals that come, and its last one.
_writers: list[tuple[int, int]] = []


class Terminated(BaseException):
    """SIGTERM, as KeyboardInterrupt is SIGINT."""


@contextlib.contextmanager
def raised() -> Iterator[None]:
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
        _stop_watching()
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def take_back() -> None:
    """Handles SIGTERM again after a library in C took it, unknown to Python.

    TensorFlow's coordination service does: its handler only makes a note. And Python
    handles no signal as long as TensorFlow waits for other workers, so a thread ends
    the process `SECONDS_TO_SAVE` after SIGTERM if it is still there. Nothing changes
    outside `raised`.
    """
    is_first_thread = threading.current_thread() is threading.main_thread()
    if not is_first_thread or signal.getsignal(signal.SIGTERM) is not _raise:
        return
    signal.signal(signal.SIGTERM, _raise)
    if not _writers:
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        _writers.append((writer, signal.set_wakeup_fd(writer)))
        threading.Thread(target=_end_in_time, args=(reader,), daemon=True).start()


def _end_in_time(reader: int) -> None:
    """Ends the process a while after the pipe told of SIGTERM, if it is still open."""
    end = None
    with open(reader, "rb", buffering=0) as pipe:
        while True:
            seconds = None if end is None else max(0, end - time.monotonic())
            if not select.select([pipe], [], [], seconds)[0]:
                os.write(2, b"vae-zoo: terminated\n")
                os._exit(EXIT_CODE)
            number = pipe.read(1)
            if not number:
                return
            if number[0] == signal.SIGTERM and end is None:
                end = time.monotonic() + SECONDS_TO_SAVE


def _stop_watching() -> None:
    """After it the process ends by itself, or goes on."""
    while _writers:
        writer, before = _writers.pop()
        signal.set_wakeup_fd(before)
        os.close(writer)


@contextlib.contextmanager
def deferred() -> Iterator[Callable[[], bool]]:
    """Within it SIGTERM does not raise at once, so that there is time to save.

    It raises at the end, or after `SECONDS_TO_SAVE`; if it comes again that is no
    matter. Nothing changes outside `raised`, nor where there are no timers (Windows).

    Yields:
        A function that tells whether SIGTERM has come.
    """
    came = False

    def remember(number: int, frame: FrameType | None) -> None:
        del number, frame
        nonlocal came
        if not came:
            _set_timer(SECONDS_TO_SAVE)
        came = True

    def has_come() -> bool:
        return came

    is_raised = signal.getsignal(signal.SIGTERM) is _raise and HAS_TIMER
    if not is_raised or threading.current_thread() is not threading.main_thread():
        yield has_come
        return
    signal.signal(signal.SIGTERM, remember)
    try:
        yield has_come
    finally:
        signal.signal(signal.SIGTERM, _raise)
    if came:
        raise Terminated


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    # Python drops what is raised in a destructor or a callback from C: then again.
    _set_timer(SECONDS_TO_CLEAN_UP)
    raise Terminated


def _set_timer(seconds: float) -> None:
    if HAS_TIMER:
        signal.setitimer(signal.ITIMER_REAL, seconds)
