"""Retrain a preset by the command on its card, measure it, and compare.

    python examples/reproduce.py vae_digits [--output runs/vae_digits]

The run resumes where it stopped. `--epochs` shortens the training for a trial;
`--dataset` is needed for a data set that is not in TFDS. Errors combine those of the
card's figures and of the new ones: over test examples, not over seeds.
"""

import argparse
import contextlib
import io
import json
import math
import shlex

from vae_zoo import VAE, cli


def replaced(words, **options):
    """The words of a command line, with other values of some options."""
    words = list(words)
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        if value is None:
            continue
        if option in words:
            words[words.index(option) + 1] = str(value)
        else:
            words += [option, str(value)]
    return words


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("preset", choices=sorted(VAE.presets))
    parser.add_argument("--output", default=None, help="default: runs/PRESET")
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--dataset", default=None)
    parser.add_argument("--data-dir", default=None, help="where TFDS keeps its data")
    options = parser.parse_args()
    metadata = VAE.presets[options.preset]
    card = metadata["card"]
    # A command of an earlier version may leave out what is no longer the default.
    binarize = metadata["training"]["binarize"] or "none"
    folder = options.output or f"runs/{options.preset}"
    where = {"dataset": options.dataset, "data_dir": options.data_dir}

    words = shlex.split(card["training_command"])[1:]
    words = replaced(
        words, output=folder, epochs=options.epochs, binarize=binarize, **where
    )
    print("vae-zoo", shlex.join(words), flush=True)
    if cli.main(words):
        raise SystemExit("the training failed")

    words = shlex.split(card["evaluation_command"])[1:]
    words = [words[0], folder, *replaced(words[2:], **where)]
    print("vae-zoo", shlex.join(words), flush=True)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        if cli.main([*words, "--json"]):
            raise SystemExit("the evaluation failed")
    found = json.loads(printed.getvalue().splitlines()[-1])

    for metric in card["metrics"]:
        measurement, scale = found[metric["measure"]], metric.get("scale", 1)
        value = scale * measurement["value"]
        errors = [metric["standard_error"], measurement["standard_error"]]
        error = math.hypot(*(each or 0.0 for each in errors))
        print(
            f"{metric['name']}: card {metric['value']:.4f}, reached {value:.4f}, "
            f"difference {value - metric['value']:+.4f} +- {abs(scale) * error:.4f} "
            f"{metric.get('unit', '')}".rstrip()
        )


if __name__ == "__main__":
    main()
