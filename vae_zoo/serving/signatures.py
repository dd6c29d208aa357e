"""The signatures of an exported model, made of core TensorFlow ops alone."""

import math

import tensorflow as tf

from vae_zoo.distributions.noise import fold_in
from vae_zoo.models.latent_methods import drawn


def signatures(model, num_importance_samples, num_imputation_steps):
    """The `tf.function`s that a server calls, by name.

    A row of an answer depends on its own row of the request alone: its random numbers
    are those of the row's seed. Where a row of the request is not finite, the row of
    the answer is NaN, its cluster -1; `score` of values off the likelihood's support
    is -infinity.

    Args:
        model: a model of the package.
        num_importance_samples: draws for each row of `score`.
        num_imputation_steps: steps of the chain for each row of `impute`.
    """
    x = _spec("inputs", model.input_shape)
    mask = _spec("mask", model.input_shape)
    z = _spec("latents", (model.latent_dim,))
    seeds = _spec("seeds", (2,), tf.int32)

    def serving_default(inputs):
        latents = model.encode(inputs)
        reconstructions = model.decode(latents)
        answer = {"latents": latents, "reconstructions": reconstructions}
        return _where_finite(inputs, answer)

    def encode(inputs):
        # As `model.encode`, in one pass through the encoder.
        parameters = model.posterior_parameters(inputs)
        q = model.posterior_head.distribution(**parameters)
        answer = {"latents": model.geometry.location(q), **parameters}
        return _where_finite(inputs, answer)

    def decode(latents):
        return _where_finite(latents, {"outputs": model.decode(latents)})

    def reconstruct(inputs):
        return _where_finite(inputs, {"outputs": model.reconstruct(inputs)})

    def sample(seeds):
        seeds = tf.ensure_shape(seeds, (None, 2))
        latents = model.prior().sample(tf.shape(seeds)[0], seed=seeds)
        return {"outputs": model.decode(latents)}

    def draw(seeds):
        seeds = tf.ensure_shape(seeds, (None, 2))
        latents = model.prior().sample(tf.shape(seeds)[0], seed=seeds)
        return {"outputs": drawn(model, latents, seeds)}

    def score(inputs, seeds):
        seeds = _with_rows_of(inputs, "seeds", seeds, (2,))
        low, high = model.likelihood_head.support
        is_possible = _all_of_row((inputs >= low) & (inputs <= high))
        log_likelihood = model.log_marginal_likelihood(
            inputs, num_importance_samples, seed=seeds
        )
        bound = model.elbo(inputs, seed=fold_in(seeds, 1))
        answer = {"log_marginal_likelihood": log_likelihood, "elbo": bound}
        answer = _where(is_possible, answer, -math.inf)
        return _where_finite(inputs, answer)

    def impute(inputs, mask, seeds):
        seeds = _with_rows_of(inputs, "seeds", seeds, (2,))
        mask = _with_rows_of(inputs, "mask", mask, model.input_shape)
        outputs = model.impute(inputs, mask, num_imputation_steps, seeds)
        observed = tf.where(mask > 0.5, inputs, tf.zeros_like(inputs))
        return _where_finite(observed + mask, {"outputs": outputs})

    def cluster(inputs):
        probabilities = model.cluster_probabilities(inputs)
        chosen = tf.argmax(probabilities, axis=-1, output_type=tf.int32)
        answer = {"probabilities": probabilities, "cluster": chosen}
        return _where_finite(inputs, answer)

    specs = {
        serving_default: [x],
        encode: [x],
        decode: [z],
        reconstruct: [x],
        sample: [seeds],
        draw: [seeds],
        score: [x, seeds],
        impute: [x, mask, seeds],
    }
    if model.num_clusters:
        specs[cluster] = [x]
    # Nothing here is for AutoGraph, which takes as long as all the rest.
    return {
        function.__name__: tf.function(function, spec, autograph=False)
        for function, spec in specs.items()
    }


def _with_rows_of(inputs, name, value, shape):
    """`value`, an error where its shape is not that of a row for each of `inputs`."""
    value = tf.ensure_shape(value, (None, *shape))
    checked = tf.debugging.assert_equal(
        tf.shape(value)[0],
        tf.shape(inputs)[0],
        f"`{name}` must have as many rows as `inputs`",
    )
    with tf.control_dependencies([checked]):
        return tf.identity(value)


def _where_finite(request, answer):
    """`answer`, NaN where a row of `request` is not finite, integers -1."""
    return _where(_all_of_row(tf.math.is_finite(request)), answer, math.nan)


def _where(is_good, answer, otherwise):
    """`answer` in good rows, elsewhere a float, of integers -1."""
    chosen = {}
    for name, value in answer.items():
        shape = tf.concat(
            [tf.shape(is_good), tf.ones(value.shape.rank - 1, "int32")], 0
        )
        other = otherwise if value.dtype.is_floating else -1
        chosen[name] = tf.where(tf.reshape(is_good, shape), value, other)
    return chosen


def _all_of_row(is_good):
    return tf.reduce_all(is_good, axis=range(1, is_good.shape.rank))


def _spec(name, shape, dtype=tf.float32):
    return tf.TensorSpec((None, *shape), dtype, name=name)
