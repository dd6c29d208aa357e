"""Files and folders that appear whole or not at all."""

import contextlib
import errno
import hashlib
import json
import os
import pathlib
import platform
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator

from vae_zoo.arguments import PathLike

try:
    import fcntl
except ImportError:  # On Windows.
    fcntl = None  # type: ignore[assignment]

_PREFIX = ".partial-"
# Of the machine or container, which may share a folder with others.
_HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
# Tells this process from an earlier one that had its number.
_TOKEN = secrets.token_hex(4)
# Of others' processes nothing is known: what they began so long ago is abandoned.
_SECONDS_ABANDONED = 24 * 3600
# A full disk, a quota, a limit of the system, a broken disk: they name no file.
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


@contextlib.contextmanager
def whole_file(path: PathLike) -> Iterator[pathlib.Path]:
    """Yields a path to write to; on success it becomes `path` by one rename.

    On failure nothing is left and what was at `path` stays.
    """
    path = pathlib.Path(path)
    with _named(path):
        handle, name = tempfile.mkstemp(
            "".join(path.suffixes), _own_prefix(), path.parent
        )
    os.close(handle)
    partial = pathlib.Path(name)
    try:
        with _named(path):
            yield partial
            _flush(partial)
        os.chmod(partial, 0o666 & ~_umask())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def partial_folder(parent: PathLike) -> Iterator[pathlib.Path]:
    """Yields a new folder in `parent`; removes it unless it was renamed meanwhile."""
    folder = pathlib.Path(tempfile.mkdtemp("", _own_prefix(), parent))
    os.chmod(folder, 0o777 & ~_umask())
    try:
        with _named(parent):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _named(path: PathLike) -> Iterator[None]:
    """Has the error of a disk that is full, or fails, name what was to be written."""
    try:
        yield
    except OSError as error:
        if error.errno in _OF_THE_DISK:
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise


def remove_folder(path: pathlib.Path) -> None:
    """Removes a folder, which nobody sees in part: first it loses its name."""
    with partial_folder(path.parent) as folder:
        os.rename(path, folder)


def is_partial(path: PathLike) -> bool:
    """Whether `path` is something this module has not finished."""
    return pathlib.Path(path).name.startswith(_PREFIX)


def remove_abandoned(parent: PathLike) -> None:
    """Removes what killed processes left unfinished in folder `parent`."""
    for path in pathlib.Path(parent).glob(f"{_PREFIX}*"):
        if not _is_abandoned(path):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(folder: PathLike) -> Iterator[None]:
    """Only one process of this machine at a time is within, for the same folder."""
    handle = os.open(folder, os.O_RDONLY) if fcntl else None
    try:
        if handle is not None:
            # A network's file system may have no locks.
            with contextlib.suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        if handle is not None:
            os.close(handle)


def write_json(path: PathLike, content: object) -> None:
    """Writes `content` to `path`, whole or not at all."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=2, allow_nan=True) + "\n")


def _own_prefix() -> str:
    return f"{_PREFIX}{_HOST}-{os.getpid()}-{_TOKEN}-"


def _is_abandoned(path: pathlib.Path) -> bool:
    if path.name.startswith(_own_prefix()):  # Another thread may be at it.
        return False
    try:
        if time.time() - path.stat().st_mtime > _SECONDS_ABANDONED:
            return True
    except FileNotFoundError:  # Its process has just finished it.
        return False
    host, owner, *_ = f"{path.name.removeprefix(_PREFIX)}-".split("-")
    if host != _HOST or not owner.isdecimal():
        return False
    # An earlier process may have had this one's number.
    return int(owner) == os.getpid() or not _is_running(int(owner))


def _flush(path: pathlib.Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def _is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
