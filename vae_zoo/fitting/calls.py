"""`fit`, `evaluate` and `predict` of Keras, on data that have come through the door."""

import functools
import inspect

import keras
import tensorflow as tf

from vae_zoo.components.batch_checks import plain_value_errors
from vae_zoo.fitting import fit_arguments
from vae_zoo.fitting.compilation import Compilation
from vae_zoo.fitting.executions import most_steps
from vae_zoo.fitting.streams import is_stream


def _with_signature_of(method):
    """Has `help` and editors show the arguments of Keras' own method."""

    def decorate(function):
        function.__signature__ = inspect.signature(method)
        return function

    return decorate


class Calls(Compilation):
    """A `keras.Model` that checks what it is given to learn from.

    A subclass says by `door` what that is, and may ask for callbacks.
    """

    def door(self):
        """What data the model takes: a `fitting.door.Door`."""
        raise NotImplementedError

    def check_training_data(self, data, num_batches=None):
        """Raises ValueError if the model cannot learn from data that it takes.

        Args:
            data: a stream, or a tuple (x, y, sample weights) of arrays.
            num_batches: of a data set without an end, those of an epoch.
        """

    def training_callbacks(self, data, num_batches=None):
        """Callbacks that `fit` needs; arguments as in `check_training_data`."""
        del data, num_batches
        return []

    @_with_signature_of(keras.Model.fit)
    def fit(self, *args, **kwargs):
        """Maximizes the bound: `keras.Model.fit`, once the data are known to fit.

        Args:
            x: float [B, *input_shape]: an array, a tensor, a pandas frame; or what
                gives batches of x, (x, y) or (x, y, sample weights): a
                `tf.data.Dataset`, a `keras.utils.PyDataset` or a generator.
            y: integer labels, -1 for unknown, of models that learn from them.
            sample_weight: numbers >= 0, one for each example. Training follows the
                gradient of sum(w v) / B; what is reported is sum(w v) / sum(w).
            class_weight: dict of label -> weight of its examples.

        All else is as in `keras.Model.fit`.

        Raises:
            ValueError: if data or a setting are not as they must be.
        """
        call = inspect.signature(keras.Model.fit).bind(self, *args, **kwargs)
        given = call.arguments
        fit_arguments.check_settings(given)
        self._assert_compile_called("fit")
        door, steps = self.door(), given.get("steps_per_epoch")
        data = fit_arguments.opened(given, door)
        if given.get("validation_data") is not None:
            given["validation_data"] = door.validation(given["validation_data"])
        elif given.get("validation_split"):
            data, held_out = fit_arguments.split_off(data, given["validation_split"])
            given["validation_data"] = held_out
        self.check_training_data(data, steps)
        own = self.training_callbacks(data, steps)
        self._build_optimizer()
        fit_arguments.replace_data(given, data)
        fit_arguments.add_callbacks(self, given, own)
        # All steps of the training, so that a resumed run makes the same choice.
        num_batches = steps or _num_batches(given["x"])
        self._choose_xla(num_batches and num_batches * given.get("epochs", 1))
        choose = functools.partial(
            most_steps,
            given["callbacks"],
            steps,
            given.get("validation_steps"),
            num_batches=_num_batches(given["x"]),
            most=self._most_at_once(),
        )
        with plain_value_errors(), self._at_once(choose):
            self._print_choices(given.get("verbose", "auto"))
            return super().fit(*call.args[1:], **call.kwargs)

    def _print_choices(self, verbose):
        """Prints what the defaults have chosen."""
        if self.compiled and verbose:
            xla = "with XLA" if self.jit_compile else "without XLA"
            print(f"Training {xla}, steps at once: {self.steps_per_execution}")

    @_with_signature_of(keras.Model.evaluate)
    def evaluate(self, *args, **kwargs):
        """The bound at beta = 1: `keras.Model.evaluate`; data are as in `fit`.

        Raises:
            ValueError: if data or a setting are not as they must be.
        """
        if "_use_cached_eval_dataset" in kwargs:
            # Within `fit`, which has looked and has chosen.
            return super().evaluate(*args, **kwargs)
        call = inspect.signature(keras.Model.evaluate).bind(self, *args, **kwargs)
        given = call.arguments
        fit_arguments.check_settings(given)
        self._assert_compile_called("evaluate")
        data = fit_arguments.opened(given, self.door())
        fit_arguments.replace_data(given, data, shuffle=False)
        fit_arguments.add_callbacks(self, given)
        if not self._step_functions:
            self._choose_xla(given.get("steps") or _num_batches(given["x"]))

        def choose():
            steps = most_steps(
                given.get("callbacks"),
                given.get("steps"),
                num_batches=_num_batches(given["x"]),
                most=self._most_at_once(),
            )
            # What `fit` has traced for its validation serves as well.
            latest = self._executions.latest
            limits = (given.get("steps"), keras.config.max_steps_per_epoch())
            is_free = steps > 1 and limits == (None, None)
            return latest if latest and is_free else steps

        with plain_value_errors(), self._at_once(choose):
            return super().evaluate(*call.args[1:], **call.kwargs)

    @_with_signature_of(keras.Model.predict)
    def predict(self, *args, **kwargs):
        """What `call` returns for all rows, as arrays; data are as in `fit`.

        Raises:
            ValueError: if data or a setting are not as they must be.
        """
        call = inspect.signature(keras.Model.predict).bind(self, *args, **kwargs)
        given = call.arguments
        fit_arguments.check_settings(given)
        x = given.get("x")
        given["x"] = self.checked(x) if is_stream(x) else self.door().arrays(x)[0]
        # One at a time also from a callback of `fit`.
        with plain_value_errors(), self._at_once(lambda: 1):
            return super().predict(*call.args[1:], **call.kwargs)

    @_with_signature_of(keras.Model.train_on_batch)
    def train_on_batch(self, *args, **kwargs):
        """One step on a batch of arrays: `keras.Model.train_on_batch`.

        Raises:
            ValueError: if they do not fit the model.
        """
        self._build_optimizer()
        given = self._checked_batch(keras.Model.train_on_batch, args, kwargs)
        return super().train_on_batch(**given)

    @_with_signature_of(keras.Model.test_on_batch)
    def test_on_batch(self, *args, **kwargs):
        """The bound of a batch of arrays: `keras.Model.test_on_batch`.

        Raises:
            ValueError: if they do not fit the model.
        """
        return super().test_on_batch(
            **self._checked_batch(keras.Model.test_on_batch, args, kwargs)
        )

    def predict_on_batch(self, x):
        """What `call` returns for a batch, an array: `keras.Model.predict_on_batch`.

        Raises:
            ValueError: if it does not fit the model.
        """
        return super().predict_on_batch(self.door().arrays(x)[0])

    def _checked_batch(self, method, args, kwargs):
        given = inspect.signature(method).bind(self, *args, **kwargs).arguments
        given.pop("self")
        fit_arguments.check_settings(given)
        x, y, weights = fit_arguments.opened(given, self.door())
        given.pop("class_weight", None)
        return {**given, "x": x, "y": y, "sample_weight": weights}


def _num_batches(data):
    """Of a `tf.data.Dataset` that knows it; else None."""
    if not isinstance(data, tf.data.Dataset):
        return None
    number = int(data.cardinality())
    return number if number > 0 else None
