import numpy as np
import PIL.Image
import pytest
import tensorflow_datasets as tfds
from numpy.testing import assert_array_equal

from vae_zoo.datasets import open_held_out, open_source


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
    np.save(tmp_path / "few.npy", x[:4])
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
    assert split == "train[90%:]"
    assert_array_equal(images_of(source), images_of(open_source(archive / file))[36:])


def test_folders_and_sprites_have_no_test_split(tmp_path):
    for index in range(20):
        PIL.Image.new("L", (3, 3), index).save(tmp_path / f"{index:02}.png")
    source, split = open_held_out(tmp_path)
    assert split == "train[90%:]"
    assert_array_equal(images_of(source)[:, 0, 0, 0], [18, 19])
    source, split = open_held_out("sprites")
    assert split == "train[90%:]"
    assert source.indices == open_source("sprites", split).indices


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
        (archive / "few.npy", "at least one of the 4 examples of 'train'"),
        (archive / "no_train.npz", r"one of \['validation'\].*Received: split='train'"),
        ("mnist", "failed with OSError: no split of it can be read"),
    ):
        with pytest.raises(ValueError, match=message):
            open_held_out(name, str(tmp_path / "tfds"))
