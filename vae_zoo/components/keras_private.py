"""All private names of Keras that the package uses.

A new release of Keras may change any of them; `tests/components/` tests each.
"""

import contextlib
from collections.abc import Iterable, Iterator, Sequence

import keras

# The argument by which `keras.Model.fit` marks its own calls of `evaluate`.
FLAG_OF_VALIDATION = "_use_cached_eval_dataset"
_SUM_OVER_REPLICAS = "_all_reduce_sum_gradients"


def layers_within(layer: keras.Layer) -> list[keras.Layer]:
    """The layer itself and all its sublayers, at any depth."""
    return layer._flatten_layers()


def untrack(layer: keras.Layer, part: keras.Layer) -> None:
    """Makes `layer` stop tracking `part`."""
    layer._tracker.untrack(part)


def loss_metric(model: keras.Model) -> keras.metrics.Mean:
    """The metric `loss` of a compiled model."""
    return model._loss_tracker


def is_under_strategy(model: keras.Model) -> bool:
    """Whether the model was made within the scope of a distribution strategy."""
    return model._distribute_strategy is not None


def check_compiled(model: keras.Model, method: str) -> None:
    """Raises ValueError unless the model is compiled, as Keras' `method` does."""
    model._assert_compile_called(method)


def averages_of(
    optimizer: keras.optimizers.Optimizer,
) -> Iterator[tuple[keras.Variable, keras.Variable]]:
    """Each trained variable of an optimizer with averages, and its average."""
    return zip(
        optimizer._trainable_variables,
        optimizer._model_variables_moving_average,
        strict=True,
    )


@contextlib.contextmanager
def without_sum_over_replicas(optimizers: Iterable) -> Iterator[None]:
    """Context in which these optimizers do not sum gradients over replicas."""
    attributes = [vars(optimizer) for optimizer in optimizers]
    for each in attributes:
        each[_SUM_OVER_REPLICAS] = list
    try:
        yield
    finally:
        for each in attributes:
            del each[_SUM_OVER_REPLICAS]


class OptimizerHooks:
    """Base of an optimizer that moves its averages by `move_averages`."""

    _model_variables_moving_average: list[keras.Variable]

    def move_averages(
        self, pairs: Iterable[tuple[keras.Variable, keras.Variable]]
    ) -> None:
        """Moves the averages after a step; `pairs` are (variable, average)."""
        raise NotImplementedError

    def _update_model_variables_moving_average(
        self, trainable_variables: Sequence[keras.Variable]
    ) -> None:
        averages = self._model_variables_moving_average
        self.move_averages(zip(trainable_variables, averages, strict=True))


class ModelHooks:
    """Base of a model that decides on XLA by `gains_by_xla`."""

    def gains_by_xla(self, training: bool = False) -> bool:
        """Whether functions of the model are faster with XLA."""
        raise NotImplementedError

    def _resolve_auto_jit_compile(self) -> bool:
        """Resolves `jit_compile="auto"`: Keras itself never uses XLA on CPUs.

        Under a distribution strategy XLA fails.
        """
        return not is_under_strategy(self) and self.gains_by_xla(training=True)

    def _maybe_symbolic_build(
        self, iterator: object = None, data_batch: object = None
    ) -> None:
        """Does nothing: all is built, and Keras' own fails on several machines."""
