"""What options of several commands are made of."""

import argparse

from vae_zoo.datasets.defaults import DEFAULT_MAX_GIB, IMAGE_FITS


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Ends an option's help with its default, where it has one."""

    def _get_help_string(self, action):
        if action.default is None:
            return action.help
        return super()._get_help_string(action)


def add_command(commands, name, run, summary):
    """Adds the command `name`; returns its parser."""
    parser = commands.add_parser(
        name, help=summary, description=summary, formatter_class=_Formatter
    )
    parser.set_defaults(run=run)
    return parser


def add_data_options(parser):
    """Adds what says which data set to read, and how."""
    add = parser.add_argument
    add(
        "--dataset",
        required=True,
        metavar="NAME",
        help="digits, sprites, a TFDS name, a .npy or .npz file, an image folder",
    )
    add("--data-dir", default=None, metavar="DIR", help="where TFDS keeps its data")
    add(
        "--image-size",
        type=positive(int),
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="that the images of a folder get; by default they have one size",
    )
    add(
        "--image-fit",
        choices=IMAGE_FITS,
        help=f"how they get it (default: {IMAGE_FITS[0]})",
    )
    add(
        "--max-gib",
        type=positive(float),
        default=DEFAULT_MAX_GIB,
        metavar="GIB",
        help="refuse image folders and .npz files that grow to more",
    )
    add(
        "--binarize",
        choices=["dynamic", "fixed"],
        default=None,
        help="x ~ Bernoulli(x)",
    )


def _number(kind, is_valid, expectation):
    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not is_valid(value):
            raise argparse.ArgumentTypeError(f"must be {expectation}. Received: {text}")
        return value

    return parse


def positive(kind):
    """The type of an option that takes a positive `kind`, int or float."""
    name = "integer" if kind is int else "number"
    return _number(kind, lambda value: value > 0, f"a positive {name}")


def model_version(text):
    """The type of an option that takes MODEL=VERSION: a pair of name and integer."""
    name, _, version = text.rpartition("=")
    if not name or not version.isdecimal():
        raise argparse.ArgumentTypeError(f"must be MODEL=VERSION. Received: {text}")
    return name, int(version)


non_negative = _number(float, lambda value: value >= 0, "a number >= 0")
non_negative_integer = _number(int, lambda value: value >= 0, "an integer >= 0")
share = _number(float, lambda value: 0 <= value < 1, "a number in [0, 1)")
