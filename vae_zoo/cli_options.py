"""The options of the command line, made without importing TensorFlow."""

import argparse

import vae_zoo
from vae_zoo.zoo.catalogue import MODELS

BAD_INPUT = 2
# Those that say what `evaluate` measures.
EVALUATION_OPTIONS = (
    "num_samples",
    "batch_size",
    "binarize",
    "annealing_steps",
    "hamiltonian_samples",
    "num_chain_examples",
    "seed",
)


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Ends an option's help with its default, where it has one."""

    def _get_help_string(self, action):
        if action.default is None:
            return action.help
        return super()._get_help_string(action)


class _Parser(argparse.ArgumentParser):
    """Reports an error in one line, without the usage."""

    def error(self, message):
        self.exit(BAD_INPUT, f"{self.prog}: error: {message}\n")


def build_parser(runs):
    """The parser of `vae-zoo`; `runs` has the function of each command by its name."""
    parser = _Parser(
        prog="vae-zoo", description="Variational autoencoders: train, look at, export."
    )
    parser.add_argument(
        "--version", action="version", version=f"vae_zoo {vae_zoo.__version__}"
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_list(commands, runs["list"])
    _add_train(commands, runs["train"])
    _add_evaluate(commands, runs["evaluate"])
    _add_sample(commands, runs["sample"])
    _add_plot(commands, runs["plot"])
    _add_export(commands, runs["export"])
    return parser


def _command(commands, name, run, summary):
    parser = commands.add_parser(
        name, help=summary, description=summary, formatter_class=_Formatter
    )
    parser.set_defaults(run=run)
    return parser


def _add_list(commands, run):
    _command(commands, "list", run, "the models, presets and data sets there are")


def _add_train(commands, run):
    summary = "train a model into a folder, or resume a run"
    parser = commands.add_parser("train", help=summary, description=summary)
    models = parser.add_subparsers(title="models", required=True, metavar="MODEL")
    for name, entry in MODELS.items():
        model_parser = _command(models, name, run, entry.summary)
        model_parser.set_defaults(model=name)
        _add_training_options(model_parser, entry.posteriors)
        if "beta" in entry.weights:
            _add_beta_options(model_parser)
        if "capacity" in entry.weights:
            _add_capacity_options(model_parser)
        if entry.has_clusters:
            _add_cluster_options(model_parser)


def _add_training_options(parser, posteriors):
    add = parser.add_argument
    _add_data_options(parser)
    add("--output", required=True, metavar="DIR", help="the run's folder")
    add("--split", default="train[:90%]", help="what to train on")
    add("--validation-split", default="train[90%:]", help="what to validate on")
    add("--latent-dim", type=_positive(int), default=16, help="length of z")
    add("--network", choices=["mlp", "conv", "resnet"], default="mlp", help="encoder")
    add(
        "--hidden-units",
        type=_positive(int),
        nargs="+",
        default=[512, 256],
        metavar="N",
        help="dense layers of the encoder; the decoder mirrors it",
    )
    add(
        "--filters",
        type=_positive(int),
        nargs="+",
        default=[32, 64],
        metavar="N",
        help="channels of the convolutional stages",
    )
    add("--activation", default="relu", help="of the hidden layers")
    _add_distortion_options(parser)
    add("--dropout-rate", type=_share, default=0.0, help="in an MLP encoder")
    add("--posterior", choices=posteriors, default=posteriors[0], help="q(z|x)")
    add(
        "--likelihood",
        choices=["bernoulli", "continuous-bernoulli", "normal"],
        default="bernoulli",
        help="p(x|z)",
    )
    add("--epochs", type=_positive(int), default=200, help="passes over the data")
    add(
        "--patience",
        type=_positive(int),
        default=None,
        metavar="EPOCHS",
        help="stop that long after the best validation ELBO, and export its weights",
    )
    add("--batch-size", type=_positive(int), default=128, help="examples in a step")
    add("--learning-rate", type=_positive(float), default=1e-3, help="of Adam")
    add("--cosine-decay", action="store_true", help="lower the rate to 0 by the end")
    add("--weight-decay", type=_non_negative, default=0.0, help="decoupled, of Adam")
    add("--ema-momentum", type=_share, default=0.0, help="weight averaging; 0: none")
    add("--seed", type=int, default=0, help="fixes weights, noise and order")
    add(
        "--seconds-between-checkpoints",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="least time between two saves of the model",
    )


def _add_beta_options(parser):
    add = parser.add_argument
    add("--beta", type=_non_negative, default=1.0, help="weight of the KL term")
    add(
        "--warmup-epochs",
        type=_non_negative,
        default=0.0,
        help="epochs in which beta, or a capacity, grows from 0",
    )


def _add_capacity_options(parser):
    add = parser.add_argument
    add("--normalized", action="store_true", help="beta is Higgins' normalized beta")
    add(
        "--capacity",
        type=_non_negative,
        default=None,
        help="nats at which beta |KL - C| holds the KL term",
    )


def _add_distortion_options(parser):
    add = parser.add_argument
    for name, what in (
        ("rotation", "degrees"),
        ("shear", "shift of a row over its distance from the centre"),
        ("zoom", "logarithm of the factor"),
        ("translation", "share of the size"),
        ("elastic", "shift of a spline's knots, share of the size"),
    ):
        text = f"largest one of what the encoder sees in training: {what}"
        add(f"--{name}", type=_non_negative, default=0.0, help=text)


def _add_cluster_options(parser):
    add = parser.add_argument
    add(
        "--num-clusters",
        type=_positive(int),
        default=10,
        metavar="K",
        help="at least 2",
    )
    add("--noise-dim", type=_positive(int), default=8, help="length of w")
    add(
        "--initialization",
        choices=["gaussian-mixture", "k-means", "neighbor-embedding", "none"],
        default="gaussian-mixture",
        help="what groups encoded data, for clusters to start as; none: at random",
    )
    add(
        "--pretraining-epochs",
        type=_non_negative_integer,
        default=10,
        metavar="EPOCHS",
        help="before that, without clusters",
    )
    add(
        "--free-bits",
        type=_non_negative,
        default=0.0,
        metavar="NATS",
        help="of KL(p(c|z, w) || p(c)) at no cost",
    )
    add(
        "--labels-per-class",
        type=_positive(int),
        default=None,
        metavar="N",
        help="learn from so many labels of each class; by default from none",
    )
    add(
        "--classifier-weight",
        type=_non_negative,
        default=0.0,
        help="of -log p(c = y|z, w) of a labelled example, beside the bound",
    )


def _add_evaluate(commands, run):
    summary = "every measure that applies to a model and a data set"
    parser = _command(commands, "evaluate", run, summary)
    _add_model_argument(parser)
    _add_data_options(parser)
    add = parser.add_argument
    _add_split_option(parser, "what to evaluate on")
    add("--num-samples", type=_positive(int), default=100, help="of z per example")
    add("--batch-size", type=_positive(int), default=100, help="examples at a time")
    add(
        "--annealing-steps",
        type=_non_negative_integer,
        default=0,
        metavar="N",
        help="log p(x) by annealed importance sampling too; 0: not",
    )
    add(
        "--hamiltonian-samples",
        type=_non_negative_integer,
        default=0,
        metavar="N",
        help="and by Hamiltonian Monte Carlo, for at most 4 latents; 0: not",
    )
    add(
        "--num-chain-examples",
        type=_positive(int),
        default=100,
        metavar="N",
        help="how many examples these two, which are slow, look at",
    )
    add("--seed", type=int, default=0, help="fixes the samples")
    add("--json", action="store_true", help="print JSON instead of a table")


def _add_sample(commands, run):
    parser = _command(commands, "sample", run, "draw new examples")
    _add_model_argument(parser)
    add = parser.add_argument
    add("--num-samples", type=_positive(int), default=64, help="how many")
    add("--cluster", type=int, default=None, help="the one to draw from, of a mixture")
    add("--seed", type=int, default=0, help="the same seed, the same samples")
    add("--output", default="samples.png", help="a .png picture or a .npy array")


def _add_plot(commands, run):
    parser = _command(
        commands, "plot", run, "pictures of a model and of its training as PNG"
    )
    _add_model_argument(parser)
    _add_data_options(parser)
    add = parser.add_argument
    _add_split_option(parser, "what to show")
    add("--seed", type=int, default=0, help="fixes the samples")
    add("--output", required=True, metavar="DIR", help="the pictures' folder")


def _add_export(commands, run):
    parser = _command(commands, "export", run, "write a SavedModel to serve")
    _add_model_argument(parser)
    parser.add_argument("directory", help="the folder of all versions of the model")


def _add_model_argument(parser):
    parser.add_argument(
        "source", metavar="MODEL", help="a preset, a run's folder or a SavedModel's"
    )


def _add_split_option(parser, purpose):
    default = "test, or where there is none the last tenth of train"
    parser.add_argument("--split", help=f"{purpose}; default: {default}")


def _add_data_options(parser):
    add = parser.add_argument
    add(
        "--dataset",
        required=True,
        metavar="NAME",
        help="digits, sprites, a TFDS name, a .npy or .npz file, an image folder",
    )
    add("--data-dir", default=None, metavar="DIR", help="where TFDS keeps its data")
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


def _positive(kind):
    name = "integer" if kind is int else "number"
    return _number(kind, lambda value: value > 0, f"a positive {name}")


_non_negative = _number(float, lambda value: value >= 0, "a number >= 0")
_non_negative_integer = _number(int, lambda value: value >= 0, "an integer >= 0")
_share = _number(float, lambda value: 0 <= value < 1, "a number in [0, 1)")
