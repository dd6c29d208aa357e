"""The command line `vae-zoo`. TensorFlow is imported only by what needs it."""

import importlib
import json
import os
import pathlib
import signal
import sys
import warnings

from vae_zoo import termination
from vae_zoo.cli_options import (
    BAD_INPUT,
    EVALUATION_OPTIONS,
    SERVER_OPTIONS,
    build_parser,
)
from vae_zoo.zoo import presets
from vae_zoo.zoo.catalogue import MODELS

INTERRUPTED = 130
# What a supervisor is to try again: a worker was lost (EX_TEMPFAIL), or SIGTERM.
WORKER_LOST = 75
TERMINATED = 128 + signal.SIGTERM


def main(arguments=None):
    """Runs one command; returns the exit code.

    0, 2 for bad input, 75 if another worker of a distributed run was lost, 130 for
    Ctrl-C, 143 for SIGTERM.
    """
    options = build_parser(RUNS).parse_args(arguments)
    try:
        with termination.raised():
            if options.run not in (_list, _serve_config):
                _import_tensorflow()
            options.run(options)
    except KeyboardInterrupt:
        print("vae-zoo: interrupted", file=sys.stderr)
        return INTERRUPTED
    except termination.Terminated:
        print("vae-zoo: terminated", file=sys.stderr)
        return TERMINATED
    except BrokenPipeError:
        sys.stdout = None
    except (ValueError, OSError) as error:
        return _report(error)
    except Exception as error:
        # TensorFlow's file errors, told apart without importing it beforehand.
        if type(error).__module__ == "tensorflow.python.framework.errors_impl":
            return _report(error)
        if type(error).__name__ == "WorkerLostError":
            _report(error)
            return WORKER_LOST
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
    if metrics is None:  # Another worker is the chief.
        return
    bound = metrics["validation"]["elbo"]
    print(f"{options.output}: validation ELBO {bound:.2f} nats per example")


def _open_data(options):
    """The examples to evaluate on or to show, and the split that they are."""
    from vae_zoo.datasets import open_held_out, open_source
    from vae_zoo.run_data import opening_options

    reading = opening_options(vars(options))
    if options.split is None:
        return open_held_out(options.dataset, **reading)
    return open_source(options.dataset, options.split, **reading), options.split


def _evaluate(options):
    from vae_zoo.evaluation.report import Plan, report
    from vae_zoo.models.vae import VAE

    model = VAE.from_preset(options.source)
    source, split = _open_data(options)
    plan = Plan(
        **{field: getattr(options, field) for field in EVALUATION_OPTIONS},
        verbose=not options.json,
    )
    try:
        with warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter("always", UserWarning)
            found = report(model, source, plan)
    finally:
        for note in notes:
            print(f"vae-zoo: note: {note.message}", file=sys.stderr)
    if options.json:
        described = {"dataset": options.dataset, "split": split}
        print(json.dumps({**described, **found.as_json()}))
    else:
        print(f"{options.dataset} {split}", found.as_table(), sep="\n")
    if found.is_interrupted:
        raise KeyboardInterrupt


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
    images = model.sample(
        options.num_samples,
        seed=options.seed,
        cluster=options.cluster,
        draw=bool(options.draw),
    ).numpy()
    if output.suffix == ".png":
        plotting.save(plotting.samples(images), output)
    else:
        with atomic.whole_file(output) as partial:
            np.save(partial, images)
    print(output)


def _plot(options):
    from vae_zoo.callbacks import read_history
    from vae_zoo.models.vae import VAE
    from vae_zoo.pictures import write_all_pictures

    model = VAE.from_preset(options.source)
    source, _ = _open_data(options)
    history = read_history(presets.find(options.source) / "history.csv")
    for path in write_all_pictures(
        model, source, options.output, vars(options), history
    ):
        print(path)


def _export(options):
    from vae_zoo.models.vae import VAE
    from vae_zoo.serving.layout import find_version, read_metadata
    from vae_zoo.serving.saved_model import PROVENANCE, export

    folder = find_version(presets.find(options.source))
    metadata = read_metadata(folder)
    kept = {key: metadata[key] for key in PROVENANCE if key in metadata}
    path = export(
        VAE.from_preset(folder),
        options.directory,
        metadata=kept,
        version=options.version,
        signatures=options.signatures,
        keep=options.keep,
    )
    print(path)


def _serve_config(options):
    from vae_zoo.serving import next_step, served_models, write_server_config

    wanted = served_models(
        [presets.find(source) for source in options.sources],
        stable=dict(options.stable or ()),
        canary=dict(options.canary or ()),
    )
    settings = {field: getattr(options, field) for field in SERVER_OPTIONS}
    settings["at_once"] = bool(options.at_once)
    step = wanted if options.at_once else next_step(wanted, options.output)
    paths = write_server_config(wanted, options.output, **settings)
    for model, later in zip(step, wanted, strict=True):
        print(f"{model.name}: stable {model.stable}, canary {model.canary}")
        if model != later:
            _print_later_step(model, later)
    print(*paths, sep="\n")


def _print_later_step(model, later):
    versions = ", ".join(map(str, model.also_loaded))
    print(
        f"{model.name}: a running server loads version {versions} now. Once "
        f"/v1/models/{model.name} shows it as AVAILABLE, run the same command again, "
        f"which moves the labels to stable {later.stable}, canary {later.canary}"
    )


RUNS = {
    "list": _list,
    "train": _train,
    "evaluate": _evaluate,
    "sample": _sample,
    "plot": _plot,
    "export": _export,
    "serve-config": _serve_config,
}
