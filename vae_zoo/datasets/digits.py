"""scikit-learn's 1797 handwritten digits, 8x8, without a download."""

import functools

import numpy as np
import sklearn.datasets

from vae_zoo.datasets.array_source import array_source
from vae_zoo.datasets.source import Source
from vae_zoo.datasets.splits import Whole

TRAIN_SHARE = 0.8


def find_splits() -> dict[str, Whole]:
    """x [8, 8, 1] in sixteenths, y the digit; 80% train, 20% test.

    The order is random but fixed, since neighbours in the original are from the same
    writer.

    Source: Alpaydin & Kaynak 1998 (UCI), the copy that ships with scikit-learn.
    """
    digits = sklearn.datasets.load_digits()
    order = np.random.default_rng(0).permutation(len(digits.images))
    num_train = round(TRAIN_SHARE * len(order))
    parts = {"train": order[:num_train], "test": order[num_train:]}
    return {
        name: Whole(
            len(part), functools.partial(_read, digits, name, part), is_shuffled=True
        )
        for name, part in parts.items()
    }


def _read(digits: sklearn.utils.Bunch, name: str, part: np.ndarray) -> Source:
    images = (digits.images[part] / 16.0).astype(np.float32)[..., None]
    labels = digits.target[part].astype(np.int32)
    return array_source(f"digits/{name}", images, labels, range(len(part)))
