"""The classes of clothes from ten labels each, by a VAE's codes and by pixels.

    python benchmarks/few_labels_fashion_mnist.py --output runs/few_labels.json

The recipe is M1 of Kingma et al. 2014 with a graph instead of a support vector machine:
a VAE learns from all training images without labels, and the labels spread between
images with neighbouring codes (Zhou et al. 2004; Calder et al. 2020 build such graphs
on a VAE's codes). Each seed draws a hundred labels and trains its own VAE. The 10,000
test images are in no training and in no graph. `--validation` scores the last 6,000
training images instead, on which every setting here was chosen.
"""

import argparse
import json
import pathlib
import statistics
import time

import keras
import numpy as np
import sklearn.decomposition
import sklearn.linear_model
import sklearn.model_selection
import sklearn.neighbors
import sklearn.semi_supervised

import vae_zoo
from vae_zoo import atomic
from vae_zoo.components import distortions, networks
from vae_zoo.datasets import open_source, with_few_labels

NUM_CLASSES, LABELS_PER_CLASS = 10, 10
LATENT_DIM, NUM_NEIGHBORS = 16, 20
TRAINING, VALIDATION = "train[:54000]", "train[54000:]"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--output", type=pathlib.Path, required=True)
    add("--data-dir", default=None, help="where TFDS keeps its data")
    add("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    add("--epochs", type=int, default=10)
    add("--distortions", choices=list(distortions.CANDIDATES), default="gentle")
    add("--validation", action="store_true", help="score validation images instead")
    options = parser.parse_args()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    split = VALIDATION if options.validation else "test"
    training = open_source("fashion_mnist", TRAINING, data_dir=options.data_dir)
    new = arrays(open_source("fashion_mnist", split, data_dir=options.data_dir))
    runs = []
    for seed in options.seeds:
        few = with_few_labels(training, LABELS_PER_CLASS, seed, num_classes=NUM_CLASSES)
        scores = run(*arrays(few), *new, seed, options)
        settings = {"epochs": options.epochs, "distortions": options.distortions}
        runs.append({"seed": seed, "split": split, **settings, **scores})
        atomic.write_json(options.output, runs)
        print(json.dumps(runs[-1]), flush=True)
    print_table([each["accuracy"] for each in runs])


def arrays(source):
    """Images and labels, which are -1 where they are unknown."""
    parts = list(source.batches(1000, labels=True).as_numpy_iterator())
    x, y = (np.concatenate(each) for each in zip(*parts, strict=True))
    return x, np.reshape(y, -1)


def run(x, y, new_x, new_y, seed, options):
    """The accuracy of every method on the new images, and the recipe's minutes."""
    pixels, new_pixels = (np.reshape(each, (len(each), -1)) for each in (x, new_x))
    start = time.monotonic()
    model = trained(x, seed, options)
    codes, new_codes = (encoded(model, each) for each in (x, new_x))
    by_codes = spread_labels(codes, y, new_codes)
    known = y >= 0
    regression = sklearn.linear_model.LogisticRegression(max_iter=1000)
    by_pixels = regression.fit(pixels[known], y[known]).predict_proba(new_pixels)
    minutes = (time.monotonic() - start) / 60
    components = sklearn.decomposition.PCA(LATENT_DIM, random_state=seed).fit(pixels)
    found = {
        "regression on pixels": by_pixels,
        "regression on pixels, tuned": tuned_regression(
            pixels[known], y[known], seed
        ).predict_proba(new_pixels),
        "graph of principal components": spread_labels(
            components.transform(pixels), y, components.transform(new_pixels)
        ),
        "regression on codes": tuned_regression(
            codes[known], y[known], seed
        ).predict_proba(new_codes),
        "graph of codes": by_codes,
    }
    accuracy = {
        name: float(np.mean(np.argmax(each, axis=1) == new_y))
        for name, each in found.items()
    }
    return {"accuracy": accuracy, "minutes": minutes}


def trained(x, seed, options):
    """A VAE of all images, which uses no label."""
    keras.utils.set_random_seed(seed)
    amounts = distortions.CANDIDATES[options.distortions]
    encoder = networks.MLP((512, 256))
    if amounts:
        encoder = distortions.Distorted(encoder, seed=seed, **amounts)
    # A Bernoulli likelihood of grey values takes them as probabilities: it says less of
    # an image than a density would, and leaves to the codes what the image shows.
    model = vae_zoo.VAE((28, 28, 1), LATENT_DIM, encoder=encoder, seed=seed)
    steps = options.epochs * -(-len(x) // 256)
    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps)
    # In a run this short XLA takes longer to compile than it saves.
    model.compile(keras.optimizers.Adam(rate), jit_compile=False)
    model.fit(x, batch_size=256, epochs=options.epochs, verbose=0)
    return model


def encoded(model, x):
    """The codes of many images, in parts that fit into memory."""
    return np.concatenate(
        [model.encode(x[first : first + 2000]) for first in range(0, len(x), 2000)]
    )


def spread_labels(codes, y, new_codes):
    """p(y) of new codes [B, C], by labels that spread between neighbouring codes."""
    search = sklearn.neighbors.NearestNeighbors(n_neighbors=NUM_NEIGHBORS).fit(codes)
    near = search.kneighbors_graph()
    # Symmetric, as scikit-learn's own kernel "knn" is not.
    graph = near + near.T
    # `tol` bounds a sum over all examples and classes.
    spread = sklearn.semi_supervised.LabelSpreading(
        kernel=lambda *_: graph, alpha=0.99, max_iter=1000, tol=0.1
    )
    spread.fit(codes, y)
    weights = search.kneighbors_graph(new_codes)
    return weights @ spread.label_distributions_ / NUM_NEIGHBORS


def tuned_regression(features, y, seed):
    """A logistic regression with its regularization chosen by cross-validation."""
    folds = sklearn.model_selection.StratifiedKFold(5, shuffle=True, random_state=seed)
    search = sklearn.model_selection.GridSearchCV(
        sklearn.linear_model.LogisticRegression(max_iter=1000),
        {"C": 10.0 ** np.arange(-3, 4)},
        cv=folds,
    )
    return search.fit(features, y)


def print_table(accuracies):
    """Means and deviations, and those of what each method gains for the same labels."""
    print("percent, mean +- deviation; the gain over the regression on pixels")
    for name in accuracies[0]:
        values = [100 * each[name] for each in accuracies]
        gains = [
            100 * (each[name] - each["regression on pixels"]) for each in accuracies
        ]
        print(f"{name:<40}{summary(values)}   {summary(gains)}")


def summary(values):
    """Mean and deviation."""
    deviation = statistics.stdev(values) if len(values) > 1 else float("nan")
    return f"{statistics.mean(values):6.2f} +- {deviation:4.2f}"


if __name__ == "__main__":
    main()
