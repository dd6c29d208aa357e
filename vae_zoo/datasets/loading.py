"""`load`, which reads every kind of data set."""

import functools
import itertools
import os
from collections.abc import Sequence

import tensorflow as tf

from vae_zoo.arguments import PathLike, check_instance, shown
from vae_zoo.datasets import array_files, digits, held_out, image_folder, sprites
from vae_zoo.datasets.defaults import (
    DEFAULT_MAX_GIB,
    HELD_OUT_BY_DEFAULT,
    Binarization,
    ImageFit,
)
from vae_zoo.datasets.image_files import Fit
from vae_zoo.datasets.joined import joined
from vae_zoo.datasets.limits import check_max_gib
from vae_zoo.datasets.names import check_name, path_of
from vae_zoo.datasets.source import Source, check_batching
from vae_zoo.datasets.splits import Split, Whole, check_splits

BUILT_IN = {"digits": digits.find_splits, "sprites": sprites.find_splits}


def load(
    name: PathLike,
    split: str = "train",
    batch_size: int = 128,
    binarize: Binarization = None,
    *,
    labels: bool | None = None,
    shuffle: bool | None = None,
    seed: int = 0,
    data_dir: PathLike | None = None,
    first_epoch: int | None = None,
    image_size: tuple[int, int] | list[int] | None = None,
    image_fit: ImageFit = "scale-and-crop",
    max_gib: float = DEFAULT_MAX_GIB,
) -> tf.data.Dataset:
    """Batches of a data set as float32 in [0, 1], ready for `model.fit`.

    Args:
        name: "digits" (scikit-learn's 8x8 digits), "sprites" (procedural, with
            factors of variation), any TFDS name, or a path to a .npy or .npz file
            or a folder of images, as `image_folder.find_splits` reads them.
        split: the split's name with an optional range in TFDS' notation, such as
            "train[:90%]"; "+" joins several, as in "train+validation".
            "train[held-out]" is a random tenth, always the same, with each class in
            proportion; "train[not-held-out]" is the rest.
        batch_size: examples in a batch; the last one may be smaller.
        binarize: None; "dynamic": draw x ~ Bernoulli(x) in every epoch; "fixed": one
            draw for each example, fixed by `seed`.
        labels: True for pairs (x, y), False for only x. None (default) includes factors
            of variation (as in "sprites" or TFDS' "dsprites"), but not class labels.
        shuffle: whether every epoch has a new order. None (default): only for splits
            named "train…".
        seed: fixes the orders and the binarization, an integer.
        data_dir: where TFDS keeps its data.
        first_epoch: None for one epoch, in another order each time it is iterated. An
            integer for an endless stream that starts with that epoch and depends only
            on `seed` and the epoch's number, for resumed training with
            `steps_per_epoch`.
        image_size: (height, width) to bring a folder's images to; None if they already
            have one size.
        image_fit: how images are brought to that size. "scale-and-crop" keeps their
            proportions: it scales them until they cover the size and cuts off two
            sides. "crop" takes the middle without scaling; "stretch" scales height and
            width independently.
        max_gib: the most GiB that image folders and .npz files may take when decoded.
            This is checked before anything is decoded.

    Returns:
        A `tf.data.Dataset` of x [B, *shape], or (x, y) with y [B] class indices or
        [B, F] factors.

    Raises:
        ValueError: if the name is unknown (the message has the nearest ones), a file is
            broken or too large (the message names it), or another argument is not as
            above.
    """
    check_batching(batch_size, binarize, labels, shuffle, seed, first_epoch)
    source = open_source(
        name,
        split,
        data_dir=data_dir,
        image_size=image_size,
        image_fit=image_fit,
        max_gib=max_gib,
    )
    if shuffle is None:
        shuffle = split.startswith("train")
    return source.batches(
        batch_size,
        binarize=binarize,
        labels=labels,
        shuffle=shuffle,
        seed=seed,
        first_epoch=first_epoch,
    )


def open_source(
    name: PathLike,
    split: str = "train",
    *,
    data_dir: PathLike | None = None,
    image_size: tuple[int, int] | list[int] | None = None,
    image_fit: ImageFit = "scale-and-crop",
    max_gib: float = DEFAULT_MAX_GIB,
) -> Source:
    """The `Source` from which `load` makes batches; same arguments, same errors."""
    Split.parse(split)
    wholes = _find_splits(name, data_dir, image_size, image_fit, max_gib)
    return _select(wholes, [split])[0]


def open_sources(
    name: PathLike,
    splits: Sequence[str],
    *,
    data_dir: PathLike | None = None,
    image_size: tuple[int, int] | list[int] | None = None,
    image_fit: ImageFit = "scale-and-crop",
    max_gib: float = DEFAULT_MAX_GIB,
) -> list[Source]:
    """A `Source` for each of `splits`, as `open_source` returns it.

    If several of them are parts of the same data, these are read only once.
    """
    check_instance("splits", splits, (list, tuple), "a list of splits")
    for each in splits:
        Split.parse(each, "splits")
    wholes = _find_splits(name, data_dir, image_size, image_fit, max_gib)
    return _select(wholes, splits)


def open_held_out(
    name: PathLike,
    data_dir: PathLike | None = None,
    *,
    validation_split: str | None = None,
    image_size: tuple[int, int] | list[int] | None = None,
    image_fit: ImageFit = "scale-and-crop",
    max_gib: float = DEFAULT_MAX_GIB,
) -> tuple[Source, str]:
    """The data to evaluate on, "test" or else "train[held-out]", and the split's name.

    Args:
        name: as in `load`.
        data_dir: as in `load`.
        validation_split: the split that the model's training run validated on, if it is
            known. It replaces "train[held-out]", which a model may have seen unless it
            was trained on "train[not-held-out]".
        image_size: as in `load`.
        image_fit: as in `load`.
        max_gib: as in `load`.

    Returns:
        The `Source` and its split, as `open_source` takes it.

    Raises:
        ValueError: as `load` does; also if there is neither "test" nor "train".
    """
    if validation_split is not None:
        Split.parse(validation_split, "validation_split")
    wholes = _find_splits(name, data_dir, image_size, image_fit, max_gib)
    split = HELD_OUT_BY_DEFAULT if validation_split is None else validation_split
    split = "test" if "test" in wholes else split
    return _select(wholes, [split])[0], split


def _find_splits(
    name: PathLike,
    data_dir: PathLike | None,
    image_size: tuple[int, int] | list[int] | None,
    image_fit: ImageFit,
    max_gib: float,
) -> dict[str, Whole]:
    """A `Whole` for each split of the data set, by name; reads nothing yet."""
    kind = check_name(name)
    _check_data_dir(data_dir)
    max_gib = check_max_gib(max_gib)
    fit = Fit.checked(image_size, image_fit)
    text = os.fspath(name)
    if kind == "images":
        return image_folder.find_splits(path_of(text), fit, max_gib)
    if fit.size is not None:
        raise ValueError(
            "`image_size` must be left out but for folders of images. Received: "
            f"image_size={fit.size}, name={shown(text)}"
        )
    if kind == "built-in":
        return BUILT_IN[text]()
    if kind == "arrays":
        return array_files.find_splits(path_of(text), max_gib)
    from vae_zoo.datasets import tfds_source

    return tfds_source.find_splits(text, data_dir)


def _check_data_dir(data_dir: PathLike | None) -> None:
    if data_dir is None:
        return
    expectation = "a folder's path, where TFDS keeps its data, or None"
    check_instance("data_dir", data_dir, (str, os.PathLike), expectation)
    if not os.fspath(data_dir):
        raise ValueError(f"`data_dir` must be {expectation}. Received: data_dir=''")


def _select(wholes: dict[str, Whole], splits: Sequence[str]) -> list[Source]:
    """A source for each of `splits`, from the data set's wholes."""
    parsed = [Split.parse(split) for split in splits]
    check_splits(itertools.chain(*parsed), wholes)
    read = functools.cache(lambda name: wholes[name].read())

    def part(split: Split) -> Source:
        source = read(split.name)
        return source.selected(held_out.select(split, wholes[split.name], source))

    sources = [[part(split) for split in each] for each in parsed]
    return [each[0] if len(each) == 1 else joined(each) for each in sources]
