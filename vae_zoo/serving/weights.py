"""The weights of an exported model, found again by name."""

import collections

import keras
import tensorflow as tf

_KEY = "weights/{}/.ATTRIBUTES/VARIABLE_VALUE"


def weight_names(model):
    """A name for each of `model.weights`, in their order.

    It says where the weight belongs, by the attributes on the way to it, such as
    "posterior_head/loc/dense/kernel". Unlike a variable's path it has no numbers that
    count the layers made before in the same process.
    """
    found = {}
    _walk(model, "", found, set())
    names = [found.get(id(weight), weight.name) for weight in model.weights]
    repeated = {name for name, count in collections.Counter(names).items() if count > 1}
    # Where no attribute leads to a weight its place has to do.
    return [
        f"{name}#{index}" if name in repeated else name
        for index, name in enumerate(names)
    ]


def _walk(part, path, found, seen):
    """Adds the names of the weights below `part` to `found`, id -> name."""
    if id(part) in seen:
        return
    seen.add(id(part))
    if isinstance(part, keras.Variable):
        owner = path.rpartition("/")[0]
        found.setdefault(id(part), f"{owner}/{part.name}".lstrip("/"))
        return
    if isinstance(part, dict):
        inner = part.items()
    elif isinstance(part, (list, tuple)):
        inner = enumerate(part)
    elif isinstance(part, keras.layers.Layer):
        # Keras' own lists of layers and variables come last: they have no names.
        inner = sorted(vars(part).items(), key=lambda item: item[0].startswith("_"))
    else:
        return
    for key, value in inner:
        _walk(value, f"{path}/{key}".lstrip("/"), found, seen)


def restore(model, folder, names=None):
    """Sets the weights of `model` to those in a version's folder.

    Args:
        model: a built model.
        folder: the version's folder, a `pathlib.Path`.
        names: of the stored weights, as `weight_names` gave them at export. None, as
            of early versions: they are taken in the order of `model.weights`.

    Raises:
        ValueError: if the stored weights are not those of the model: in number, name
            or shape. Nothing is set then.
    """
    prefix = folder / "variables" / "variables"
    reader = tf.train.load_checkpoint(str(prefix))
    shapes = reader.get_variable_to_shape_map()
    places = _places(weight_names(model), names, folder)
    count = sum(key.startswith("weights/") for key in shapes)
    if count != len(model.weights):
        raise ValueError(
            f"{_described(folder)} must describe the model whose weights are stored "
            f"beside it. Received: a model of {len(model.weights)} weights, and "
            f"{count} are stored"
        )
    keys = [_KEY.format(place) for place in places]
    for key, variable in zip(keys, model.weights, strict=True):
        stored = shapes.get(key)
        if stored is None or tuple(stored) != tuple(variable.shape):
            raise ValueError(
                f"{_described(folder)} must describe the model whose weights are "
                f"stored beside it. Received: a model with {variable.path} of shape "
                f"{tuple(variable.shape)}, and the one stored has {stored}"
            )
    for key, variable in zip(keys, model.weights, strict=True):
        variable.assign(reader.get_tensor(key))


def _places(own, stored, folder):
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


def _described(folder):
    return f"'{folder / 'assets.extra' / 'vae_zoo.json'}'"
