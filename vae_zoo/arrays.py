"""Arrays that measures and pictures take as they are, without a model."""

import numpy as np
import numpy.typing as npt

from vae_zoo.arguments import shown


def as_array(name: str, values: npt.ArrayLike) -> np.ndarray:
    """`values` as an array of numbers; raises ValueError under `name` if it is none."""
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):  # Lists of rows of different lengths, say.
        array = np.empty((), object)
    if not (np.issubdtype(array.dtype, np.number) or array.dtype == bool):
        raise ValueError(
            f"`{name}` must be an array of numbers. Received: {name}={shown(values)}"
        )
    return array


def as_floats(name: str, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The same of finite numbers, in double precision."""
    array = as_array(name, values).astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError(
            f"`{name}` must be finite. Received: {np.sum(~np.isfinite(array))} of "
            f"{array.size} that are not"
        )
    return array
