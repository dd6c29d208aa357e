"""What every prior is."""

import keras

from vae_zoo.components.geometry import EUCLIDEAN


class Prior(keras.layers.Layer):
    """A distribution over latents that depends on no input; may own weights.

    `geometry` says where the latents live. `num_components` is the number of clusters
    of a mixture, None for all others; `noise_dim` that of further latents beside z.
    """

    geometry = EUCLIDEAN
    num_components = None
    noise_dim = 0
    awaits_data = False

    def __init__(self, *, name=None, **kwargs):
        super().__init__(name=name, **{**kwargs, "dtype": "float32"})

    def build(self, event_shape):
        """Creates the weights, if any, for latents of shape `event_shape`."""
        self.event_shape = tuple(event_shape)

    def distribution(self):
        """The `tfd.Distribution`, batch [], event [D]."""
        raise NotImplementedError


def build_prior(prior, event_shape):
    """Builds `prior` unless loading has done so; refuses one of another size."""
    event_shape = tuple(event_shape)
    if not prior.built:
        prior.build(event_shape)
    elif prior.event_shape != event_shape:
        raise ValueError(
            f"`{prior.name}` already belongs to a model with latents of shape "
            f"{prior.event_shape}; make a new one. Received: shape {event_shape}"
        )
