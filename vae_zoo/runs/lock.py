"""One process at a time writes to a run's folder."""

import contextlib
import errno
import os
import platform
import sys
import time

from vae_zoo.arguments import check_number, check_path

try:
    import fcntl
except ImportError:  # On Windows.
    fcntl = None

NAME = ".lock"
# A process that was told to end may need them.
SECONDS_TO_WAIT = 3
# For a lock on a network's file system that outlives the machine that had it.
SECONDS_TO_WAIT_FOR_MACHINES = 120
SECONDS_BETWEEN_TRIES = 0.2
IS_HELD = (errno.EACCES, errno.EAGAIN)


@contextlib.contextmanager
def locked(folder, seconds=None):
    """Within it no other process writes to `folder`, which is made where it is missing.

    The lock is one of the operating system on a file in the folder, so it goes with its
    process, however that ends. Made in vain the folder is removed again.

    Args:
        folder: path of the run's folder.
        seconds: how long to wait for another process that has it, `SECONDS_TO_WAIT`
            by default.

    Raises:
        ValueError: if `folder` is a file, or another process has it.
        OSError: if it cannot be made or written to.
    """
    folder = check_path("folder", folder, "that of the run's folder")
    if seconds is None:
        seconds = SECONDS_TO_WAIT
    check_number("seconds", seconds, "to wait for another process", minimum=0)
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ValueError(
            f"`output` must be a folder. Received: '{folder}', a file or in one"
        ) from None
    try:
        with _held(folder / NAME, seconds):
            yield
    finally:
        with contextlib.suppress(OSError):  # They are not empty, as a rule.
            for each in made:
                each.rmdir()


@contextlib.contextmanager
def _held(path, seconds):
    start, is_said = time.monotonic(), False
    while (handle := _taken(path)) is None:
        if time.monotonic() - start > seconds:
            raise ValueError(
                "`output` must be a folder that no other process writes to at the same "
                "time; wait for it to end, or give another folder. Received: "
                f"'{path.parent}', which is in use by {_holder(path)}"
            )
        if not is_said:
            print(
                f"vae-zoo: waiting for {_holder(path)}, which has '{path.parent}' in "
                f"use, at most {seconds:g} seconds",
                file=sys.stderr,
                flush=True,
            )
            is_said = True
        time.sleep(SECONDS_BETWEEN_TRIES)
    try:
        with contextlib.suppress(OSError):  # For people alone; the disk may be full.
            os.ftruncate(handle, 0)
            os.write(handle, f"process {os.getpid()} of {platform.node()}\n".encode())
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()  # While it is locked: nobody else's is removed.
        os.close(handle)


def _taken(path):
    """The open file, locked; None if another process has the lock."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in IS_HELD:
            os.close(handle)
            return None
        print(
            f"vae-zoo: note: the file system of '{path.parent}' has no locks; take "
            "care that no other command writes to this folder at the same time",
            file=sys.stderr,
        )
        return handle
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(handle), os.stat(path)):
            return handle
    os.close(handle)  # Its process has just ended, and removed it.
    return None


def _holder(path):
    try:
        return path.read_text().strip() or "another process"
    except (OSError, UnicodeDecodeError):
        return "another process"
