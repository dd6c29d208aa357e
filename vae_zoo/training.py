"""A training run: one folder that holds all it made, and that it resumes from."""

import json
import pathlib
import sys

import keras
import numpy as np

from vae_zoo import atomic
from vae_zoo.callbacks import BestWeights, RunCheckpoint
from vae_zoo.datasets import open_source, with_few_labels
from vae_zoo.machine import machine_class
from vae_zoo.model_settings import build_model, build_optimizer
from vae_zoo.models.clusters import StartClusters
from vae_zoo.pictures import write_pictures
from vae_zoo.serving import saved_model

PICTURES = ("samples.png", "reconstructions.png", "latent.png", "clusters.png")
ARTEFACTS = (
    "saved_model",
    "model.keras",
    "metrics.json",
    "history.csv",
    "timing.json",
    *PICTURES,
)
# What may change between a run and its resumption: it does not change the result.
NOT_OF_THE_RUN = ("data_dir", "seconds_between_checkpoints")
# Steps to run for one trip from Python to TensorFlow, at most.
MAX_STEPS_PER_EXECUTION = 25


def train(settings, folder, verbose=1):
    """Trains a model into `folder`, or goes on where a killed run stopped.

    Leaves there `run.json` (the settings), `model.keras`, `history.csv`,
    `saved_model/<version>/`, `metrics.json`, `samples.png`, `reconstructions.png`
    and `latent.png`, of a mixture model `clusters.png` too, and in `timing.json` the
    seconds that its epochs took. Run again with the same
    settings it resumes from the last epoch saved; the result is that of an
    uninterrupted run. With `patience` the SavedModel, the metrics and the pictures are
    of the best epoch, whose weights are in `best.weights.h5`; `model.keras` is where
    training stopped.

    Args:
        settings: dict of plain values, one for each option of
            `vae-zoo train MODEL`, with `model`.
        folder: the output folder; made if it does not exist.
        verbose: as in `keras.Model.fit`.

    Returns:
        The metrics, as in `metrics.json`: nats per example of the validation set.

    Raises:
        ValueError: if a setting is off or `folder` holds another run.
        OSError: if `folder` cannot be written.
    """
    folder = pathlib.Path(folder)
    _check_destination(folder, _recorded(settings))
    sources = _open_sources(settings)
    steps_per_epoch = sources["train"].num_batches(settings["batch_size"])
    best = _best_weights(folder, settings)
    keras.utils.set_random_seed(settings["seed"])
    model = _load_or_build(folder, settings, sources["train"], steps_per_epoch)
    x = _first_batch(settings, sources["train"])
    model.likelihood_head.value_rule().check(x)
    # Only now is it known that the settings make a run.
    folder.mkdir(parents=True, exist_ok=True)
    atomic.remove_abandoned(folder)
    atomic.write_json(folder / "run.json", _recorded(settings))
    _warn_of_grey_values(settings, x)
    checkpoint = RunCheckpoint(
        folder, steps_per_epoch, settings["seconds_between_checkpoints"]
    )
    first_epoch = checkpoint.resume(model)
    if best is not None:
        best.resume(checkpoint.rows)
    if best is None or not best.is_exhausted:
        callbacks = [checkpoint] if best is None else [best, checkpoint]
        _fit(model, settings, sources, callbacks, first_epoch, steps_per_epoch, verbose)
        checkpoint.save()
    rows = checkpoint.rows
    if best is not None:
        best.restore(model)
        rows = rows[: best.best_epoch]
    return _finish(
        folder, model, settings, sources["validation"], rows, checkpoint.seconds
    )


def _open_sources(settings):
    sources = {
        role: open_source(settings["dataset"], split, data_dir=settings["data_dir"])
        for role, split in (
            ("train", settings["split"]),
            ("validation", settings["validation_split"]),
        )
    }
    if _has_labels(settings):
        sources["train"] = with_few_labels(
            sources["train"],
            settings["labels_per_class"],
            settings["seed"],
            num_classes=settings["num_clusters"],
        )
    elif settings.get("classifier_weight"):
        raise ValueError(
            "`labels_per_class` must come with a classifier weight. Received: None, "
            f"classifier_weight={settings['classifier_weight']:g}"
        )
    return sources


def _has_labels(settings):
    return settings.get("labels_per_class") is not None


def _first_batch(settings, source):
    data = source.batches(settings["batch_size"], labels=False)
    return next(iter(data)).numpy()


def _warn_of_grey_values(settings, x):
    is_grey = settings["likelihood"] == "bernoulli" and not settings["binarize"]
    if is_grey and not np.isin(x, (0, 1)).all():
        print(
            "vae-zoo: note: a Bernoulli likelihood of grey values is no likelihood; "
            "--binarize dynamic or --likelihood continuous-bernoulli is one",
            file=sys.stderr,
        )


def _check_destination(folder, settings):
    """Refuses a folder that is anything else's than this run's."""
    path = folder / "run.json"
    if path.exists() and not (folder / "model.keras").exists():
        return  # Nothing was trained, so nothing can be lost.
    if path.exists():
        recorded = json.loads(path.read_text())
        differing = [
            key
            for key in ("model", *sorted(recorded.keys() | settings.keys()))
            if recorded.get(key) != settings.get(key)
        ]
        if differing:
            key = differing[0]
            raise ValueError(
                f"`output` '{folder}' holds a run with {key}={recorded.get(key)!r}; "
                "give another folder, or the same settings to resume it. Received: "
                f"{key}={settings.get(key)!r}"
            )
        return
    taken = [name for name in ARTEFACTS if (folder / name).exists()]
    if taken:
        raise ValueError(
            f"`output` must be a new folder or that of a run. Received: '{folder}', "
            f"which holds {taken[0]!r} of something else"
        )


def _recorded(settings):
    """The settings that say what the run is."""
    return {key: value for key, value in settings.items() if key not in NOT_OF_THE_RUN}


def _load_or_build(folder, settings, source, steps_per_epoch):
    path = folder / "model.keras"
    if path.exists():
        model = keras.models.load_model(path)
    else:
        model = build_model(settings, source.element_shape, steps_per_epoch)
        model.compile(build_optimizer(settings, steps_per_epoch))
    # Keras runs whole executions, so anything but a divisor would lengthen the epoch.
    model.steps_per_execution = max(
        number
        for number in range(1, MAX_STEPS_PER_EXECUTION + 1)
        if steps_per_epoch % number == 0
    )
    return model


def _best_weights(folder, settings):
    """The early stopping that the settings ask for, or None."""
    if settings.get("patience") is None:
        return None
    if settings["ema_momentum"]:
        raise ValueError(
            "`patience` must be left out with weight averaging, whose weights are made "
            f"at the end. Received: ema_momentum={settings['ema_momentum']}"
        )
    # Neither part of the KL term nor a model without its clusters is what counts.
    ends = {
        name: settings.get(name, 0) for name in ("warmup_epochs", "pretraining_epochs")
    }
    last = max(ends, key=ends.get)
    if ends[last] >= settings["epochs"]:
        raise ValueError(
            f"`{last}` must be below `epochs` with `patience`, which counts from its "
            f"end. Received: {last}={ends[last]:g}, epochs={settings['epochs']}"
        )
    return BestWeights(folder, settings["patience"], ends[last])


def _fit(model, settings, sources, callbacks, first_epoch, steps_per_epoch, verbose):
    options = {"binarize": settings["binarize"], "labels": _has_labels(settings)}

    # The stream is a function of the seed and the epoch's number, so a resumed
    # run sees the batches that the uninterrupted one would have seen.
    def stream(start):
        return sources["train"].batches(
            settings["batch_size"],
            shuffle=True,
            seed=settings["seed"],
            first_epoch=start,
            **options,
        )

    if model.prior_layer.awaits_data:
        # From the first epoch, wherever this run resumes.
        callbacks = [
            StartClusters(stream(0), num_batches=steps_per_epoch),
            *callbacks,
        ]
    if settings["ema_momentum"]:
        callbacks = [keras.callbacks.SwapEMAWeights(), *callbacks]
    model.fit(
        stream(first_epoch),
        epochs=settings["epochs"],
        initial_epoch=first_epoch,
        steps_per_epoch=steps_per_epoch,
        validation_data=_evaluation_data(settings, sources["validation"]),
        callbacks=callbacks,
        shuffle=False,
        verbose=verbose,
    )


def _evaluation_data(settings, source):
    binarize = settings["binarize"] and "fixed"
    return source.batches(
        settings["batch_size"],
        binarize=binarize,
        labels=_has_labels(settings),
        seed=settings["seed"],
    )


def _finish(folder, model, settings, source, history, seconds):
    """The artefacts of a trained model; the metrics come last."""
    # The history's last row may be of weights before averaging.
    measured = model.evaluate(
        _evaluation_data(settings, source), return_dict=True, verbose=0
    )
    metrics = {
        "epochs": len(history),
        "num_parameters": model.count_params(),
        "unit": "nats per example, one sample of z each",
        "train": {
            key: value
            for key, value in history[-1].items()
            if key != "epoch" and not key.startswith("val_")
        },
        "validation": measured,
    }
    _export_once(model, folder / "saved_model", settings, metrics, seconds)
    write_pictures(model, source, folder, settings)
    atomic.write_json(folder / "metrics.json", metrics)
    return metrics


def _export_once(model, folder, settings, metrics, seconds):
    """Exports, unless the newest version is of these very weights."""
    steps = int(model.optimizer.iterations)
    if folder.is_dir() and (found := saved_model.versions(folder)):
        newest = saved_model.read_metadata(folder / str(found[-1]))
        if newest.get("optimizer_steps") == steps:
            return
    metadata = {
        "dataset": settings["dataset"],
        "training": _recorded(settings),
        "optimizer_steps": steps,
        "metrics": metrics,
        "training_seconds": round(seconds),
        "machine": machine_class(),
    }
    saved_model.export(model, folder, metadata=metadata)
