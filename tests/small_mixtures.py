"""A Gaussian-mixture VAE of the smallest kind, and images that it can group."""

import numpy as np

from vae_zoo import GaussianMixtureVAE
from vae_zoo.components import networks

SHAPE = (6, 5, 1)


def small(num_clusters=3, **options):
    options = {
        "noise_dim": 2,
        "encoder": networks.MLP((16,)),
        "initialization": None,
        "seed": 3,
        **options,
    }
    return GaussianMixtureVAE(SHAPE, 2, num_clusters, **options)


def bent(**options):
    """A model whose clusters depend on w, far from its start."""
    model, rng = small(**options), np.random.default_rng(0)
    for weight in model.prior_layer.trainable_weights:
        weight.assign(weight + 0.2 * rng.normal(size=weight.shape))
    return model


def groups_of_images(count_per_group):
    """Three kinds of images, and which is which."""
    labels = np.repeat(np.arange(3), count_per_group)
    x = np.full((len(labels), *SHAPE), 0.1, np.float32)
    for label in range(3):
        x[labels == label, 2 * label : 2 * label + 2] = 0.9
    noise = np.random.default_rng(0).random(x.shape)
    return (noise < x).astype("float32"), labels
