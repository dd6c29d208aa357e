"""How the steps of a model are compiled: many at once, and with XLA where it pays."""

import inspect

import keras
import tensorflow as tf

from vae_zoo.arguments import shown
from vae_zoo.components.dropout import Dropout
from vae_zoo.fitting.executions import FEW_STEPS, MOST_STEPS, StepsAtOnce

# On two cores compiling a training step and its validation takes 5 to 17 seconds. A
# compiled step of dense layers on 128 images of 28 x 28 pixels is about 2 milliseconds
# faster, which wins that back after 2,500 to 8,000 steps; on 8 x 8 pixels it is no
# faster. Twenty epochs of `digits`, 220 steps, took 19.7 seconds with XLA and 9.6
# without.
STEPS_TO_WIN_BACK = 5_000


def is_long_enough(num_steps: int) -> bool:
    """Whether XLA wins back in so many optimizer steps what compiling costs.

    XLA rounds in other places, so a resumed training has to choose as the uninterrupted
    one did: give the steps of the whole training, not those that are left.

    Args:
        num_steps: epochs times the batches of one, from the first epoch on, >= 0.
    """
    return num_steps >= STEPS_TO_WIN_BACK


class Compilation(StepsAtOnce):
    """A `keras.Model` whose objective is its own, and that chooses XLA by itself."""

    # Whether the model was compiled with "auto".
    _is_jit_auto = False

    def compile(self, *args, jit_compile="auto", **kwargs):
        """`keras.Model.compile` without a loss or metrics: the objective is the bound.

        `jit_compile="auto"` is chosen anew where the model is loaded.

        Raises:
            ValueError: if a loss or metrics are given.
        """
        call = inspect.signature(keras.Model.compile).bind(self, *args, **kwargs)
        for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
            if call.arguments.get(name) is not None:
                raise ValueError(
                    f"`{name}` must be left out: the model maximizes its bound, whose "
                    f"terms are its metrics. Received: {name}="
                    f"{shown(call.arguments[name])}"
                )
        super().compile(*args, jit_compile=jit_compile, **kwargs)
        self._is_jit_auto = jit_compile == "auto"

    def get_compile_config(self):
        """As in Keras, which restores it with a model."""
        config = super().get_compile_config()
        return {**config, **({"jit_compile": "auto"} if self._is_jit_auto else {})}

    def _resolve_auto_jit_compile(self):
        """`jit_compile="auto"`: XLA where it pays, which Keras leaves off on CPUs.

        Not under a distribution strategy, where it fails.
        """
        return self._distribute_strategy is None and self.gains_by_xla(training=True)

    def _choose_xla(self, num_steps):
        """Where `jit_compile` is "auto": XLA if so many steps win back its compiling.

        What compiling chose stays where the number is not known.
        """
        if not self._is_jit_auto or num_steps is None:
            return
        pays = self._resolve_auto_jit_compile() and is_long_enough(num_steps)
        if pays != self.jit_compile:
            self.jit_compile = pays
            self._forget_functions()

    def gains_by_xla(self, training: bool = False) -> bool:
        """Whether functions of the model are faster with XLA.

        On a CPU not with convolutions, for which TensorFlow has the faster kernels
        there, in bfloat16 above all; and in training not with layers that draw noise by
        Keras (`keras.layers.Dropout`), for XLA's generator is several times as slow.
        """
        layers = list(self._flatten_layers(include_self=False))
        if not all(layer.supports_jit for layer in layers):
            return False
        if _has_gpu():
            return True
        draws = training and any(_draws_by_keras(layer) for layer in layers)
        return not draws and not self._has_convolutions()

    def _has_convolutions(self):
        layers = self._flatten_layers(include_self=False)
        return any(hasattr(layer, "kernel_size") for layer in layers)

    def _most_at_once(self):
        are_slow = self._has_convolutions() and not _has_gpu()
        return FEW_STEPS if are_slow else MOST_STEPS


def _has_gpu():
    return bool(tf.config.list_physical_devices("GPU"))


def _draws_by_keras(layer):
    return hasattr(layer, "seed_generator") and not isinstance(layer, Dropout)
