"""The weights of an exported model, matched by name."""

import collections
import pathlib
import re
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf

from vae_zoo.models.vae import VAE

_KEY = "weights/{}/.ATTRIBUTES/VARIABLE_VALUE"


def exported_weights(model: VAE) -> list[keras.Variable]:
    """The weights that an export holds: all but those of the objective."""
    of_objective = {id(weight) for weight in model.objective.weights}
    return [weight for weight in model.weights if id(weight) not in of_objective]


def weight_names(model: VAE) -> list[str]:
    """A name for each of the `exported_weights`, in their order.

    The name is the attributes on the way to the weight, such as
    "posterior_head/loc/dense/kernel". Unlike a variable's path, it does not depend on
    the number of layers made earlier in the process.
    """
    found: dict[int, str] = {}
    _walk(model, "", "", found, set())
    names = [found.get(id(weight), weight.name) for weight in exported_weights(model)]
    repeated = {name for name, count in collections.Counter(names).items() if count > 1}
    # If two weights have the same name, their order tells them apart.
    return [
        f"{name}#{index}" if name in repeated else name
        for index, name in enumerate(names)
    ]


def _walk(
    part: object, path: str, owner: str, found: dict[int, str], seen: set[int]
) -> None:
    """Adds the names of the weights below `part` to `found`, id -> name.

    Args:
        part: a layer, a container or anything else that a layer holds.
        path: the attributes on the way to it.
        owner: the attributes on the way to the layer that holds it.
        found, seen: the weights named and the parts visited so far, by id.
    """
    if id(part) in seen:
        return
    seen.add(id(part))
    inner: Iterable[tuple[Any, object]] = ()
    if isinstance(part, keras.Variable):
        # Keras numbers variables without a name.
        name = re.sub(r"^variable_\d+$", "variable", part.name)
        found[id(part)] = f"{owner}/{name}".lstrip("/")
    elif isinstance(part, keras.layers.Layer):
        # Keras' own lists of layers come last, since they contain no names.
        inner = sorted(vars(part).items(), key=lambda item: item[0].startswith("_"))
        owner = path
    elif isinstance(part, dict):
        inner = part.items()
    elif isinstance(part, (list, tuple)):
        inner = enumerate(part)
    for key, value in inner:
        _walk(value, f"{path}/{key}".lstrip("/"), owner, found, seen)


def restore(
    model: VAE, folder: pathlib.Path, names: Sequence[str] | None = None
) -> None:
    """Sets the weights of `model` to those in a version's folder.

    Args:
        model: a built model.
        folder: the version's folder, a `pathlib.Path`.
        names: of the stored weights, as `weight_names` returned them at export; None
            for early versions, whose weights are in the order of `exported_weights`.

    Raises:
        ValueError: if the stored weights differ from the model's in number, name or
            shape; then nothing is set.
    """
    weights = exported_weights(model)
    prefix = folder / "variables" / "variables"
    reader = tf.train.load_checkpoint(str(prefix))
    shapes = reader.get_variable_to_shape_map()
    places = _places(weight_names(model), names, folder)
    count = sum(key.startswith("weights/") for key in shapes)
    if count != len(weights):
        raise ValueError(
            f"{_described(folder)} must describe the model whose weights are stored "
            f"beside it. Received: a model of {len(weights)} weights, and "
            f"{count} are stored"
        )
    keys = [_KEY.format(place) for place in places]
    for key, variable in zip(keys, weights, strict=True):
        stored = shapes.get(key)
        if stored is None or tuple(stored) != tuple(variable.shape):
            raise ValueError(
                f"{_described(folder)} must describe the model whose weights are "
                f"stored beside it. Received: a model with {variable.path} of shape "
                f"{tuple(variable.shape)}, and the one stored has {stored}"
            )
    for key, variable in zip(keys, weights, strict=True):
        variable.assign(reader.get_tensor(key))


def _places(
    own: Sequence[str], stored: Sequence[str] | None, folder: pathlib.Path
) -> Sequence[int]:
    """The position of each of the model's weights among the stored ones."""
    if stored is None:
        return range(len(own))
    if sorted(own) != sorted(stored):
        missing = sorted({*own} ^ {*stored})[:3]
        raise ValueError(
            f"{_described(folder)} must describe the model whose weights are stored "
            f"beside it. Received: weights of other names, such as {missing}"
        )
    return [stored.index(name) for name in own]


def _described(folder: pathlib.Path) -> str:
    return f"'{folder / 'assets.extra' / 'vae_zoo.json'}'"
