"""Checks the name of a data set without TensorFlow."""

import difflib
import os
import pathlib
import stat
from typing import Literal

from vae_zoo.arguments import PathLike, check_instance, shown

BUILT_IN_NAMES = ("digits", "sprites")
ARRAY_SUFFIXES = (".npy", ".npz")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
TABLE_DELIMITERS = {".csv": ",", ".tsv": "\\t", ".txt": " "}
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z")
EXPECTED = (
    "'digits', 'sprites', a TFDS name, or a path to a .npy or .npz file or a folder "
    "of images"
)


def check_name(name: PathLike) -> Literal["built-in", "arrays", "images", "tfds"]:
    """The kind of data set that `name` is; checks the file system, reads no data.

    Args:
        name: as in `datasets.load`.

    Returns:
        "built-in", "arrays" (a .npy or .npz file), "images" (a folder) or "tfds".

    Raises:
        ValueError: if it is none of these: a misspelt name (the message has the nearest
            ones), a missing path, or a file of another type (the message says what to
            do with it).
    """
    check_instance("name", name, (str, os.PathLike), EXPECTED)
    text = os.fspath(name)
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"`name` must be {EXPECTED}. Received: name={shown(name)}")
    if text in BUILT_IN_NAMES:
        return "built-in"
    path = path_of(text)
    mode = _mode(path)
    if path.suffix.lower() in ARRAY_SUFFIXES:
        if mode is None or not stat.S_ISREG(mode):
            raise ValueError(
                "`name` must be an existing file where it ends in .npy or .npz. "
                f"Received: name={text!r}, which {_described(mode)}"
            )
        return "arrays"
    if mode is not None and stat.S_ISDIR(mode):
        return "images"
    if mode is not None:
        raise ValueError(
            f"`name` must be {EXPECTED}. Received: name={text!r}, "
            f"{_what_to_do_with(path, mode)}"
        )
    if _is_path(text):
        raise ValueError(
            f"`name` must be {EXPECTED}. Received: name={text!r}, which does not exist"
        )
    _check_tfds_name(text)
    return "tfds"


def path_of(text: str) -> pathlib.Path:
    """`text` as a path, with ~ replaced by the home folder."""
    try:
        return pathlib.Path(text).expanduser()
    except RuntimeError:  # ~ of an unknown user.
        return pathlib.Path(text)


def _mode(path: pathlib.Path) -> int | None:
    """The file's mode, or None if there is no file."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):  # Missing, unreadable, or no valid path.
        return None


def _described(mode: int | None) -> str:
    if mode is None:
        return "does not exist"
    return "is a folder" if stat.S_ISDIR(mode) else "is no regular file"


def _what_to_do_with(path: pathlib.Path, mode: int) -> str:
    """What kind of file this is, and how to make a data set of it."""
    suffix = path.suffix.lower()
    if not stat.S_ISREG(mode):
        return "which is no regular file"
    if suffix in TABLE_DELIMITERS:
        delimiter = TABLE_DELIMITERS[suffix]
        return (
            "which is a table of text; make a .npy file of its numbers: "
            f"np.save('{path.stem}.npy', np.loadtxt('{path.name}', "
            f"delimiter='{delimiter}', skiprows=1)), with skiprows=0 where the first "
            "line is no header"
        )
    if suffix in IMAGE_SUFFIXES:
        return f"which is a single image; give its folder, '{path.parent}'"
    if suffix in ARCHIVE_SUFFIXES:
        return "which is an archive; unpack it and give the folder of images"
    return (
        "which is a file of another type; make a .npy file of its numbers with "
        "np.save('x.npy', x), x being uint8 or floats in [0, 1], one row an example"
    )


def _is_path(text: str) -> bool:
    """Whether `text` looks like a path rather than TFDS' "data_set/config"."""
    suffix = pathlib.PurePath(text).suffix.lower()
    known = (*TABLE_DELIMITERS, *IMAGE_SUFFIXES, *ARCHIVE_SUFFIXES)
    return text.startswith((".", os.sep, "~")) or suffix in known


def _check_tfds_name(text: str) -> None:
    # Imported only where it is needed, since that takes a second. It does not import
    # TensorFlow here.
    import tensorflow_datasets as tfds

    known = tfds.list_builders(with_community_datasets=False)
    if text.split("/")[0].split(":")[0] in known:
        return
    near = difflib.get_close_matches(text, [*BUILT_IN_NAMES, *known], n=3, cutoff=0.5)
    hint = f"; the nearest names are {', '.join(near)}" if near else ""
    missing = ", which does not exist" if os.sep in text else ""
    raise ValueError(
        f"`name` must be {EXPECTED}. Received: name={shown(text)}{missing}{hint}"
    )
