"""Nothing stays of a model that is gone, however often one is made."""

import gc

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import zoo_of_models
from vae_zoo import GaussianMixtureVAE, export
from vae_zoo.components import networks, posteriors


def graphs():
    """All that are alive; what is listed stays alive, and its `id` its own."""
    keras.backend.clear_session()
    gc.collect()
    return [each for each in gc.get_objects() if isinstance(each, tf.Graph)]


def use(model, x, folder):
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    model.fit(x, validation_data=x, verbose=0)
    model.predict(x, verbose=0)
    tf.function(lambda: (model.elbo(x), model.sample(2)))()
    mask = np.ones_like(x)
    model.impute(x, mask, 600)
    model.log_marginal_likelihood(x, 600)
    export(model, folder, signatures=["encode", "score"])


def correlated_mixture():
    """With both kinds of normals, a mixture, and a network of its own."""
    return GaussianMixtureVAE(
        zoo_of_models.SHAPE,
        2,
        3,
        noise_dim=2,
        encoder=networks.MLP((4,), dropout_rate=0.1),
        cluster_network=networks.MLP((4,)),
        posterior=posteriors.FullCovarianceNormal(),
        initialization=None,
    )


# Spheres are left out: their draws have a custom gradient, and TensorFlow keeps each
# custom gradient in a graph for good, together with the graph.
@pytest.mark.parametrize(
    "make_model",
    [
        correlated_mixture,
        *(
            pytest.param(make_model, marks=pytest.mark.slow)
            for make_model in (
                zoo_of_models.vae,
                zoo_of_models.convolutional_vae,
                zoo_of_models.mixture_prior_vae,
            )
        ),
    ],
)
def test_no_graph_is_kept(make_model, binary_images, tmp_path):
    before = graphs()
    kept = {id(each) for each in before}
    use(make_model(), binary_images[:4], tmp_path)
    left = [each for each in graphs() if id(each) not in kept]
    assert [getattr(each, "name", each) for each in left] == []
