"""Checks that a model's parts have the right class and belong to no other model."""

import weakref
from collections.abc import Mapping

import keras

from vae_zoo.arguments import shown
from vae_zoo.components.foreign import check_component, check_network
from vae_zoo.components.keras_private import layers_within
from vae_zoo.components.likelihoods.likelihood import Likelihood
from vae_zoo.components.objectives.objective import Objective
from vae_zoo.components.posteriors.posterior import Posterior
from vae_zoo.components.priors.prior import Prior

# Arguments of `check_component`.
POSTERIOR = (Posterior, "posteriors.DiagonalNormal()")
PRIOR = (Prior, "priors.StandardNormal()")
_KINDS = {
    "posterior": POSTERIOR,
    "noise_posterior": POSTERIOR,
    "prior": PRIOR,
    "likelihood": (Likelihood, "likelihoods.Bernoulli()"),
    "objective": (Objective, "objectives.Elbo()"),
}

# Layers that are part of a model.
_owned: weakref.WeakSet[keras.Layer] = weakref.WeakSet()


def check_components(components: Mapping[str, keras.Layer]) -> None:
    """Raises ValueError unless each has its class and belongs to no other model.

    Two models that share a part would train each other's weights. A part of a model
    that is no longer in use is refused as well: otherwise the result would depend on
    when the garbage collector runs.

    Args:
        components: layers, by the names of the arguments.
    """
    names: dict[int, str] = {}
    for name, component in components.items():
        if name in _KINDS:
            check_component(name, component, *_KINDS[name])
        else:
            check_network(name, component)
        if id(component) in names:
            raise ValueError(
                f"`{names[id(component)]}` and `{name}` must be two objects, each "
                f"with weights of its own. Received: {shown(component)} for both"
            )
        names[id(component)] = name
        _check_is_free(name, component)


def _check_is_free(name: str, component: keras.Layer) -> None:
    for layer in layers_within(component):
        if layer in _owned and (layer is component or layer.trainable_weights):
            raise ValueError(
                f"`{name}` already belongs to a model, or a part of it does: the two "
                "would train the same weights. Make a new one, or a copy, "
                f"`type({name}).from_config({name}.get_config())`, to which "
                "`set_weights` gives the weights of the old one once it is built. "
                f"Received: {name}={shown(component)}"
            )


def claim(components: Mapping[str, keras.Layer]) -> None:
    """Makes the components, and all layers within them, parts of a model."""
    for component in components.values():
        _owned.update(layers_within(component))
