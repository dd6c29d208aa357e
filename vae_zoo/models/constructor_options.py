"""The `**kwargs` of the models' constructors, for type checkers."""

import keras

from vae_zoo.components.likelihoods import Likelihood
from vae_zoo.components.posteriors import Posterior
from vae_zoo.components.priors import Prior
from vae_zoo.tensors import LayerOptions


class CommonOptions(LayerOptions, total=False):
    """The options of every model."""

    encoder: keras.Layer | None
    decoder: keras.Layer | None
    likelihood: Likelihood | None
    seed: int | None
    name: str | None


class PosteriorOptions(CommonOptions, total=False):
    """The options of a model that sets its own prior."""

    posterior: Posterior | None


class VAEOptions(PosteriorOptions, total=False):
    """The options of a model whose posterior and prior the user chooses."""

    prior: Prior | None
