"""Objectives, priors and posteriors on statically binarized MNIST, in one table.

    python benchmarks/objectives_mnist.py --output runs/objectives_mnist

One network for all: encoder 300-300 of gated linear units and its mirror, 40 latents,
the protocol of Tomczak & Welling 2018: Adam at 5e-4, batches of 100, 100 epochs of
warm-up where the bound is what is trained on, early stopping with a patience of 50 on
the validation bound, counted from the warm-up's end. Each row is a run of
`vae-zoo train`, which resumes where it stopped; its figures on the 10,000 test images
are kept in `test.json` of its folder. A row that reached `--epochs` before its bound
stopped to rise is marked by *.

    NLL          -log p(x) by `--num-samples` importance samples, and its standard error
    -ELBO, KL    with one sample of z for each image
    active       units whose mean varies by more than 0.01 over the test images
    ESS          effective sample size of the importance samples of an image
    s / epoch    of training with its validation, on the machine that trained it
"""

import argparse
import csv
import json
import pathlib

from vae_zoo import VAE, atomic, cli, datasets
from vae_zoo.evaluation import latent_usage, marginal_likelihood
from vae_zoo.serving.layout import find_version, read_metadata

NETWORK = (
    *("--hidden-units", "300", "300", "--gated", "--activation=linear"),
    "--latent-dim=40",
)
TRAINING = ("--learning-rate=0.0005", "--batch-size=100", "--patience=50")
WARMUP = "--warmup-epochs=100"


def importance_weighted(num_samples, gradient="reparameterized"):
    """The options of a row."""
    return (
        "--objective=importance-weighted",
        f"--num-samples={num_samples}",
        f"--gradient={gradient}",
    )


ROWS = {
    "VAE": (WARMUP,),
    "IWAE-5": importance_weighted(5),
    "IWAE-5 STL": importance_weighted(5, "sticking-the-landing"),
    "IWAE-5 DReG": importance_weighted(5, "doubly-reparameterized"),
    "IWAE-50": importance_weighted(50),
    "IWAE-50 STL": importance_weighted(50, "sticking-the-landing"),
    "IWAE-50 DReG": importance_weighted(50, "doubly-reparameterized"),
    "VampPrior-500": (WARMUP, "--prior=vamp", "--num-pseudo-inputs=500"),
    "flow prior": (WARMUP, "--prior=flow"),
    "IAF": (WARMUP, "--posterior=inverse-autoregressive-flow"),
    "Sylvester": (WARMUP, "--posterior=sylvester-flow"),
    "wake-sleep": ("--objective=wake-sleep",),
    "score function": ("--objective=score-function",),
}
HEADINGS = ("", "NLL", "-ELBO", "KL", "active", "ESS", "epochs", "s / epoch")
LINE = "{:<16} {:>15} {:>8} {:>7} {:>6} {:>7} {:>7} {:>9}"


def train(row, folder, epochs, data_dir):
    """One run by the command line; returns when it is finished."""
    arguments = [
        *("train", "vae", "--dataset=binarized_mnist", "--split=train"),
        *("--validation-split=validation", *NETWORK, *TRAINING, *ROWS[row]),
        *(f"--epochs={epochs}", f"--output={folder}"),
    ]
    if data_dir:
        arguments.append(f"--data-dir={data_dir}")
    if cli.main(arguments):
        raise SystemExit(f"{row}: the run failed")


def measure(folder, epochs, num_samples, data_dir):
    """The test figures of one run, kept in `test.json` of its folder."""
    path = folder / "test.json"
    if path.exists():
        found = json.loads(path.read_text())
        if (found["num_samples"], found["epochs_allowed"]) == (num_samples, epochs):
            return found
    model = VAE.from_preset(folder)
    data = datasets.load(
        "binarized_mnist", "test", batch_size=100, shuffle=False, data_dir=data_dir
    )
    scores = marginal_likelihood(model, data, num_samples, verbose=1)
    with (folder / "history.csv").open() as history:
        num_epochs = sum(1 for _ in csv.DictReader(history))
    training = read_metadata(find_version(folder))["training"]
    figures = {
        "num_samples": num_samples,
        "epochs_allowed": epochs,
        "epochs": num_epochs,
        "best_epoch": json.loads((folder / "metrics.json").read_text())["epochs"],
        "seconds": training["seconds"],
        "num_active": latent_usage(model, data).num_active,
        **{name: vars(score) for name, score in scores.items()},
    }
    atomic.write_json(path, figures)
    return figures


def show(row, figures):
    """Prints a row of the table."""
    likelihood = figures["log_marginal_likelihood"]
    has_converged = figures["epochs"] < figures["epochs_allowed"]
    cells = (
        f"{-likelihood['mean']:.2f} +- {likelihood['standard_error']:.2f}",
        f"{-figures['elbo']['mean']:.2f}",
        f"{figures['kl']['mean']:.2f}",
        figures["num_active"],
        f"{figures['effective_sample_size']['mean']:.0f}",
        f"{figures['best_epoch']}{'' if has_converged else '*'}",
        f"{figures['seconds'] / figures['epochs']:.1f}",
    )
    print(LINE.format(row, *cells), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--output", type=pathlib.Path, required=True)
    add("--data-dir", default=None, help="where TFDS keeps its data")
    add("--rows", nargs="+", choices=list(ROWS), default=list(ROWS))
    add("--epochs", type=int, default=2000, help="at most, of each row")
    add("--num-samples", type=int, default=5000)
    options = parser.parse_args()
    found = {}
    for row in options.rows:
        folder = options.output / row.replace(" ", "-")
        train(row, folder, options.epochs, options.data_dir)
        found[row] = measure(
            folder, options.epochs, options.num_samples, options.data_dir
        )
    print(LINE.format(*HEADINGS))
    for row, figures in found.items():
        show(row, figures)


if __name__ == "__main__":
    main()
