"""A training run: one folder holds all that it makes, and it resumes from there."""

import contextlib
import functools
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

import keras
import tensorflow as tf

from vae_zoo.arguments import Config, PathLike, check_path
from vae_zoo.datasets.source import Source
from vae_zoo.fitting import distribute
from vae_zoo.fitting.compilation import is_long_enough
from vae_zoo.fitting.progress import EpochLines, ProgressBar
from vae_zoo.models.vae import VAE
from vae_zoo.runs import (
    binarization as run_binarization,
    data as run_data,
    folder as run_folder,
    initial_weights,
    lock as run_lock,
    model as run_model,
    progress as run_progress,
    settings as run_settings,
    termination,
)
from vae_zoo.runs.artefacts import write_artefacts
from vae_zoo.runs.best_weights import BestWeights
from vae_zoo.runs.checkpoint import RunCheckpoint
from vae_zoo.runs.model_settings import build_model, build_optimizer
from vae_zoo.runs.plan import Plan


def train(settings: Config, folder: PathLike, verbose: int = 1) -> Config | None:
    """Trains a model into `folder`, or resumes where a killed run stopped.

    The run writes `run.json` (the settings), `model.keras`, `history.csv`,
    `saved_model/<version>/`, `metrics.json`, `samples.png`, `reconstructions.png`,
    `latent.png`, for a mixture model `clusters.png`, and `timing.json`, the seconds
    that its epochs took.

    A second call with the same settings resumes from the last epoch saved or, after
    SIGTERM, from the middle of an epoch; the result is that of an uninterrupted run. A
    call with more epochs extends the run, unless its learning rate or its weights
    depend on the number of epochs. With `patience`, the SavedModel, the metrics and the
    pictures are of the best epoch, whose weights are in `best.weights.h5`;
    `model.keras` is the model where training stopped.

    Args:
        settings: dict of plain values, named as the options of `vae-zoo train MODEL`,
            with `model`; settings left out have the defaults of the constructors.
            `binarize` is None, "dynamic", "fixed" or "auto": "dynamic" for grey values
            under a Bernoulli likelihood, else None; `run.json` has the choice.
        folder: the output folder; made if it does not exist.
        verbose: 0: silent; 1: a progress bar; 2: a line for each epoch.

    Returns:
        The metrics, as in `metrics.json`: nats per example of the validation set. With
        `distribute`, None in all workers but the chief, the only one that writes.

    Raises:
        ValueError: if a setting is wrong, or `folder` holds another run or damaged
            files, or is in use by another process; with `distribute` also as
            `distribute.make_strategy` does.
        OSError: if `folder` cannot be written.
        distribute.WorkerLostError: if another worker is gone.
    """
    folder = check_path("output", folder, "that of the run's folder")
    plan = run_settings.completed(settings)
    run_folder.check(folder, plan)
    if not plan.distribute:
        with run_lock.locked(folder):
            return _train(plan, folder, tf.distribute.get_strategy(), verbose)
    strategy = distribute.make_strategy(plan.batch_size)
    if os.environ.get("TF_CONFIG"):
        termination.take_back()  # TensorFlow's coordination service took SIGTERM.
    with distribute.lost_workers_named(), _locked(folder, strategy):
        return _train(plan, folder, strategy, verbose)


def _locked(
    folder: pathlib.Path, strategy: tf.distribute.Strategy
) -> AbstractContextManager[None]:
    """The lock on the folder; only the worker that writes to it takes one."""
    if not distribute.is_chief(strategy):
        return contextlib.nullcontext()
    return run_lock.locked(folder, run_lock.SECONDS_TO_WAIT_FOR_MACHINES)


def _train(
    plan: Plan, folder: pathlib.Path, strategy: tf.distribute.Strategy, verbose: int
) -> Config | None:
    # Again, now that no other process writes there.
    run_folder.check(folder, plan)
    is_chief = distribute.is_chief(strategy)
    sources = run_data.open_sources(plan)
    _check_same_run(strategy, plan, sources)
    steps_per_epoch = sources["train"].num_batches(plan.batch_size)
    verbose = verbose if is_chief else 0
    x = run_data.first_batch(plan, sources["train"])
    plan = run_binarization.resolved(plan, folder, x, verbose)
    best = _best_weights(folder, plan, is_chief)
    keras.utils.set_random_seed(plan.seed)
    with strategy.scope():
        model = _load_or_build(folder, plan, sources["train"], steps_per_epoch)
    model.likelihood_head.value_rule().check(x)
    # Only here is it certain that the settings make a run.
    if is_chief:
        run_folder.claim(folder, plan)
        run_binarization.warn_of_grey_values(plan, x)
    checkpoint = RunCheckpoint(
        folder,
        steps_per_epoch,
        plan.seconds_between_checkpoints,
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
        best.resume(checkpoint.rows, model)
    is_exhausted = best is not None and best.is_exhausted
    if verbose and checkpoint.steps_saved:
        run_progress.print_resumption(
            checkpoint, plan.epochs, first_epoch, is_exhausted
        )
    with run_progress.stop_explained(checkpoint, plan.epochs):
        if not is_exhausted:
            callbacks = [checkpoint] if best is None else [best, checkpoint]
            with _time_to_save(strategy) as checkpoint.must_stop:
                _fit(
                    model,
                    plan,
                    sources,
                    callbacks,
                    first_epoch,
                    steps_per_epoch,
                    verbose,
                )
            checkpoint.save()
        metrics = None
        if is_chief:
            metrics = write_artefacts(model, plan, sources, best, checkpoint)
    # The workers wait for the chief, so that all of them restart if it fails.
    distribute.gathered(strategy, 0)
    return metrics


def _time_to_save(
    strategy: tf.distribute.Strategy,
) -> AbstractContextManager[Callable[[], bool] | None]:
    """`termination.deferred` where a run may stop in the middle of an epoch.

    Not under a strategy, where each worker would stop at a different step.
    """
    if distribute.is_distributed(strategy):
        return contextlib.nullcontext()
    return termination.deferred()


def _check_same_run(
    strategy: tf.distribute.Strategy, plan: Plan, sources: Mapping[str, Source]
) -> None:
    """Raises ValueError unless all workers have the same settings and data sets."""
    numbers = {"fingerprints of settings": run_folder.fingerprint(plan)}
    numbers |= {f"numbers of {each} examples": len(sources[each]) for each in sources}
    for name, number in numbers.items():
        distribute.check_equal(
            strategy, number, "All workers must run one command on the same data", name
        )


def _load_or_build(
    folder: pathlib.Path, plan: Plan, source: Source, steps_per_epoch: int
) -> VAE:
    path = folder / "model.keras"
    model = build_model(plan, source.element_shape, steps_per_epoch)
    if path.exists():
        # Compiled as before, so that more epochs do not change how it computes.
        expected, model = model, run_model.load(path)
        run_folder.check_model(path, model, expected)
        return model
    if plan.init_from is not None:
        initial_weights.take_over(model, plan.init_from)
    is_long = is_long_enough(plan.epochs * steps_per_epoch)
    model.compile(
        build_optimizer(plan, steps_per_epoch),
        jit_compile="auto" if is_long else False,
    )
    return model


def _best_weights(
    folder: pathlib.Path, plan: Plan, is_writer: bool
) -> BestWeights | None:
    """The early stopping of the plan, or None."""
    if plan.patience is None:
        return None
    _, end = run_settings.last_warmup(plan)
    return BestWeights(folder, plan.patience, end, is_writer)


def _fit(
    model: VAE,
    plan: Plan,
    sources: Mapping[str, Source],
    callbacks: Sequence[keras.callbacks.Callback],
    first_epoch: int,
    steps_per_epoch: int,
    verbose: int,
) -> None:
    batches = functools.partial(run_data.training_batches, plan, sources["train"])
    # Clusters start from the batches of the first epoch, even in a resumed run.
    own = model.training_callbacks(batches(first_epoch=0), steps_per_epoch)
    callbacks = [*own, *callbacks]
    if plan.ema_momentum:
        callbacks = [keras.callbacks.SwapEMAWeights(), *callbacks]
    validation = sources["validation"]
    validation_batches = functools.partial(
        run_data.validation_batches, plan, validation
    )
    lengths = {}
    if distribute.is_distributed(model.distribute_strategy):
        # Batches dealt out to replicas repeat for ever.
        lengths["steps_per_epoch"] = steps_per_epoch
        lengths["validation_steps"] = validation.num_batches(plan.batch_size)
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
    if verbose:
        # Before the checkpoint callback, which may end the run.
        callbacks = [ProgressBar() if verbose == 1 else EpochLines(), *callbacks]
    model.fit(
        data,
        epochs=plan.epochs,
        initial_epoch=first_epoch,
        validation_data=validation_data,
        callbacks=callbacks,
        shuffle=False,
        verbose=1 if verbose == 1 else 0,
        **lengths,
    )


def _dealt_out(
    model: VAE, *functions: Callable[..., tf.data.Dataset]
) -> list[tf.data.Dataset]:
    """The batches of each function, checked and dealt out to the replicas."""

    def dealt_out(batches: Callable[..., tf.data.Dataset]) -> tf.data.Dataset:
        return distribute.sharded(
            model.distribute_strategy,
            lambda **share: model.checked_pairs(batches(**share)),
        )

    return [dealt_out(batches) for batches in functions]
