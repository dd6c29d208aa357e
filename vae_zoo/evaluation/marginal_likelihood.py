"""log p(x) of a data set by importance sampling."""

import keras
import numpy as np
import tensorflow as tf

from vae_zoo.distributions.noise import fold_in
from vae_zoo.evaluation.estimate import Estimate
from vae_zoo.models.input_checks import plain_value_errors


def marginal_likelihood(
    model: keras.Model,
    data: tf.data.Dataset,
    num_samples: int,
    *,
    seed: int = 0,
    verbose: int = 0,
) -> dict[str, Estimate]:
    """Importance-sampled log p(x) and the ELBO over a data set.

    Args:
        model: a model of the package.
        data: `tf.data.Dataset` of x or (x, …), x float [B, *input_shape]; memory
            is bounded by the batch, however many samples there are.
        num_samples: draws from q(z|x) per example, >= 1.
        seed: fixes the draws.
        verbose: 1 shows Keras' progress bar.

    Returns:
        Dict of `Estimate`: `log_marginal_likelihood` and `elbo`.

    Raises:
        ValueError: if `num_samples` is below 1, or the data do not fit the model.

    Source: Burda et al. 2016, equation 8.
    """

    @tf.function(jit_compile=True)
    def score(x, key):
        log_likelihood = model.log_marginal_likelihood(x, num_samples, seed=key)
        return log_likelihood, model.elbo(x, seed=fold_in(key, 1))

    num_batches = int(data.cardinality())
    bar = keras.utils.Progbar(num_batches if num_batches > 0 else None, verbose=verbose)
    scores = {"log_marginal_likelihood": [], "elbo": []}
    with plain_value_errors():
        for step, element in enumerate(model.checked(data)):
            x = element[0] if isinstance(element, tuple) else element
            batch_scores = score(x, tf.constant([seed, step]))
            for name, values in zip(scores, batch_scores, strict=True):
                scores[name].append(values.numpy())
            bar.update(step + 1)
    return {name: Estimate.of(np.concatenate(parts)) for name, parts in scores.items()}
