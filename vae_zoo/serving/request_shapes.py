"""What shape the rows of a request to a served model have, for the proxy before it."""

import math
from collections.abc import Iterable
from typing import TypeAlias, TypeGuard

from vae_zoo.arguments import Config

# Sizes, None for any; and those of each signature's inputs, by name.
Shape: TypeAlias = list[int | None]
RowShapes: TypeAlias = dict[str, dict[str, Shape]]

# Numbers in JSON: digits, a comma, and what pretty printing adds.
BYTES_PER_NUMBER = 32
# Of a dimension of any size, to know how long a request may become.
ASSUMED_SIZE = 4096
BYTES_WHERE_UNKNOWN = 2**24


def row_shapes(metadata: Config) -> RowShapes:
    """Signature -> input -> the shape of a row, sizes or None for any.

    Args:
        metadata: the content of a version's `vae_zoo.json`. That of an early version
            does not list its signatures; they follow from the sizes of the model.

    Returns:
        A dict, empty where neither is there: then only the server knows the shapes.
    """
    signatures = metadata.get("signatures")
    if _are_shapes(signatures):
        return signatures
    config = metadata["config"]["config"]
    x, z = config.get("input_shape"), [config.get("latent_dim")]
    if not _is_shape(x) or not _is_shape(z):
        return {}
    x, seeds = {"inputs": x}, {"seeds": [2]}
    return {
        **dict.fromkeys(("serving_default", "encode", "reconstruct", "cluster"), x),
        "decode": {"latents": z},
        "sample": seeds,
        "score": {**x, **seeds},
        "impute": {**x, "mask": x["inputs"], **seeds},
    }


def _are_shapes(signatures: object) -> TypeGuard[RowShapes]:
    """Whether it is what `export` writes: signature -> input -> sizes or None."""
    return isinstance(signatures, dict) and all(
        isinstance(inputs, dict) and all(map(_is_shape, inputs.values()))
        for inputs in signatures.values()
    )


def _is_shape(shape: object) -> bool:
    return isinstance(shape, (list, tuple)) and all(
        size is None or (type(size) is int and size > 0) for size in shape
    )


def merged(versions: Iterable[RowShapes]) -> dict[str, dict[str, list[Shape]]]:
    """Signature -> input -> the shapes of a row in any of the versions.

    Args:
        versions: a list of what `row_shapes` returns.
    """
    found: dict[str, dict[str, list[Shape]]] = {}
    for signatures in versions:
        for signature, inputs in signatures.items():
            for name, shape in inputs.items():
                shapes = found.setdefault(signature, {}).setdefault(name, [])
                if list(shape) not in shapes:
                    shapes.append(list(shape))
    return found


def max_body_mib(
    models: Iterable[dict[str, dict[str, list[Shape]]]], max_batch_size: int
) -> int:
    """How many MiB a request for `max_batch_size` rows may need, in JSON.

    Args:
        models: a list of what `merged` returns.
        max_batch_size: rows.
    """
    numbers_per_row = [
        sum(max(map(_num_numbers, shapes)) for shapes in inputs.values())
        for signatures in models
        for inputs in signatures.values()
    ]
    num_bytes = max(numbers_per_row, default=0) * max_batch_size * BYTES_PER_NUMBER
    return 1 + math.ceil((num_bytes or BYTES_WHERE_UNKNOWN) / 2**20)


def _num_numbers(shape: Shape) -> int:
    return math.prod(ASSUMED_SIZE if size is None else size for size in shape)
