"""The inputs of a model, by their names."""

from collections.abc import Collection
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import tensorflow as tf

from vae_zoo.arguments import KindT, shown
from vae_zoo.tensors import Array, ModelInput, TensorLike

# x, or the inputs by name if there are several; y and sample weights may come with it.
Batch: TypeAlias = Array | dict[str, Array]
Parts: TypeAlias = tuple[Batch, Array | None, Array | None]


class Inputs(NamedTuple):
    """The inputs of a model. Methods that take x also take a dict of these.

    Attributes:
        x: float [B, *input_shape]; None where only a condition is needed.
        condition: what a conditional model depends on, [B, ...], or None.
        observed: 1 where x is known and 0 where it is missing, of the shape of x, or
            [B, T] for sequences; None if all is known.
    """

    x: tf.Tensor | None = None
    condition: tf.Tensor | None = None
    observed: tf.Tensor | None = None

    def given(self) -> dict[str, tf.Tensor]:
        """The inputs that are not None, by name."""
        pairs = self._asdict().items()
        return {name: value for name, value in pairs if value is not None}


# What methods take: x, a dict of the inputs, or `Inputs`.
InputsLike: TypeAlias = ModelInput | Inputs


def by_name(x: InputsLike, names: Collection[str]) -> dict[str, Any]:
    """Inputs in any form as a dict, name -> value.

    Args:
        x: `Inputs`, a dict, or anything else, which counts as x.
        names: of the inputs that the model takes.

    Raises:
        ValueError: if a name is not one of these.
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
    """x if it is the only input, else the dict of inputs."""
    return named["x"] if len(named) == 1 else named


def with_condition(
    x: InputsLike, condition: TensorLike | None, names: Collection[str]
) -> dict[str, Any]:
    """Inputs as a dict that includes a condition.

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
    """Raises ValueError if a condition is missing or not needed."""
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
    """The error for a missing condition, or for two."""
    return ValueError(
        "`condition` must be given once, by itself or in a dict beside x: "
        f'{{"x": x, "condition": condition}}. Received: {received}'
    )
