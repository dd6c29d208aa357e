"""A folder of images."""

import concurrent.futures
import functools
import os
import pathlib
import warnings
from collections.abc import Callable, Iterable
from typing import NamedTuple, NoReturn, TypeVar

import numpy as np

from vae_zoo.datasets import image_files
from vae_zoo.datasets.array_source import array_source, new_array
from vae_zoo.datasets.limits import GIB, check_size
from vae_zoo.datasets.names import IMAGE_SUFFIXES
from vae_zoo.datasets.source import Source
from vae_zoo.datasets.splits import Whole

SPLIT_NAMES = ("train", "validation", "test")
# Names that systems leave in a folder, in addition to those that begin with a dot.
LEFT_BY_SYSTEMS = (
    "__MACOSX",
    "@eaDir",
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
)
NUM_THREADS = 8
# Memory while a pixel is decoded: four bytes in Pillow and a copy; or eight in
# TensorFlow and two copies in float32.
BYTES_OF_A_DECODED_PIXEL, BYTES_OF_A_DEEP_PIXEL = 8, 40


ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class _Pixels(NamedTuple):
    """The form to which the images of all splits are brought."""

    is_grey: bool
    is_deep: bool
    fit: image_files.Fit
    max_gib: float


def find_splits(
    folder: pathlib.Path, fit: image_files.Fit, max_gib: float
) -> dict[str, Whole]:
    """x [N, H, W, C], C = 1 if all images are grey and 3 if one has colours.

    Images are searched at any depth, also behind links to folders. Folders named train,
    test or validation at the top are splits; else everything is the split "train".
    Folders below are classes, in alphabetic order over all splits, and their index is
    y. Names that begin with a dot (`.ipynb_checkpoints`, `._1.jpg`) and files of the
    system (`__MACOSX`) are skipped.

    x is uint8. If an image of any split has more than 8 bits, all images are float32,
    and 1 is the largest value that a file can hold. Images are turned upright by their
    EXIF data, and transparent parts become white. Palettes count as colours. Animations
    count as their first picture.

    Args:
        folder: a folder's path.
        fit: an `image_files.Fit`, the size of the images.
        max_gib: the most GiB that the images of a split may take.

    Returns:
        A `Whole` for each split, by its name.

    Raises:
        ValueError: if there is no image, one is broken or differs from the first in
            size (the message names the file), or they take more than `max_gib`.
    """
    roots = {name: folder / name for name in SPLIT_NAMES if (folder / name).is_dir()}
    roots = roots or {"train": folder}
    files = {name: _image_files(root) for name, root in roots.items()}
    classes = {name: _classes(roots[name], found) for name, found in files.items()}
    # Over all splits, so that a class missing in one does not shift the others.
    class_names = sorted(set().union(*classes.values()), key=pathlib.PurePosixPath)

    @functools.cache
    def kinds() -> dict[str, list[image_files.Kind]]:
        return {
            name: _mapped(image_files.inspect, found, NUM_THREADS)
            for name, found in files.items()
        }

    def read(name: str, labels: np.ndarray | None) -> Source:
        every = [kind for found in kinds().values() for kind in found]
        is_grey = all(kind.is_grey for kind in every)
        is_deep = any(kind.num_bits > 8 for kind in every)
        made = _Pixels(is_grey, is_deep, fit, max_gib)
        images = _read(roots[name], files[name], kinds()[name], made)
        return array_source(
            f"{folder.name}/{name}",
            images,
            labels,
            range(len(images)),
            class_names=None if labels is None else tuple(class_names),
        )

    wholes = {}
    for name, found in files.items():
        labels = None
        if class_names != ["."]:
            numbers = {each: number for number, each in enumerate(class_names)}
            labels = np.array([numbers[each] for each in classes[name]], np.int32)
        wholes[name] = Whole(len(found), functools.partial(read, name, labels))
    return wholes


def _image_files(root: pathlib.Path) -> list[pathlib.Path]:
    """The images below `root`, sorted."""
    found, seen = [], set()
    for path, folders, names in os.walk(root, followlinks=True, onerror=_raise):
        folder = pathlib.Path(path)
        real = folder.resolve()
        if real in seen:
            raise ValueError(
                f"'{root}' must hold each folder once. Received: '{folder}', a link to "
                f"'{real}'"
            )
        seen.add(real)
        folders[:] = sorted(name for name in folders if not _is_left_over(name))
        found += [
            folder / name
            for name in names
            if not _is_left_over(name)
            and pathlib.PurePath(name).suffix.lower() in IMAGE_SUFFIXES
        ]
    if not found:
        raise ValueError(
            f"'{root}' must hold images ({', '.join(IMAGE_SUFFIXES)}). Received: none"
        )
    return sorted(found)


def _raise(error: OSError) -> NoReturn:
    raise ValueError(
        f"'{error.filename}' must be a folder that can be read. Received: {error}"
    ) from error


def _is_left_over(name: str) -> bool:
    return name.startswith(".") or name in LEFT_BY_SYSTEMS


def _classes(root: pathlib.Path, files: list[pathlib.Path]) -> list[str]:
    return [path.relative_to(root).parent.as_posix() for path in files]


def _read(
    root: pathlib.Path,
    files: list[pathlib.Path],
    kinds: list[image_files.Kind],
    made: _Pixels,
) -> np.ndarray:
    """The images of a split as one array, on disk if it is large."""
    num_threads = _num_threads(root, kinds, made)

    def pixels_of(path: pathlib.Path) -> np.ndarray:
        pixels = image_files.read(path, made.is_grey, made.is_deep)
        try:
            return made.fit.apply(pixels)
        except ValueError as error:
            raise ValueError(
                f"'{path}' must fit `image_size`. Received: {error}"
            ) from error

    first = pixels_of(files[0])
    images = new_array((len(files), *first.shape), first.dtype)

    def read(index: int) -> None:
        pixels = pixels_of(files[index])
        if pixels.shape != first.shape:
            raise ValueError(
                f"Images must be of one size, {_size(first)} (that of '{files[0]}'), "
                "or get one by `image_size` (--image-size HEIGHT WIDTH on the command "
                f"line). Received: '{files[index]}' of size {_size(pixels)}"
            )
        images[index] = pixels

    _mapped(read, range(len(files)), num_threads)
    if made.is_deep:
        _warn_of_dark(root, images)
    return images


def _size(pixels: np.ndarray) -> str:
    return f"{pixels.shape[0]} x {pixels.shape[1]}"


def _num_threads(
    root: pathlib.Path, kinds: list[image_files.Kind], made: _Pixels
) -> int:
    """How many images may be decoded at the same time, besides the array of all.

    Raises:
        ValueError: if that array and one image in decoding take more than `max_gib`.
    """
    per_pixel = (1 if made.is_grey else 3) * (4 if made.is_deep else 1)
    num_pixels = sum(kind.num_pixels for kind in kinds)
    if made.fit.size is not None:
        num_pixels = len(kinds) * made.fit.size[0] * made.fit.size[1]
    at_work = BYTES_OF_A_DEEP_PIXEL if made.is_deep else BYTES_OF_A_DECODED_PIXEL
    largest = at_work * max(kind.num_pixels for kind in kinds)
    total = per_pixel * num_pixels
    check_size(total + largest, made.max_gib, f"the images of '{root}'")
    return max(1, min(NUM_THREADS, int((made.max_gib * GIB - total) // largest)))


def _mapped(
    function: Callable[[ItemT], ResultT], items: Iterable[ItemT], num_threads: int
) -> list[ResultT]:
    """`function` of each item, as a list; stops at the first error."""
    with concurrent.futures.ThreadPoolExecutor(num_threads) as pool:
        try:
            return list(pool.map(function, items))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _warn_of_dark(root: pathlib.Path, images: np.ndarray) -> None:
    brightest = max(float(each.max()) for each in images)
    if brightest < 1 / 8:
        warnings.warn(
            f"The brightest pixel of '{root}' is {brightest:.4f} of white. Where 16 "
            "bits hold values of 12, such as a camera's, save the images divided by "
            "4095 as a .npy file instead",
            stacklevel=2,
        )
