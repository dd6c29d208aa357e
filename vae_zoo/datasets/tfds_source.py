"""Any image data set of TensorFlow Datasets."""

import numpy as np
import tensorflow_datasets as tfds

from vae_zoo.datasets.source import array_source, new_array

ROWS_PER_READ = 1024


def names():
    """The names that TFDS' builders go by."""
    return tfds.list_builders(with_community_datasets=False)


def open_split(name, split, data_dir):
    """x uint8 [H, W, C] and, where the set has them, class labels.

    The records are decoded once into one array, outside of memory if it is large.

    Args:
        name: TFDS' "data_set" or "data_set/config".
        split: a `Split`.
        data_dir: where TFDS keeps its data; None for its default.

    Raises:
        ValueError: if the set cannot be had, or its images are of several sizes.
    """
    try:
        builder = tfds.builder(name, data_dir=data_dir)
        builder.download_and_prepare()
    except Exception as error:
        raise ValueError(
            f"`name` must be a data set that TFDS can prepare. Received: {name!r}, "
            f"which failed with {type(error).__name__}: {_first_line(error)}"
        ) from error
    image_key, label_key = _keys(name, builder.info)
    sizes = {key: part.num_examples for key, part in builder.info.splits.items()}
    indices = split.select_from(sizes)
    images, labels = _read(builder, split.name, image_key, label_key)
    return array_source(f"{name}/{split.name}", images, labels, indices)


def _first_line(error):
    return (str(error).strip().splitlines() or [""])[0][:200]


def _keys(name, info):
    """The features that hold the images and the labels (None if there are none)."""
    images = [
        key
        for key, feature in info.features.items()
        if isinstance(feature, tfds.features.Image)
    ]
    if not images or None in info.features[images[0]].shape:
        raise ValueError(
            "`name` must be a data set of images of one size. Received: "
            f"{name!r} with features {info.features!s}"
        )
    is_label = isinstance(
        dict(info.features.items()).get("label"), tfds.features.ClassLabel
    )
    return images[0], "label" if is_label else None


def _read(builder, split_name, image_key, label_key):
    """The whole split as arrays, filled batch by batch."""
    feature = builder.info.features[image_key]
    shape = (builder.info.splits[split_name].num_examples, *feature.shape)
    images = new_array(shape, feature.np_dtype)
    labels = np.empty(shape[0], np.int32) if label_key else None
    data = builder.as_dataset(split=split_name, shuffle_files=False)
    start = 0
    for batch in tfds.as_numpy(data.batch(ROWS_PER_READ)):
        stop = start + len(batch[image_key])
        images[start:stop] = batch[image_key]
        if label_key:
            labels[start:stop] = batch[label_key]
        start = stop
    return images, labels
