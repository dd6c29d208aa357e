"""Where clusters start: from groups that scikit-learn finds in encoded data."""

import keras
import numpy as np


class ClusterInitializer:
    """A way to group encoded examples. Subclasses define `group`.

    A model with clusters trains without them first, as a VAE whose prior is one
    normal; then the examples are encoded and grouped, and the clusters start as the
    groups.

    Args:
        num_epochs: epochs of `fit` before that, >= 0. A shorter training ends with it.
        num_restarts: starts of the search, of which the best is kept, >= 1.
        max_examples: examples to group, at most; drawn at random from an array, the
            first ones of anything else.

    Raises:
        ValueError: if a number is below its minimum.
    """

    def __init__(self, num_epochs=10, *, num_restarts=10, max_examples=20_000):
        for name, value, minimum in (
            ("num_epochs", num_epochs, 0),
            ("num_restarts", num_restarts, 1),
            ("max_examples", max_examples, 2),
        ):
            if value < minimum:
                raise ValueError(
                    f"`{name}` must be at least {minimum}. Received: {name}={value}"
                )
        self.num_epochs, self.num_restarts = num_epochs, num_restarts
        self.max_examples = max_examples

    def group(self, codes, num_clusters, seed):
        """Groups of encoded examples.

        Args:
            codes: float array [N, D], N >= num_clusters.
            num_clusters: K.
            seed: integer in 0..2^31 - 1.

        Returns:
            Integer array [N] in 0..K-1.
        """
        raise NotImplementedError

    def get_config(self):
        """The constructor's arguments."""
        return {
            "num_epochs": self.num_epochs,
            "num_restarts": self.num_restarts,
            "max_examples": self.max_examples,
        }

    @classmethod
    def from_config(cls, config):
        """The initializer with these constructor arguments."""
        return cls(**config)


@keras.saving.register_keras_serializable("vae_zoo")
class KMeans(ClusterInitializer):
    """k-means, by `sklearn.cluster.KMeans`."""

    def group(self, codes, num_clusters, seed):
        """See `ClusterInitializer`."""
        from sklearn.cluster import KMeans as Method

        method = Method(num_clusters, n_init=self.num_restarts, random_state=seed)
        return method.fit_predict(codes)


@keras.saving.register_keras_serializable("vae_zoo")
class GaussianMixture(ClusterInitializer):
    """Normals with full covariances, by `sklearn.mixture.GaussianMixture`."""

    def group(self, codes, num_clusters, seed):
        """See `ClusterInitializer`."""
        from sklearn.mixture import GaussianMixture as Method

        method = Method(
            num_clusters,
            n_init=self.num_restarts,
            max_iter=300,
            # A hundredth of a variance: groups of few examples stay proper.
            reg_covar=0.01 * float(np.mean(np.var(codes, axis=0))),
            random_state=seed,
        )
        return method.fit_predict(codes)


@keras.saving.register_keras_serializable("vae_zoo")
class NeighborEmbedding(ClusterInitializer):
    """k-means in a plane in which neighbours stay neighbours (t-SNE).

    Groups of any shape, which a few examples connect at most, come apart there. It is
    the best start where the data lie on curved surfaces, as images do, and the slowest:
    about half a minute for 6,000 examples on one CPU core.

    Args:
        num_epochs: as in `ClusterInitializer`.
        perplexity: about how many neighbours each example has, below a third of
            the examples.
        num_restarts: of k-means.
        max_examples: as in `ClusterInitializer`.

    Source: van der Maaten & Hinton 2008; for clustering codes, McConville et al. 2021.
    """

    def __init__(
        self, num_epochs=10, *, perplexity=50.0, num_restarts=20, max_examples=6_000
    ):
        super().__init__(
            num_epochs, num_restarts=num_restarts, max_examples=max_examples
        )
        if not perplexity > 0:
            raise ValueError(
                f"`perplexity` must be positive. Received: perplexity={perplexity}"
            )
        self.perplexity = perplexity

    def group(self, codes, num_clusters, seed):
        """See `ClusterInitializer`."""
        from sklearn.manifold import TSNE

        perplexity = min(self.perplexity, (len(codes) - 1) / 3)
        method = TSNE(perplexity=perplexity, init="pca", random_state=seed)
        kmeans = KMeans(num_restarts=self.num_restarts)
        return kmeans.group(method.fit_transform(codes), num_clusters, seed)

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "perplexity": self.perplexity}


# What mixtures start from unless told otherwise.
DEFAULT = GaussianMixture()
