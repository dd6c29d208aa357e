"""Unpacks untrusted archives: only files and folders, within limits."""

import gzip
import io
import pathlib
import stat
import tarfile
import tempfile
import zipfile
import zlib
from typing import IO, Any

from vae_zoo.arguments import PathLike

MAX_MEMBERS = 10_000
MAX_HEADER_BYTES = 2**20
# The errors of broken archives, and of files that are no archives.
BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    gzip.BadGzipFile,
    EOFError,
    NotImplementedError,  # Python does not know the compression.
    RuntimeError,  # It needs a password.
    UnicodeError,
)


def unpack(path: PathLike, folder: PathLike, max_bytes: float, source: str) -> None:
    """Unpacks the .tar.gz or .zip at `path` into `folder`.

    Args:
        path: the archive.
        folder: an existing, empty folder.
        max_bytes: the most bytes that it may unpack to.
        source: where it came from, for errors.

    Raises:
        ValueError: if it is no such archive, is broken, holds more than `max_bytes`, or
            holds anything but files and folders inside it.
    """
    with open(path, "rb") as file:
        start = file.read(4)
    try:
        if start.startswith(b"\x1f\x8b"):
            _unpack_tar(path, folder, max_bytes)
        elif start.startswith(b"PK"):
            _unpack_zip(path, folder, max_bytes)
        else:
            raise _RefusedError("no .tar.gz and no .zip")
    except _RefusedError as error:
        problem, cause = str(error), None
    except BROKEN as error:
        problem, cause = f"a broken one ({error})", error
    else:
        return
    raise ValueError(
        "`name_or_path` must be the URL of a .tar.gz or .zip of files and folders, of "
        f"at most {max_bytes / 2**20:g} MiB unpacked (the environment variable "
        f"VAE_ZOO_MAX_UNPACKED_MIB raises that). Received: '{source}', {problem}"
    ) from cause


class _RefusedError(Exception):
    """An intact archive is refused; the message says why."""


# Python has filters from 3.11.4 on. Without one the checks of `_check_member` remain,
# which leave nothing but files and folders below the target.
_FILTER: dict[str, Any] = (
    {"filter": "data"} if hasattr(tarfile, "data_filter") else {"set_attrs": False}
)


class _ShortReads(io.FileIO):
    """A file that refuses huge single reads, such as a header of a gigabyte."""

    def read(self, size: int | None = -1) -> bytes:
        """As of any file."""
        if size is not None and size > MAX_HEADER_BYTES:
            raise _RefusedError("with a header that is no header")
        return super().read(size)


def _unpack_tar(path: PathLike, folder: PathLike, max_bytes: float) -> None:
    with tempfile.NamedTemporaryFile(prefix="vae_zoo-") as plain:
        _decompress(path, plain, max_bytes)
        with tarfile.open(fileobj=_ShortReads(plain.name), mode="r:") as archive:
            size = 0
            for count, member in enumerate(archive, start=1):
                size += member.size
                _check_sizes(count, size, max_bytes)
                _check_member(member.name, member.isfile() or member.isdir())
                archive.extract(member, folder, **_FILTER)


def _decompress(path: PathLike, plain: IO[bytes], max_bytes: float) -> None:
    # Each member takes 1.5 kB for headers and padding, in addition to its content.
    left = max_bytes + 2**11 * MAX_MEMBERS
    with gzip.open(path) as stream:
        while chunk := stream.read(2**20):
            left -= len(chunk)
            if left < 0:
                raise _RefusedError("which is larger")
            plain.write(chunk)
    plain.flush()


def _unpack_zip(path: PathLike, folder: PathLike, max_bytes: float) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        _check_sizes(len(members), sum(each.file_size for each in members), max_bytes)
        for member in members:
            # The file's type if Unix packed it, else 0.
            kind = stat.S_IFMT(member.external_attr >> 16)
            _check_member(member.filename, kind in (0, stat.S_IFREG, stat.S_IFDIR))
        for member in members:
            archive.extract(member, folder)


def _check_sizes(count: int, size: int, max_bytes: float) -> None:
    if size > max_bytes:
        raise _RefusedError("which is larger")
    if count > MAX_MEMBERS:
        raise _RefusedError(f"which has more than {MAX_MEMBERS} members")


def _check_member(name: str, is_plain: bool) -> None:
    """Raises unless it is a plain file or folder whose path stays in the archive."""
    path = pathlib.PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name:
        raise _RefusedError(f"which holds {name!r}, a path out of it")
    if not is_plain:
        raise _RefusedError(f"which holds {name!r}, no file and no folder")
