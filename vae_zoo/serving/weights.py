"""The weights of an exported model, found again by name."""

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

    It says where the weight belongs, by the attributes on the way to it, such as
    "posterior_head/loc/dense/kernel". Unlike a variable's path it has no numbers that
    count the layers made before in the same process.
    """
    found: dict[int, str] = {}
    _walk(model, "", "", found, set())
    names = [found.get(id(weight), weight.name) for weight in exported_weights(model)]
    repeated = {name for name, count in collections.Counter(names).items() if count > 1}
    # Where no name tells two weights apart their places have to do.
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
        owner: those to the layer that holds it.
        found, seen: what has been named and looked at, by id.
    """
    if id(part) in seen:
        return
    seen.add(id(part))
    inner: Iterable[tuple[Any, object]] = ()
    if isinstance(part, keras.Variable):
        # Keras counts those that were given no name.
        name = re.sub(r"^variable_\d+$", "variable", part.name)
        found[id(part)] = f"{owner}/{name}".lstrip("/")
    elif isinstance(part, keras.layers.Layer):
        # Keras' own lists of layers come last: there is no name in them.
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
        names: of the stored weights, as `weight_names` gave them at export. None, as
            of early versions: they are taken in the order of `exported_weights`.

    Raises:
        ValueError: if the stored weights are not those of the model: in number, name
            or shape. Nothing is set then.
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
    """Of each of the model's weights, its place among the stored ones."""
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
