"""The inputs of a model, by their names."""

from collections.abc import Collection
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import tensorflow as tf

from vae_zoo.arguments import KindT, shown
from vae_zoo.tensors import Array, ModelInput, TensorLike

# x, or the inputs by name where there are several; and with it y and sample weights.
Batch: TypeAlias = Array | dict[str, Array]
Parts: TypeAlias = tuple[Batch, Array | None, Array | None]


class Inputs(NamedTuple):
    """What a model is given. Wherever a method takes x it takes a dict of these, too.

    Attributes:
        x: float [B, *input_shape]; None where only a condition is needed.
        condition: what a conditional model depends on, [B, ...], or None.
        observed: 1 where x is known and 0 where it is missing, of the shape of x, or
            [B, T] for sequences; None: all is known.
    """

    x: tf.Tensor | None = None
    condition: tf.Tensor | None = None
    observed: tf.Tensor | None = None

    def given(self) -> dict[str, tf.Tensor]:
        """Those that are there, by name."""
        pairs = self._asdict().items()
        return {name: value for name, value in pairs if value is not None}


# What methods take: x, a dict of the inputs, or `Inputs`.
InputsLike: TypeAlias = ModelInput | Inputs


def by_name(x: InputsLike, names: Collection[str]) -> dict[str, Any]:
    """Inputs in whatever form they come as a dict, name -> value.

    Args:
        x: `Inputs`, a dict, or anything else, which is x alone.
        names: of the inputs that the model takes.

    Raises:
        ValueError: if a name is none of these.
    """
    if isinstance(x, Inputs):
        named = x.given()
    elif isinstance(x, dict):
        named = {name: value for name, value in x.items() if value is not None}
    else:
        return {"x": x}
    unknown = [name for name in named if name not in names]
    if unknown:
        raise ValueError(
            f"`{unknown[0]}` must be left out: the inputs of this model are "
            f"{', '.join(names)}. Received: {shown(list(named))}"
        )
    return named


def arrays_by_name(x: ModelInput) -> dict[str, np.ndarray]:
    """x, or a dict of inputs, as a dict of arrays."""
    named = x if isinstance(x, dict) else {"x": x}
    return {name: np.asarray(value) for name, value in named.items()}


def alone_or_named(named: dict[str, KindT]) -> KindT | dict[str, KindT]:
    """x where it is the only input, else the dict of inputs."""
    return named["x"] if len(named) == 1 else named


def with_condition(
    x: InputsLike, condition: TensorLike | None, names: Collection[str]
) -> dict[str, Any]:
    """Inputs as a dict, with a condition among them.

    Args:
        x: as in `by_name`.
        condition: [B, ...].
        names: of the inputs that the model takes.

    Raises:
        ValueError: if the model depends on no condition, or there is one already.
    """
    check_condition(condition, names)
    named = by_name(x, names)
    if "condition" in named:
        raise not_once("both")
    return {**named, "condition": condition}


def check_condition(condition: TensorLike | None, names: Collection[str]) -> None:
    """Raises ValueError unless there is a condition just where one is needed."""
    needs_one = "condition" in names
    if needs_one == (condition is None):
        expectation = (
            "given, since the model depends on it"
            if needs_one
            else "left out: the model depends on none"
        )
        raise ValueError(
            f"`condition` must be {expectation}. Received: condition={shown(condition)}"
        )


def not_once(received: str) -> ValueError:
    """The error where there is no condition, or there are two."""
    return ValueError(
        "`condition` must be given once, by itself or in a dict beside x: "
        f'{{"x": x, "condition": condition}}. Received: {received}'
    )
