"""Limits on the memory of decoded files."""

import math

from vae_zoo.arguments import check_number

GIB = 1 << 30


def check_max_gib(max_gib: float) -> float:
    """`max_gib` as a float; raises ValueError unless it is positive and finite."""
    return check_number(
        "max_gib", max_gib, "the most that files may grow to, in GiB", above=0
    )


def check_size(num_bytes: int, max_gib: float, what: str) -> None:
    """Raises ValueError if `num_bytes` is more than allowed.

    Args:
        num_bytes: the memory that decoding would take.
        max_gib: the most that it may take.
        what: what is decoded, for the error.
    """
    if num_bytes > max_gib * GIB:
        needed = math.ceil(10 * num_bytes / GIB) / 10
        raise ValueError(
            f"`max_gib` must be at least {needed:g} to decode {what}, which takes "
            "that many GiB; give as much (--max-gib on the command line) if you trust "
            f"the source. Received: max_gib={max_gib:g}"
        )
