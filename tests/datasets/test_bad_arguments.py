import pytest
import tensorflow as tf

from vae_zoo.datasets import load, open_source, open_sources


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "digitz"}, "`name` must be.*'digitz'.*nearest names are digits"),
        ({"name": "mnits"}, "`name` must be.*'mnits'.*nearest names are mnist"),
        ({"name": "./nothing/here"}, "`name` must be.*does not exist"),
        ({"name": "nothing.npz"}, "`name` must be an existing file.*nothing.npz"),
        ({"split": "val"}, r"`split` must be one of \['test', 'train'\].*'val'"),
        ({"split": "train[9"}, "`split` must be a name with an optional range"),
        ({"split": "train[:0]"}, "`split` must select at least one"),
        ({"binarize": "often"}, "`binarize` must be one of.*'often'"),
        ({"split": None}, "`split` must be a string such as 'train'.*None"),
        ({"split": "train[odd]"}, "`split` must be a name with an optional range"),
        ({"split": "train+"}, "`split` must be a name with an optional range"),
        ({"batch_size": 0}, "`batch_size` must be an integer >= 1.*0"),
        ({"batch_size": "3"}, "`batch_size` must be an integer >= 1.*'3'"),
        ({"batch_size": 2.5}, "`batch_size` must be an integer >= 1.*2.5"),
        ({"batch_size": float("nan")}, "`batch_size` must be an integer >= 1.*nan"),
        ({"batch_size": True}, "`batch_size` must be an integer >= 1.*True"),
        ({"binarize": True}, "`binarize` must be one of.*True"),
        ({"labels": "yes"}, "`labels` must be True or False.*'yes'"),
        ({"shuffle": 1}, "`shuffle` must be True or False"),
        ({"seed": None}, "`seed` must be an integer.*None"),
        ({"seed": (1, 2)}, r"`seed` must be an integer.*\(1, 2\)"),
        ({"seed": 1.0}, "`seed` must be an integer.*1.0"),
        ({"data_dir": 7}, "`data_dir` must be a folder's path.*7"),
        ({"data_dir": ""}, "`data_dir` must be a folder's path.*''"),
        ({"first_epoch": -1}, "`first_epoch` must be an integer >= 0.*-1"),
        ({"first_epoch": 1 << 80}, "`first_epoch` must be an integer >= 0.*32 bits"),
        ({"first_epoch": 2.5}, "`first_epoch` must be an integer >= 0.*2.5"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        load(**{"name": "digits", **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": "3"}, "`batch_size` must be an integer >= 1.*'3'"),
        ({"shuffle": "yes"}, "`shuffle` must be True or False.*'yes'"),
        ({"shuffle": None}, "`shuffle` must be True or False.*None"),
        ({"epoch": 3}, "`epoch` must be an int64 tf.Variable.*3"),
        ({"epoch": tf.Variable(3)}, "`epoch` must be an int64 tf.Variable"),
        (
            {"epoch": tf.Variable(3, dtype=tf.int64), "first_epoch": 3},
            "`first_epoch` must be left out along with `epoch`",
        ),
        ({"num_replicas": 0}, "`num_replicas` must be an integer >= 1.*0"),
        ({"replicas": 1}, "`replicas` must be a range.*1"),
        ({"replicas": range(0)}, r"`replicas` must be a range of one or more"),
        ({"replicas": range(1, 3), "num_replicas": 2}, "numbers below `num_replicas`"),
    ],
)
def test_bad_arguments_of_batches(arguments, message):
    source = open_source("digits", "test")
    with pytest.raises(ValueError, match=message):
        source.batches(**{"batch_size": 8, **arguments})


def test_bad_arguments_of_a_sources_other_methods():
    source = open_source("digits", "test")
    for call in (source.first, source.num_batches):
        for count in (0, "3", 2.5, None):
            with pytest.raises(ValueError, match=r"must be an integer >= 1"):
                call(count)
    with pytest.raises(ValueError, match="`splits` must be a list.*'train'"):
        open_sources("digits", "train")
