"""What comes from outside: any Keras layer as a network, any object as an argument."""

import weakref

import keras

from vae_zoo.arguments import check_instance, shown
from vae_zoo.components.heads import Head
from vae_zoo.components.likelihood import Likelihood
from vae_zoo.components.network import Stack
from vae_zoo.components.prior import Prior

_TF_KERAS = "tf_keras"
_RETURNS = {
    "encoder": "one tensor of features [B, ...], of which the posterior makes its "
    "mean and its scale, and draws z itself",
    "decoder": "one tensor of features [B, ...], of which the likelihood makes the "
    "parameters of p(x|z)",
}

# What `check_component` takes.
POSTERIOR = (Head, "posteriors.DiagonalNormal()", Likelihood)
PRIOR = (Prior, "priors.StandardNormal()")
_KINDS = {
    "posterior": POSTERIOR,
    "noise_posterior": POSTERIOR,
    "prior": PRIOR,
    "likelihood": (Likelihood, "likelihoods.Bernoulli()"),
}

# Layers that are part of a model.
_owned = weakref.WeakSet()


def check_network(name, value):
    """`value`, a layer of Keras 3; raises ValueError under `name` if it is not."""
    _refuse_tf_keras(name, value)
    return check_instance(
        name,
        value,
        keras.layers.Layer,
        "a Keras layer or model, such as networks.MLP((512, 256))",
    )


def check_component(name, value, kind, example, but_not=()):
    """`value`, an instance of `kind`; raises ValueError under `name` if it is not.

    Args:
        name: of the argument.
        value: what came.
        kind: the class.
        example: code that makes one, for the error.
        but_not: a class or a tuple of them whose instances will not do.
    """
    _refuse_tf_keras(name, value)
    kinds = f"{kind.__module__.split('.')[0]}'s {kind.__name__}"
    expectation = f"an instance of {kinds}, such as {example}"
    if isinstance(value, but_not):
        raise ValueError(
            f"`{name}` must be {expectation}. Received: {name}={shown(value)}"
        )
    return check_instance(name, value, kind, expectation)


def _refuse_tf_keras(name, value):
    kind = value if isinstance(value, type) else type(value)
    if any(each.__module__.split(".")[0] == _TF_KERAS for each in kind.__mro__):
        raise ValueError(
            f"`{name}` must be of Keras 3, the package `keras`. Received: "
            f"{name}={shown(value)} of `tf_keras`, which is Keras 2: it would neither "
            "train nor load"
        )


def build_network(name, network, input_shape):
    """Builds `network` unless it is built; returns the shape of its features.

    A layer that says nothing of its shapes is called once on a `keras.Input`.

    Args:
        name: of the argument.
        network: a Keras layer.
        input_shape: (None, …).

    Returns:
        The features' shape, (None, …).

    Raises:
        ValueError: if it cannot be called on inputs of that shape, or gives anything
            but one tensor of a known shape [B, ...].
    """
    if isinstance(network, Stack):
        if not network.built:
            network.build(input_shape)
        return network.compute_output_shape(input_shape)
    inputs = keras.Input(input_shape[1:])
    try:
        outputs = network(inputs)
    except Exception as error:
        shape = ", ".join(("B", *map(str, input_shape[1:])))
        raise ValueError(
            f"`{name}` must take inputs of shape [{shape}]. Received: "
            f"{name}={shown(network)}, which fails on them: {error}"
        ) from error
    returns = _RETURNS.get(name, "one tensor of features [B, ...]")
    if not isinstance(outputs, keras.KerasTensor):
        shapes = [tuple(each.shape) for each in keras.tree.flatten(outputs)]
        raise ValueError(
            f"`{name}` must return {returns}. Received: {len(shapes)} outputs in a "
            f"{type(outputs).__name__}, of shapes {shapes}"
        )
    shape = tuple(outputs.shape)
    if len(shape) < 2 or shape[0] is not None or not all(shape[1:]):
        raise ValueError(
            f"`{name}` must return {returns}, of a shape that is known but for B. "
            f"Received: an output of shape {shape}"
        )
    return shape


def check_components(components):
    """Raises ValueError unless each is what its name says, and free to be used.

    With its weights a part of another model would bring along that model's training,
    and the other way round. It is no matter whether the other one is still in use,
    which would depend on when the garbage collector runs.

    Args:
        components: layers, by the names of the arguments.
    """
    names = {}
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


def _check_is_free(name, component):
    for layer in component._flatten_layers():
        if layer in _owned and (layer is component or layer.trainable_weights):
            raise ValueError(
                f"`{name}` already belongs to a model, or a part of it does: the two "
                "would train the same weights. Make a new one, or a copy, "
                f"`type({name}).from_config({name}.get_config())`, to which "
                "`set_weights` gives the weights of the old one once it is built. "
                f"Received: {name}={shown(component)}"
            )


def claim(components):
    """Makes the components, and all layers within them, parts of a model."""
    for component in components.values():
        _owned.update(component._flatten_layers())
