"""The command line `vae-zoo`. TensorFlow is imported only by what needs it."""

import argparse
import importlib
import json
import os
import pathlib
import sys

import vae_zoo
from vae_zoo.zoo import presets
from vae_zoo.zoo.catalogue import MODELS

BAD_INPUT = 2
INTERRUPTED = 130


def main(arguments=None):
    """Runs one command; returns the exit code: 0, 2 for bad input, 130 for Ctrl-C."""
    options = _parser().parse_args(arguments)
    try:
        if options.run is not _list:
            _import_tensorflow()
        options.run(options)
    except KeyboardInterrupt:
        print("vae-zoo: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stdout = None
    except (ValueError, OSError) as error:
        return _report(error)
    except Exception as error:
        # TensorFlow's file errors, told apart without importing it beforehand.
        if type(error).__module__ == "tensorflow.python.framework.errors_impl":
            return _report(error)
        raise
    return 0


def _import_tensorflow():
    """Imports it without its notes on the machine, which nobody asked for."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    stderr = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        # Looking for devices is what makes it speak.
        importlib.import_module("tensorflow").config.list_physical_devices()
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def _report(error):
    message = " ".join(str(error).split())
    print(f"vae-zoo: error: {message}", file=sys.stderr)
    return BAD_INPUT


class _Parser(argparse.ArgumentParser):
    """Reports an error in one line, without the usage."""

    def error(self, message):
        self.exit(BAD_INPUT, f"{self.prog}: error: {message}\n")


def _parser():
    parser = _Parser(
        prog="vae-zoo", description="Variational autoencoders: train, look at, export."
    )
    parser.add_argument(
        "--version", action="version", version=f"vae_zoo {vae_zoo.__version__}"
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_list(commands)
    _add_train(commands)
    _add_evaluate(commands)
    _add_sample(commands)
    _add_plot(commands)
    _add_export(commands)
    return parser


def _command(commands, name, run, summary):
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def _add_list(commands):
    _command(commands, "list", _list, "the models, presets and data sets there are")


def _add_train(commands):
    summary = "train a model into a folder, or resume a run"
    parser = commands.add_parser("train", help=summary, description=summary)
    models = parser.add_subparsers(title="models", required=True, metavar="MODEL")
    for name, entry in MODELS.items():
        model_parser = _command(models, name, _train, entry.summary)
        model_parser.set_defaults(model=name)
        _add_training_options(model_parser, entry.posteriors)
        if "beta" in entry.weights:
            _add_beta_options(model_parser)
        if "capacity" in entry.weights:
            _add_capacity_options(model_parser)


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
        help="stop that long after the best validation ELBO, and keep its weights",
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
        help="epochs in which beta, or the capacity, grows from 0",
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


def _add_evaluate(commands):
    parser = _command(
        commands, "evaluate", _evaluate, "log p(x) and the ELBO of a data set"
    )
    _add_model_argument(parser)
    _add_data_options(parser)
    add = parser.add_argument
    add("--split", default="test", help="what to evaluate on")
    add("--num-samples", type=_positive(int), default=100, help="of z per example")
    add("--batch-size", type=_positive(int), default=100, help="examples at a time")
    add("--seed", type=int, default=0, help="fixes the samples")
    add("--json", action="store_true", help="print JSON instead of a table")


def _add_sample(commands):
    parser = _command(commands, "sample", _sample, "draw new examples")
    _add_model_argument(parser)
    add = parser.add_argument
    add("--num-samples", type=_positive(int), default=64, help="how many")
    add("--seed", type=int, default=0, help="the same seed, the same samples")
    add("--output", default="samples.png", help="a .png picture or a .npy array")


def _add_plot(commands):
    parser = _command(
        commands, "plot", _plot, "samples, reconstructions and latents as PNG"
    )
    _add_model_argument(parser)
    _add_data_options(parser)
    add = parser.add_argument
    add("--split", default="test", help="what to show")
    add("--seed", type=int, default=0, help="fixes the samples")
    add("--output", required=True, metavar="DIR", help="the pictures' folder")


def _add_export(commands):
    parser = _command(commands, "export", _export, "write a SavedModel to serve")
    _add_model_argument(parser)
    parser.add_argument("directory", help="the folder of all versions of the model")


def _add_model_argument(parser):
    parser.add_argument(
        "source", metavar="MODEL", help="a preset, a run's folder or a SavedModel's"
    )


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
_share = _number(float, lambda value: 0 <= value < 1, "a number in [0, 1)")


def _list(options):
    del options
    print("Models (vae-zoo train MODEL):")
    for name, entry in MODELS.items():
        print(f"  {name:<22} {entry.summary}")
    print("Presets (vae-zoo sample PRESET):")
    found = presets.metadata()
    for name, data in found.items():
        print(f"  {name:<22} {data['class']} on {data.get('dataset', 'unknown data')}")
    if not found:
        print("  none")
    print("Data sets (--dataset NAME):")
    print("  digits, sprites, any TFDS name, a .npy or .npz file, an image folder")


def _train(options):
    from vae_zoo.training import train

    settings = {
        key: value
        for key, value in vars(options).items()
        if key not in ("run", "output")
    }
    metrics = train(settings, options.output)
    bound = metrics["validation"]["elbo"]
    print(f"{options.output}: validation ELBO {bound:.2f} nats per example")


def _evaluate(options):
    from vae_zoo.datasets import load
    from vae_zoo.evaluation import marginal_likelihood
    from vae_zoo.models.vae import VAE

    model = VAE.from_preset(options.source)
    data = load(
        options.dataset,
        options.split,
        options.batch_size,
        options.binarize,
        labels=False,
        shuffle=False,
        data_dir=options.data_dir,
    )
    scores = marginal_likelihood(
        model, data, options.num_samples, seed=options.seed, verbose=not options.json
    )
    if options.json:
        content = {name: vars(score) for name, score in scores.items()}
        print(json.dumps({**content, "num_samples": options.num_samples}))
        return
    print(f"{options.dataset} {options.split}, {options.num_samples} samples of z")
    for name, score in scores.items():
        print(
            f"  {name:<24} {score.mean:10.3f} +- {score.standard_error:.3f} nats "
            f"({score.num_examples} examples)"
        )


def _sample(options):
    output = pathlib.Path(options.output)
    if output.suffix not in (".png", ".npy"):
        raise ValueError(
            f"`--output` must end in .png or .npy. Received: '{options.output}'"
        )
    import numpy as np

    from vae_zoo import atomic, plotting
    from vae_zoo.models.vae import VAE

    model = VAE.from_preset(options.source)
    images = model.sample(options.num_samples, seed=options.seed).numpy()
    if output.suffix == ".png":
        plotting.save(plotting.samples(images), output)
    else:
        with atomic.whole_file(output) as partial:
            np.save(partial, images)
    print(output)


def _plot(options):
    from vae_zoo.datasets import open_source
    from vae_zoo.models.vae import VAE
    from vae_zoo.training import write_pictures

    model = VAE.from_preset(options.source)
    source = open_source(options.dataset, options.split, data_dir=options.data_dir)
    folder = pathlib.Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    write_pictures(model, source, folder, vars(options))
    print(folder)


def _export(options):
    from vae_zoo.models.vae import VAE
    from vae_zoo.serving.saved_model import (
        PROVENANCE,
        export,
        find_version,
        read_metadata,
    )

    folder = find_version(presets.find(options.source))
    metadata = read_metadata(folder)
    kept = {key: metadata[key] for key in PROVENANCE if key in metadata}
    print(export(VAE.from_preset(folder), options.directory, metadata=kept))
