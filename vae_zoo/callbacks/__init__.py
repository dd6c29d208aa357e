"""What goes on beside training, for `fit`."""

from vae_zoo.callbacks.best_weights import BestWeights
from vae_zoo.callbacks.early_stopping import EarlyStoppingAfterWarmup
from vae_zoo.callbacks.run_checkpoint import RunCheckpoint, read_history
from vae_zoo.callbacks.tensorboard import TensorBoardPictures

__all__ = [
    "BestWeights",
    "EarlyStoppingAfterWarmup",
    "RunCheckpoint",
    "TensorBoardPictures",
    "read_history",
]
