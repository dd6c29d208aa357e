"""The options of `vae-zoo train`: those of every model, and those of some."""

from vae_zoo.cli.arguments import (
    add_command,
    add_data_options,
    add_quiet_option,
    non_negative,
    non_negative_integer,
    positive,
    share,
    text,
)
from vae_zoo.datasets.defaults import HELD_OUT_BY_DEFAULT, TRAINED_ON_BY_DEFAULT
from vae_zoo.zoo.catalogue import LIKELIHOODS, MODELS


def add_train(commands, run):
    """Adds the command `train`, with a command of its own for each model."""
    summary = "train a model into a folder, or resume a run"
    parser = commands.add_parser("train", help=summary, description=summary)
    models = parser.add_subparsers(title="models", required=True, metavar="MODEL")
    parsers = {}
    for name, entry in MODELS.items():
        model_parser = add_command(models, name, run, entry.summary)
        model_parser.set_defaults(model=name, siblings=parsers)
        parsers[name] = model_parser
        _add_training_options(model_parser, entry.posteriors)
        if "beta" in entry.weights:
            _add_beta_options(model_parser)
        if "capacity" in entry.weights:
            _add_capacity_options(model_parser)
        if entry.has_clusters:
            _add_cluster_options(model_parser)


def _add_training_options(parser, posteriors):
    add = parser.add_argument
    add_data_options(parser)
    add("--output", type=text, required=True, metavar="DIR", help="the run's folder")
    add(
        "--init-from",
        type=text,
        default=None,
        metavar="MODEL",
        help="start from the weights of a preset, a run or a SavedModel",
    )
    add("--split", type=text, default=TRAINED_ON_BY_DEFAULT, help="what to train on")
    add(
        "--validation-split",
        type=text,
        default=HELD_OUT_BY_DEFAULT,
        help="what to validate on; held-out is a tenth drawn at random, the same one "
        "each time, of each class in proportion",
    )
    add("--latent-dim", type=positive(int), default=16, help="length of z")
    add("--network", choices=["mlp", "conv", "resnet"], default="mlp", help="encoder")
    add(
        "--hidden-units",
        type=positive(int),
        nargs="+",
        default=[512, 256],
        metavar="N",
        help="dense layers of the encoder; the decoder mirrors it",
    )
    add(
        "--filters",
        type=positive(int),
        nargs="+",
        default=None,
        metavar="N",
        help="channels of the stages of conv and resnet; default: 32 64",
    )
    add(
        "--num-blocks",
        type=positive(int),
        default=None,
        metavar="N",
        help="residual blocks in each stage of a resnet; default: 2",
    )
    add("--activation", type=text, default="relu", help="of the hidden layers")
    add(
        "--dtype-policy",
        choices=["float32", "mixed_bfloat16"],
        default="float32",
        help="what encoder and decoder compute in; the bound is always in float32",
    )
    _add_distortion_options(parser)
    add("--dropout-rate", type=share, default=0.0, help="in the encoder")
    add("--decoder-dropout-rate", type=share, default=0.0, help="in the decoder")
    add("--posterior", choices=posteriors, default=posteriors[0], help="q(z|x)")
    add(
        "--likelihood",
        choices=LIKELIHOODS,
        default=LIKELIHOODS[0],
        help="p(x|z); a normal one's scale is learned: one, one for each column or "
        "channel, or each element's own",
    )
    add("--epochs", type=positive(int), default=100, help="passes over the data")
    add(
        "--patience",
        type=positive(int),
        default=None,
        metavar="EPOCHS",
        help="stop that long after the best validation ELBO, and export its weights",
    )
    add("--batch-size", type=positive(int), default=128, help="examples in a step")
    add("--learning-rate", type=positive(float), default=1e-3, help="of Adam")
    add("--cosine-decay", action="store_true", help="lower the rate to 0 by the end")
    add("--weight-decay", type=non_negative, default=0.0, help="decoupled, of Adam")
    add("--ema-momentum", type=share, default=0.0, help="weight averaging; 0: none")
    add(
        "--seed",
        type=non_negative_integer,
        default=0,
        help="fixes weights, noise and order",
    )
    add(
        "--distribute",
        action="store_true",
        help="on all GPUs, or as one of the workers that TF_CONFIG names",
    )
    add(
        "--seconds-between-checkpoints",
        type=non_negative,
        default=10.0,
        metavar="SECONDS",
        help="least time between two saves of the model",
    )
    add_quiet_option(parser, "progress and no result")


def _add_beta_options(parser):
    add = parser.add_argument
    add("--beta", type=non_negative, default=1.0, help="weight of the KL term")
    add(
        "--warmup-epochs",
        type=non_negative,
        default=0.0,
        help="epochs in which beta, or a capacity, grows from 0",
    )


def _add_capacity_options(parser):
    add = parser.add_argument
    add("--normalized", action="store_true", help="beta is Higgins' normalized beta")
    add(
        "--capacity",
        type=non_negative,
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
        add(f"--{name}", type=non_negative, default=0.0, help=text)


def _add_cluster_options(parser):
    add = parser.add_argument
    add(
        "--num-clusters",
        type=positive(int),
        default=10,
        metavar="K",
        help="at least 2",
    )
    add("--noise-dim", type=positive(int), default=8, help="length of w")
    add(
        "--initialization",
        choices=["gaussian-mixture", "k-means", "neighbor-embedding", "none"],
        default="gaussian-mixture",
        help="what groups encoded data, for clusters to start as; none: at random",
    )
    add(
        "--pretraining-epochs",
        type=non_negative_integer,
        default=None,
        metavar="EPOCHS",
        help="before that, without clusters; default: 10",
    )
    add(
        "--free-bits",
        type=non_negative,
        default=0.0,
        metavar="NATS",
        help="of KL(p(c|z, w) || p(c)) at no cost",
    )
    add(
        "--labels-per-class",
        type=positive(int),
        default=None,
        metavar="N",
        help="learn from so many labels of each class; by default from none",
    )
    add(
        "--classifier-weight",
        type=non_negative,
        default=0.0,
        help="of -log p(c = y|z, w) of a labelled example, beside the bound",
    )
