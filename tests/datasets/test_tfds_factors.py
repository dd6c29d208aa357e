import h5py
import numpy as np
import pytest
import tensorflow_datasets as tfds
from numpy.testing import assert_array_equal
from tensorflow_datasets.core.download import downloader

from vae_zoo.datasets import load, open_held_out, open_source, tfds_source

SIZES = {"train": 40, "test": 12}
NUM_CLASSES = {"shape": 3, "scale": 6, "x_position": 4}


def pixels_of(split):
    rng = np.random.default_rng(SIZES[split])
    return rng.integers(0, 256, (SIZES[split], 8, 8, 1), dtype=np.uint8)


def factors_of(split):
    rng = np.random.default_rng(SIZES[split])
    return {
        name: rng.integers(0, number, SIZES[split])
        for name, number in NUM_CLASSES.items()
    }


class TinyFactors(tfds.core.GeneratorBasedBuilder):
    """A data set with dSprites' features, kept in the order of generation."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {"image": tfds.features.Image(shape=(8, 8, 1))}
        features["label_white"] = tfds.features.ClassLabel(num_classes=1)
        for name, number in NUM_CLASSES.items():
            features[f"label_{name}"] = tfds.features.ClassLabel(num_classes=number)
            features[f"value_{name}"] = tfds.features.Scalar(np.float32)
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in SIZES}

    def _generate_examples(self, split):
        pixels, factors = pixels_of(split), factors_of(split)
        for index in range(SIZES[split]):
            example = {"image": pixels[index], "label_white": 0}
            for name, indices in factors.items():
                example[f"label_{name}"] = indices[index]
                example[f"value_{name}"] = indices[index] / NUM_CLASSES[name]
            yield index, example


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return str(tmp_path_factory.mktemp("tfds"))


def expected(split, rows=slice(None)):
    factors = factors_of(split)
    y = np.stack([factors[name] for name in ("scale", "shape", "x_position")], -1)
    return pixels_of(split)[rows], y[rows]


def pairs(dataset):
    """The pixels and the factors of a data set of pairs (x, y)."""
    parts = zip(*dataset.as_numpy_iterator(), strict=True)
    x, y = (np.concatenate(part) for part in parts)
    assert y.dtype == np.int32
    return np.round(x * 255), y


@pytest.mark.parametrize(
    ("split", "rows"),
    [
        ("train", slice(None)),
        ("train[:50%]", slice(20)),
        ("train[90%:]", slice(36, None)),
        ("test[3:7]", slice(3, 7)),
    ],
)
def test_factors_come_along_in_the_order_of_their_names(split, rows, data_dir):
    data = load("tiny_factors", split, 7, shuffle=False, data_dir=data_dir)
    for received, wanted in zip(
        pairs(data), expected(split.split("[")[0], rows), strict=True
    ):
        assert_array_equal(received, wanted)
    source = open_source("tiny_factors", split, data_dir=data_dir)
    assert source.factor_names == ("scale", "shape", "x_position")


def test_joined_splits_keep_their_factors(data_dir):
    split = "test[:5]+train[50%:]"
    source = open_source("tiny_factors", split, data_dir=data_dir)
    assert source.factor_names == ("scale", "shape", "x_position")
    parts = expected("test", slice(5)), expected("train", slice(20, None))
    data = load("tiny_factors", split, 7, data_dir=data_dir)
    for received, *wanted in zip(pairs(data), *parts, strict=True):
        assert_array_equal(received, np.concatenate(wanted))


def test_shuffled_images_keep_their_factors(data_dir):
    x, y = expected("train")
    factors = {image.tobytes(): row for image, row in zip(x, y, strict=True)}
    shuffled_x, shuffled_y = pairs(load("tiny_factors", data_dir=data_dir))
    assert not np.array_equal(shuffled_x, x)
    assert len({image.tobytes() for image in shuffled_x}) == len(x)
    for image, row in zip(shuffled_x.astype(np.uint8), shuffled_y, strict=True):
        assert_array_equal(row, factors[image.tobytes()])


def test_images_alone_where_no_labels_are_asked_for(data_dir):
    data = load("tiny_factors", "test", labels=False, data_dir=data_dir)
    (x,) = data.as_numpy_iterator()
    assert_array_equal(np.round(x * 255), expected("test")[0])


def test_arrays_outside_of_memory_are_the_same(data_dir, monkeypatch):
    monkeypatch.setattr("vae_zoo.datasets.array_source.IN_MEMORY_BYTES", 10)
    data = load("tiny_factors", "test", data_dir=data_dir)
    for received, wanted in zip(pairs(data), expected("test"), strict=True):
        assert_array_equal(received, wanted)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        (
            "dsprites",
            {
                "label_orientation": 40,
                "label_scale": 6,
                "label_shape": 3,
                "label_x_position": 32,
                "label_y_position": 32,
            },
        ),
        (
            "shapes3d",
            {
                "label_floor_hue": 10,
                "label_object_hue": 10,
                "label_orientation": 15,
                "label_scale": 8,
                "label_shape": 4,
                "label_wall_hue": 10,
            },
        ),
        (
            "smallnorb",
            {
                "label_azimuth": 18,
                "label_category": 5,
                "label_elevation": 9,
                "label_lighting": 6,
            },
        ),
        ("mnist", {"label": 10}),
        # It has two labels for different tasks, one of which is the usual one.
        ("cifar100", {"label": 100}),
        # One feature named `label_…` is a class, not a factor of variation.
        ("symmetric_solids", {}),
        ("binarized_mnist", {}),
    ],
)
def test_the_labels_that_the_real_builders_declare(name, sizes, tmp_path):
    features = tfds.builder(name, data_dir=tmp_path).info.features
    keys = tfds_source.label_keys(features)
    assert {key: features[key].num_classes for key in keys} == sizes
    assert keys == tuple(sizes)


@pytest.fixture
def dsprites_file(tmp_path, monkeypatch):
    """Twenty images and their classes, which TFDS takes for the original file."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 2, (20, 64, 64), dtype=np.uint8)
    # White, shape, scale, orientation, x and y.
    classes = np.stack([rng.integers(0, n, 20) for n in (1, 3, 6, 40, 32, 32)], -1)
    path = tmp_path / "file.hdf5"
    with h5py.File(path, "w") as file:
        file["imgs"] = images
        file["latents/classes"] = classes
        file["latents/values"] = classes.astype(np.float64)
    monkeypatch.setattr(
        tfds.download.DownloadManager, "download", lambda self, url: path
    )
    return images, classes


def test_dsprites_own_builder_reads_its_file(dsprites_file, tmp_path):
    images, classes = dsprites_file
    data = load("dsprites", shuffle=False, data_dir=str(tmp_path))
    ((x, y),) = data.as_numpy_iterator()
    # TFDS shuffles what it prepares. White is 1 in the file, and 1 in x.
    is_same = np.all(x[..., 0] == images[:, None], axis=(2, 3))
    order = np.argmax(is_same, axis=0)
    assert_array_equal(x[..., 0], images[order])
    assert_array_equal(np.sort(order), np.arange(20))
    assert_array_equal(y, classes[order][:, [3, 2, 1, 4, 5]])


def test_held_out_examples_keep_their_factors(dsprites_file, data_dir, tmp_path):
    source, split = open_held_out("dsprites", str(tmp_path))
    assert split == "train[held-out]"
    assert len(source) == 2
    names = ("orientation", "scale", "shape", "x_position", "y_position")
    assert source.factor_names == names
    source, split = open_held_out("tiny_factors", data_dir)
    assert split == "test"
    for received, wanted in zip(
        pairs(source.batches(7)), expected("test"), strict=True
    ):
        assert_array_equal(received, wanted)


class TinyClasses(tfds.core.GeneratorBasedBuilder):
    """Images of two classes with names, sorted by class."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(2, 2, 1)),
                "label": tfds.features.ClassLabel(names=["cat", "dog"]),
            }
        )
        return tfds.core.DatasetInfo(
            builder=self, features=features, disable_shuffling=True
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for index in range(30):
            image = np.full((2, 2, 1), index, np.uint8)
            yield index, {"image": image, "label": int(index >= 20)}


def test_classes_keep_their_names_and_are_held_out_in_proportion(data_dir):
    source, split = open_held_out("tiny_classes", data_dir)
    assert split == "train[held-out]"
    assert source.class_names == ("cat", "dog")
    ((x, y),) = source.batches(30, labels=True)
    assert_array_equal(np.bincount(y), [2, 1])
    assert_array_equal(np.round(x[:, 0, 0, 0] * 255) >= 20, y == 1)


def test_a_download_without_a_network_is_given_up_in_seconds(
    tmp_path, monkeypatch, capsys
):
    def fail(self):
        print("Downloading")
        raise ConnectionError(f"{downloader.MAX_RETRIES} retries")

    tries = downloader.MAX_RETRIES
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fail)
    with pytest.raises(ValueError, match="'mnist', which failed with .* 5 retries"):
        open_source("mnist", data_dir=tmp_path)
    assert tries == downloader.MAX_RETRIES
    # What a command prints is its result alone.
    printed = capsys.readouterr()
    assert not printed.out
    assert f"'mnist' is not in '{tmp_path}/mnist/" in printed.err
