import numpy as np
import pytest

from vae_zoo.datasets import open_source, with_few_labels


def test_few_labels_are_as_many_of_each_class():
    source = open_source("digits", "train[50%:]")
    few = with_few_labels(source, 7, seed=1)
    pairs = list(few.batches(100, labels=True))
    labels = np.concatenate([y for _, y in pairs])
    truth = np.concatenate([y for _, y in source.batches(100, labels=True)])
    known = labels >= 0
    assert (np.bincount(labels[known]) == 7).all()
    np.testing.assert_array_equal(labels[known], truth[known])
    assert set(labels[~known]) == {-1}
    same, other = (
        np.concatenate([y for _, y in part.batches(100, labels=True)])
        for part in (with_few_labels(source, 7, seed) for seed in (1, 2))
    )
    np.testing.assert_array_equal(same, labels)
    assert (other != labels).any()
    with pytest.raises(ValueError, match="`labels_per_class` needs class labels"):
        with_few_labels(open_source("sprites"), 7, seed=1)
    with pytest.raises(ValueError, match="`num_clusters` must be at least 10"):
        with_few_labels(source, 7, seed=1, num_classes=9)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.arange(6) - 2, "not negative, but for -1 .*values from -2 to 3"),
        (np.full(6, -1), "not negative, but for -1 .*values from -1 to -1"),
        (np.arange(6) / 2, "needs integer labels.*float64"),
    ],
)
def test_other_labels_than_classes_are_refused(labels, message, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.zeros((6, 4), "float32"), y=labels)
    with pytest.raises(ValueError, match=message):
        with_few_labels(open_source(str(tmp_path / "x.npz")), 1, seed=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels_per_class": -1}, "`labels_per_class` must be an integer >= 1.*-1"),
        ({"labels_per_class": 0}, "`labels_per_class` must be an integer >= 1.*0"),
        ({"labels_per_class": "7"}, "`labels_per_class` must be an integer >= 1.*'7'"),
        ({"seed": None}, "`seed` must be an integer >= 0.*None"),
        ({"seed": -1}, "`seed` must be an integer >= 0.*-1"),
        ({"num_classes": 2.5}, "`num_classes` must be an integer >= 1.*2.5"),
        ({"source": "digits"}, "`source` must be a Source.*'digits'"),
    ],
)
def test_bad_arguments(arguments, message):
    given = {"labels_per_class": 1, "seed": 0, **arguments}
    if "source" not in given:
        given["source"] = open_source("digits")
    with pytest.raises(ValueError, match=message):
        with_few_labels(**given)
