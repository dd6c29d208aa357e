"""What the package uses of Keras without a promise: a new release may change it."""

import inspect

import keras
import numpy as np

from vae_zoo import VAE
from vae_zoo.components import networks


def small():
    model = VAE((3,), 1, encoder=networks.MLP((2,)))
    model.compile(keras.optimizers.Adam(use_ema=True), jit_compile=False)
    return model


def test_names_of_the_trainer():
    model = small()
    assert isinstance(model._loss_tracker, keras.metrics.Mean)
    assert model._loss_tracker in model.metrics
    assert model._distribute_strategy is None
    assert callable(keras.Model._assert_compile_called)
    assert callable(keras.Model._maybe_symbolic_build)
    assert callable(keras.Model._resolve_auto_jit_compile)


def test_validation_within_fit_is_told_apart():
    seen = []

    class Told(VAE):
        def evaluate(self, *args, **kwargs):
            seen.append(kwargs.get("_use_cached_eval_dataset"))
            return super().evaluate(*args, **kwargs)

    model = Told((3,), 1, encoder=networks.MLP((2,)))
    model.compile("adam", jit_compile=False)
    x = np.zeros((2, 3))
    model.fit(x, validation_data=x, verbose=0)
    assert seen == [True]
    assert "_use_cached_eval_dataset" in inspect.getsource(keras.Model.fit)


def test_names_of_optimizers():
    optimizer = small().optimizer
    optimizer.build([keras.Variable(1.0)])
    assert len(optimizer._trainable_variables) == 1
    assert len(optimizer._model_variables_moving_average) == 1
    assert callable(type(optimizer)._update_model_variables_moving_average)
    assert callable(type(optimizer)._all_reduce_sum_gradients)
    assert keras.optimizers.LossScaleOptimizer(optimizer).inner_optimizer is optimizer
