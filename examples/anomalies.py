"""Find anomalies: a digit that was left out of a model's training.

    python examples/anomalies.py [--unseen 0] [--epochs 100] [--output anomalies.png]

Trains a VAE on scikit-learn's 8 x 8 digits without one of the ten, scores the test
digits by -log p(x), prints the area under the ROC curve, and draws the most and the
least ordinary ones.
"""

import argparse

import keras
import numpy as np
from sklearn.metrics import roc_auc_score

import vae_zoo
from vae_zoo import plotting, tasks
from vae_zoo.components import likelihoods, networks

NUM_SHOWN = 10


def arrays(split):
    """Images [N, 8, 8, 1] and their classes [N]."""
    data = vae_zoo.datasets.load("digits", split, labels=True, shuffle=False)
    x, y = zip(*data.as_numpy_iterator(), strict=True)
    return np.concatenate(x), np.concatenate(y)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--unseen", type=int, default=0, choices=range(10))
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--output", default="anomalies.png")
    arguments = parser.parse_args()

    x, y = arrays("train")
    keras.utils.set_random_seed(0)
    model = vae_zoo.VAE(
        (8, 8, 1),
        latent_dim=8,
        encoder=networks.MLP((256, 128)),
        likelihood=likelihoods.Normal(min_scale=0.05),
        seed=0,
    )
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(x[y != arguments.unseen], epochs=arguments.epochs, verbose=2)

    x, y = arrays("test")
    scores = tasks.anomaly_scores(model, x)
    area = roc_auc_score(y == arguments.unseen, scores)
    print(f"area under the ROC curve: {area:.3f}")
    order = np.argsort(-scores)
    shown = np.stack([x[order[:NUM_SHOWN]], x[order[: -NUM_SHOWN - 1 : -1]]])
    plotting.save(
        plotting.rows(shown, ["least ordinary", "most ordinary"]), arguments.output
    )
    print(arguments.output)


if __name__ == "__main__":
    main()
