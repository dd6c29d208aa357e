"""One process at a time writes to a run's folder."""

import contextlib
import errno
import os
import pathlib
import platform
import sys
from collections.abc import Iterator

import filelock

from vae_zoo.arguments import PathLike, check_number, check_path

NAME = ".lock"
# A process that was told to end may need them.
SECONDS_TO_WAIT = 3
# For a lock on a network's file system that outlives the machine that had it.
SECONDS_TO_WAIT_FOR_MACHINES = 120
SECONDS_BETWEEN_TRIES = 0.2
# What a file system without locks says.
HAS_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


@contextlib.contextmanager
def locked(folder: PathLike, seconds: float | None = None) -> Iterator[None]:
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
def _held(path: pathlib.Path, seconds: float) -> Iterator[None]:
    lock = filelock.FileLock(path, fallback_to_soft=False, on_acquired=_sign)
    try:
        _acquire(lock, path, seconds)
    except filelock.Timeout:
        raise ValueError(
            "`output` must be a folder that no other process writes to at the same "
            "time; wait for it to end, or give another folder. Received: "
            f"'{path.parent}', which is in use by {_holder(path)}"
        ) from None
    except OSError as error:
        if error.errno not in HAS_NO_LOCKS:
            raise
        print(
            f"vae-zoo: note: the file system of '{path.parent}' has no locks; take "
            "care that no other command writes to this folder at the same time",
            file=sys.stderr,
        )
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()  # While it is locked: nobody else's is removed.
        lock.release()


def _acquire(lock: filelock.BaseFileLock, path: pathlib.Path, seconds: float) -> None:
    """Waits for the lock, and says for whom; raises `filelock.Timeout` at the end."""
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        print(
            f"vae-zoo: waiting for {_holder(path)}, which has '{path.parent}' in use, "
            f"at most {seconds:g} seconds",
            file=sys.stderr,
            flush=True,
        )
        lock.acquire(timeout=seconds, poll_interval=SECONDS_BETWEEN_TRIES)


def _sign(handle: int) -> None:
    """Writes into the locked file who has it."""
    with contextlib.suppress(OSError):  # For people alone; the disk may be full.
        os.ftruncate(handle, 0)
        os.write(handle, f"process {os.getpid()} of {platform.node()}\n".encode())


def _holder(path: pathlib.Path) -> str:
    try:
        return path.read_text().strip() or "another process"
    except (OSError, UnicodeDecodeError):
        return "another process"
