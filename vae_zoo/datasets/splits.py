"""Split expressions: `train`, `train[:90%]`, `test[100:200]`, `train[held-out]`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from vae_zoo.arguments import check_instance, shown
from vae_zoo.datasets.defaults import HELD_OUT, NOT_HELD_OUT

if TYPE_CHECKING:
    from vae_zoo.datasets.source import Source

EXAMPLES = (
    "'train', 'train[:90%]', 'test[100:200]', 'train[held-out]' or "
    "'train[not-held-out]'"
)
_RANGE = r"(-?\d+%?)?:(-?\d+%?)?"
_PATTERN = re.compile(rf"(\w+)(?:\[(?:{_RANGE}|({HELD_OUT}|{NOT_HELD_OUT}))\])?")


class UnknownSplitError(ValueError):
    """The data set has no split of that name."""


class Whole(NamedTuple):
    """All examples of a named split, before any of them is read.

    Attributes:
        size: the number of examples.
        read: a function without arguments that returns their `Source`.
        is_shuffled: whether their order is already random.
    """

    size: int
    read: Callable[[], Source]
    is_shuffled: bool = False


@dataclasses.dataclass(frozen=True)
class Split:
    """A part of a named split.

    Attributes:
        name: the split's name.
        start: where the part starts: an index, a percentage like "90%", or None.
        stop: where it stops, likewise.
        share: "held-out" or "not-held-out" for a part that `held_out` selects, or None.
    """

    name: str
    start: str | None = None
    stop: str | None = None
    share: str | None = None

    @classmethod
    def parse(cls, text: str, argument: str = "split") -> list[Split]:
        """The splits that `text` joins by "+"; raises ValueError if it is malformed."""
        check_instance(argument, text, str, f"a string such as {EXAMPLES}")
        matches = [_PATTERN.fullmatch(part) for part in text.split("+")]
        found = [match for match in matches if match is not None]
        if len(found) < len(matches):
            raise ValueError(
                f"`{argument}` must be a name with an optional range, such as "
                f"{EXAMPLES}, or several joined by '+'. Received: "
                f"{argument}={shown(text)}"
            )
        return [cls(*match.groups()) for match in found]

    def range_of(self, size: int) -> range:
        """The range of this part among the named split's `size` examples.

        Raises:
            ValueError: if it is empty.
        """
        start, stop, _ = slice(
            self._position(self.start, size), self._position(self.stop, size)
        ).indices(size)
        if stop <= start:
            raise ValueError(
                f"`split` must select at least one of the {size} examples of "
                f"{self.name!r}. Received: the range "
                f"[{self.start or ''}:{self.stop or ''}]"
            )
        return range(start, stop)

    @staticmethod
    def _position(text: str | None, size: int) -> int | None:
        if text is None:
            return None
        if text.endswith("%"):
            return round(int(text[:-1]) * size / 100)
        return int(text)


def check_splits(splits: Iterable[Split], wholes: Mapping[str, Whole]) -> None:
    """Raises UnknownSplitError or ValueError unless `wholes` have all of `splits`.

    Args:
        splits: some `Split`s.
        wholes: dict from a split's name to its `Whole`.
    """
    for split in splits:
        if split.name not in wholes:
            raise UnknownSplitError(
                f"`split` must be one of {sorted(wholes)}, with an optional range. "
                f"Received: split={split.name!r}"
            )
        size = wholes[split.name].size
        if split.share is None:
            split.range_of(size)
        elif size < 2:
            raise ValueError(
                "`split` must be of a set with at least two examples where a part is "
                f"held out. Received: {size} of {split.name!r}"
            )
