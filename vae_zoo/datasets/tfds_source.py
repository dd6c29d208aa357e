"""Any image data set of TensorFlow Datasets."""

import numpy as np
import tensorflow_datasets as tfds

from vae_zoo.datasets.source import array_source, new_array

ROWS_PER_READ = 1024
CLASS_KEY = "label"
FACTOR_PREFIX = "label_"


def names():
    """The names that TFDS' builders go by."""
    return tfds.list_builders(with_community_datasets=False)


def open_split(name, split, data_dir):
    """x uint8 [H, W, C] and, where the set has them, class labels or factors.

    Factors of variation are y int32 [N, F], the classes of features such as dSprites'
    `label_scale`. The records are decoded once into one array, outside of memory if
    it is large.

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
    features = builder.info.features
    image_key, keys = _image_key(name, features), label_keys(features)
    sizes = {key: part.num_examples for key, part in builder.info.splits.items()}
    indices = split.select_from(sizes)
    images, columns = _read(builder, split.name, image_key, keys)
    source_name = f"{name}/{split.name}"
    if len(keys) > 1:
        factor_names = tuple(key.removeprefix(FACTOR_PREFIX) for key in keys)
        return array_source(source_name, images, columns, indices, factor_names)
    labels = columns[:, 0] if keys else None
    class_names = tuple(features[keys[0]].names or ()) if keys else ()
    return array_source(
        source_name, images, labels, indices, class_names=class_names or None
    )


def _first_line(error):
    return (str(error).strip().splitlines() or [""])[0][:200]


def label_keys(features):
    """The features that y is made of: ("label",), two or more factors, or ().

    Factors are the classes named "label_…", sorted, of a set that has no "label". A
    feature of one class, such as the white of all dSprites, does not vary.
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


def _image_key(name, features):
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


def _read(builder, split_name, image_key, label_keys):
    """The whole split: images, and a column for each of the labels [N, F]."""
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
