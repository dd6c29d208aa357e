"""The share of samples of cluster k that are pictures of class k, with few labels.

    python benchmarks/samples_of_clusters.py --output runs/samples_of_clusters.json

It trains Gaussian-mixture VAEs on scikit-learn's digits with ten labels of each class.
A support vector machine, trained on the real digits, tells the class of each sample of
a cluster. `before` is the end of the last epoch; `after` is the end of `fit`, which
fits the clusters to the codes again (`vae_zoo.models.cluster_moments.fit_to_codes`).
"""

import argparse
import json
import pathlib
import statistics

import keras
import numpy as np
import sklearn.datasets
import sklearn.svm

import vae_zoo
from vae_zoo import atomic
from vae_zoo.components import cluster_initializers, networks
from vae_zoo.datasets import open_source, with_few_labels

NUM_CLASSES, SAMPLES_PER_CLUSTER = 10, 200


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--output", type=pathlib.Path, required=True)
    add("--seeds", type=int, nargs="+", default=[0, 1, 2])
    add("--epochs", type=int, nargs="+", default=[25, 150])
    add("--classifier-weights", type=float, nargs="+", default=[500.0])
    options = parser.parse_args()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    classes_of, test = judge()
    runs = []
    for weight in options.classifier_weights:
        for epochs in options.epochs:
            found = [
                run(seed, epochs, weight, classes_of, test) for seed in options.seeds
            ]
            runs += found
            atomic.write_json(options.output, runs)
            print_table(found)


def judge():
    """A function from images to their classes, and the test images with labels."""
    digits = sklearn.datasets.load_digits()
    x, y = digits.images[..., None].astype("float32") / 16, digits.target
    # The package's test split of `digits` is the last fifth.
    first = len(x) * 4 // 5
    machine = sklearn.svm.SVC(C=10, gamma=0.05)
    machine.fit(x[:first].reshape(first, -1), y[:first])

    def classes_of(images):
        return machine.predict(np.reshape(images, (len(images), -1)))

    test = x[first:], y[first:]
    print(
        f"the judge's own test accuracy: {np.mean(classes_of(test[0]) == test[1]):.3f}"
    )
    return classes_of, test


def run(seed, epochs, classifier_weight, classes_of, test):
    """The measures of one training, before and after the clusters' last fit."""
    keras.utils.set_random_seed(seed)
    source = with_few_labels(
        open_source("digits", "train[:90%]"), 10, seed, num_classes=NUM_CLASSES
    )
    model = vae_zoo.GaussianMixtureVAE(
        (8, 8, 1),
        16,
        NUM_CLASSES,
        encoder=networks.MLP((512, 256)),
        initialization=cluster_initializers.GaussianMixture(10),
        classifier_weight=classifier_weight,
        seed=seed,
    )
    model.compile(keras.optimizers.Adam(1e-3), jit_compile=False)
    figures = {"seed": seed, "epochs": epochs, "classifier_weight": classifier_weight}

    def measure_last(epoch, logs):
        if epoch + 1 == epochs:
            figures["before"] = measured(model, classes_of, test)

    data = source.batches(128, shuffle=True, seed=seed, labels=True)
    callback = keras.callbacks.LambdaCallback(on_epoch_end=measure_last)
    model.fit(data, epochs=epochs, verbose=0, callbacks=[callback])
    figures["after"] = measured(model, classes_of, test)
    print(json.dumps(figures), flush=True)
    return figures


def measured(model, classes_of, test):
    """Shares of samples of the right class and of test images, and the test ELBO."""
    shares = [
        np.mean(
            classes_of(model.sample(SAMPLES_PER_CLUSTER, seed=index, cluster=index))
            == index
        )
        for index in range(NUM_CLASSES)
    ]
    x, y = test
    found = np.argmax(model.cluster_probabilities(x), axis=1)
    return {
        "samples_of_their_class": float(np.mean(shares)),
        "label_accuracy": float(np.mean(found == y)),
        "elbo": float(np.mean(model.elbo(x, seed=0))),
    }


def print_table(runs):
    for when in ("before", "after"):
        for name in runs[0][when]:
            values = [each[when][name] for each in runs]
            deviation = statistics.stdev(values) if len(values) > 1 else float("nan")
            print(
                f"{runs[0]['epochs']:4d} epochs, weight "
                f"{runs[0]['classifier_weight']:g}, {when:<6} {name:<24}"
                f"{statistics.mean(values):8.3f} +- {deviation:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
