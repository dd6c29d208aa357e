"""What arguments must be: a plain error names the argument, the expectation, the value.

Nothing here needs TensorFlow or NumPy, so the command line can check before it loads
them.
"""

import inspect
import math
import numbers
import operator
import os
import pathlib
from collections.abc import Iterable
from typing import Any, TypeAlias, TypeVar, overload

PathLike: TypeAlias = str | os.PathLike[str]
# The arguments of a constructor, or the content of a JSON file, by name.
Config: TypeAlias = dict[str, Any]
KindT = TypeVar("KindT")

MAX_SHOWN_CHARACTERS = 120


def check_count(name: str, value: object, minimum: int, meaning: str) -> int:
    """`value` as an int, a whole number of at least `minimum`.

    Args:
        name: of the argument.
        value: what came; NumPy's integers will do, booleans and 2.0 will not.
        minimum: the smallest number allowed.
        meaning: what it counts, for the error.

    Raises:
        ValueError: if it is anything else.
    """
    number = _as_integer(value)
    if number is None or number < minimum:
        raise ValueError(
            f"`{name}` must be an integer >= {minimum}, {meaning}. "
            f"Received: {name}={shown(value)}"
        )
    return number


def check_number(
    name: str,
    value: object,
    meaning: str,
    *,
    above: float | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
) -> float:
    """`value` as a float, a finite number within the limits.

    Args:
        name: of the argument.
        value: what came; any real number will do, booleans will not.
        meaning: what it measures, with its unit, for the error.
        above: what it must exceed, or None.
        minimum: what it must reach, or None.
        maximum: what it must not exceed, or None.

    Raises:
        ValueError: if it is anything else.
    """
    number = _as_float(value)
    is_inside = math.isfinite(number) and (
        (above is None or number > above)
        and (minimum is None or number >= minimum)
        and (maximum is None or number <= maximum)
    )
    if not is_inside:
        limits = [
            f"{sign} {limit:g}"
            for sign, limit in ((">", above), (">=", minimum), ("<=", maximum))
            if limit is not None
        ]
        expected = " ".join(["a finite number", " and ".join(limits)]).strip()
        raise ValueError(
            f"`{name}` must be {expected}, {meaning}. Received: {name}={shown(value)}"
        )
    return number


def check_flag(name: str, value: object) -> bool:
    """`value` as a bool; raises ValueError unless it is True or False."""
    if not _is_boolean(value):
        raise ValueError(f"`{name}` must be True or False. Received: {shown(value)}")
    return bool(value)


def check_choice(name: str, value: KindT, choices: Iterable[object]) -> KindT:
    """`value`; raises ValueError unless it is one of `choices`."""
    if not any(
        value is each or (type(value), value) == (type(each), each) for each in choices
    ):
        listed = ", ".join(map(repr, choices))
        raise ValueError(
            f"`{name}` must be one of {listed}. Received: {name}={shown(value)}"
        )
    return value


def check_instance(
    name: str,
    value: object,
    kind: type[KindT] | tuple[type[KindT], ...],
    expectation: str,
) -> KindT:
    """`value`; raises ValueError unless it is an instance of `kind`.

    Args:
        name: of the argument.
        value: what came; a class is no instance of itself.
        kind: a class or a tuple of them.
        expectation: what it must be, with an example, for the error.
    """
    if not isinstance(value, kind):
        raise ValueError(
            f"`{name}` must be {expectation}. Received: {name}={shown(value)}"
        )
    return value


def check_path(name: str, value: object, meaning: str) -> pathlib.Path:
    """`value` as a `pathlib.Path`; raises ValueError if it is no path, or empty text.

    Args:
        name: of the argument.
        value: what came.
        meaning: what is there, for the error.
    """
    if not isinstance(value, (str, os.PathLike)) or not str(value).strip():
        raise ValueError(
            f"`{name}` must be a path, {meaning}. Received: {name}={shown(value)}"
        )
    return pathlib.Path(value)


@overload
def check_seed(name: str, value: int) -> int: ...


@overload
def check_seed(name: str, value: object) -> int | None: ...


def check_seed(name: str, value: object) -> int | None:
    """`value`, an integer or None; raises ValueError if it is anything else."""
    if value is None:
        return None
    number = _as_integer(value)
    if number is None:
        raise ValueError(
            f"`{name}` must be an integer or None. Received: {name}={shown(value)}"
        )
    return number


def shown(value: Any) -> str:
    """`value` for an error, in one line: text in quotes, arrays by type and shape."""
    if inspect.isclass(value):
        return f"the class {value.__name__}, not an instance of it"
    if inspect.isroutine(value):
        return f"the function {value.__name__}"
    if _rank(value):
        dtype = getattr(value.dtype, "name", value.dtype)
        return f"{type(value).__name__} of shape {tuple(value.shape)}, {dtype}"
    text = " ".join(repr(value).split())
    if len(text) > MAX_SHOWN_CHARACTERS:
        text = f"{text[:MAX_SHOWN_CHARACTERS]}…"
    return text


def _rank(value: Any) -> int | None:
    """Of an array or tensor; None of anything else, or if it is not known."""
    if not hasattr(value, "dtype"):
        return None
    try:
        return len(value.shape)
    except (AttributeError, TypeError, ValueError):
        return None


def _is_boolean(value: object) -> bool:
    """Whether it is Python's or NumPy's, which need not be imported for that."""
    kind = type(value)
    is_numpys = kind.__module__ == "numpy" and kind.__name__ in ("bool", "bool_")
    return kind is bool or is_numpys


def _as_integer(value: Any) -> int | None:
    """An int, or None if `value` is no whole number of an integer type."""
    if _is_boolean(value):
        return None
    try:
        return operator.index(value)
    except Exception:  # Symbolic tensors have errors of their own.
        return None


def _as_float(value: Any) -> float:
    """A float, NaN if `value` is no real number."""
    if _is_boolean(value):
        return math.nan
    if isinstance(value, numbers.Real):
        return float(value)
    if _rank(value) != 0:
        return math.nan
    try:
        return float(value)
    except Exception:  # Text, objects, symbolic tensors.
        return math.nan
