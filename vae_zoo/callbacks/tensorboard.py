"""Pictures of a model in TensorBoard while it trains, and what its latents hold."""

import importlib.util
import warnings

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from vae_zoo import plotting
from vae_zoo.arguments import PathLike, check_count, check_path, check_seed, shown
from vae_zoo.evaluation.estimate import first_examples
from vae_zoo.evaluation.latent_usage import LatentUsage, latent_usage
from vae_zoo.fitting.inputs import alone_or_named
from vae_zoo.models.input_checks import plain_value_errors
from vae_zoo.runs import pictures

# More latents than these would bury the other charts.
MAX_LATENTS_WITH_CHARTS = 64


class TensorBoardPictures(keras.callbacks.Callback):
    """Writes for TensorBoard what a model draws and how it uses its latents.

    At the end of an epoch: the images `samples`, `reconstructions`, `latent` and of a
    mixture model `clusters`, as `vae-zoo plot` draws them; of `latent_usage` the
    scalars `latent/active_units`, `latent/mutual_information` and
    `latent/aggregate_gap`; and where the KL has a part for each dimension, in nats,
    the histogram `latent/kl_per_dimension`, for up to 64 dimensions also the scalars
    `latent_kl/dimension_00` and so on. Steps are epochs counted from 0, as in
    `keras.callbacks.TensorBoard`, which may write to the same folder.

    All draws have seeds of their own: training ends with the very weights that it
    would have ended with alone. A model with weights that are not finite is not shown.
    Needs the extra `tensorboard`.

    Args:
        log_dir: the folder that TensorBoard reads.
        x: array [N, *input_shape], N >= 2, or a `tf.data.Dataset` of batches of x or
            (x, y), whose class indices y colour `latent`. The first 2000 examples are
            read when training starts; do not give the very data set that `fit` trains
            on if that one is shuffled anew each time that it is read.
        every: epochs from one writing to the next, >= 1. The first and the last epoch
            are always written.
        num_images: samples to draw, >= 1; the same ones of z each time.
        seed: integer that fixes the draws.

    Raises:
        ImportError: if the package `tensorboard` is not installed.
        ValueError: if an argument is none of these; and at the start of training, if
            `x` does not fit the model.
    """

    def __init__(
        self,
        log_dir: PathLike,
        x: npt.ArrayLike | tf.data.Dataset,
        *,
        every: int = 1,
        num_images: int = pictures.NUM_PICTURED,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if importlib.util.find_spec("tensorboard") is None:
            raise ImportError(
                "TensorBoardPictures needs the package tensorboard: "
                'pip install "vae_zoo[tensorboard]"'
            )
        self.log_dir = str(check_path("log_dir", log_dir, "that of a folder"))
        self.every = check_count(
            "every", every, 1, "the epochs from one writing to the next"
        )
        self.num_images = check_count(
            "num_images", num_images, 1, "the samples to draw"
        )
        if seed is None:  # The model's own generator would draw.
            raise ValueError("`seed` must be an integer. Received: seed=None")
        self.seed = check_seed("seed", seed)
        self._data = _batches(x)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Reads the examples."""
        with plain_value_errors():
            data = self.model.checked(self._data)
            inputs, self._classes = first_examples(data, pictures.NUM_LATENTS_PICTURED)
        self._x = alone_or_named(inputs)
        if len(self._x) < 2:
            raise ValueError(
                "`x` must have at least 2 examples, to compare their latents. "
                f"Received: {len(self._x)}"
            )
        self._epoch: int | None = None
        self._last_written: int | None = None
        self._writer = tf.summary.create_file_writer(self.log_dir)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Writes, if it is time."""
        self._epoch = epoch
        is_first = self._last_written is None
        is_last = self.model.stop_training or epoch + 1 == self.params["epochs"]
        if is_first or is_last or (epoch + 1) % self.every == 0:
            self._write()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Writes the last epoch too where a callback after this one ended training."""
        if self._epoch != self._last_written:
            self._write()
        self._writer.close()

    def _write(self) -> None:
        self._last_written = self._epoch
        if not all(np.isfinite(each).all() for each in self.model.get_weights()):
            return
        figures = pictures.figures(
            self.model,
            self._x,
            self._classes,
            self.seed,
            num_samples=self.num_images,
        )
        # Another callback may have a rule of its own for when anything is written.
        with self._writer.as_default(step=self._epoch), tf.summary.record_if(True):
            for name, figure in figures.items():
                image = tf.io.decode_png(plotting.png(figure), channels=3)
                tf.summary.image(name, image[None])
            _write_usage(self._latent_usage())
        self._writer.flush()

    def _latent_usage(self) -> LatentUsage:
        data = tf.data.Dataset.from_tensors(self._x)
        with warnings.catch_warnings():
            # The number of active units says it, epoch by epoch.
            warnings.filterwarnings("ignore", "The posterior has collapsed")
            return latent_usage(
                self.model, data, num_examples=len(self._x), seed=self.seed
            )


def _batches(x: object) -> tf.data.Dataset:
    """`x` as a data set of batches; an array is one of them."""
    if isinstance(x, tf.data.Dataset):
        return x
    if isinstance(x, (np.ndarray, tf.Tensor)) and len(x.shape):
        return tf.data.Dataset.from_tensors(x[: pictures.NUM_LATENTS_PICTURED])
    raise ValueError(
        "`x` must be an array [N, *input_shape] or a tf.data.Dataset of batches. "
        f"Received: {type(x).__name__}, x={shown(x)}"
    )


def _write_usage(usage: LatentUsage) -> None:
    """The scalars and the histogram of a `LatentUsage`, to the default writer."""
    tf.summary.scalar("latent/active_units", usage.num_active)
    if usage.mutual_information and usage.aggregate_gap:
        tf.summary.scalar("latent/mutual_information", usage.mutual_information.mean)
        tf.summary.scalar("latent/aggregate_gap", usage.aggregate_gap.mean)
    kl = usage.kl_per_dimension
    if kl is None:
        return
    tf.summary.histogram("latent/kl_per_dimension", kl)
    if len(kl) <= MAX_LATENTS_WITH_CHARTS:
        for dimension, nats in enumerate(kl):
            tf.summary.scalar(f"latent_kl/dimension_{dimension:02}", nats)
