"""Defaults and choices that the command line shares; nothing is imported here."""

HELD_OUT, NOT_HELD_OUT = "held-out", "not-held-out"
TRAINED_ON_BY_DEFAULT = f"train[{NOT_HELD_OUT}]"
HELD_OUT_BY_DEFAULT = f"train[{HELD_OUT}]"

# Arguments of `open_source` that are options of the command line too.
OPENING_OPTIONS = ("data_dir", "image_size", "image_fit", "max_gib")
IMAGE_FITS = ("scale-and-crop", "crop", "stretch")
# A file of kilobytes can hold gigabytes of one value.
DEFAULT_MAX_GIB = 2.0
