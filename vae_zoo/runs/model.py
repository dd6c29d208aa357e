"""The model that a run's folder holds."""

import keras
import tensorflow as tf

from vae_zoo.arguments import PathLike
from vae_zoo.runs.folder import damaged


def load(path: PathLike) -> keras.Model:
    """The model of the `.keras` file at `path`.

    Raises:
        ValueError: if it is damaged, or no model that was compiled.
        OSError: if it cannot be opened.
    """
    with open(path, "rb"):
        pass
    try:
        model = keras.models.load_model(path)
    except (MemoryError, tf.errors.OpError):
        raise
    except Exception as error:  # Keras has no error of its own for this.
        raise damaged(path, "a model", f"{type(error).__name__}: {error}") from error
    if getattr(model, "optimizer", None) is None:
        raise damaged(path, "a model", "one without its optimizer")
    return model
