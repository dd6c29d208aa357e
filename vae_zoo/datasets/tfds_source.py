"""Any image data set of TensorFlow Datasets."""

import contextlib
import functools
import sys
from collections.abc import Iterator

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download import downloader

from vae_zoo.arguments import PathLike
from vae_zoo.datasets.array_source import array_source, new_array
from vae_zoo.datasets.source import Source
from vae_zoo.datasets.splits import Whole

# With waits of 0, 0.4, 0.8, 1.6 and 3.2 seconds.
MAX_RETRIES = 5
ROWS_PER_READ = 1024
CLASS_KEY = "label"
FACTOR_PREFIX = "label_"


def find_splits(name: str, data_dir: PathLike | None) -> dict[str, Whole]:
    """x uint8 [H, W, C] and, if the set has them, class labels or factors.

    Factors of variation are y int32 [N, F], the classes of features such as dSprites'
    `label_scale`. The records of a split are decoded once into one array, which is on
    disk if it is large.

    Args:
        name: TFDS' "data_set" or "data_set/config".
        data_dir: where TFDS keeps its data; None for its default.

    Returns:
        A `Whole` for each split, by its name.

    Raises:
        ValueError: if the set cannot be obtained, or its images have several sizes.
    """
    builder = _prepared(name, data_dir)
    _image_key(name, builder.info.features)
    return {
        key: Whole(part.num_examples, functools.partial(_open, builder, name, key))
        for key, part in builder.info.splits.items()
    }


def _prepared(name: str, data_dir: PathLike | None) -> tfds.core.DatasetBuilder:
    """The data set's builder, after its data have been prepared."""
    try:
        builder = tfds.builder(name, data_dir=data_dir)
        if not builder.is_prepared():
            print(
                f"vae-zoo: {name!r} is not in '{builder.data_dir}' yet; TFDS prepares "
                "it, and downloads what it lacks",
                file=sys.stderr,
            )
        # The progress that TFDS prints is not output of the command.
        with _few_retries(), contextlib.redirect_stdout(sys.stderr):
            builder.download_and_prepare()
    except Exception as error:
        raise ValueError(
            "`name` must be a data set that is in `data_dir` or that TFDS can prepare "
            f"there. Received: {name!r}, which failed with "
            f"{type(error).__name__}: {_first_line(error)}"
        ) from error
    return builder


@contextlib.contextmanager
def _few_retries() -> Iterator[None]:
    """Context in which a download fails in seconds; TFDS tries for over 3 minutes."""
    retries = downloader.MAX_RETRIES
    downloader.MAX_RETRIES = min(retries, MAX_RETRIES)
    try:
        yield
    finally:
        downloader.MAX_RETRIES = retries


def _open(builder: tfds.core.DatasetBuilder, name: str, split_name: str) -> Source:
    """The `Source` of a whole split."""
    features = builder.info.features
    keys = label_keys(features)
    images, columns = _read(builder, split_name, _image_key(name, features), keys)
    every, full_name = range(len(images)), f"{name}/{split_name}"
    if len(keys) > 1:
        factor_names = tuple(key.removeprefix(FACTOR_PREFIX) for key in keys)
        return array_source(full_name, images, columns, every, factor_names)
    labels = columns[:, 0] if keys else None
    class_names = tuple(features[keys[0]].names or ()) if keys else ()
    return array_source(
        full_name, images, labels, every, class_names=class_names or None
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:200]


def label_keys(features: tfds.features.FeaturesDict) -> tuple[str, ...]:
    """The features that make up y: ("label",), two or more factors, or ().

    Factors are the class features named "label_…", sorted, if the set has no "label". A
    feature with a single class, such as the white of all dSprites, does not count.
    """
    classes = {
        key: feature.num_classes or 0
        for key, feature in features.items()
        if isinstance(feature, tfds.features.ClassLabel)
    }
    if CLASS_KEY in classes:
        return (CLASS_KEY,)
    keys = sorted(
        key
        for key, num_classes in classes.items()
        if key.startswith(FACTOR_PREFIX) and num_classes > 1
    )
    return tuple(keys) if len(keys) > 1 else ()


def _image_key(name: str, features: tfds.features.FeaturesDict) -> str:
    images = [
        key
        for key, feature in features.items()
        if isinstance(feature, tfds.features.Image)
    ]
    if not images or None in features[images[0]].shape:
        raise ValueError(
            "`name` must be a data set of images of one size. Received: "
            f"{name!r} with features {features!s}"
        )
    return images[0]


def _read(
    builder: tfds.core.DatasetBuilder,
    split_name: str,
    image_key: str,
    label_keys: tuple[str, ...],
) -> tuple[np.ndarray, np.ndarray]:
    """The whole split: images, and labels [N, F] with a column for each key."""
    feature = builder.info.features[image_key]
    shape = (builder.info.splits[split_name].num_examples, *feature.shape)
    images = new_array(shape, feature.np_dtype)
    columns = new_array((shape[0], len(label_keys)), np.int32)
    data = builder.as_dataset(split=split_name, shuffle_files=False)
    start = 0
    for batch in tfds.as_numpy(data.batch(ROWS_PER_READ)):
        stop = start + len(batch[image_key])
        images[start:stop] = batch[image_key]
        for column, key in enumerate(label_keys):
            columns[start:stop, column] = batch[key]
        start = stop
    return images, columns
