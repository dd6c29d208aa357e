"""The inputs of a model, by their names."""

from typing import NamedTuple

import tensorflow as tf

from vae_zoo.arguments import shown


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


def by_name(x, names) -> dict:
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
