"""Sample and class weights that are refused, and a pass without any weight."""

import numpy as np
import pytest
import tensorflow as tf

from tests.fitting.blind_models import of_data_set

pytestmark = pytest.mark.usefixtures("without_xla")

BAD_WEIGHTS = [
    (np.full(32, np.nan), "one finite number >= 0.*32 of them NaN"),
    (np.linspace(-1, 1, 32), "one finite number >= 0.*values from -1 to 1"),
    (np.full(32, np.inf), "one finite number >= 0.*inf"),
    (np.ones(31), r"shape \[32\]. Received: .*\(31,\)"),
    (np.ones((32, 5)), r"shape \[32\]. Received: .*\(32, 5\)"),
    (np.zeros(32), "not all of them 0"),
    (["a"] * 32, "one finite number >= 0"),
    ("balanced", "Received: 'balanced'"),
    (2.0, "Received: 2.0"),
]


@pytest.mark.parametrize(("bad", "message"), BAD_WEIGHTS)
def test_bad_weights_are_named(resting, binary_images, bad, message):
    model = resting
    x = binary_images
    for call in (
        lambda: model.fit(x, sample_weight=bad, verbose=0),
        lambda: model.evaluate(x, sample_weight=bad, verbose=0),
        lambda: model.fit(x, validation_data=(x, None, bad), verbose=0),
        lambda: model.train_on_batch(x, sample_weight=bad),
        lambda: model.test_on_batch(x, sample_weight=bad),
    ):
        with pytest.raises(ValueError, match=f"`sample_weight` must have .*{message}"):
            call()


@pytest.mark.parametrize("bad", [np.nan, -1.0, np.inf])
def test_bad_weights_of_a_data_set_are_named(resting, binary_images, bad):
    model = resting
    weights = np.ones(32, "float32")
    weights[9] = bad
    with pytest.raises(ValueError, match="`sample_weight` must have one finite"):
        model.fit(**of_data_set(binary_images, weights, 8), verbose=0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"class_weight": {0: 1.0}}, "`class_weight` must come with labels"),
        ({"class_weight": "balanced"}, "`class_weight` must be a dict.*'balanced'"),
        (
            {"class_weight": {0: 0.0}, "y": np.zeros(32, int)},
            "`sample_weight` must have .* not all of them 0",
        ),
        ({"class_weight": {0: 1.0}, "y": np.zeros(32)}, "`y` must be of integers"),
        (
            {"class_weight": {0: np.nan}, "y": np.zeros(32, int)},
            r"`class_weight\[0\]` must be a finite number >= 0.*nan",
        ),
        (
            {
                "class_weight": {0: 1.0},
                "y": np.zeros(32, int),
                "sample_weight": np.ones(32),
            },
            "`class_weight` must be left out with sample weights",
        ),
    ],
)
def test_bad_class_weights_are_named(resting, binary_images, given, message):
    with pytest.raises(ValueError, match=message):
        resting.fit(binary_images, verbose=0, **given)


def test_a_pass_without_any_weight_is_told_of(resting, binary_images):
    model = resting
    data = tf.data.Dataset.from_tensors((binary_images, np.zeros(32), np.zeros(32)))
    for call in (model.fit, model.evaluate):
        with pytest.warns(UserWarning, match="sample weights of all examples.* are 0"):
            call(data, verbose=0)
