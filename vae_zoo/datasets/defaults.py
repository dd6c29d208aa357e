"""Defaults and choices that the command line shares, without TensorFlow."""

from typing import Literal, TypeAlias, get_args

Binarization: TypeAlias = Literal["dynamic", "fixed"] | None
ImageFit: TypeAlias = Literal["scale-and-crop", "crop", "stretch"]

HELD_OUT, NOT_HELD_OUT = "held-out", "not-held-out"
TRAINED_ON_BY_DEFAULT = f"train[{NOT_HELD_OUT}]"
HELD_OUT_BY_DEFAULT = f"train[{HELD_OUT}]"

# Arguments of `open_source` that are also options of the command line.
OPENING_OPTIONS = ("data_dir", "image_size", "image_fit", "max_gib")
IMAGE_FITS: tuple[ImageFit, ...] = get_args(ImageFit)
# A file of kilobytes can hold gigabytes of one value.
DEFAULT_MAX_GIB = 2.0
