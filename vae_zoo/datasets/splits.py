"""Split expressions in TFDS' notation: `train`, `train[:90%]`, `test[100:200]`."""

import dataclasses
import re

_PATTERN = re.compile(r"(\w+)(?:\[(-?\d+%?)?:(-?\d+%?)?\])?")


class UnknownSplitError(ValueError):
    """The data set has no split of that name."""


@dataclasses.dataclass(frozen=True)
class Split:
    """A contiguous part of a named split.

    Attributes:
        name: the split's name.
        start: where the part starts: an index, a percentage like "90%", or None.
        stop: where it stops, likewise.
    """

    name: str
    start: str | None = None
    stop: str | None = None

    @classmethod
    def parse(cls, text):
        """The split that `text` means; raises ValueError if it means none."""
        match = _PATTERN.fullmatch(text)
        if not match:
            raise ValueError(
                "`split` must be a name with an optional range, such as 'train', "
                f"'train[:90%]' or 'test[100:200]'. Received: split={text!r}"
            )
        return cls(*match.groups())

    def select_from(self, sizes):
        """The range of examples meant, for splits of these `sizes` (a dict).

        Raises:
            UnknownSplitError: if there is no such split.
            ValueError: if there is nothing in the range.
        """
        if self.name not in sizes:
            raise UnknownSplitError(
                f"`split` must be one of {sorted(sizes)}, with an optional range. "
                f"Received: split={self.name!r}"
            )
        size = sizes[self.name]
        start, stop, _ = slice(
            self._position(self.start, size), self._position(self.stop, size)
        ).indices(size)
        if stop <= start:
            raise ValueError(
                f"`split` must select at least one of the {size} examples of "
                f"{self.name!r}. Received: the range [{self.start}:{self.stop}]"
            )
        return range(start, stop)

    @staticmethod
    def _position(text, size):
        if text is None:
            return None
        if text.endswith("%"):
            return round(int(text[:-1]) * size / 100)
        return int(text)
