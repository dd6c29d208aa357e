"""The options of `vae-zoo train MODEL`: the settings of a run, and where it goes."""

import argparse
from collections.abc import Callable
from typing import Any

from vae_zoo.cli.arguments import (
    Commands,
    Parser,
    add_command,
    add_quiet_option,
    finite,
    non_negative,
    non_negative_integer,
    positive,
    share,
    text,
)
from vae_zoo.runs import options as run_options
from vae_zoo.runs.options import Option
from vae_zoo.zoo.catalogue import MODELS
from vae_zoo.zoo.constructors import REQUIRED


def add_train(commands: Commands, run: Callable[[argparse.Namespace], None]) -> None:
    """Adds the command `train`, with a command of its own for each model."""
    summary = "train a model into a folder, or resume a run"
    parser = commands.add_parser("train", help=summary, description=summary)
    models = parser.add_subparsers(title="models", required=True, metavar="MODEL")
    parsers = {}
    for name, entry in MODELS.items():
        parsers[name] = add_command(models, name, run, entry.summary, _add_options)
        parsers[name].set_defaults(model=name, siblings=parsers)


def _add_options(parser: Parser) -> None:
    help_ = "the run's folder"
    parser.add_argument("--output", type=text, required=True, metavar="DIR", help=help_)
    for option in run_options.of_model(parser.get_default("model")).values():
        add_option(parser, option)
    add_quiet_option(parser, "progress and no result")


def add_option(parser: Parser, option: Option, **changes: Any) -> None:
    """Adds a setting of a run; what is left out is None.

    Args:
        parser: of the command.
        option: a `runs.options.Option`.
        **changes: arguments of `add_argument` that replace the option's.
    """
    arguments = {"default": None, "help": _help(option), **_type(option)}
    if option.defaults == {None: REQUIRED}:
        arguments["required"] = True
    flag = f"--{option.name.replace('_', '-')}"
    parser.add_argument(flag, **arguments | changes)


def _type(option: Option) -> dict[str, Any]:
    """The arguments of `add_argument` that say which values there are."""
    defaults = option.defaults.values()
    if option.choices:
        # One that can be left out has no word for None.
        choices = [each for each in option.choices if each not in defaults or each]
        return {"choices": [each or "none" for each in choices]}
    match option.kind.__name__:
        case "bool" if True in defaults:
            return {"action": argparse.BooleanOptionalAction}
        case "bool":
            return {"action": "store_true"}
        case "str":
            return {"type": text}
        case "list":
            number = option.length or "+"
            return {"type": positive(int), "nargs": number, "metavar": "N"}
        case "int":
            is_positive = option.limit == "positive"
            kind = positive(int) if is_positive else non_negative_integer
            return {"type": kind, "metavar": "N"}
    kinds = {
        "positive": positive(float),
        "from 0": non_negative,
        "share": share,
        "any": finite,
    }
    return {"type": kinds[option.limit], "metavar": "X"}


def _help(option: Option) -> str:
    text, owner = option.meaning, option.owner
    if owner is not None and set(owner.choices) != set(option.defaults):
        text += f"; for {owner.name} {', '.join(option.defaults)}"
    defaults = [
        " ".join(map(str, each)) if isinstance(each, list) else str(each)
        for each in option.defaults.values()
        if each not in (None, REQUIRED) and each is not False
    ]
    if defaults:
        text += f" (default: {' or '.join(dict.fromkeys(defaults))})"
    return text.replace("%", "%%")
