"""`load`: every kind of data set under one name."""

import difflib
import os
import pathlib

import tensorflow as tf

from vae_zoo.datasets import array_files, digits, image_folder, sprites
from vae_zoo.datasets.source import Source, joined
from vae_zoo.datasets.splits import Split, UnknownSplitError

BUILT_IN = {"digits": digits.open_split, "sprites": sprites.open_split}
# What `vae-zoo train` validates on by default.
LEFT_OUT_OF_TRAINING = "train[90%:]"


def load(
    name: str | os.PathLike,
    split: str = "train",
    batch_size: int = 128,
    binarize: str | None = None,
    *,
    labels: bool | None = None,
    shuffle: bool | None = None,
    seed: int = 0,
    data_dir: str | None = None,
    first_epoch: int | None = None,
) -> tf.data.Dataset:
    """Batches of a data set as float32 in [0, 1], ready for `model.fit`.

    Args:
        name: "digits" (scikit-learn's 8x8 digits), "sprites" (procedural, with
            factors of variation), any TFDS name, or a path to a .npy or .npz file
            or a folder of images.
        split: the split's name with an optional range in TFDS' notation, such as
            "train[:90%]"; several are joined by "+", as in "train+validation".
        batch_size: examples in a batch; the last one may be smaller.
        binarize: None; "dynamic": every epoch draws x ~ Bernoulli(x) anew;
            "fixed": one draw for each example, fixed by `seed`.
        labels: True: pairs (x, y); False: x alone. None (default): factors of
            variation (of "sprites", TFDS' "dsprites" and the like) come along,
            class labels do not.
        shuffle: a new order in every epoch. None (default): in splits named
            "train…".
        seed: fixes the orders and the binarization.
        data_dir: where TFDS keeps its data.
        first_epoch: None: one epoch, of another order each time it is iterated.
            An integer: an endless stream that starts with that epoch and is a
            function of `seed` and the epoch's number alone, for resumed training
            with `steps_per_epoch`.

    Returns:
        A `tf.data.Dataset` of x [B, *shape], or (x, y) with y [B] class indices or
        [B, F] factors.

    Raises:
        ValueError: if the name is unknown (the nearest ones are named), a file is
            broken (it is named), or another argument is off.
    """
    source = open_source(name, split, data_dir=data_dir)
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
    name: str | os.PathLike, split: str = "train", *, data_dir: str | None = None
) -> Source:
    """The `Source` that `load` makes batches of; same arguments, same errors."""
    parts = [Split.parse(part) for part in split.split("+")]
    sources = [_open_split(name, part, data_dir) for part in parts]
    return sources[0] if len(sources) == 1 else joined(sources)


def open_held_out(
    name: str | os.PathLike, data_dir: str | None = None
) -> tuple[Source, str]:
    """What to evaluate on: the split "test", else "train[90%:]", and which it is.

    A model that was trained on another part than the default "train[:90%]" may have
    seen the latter.

    Returns:
        The `Source` and its split, as `open_source` takes it.

    Raises:
        ValueError: as `load` does; also if there is neither "test" nor "train".
    """
    try:
        return open_source(name, "test", data_dir=data_dir), "test"
    except UnknownSplitError:
        split = LEFT_OUT_OF_TRAINING
        return open_source(name, split, data_dir=data_dir), split


def _open_split(name, split, data_dir):
    if name in BUILT_IN:
        return BUILT_IN[name](split)
    path = pathlib.Path(name).expanduser()
    if path.suffix in (".npy", ".npz"):
        return array_files.open_split(path, split)
    if path.is_dir():
        return image_folder.open_split(path, split)
    if os.sep in str(name) and not _is_tfds_name(name):
        raise ValueError(
            "`name` must be a data set's name or a path to a .npy or .npz file or a "
            f"folder of images. Received: name={name!r}, which does not exist"
        )
    # TFDS takes seconds to import, so only where it is needed.
    from vae_zoo.datasets import tfds_source

    known = tfds_source.names()
    if str(name).split("/")[0].split(":")[0] not in known:
        near = difflib.get_close_matches(
            str(name), [*BUILT_IN, *known], n=3, cutoff=0.5
        )
        hint = f"; the nearest names are {', '.join(near)}" if near else ""
        raise ValueError(
            "`name` must be 'digits', 'sprites', a TFDS name, or a path to a .npy or "
            f".npz file or a folder of images. Received: name={name!r}{hint}"
        )
    return tfds_source.open_split(str(name), split, data_dir)


def _is_tfds_name(name):
    """Whether `name` looks like TFDS' "data_set/config", not like a path."""
    return not str(name).startswith((".", os.sep, "~"))
