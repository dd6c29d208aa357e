"""A training run: one folder that holds all it made, and that it resumes from."""

import contextlib
import functools
import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf

from vae_zoo import atomic, distribute, run_data, run_folder, termination
from vae_zoo.callbacks import BestWeights, RunCheckpoint
from vae_zoo.machine import machine_class
from vae_zoo.model_settings import build_model, build_optimizer
from vae_zoo.models import clusters
from vae_zoo.pictures import write_pictures
from vae_zoo.serving import saved_model


def train(settings, folder, verbose=1):
    """Trains a model into `folder`, or goes on where a killed run stopped.

    Leaves there `run.json` (the settings), `model.keras`, `history.csv`,
    `saved_model/<version>/`, `metrics.json`, `samples.png`, `reconstructions.png`
    and `latent.png`, of a mixture model `clusters.png` too, and in `timing.json` the
    seconds that its epochs took. Run again with the same settings it resumes from the
    last epoch saved, or, after SIGTERM, from the middle of an epoch; the result is that
    of an uninterrupted run. With `patience` the SavedModel, the metrics and the
    pictures are of the best epoch, whose weights are in `best.weights.h5`;
    `model.keras` is where training stopped.

    Args:
        settings: dict of plain values, one for each option of
            `vae-zoo train MODEL`, with `model`.
        folder: the output folder; made if it does not exist.
        verbose: as in `keras.Model.fit`.

    Returns:
        The metrics, as in `metrics.json`: nats per example of the validation set. With
        `distribute` None in all workers but the chief, the only one that writes.

    Raises:
        ValueError: if a setting is off or `folder` holds another run; with
            `distribute` also as `distribute.make_strategy` does.
        OSError: if `folder` cannot be written.
        distribute.WorkerLostError: if another worker is gone.
    """
    folder = pathlib.Path(folder)
    run_folder.check(folder, settings)
    if not settings.get("distribute"):
        return _train(settings, folder, tf.distribute.get_strategy(), verbose)
    strategy = distribute.make_strategy(settings["batch_size"])
    with distribute.lost_workers_named():
        return _train(settings, folder, strategy, verbose)


def _train(settings, folder, strategy, verbose):
    is_chief = distribute.is_chief(strategy)
    sources = run_data.open_sources(settings)
    _check_same_run(strategy, settings, sources)
    steps_per_epoch = sources["train"].num_batches(settings["batch_size"])
    best = _best_weights(folder, settings, is_chief)
    keras.utils.set_random_seed(settings["seed"])
    with strategy.scope():
        model = _load_or_build(folder, settings, sources["train"], steps_per_epoch)
    x = run_data.first_batch(settings, sources["train"])
    model.likelihood_head.value_rule().check(x)
    # Only now is it known that the settings make a run.
    if is_chief:
        run_folder.claim(folder, settings)
        _warn_of_grey_values(settings, x)
    checkpoint = RunCheckpoint(
        folder,
        steps_per_epoch,
        settings["seconds_between_checkpoints"],
        is_writer=is_chief,
    )
    first_epoch = checkpoint.resume(model)
    distribute.check_equal(
        strategy,
        int(model.optimizer.iterations.numpy()),
        "`output` must be one folder that all workers share",
        f"'{folder}', in which the steps done are",
    )
    if best is not None:
        best.resume(checkpoint.rows)
    if best is None or not best.is_exhausted:
        callbacks = [checkpoint] if best is None else [best, checkpoint]
        verbose = verbose if is_chief else 0
        with _time_to_save(strategy) as checkpoint.must_stop:
            _fit(
                model,
                settings,
                sources,
                callbacks,
                first_epoch,
                steps_per_epoch,
                verbose,
            )
        checkpoint.save()
    metrics = _finish(model, settings, sources, best, checkpoint) if is_chief else None
    # The workers stay until the chief is done, and would start again with it.
    distribute.gathered(strategy, 0)
    return metrics


def _time_to_save(strategy):
    """`termination.deferred` where a run may stop in the middle of an epoch.

    Not under a strategy: of several workers each would stop at another step.
    """
    if distribute.is_distributed(strategy):
        return contextlib.nullcontext()
    return termination.deferred()


def _check_same_run(strategy, settings, sources):
    """Raises ValueError unless all workers have the same settings and data sets."""
    numbers = {"fingerprints of settings": run_folder.fingerprint(settings)}
    numbers |= {f"numbers of {each} examples": len(sources[each]) for each in sources}
    for name, number in numbers.items():
        distribute.check_equal(
            strategy, number, "All workers must run one command on the same data", name
        )


def _warn_of_grey_values(settings, x):
    is_grey = settings["likelihood"] == "bernoulli" and not settings["binarize"]
    if is_grey and not np.isin(x, (0, 1)).all():
        print(
            "vae-zoo: note: a Bernoulli likelihood of grey values is no likelihood; "
            "--binarize dynamic or --likelihood continuous-bernoulli is one",
            file=sys.stderr,
        )


def _load_or_build(folder, settings, source, steps_per_epoch):
    path = folder / "model.keras"
    model = build_model(settings, source.element_shape, steps_per_epoch)
    if path.exists():
        expected, model = model, keras.models.load_model(path)
        run_folder.check_model(path, model, expected)
    else:
        model.compile(build_optimizer(settings, steps_per_epoch))
    return model


def _best_weights(folder, settings, is_writer):
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
    return BestWeights(folder, settings["patience"], ends[last], is_writer)


def _fit(model, settings, sources, callbacks, first_epoch, steps_per_epoch, verbose):
    batches = functools.partial(run_data.training_batches, settings, sources["train"])
    if clusters.needs_callback(model):
        # From the first epoch, wherever this run resumes.
        start = clusters.StartClusters(
            batches(first_epoch=0), num_batches=steps_per_epoch
        )
        callbacks = [start, *callbacks]
    if settings["ema_momentum"]:
        callbacks = [keras.callbacks.SwapEMAWeights(), *callbacks]
    validation = sources["validation"]
    validation_batches = functools.partial(
        run_data.validation_batches, settings, validation
    )
    lengths = {}
    if distribute.is_distributed(model.distribute_strategy):
        # Dealt out they have no end.
        lengths["steps_per_epoch"] = steps_per_epoch
        lengths["validation_steps"] = validation.num_batches(settings["batch_size"])
        batches = functools.partial(batches, first_epoch=first_epoch)
        data, validation_data = _dealt_out(model, batches, validation_batches)
    else:
        with tf.device("CPU:0"):
            epoch = tf.Variable(first_epoch, dtype=tf.int64)
        data, validation_data = batches(epoch=epoch), validation_batches()
        count = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda number, logs: epoch.assign(number)
        )
        callbacks = [count, *callbacks]
    model.fit(
        data,
        epochs=settings["epochs"],
        initial_epoch=first_epoch,
        validation_data=validation_data,
        callbacks=callbacks,
        shuffle=False,
        verbose=verbose,
        **lengths,
    )


def _dealt_out(model, *functions):
    """The batches that each function gives, checked and dealt out to the replicas."""

    def dealt_out(batches):
        return distribute.sharded(
            model.distribute_strategy,
            lambda **share: model.checked_pairs(batches(**share)),
        )

    return [dealt_out(batches) for batches in functions]


def _finish(model, settings, sources, best, checkpoint):
    """The artefacts of a trained model; the metrics come last."""
    folder, history, source = checkpoint.folder, checkpoint.rows, sources["validation"]
    if distribute.is_distributed(model.distribute_strategy):
        # The same model, in this process alone.
        model = keras.models.load_model(folder / "model.keras")
    if best is not None:
        best.restore(model)
        history = history[: best.best_epoch]
        if model.learns_from_labels:
            # What `fit` does at its end, for the weights of another epoch.
            clusters.finish_clusters(
                model,
                run_data.training_batches(settings, sources["train"], first_epoch=0),
                num_batches=sources["train"].num_batches(settings["batch_size"]),
            )
    # The history's last row may be of weights before averaging.
    measured = model.evaluate(
        run_data.validation_batches(settings, source), return_dict=True, verbose=0
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
    _export_once(model, folder / "saved_model", settings, metrics, checkpoint.seconds)
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
        "training": run_folder.recorded(settings),
        "optimizer_steps": steps,
        "metrics": metrics,
        "training_seconds": round(seconds),
        "machine": machine_class(),
    }
    saved_model.export(model, folder, metadata=metadata)
