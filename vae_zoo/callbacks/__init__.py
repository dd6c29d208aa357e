"""Callbacks for `fit`."""

from vae_zoo.callbacks.early_stopping import EarlyStoppingAfterWarmup
from vae_zoo.callbacks.tensorboard import TensorBoardPictures
from vae_zoo.runs.best_weights import BestWeights
from vae_zoo.runs.checkpoint import RunCheckpoint, read_history

__all__ = [
    "BestWeights",
    "EarlyStoppingAfterWarmup",
    "RunCheckpoint",
    "TensorBoardPictures",
    "read_history",
]
