import numpy as np
import PIL.Image
import pytest
import tensorflow_datasets as tfds
from numpy.testing import assert_array_equal

from vae_zoo.datasets import (
    load,
    open_held_out,
    open_source,
    open_sources,
    with_few_labels,
)
from vae_zoo.datasets.held_out import spread_order
from vae_zoo.datasets.source import as_unit_interval


def images_of(source):
    x, _ = source.gather(np.array(source.indices))
    return x.numpy()


@pytest.fixture
def archive(tmp_path):
    x = np.random.default_rng(0).random((40, 5), dtype=np.float32)
    np.savez(tmp_path / "x.npz", x_train=x[:30], x_test=x[30:])
    np.savez(tmp_path / "no_test.npz", x_train=x, x_validation=x[:7])
    np.savez(tmp_path / "no_train.npz", x_validation=x)
    np.savez(tmp_path / "odd_test.npz", x_train=x, x_test=np.zeros((7, 5), int))
    np.save(tmp_path / "one.npy", x)
    np.save(tmp_path / "few.npy", x[:1])
    return tmp_path


def test_the_test_split_where_there_is_one(archive):
    for name, size in (("digits", 359), (archive / "x.npz", 10)):
        source, split = open_held_out(name)
        assert split == "test"
        assert len(source) == size
        assert_array_equal(images_of(source), images_of(open_source(name, "test")))


@pytest.mark.parametrize("file", ["no_test.npz", "one.npy"])
def test_else_what_training_leaves_out(file, archive):
    source, split = open_held_out(archive / file)
    assert split == "train[held-out]"
    rest = open_source(archive / file, "train[not-held-out]")
    assert (len(source), len(rest)) == (4, 36)
    everything = images_of(open_source(archive / file))
    both = np.concatenate([images_of(source), images_of(rest)])
    assert_array_equal(np.sort(both, axis=0), np.sort(everything, axis=0))
    # What a run says that it validated on comes first.
    source, split = open_held_out(archive / file, validation_split="train[90%:]")
    assert split == "train[90%:]"
    assert_array_equal(images_of(source), everything[36:])
    assert open_held_out("digits", validation_split="train[:9]")[1] == "test"
    with pytest.raises(ValueError, match="`validation_split` must be a string.*7"):
        open_held_out(archive / file, validation_split=7)


def test_shuffled_sets_hold_out_their_last_tenth():
    source, split = open_held_out("sprites")
    assert split == "train[held-out]"
    assert source.indices == open_source("sprites", "train[90%:]").indices
    for own, named in (("held-out", "90%:"), ("not-held-out", ":90%")):
        parts = (open_source("digits", f"train[{part}]") for part in (own, named))
        first, second = (images_of(part) for part in parts)
        assert_array_equal(first, second)


# Sorted by class, as folders and tables of files are.
CLASS_SIZES = {"ant": 100, "bee": 40, "cat": 20, "dog": 1}


@pytest.fixture(scope="module")
def sorted_by_class(tmp_path_factory):
    """A folder and an archive of the same images: class names and pixels tell both."""
    path = tmp_path_factory.mktemp("sorted")
    images, labels = [], []
    for number, (name, size) in enumerate(CLASS_SIZES.items()):
        (path / "images" / name).mkdir(parents=True)
        for index in range(size):
            pixels = np.full((1, 2), [[index, number]], np.uint8)
            PIL.Image.fromarray(pixels).save(path / f"images/{name}/{index:03}.png")
            images.append(pixels[..., None])
            labels.append(number)
    np.savez(path / "images.npz", x=images, y=labels)
    np.savez(path / "column.npz", x=images, y=np.reshape(labels, (-1, 1)))
    return path


@pytest.mark.parametrize("name", ["images", "images.npz", "column.npz"])
def test_every_class_is_held_out_in_proportion(name, sorted_by_class):
    splits = ["train[not-held-out]", "train[held-out]", "train"]
    kept, drawn, whole = open_sources(sorted_by_class / name, splits)
    for part, counts in ((kept, [90, 36, 18, 1]), (drawn, [10, 4, 2])):
        assert_array_equal(np.bincount(part.classes[part.indices]), counts)
    assert kept.num_shared_with(drawn) == 0
    assert whole.num_shared_with(drawn) == 16
    union = np.concatenate([kept.indices, drawn.indices])
    assert_array_equal(np.sort(union), np.arange(161))
    # Not the first ones of each class.
    assert (drawn.indices[drawn.classes[drawn.indices] == 0] > 50).any()
    # Any beginning is a fair sample.
    few = kept.first(29)
    assert_array_equal(np.bincount(few.classes[few.indices]), [18, 7, 4])


def test_batches_are_of_the_part_alone(sorted_by_class):
    name = sorted_by_class / "images"
    x, y = (
        np.concatenate(each)
        for each in zip(
            *load(name, "train[held-out]", 5, labels=True).as_numpy_iterator(),
            strict=True,
        )
    )
    assert_array_equal(np.round(x[:, 0, 1, 0] * 255), y)
    assert_array_equal(np.bincount(y), [10, 4, 2])
    few = with_few_labels(open_source(name, "train[not-held-out]"), 3, seed=0)
    ((x, y),) = few.batches(200, labels=True)
    assert_array_equal(np.bincount(np.array(y) + 1), [135, 3, 3, 3, 1])
    is_known = y >= 0
    assert_array_equal(np.round(x[:, 0, 1, 0] * 255)[is_known], y[is_known])


def test_a_fixed_binarization_belongs_to_the_example(sorted_by_class):
    drawn, whole = open_sources(
        sorted_by_class / "images.npz", ["train[held-out]", "train"]
    )
    (part,), (all_of_it,) = (
        list(each.batches(200, binarize="fixed")) for each in (drawn, whole)
    )
    assert_array_equal(part, all_of_it.numpy()[drawn.indices])


def test_joined_parts_hold_out_the_same_examples(sorted_by_class):
    name = sorted_by_class / "images.npz"
    both, drawn = open_sources(
        name, ["train[held-out]+train[not-held-out]", "train[held-out]"]
    )
    assert both.num_shared_with(drawn) == len(drawn) == 16
    assert_array_equal(images_of(both)[:16], as_unit_interval(images_of(drawn)))
    assert_array_equal(np.bincount(both.classes), list(CLASS_SIZES.values()))


def test_the_draw_stays_what_it_is():
    # Others would be measured on examples that they were trained on.
    assert_array_equal(spread_order(8), [6, 2, 1, 7, 3, 0, 5, 4])
    classes = [0, 0, 0, 0, 1, 1, 1, 1]
    order = spread_order(8, classes)
    assert_array_equal(np.array(classes)[order].reshape(4, 2).sum(1), 1)
    assert_array_equal(spread_order(8, np.array(list("aaaabbbb"))), order)


def test_other_errors_come_out(archive, tmp_path, monkeypatch):
    def fail(self):
        raise OSError("no split of it can be read")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fail)
    (archive / "images" / "test").mkdir(parents=True)
    (archive / "images" / "train").mkdir()
    PIL.Image.new("L", (3, 3)).save(archive / "images" / "train" / "0.png")
    for name, message in (
        ("digitz", "nearest names are digits"),
        (archive / "nothing.npy", "must be an existing file"),
        (archive / "odd_test.npz", "'x_test'.*must be uint8 or float"),
        (archive / "images", "test' must hold images"),
        (archive / "few.npy", "at least two examples .*Received: 1 of 'train'"),
        (archive / "no_train.npz", r"one of \['validation'\].*Received: split='train'"),
        ("mnist", "failed with OSError: no split of it can be read"),
    ):
        with pytest.raises(ValueError, match=message):
            open_held_out(name, str(tmp_path / "tfds"))
