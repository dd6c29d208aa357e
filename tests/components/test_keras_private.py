"""Each name of Keras' private API that the package uses, as it uses it."""

import ast
import inspect
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import vae_zoo
from vae_zoo import VAE
from vae_zoo.components import keras_private, networks
from vae_zoo.components.optimizers import AveragedAdam

# Private names of other libraries: named tuples, argparse and `os`.
OF_OTHERS = {"_asdict", "_replace", "_actions", "_exit"}
KERAS_PRIVATE = pathlib.Path(keras_private.__file__)


def small():
    model = VAE((3,), 1, encoder=networks.MLP((2,)))
    model.compile(keras.optimizers.Adam(use_ema=True), jit_compile=False)
    return model


def private_names(path):
    """Attributes with an underscore: those that a module reads, and those it makes."""
    used, own = set(), set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Attribute(attr=name, ctx=ast.Load()) if name.startswith("_"):
                used.add(name)
            case ast.Attribute(attr=name) | ast.Name(id=name, ctx=ast.Store()):
                own.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                own.add(name)
            case ast.AnnAssign(target=ast.Name(id=name)):
                own.add(name)
            case ast.alias(name=name):
                own.add(name)
            case ast.Constant(value=str(name)) if name.isidentifier():
                own.add(name)
    return {name for name in used if not name.startswith("__")}, own


def test_no_other_module_knows_private_names():
    root = pathlib.Path(vae_zoo.__file__).parent
    found = {
        path: private_names(path)
        for path in root.rglob("*.py")
        if path != KERAS_PRIVATE
    }
    own = set().union(*(own for _, own in found.values()))
    foreign = {path.name: used - own - OF_OTHERS for path, (used, _) in found.items()}
    assert {name: names for name, names in foreign.items() if names} == {}


def test_each_private_name_has_a_test():
    used, _ = private_names(KERAS_PRIVATE)
    hooks = {
        name
        for hooks in (keras_private.ModelHooks, keras_private.OptimizerHooks)
        for name in vars(hooks)
        if name.startswith("_") and not name.startswith("__")
    }
    assert used | hooks == {
        "_assert_compile_called",
        "_distribute_strategy",
        "_flatten_layers",
        "_loss_tracker",
        "_maybe_symbolic_build",
        "_model_variables_moving_average",
        "_resolve_auto_jit_compile",
        "_tracker",
        "_trainable_variables",
        "_update_model_variables_moving_average",
    }


def test_flatten_layers():
    inner = keras.layers.Dense(2)
    model = keras.Sequential([keras.Sequential([inner])])
    assert [*model._flatten_layers()] == keras_private.layers_within(model)
    assert {model, inner} < {*keras_private.layers_within(model)}


def test_tracker():
    layer, part = keras.layers.Layer(), keras.layers.Dense(2)
    layer.part = part
    keras_private.untrack(layer, part)
    assert callable(layer._tracker.untrack)
    assert part not in keras_private.layers_within(layer)


def test_loss_tracker():
    model = small()
    assert keras_private.loss_metric(model) is model._loss_tracker
    assert model._loss_tracker.name == "loss"
    assert model._loss_tracker in model.metrics


def test_distribute_strategy():
    assert small()._distribute_strategy is None
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    with strategy.scope():
        model = keras.Sequential()
    assert model._distribute_strategy is strategy
    assert keras_private.is_under_strategy(model)


def test_assert_compile_called():
    model = VAE((3,), 1, encoder=networks.MLP((2,)))
    with pytest.raises(ValueError, match="must call `compile\\(\\)` before"):
        keras_private.check_compiled(model, "fit")
    assert "_assert_compile_called" in inspect.getsource(keras.Model.fit)


def test_resolve_auto_jit_compile(monkeypatch):
    model = small()
    for gains in (True, False):
        monkeypatch.setattr(VAE, "gains_by_xla", lambda *_, gains=gains, **__: gains)
        model.compile("adam")
        assert model.jit_compile is gains
    assert callable(keras.Model._resolve_auto_jit_compile)


def test_maybe_symbolic_build():
    assert "_maybe_symbolic_build" in inspect.getsource(keras.Model.fit)
    assert "_maybe_symbolic_build" in inspect.getsource(keras.Model.evaluate)
    assert small()._maybe_symbolic_build(iterator=object()) is None


def test_use_cached_eval_dataset():
    seen = []

    class Told(VAE):
        def evaluate(self, *args, **kwargs):
            seen.append(kwargs.get(keras_private.FLAG_OF_VALIDATION))
            return super().evaluate(*args, **kwargs)

    model = Told((3,), 1, encoder=networks.MLP((2,)))
    model.compile("adam", jit_compile=False)
    x = np.zeros((2, 3))
    model.fit(x, validation_data=x, verbose=0)
    assert seen == [True]


def test_model_variables_moving_average():
    optimizer = small().optimizer
    variable = keras.Variable(1.0)
    optimizer.build([variable])
    [(trained, average)] = keras_private.averages_of(optimizer)
    assert trained is optimizer._trainable_variables[0] is variable
    assert average is optimizer._model_variables_moving_average[0]
    assert keras.optimizers.LossScaleOptimizer(optimizer).inner_optimizer is optimizer


def test_update_model_variables_moving_average():
    moved = []

    class Told(AveragedAdam):
        def move_averages(self, pairs):
            moved.extend(pairs)

    optimizer, variable = Told(), keras.Variable(1.0)
    optimizer.apply([keras.ops.ones(())], [variable])
    assert moved == [(variable, optimizer._model_variables_moving_average[0])]


def test_all_reduce_sum_gradients():
    optimizer = keras.optimizers.SGD()
    assert callable(type(optimizer)._all_reduce_sum_gradients)
    with keras_private.without_sum_over_replicas([optimizer]):
        assert optimizer._all_reduce_sum_gradients((1, 2)) == [1, 2]
    assert optimizer._all_reduce_sum_gradients.__self__ is optimizer
