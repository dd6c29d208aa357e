"""Clusters of MNIST, without labels and with a hundred.

    python benchmarks/clustering_mnist.py --output runs/clustering_mnist

All numbers of clusters and all seeds share one set of settings, chosen on training
labels; the runs with labels share another, chosen on validation labels. The test labels
only score, and the test images are in no training. Each run resumes where it stopped.
The table has the test images' accuracies as mean, deviation and best over the seeds.
`--ablations` are runs of the first seed at K = 10 with one change each.
"""

import argparse
import json
import pathlib
import statistics
import time

from vae_zoo import VAE, atomic, cli, datasets
from vae_zoo.evaluation import evaluate_clusters

# Published accuracies, mean and best: Dilokthanakul et al. 2016, table 1, M = 10.
PUBLISHED = {10: (82.31, 88.54), 16: (87.82, 96.92), 30: (89.27, 93.22)}
SETTINGS = {
    "dataset": "mnist",
    "split": "train[:90%]",
    "validation-split": "train[90%:]",
    "hidden-units": (512, 512),
    "latent-dim": 16,
    "rotation": 25,
    "shear": 0.5,
    "zoom": 0.25,
    "translation": 0.14,
    "initialization": "neighbor-embedding",
    "pretraining-epochs": 45,
    "epochs": 60,
    "batch-size": 256,
}
# Gentler distortions and more latents: better for telling classes apart with labels.
LABELS = {
    "latent-dim": 24,
    "rotation": 15,
    "shear": 0.3,
    "zoom": 0.15,
    "translation": 0.08,
    "elastic": 0.17,
    "pretraining-epochs": 40,
    "epochs": 55,
    "labels-per-class": 10,
    "classifier-weight": 500,
}
NO_DISTORTION = dict.fromkeys(("rotation", "shear", "zoom", "translation"), 0)
ABLATIONS = {
    "no distortions": NO_DISTORTION,
    "groups by a Gaussian mixture": {"initialization": "gaussian-mixture"},
    "clusters start at random": {"initialization": "none"},
}


def train(folder, settings, data_dir):
    """One run by the command line; returns the minutes that this call took."""
    arguments = [
        "train",
        "gaussian-mixture-vae",
        "--cosine-decay",
        "--binarize=none",
        f"--output={folder}",
    ]
    if settings["initialization"] == "none":
        settings = {k: v for k, v in settings.items() if k != "pretraining-epochs"}
    for name, value in settings.items():
        values = value if isinstance(value, tuple) else (value,)
        arguments += [f"--{name}", *map(str, values)]
    if data_dir:
        arguments.append(f"--data-dir={data_dir}")
    start = time.monotonic()
    if cli.main(arguments):
        raise SystemExit(f"{folder}: the run failed")
    return (time.monotonic() - start) / 60


def measure(folder, settings, data_dir):
    """The figures of one run, kept in `test.json` of its folder."""
    path = folder / "test.json"
    if path.exists():
        return json.loads(path.read_text())
    # Of a run that was resumed it is the time of the last part.
    minutes = train(folder, settings, data_dir)
    model = VAE.from_preset(folder)

    def labelled(split):
        return datasets.load(
            "mnist", split, 1000, labels=True, shuffle=False, data_dir=data_dir
        )

    training = labelled(settings["split"])
    figures = {
        "minutes": minutes,
        "test": vars(evaluate_clusters(model, labelled("test"))),
        "test, mapped on training labels": vars(
            evaluate_clusters(model, labelled("test"), reference=training)
        ),
        "train": vars(evaluate_clusters(model, training)),
    }
    atomic.write_json(path, figures)
    return figures


def row(name, runs, key):
    """One line of the table."""
    values = [100 * run["test"][key] for run in runs]
    deviation = statistics.stdev(values) if len(values) > 1 else float("nan")
    shares = min(min(run["train"]["cluster_shares"]) for run in runs)
    minutes = statistics.mean(run["minutes"] for run in runs)
    print(
        f"{name:<34} {key:<24} {statistics.mean(values):6.2f} +- {deviation:4.2f}  "
        f"best {max(values):5.2f}  worst {min(values):5.2f}  "
        f"smallest cluster {100 * shares:4.1f}%  {minutes:4.1f} min"
    )


KEYS = (
    "hungarian_accuracy",
    "majority_accuracy",
    "most_confident_accuracy",
    "normalized_mutual_information",
    "adjusted_rand_index",
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--output", type=pathlib.Path, required=True)
    add("--data-dir", default=None, help="where TFDS keeps its data")
    add("--clusters", type=int, nargs="*", default=[10, 16, 30])
    add("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    add("--labels", action="store_true", help="the runs with a hundred labels")
    add("--ablations", action="store_true", help="K = 10 with one thing changed")
    options = parser.parse_args()

    def runs(name, changes, seeds):
        return [
            measure(
                options.output / f"{name.replace(' ', '-')}-{seed}",
                {**SETTINGS, **changes, "seed": seed},
                options.data_dir,
            )
            for seed in seeds
        ]

    for count in options.clusters:
        found = runs(f"k{count}", {"num-clusters": count}, options.seeds)
        for key in KEYS:
            row(f"K = {count}, {len(found)} seeds", found, key)
        if count in PUBLISHED:
            print(
                f"  published: mean {PUBLISHED[count][0]}, best {PUBLISHED[count][1]}"
            )
    if options.labels:
        found = runs("labels", {"num-clusters": 10, **LABELS}, options.seeds)
        row(f"100 labels, {len(found)} draws", found, "label_accuracy")
    if options.ablations:
        for name, changes in ABLATIONS.items():
            changes = {"num-clusters": 10, **changes}
            row(name, runs(name, changes, options.seeds[:1]), "hungarian_accuracy")


if __name__ == "__main__":
    main()
