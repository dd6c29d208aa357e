"""Starting points of clusters: groups that scikit-learn finds in encoded data."""

import warnings
from typing import Self

import keras
import numpy as np
import numpy.typing as npt

from vae_zoo.arguments import Config, check_count, check_number, check_seed, shown

# Codes whose spread is at most this share of their size differ only by rounding.
ROUNDING = float(np.finfo("float32").eps)


class ClusterInitializer:
    """A way to group encoded examples. Subclasses define `find_groups`.

    A model with clusters first trains without them, as a VAE whose prior is one normal.
    Then the examples are encoded and grouped, and each cluster starts as a group.

    Args:
        num_epochs: epochs before the clusters start, >= 0. If training has no more
            epochs than that, it warns: the clusters start at its end and stay
            untrained.
        num_restarts: restarts of the search, >= 1; the best result is kept.
        max_examples: the most examples to group, >= 2; a random choice from an array,
            the first ones of other data.

    Raises:
        ValueError: if a number is no integer or below its minimum.
    """

    def __init__(
        self,
        num_epochs: int = 10,
        *,
        num_restarts: int = 10,
        max_examples: int = 20_000,
    ) -> None:
        self.num_epochs = check_count(
            "num_epochs", num_epochs, 0, "the epochs before the clusters start"
        )
        self.num_restarts = check_count(
            "num_restarts", num_restarts, 1, "the starts of the search"
        )
        self.max_examples = check_count(
            "max_examples", max_examples, 2, "the examples to group"
        )

    def group(
        self, codes: npt.ArrayLike, num_clusters: int, seed: int
    ) -> npt.NDArray[np.integer]:
        """Groups of encoded examples.

        If at most K rows are different, equal rows form a group, the other groups stay
        empty, and this warns.

        Args:
            codes: float array [N, D], N >= num_clusters.
            num_clusters: K >= 2.
            seed: integer in 0..2^31 - 1.

        Returns:
            Integer array [N] in 0..K-1.

        Raises:
            ValueError: if codes are not finite or fewer than clusters, or an argument
                is not as above.
        """
        num_clusters = check_count("num_clusters", num_clusters, 2, "the clusters")
        if check_seed("seed", seed) is None:
            raise ValueError("`seed` must be an integer. Received: seed=None")
        codes = _checked_codes(codes, num_clusters)
        distinct, inverse = _distinct_rows(codes)
        if len(distinct) > num_clusters:
            return self.find_groups(codes, num_clusters, seed)
        if len(distinct) < num_clusters:
            warnings.warn(
                f"Encoded, the examples have {len(distinct)} distinct values for "
                f"{num_clusters} clusters, and the other clusters start empty. If the "
                "examples themselves differ, the posterior has collapsed: train longer "
                "before the clusters start (`num_epochs`), or lower `beta`",
                stacklevel=2,
            )
        return inverse

    def find_groups(
        self, codes: np.ndarray, num_clusters: int, seed: int
    ) -> npt.NDArray[np.integer]:
        """As `group`, with checked arguments.

        Args:
            codes: finite float array [N, D] with more than K different rows and a
                standard deviation between 1 and 2.
            num_clusters: K.
            seed: integer in 0..2^31 - 1.

        Returns:
            Integer array [N] in 0..K-1.
        """
        raise NotImplementedError

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {
            "num_epochs": self.num_epochs,
            "num_restarts": self.num_restarts,
            "max_examples": self.max_examples,
        }

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The initializer with these constructor arguments."""
        return cls(**config)


@keras.saving.register_keras_serializable("vae_zoo")
class KMeans(ClusterInitializer):
    """k-means, by `sklearn.cluster.KMeans`."""

    def find_groups(
        self, codes: np.ndarray, num_clusters: int, seed: int
    ) -> npt.NDArray[np.integer]:
        """See `ClusterInitializer`."""
        from sklearn.cluster import KMeans as Method

        method = Method(num_clusters, n_init=self.num_restarts, random_state=seed)
        return method.fit_predict(codes)


@keras.saving.register_keras_serializable("vae_zoo")
class GaussianMixture(ClusterInitializer):
    """Normals with full covariances, by `sklearn.mixture.GaussianMixture`."""

    def find_groups(
        self, codes: np.ndarray, num_clusters: int, seed: int
    ) -> npt.NDArray[np.integer]:
        """See `ClusterInitializer`."""
        from sklearn.mixture import GaussianMixture as Method

        method = Method(
            num_clusters,
            n_init=self.num_restarts,
            max_iter=300,
            # A hundredth of the variance keeps the covariances of small groups regular.
            reg_covar=0.01 * float(np.mean(np.var(codes, axis=0))),
            random_state=seed,
        )
        return method.fit_predict(codes)


@keras.saving.register_keras_serializable("vae_zoo")
class NeighborEmbedding(ClusterInitializer):
    """k-means in a plane in which neighbours stay neighbours (t-SNE).

    The plane separates groups of any shape that at most a few examples connect. This is
    the best start for data on curved surfaces, such as images, and the slowest: about
    half a minute for 6,000 examples on one CPU core.

    Args:
        num_epochs: as in `ClusterInitializer`.
        perplexity: about how many neighbours each example has, a number > 0; capped at
            a third of the examples.
        num_restarts: of k-means.
        max_examples: as in `ClusterInitializer`.

    Source: van der Maaten & Hinton 2008; for clustering codes, McConville et al. 2021.
    """

    def __init__(
        self,
        num_epochs: int = 10,
        *,
        perplexity: float = 50.0,
        num_restarts: int = 20,
        max_examples: int = 6_000,
    ) -> None:
        super().__init__(
            num_epochs, num_restarts=num_restarts, max_examples=max_examples
        )
        self.perplexity = check_number(
            "perplexity", perplexity, "the neighbours of each example", above=0
        )

    def find_groups(
        self, codes: np.ndarray, num_clusters: int, seed: int
    ) -> npt.NDArray[np.integer]:
        """See `ClusterInitializer`."""
        from sklearn.manifold import TSNE

        # t-SNE cannot separate equal rows, so they get one place.
        distinct, inverse = _distinct_rows(codes)
        method = TSNE(
            perplexity=min(self.perplexity, (len(distinct) - 1) / 3),
            # With D = 1 there is no second principal component.
            init="pca" if codes.shape[1] > 1 else "random",
            random_state=seed,
        )
        places = method.fit_transform(distinct)[inverse]
        return KMeans(num_restarts=self.num_restarts).group(places, num_clusters, seed)

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {**super().get_config(), "perplexity": self.perplexity}


def _checked_codes(codes: npt.ArrayLike, num_clusters: int) -> npt.NDArray[np.floating]:
    """`codes` as finite floats of deviation between 1 and 2, unless all are equal."""
    try:
        array = np.asarray(codes)
        is_real = np.issubdtype(array.dtype, np.number) and not np.iscomplexobj(array)
    except (TypeError, ValueError):
        is_real = False
    if not is_real or array.ndim != 2 or len(array) < num_clusters or not array.size:
        raise ValueError(
            "`codes` must be an array of numbers [N, D] with at least one row for each "
            f"of the {num_clusters} clusters. Received: codes={shown(codes)}"
        )
    if not np.issubdtype(array.dtype, np.floating):
        array = array.astype("float32")
    num_bad = int(np.count_nonzero(~np.isfinite(array).all(axis=1)))
    if num_bad:
        raise ValueError(
            f"`codes` must be finite. Received: {num_bad} of {len(array)} rows with "
            "NaN or infinity; if a model encoded them, its training has diverged, and "
            "a lower learning rate may help"
        )
    wide = array.astype("float64")
    spread = float(wide.std(axis=0).max())
    if spread <= ROUNDING * float(np.abs(wide).max()):
        return np.zeros_like(array)
    # The groups do not depend on the unit of the codes, but squares that under- or
    # overflow a float32 break the methods. Scaling by powers of two does not round.
    return (wide / 2.0 ** np.floor(np.log2(spread))).astype(array.dtype)


def _distinct_rows(codes: np.ndarray) -> tuple[np.ndarray, npt.NDArray[np.integer]]:
    """The different rows in order of appearance, and the index of each row's own."""
    _, first, inverse = np.unique(codes, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return codes[first[order]], np.argsort(order)[np.reshape(inverse, -1)]


# The default initializer of mixtures.
DEFAULT = GaussianMixture()
