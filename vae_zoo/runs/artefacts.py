"""The files that a run leaves beside its model and its history."""

import pathlib
from collections.abc import Mapping

from vae_zoo import atomic
from vae_zoo.arguments import Config
from vae_zoo.datasets.source import Source
from vae_zoo.fitting import distribute
from vae_zoo.fitting.training_data import TrainingData
from vae_zoo.models.vae import VAE
from vae_zoo.runs import data as run_data, folder as run_folder, model as run_model
from vae_zoo.runs.best_weights import BestWeights
from vae_zoo.runs.checkpoint import RunCheckpoint
from vae_zoo.runs.machine import machine_class
from vae_zoo.runs.pictures import write_pictures
from vae_zoo.runs.plan import Plan
from vae_zoo.serving import saved_model


def write_artefacts(
    model: VAE,
    plan: Plan,
    sources: Mapping[str, Source],
    best: BestWeights | None,
    checkpoint: RunCheckpoint,
) -> Config:
    """Writes the SavedModel, the pictures and, last, the metrics, which it returns.

    Args:
        model: as training left it.
        plan: of the run.
        sources: what it trained on and validated on, by "train" and "validation".
        best: its `BestWeights`, or None.
        checkpoint: its `RunCheckpoint`.
    """
    folder, history, source = checkpoint.folder, checkpoint.rows, sources["validation"]
    if distribute.is_distributed(model.distribute_strategy):
        # The same model, in this process alone.
        model = run_model.load(folder / "model.keras")
    if best is not None and best.num_epochs:
        best.restore(model)
        history = history[: best.num_epochs]
        # What `fit` does at its end, for the weights of another epoch.
        batches = run_data.training_batches(plan, sources["train"], first_epoch=0)
        num_batches = sources["train"].num_batches(plan.batch_size)
        model.prior_layer.finish(model, TrainingData.of(batches, num_batches))
    # The history's last row may be of weights before averaging.
    measured = model.evaluate(
        run_data.validation_batches(plan, source), return_dict=True, verbose=0
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
    _export_once(model, folder / "saved_model", plan, metrics, checkpoint.seconds)
    write_pictures(model, source, folder, plan.seed, plan.binarization)
    atomic.write_json(folder / "metrics.json", metrics)
    return metrics


def _export_once(
    model: VAE, folder: pathlib.Path, plan: Plan, metrics: Config, seconds: float
) -> None:
    """Exports, unless the newest version is of these very weights."""
    steps = int(model.optimizer.iterations)
    if folder.is_dir() and (found := saved_model.versions(folder)):
        newest = saved_model.read_metadata(folder / str(found[-1]))
        if newest.get("optimizer_steps") == steps:
            return
    metadata = {
        "dataset": plan.dataset,
        "training": run_folder.recorded(plan),
        "optimizer_steps": steps,
        "metrics": metrics,
        "training_seconds": round(seconds),
        "machine": machine_class(),
    }
    saved_model.export(model, folder, metadata=metadata)
