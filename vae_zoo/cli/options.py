"""The options of the command line, made without importing TensorFlow."""

import argparse
from collections.abc import Callable, Mapping, Sequence

import vae_zoo
from vae_zoo.cli.arguments import (
    Commands,
    Parser,
    add_command,
    add_quiet_option,
    model_version,
    non_negative_integer,
    positive,
    text,
)
from vae_zoo.cli.train_options import add_option, add_train
from vae_zoo.datasets.defaults import HELD_OUT_BY_DEFAULT, OPENING_OPTIONS
from vae_zoo.runs import options as run_options
from vae_zoo.runs.options import Option
from vae_zoo.serving.server_config import write_server_config

# The limit of `sample`: 32 bits may not count the elements of more samples.
MOST_SAMPLES = 1_000_000


def build_parser(runs: Mapping[str, Callable[[argparse.Namespace], None]]) -> Parser:
    """The parser of `vae-zoo`; `runs` maps each command's name to its function."""
    parser = Parser(
        prog="vae-zoo", description="Variational autoencoders: train, look at, export."
    )
    parser.add_argument(
        "--version", action="version", version=f"vae_zoo {vae_zoo.__version__}"
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_list(commands, runs["list"])
    add_train(commands, runs["train"])
    _add_evaluate(commands, runs["evaluate"])
    _add_sample(commands, runs["sample"])
    _add_plot(commands, runs["plot"])
    _add_export(commands, runs["export"])
    _add_serve_config(commands, runs["serve-config"])
    return parser


def parse(parser: Parser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The parsed options; `arguments` None stands for the process' own.

    Errors end the program. An option that only another model has gets its own message.
    """
    options, unknown = parser.parse_known_args(arguments)
    if not unknown:
        return options
    own: Parser = options.parser
    option = unknown[0].partition("=")[0]
    siblings = getattr(options, "siblings", {})
    owners = [
        name for name, each in siblings.items() if option in each.words().values()
    ]
    if owners:
        own.error(
            f"{option} is an option of {', '.join(owners)}, not of {options.model}"
        )
    own.error(f"unrecognized arguments: {' '.join(unknown)}")


def _add_list(commands: Commands, run: Callable[[argparse.Namespace], None]) -> None:
    add_command(commands, "list", run, "the models, presets and data sets")


def _add_evaluate(
    commands: Commands, run: Callable[[argparse.Namespace], None]
) -> None:
    summary = "every measure that applies to a model and a data set"
    parser = add_command(commands, "evaluate", run, summary)
    _add_model_argument(parser)
    _add_data_options(parser)
    _add_split_option(parser, "the split to evaluate on")
    for option in evaluation_options().values():
        add_option(parser, option)
    parser.add_argument(
        "--json", action="store_true", help="print JSON instead of a table"
    )
    add_quiet_option(parser, "progress")


def _add_sample(commands: Commands, run: Callable[[argparse.Namespace], None]) -> None:
    summary = "new examples: the means of p(x|z) for draws of z, or draws of x"
    parser = add_command(commands, "sample", run, summary)
    _add_model_argument(parser)
    add = parser.add_argument
    add(
        "--draw",
        action="store_true",
        default=None,
        help="draw x from p(x|z), like data; by default the means of p(x|z)",
    )
    add(
        "--num-samples",
        type=positive(int, MOST_SAMPLES),
        default=64,
        help="how many samples",
    )
    add(
        "--cluster",
        type=non_negative_integer,
        default=None,
        help="the cluster to draw from, for a mixture model",
    )
    add(
        "--seed",
        type=non_negative_integer,
        default=0,
        help="the same seed gives the same samples",
    )
    add(
        "--output",
        type=text,
        default="samples.png",
        help="a .png picture or a .npy array",
    )


def _add_plot(commands: Commands, run: Callable[[argparse.Namespace], None]) -> None:
    parser = add_command(
        commands, "plot", run, "pictures of a model and of its training as PNG"
    )
    _add_model_argument(parser)
    _add_data_options(parser)
    add = parser.add_argument
    _add_split_option(parser, "the split to show")
    add("--seed", type=non_negative_integer, default=0, help="fixes the samples")
    add(
        "--output", type=text, required=True, metavar="DIR", help="the pictures' folder"
    )


def _add_export(commands: Commands, run: Callable[[argparse.Namespace], None]) -> None:
    parser = add_command(commands, "export", run, "write a SavedModel to serve")
    _add_model_argument(parser)
    add = parser.add_argument
    add("directory", help="the folder of all versions of the model")
    add("--version", type=positive(int), help="its number (default: the next one)")
    add("--signatures", nargs="+", metavar="NAME", help="only these (default: all)")
    add(
        "--keep",
        type=positive(int),
        metavar="N",
        help="afterwards remove all versions but the N newest (default: keep all)",
    )


def _add_serve_config(
    commands: Commands, run: Callable[[argparse.Namespace], None]
) -> None:
    summary = "write the configuration of a TF Serving server"
    parser = add_command(commands, "serve-config", run, summary)
    add = parser.add_argument
    add(
        "sources",
        nargs="+",
        metavar="DIR",
        help="a folder of a model's versions, whose name is the model's; or a preset",
    )
    add(
        "--output",
        default="serving",
        metavar="FOLDER",
        help="a new folder, or that of an earlier call, whose files are replaced",
    )
    for label, default in (
        ("stable", "the one before the canary, if there is one"),
        ("canary", "the newest"),
    ):
        add(
            f"--{label}",
            action="append",
            type=model_version,
            metavar="MODEL=VERSION",
            help=f"gets the label {label}; by default {default}; may be repeated",
        )
    for option in server_options().values():
        add_option(parser, option)


def evaluation_options() -> dict[str, Option]:
    """The options that say what `evaluate` measures, by name."""
    # The data and the terminal decide these.
    left_out = ("binarize", "binarization_seed", "verbose")
    return run_options.of_class("vae_zoo.evaluation.report.Plan", left_out)


def server_options() -> dict[str, Option]:
    """The options of `serve-config` that set how the server runs, by name."""
    left_out = ("models", "output")
    return run_options.of_function(write_server_config, left_out)


def _add_model_argument(parser: Parser) -> None:
    parser.add_argument(
        "source",
        type=text,
        metavar="MODEL",
        help="a preset, a run's folder or a SavedModel's",
    )


def _add_data_options(parser: Parser) -> None:
    """Adds the options for the data set and how to read it; the run's by default."""
    known = run_options.of_every_run()
    for name in ("dataset", *OPENING_OPTIONS):
        add_option(parser, known[name], required=False)
    parser.add_argument(
        "--binarize",
        choices=["dynamic", "fixed", "none"],
        help="draw x ~ Bernoulli(x) in each epoch, once, or not; default: as the run",
    )


def _add_split_option(parser: Parser, purpose: str) -> None:
    default = f"test, else what the run was validated on, else {HELD_OUT_BY_DEFAULT}"
    parser.add_argument("--split", type=text, help=f"{purpose}; default: {default}")
