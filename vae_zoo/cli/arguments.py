"""What options of several commands are made of."""

import argparse
import math
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, TypeAlias, TypeVar

# What `add_subparsers` of a `Parser` gives.
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
NumberT = TypeVar("NumberT", int, float)

BAD_INPUT = 2
# NumPy, TensorFlow and the files of a run hold these numbers in 32 bits.
LARGEST_INTEGER = 2**31 - 1
LARGEST_NUMBER = 3.4e38


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Ends an option's help with its default, where it has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None:
            return action.help
        return super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """Reports an error in one line, without the usage.

    Attributes:
        add_options: what adds the options, which it takes when it first parses, or
            None.
    """

    add_options: Callable[["Parser"], None] | None = None

    def parse_known_args(
        self, args: Iterable[str] | None = None, namespace: Any = None
    ) -> Any:
        """As argparse does."""
        self.complete()
        return super().parse_known_args(args, namespace)

    def complete(self) -> None:
        """Adds the options that are still to come."""
        add, self.add_options = self.add_options, None
        if add is not None:
            add(self)

    def error(self, message: str) -> NoReturn:
        """Ends the program with the line and the exit code for bad input."""
        self.exit(BAD_INPUT, f"{self.prog}: error: {message}\n")

    def words(self) -> dict[str, str]:
        """How each argument is written: {"latent_dim": "--latent-dim", …}."""
        self.complete()
        return {
            action.dest: (
                action.option_strings or [str(action.metavar or action.dest)]
            )[0]
            for action in self._actions
            if action.dest != "help"
        }


def add_command(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], None],
    summary: str,
    add_options: Callable[[Parser], None] | None = None,
) -> Parser:
    """Adds the command `name`; returns its parser.

    Args:
        commands: what `add_subparsers` gave.
        name: of the command.
        run: its function.
        summary: one line for people who choose.
        add_options: adds options to the parser once it is used, since to find them
            takes a moment; or None.
    """
    parser = commands.add_parser(
        name, help=summary, description=summary, formatter_class=_Formatter
    )
    parser.add_options = add_options
    parser.set_defaults(run=run, parser=parser)
    return parser


def add_quiet_option(parser: Parser, what: str) -> None:
    """Adds `--quiet`, which leaves out `what`."""
    parser.add_argument("--quiet", action="store_true", help=f"print no {what}")


def _number(
    kind: type[NumberT], is_valid: Callable[[float], bool], expectation: str
) -> Callable[[str], NumberT]:
    def parse(word: str) -> NumberT:
        try:
            # Python takes other scripts' digits as well.
            value: float = kind(word) if word.isascii() else math.nan
        except ValueError:
            value = math.nan
        if not _fits(value) or not is_valid(value):
            raise argparse.ArgumentTypeError(
                f"must be {expectation}. Received: {word!r}"
            )
        return kind(value + 0)  # So that -0.0 is 0.0.

    return parse


def _fits(value: float) -> bool:
    largest = LARGEST_INTEGER if isinstance(value, int) else LARGEST_NUMBER
    return abs(value) <= largest  # NaN does not.


def positive(
    kind: type[NumberT], maximum: float | None = None
) -> Callable[[str], NumberT]:
    """The type of an option that takes a positive `kind`, int or float.

    Args:
        kind: int or float.
        maximum: the largest one; None: that of 32 bits.
    """
    maximum = maximum or (LARGEST_INTEGER if kind is int else LARGEST_NUMBER)
    name = "integer" if kind is int else "number"
    return _number(
        kind, lambda value: 0 < value <= maximum, f"a positive {name} up to {maximum}"
    )


def text(word: str) -> str:
    """The type of an option that takes a name or a path."""
    if not word.strip():
        raise argparse.ArgumentTypeError(f"must not be empty. Received: {word!r}")
    return word


def model_version(text: str) -> tuple[str, int]:
    """The type of an option that takes MODEL=VERSION: a pair of name and integer."""
    name, _, version = text.rpartition("=")
    if not name or not version.isdecimal():
        raise argparse.ArgumentTypeError(f"must be MODEL=VERSION. Received: {text}")
    return name, int(version)


finite = _number(
    float,
    lambda value: True,
    f"a number from -{LARGEST_NUMBER} to {LARGEST_NUMBER}",
)
non_negative = _number(
    float, lambda value: value >= 0, f"a number from 0 to {LARGEST_NUMBER}"
)
non_negative_integer = _number(
    int, lambda value: value >= 0, f"an integer from 0 to {LARGEST_INTEGER}"
)
share = _number(float, lambda value: 0 <= value < 1, "a number in [0, 1)")
