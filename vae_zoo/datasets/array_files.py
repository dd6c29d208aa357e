"""Images or tables in .npy and .npz files."""

import contextlib
import functools
import pathlib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

import numpy as np

from vae_zoo.datasets.array_source import array_source
from vae_zoo.datasets.limits import check_size
from vae_zoo.datasets.source import Source
from vae_zoo.datasets.splits import Whole

SUFFIX_OF_A_MEMBER = ".npy"
ZIP_MAGIC = b"PK"


class Header(NamedTuple):
    """The shape and type of an array, known without reading it."""

    shape: tuple[int, ...]
    dtype: np.dtype


def find_splits(path: pathlib.Path, max_gib: float) -> dict[str, Whole]:
    """x from `path`: uint8, or floats in [0, 1], of shape [N, ...].

    A .npy file is one split, "train"; a large one stays on disk, so that only batches
    use memory. In a .npz file the arrays `x_train`, `y_train`, `x_test`, … are splits
    with their labels; a single array, or one named `x`, `images` or `data`, is the
    split "train" (with `y` or `labels`). Only the arrays of the requested split are
    read.

    Args:
        path: an existing file.
        max_gib: the most GiB that the arrays of one split in a .npz file may take.

    Returns:
        A `Whole` for each split, by name.

    Raises:
        ValueError: if the file is truncated, too large, or holds no such array; if
            values have another type, such as Python objects, which are never read.
    """
    headers = _headers(path)
    keys = _split_keys(list(headers))
    if not keys:
        raise ValueError(
            f"'{path}' must hold an array named `x`, `images` or `data`, one alone, "
            f"or `x_train` and the like. Received: arrays {sorted(headers)}"
        )
    wholes = {}
    for name, (x_key, y_key) in keys.items():
        if not headers[x_key].shape:
            _check_x(path, x_key, headers[x_key])
        size = headers[x_key].shape[0]
        check = functools.partial(_check_split, path, headers, x_key, y_key, max_gib)
        read = functools.partial(_read, path, name, x_key, y_key, check)
        wholes[name] = Whole(size, read)
    return wholes


def _headers(path: pathlib.Path) -> dict[str, Header]:
    """The header of each array by name; the array of a .npy file is named x."""
    with _naming(path):
        if not _is_zip(path):
            with open(path, "rb") as file:
                return {"x": _read_header(file, path, "x")}
        headers = {}
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if not member.filename.endswith(SUFFIX_OF_A_MEMBER):
                    continue
                key = member.filename.removesuffix(SUFFIX_OF_A_MEMBER)
                with archive.open(member) as file:
                    headers[key] = header = _read_header(file, path, key)
                    rest = member.file_size - file.tell()
                if header.dtype.hasobject or rest == _num_bytes(header):
                    continue
                raise ValueError(f"array {key!r} has {rest} bytes of data")
        return headers


def _is_zip(path: pathlib.Path) -> bool:
    with open(path, "rb") as file:
        return file.read(len(ZIP_MAGIC)) == ZIP_MAGIC


@contextlib.contextmanager
def _naming(path: pathlib.Path) -> Iterator[None]:
    """Context that turns the errors of a broken file into one that names it."""
    try:
        yield
    except (
        ValueError,
        OSError,
        EOFError,
        MemoryError,
        NotImplementedError,
        RecursionError,
        RuntimeError,  # An encrypted archive.
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise ValueError(
            f"'{path}' must be a whole {path.suffix} file. Received: a truncated or "
            f"broken one ({error})"
        ) from error


def _read_header(file: IO[bytes], path: pathlib.Path, key: str) -> Header:
    # A ValueError of NumPy's own says what is wrong with a header.
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:  # The version for column names beyond Latin-1.
        raise ValueError(f"array {key!r} is of format {version}")
    shape, _, dtype = read(file)
    return Header(shape, dtype)


def _num_bytes(header: Header) -> int:
    # Python's integers do not overflow.
    size = header.dtype.itemsize
    for length in header.shape:
        size *= length
    return size


def _check_split(
    path: pathlib.Path,
    headers: dict[str, Header],
    x_key: str,
    y_key: str | None,
    max_gib: float,
) -> None:
    """Raises ValueError unless the arrays can be read as x and y."""
    x = headers[x_key]
    _check_no_objects(path, x_key, x)
    _check_x(path, x_key, x)
    used = _num_bytes(x)
    if y_key is not None:
        y = headers[y_key]
        _check_no_objects(path, y_key, y)
        if not y.shape or y.shape[0] != x.shape[0]:
            raise ValueError(
                f"Arrays {x_key!r} and {y_key!r} of '{path}' must be of one length. "
                f"Received: lengths {x.shape[0]} and {y.shape[0] if y.shape else 0}"
            )
        used += _num_bytes(y)
    if _is_zip(path):  # A .npy file stays on disk.
        check_size(used, max_gib, f"'{path}'")


def _check_no_objects(path: pathlib.Path, key: str, header: Header) -> None:
    if header.dtype.hasobject:
        raise ValueError(
            f"Array {key!r} of '{path}' must be of numbers. Received: Python objects, "
            "which are not read, since that can run a program; save the array with a "
            "dtype of numbers, such as x.astype('float32')"
        )


def _check_x(path: pathlib.Path, key: str, x: Header) -> None:
    is_number = x.dtype in (np.uint8, bool) or np.issubdtype(x.dtype, np.floating)
    if not is_number or not 2 <= len(x.shape) <= 4 or 0 in x.shape[1:]:
        hint = ""
        if np.issubdtype(x.dtype, np.integer) and x.dtype != np.uint8:
            hint = "; integers from 0 to 255 become such by x.astype('uint8')"
        raise ValueError(
            f"Array {key!r} of '{path}' must be uint8 or float in [0, 1], of shape "
            f"[N, ...] and rank 2 to 4. Received: {x.dtype} of shape {x.shape}{hint}"
        )


def _read(
    path: pathlib.Path,
    name: str,
    x_key: str,
    y_key: str | None,
    check: Callable[[], None],
) -> Source:
    """The `Source` of a split."""
    check()
    with _naming(path):
        if _is_zip(path):
            with np.load(path, allow_pickle=False) as archive:
                x, y = archive[x_key], archive[y_key] if y_key else None
        else:
            x, y = np.load(path, mmap_mode="r", allow_pickle=False), None
    x = x.view(np.uint8) if x.dtype == bool else x
    return array_source(f"{path.name}/{name}", x, y, range(len(x)))


def _split_keys(keys: list[str]) -> dict[str, tuple[str, str | None]]:
    """Split name -> (key of x, key of y or None)."""
    named = {key[2:]: key for key in keys if key.startswith("x_")}
    if named:
        return {
            name: (key, f"y_{name}" if f"y_{name}" in keys else None)
            for name, key in named.items()
        }
    x_keys: list[str] = [key for key in ("x", "images", "data") if key in keys]
    x_keys = x_keys or (keys if len(keys) == 1 else [])
    y_keys = [key for key in ("y", "labels") if key in keys]
    if not x_keys:
        return {}
    return {"train": (x_keys[0], y_keys[0] if y_keys else None)}
