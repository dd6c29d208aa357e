"""Clusters of clothes without labels and with a hundred, and two plain methods.

    python benchmarks/clustering_fashion_mnist.py --output runs/clustering_fashion_mnist

The data are Fashion-MNIST, the model is `GaussianMixtureVAE`. The runs are scored on
the 10,000 test images, which no training sees. The Hungarian accuracy is compared with
k-means on pixels, and the accuracy with ten labels of each class with a logistic
regression on the pixels of the same hundred images. `--choose` does not use the test
images: it compares distortions on validation images
(`vae_zoo.evaluation.compare_distortions`). Every figure goes to `results.json` in the
output folder as soon as it is known.
"""

import argparse
import json
import pathlib
import statistics
import time

import keras
import numpy as np
import sklearn.cluster
import sklearn.linear_model
import tensorflow as tf

import vae_zoo
from vae_zoo import atomic
from vae_zoo.components import cluster_initializers, distortions, networks
from vae_zoo.datasets import open_source, with_few_labels
from vae_zoo.evaluation import compare_distortions, evaluate_clusters, score_clusters

NUM_CLASSES, LABELS_PER_CLASS = 10, 10
# By name in `distortions.CANDIDATES`.
DISTORTIONS = {"clusters": "none", "labels": "none"}
LATENT_DIMS = {"clusters": 16, "labels": 32}
CLASSIFIER_WEIGHTS = {"clusters": 0.0, "labels": 500.0}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--output", type=pathlib.Path, required=True)
    add("--data-dir", default=None, help="where TFDS keeps its data")
    add("--tasks", nargs="+", choices=list(DISTORTIONS), default=list(DISTORTIONS))
    add("--seeds", type=int, nargs="+", default=[0, 1, 2])
    add("--num-examples", type=int, default=54_000, help="of the training images")
    add("--pretraining-epochs", type=int, default=45)
    add("--epochs", type=int, default=60)
    add("--hidden-units", type=int, nargs="+", default=[512, 512])
    add(
        "--num-grouped", type=int, default=6_000, help="examples that clusters start of"
    )
    add("--choose", action="store_true", help="compare distortions instead")
    add(
        "--candidates",
        nargs="+",
        choices=list(distortions.CANDIDATES),
        default=list(distortions.CANDIDATES),
        help="what to compare",
    )
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "results.json"
    results = json.loads(path.read_text()) if path.exists() else []
    for task in options.tasks:
        for seed in options.seeds[:1] if options.choose else options.seeds:
            work = choose if options.choose else run
            results.append({"task": task, "seed": seed, **work(task, seed, options)})
            results[-1]["settings"] = {
                key: value
                for key, value in vars(options).items()
                if key
                not in ("output", "data_dir", "choose", "candidates", "tasks", "seeds")
            }
            atomic.write_json(path, results)
            print(json.dumps(results[-1]), flush=True)
        if not options.choose:
            print_table([each for each in results if each["task"] == task])


def arrays(split, options, seed=None):
    """Images and labels; with a seed all labels but ten of each class are -1."""
    source = open_source("fashion_mnist", split, data_dir=options.data_dir)
    if seed is not None:
        source = with_few_labels(
            source, LABELS_PER_CLASS, seed, num_classes=NUM_CLASSES
        )
    parts = list(source.batches(1000, labels=True).as_numpy_iterator())
    x, y = (np.concatenate(each) for each in zip(*parts, strict=True))
    return x, np.reshape(y, -1)


def build(task, seed, options, amounts):
    """The compiled model of a task, untrained."""
    keras.utils.set_random_seed(seed)
    encoder = networks.MLP(options.hidden_units)
    if amounts:
        encoder = distortions.Distorted(encoder, seed=seed, **amounts)
    model = vae_zoo.GaussianMixtureVAE(
        (28, 28, 1),
        LATENT_DIMS[task],
        NUM_CLASSES,
        encoder=encoder,
        initialization=cluster_initializers.NeighborEmbedding(
            options.pretraining_epochs, max_examples=options.num_grouped
        ),
        classifier_weight=CLASSIFIER_WEIGHTS[task],
        seed=seed,
    )
    steps = options.epochs * -(-options.num_examples // 256)
    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps)
    # In a short run XLA takes longer to compile than it saves.
    jit_compile = "auto" if steps > 2_000 else False
    model.compile(keras.optimizers.Adam(rate), jit_compile=jit_compile)
    return model


def training_data(task, seed, options):
    split = f"train[:{options.num_examples}]"
    x, y = arrays(split, options, seed if task == "labels" else None)
    return x, y if task == "labels" else None


def run(task, seed, options):
    """The test accuracy of one training, and that of the plain method."""
    start = time.monotonic()
    x, y = training_data(task, seed, options)
    amounts = distortions.CANDIDATES[DISTORTIONS[task]]
    model = build(task, seed, options, amounts)
    model.fit(x, y, batch_size=256, epochs=options.epochs, verbose=0)
    test_x, test_y = arrays("test", options)
    test = tf.data.Dataset.from_tensor_slices((test_x, test_y)).batch(1000)
    scores = vars(evaluate_clusters(model, test))
    minutes = (time.monotonic() - start) / 60
    pixels, test_pixels = x.reshape(len(x), -1), test_x.reshape(len(test_x), -1)
    if task == "labels":
        known = y >= 0
        plain = sklearn.linear_model.LogisticRegression(max_iter=1000)
        plain = plain.fit(pixels[known], y[known]).score(test_pixels, test_y)
        accuracy = scores["label_accuracy"]
    else:
        method = sklearn.cluster.KMeans(NUM_CLASSES, n_init=3, random_state=seed)
        groups = method.fit(pixels).predict(test_pixels)
        groups = score_clusters(np.eye(NUM_CLASSES)[groups], test_y)
        plain, accuracy = groups.hungarian_accuracy, scores["hungarian_accuracy"]
    return {
        "accuracy": accuracy,
        "plain": plain,
        "distortions": DISTORTIONS[task],
        "minutes": minutes,
        "test": scores,
    }


def choose(task, seed, options):
    """Validation accuracies with each of the candidate distortions."""
    x, y = training_data(task, seed, options)
    held_out = arrays("train[90%:]", options)
    found = compare_distortions(
        build(task, seed, options, {}),
        x,
        y,
        validation=tf.data.Dataset.from_tensor_slices(held_out).batch(1000),
        candidates={name: distortions.CANDIDATES[name] for name in options.candidates},
        epochs=options.epochs,
        batch_size=256,
    )
    return {"validation": {name: vars(scores) for name, scores in found.items()}}


def print_table(runs):
    """Mean and deviation over the seeds, ours and the plain method's."""
    for key in ("accuracy", "plain"):
        values = [100 * each[key] for each in runs if key in each]
        deviation = statistics.stdev(values) if len(values) > 1 else float("nan")
        print(
            f"{runs[0]['task']:<10}{key:<10}{statistics.mean(values):6.2f} +- "
            f"{deviation:4.2f}  {len(values)} seeds",
            flush=True,
        )


if __name__ == "__main__":
    main()
