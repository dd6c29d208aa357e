"""Hyperspherical and normal VAEs on dynamically binarized MNIST.

    python benchmarks/hyperspherical_mnist.py --output runs/hyperspherical_mnist

The protocol of Davidson et al. 2018: encoder 256-128 ReLU and its mirror, concentration
softplus + 1, Adam at 1e-3, batches of 64, 100 epochs of warm-up, early stopping with a
patience of 50 on the validation ELBO; the cap of 400 epochs is ours. d is the intrinsic
dimension: a vector on the sphere has d + 1 elements. Each run resumes where it stopped.
The table has the test images' log p(x) with 500 importance samples, and the accuracy of
5 nearest neighbours among a few labelled training images, over 20 draws of these.
"""

import argparse
import json
import pathlib

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from vae_zoo import VAE, atomic, cli, datasets
from vae_zoo.evaluation import marginal_likelihood

# Published -log p(x): Davidson et al. 2018, table 1.
PUBLISHED = {
    "diagonal-normal": {2: 135.73, 5: 110.21, 10: 93.84},
    "von-mises-fisher": {2: 132.50, 5: 108.43, 10: 93.16},
}
POSTERIORS = ("diagonal-normal", "von-mises-fisher", "power-spherical")
NUM_LABELLED = (100, 600, 1000)


def train(posterior, dimension, folder, data_dir):
    """One run by the command line; returns when it is finished."""
    is_normal = posterior == "diagonal-normal"
    # The normal VAE with a warm-up is a BetaVAE whose beta ends at 1.
    arguments = [
        "train",
        "beta-vae" if is_normal else "hyperspherical-vae",
        f"--latent-dim={dimension if is_normal else dimension + 1}",
        f"--posterior={posterior}",
        "--dataset=mnist",
        "--split=train[:50000]",
        "--validation-split=train[50000:]",
        "--binarize=dynamic",
        "--hidden-units",
        "256",
        "128",
        "--batch-size=64",
        "--epochs=400",
        "--warmup-epochs=100",
        "--patience=50",
        f"--output={folder}",
    ]
    if data_dir:
        arguments.append(f"--data-dir={data_dir}")
    if cli.main(arguments):
        raise SystemExit(f"{folder}: the run failed")


def examples(split, data_dir, with_labels=False):
    """The images of `split`, binarized once, and their labels if asked for."""
    return datasets.load(
        "mnist",
        split,
        batch_size=100,
        binarize="fixed",
        shuffle=False,
        labels=with_labels,
        data_dir=data_dir,
    )


def neighbour_accuracy(model, data_dir):
    """Test accuracy by number of labelled images and distance: (mean, deviation)."""
    parts = {}
    for split in ("train[:50000]", "test"):
        data = examples(split, data_dir, with_labels=True)
        pairs = [(model.encode(x).numpy(), y.numpy()) for x, y in data]
        parts[split] = [np.concatenate(each) for each in zip(*pairs, strict=True)]
    latents, labels = parts["train[:50000]"]
    found = {}
    for metric in ("cosine", "euclidean"):
        for count in NUM_LABELLED:
            scores = []
            for draw in range(20):
                rng = np.random.default_rng(draw)
                chosen = rng.choice(len(latents), count, replace=False)
                classifier = KNeighborsClassifier(5, metric=metric)
                classifier.fit(latents[chosen], labels[chosen])
                scores.append(classifier.score(*parts["test"]))
            found[f"{metric}_{count}"] = (np.mean(scores), np.std(scores, ddof=1))
    return found


def measure(folder, data_dir):
    """The test figures of one run, kept in `test.json` of its folder."""
    path = folder / "test.json"
    if path.exists():
        return json.loads(path.read_text())
    model = VAE.from_preset(folder)
    scores = marginal_likelihood(model, examples("test", data_dir), 500, verbose=1)
    figures = {name: vars(score) for name, score in scores.items()}
    figures["epochs"] = json.loads((folder / "metrics.json").read_text())["epochs"]
    figures["neighbours"] = neighbour_accuracy(model, data_dir)
    atomic.write_json(path, figures)
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--data-dir", default=None, help="where TFDS keeps its data")
    parser.add_argument("--dimensions", type=int, nargs="+", default=[2, 5, 10])
    parser.add_argument("--posteriors", nargs="+", default=POSTERIORS)
    arguments = parser.parse_args()
    rows = []
    for dimension in arguments.dimensions:
        for posterior in arguments.posteriors:
            folder = arguments.output / f"{posterior}-{dimension}"
            train(posterior, dimension, folder, arguments.data_dir)
            rows.append((dimension, posterior, measure(folder, arguments.data_dir)))
    headings = ("d", "posterior", "-log p(x)", "published", "-ELBO", "epochs")
    labelled = "/".join(map(str, NUM_LABELLED))
    print(("{:>3} {:<17} {:>16} {:>9} {:>8} {:>6}  ").format(*headings), end="")
    print(f"5-NN accuracy in % of {labelled} labelled: cosine; Euclidean")
    for dimension, posterior, figures in rows:
        likelihood = figures["log_marginal_likelihood"]
        published = PUBLISHED.get(posterior, {}).get(dimension, "")
        print(
            f"{dimension:3} {posterior:<17} {-likelihood['mean']:8.2f} +- "
            f"{likelihood['standard_error']:4.2f} {published:>9} "
            f"{-figures['elbo']['mean']:8.2f} {figures['epochs']:6}  ",
            end="",
        )
        print(
            "; ".join(
                " ".join(
                    f"{100 * mean:.1f}+-{100 * deviation:.1f}"
                    for mean, deviation in (
                        figures["neighbours"][f"{metric}_{count}"]
                        for count in NUM_LABELLED
                    )
                )
                for metric in ("cosine", "euclidean")
            )
        )


if __name__ == "__main__":
    main()
