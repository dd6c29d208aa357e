"""What goes on beside training, for `fit`."""

from vae_zoo.callbacks.best_weights import BestWeights
from vae_zoo.callbacks.run_checkpoint import RunCheckpoint, read_history

__all__ = [
    "BestWeights",
    "RunCheckpoint",
    "read_history",
]
