"""Pictures of a model and figures of its latents in TensorBoard during training."""

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
    """Writes pictures of a model and the use of its latents for TensorBoard.

    At the end of an epoch it writes

    - the images `samples`, `reconstructions`, `latent` and, for a mixture model,
      `clusters`, as `vae-zoo plot` draws them;
    - from `latent_usage`, the scalars `latent/active_units`,
      `latent/mutual_information` and `latent/aggregate_gap`;
    - if the KL has a part for each dimension, the histogram `latent/kl_per_dimension`
      in nats, and for up to 64 dimensions the scalars `latent_kl/dimension_00` etc.

    Steps are epochs counted from 0, as in `keras.callbacks.TensorBoard`, which may
    write to the same folder. All draws have their own seeds, so the callback does not
    change the training. It skips models whose weights are not finite. Needs the extra
    `tensorboard`.

    Args:
        log_dir: the folder that TensorBoard reads.
        x: array [N, *input_shape], N >= 2, or a `tf.data.Dataset` of batches of x or
            (x, y), whose class indices y colour `latent`. The first 2000 examples are
            read when training starts. Do not give the data set that `fit` trains on if
            it is shuffled anew each time it is read.
        every: epochs between two writes, >= 1. The first and the last epoch are always
            written.
        num_images: samples to draw, >= 1; with the same z each time.
        seed: integer that fixes the draws.

    Raises:
        ImportError: if the package `tensorboard` is not installed.
        ValueError: if an argument is not as above; and at the start of training, if `x`
            does not fit the model.
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
        if seed is None:  # With None, the model's own generator would draw.
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
        """Writes if `every` epochs have passed."""
        self._epoch = epoch
        is_first = self._last_written is None
        is_last = self.model.stop_training or epoch + 1 == self.params["epochs"]
        if is_first or is_last or (epoch + 1) % self.every == 0:
            self._write()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Writes the last epoch if a callback after this one ended the training."""
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
        # Another callback may have set its own rule for when to record.
        with self._writer.as_default(step=self._epoch), tf.summary.record_if(True):
            for name, figure in figures.items():
                image = tf.io.decode_png(plotting.png(figure), channels=3)
                tf.summary.image(name, image[None])
            _write_usage(self._latent_usage())
        self._writer.flush()

    def _latent_usage(self) -> LatentUsage:
        data = tf.data.Dataset.from_tensors(self._x)
        with warnings.catch_warnings():
            # The chart of active units already shows a collapse.
            warnings.filterwarnings("ignore", "The posterior has collapsed")
            return latent_usage(
                self.model, data, num_examples=len(self._x), seed=self.seed
            )


def _batches(x: object) -> tf.data.Dataset:
    """`x` as a data set of batches; an array becomes one batch."""
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
    estimates = {
        "mutual_information": usage.mutual_information,
        "aggregate_gap": usage.aggregate_gap,
    }
    for name, estimate in estimates.items():
        if estimate is not None:
            tf.summary.scalar(f"latent/{name}", estimate.mean)
    kl = usage.kl_per_dimension
    if kl is None:
        return
    tf.summary.histogram("latent/kl_per_dimension", kl)
    if len(kl) <= MAX_LATENTS_WITH_CHARTS:
        for dimension, nats in enumerate(kl):
            tf.summary.scalar(f"latent_kl/dimension_{dimension:02}", nats)
