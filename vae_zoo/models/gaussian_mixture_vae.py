"""The Gaussian-mixture VAE: clusters of any shape, with or without labels."""

from typing import Unpack

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from vae_zoo.arguments import Config, check_count, check_instance
from vae_zoo.components.cluster_initializers import DEFAULT, ClusterInitializer
from vae_zoo.components.draw import Draw
from vae_zoo.components.foreign import check_network
from vae_zoo.components.heads import build_head
from vae_zoo.components.objectives import MixtureElbo
from vae_zoo.components.objectives.objective import Objective
from vae_zoo.components.posteriors import DiagonalNormal, Posterior
from vae_zoo.components.priors import HierarchicalMixtureOfNormals
from vae_zoo.components.schedules import ScheduleLike
from vae_zoo.fitting.inputs import Inputs
from vae_zoo.models.composition import serialized
from vae_zoo.models.constructor_options import PosteriorOptions
from vae_zoo.models.objective_options import (
    NumberOfObjective,
    chosen_objective,
    config_with_options,
)
from vae_zoo.models.vae import VAE


@keras.saving.register_keras_serializable("vae_zoo")
class GaussianMixtureVAE(VAE):
    """p(w) p(c) p(z|w, c) p(x|z) with q(z|x) q(w|x) p(c|z, w).

    w is N(0, I), c is one of K clusters, and z|w, c is a normal whose location and
    scale a network makes from w. Marginally, a cluster can have any shape. p(c|z, w) is
    exact, by Bayes' rule, and c is summed over, not sampled.

    `fit` on x clusters the data. `fit` on (x, y) learns from the labels y, integers [B]
    in -1..K-1, where -1 is unknown: cluster k is class k, and labelled examples enter
    with the bound on log p(x, y) once the clusters have started (after the epochs of
    `initialization`). With all labels known, the model is a class-conditional
    generator, `sample(num_samples, cluster=k)`.

    At the end of `fit` on labels, the clusters are fitted again, in closed form, to the
    codes of their examples, since in few epochs the optimizer does not move them far
    enough (see `components.priors.cluster_moments.fit_to_codes`).

    Args:
        input_shape: as in `VAE`.
        latent_dim: length D of z.
        num_clusters: K, the clusters, >= 2.
        noise_dim: length of w.
        cluster_network: layer w -> features; the clusters' locations and scales are
            linear in these. Default `MLP((128,), activation="tanh")`.
        noise_posterior: q(w|x), made from the encoder's features. Default
            `DiagonalNormal()`.
        full_covariance: whether p(z|w, c) has a full covariance.
        initialization: how clusters start from encoded data. One of
            `components.cluster_initializers`; None: at random.
        beta: weight of all divergences in training, >= 0; a number or a schedule.
            `elbo`, `evaluate` and `val_loss` stay at beta = 1.
        free_bits: nats that KL(p(c|z, w) || p(c)) may have at no cost in training, >=
            0. They are compared with the mean over a batch, weighted by its sample
            weights. They keep clusters from merging early. Under a uniform p(c), that
            KL is at most log K.
        classifier_weight: weight of -log p(c = y|z, w) of a labelled example, added to
            the bound, >= 0. Kingma et al. take 0.1 N / N_l for N_l labels among N.
        **kwargs: as in `VAE`, except `prior`. An `objective` replaces `beta`,
            `free_bits`, `classifier_weight` and the learning from labels.

    Raises:
        ValueError: if `num_clusters` is below 2; if a weight is negative, or given with
            an `objective`; if labels are no integers in -1..K-1, differ in number from
            the examples, or are all unknown with a `classifier_weight`; or as in `VAE`.

    Source: Dilokthanakul et al. 2016; labels: Kingma et al. 2014, section 3.1.2 (M2,
    whose q(z|x, y) sees the label; here q(z|x) does not).
    """

    term_names = ("log_likelihood", "kl", "kl_z", "kl_w", "kl_c")
    beta = NumberOfObjective()
    free_bits = NumberOfObjective()
    classifier_weight = NumberOfObjective()

    def __init__(
        self,
        input_shape: tuple[int, ...] | list[int],
        latent_dim: int,
        num_clusters: int = 10,
        *,
        noise_dim: int = 8,
        cluster_network: keras.layers.Layer | None = None,
        noise_posterior: Posterior | None = None,
        full_covariance: bool = True,
        initialization: ClusterInitializer | None = DEFAULT,
        beta: float | ScheduleLike = 1.0,
        free_bits: float | ScheduleLike = 0.0,
        classifier_weight: float | ScheduleLike = 0.0,
        objective: Objective | None = None,
        **kwargs: Unpack[PosteriorOptions],
    ) -> None:
        objective = chosen_objective(
            objective,
            MixtureElbo,
            beta=beta,
            free_bits=free_bits,
            classifier_weight=classifier_weight,
        )
        num_clusters = check_count("num_clusters", num_clusters, 2, "K")
        if cluster_network is not None:
            check_network("cluster_network", cluster_network)
        check_instance(
            "noise_posterior",
            noise_posterior,
            (Posterior, type(None)),
            "one of `components.posteriors`, such as DiagonalNormal(), or None",
        )
        prior = HierarchicalMixtureOfNormals(
            num_clusters,
            noise_dim,
            network=cluster_network,
            full_covariance=full_covariance,
            initialization=initialization,
        )
        # Before `super().__init__`, which builds all weights.
        self.noise_head = (
            DiagonalNormal() if noise_posterior is None else noise_posterior
        )
        super().__init__(
            input_shape, latent_dim, prior=prior, objective=objective, **kwargs
        )

    @property
    def posterior_heads(self) -> dict[str, Posterior]:
        """q(z|x) and q(w|x)."""
        return {"z": self.posterior_head, "w": self.noise_head}

    def components(self) -> dict[str, keras.Layer]:
        """See `Composition`: also q(w|x)."""
        return {**super().components(), "noise_posterior": self.noise_head}

    def build_components(self) -> None:
        """See `Composition`."""
        super().build_components()
        build_head(self.noise_head, self._features_shape, (self.prior_layer.noise_dim,))

    def terms(
        self, draw: Draw, inputs: Inputs, conditionals: dict[str, tfd.Distribution]
    ) -> dict[str, tf.Tensor]:
        """See `Story.terms`. In nats, [B] each, at the draws of z and w:

        `log_likelihood`: log p(x|z); `kl_z`: the conditional prior term,
        log q(z|x) - sum_c p(c|z, w) log p(z|w, c); `kl_w`: KL(q(w|x) || p(w));
        `kl_c`: KL(p(c|z, w) || p(c)); `kl`: the sum of these three.

        Source: Dilokthanakul et al. 2016, equation 5, with one sample of z in the
        conditional prior term too: p(c|z, w) depends on it.
        """
        terms = super().terms(draw, inputs, conditionals)
        mixture = conditionals["z"]
        log_p_c_given_z = mixture.log_probabilities(draw.z["z"])
        log_p_c = mixture.log_weights()
        kl_c = tf.exp(log_p_c_given_z) * (log_p_c_given_z - log_p_c)
        kl_c = tf.reduce_mean(tf.reduce_sum(kl_c, axis=-1), axis=0)
        # The divergence of z from the mixture p(z|w) includes that of c.
        return {**terms, "kl_z": terms["kl_z"] - kl_c, "kl_c": kl_c}

    def get_config(self) -> Config:
        """The constructor's arguments."""
        config = super().get_config()
        prior = config.pop("prior")["config"]
        config |= {
            "num_clusters": prior["num_components"],
            "noise_dim": prior["noise_dim"],
            "cluster_network": prior["network"],
            "full_covariance": prior["full_covariance"],
            "initialization": prior["initialization"],
            "noise_posterior": serialized(self.noise_head),
        }
        numbers = ("beta", "free_bits", "classifier_weight")
        return config_with_options(config, self.objective, MixtureElbo, numbers)
