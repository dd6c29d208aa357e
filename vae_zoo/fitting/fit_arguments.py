"""The arguments of `fit`, `evaluate` and `predict`: checked, the data in one form."""

import math
from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf

from vae_zoo.arguments import (
    Config,
    check_choice,
    check_count,
    check_flag,
    check_number,
    shown,
)
from vae_zoo.fitting.batches import num_examples, of_arrays
from vae_zoo.fitting.door import Door
from vae_zoo.fitting.inputs import Parts
from vae_zoo.fitting.pass_warnings import WarnOfPass
from vae_zoo.fitting.progress import ProgressBar
from vae_zoo.fitting.sample_weights import checked_class_weight
from vae_zoo.fitting.streams import Stream, is_stream

_MINIMUM_AND_MEANING = {
    "batch_size": (1, "examples in a batch"),
    "epochs": (0, "passes over the data"),
    "initial_epoch": (0, "the epoch to start with"),
    "steps": (1, "batches"),
    "steps_per_epoch": (1, "batches in an epoch"),
    "validation_steps": (1, "batches of the validation"),
    "validation_batch_size": (1, "examples in a batch of the validation"),
}
# What the batches have in them.
_TAKEN_IN = (
    "y",
    "sample_weight",
    "class_weight",
    "batch_size",
    "validation_batch_size",
    "validation_split",
)
DEFAULT_BATCH_SIZE = 32  # Keras'.
_SHARE = "the share of the examples at the end"
_VERBOSE = ("auto", 0, 1, 2, False, True)


def check_settings(given: Config) -> None:
    """Raises ValueError if a setting, which says nothing of the data, is off.

    Args:
        given: dict of arguments of `keras.Model.fit`, `evaluate` or `predict`.
    """
    for name, (minimum, meaning) in _MINIMUM_AND_MEANING.items():
        if given.get(name) is not None:
            check_count(name, given[name], minimum, meaning)
    if "return_dict" in given:
        check_flag("return_dict", given["return_dict"])
    if given.get("validation_split") is not None:
        check_number("validation_split", given["validation_split"], _SHARE, minimum=0)
    check_choice("verbose", given.get("verbose", "auto"), _VERBOSE)
    frequency = given.get("validation_freq", 1)
    if not isinstance(frequency, (list, tuple, set, range)):
        check_count("validation_freq", frequency, 1, "epochs, or a list of them")
    callbacks = given.get("callbacks")
    if not isinstance(callbacks, (list, tuple, keras.callbacks.CallbackList)):
        callbacks = [] if callbacks is None else [callbacks]
    for callback in getattr(callbacks, "callbacks", callbacks):
        if not isinstance(callback, keras.callbacks.Callback):
            raise ValueError(
                "`callbacks` must be instances of keras.callbacks.Callback. Received: "
                f"{shown(callback)}"
            )


def opened(given: Config, door: Door) -> Stream | Parts:
    """The data to train on or to evaluate on: a stream, or a tuple (x, y, weights).

    Args:
        given: dict of arguments of `keras.Model.fit` or `evaluate`.
        door: the model's `Door`.

    Raises:
        ValueError: if they do not fit the model.
    """
    x, y, weights = (given.get(name) for name in ("x", "y", "sample_weight"))
    class_weight = checked_class_weight(given.get("class_weight"))
    if not is_stream(x):
        return door.arrays(x, y, weights, class_weight)
    for name in ("y", "sample_weight", "validation_split"):
        is_left_out = given.get(name) is None or (
            name == "validation_split" and given[name] == 0
        )
        if not is_left_out:
            raise ValueError(
                f"`{name}` must be left out where `x` gives batches, which have their "
                f"labels and weights in them. Received: {name}={shown(given[name])}, "
                f"x={type(x).__name__}"
            )
    return door.stream(x, class_weight)


def split_off(arrays: Parts, share: float) -> tuple[Parts, ...]:
    """Two tuples of arrays: all but the last `share` of the examples, and these.

    Raises:
        ValueError: if the share is not in [0, 1) or leaves one of the two empty.
    """
    size = num_examples(arrays)
    first = math.floor(size * (1 - share))
    if not 0 < first < size:
        raise ValueError(
            "`validation_split` must leave examples on both sides. Received: "
            f"validation_split={share}, {size} examples"
        )
    return tuple(
        tf.nest.map_structure(
            lambda each, part=part: None if each is None else each[part], arrays
        )
        for part in (slice(first), slice(first, None))
    )


def replace_data(
    given: Config, data: Stream | Parts, shuffle: bool | None = None
) -> None:
    """Has Keras take batches alone, in the order in which they come.

    Args:
        given: dict of arguments of `keras.Model.fit` or `evaluate`, which changes.
        data: what `opened` returned.
        shuffle: whether to shuffle arrays; None: as `given` says.
    """
    if shuffle is None:
        shuffle = check_flag("shuffle", given.get("shuffle", True))
    batch_size = given.get("batch_size") or DEFAULT_BATCH_SIZE
    validation = given.get("validation_data")
    if isinstance(validation, tuple):
        size = given.get("validation_batch_size") or batch_size
        given["validation_data"] = of_arrays(validation, size, shuffle=False)
    if isinstance(data, tuple):
        given["x"] = of_arrays(data, batch_size, shuffle)
    else:
        given["x"] = data
    for name in _TAKEN_IN:
        given.pop(name, None)


def add_callbacks(
    model: keras.Model, given: Config, own: Iterable[keras.callbacks.Callback] = ()
) -> None:
    """Puts callbacks of the model's own around those that the user gave.

    Args:
        model: what is fitted.
        given: dict of arguments of `keras.Model.fit` or `evaluate`, which changes.
        own: callbacks, run after the user's, which may restore weights at the end;
            where the user has given one of a kind it is left out.
    """
    callbacks: Any = given.get("callbacks")
    is_list = isinstance(callbacks, keras.callbacks.CallbackList)
    others = callbacks.callbacks if is_list else keras.tree.flatten(callbacks or [])
    own = [
        each
        for each in (WarnOfPass(), *own)
        if not any(isinstance(other, type(each)) for other in others)
    ]
    if is_list:
        for each in own:
            each.set_model(model)
            callbacks.callbacks.append(each)
        return
    has_bar = any(isinstance(each, keras.callbacks.ProgbarLogger) for each in others)
    bar = [ProgressBar()] if given.get("verbose", "auto") and not has_bar else []
    given["callbacks"] = [*bar, *others, *own]
