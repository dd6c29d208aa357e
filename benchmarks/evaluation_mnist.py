"""Three estimates of log p(x), and imputation, on statically binarized MNIST.

    python benchmarks/evaluation_mnist.py --output runs/evaluation_mnist

Trains two VAEs with hidden layers of 500-500, of 2 and of 20 latents (50 epochs each,
resumed if interrupted), and compares on test images:

- with 2 latents importance sampling, annealed importance sampling and Hamiltonian Monte
  Carlo with a density estimate (appendix D of Kingma & Welling 2014), with each other
  and with the integral over a grid, in units of their sampling error;
- with 20 latents importance sampling and annealing, whose two sides are also compared
  on data that the model draws;
- with 20 latents the hidden lower half of images: the mean log-likelihood of a hidden
  pixel under its frequency in the training images (mean imputation), under one
  reconstruction of the image completed that way, and under the mean of fifty
  imputations.
"""

import argparse
import math
import pathlib

import numpy as np
import tensorflow as tf

from vae_zoo import VAE, cli, datasets
from vae_zoo.evaluation import (
    Estimate,
    annealed_marginal_likelihood,
    bidirectional,
    hamiltonian_marginal_likelihood,
    marginal_likelihood,
)

NUM_IMPUTATIONS, NUM_STEPS = 50, 100


def train(latent_dim, folder, data_dir):
    """One run by the command line; returns its model."""
    arguments = [
        *("train", "vae", "--dataset=binarized_mnist", "--split=train"),
        *("--validation-split=validation", f"--latent-dim={latent_dim}"),
        *("--hidden-units", "500", "500", "--epochs=50", "--cosine-decay"),
        f"--output={folder}",
    ]
    if data_dir:
        arguments.append(f"--data-dir={data_dir}")
    if cli.main(arguments):
        raise SystemExit(f"{folder}: the run failed")
    return VAE.from_preset(folder)


def show(name, estimate, references=()):
    """One line; how many errors lie between it and each reference."""
    line = f"  {name:<46} {estimate.mean:9.3f} +- {estimate.sampling_error:.3f} nats"
    for reference in references:
        error = math.hypot(estimate.sampling_error, reference.sampling_error)
        difference = estimate.mean - reference.mean
        line += f"  ({difference:+.3f}, {difference / error:+.1f} errors)"
    print(line, flush=True)


def importance_sampling(model, data, num_samples, prior_share):
    """Shows and returns the estimate of log p(x)."""
    found = marginal_likelihood(model, data, num_samples, prior_share=prior_share)
    size = found["effective_sample_size"].mean
    name = f"{num_samples} samples, {prior_share:.0%} of the prior's"
    show(f"{name}, {size:.0f} effective", found["log_marginal_likelihood"])
    return found["log_marginal_likelihood"]


def integral(model, data, bound=6.0, num_steps=1200):
    """Mean log p(x) by the rectangle rule over two latents in [-bound, bound]."""
    axis = tf.linspace(-bound, bound, num_steps)
    grid = tf.reshape(tf.stack(tf.meshgrid(axis, axis), axis=-1), [-1, 2])
    x = tf.reshape(tf.concat(list(data), axis=0), [-1, math.prod(model.input_shape)])

    @tf.function
    def log_sum(z):
        logits = tf.reshape(model.likelihood_parameters(z)["logits"], [-1, x.shape[1]])
        log_p = tf.matmul(logits, x, transpose_b=True)
        log_p -= tf.reduce_sum(tf.math.softplus(logits), axis=1, keepdims=True)
        log_p += model.prior().log_prob(z)[:, None]
        return tf.reduce_logsumexp(log_p, axis=0)

    # No further apart than float32 can add up.
    parts = [log_sum(z).numpy() for z in tf.split(grid, num_steps)]
    log_area = 2 * math.log(2 * bound / (num_steps - 1))
    return float(np.mean(np.logaddexp.reduce(parts, axis=0))) + log_area


def compare_two_latents(model, data):
    """All that there is for few latents."""
    print("2 latents; +- is the error of sampling, on these images")
    exact = Estimate(integral(model, data), math.nan, 0, 0.0)
    print(
        f"  {'integral over a grid':<46} {exact.mean:9.3f}           nats", flush=True
    )
    importance_sampling(model, data, 5_000, 0.0)
    importance = importance_sampling(model, data, 100_000, 0.9)
    annealed = annealed_marginal_likelihood(model, data, 500, num_chains=20)
    hamiltonian = hamiltonian_marginal_likelihood(model, data, 4_000)
    print("  in brackets: against the integral, and against those above", flush=True)
    show("importance sampling", importance, [exact])
    show("annealing, 500 steps, 20 chains", annealed, [exact, importance])
    show(
        "Hamiltonian Monte Carlo, 4000 draws",
        hamiltonian,
        [exact, importance, annealed],
    )


def compare_many_latents(model, data, num_steps=500, num_chains=10):
    """Importance sampling beside annealing, and annealing from both sides."""
    print(f"{model.latent_dim} latents; +- is the error of sampling, on these images")
    importance = importance_sampling(model, data, 5_000, 0.0)
    for steps in (num_steps // 5, num_steps):
        annealed = annealed_marginal_likelihood(
            model, data, steps, num_chains=num_chains
        )
        show(f"annealing, {steps} steps, {num_chains} chains", annealed, [importance])
    both = bidirectional(model, 100, num_steps, num_chains=num_chains)
    for name, side in (("below", both.lower), ("above", both.upper)):
        print(
            f"  {f'100 images of its own, from {name}':<46} {side.mean:9.3f} +- "
            f"{side.standard_error:.3f} nats (over images)"
        )
    gap = f"{both.gap.mean:9.3f} +- {both.gap.standard_error:.3f} nats"
    print(f"  {'gap of the two':<46} {gap}", flush=True)


def compare_imputations(model, x, training_mean):
    """The mean log-likelihood of the pixels of the lower half of images x [N, ...]."""
    mask = np.ones_like(x)
    mask[:, x.shape[1] // 2 :] = 0
    filled = np.where(mask == 1, x, training_mean)
    impute = tf.function(lambda seed: model.impute(x, mask, NUM_STEPS, seed=seed))
    seeds = [tf.constant([0, number]) for number in range(NUM_IMPUTATIONS)]
    draws = np.mean([impute(seed) for seed in seeds], axis=0)
    # Draws say nothing of less than one in their number.
    count = NUM_IMPUTATIONS
    imputed = (draws * count + 0.5) / (count + 1)
    print(f"lower half of {len(x)} images hidden: log-likelihood of a hidden pixel")
    for name, p in (
        ("mean imputation", np.broadcast_to(training_mean, x.shape)),
        ("one reconstruction", model.reconstruct(filled).numpy()),
        (f"mean of {NUM_IMPUTATIONS} imputations, {NUM_STEPS} steps each", imputed),
    ):
        p = np.clip(p, 1e-6, 1 - 1e-6)
        log_p = np.where(x == 1, np.log(p), np.log1p(-p))
        values = np.mean(log_p, axis=(1, 2, 3), where=mask == 0)
        error = values.std(ddof=1) / len(values) ** 0.5
        print(f"  {name:<46} {values.mean():9.4f} +- {error:.4f} nats", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--data-dir", default=None, help="where TFDS keeps its data")
    parser.add_argument("--num-images", type=int, default=100, help="for the first two")
    parser.add_argument("--num-imputed", type=int, default=300)
    arguments = parser.parse_args()

    def images(split):
        return datasets.load(
            "binarized_mnist",
            split,
            100,
            shuffle=False,
            data_dir=arguments.data_dir,
        )

    models = {
        latent_dim: train(
            latent_dim, arguments.output / f"latents-{latent_dim}", arguments.data_dir
        )
        for latent_dim in (2, 20)
    }
    test = images(f"test[:{arguments.num_images}]")
    compare_two_latents(models[2], test)
    compare_many_latents(models[20], test)
    parts = [tf.reduce_mean(batch, axis=0) for batch in images("train")]
    x = np.concatenate(list(images(f"test[:{arguments.num_imputed}]")))
    compare_imputations(models[20], x, np.mean(parts, axis=0))


if __name__ == "__main__":
    main()
