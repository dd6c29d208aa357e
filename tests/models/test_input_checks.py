import keras
import numpy as np
import pytest
import tensorflow as tf

from vae_zoo import VAE
from vae_zoo.components import likelihoods, networks
from vae_zoo.evaluation import marginal_likelihood

pytestmark = pytest.mark.usefixtures("without_xla")


@pytest.fixture
def model():
    model = VAE((6, 5, 1), 2, encoder=networks.MLP((8,)))
    model.compile("adam")
    return model


def as_arrays(x):
    return x


def as_dataset(x):
    return tf.data.Dataset.from_tensor_slices((x, np.zeros(len(x)))).batch(8)


def as_generator(x):
    return ((batch, np.zeros(8)) for batch in np.split(x, 4))


class AsPyDataset(keras.utils.PyDataset):
    def __init__(self, x):
        super().__init__()
        self.x = x

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return self.x[8 * index : 8 * index + 8], np.zeros(8)


every_form = pytest.mark.parametrize(
    "form", [as_arrays, as_dataset, as_generator, AsPyDataset]
)


@every_form
def test_values_off_the_support_are_named(model, form, binary_images):
    with pytest.raises(ValueError, match=r"`x` must be finite and lie in \[0, 1\]"):
        model.fit(form(binary_images * 2 - 0.5), verbose=0)
    bad = binary_images.copy()
    bad[3, 2] = np.nan
    with pytest.raises(ValueError, match="values from 0.*to 1.*, 5 of them NaN"):
        model.fit(form(bad), verbose=0)
    model.fit(form(binary_images), verbose=0)


@every_form
def test_wrong_shapes_are_named(model, form, binary_images):
    with pytest.raises(ValueError, match=r"`x` must have shape \[B, 6, 5, 1\].*4, 5"):
        model.fit(form(binary_images[:, :4]), verbose=0)


def test_everything_that_takes_data_looks_at_it(model, binary_images):
    bad = binary_images + 255
    for call in (
        lambda: model.evaluate(bad, verbose=0),
        lambda: model.predict(bad, verbose=0),
        lambda: model.fit(binary_images, validation_data=(bad, bad), verbose=0),
        lambda: model.elbo(bad),
        lambda: model.encode(bad),
        lambda: model.log_marginal_likelihood(bad, 3),
        lambda: marginal_likelihood(model, as_dataset(bad), 3),
    ):
        with pytest.raises(ValueError, match="Received: values from 255"):
            call()
    for call in (model.elbo, model.encode, model.reconstruct):
        with pytest.raises(ValueError, match=r"`x` must have shape.*\(32, 5, 1\)"):
            call(binary_images[:, 0])
    with pytest.raises(
        ValueError, match=r"`z` must have shape \[..., B, 2\].*\(4, 3\)"
    ):
        model.decode(np.zeros((4, 3)))


def test_a_normal_likelihood_takes_any_finite_value(binary_images):
    model = VAE((6, 5, 1), 2, likelihood=likelihoods.Normal())
    model.compile("adam")
    model.fit(binary_images * 100 - 50, verbose=0)
    for bad in (np.inf, np.nan):
        with pytest.raises(ValueError, match="must be finite"):
            model.fit(np.full_like(binary_images, bad), verbose=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((28, 28), 0), "`latent_dim` must be a positive integer.*latent_dim=0"),
        (((28, 28), 2.5), "`latent_dim` must be a positive integer.*2.5"),
        (((28, 0), 2), r"`input_shape` must be a tuple.*\(28, 0\)"),
        (((1, 2, 3, 4), 2), "`input_shape` must be a tuple of 1 to 3"),
        ((28, 2), "`input_shape` must be a tuple.*28"),
    ],
)
def test_bad_sizes(arguments, message):
    with pytest.raises(ValueError, match=message):
        VAE(*arguments)


def test_bad_counts_and_masks(model, binary_images):
    x = binary_images[:2]
    with pytest.raises(ValueError, match="`num_samples` must be an integer >= 1.*0"):
        model.log_marginal_likelihood(x, 0)
    with pytest.raises(ValueError, match="`num_samples` must be an integer >= 1.*-1"):
        model.sample(-1)
    with pytest.raises(ValueError, match="`num_steps` must be an integer >= 1.*0"):
        model.impute(x, np.ones_like(x), 0)
    with pytest.raises(ValueError, match="`mask` must have the shape of `x`"):
        model.impute(x, np.ones((2, 6)), 1)
    with pytest.raises(ValueError, match="`mask` must hold only 1.*0.5"):
        model.impute(x, np.full_like(x, 0.5), 1)


def test_seeds_may_be_numpys(model):
    a, b = (model.sample(2, seed=kind(3)) for kind in (int, np.int64))
    np.testing.assert_array_equal(a, b)
