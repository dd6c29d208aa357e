"""The signatures of an exported model, made of core TensorFlow ops alone."""

import tensorflow as tf

from vae_zoo.distributions.noise import fold_in


def signatures(model, num_importance_samples, num_imputation_steps):
    """The `tf.function`s that a server calls, by name.

    A row of an answer depends on its own row of the request alone: whatever
    draws random numbers does so row by row, from the row's seed.

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
        return {"latents": latents, "reconstructions": model.decode(latents)}

    def encode(inputs):
        return {
            "latents": model.encode(inputs),
            **model.posterior_parameters(inputs),
        }

    def decode(latents):
        return {"outputs": model.decode(latents)}

    def reconstruct(inputs):
        return {"outputs": model.reconstruct(inputs)}

    def sample(seeds):
        def draw(seed):
            return model.prior().sample(seed=seed)

        return {"outputs": model.decode(_by_row(draw, seeds))}

    def score(inputs, seeds):
        def score_row(row):
            x, seed = row[0][None], row[1]
            log_likelihood = model.log_marginal_likelihood(
                x, num_importance_samples, seed=seed
            )
            elbo = model.elbo(x, seed=fold_in(seed, 1))
            return log_likelihood[0], elbo[0]

        names = ("log_marginal_likelihood", "elbo")
        scores = _by_row(score_row, (inputs, seeds), (tf.float32, tf.float32))
        return dict(zip(names, scores, strict=True))

    def impute(inputs, mask, seeds):
        def impute_row(row):
            x, mask, seed = row
            return model.impute(x[None], mask[None], num_imputation_steps, seed)[0]

        return {"outputs": _by_row(impute_row, (inputs, mask, seeds))}

    def cluster(inputs):
        probabilities = model.cluster_probabilities(inputs)
        chosen = tf.argmax(probabilities, axis=-1, output_type=tf.int32)
        return {"probabilities": probabilities, "cluster": chosen}

    specs = {
        serving_default: [x],
        encode: [x],
        decode: [z],
        reconstruct: [x],
        sample: [seeds],
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


def _by_row(function, rows, dtype=tf.float32):
    return tf.map_fn(function, rows, fn_output_signature=dtype)


def _spec(name, shape, dtype=tf.float32):
    return tf.TensorSpec((None, *shape), dtype, name=name)
