"""Fill missing entries of a table with draws given the known entries.

    python examples/tabular.py [--epochs 100] [--missing 0.3]

The data are scikit-learn's breast cancer data, 569 rows of 30 measurements. A VAE with
a normal likelihood learns from complete training rows. A share of the entries of the
test rows is hidden, and filled in with the means of the columns and with the mean of
twenty draws of `impute`. The errors are in standard deviations of a column.
"""

import argparse

import keras
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import QuantileTransformer

import vae_zoo
from vae_zoo.components import likelihoods, networks

NUM_DRAWS = 20


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--missing", type=float, default=0.3)
    arguments = parser.parse_args()

    table = load_breast_cancer().data
    train, test = train_test_split(table, test_size=0.2, random_state=0)
    scaler = QuantileTransformer(n_quantiles=100, output_distribution="normal")
    train = np.clip(scaler.fit_transform(train), -3, 3).astype("float32")
    test = np.clip(scaler.transform(test), -3, 3).astype("float32")

    keras.utils.set_random_seed(0)
    model = vae_zoo.VAE(
        (30,),
        latent_dim=8,
        encoder=networks.MLP((128, 64)),
        likelihood=likelihoods.Normal(min_scale=0.1),
        seed=0,
    )
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(train, batch_size=32, epochs=arguments.epochs, verbose=2)

    observed = np.random.default_rng(0).random(test.shape) >= arguments.missing
    rows = np.where(observed, test, np.nan)  # Missing entries are never read.
    copies = [np.concatenate([each] * NUM_DRAWS) for each in (rows, observed)]
    draws = model.impute(*copies, num_steps=200, seed=0).numpy()
    imputed = draws.reshape(NUM_DRAWS, *test.shape).mean(axis=0)
    for name, filled in (("column means", train.mean(axis=0)), ("impute", imputed)):
        error = np.sqrt(np.mean((filled - test)[~observed] ** 2))
        print(f"{name}: root mean squared error {error:.3f}")


if __name__ == "__main__":
    main()
