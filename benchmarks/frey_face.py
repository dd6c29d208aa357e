"""A Gaussian mixture by scikit-learn on Frey Face, beside the preset `vae_frey_face`.

    python benchmarks/frey_face.py frey_face.npz

Both are fitted to the first 80% of the film's frames and chosen on the next tenth; the
last tenth is the test set. log p(x) is a density of grey values in [0, 1], in nats per
frame. The mixtures: 1 to 20 components, spherical, diagonal or full covariances, with
several regularizers.
"""

import argparse
import itertools

import numpy as np
from sklearn.mixture import GaussianMixture

from vae_zoo.datasets import load

COMPONENTS = (1, 2, 5, 10, 20)
COVARIANCES = ("spherical", "diag", "full")
REGULARIZERS = (1e-5, 1e-4, 3e-4, 1e-3, 3e-3)


def frames(path, split):
    """Frames float64 [N, 560]."""
    data = load(path, split, 500, labels=False, shuffle=False)
    x = np.concatenate(list(data.as_numpy_iterator()))
    return x.reshape(len(x), -1).astype("float64")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("path", help="frey_face.npz")
    path = parser.parse_args().path
    train, validation, test = (
        frames(path, split)
        for split in ("train[:80%]", "train[80%:90%]", "train[90%:]")
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
