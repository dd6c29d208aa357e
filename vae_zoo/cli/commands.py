"""The command line `vae-zoo`. TensorFlow is imported only by what needs it."""

import argparse
import importlib
import json
import os
import pathlib
import signal
import sys
import warnings
from collections.abc import Iterable, Sequence
from typing import TextIO

from vae_zoo.arguments import Config
from vae_zoo.cli import data as cli_data
from vae_zoo.cli.arguments import BAD_INPUT
from vae_zoo.cli.errors import in_words, is_for_the_user
from vae_zoo.cli.options import (
    build_parser,
    evaluation_options,
    parse,
    server_options,
)
from vae_zoo.runs import termination
from vae_zoo.serving.version_labels import ServedModel
from vae_zoo.zoo import presets
from vae_zoo.zoo.catalogue import MODELS

INTERRUPTED = 130
# What a supervisor is to try again: a worker was lost (EX_TEMPFAIL), or SIGTERM.
WORKER_LOST = 75
TERMINATED = 128 + signal.SIGTERM


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code.

    0, 2 for what the user can mend (bad input, files, memory), 75 if another worker of
    a distributed run was lost, 130 for Ctrl-C, 143 for SIGTERM. Any other error is a
    bug and keeps its traceback, with which Python ends with 1.
    """
    options = parse(build_parser(RUNS), arguments)
    try:
        with termination.raised():
            if options.run in CHECKS:
                # It needs NumPy, which is slow beside what `--help` needs.
                checks = importlib.import_module("vae_zoo.cli.checks")
                getattr(checks, CHECKS[options.run])(options)
            if options.run not in (_list, _serve_config):
                _import_tensorflow()
            options.run(options)
    except KeyboardInterrupt as stop:
        return _report_stop("interrupted", stop, INTERRUPTED)
    except termination.Terminated as stop:
        return _report_stop("terminated", stop, TERMINATED)
    except BrokenPipeError:
        sys.stdout = None
    except Exception as error:
        is_lost = type(error).__name__ == "WorkerLostError"
        if not is_lost and not is_for_the_user(error):
            raise
        message = in_words(error, options.parser.words())
        print(f"vae-zoo: error: {message}", file=sys.stderr)
        return WORKER_LOST if is_lost else BAD_INPUT
    return 0


def _report_stop(what: str, stop: BaseException, code: int) -> int:
    print(": ".join(["vae-zoo", what, *map(str, stop.args)]), file=sys.stderr)
    return code


def _import_tensorflow() -> None:
    """Imports it without its notes on the machine, which nobody asked for."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if not _is_terminal(sys.stderr):
        os.environ.setdefault("TQDM_DISABLE", "1")  # The progress of TFDS' downloads.
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


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _list(options: argparse.Namespace) -> None:
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


def _train(options: argparse.Namespace) -> None:
    from vae_zoo.cli.checks import settings_of
    from vae_zoo.runs.training import train

    # One line for each epoch where nobody watches a bar.
    verbose = 0 if options.quiet else 1 if _is_terminal(sys.stdout) else 2
    metrics = train(settings_of(options), options.output, verbose)
    if metrics is None or options.quiet:  # None: another worker is the chief.
        return
    bound = metrics["validation"]["elbo"]
    print(f"{options.output}: validation ELBO {bound:.2f} nats per example")


def _print_notes(options: argparse.Namespace, notes: Iterable[object]) -> None:
    for note in notes:
        message = in_words(note, options.parser.words())
        print(f"vae-zoo: note: {message}", file=sys.stderr)


def _evaluate(options: argparse.Namespace) -> None:
    from vae_zoo.evaluation.report import Plan, report
    from vae_zoo.models.vae import VAE

    model = VAE.from_preset(options.source)
    data = cli_data.data_of(options)
    source, split = cli_data.opened(data)
    plan = Plan(
        **_given(options, evaluation_options()),
        binarize=data.binarize,
        binarization_seed=data.training.get("seed", 0),
        verbose=_is_terminal(sys.stdout) and not options.json and not options.quiet,
    )
    try:
        with warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter("always", UserWarning)
            found = report(model, source, plan)
    finally:
        _print_notes(options, [note.message for note in notes])
    likelihood = model.likelihood_head
    _print_notes(options, cli_data.warnings_about(data, source, split, likelihood))
    if not data.has_labels:
        # No cluster was made to stand for a class.
        found.measurements.pop("label_accuracy", None)
    if options.json:
        described = {"dataset": data.dataset, "split": split, "binarize": data.binarize}
        print(json.dumps({**described, **found.as_json()}))
    else:
        print(data.described(split), found.as_table(), sep="\n")
    if found.is_interrupted:
        raise KeyboardInterrupt


def _sample(options: argparse.Namespace) -> None:
    import numpy as np

    from vae_zoo import atomic, plotting
    from vae_zoo.models.vae import VAE

    output = pathlib.Path(options.output)
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


def _plot(options: argparse.Namespace) -> None:
    from vae_zoo.models.vae import VAE
    from vae_zoo.runs.checkpoint import read_history
    from vae_zoo.runs.pictures import write_all_pictures

    model = VAE.from_preset(options.source)
    data = cli_data.data_of(options)
    source, split = cli_data.opened(data)
    history = read_history(presets.find(options.source) / "history.csv")
    for path in write_all_pictures(
        model,
        source,
        options.output,
        options.seed,
        data.binarize,
        history,
    ):
        print(path)
    print(f"vae-zoo: pictures of {data.described(split)}", file=sys.stderr)
    likelihood = model.likelihood_head
    _print_notes(options, cli_data.warnings_about(data, source, split, likelihood))


def _export(options: argparse.Namespace) -> None:
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


def _serve_config(options: argparse.Namespace) -> None:
    from vae_zoo.serving import next_step, served_models, write_server_config

    wanted = served_models(
        [presets.find(source) for source in options.sources],
        stable=dict(options.stable or ()),
        canary=dict(options.canary or ()),
    )
    step = wanted if options.at_once else next_step(wanted, options.output)
    given = _given(options, server_options())
    paths = write_server_config(wanted, options.output, **given)
    for model, later in zip(step, wanted, strict=True):
        print(f"{model.name}: stable {model.stable}, canary {model.canary}")
        if model != later:
            _print_later_step(model, later)
    print(*paths, sep="\n")


def _given(options: argparse.Namespace, names: Iterable[str]) -> Config:
    """The options of these names that were given, by name."""
    found = {name: getattr(options, name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def _print_later_step(model: ServedModel, later: ServedModel) -> None:
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
# What is known before TensorFlow loads: functions of `checks`.
CHECKS = {
    _train: "check_train",
    _evaluate: "check_evaluate",
    _sample: "check_sample",
    _plot: "check_plot",
    _export: "check_export",
}
