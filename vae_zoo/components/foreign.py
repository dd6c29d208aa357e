"""Checks of parts from users: any Keras layer as a network, objects as arguments."""

import keras

from vae_zoo.arguments import KindT, check_instance, shown
from vae_zoo.components.network import Stack
from vae_zoo.tensors import BatchShape

_TF_KERAS = "tf_keras"
_RETURNS = {
    "encoder": "one tensor of features [B, ...], of which the posterior makes its "
    "mean and its scale, and draws z itself",
    "decoder": "one tensor of features [B, ...], of which the likelihood makes the "
    "parameters of p(x|z)",
}


def check_network(name: str, value: object) -> keras.Layer:
    """`value`, a layer of Keras 3; raises ValueError under `name` if it is not."""
    _refuse_tf_keras(name, value)
    return check_instance(
        name,
        value,
        keras.layers.Layer,
        "a Keras layer or model, such as networks.MLP((512, 256))",
    )


def check_component(name: str, value: object, kind: type[KindT], example: str) -> KindT:
    """`value`, an instance of `kind`; raises ValueError under `name` if it is not.

    Args:
        name: of the argument.
        value: what came.
        kind: the class.
        example: code that makes one, for the error.
    """
    _refuse_tf_keras(name, value)
    kinds = f"{kind.__module__.split('.')[0]}'s {kind.__name__}"
    expectation = f"an instance of {kinds}, such as {example}"
    return check_instance(name, value, kind, expectation)


def _refuse_tf_keras(name: str, value: object) -> None:
    kind = value if isinstance(value, type) else type(value)
    if any(each.__module__.split(".")[0] == _TF_KERAS for each in kind.__mro__):
        raise ValueError(
            f"`{name}` must be of Keras 3, the package `keras`. Received: "
            f"{name}={shown(value)} of `tf_keras`, which is Keras 2: it would neither "
            "train nor load"
        )


def build_network(
    name: str, network: keras.Layer, input_shape: BatchShape
) -> tuple[int | None, ...]:
    """Builds `network` unless it is built; returns the shape of its features.

    A layer that does not compute its output shape is called once on a `keras.Input`.

    Args:
        name: of the argument.
        network: a Keras layer.
        input_shape: (None, …).

    Returns:
        The features' shape, (None, …).

    Raises:
        ValueError: if it cannot be called on inputs of that shape, or returns anything
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
        expected = ", ".join(("B", *map(str, input_shape[1:])))
        raise ValueError(
            f"`{name}` must take inputs of shape [{expected}]. Received: "
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
