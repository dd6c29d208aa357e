"""Ten clusters of handwritten digits, found without a label.

    python examples/clusters_of_digits.py [--epochs 70] [--output clusters.png]

Trains a Gaussian-mixture VAE on scikit-learn's 8 x 8 digits, counts the test digits
whose cluster stands for their class, and draws one row of samples for each cluster.
"""

import argparse

import keras
import numpy as np

import vae_zoo
from vae_zoo import plotting
from vae_zoo.components import cluster_initializers, likelihoods, networks
from vae_zoo.evaluation import evaluate_clusters


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=70)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", default="clusters.png")
    arguments = parser.parse_args()

    data = vae_zoo.datasets.load("digits", batch_size=64)
    keras.utils.set_random_seed(arguments.seed)
    model = vae_zoo.GaussianMixtureVAE(
        (8, 8, 1),
        latent_dim=16,
        num_clusters=10,
        encoder=networks.MLP((256, 128)),
        likelihood=likelihoods.Normal(0.07),
        initialization=cluster_initializers.NeighborEmbedding(num_epochs=50),
        seed=arguments.seed,
    )
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(data, epochs=arguments.epochs, verbose=2)

    # The labels of the training digits say what each cluster stands for.
    training = vae_zoo.datasets.load("digits", labels=True)
    test = vae_zoo.datasets.load("digits", "test", labels=True)
    scores = evaluate_clusters(model, test, reference=training)
    print(f"test accuracy: {scores.hungarian_accuracy:.3f}")
    rows = [model.sample(10, seed=0, cluster=k) for k in range(model.num_clusters)]
    plotting.save(plotting.clusters(np.stack(rows)), arguments.output)
    print(arguments.output)


if __name__ == "__main__":
    main()
