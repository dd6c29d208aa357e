import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.small_mixtures import groups_of_images, small
from vae_zoo.components import cluster_initializers, distortions, networks
from vae_zoo.evaluation import compare_distortions


def model():
    keras.utils.set_random_seed(0)
    start = cluster_initializers.KMeans(18, num_restarts=2)
    encoder = distortions.Distorted(networks.MLP((16,)), rotation=10.0)
    made = small(initialization=start, encoder=encoder)
    made.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    return made


def test_the_distortion_that_destroys_classes_comes_last():
    x, labels = groups_of_images(40)
    order = np.random.default_rng(1).permutation(len(x))
    x, labels = x[order], labels[order]
    given = model()
    weights = given.get_weights()
    found = compare_distortions(
        given,
        x[:90],
        validation=tf.data.Dataset.from_tensor_slices((x[90:], labels[90:])).batch(10),
        epochs=19,
        # The classes are places, which shifts do away with.
        candidates={"shifts": {"translation": 0.9}, "none": {}},
        batch_size=10,
    )
    assert list(found) == ["none", "shifts"]
    assert found["none"].hungarian_accuracy > 0.9
    assert found["none"].num_examples == 30
    for old, new in zip(weights, given.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_bad_arguments_are_named():
    x, labels = groups_of_images(2)
    validation = tf.data.Dataset.from_tensor_slices((x, labels)).batch(3)

    def compare(given=None, **options):
        options = {"validation": validation, "epochs": 1, **options}
        return compare_distortions(model() if given is None else given, x, **options)

    for options, message in (
        ({"epochs": 0}, "`epochs` must be an integer >= 1"),
        ({"measure": "accuracy"}, "`measure` must be one of 'hungarian_accuracy'"),
        ({"candidates": {"a": {"blur": 1}}}, "`candidates` must be dicts of rotation"),
        ({"given": "gmvae"}, "`model` must be a mixture model.*'gmvae'"),
        ({"given": small()}, "`model` must be a compiled model with clusters"),
    ):
        with pytest.raises(ValueError, match=message):
            compare(**options)
