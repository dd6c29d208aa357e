import lzma
import runpy

import numpy as np
import pytest
import sklearn.datasets
import tensorflow as tf
import tensorflow_datasets as tfds
from numpy.testing import assert_allclose, assert_array_equal

from tests.conftest import SHARED_DATA
from vae_zoo.datasets import load, open_source


def everything(dataset):
    """All x, and all y where there is one, as arrays."""
    elements = list(dataset.as_numpy_iterator())
    if isinstance(elements[0], tuple):
        return tuple(np.concatenate(parts) for parts in zip(*elements, strict=True))
    return np.concatenate(elements)


def test_digits_are_scikit_learns():
    parts = [everything(load("digits", s, labels=True)) for s in ("train", "test")]
    x = np.concatenate([x for x, _ in parts])
    y = np.concatenate([y for _, y in parts])
    original = sklearn.datasets.load_digits()
    assert x.shape == (1797, 8, 8, 1)
    assert x.dtype == np.float32

    def as_set(images, labels):
        rows = images.reshape(-1, 64).astype(int).tolist()
        return sorted(zip(rows, labels.tolist(), strict=True))

    assert as_set(x * 16, y) == as_set(original.images, original.target)


def test_every_example_comes_once_an_epoch_in_a_new_order():
    data = load("digits", batch_size=100)
    assert data.cardinality() == 15
    first, second = everything(data), everything(data)
    assert not np.array_equal(first, second)
    assert_array_equal(np.sort(first, axis=0), np.sort(second, axis=0))
    assert_array_equal(everything(load("digits", batch_size=100)), first)
    assert not np.array_equal(everything(load("digits", seed=1)), first)
    unshuffled = everything(load("digits", shuffle=False))
    assert_array_equal(everything(load("digits", shuffle=False, seed=3)), unshuffled)


def test_an_endless_stream_depends_on_the_epochs_number_alone():
    def stream(first_epoch):
        return load(
            "digits", batch_size=500, binarize="dynamic", first_epoch=first_epoch
        ).as_numpy_iterator()

    from_zero, from_two = stream(0), stream(2)
    epochs = [[next(from_zero) for _ in range(3)] for _ in range(4)]
    for epoch in epochs[2:]:
        for expected in epoch:
            assert_array_equal(next(from_two), expected)
    assert not np.array_equal(epochs[0][0], epochs[1][0])
    number = tf.Variable(0, dtype=tf.int64)
    source = open_source("digits")
    one = source.batches(500, binarize="dynamic", shuffle=True, epoch=number)
    for value in (3, 1):
        number.assign(value)
        assert_array_equal(everything(one), np.concatenate(epochs[value]))


def test_splits_take_ranges():
    whole = everything(load("digits", "train", shuffle=False))
    parts = ("train[:90%]", "train[90%:]", "train[-5:]", "train[3:7]")
    first, last, tail, few = (
        everything(load("digits", p, shuffle=False)) for p in parts
    )
    assert_array_equal(np.concatenate([first, last]), whole)
    assert_array_equal(tail, whole[-5:])
    assert_array_equal(few, whole[3:7])


def test_splits_join():
    whole = [everything(load("digits", s, shuffle=False)) for s in ("train", "test")]
    both = load("digits", "train+test", shuffle=False, labels=True)
    x, y = everything(both)
    assert_array_equal(x, np.concatenate(whole))
    assert len(y) == 1797
    some = load("digits", "test[3:5]+train[:4]+test[:1]", shuffle=False)
    expected = [whole[1][3:5], whole[0][:4], whole[1][:1]]
    assert_array_equal(everything(some), np.concatenate(expected))
    shuffled = everything(load("digits", "train+test"))
    assert_array_equal(np.sort(shuffled, axis=0), np.sort(x, axis=0))


def test_dynamic_binarization_draws_anew_with_the_pixels_as_probabilities():
    data = load("digits", "test", binarize="dynamic", batch_size=359)
    grey = everything(load("digits", "test", batch_size=359))
    first, second = everything(data), everything(data)
    assert np.abs(first - second).max() == 1
    # One after the other without a new start of the pipeline.
    draws = np.stack(list(data.repeat(200).as_numpy_iterator()))
    assert set(np.unique(draws)) == {0, 1}
    assert np.abs(draws[0] - draws[1]).max() == 1
    error = np.sqrt(grey * (1 - grey) / len(draws))
    assert (np.abs(draws.mean(0) - grey) <= 5 * error).all()


def test_dynamic_binarization_has_noise_of_its_own_for_each_example_and_epoch(tmp_path):
    # As grey as can be, so that an image is nothing but its noise.
    np.save(tmp_path / "grey.npy", np.full((12, 1000), 0.5, "float32"))
    data = load(str(tmp_path / "grey.npy"), batch_size=5, binarize="dynamic")
    x = np.concatenate([everything(data) for _ in range(2)])
    correlations = np.corrcoef(x) - np.eye(24)
    assert np.abs(correlations).max() < 5 / 1000**0.5


def test_fixed_binarization_belongs_to_the_example():
    def binarized(split, **options):
        options = {"binarize": "fixed", "shuffle": False, **options}
        return everything(load("digits", split, **options))

    whole = binarized("train")
    assert set(np.unique(whole)) == {0, 1}
    data = load("digits", "test", binarize="fixed")
    assert_array_equal(everything(data), everything(data))
    assert_array_equal(binarized("train[100:]", batch_size=7), whole[100:])
    assert not np.array_equal(binarized("train", seed=1), whole)
    shuffled = binarized("train", shuffle=True)
    assert_array_equal(np.sort(shuffled, axis=0), np.sort(whole, axis=0))


def test_sprites_are_all_combinations_of_their_factors():
    source = open_source("sprites")
    assert len(source) == 3 * 6 * 40 * 32 * 32
    assert source.factor_names[0] == "shape"
    x, y = next(iter(load("sprites", batch_size=600)))
    assert x.shape == (600, 64, 64, 1)
    assert set(np.unique(x)) == {0, 1}
    assert_array_equal(np.max(y, axis=0), [2, 5, 39, 31, 31])
    assert_array_equal(np.min(y, axis=0), [0, 0, 0, 0, 0])
    positions = tf.range(len(source), dtype=tf.int64)
    from vae_zoo.datasets import sprites

    all_factors = sprites.factors(positions).numpy()
    assert len(np.unique(all_factors, axis=0)) == len(source)


def test_sprites_look_like_their_factors():
    from vae_zoo.datasets import sprites

    def moments(**changed):
        names = list(sprites.FACTOR_SIZES)
        y = np.array([[0, 5, 0, 16, 16]])
        for name, value in changed.items():
            y[0, names.index(name)] = value
        image = sprites.draw(y).numpy()[0, ..., 0] / 255.0
        rows, columns = np.nonzero(image)
        return image.sum(), columns.mean(), rows.mean(), image

    area, x, y, square = moments()
    # A square of side 2 * 0.17 * 64 pixels, to the pixel.
    assert area**0.5 == pytest.approx(0.34 * 64, abs=1)
    assert moments(scale=0)[0] ** 0.5 == pytest.approx(0.17 * 64, abs=1)
    assert moments(position_x=31)[1] - x == pytest.approx(32 * 15 / 31, abs=0.6)
    assert moments(position_y=31)[2] - y == pytest.approx(32 * 15 / 31, abs=0.6)
    # A square turned by 90 degrees, ten of forty orientations, is the same square.
    assert_array_equal(moments(orientation=10)[3], square)
    assert np.abs(moments(orientation=5)[3] - square).max() == 1
    for shape in range(3):
        borders = [
            moments(shape=shape, position_x=px, position_y=py, orientation=5)[3]
            for px in (0, 31)
            for py in (0, 31)
        ]
        for image in borders:
            assert image[[0, -1]].max() == image[:, [0, -1]].max() == 0


def test_arrays_in_files(tmp_path):
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (10, 28, 20), dtype=np.uint8)
    table = rng.random((9, 4))
    np.save(tmp_path / "grey.npy", grey)
    np.save(tmp_path / "table.npy", table)
    np.save(tmp_path / "binary.npy", (grey > 127).astype(np.uint8))
    np.savez(
        tmp_path / "splits.npz", x_train=grey, y_train=np.arange(10), x_test=grey[:3]
    )
    np.savez_compressed(tmp_path / "one.npz", images=grey)

    def read(name, *arguments, **options):
        return everything(
            load(str(tmp_path / name), *arguments, shuffle=False, **options)
        )

    assert_allclose(read("grey.npy"), grey / 255, rtol=1e-6)
    assert_allclose(read("table.npy"), table, rtol=1e-6)
    assert_array_equal(read("binary.npy"), grey > 127)
    x, y = read("splits.npz", labels=True)
    assert_array_equal(y, np.arange(10))
    assert_allclose(read("splits.npz", "test"), grey[:3] / 255, rtol=1e-6)
    assert_allclose(read("one.npz"), grey / 255, rtol=1e-6)


def test_large_arrays_stay_on_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("vae_zoo.datasets.array_source.IN_MEMORY_BYTES", 10)
    x = np.random.default_rng(0).random((50, 6)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    read = everything(load(str(tmp_path / "x.npy"), batch_size=7, shuffle=False))
    assert_array_equal(read, x)
    shuffled = everything(load(str(tmp_path / "x.npy"), batch_size=7))
    assert_array_equal(np.sort(shuffled, axis=0), np.sort(x, axis=0))


def test_a_truncated_archive_is_named(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.zeros((20, 30)))
    np.save(tmp_path / "y.npy", np.zeros((20, 30)))
    for path in (tmp_path / "x.npz", tmp_path / "y.npy"):
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(ValueError, match=f"{path.name}' must be a whole"):
            everything(load(str(path)))


def test_a_batch_may_be_larger_than_the_set():
    ((x),) = load("digits", "test", 1 << 80)
    assert len(x) == 359


def test_any_integer_is_a_seed():
    for seed in (-1, 1 << 70):
        first, second = (everything(load("digits", "test", seed=seed)) for _ in "ab")
        assert_array_equal(first, second)


def test_files_of_other_content_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", first=np.zeros(3), second=np.zeros(3))
    np.savez(tmp_path / "b.npz", x=np.zeros((3, 2)), y=np.zeros(4))
    np.save(tmp_path / "c.npy", np.zeros((3, 2), dtype=int))
    np.save(tmp_path / "d.npy", np.zeros((3, 2)))
    (tmp_path / "empty").mkdir()
    for name, message in (
        ("a.npz", "must hold an array named"),
        ("b.npz", "must be of one length.*3 and 4"),
        ("c.npy", "must be uint8 or float"),
        ("empty", "must hold images"),
    ):
        with pytest.raises(ValueError, match=message):
            load(str(tmp_path / name))
    with pytest.raises(ValueError, match="`labels` must not be True"):
        load(str(tmp_path / "d.npy"), labels=True)


@pytest.fixture
def tfds_dir(tmp_path):
    """A TFDS folder with the real binarized_mnist, prepared without a network.

    The training split, which would take twice as long as the others, is left out.
    """
    script = SHARED_DATA / "place_tfds_cache.py"
    if not script.exists():
        pytest.skip(f"the original data files are not at {SHARED_DATA}")
    runpy.run_path(str(script))["place"]("binarized_mnist", tmp_path)
    builder = tfds.builder("binarized_mnist", data_dir=tmp_path)
    all_splits = builder._split_generators
    builder._split_generators = lambda manager: [
        split for split in all_splits(manager) if split.name != "train"
    ]
    config = tfds.download.DownloadConfig(try_download_gcs=False)
    builder.download_and_prepare(download_config=config)
    return tmp_path


def test_tfds_prepares_the_real_builder(tfds_dir):
    test = load("binarized_mnist", "test", data_dir=str(tfds_dir), batch_size=1000)
    x = everything(test)
    assert x.shape == (10_000, 28, 28, 1)
    assert set(np.unique(x)) == {0, 1}
    # Of the file itself: 10,000 lines of 784 digits.
    packed = SHARED_DATA / "binarized_mnist" / "binarized_mnist_test.amat.xz"
    lines = lzma.decompress(packed.read_bytes()).split()
    original = (np.array(lines, dtype="S1") == b"1").reshape(10_000, 784)
    order = np.lexsort(original.T)
    received = x.reshape(10_000, 784) == 1
    assert_array_equal(received[np.lexsort(received.T)], original[order])
    valid = open_source("binarized_mnist", "validation", data_dir=str(tfds_dir))
    assert len(valid) == 10_000
    assert not valid.has_labels
