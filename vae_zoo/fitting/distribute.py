"""Training on several devices and machines: who there is, and who has which rows.

With `TF_CONFIG` in the environment a process is one of several workers, else it trains
on all GPUs of its machine. The loss is the mean over the global batch, and the noise of
an example a function of the seed, the step and the example's row in that batch: a run
on any number of replicas is the run of one process, up to rounding.
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from vae_zoo.arguments import check_count, check_instance, shown
from vae_zoo.components import replicas
from vae_zoo.fitting import tf_config, workers
from vae_zoo.fitting.workers import WorkerLostError
from vae_zoo.tensors import TensorLike

# What TensorFlow raises in a worker when another one is gone,
SIGNS_OF_A_LOST_WORKER = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.UnavailableError,
)
# and what it also raises for mistakes in a program, in XLA and in drivers,
MAY_BE_SIGNS = (
    tf.errors.FailedPreconditionError,  # It is back, before this one knew it gone.
    tf.errors.InternalError,
    tf.errors.UnknownError,
)
# where the message tells them apart.
WORDS_OF_A_LOST_WORKER = re.compile(
    r"socket closed|connection (reset|refused|timed out)|failed to connect|broken pipe"
    r"|stream removed|goaway|from remote target|error reported from /job"
    r"|heartbeat|tasks? .*(crashed|unhealthy|disconnected|restarted|preempted)"
    r"|incarnation|coordination ?service|remote process exited|network error",
    re.IGNORECASE,
)


def make_strategy(batch_size: int) -> tf.distribute.Strategy:
    """The `tf.distribute.Strategy` of this process, to be made before any tensor.

    `MultiWorkerMirroredStrategy` with `TF_CONFIG`, which waits for the other workers;
    else `MirroredStrategy` over the GPUs of this machine.

    Args:
        batch_size: examples in a global batch, a multiple of the number of replicas.

    Raises:
        ValueError: if `TF_CONFIG` is malformed or names what is not there or taken,
            see `workers.meet`; if there is only one device and no `TF_CONFIG`; or if
            `batch_size` is no multiple.
        WorkerLostError: if the other workers do not come in time.
    """
    check_count("batch_size", batch_size, 1, "the examples in a global batch")
    config = os.environ.get("TF_CONFIG")
    num_gpus = len(tf.config.list_physical_devices("GPU"))
    if not config and num_gpus < 2:
        raise ValueError(
            "`distribute` needs several GPUs, or TF_CONFIG in the environment, which "
            f"names the workers. Received: {num_gpus} GPUs and no TF_CONFIG"
        )
    cluster = tf_config.read_cluster(config) if config else None
    num_workers = len(cluster.addresses) if cluster else 1
    num_replicas = num_workers * max(num_gpus, 1)
    if batch_size % num_replicas:
        raise ValueError(
            f"`batch_size` must be a multiple of {num_replicas}, the number of "
            f"replicas that a global batch is dealt out to. Received: {batch_size}"
        )
    if cluster is None:
        return tf.distribute.MirroredStrategy()
    workers.meet(cluster)
    with lost_workers_named():
        return tf.distribute.MultiWorkerMirroredStrategy()


@contextlib.contextmanager
def lost_workers_named() -> Iterator[None]:
    """Turns what TensorFlow raises when a worker is gone into a `WorkerLostError`.

    Errors of this process' own, as XLA or a driver has, stay what they are: to start
    again would not mend them.
    """
    try:
        yield
    except tf.errors.OpError as error:
        if not os.environ.get("TF_CONFIG") or not is_of_a_lost_worker(error):
            raise
        raise WorkerLostError(
            "another worker was lost; start all of them again by the same command, and "
            f"they resume. TensorFlow says: {error.message}"
        ) from error


def is_of_a_lost_worker(error: tf.errors.OpError) -> bool:
    """Whether TensorFlow's `error` comes of another worker's end."""
    if isinstance(error, SIGNS_OF_A_LOST_WORKER):
        return True
    return isinstance(error, MAY_BE_SIGNS) and bool(
        WORDS_OF_A_LOST_WORKER.search(error.message or "")
    )


def is_distributed(strategy: tf.distribute.Strategy) -> bool:
    """Whether it is a strategy that somebody made, not TensorFlow's default."""
    with _checked(strategy).scope():
        return tf.distribute.has_strategy()


def _checked(strategy: object) -> tf.distribute.Strategy:
    return check_instance(
        "strategy", strategy, tf.distribute.Strategy, "a tf.distribute.Strategy"
    )


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that writes: the only one, or the first."""
    return _checked(strategy).extended.should_checkpoint


def sharded(
    strategy: tf.distribute.Strategy, batches: Callable[..., tf.data.Dataset]
) -> tf.distribute.DistributedDataset:
    """The data that `fit` and `evaluate` take under `strategy`.

    Args:
        strategy: a strategy that somebody made.
        batches: function of `replicas` and `num_replicas`, see `Source.batches`, to a
            `tf.data.Dataset`.

    Returns:
        A `tf.distribute.DistributedDataset`; each worker reads its own rows alone.

    Raises:
        ValueError: if `strategy` is none, or `batches` no function.
    """
    if not is_distributed(strategy):
        raise ValueError(
            "`strategy` must be one that `make_strategy` gave, or another of "
            "tf.distribute. Received: TensorFlow's default, which deals out nothing"
        )
    if not callable(batches):
        raise ValueError(
            "`batches` must be a function of `replicas` and `num_replicas`, such as "
            f"`source.batches` with its batch size. Received: {shown(batches)}"
        )

    def of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
        count = context.num_replicas_in_sync // context.num_input_pipelines
        first = context.input_pipeline_id * count
        return batches(
            replicas=range(first, first + count),
            num_replicas=context.num_replicas_in_sync,
        )

    return strategy.distribute_datasets_from_function(of_worker)


def gathered(strategy: tf.distribute.Strategy, value: TensorLike) -> np.ndarray:
    """The `value` of each replica, an array [R, ...]; waits for all workers."""
    return replicas.gathered(_checked(strategy), value)


def check_equal(
    strategy: tf.distribute.Strategy, number: int, expectation: str, name: str
) -> None:
    """Raises ValueError unless all replicas have the same integer `number`.

    Args:
        strategy: where other replicas may be.
        number: this process' own.
        expectation: what the error says there should be.
        name: of what the error says was received.
    """
    if _checked(strategy).num_replicas_in_sync == 1:
        return
    found = gathered(strategy, np.int64(number))
    if (found != number).any():
        raise ValueError(f"{expectation}. Received: {name} {found.tolist()}")
