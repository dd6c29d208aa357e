"""scikit-learn's Gaussian mixture on Frey Face, to compare with `vae_frey_face`.

    python benchmarks/frey_face.py frey_face.npz --split frey_face_split.npz

It writes the frames, in a fixed random order, as the splits that the preset's command
names: 1565 to train on, 200 to validate and 200 to test (the numbers of Tomczak &
Welling 2018). Neighbouring frames of the film look alike, so all three splits have the
same faces.

Then it fits mixtures to the training frames and chooses one on the validation frames,
among 1 to 20 components, spherical, diagonal or full covariances and several
regularizers. log p(x) is a density of grey values in [0, 1], in nats per frame.
"""

import argparse
import itertools

import numpy as np
from sklearn.mixture import GaussianMixture

from vae_zoo.datasets import load

COMPONENTS = (1, 2, 5, 10, 20)
COVARIANCES = ("spherical", "diag", "full")
REGULARIZERS = (1e-5, 1e-4, 3e-4, 1e-3, 3e-3)
NUM_TRAINING, NUM_HELD = 1565, 200


def write_split(source, target):
    """The splits of the frames in `source`, as a file for `datasets.load`."""
    with np.load(source) as file:
        images = file["images"]
    images = images[np.random.default_rng(0).permutation(len(images))]
    train, validation, test = np.split(images, (NUM_TRAINING, NUM_TRAINING + NUM_HELD))
    np.savez_compressed(target, x_train=train, x_validation=validation, x_test=test)


def frames(path, split):
    """Frames float64 [N, 560]."""
    data = load(path, split, 500, labels=False, shuffle=False)
    x = np.concatenate(list(data.as_numpy_iterator()))
    return x.reshape(len(x), -1).astype("float64")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("path", help="frey_face.npz")
    parser.add_argument("--split", default="frey_face_split.npz", help="to be written")
    options = parser.parse_args()
    write_split(options.path, options.split)
    train, validation, test = (
        frames(options.split, name) for name in ("train", "validation", "test")
    )
    best = (-np.inf, None)
    for count, kind, floor in itertools.product(COMPONENTS, COVARIANCES, REGULARIZERS):
        mixture = GaussianMixture(count, covariance_type=kind, reg_covar=floor)
        mixture.set_params(random_state=0).fit(train)
        found = mixture.score(validation)
        if found > best[0]:
            best = (found, mixture)
            print(
                f"{count:>3} {kind:<10} {floor:.0e}  validation {found:8.1f}",
                flush=True,
            )
    scores = best[1].score_samples(test)
    error = scores.std(ddof=1) / len(scores) ** 0.5
    print(f"the best on validation: test {scores.mean():.1f} +- {error:.1f} nats")


if __name__ == "__main__":
    main()
