"""A folder of images of one size."""

import concurrent.futures
import pathlib
import struct

import numpy as np
import PIL.Image

from vae_zoo.datasets.source import array_source, new_array

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
NUM_THREADS = 8


def open_split(folder, split):
    """x uint8 [H, W, C], C = 1 for grey images and 3 for all others.

    Images are looked for at any depth. Folders named train, test or validation at
    the top are splits; else everything is the split "train". Folders below are
    classes, in alphabetic order, and their index is y.

    Raises:
        ValueError: if there is no image, or one is broken or of another size than
            the first (the file is named).
    """
    names = ("train", "validation", "test")
    roots = {name: folder / name for name in names if (folder / name).is_dir()}
    roots = roots or {"train": folder}
    files = {name: _image_files(root) for name, root in roots.items()}
    indices = split.select_from({name: len(found) for name, found in files.items()})
    images = _read_all(files[split.name])
    classes = [_classes(roots[name], found) for name, found in files.items()]
    # Of all splits: a class that one of them lacks must not shift the others.
    names = {name for found in classes for name in found}
    class_names = tuple(sorted(names, key=pathlib.PurePosixPath))
    if class_names == (".",):
        class_names = labels = None
    else:
        found = _classes(roots[split.name], files[split.name])
        labels = np.array([class_names.index(each) for each in found], np.int32)
    return array_source(
        f"{folder.name}/{split.name}",
        images,
        labels,
        indices,
        class_names=class_names,
    )


def _image_files(root):
    found = sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise ValueError(
            f"'{root}' must hold images ({', '.join(SUFFIXES)}). Received: none"
        )
    return found


def _classes(root, files):
    return [path.relative_to(root).parent.as_posix() for path in files]


def _read_all(files):
    """All images as one array, outside of memory if it is large."""
    first = _decode(files[0])
    images = new_array((len(files), *first.shape), np.uint8)

    def read(index):
        image = _decode(files[index])
        if image.shape != first.shape:
            raise ValueError(
                f"Images must be of one size, {first.shape} (that of '{files[0]}'). "
                f"Received: '{files[index]}' of size {image.shape}"
            )
        images[index] = image

    with concurrent.futures.ThreadPoolExecutor(NUM_THREADS) as pool:
        for _ in pool.map(read, range(len(files))):
            pass
    return images


def _decode(path):
    """The image as uint8 [H, W, C]; broken files are named."""
    try:
        with PIL.Image.open(path) as image:
            pixels = _as_bytes(image)
    except (
        OSError,
        EOFError,
        SyntaxError,
        ValueError,
        struct.error,
        PIL.Image.DecompressionBombError,
    ) as error:
        raise ValueError(
            f"'{path}' must be a readable image. Received: a broken one ({error})"
        ) from error
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _as_bytes(image):
    if image.mode.startswith("I;16"):
        return (np.asarray(image) // 257).astype(np.uint8)
    if image.mode in ("I", "F"):
        raise ValueError(f"its pixels have no fixed range (mode {image.mode})")
    is_grey = image.mode in ("1", "L", "LA")
    return np.asarray(image.convert("L" if is_grey else "RGB"))
