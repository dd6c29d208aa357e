"""Images or tables in .npy and .npz files."""

import contextlib
import zipfile
import zlib

import numpy as np

from vae_zoo.datasets.source import array_source


def open_split(path, split):
    """x from `path`: uint8, or floats in [0, 1], of shape [N, ...].

    A .npy file is one split, "train", and stays on disk: memory is used for the
    batches alone where it is large. In a .npz file the arrays `x_train`, `y_train`,
    `x_test`, … are splits with their labels; a single array, or one named `x`,
    `images` or `data`, is the split "train" (with `y` or `labels`).

    Raises:
        ValueError: if the file is missing, truncated, or holds no such array; if
            values are of another type.
    """
    if not path.is_file():
        raise ValueError(
            f"`name` must be an existing file. Received: name='{path}', which is not"
        )
    with _naming(path):
        # A ValueError of NumPy's own says that a header does not fit its file.
        content = np.load(path, mmap_mode="r" if path.suffix == ".npy" else None)
    if path.suffix == ".npy":
        return _open_arrays(path, {"x": content}, split)
    with content:
        return _open_arrays(path, content, split)


@contextlib.contextmanager
def _naming(path):
    """Turns the errors of a broken file into one that names it."""
    try:
        yield
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"'{path}' must be a whole {path.suffix} file. Received: a truncated or "
            f"broken one ({error})"
        ) from error


def _open_arrays(path, archive, split):
    keys = _split_keys(list(archive))
    if not keys:
        raise ValueError(
            f"'{path}' must hold an array named `x`, `images` or `data`, one alone, "
            f"or `x_train` and the like. Received: arrays {sorted(archive)}"
        )
    x_key, y_key = keys.get(split.name, next(iter(keys.values())))
    with _naming(path):
        x = archive[x_key]
        x = x.view(np.uint8) if x.dtype == bool else x
        y = archive[y_key] if y_key else None
    _check_array(path, x_key, x)
    sizes = {name: len(x) for name in keys}
    if y is not None and len(y) != len(x):
        raise ValueError(
            f"Arrays {x_key!r} and {y_key!r} of '{path}' must be of one length. "
            f"Received: lengths {len(x)} and {len(y)}"
        )
    indices = split.select_from(sizes)
    return array_source(f"{path.name}/{split.name}", x, y, indices)


def _split_keys(keys):
    """Split name -> (key of x, key of y or None)."""
    named = {key[2:]: key for key in keys if key.startswith("x_")}
    if named:
        return {
            name: (key, f"y_{name}" if f"y_{name}" in keys else None)
            for name, key in named.items()
        }
    x_keys = [key for key in ("x", "images", "data") if key in keys]
    x_keys = x_keys or (keys if len(keys) == 1 else [])
    y_keys = [key for key in ("y", "labels") if key in keys]
    if not x_keys:
        return {}
    return {"train": (x_keys[0], y_keys[0] if y_keys else None)}


def _check_array(path, key, x):
    is_number = x.dtype == np.uint8 or np.issubdtype(x.dtype, np.floating)
    if not is_number or not 2 <= x.ndim <= 4:
        raise ValueError(
            f"Array {key!r} of '{path}' must be uint8 or float in [0, 1], of shape "
            f"[N, ...] and rank 2 to 4. Received: {x.dtype} of shape {x.shape}"
        )
