"""The Gaussian-mixture VAE: clusters of any shape, and labels where there are any."""

import dataclasses

import keras
import tensorflow as tf

from vae_zoo.arguments import check_count, check_instance
from vae_zoo.components.cluster_initializers import DEFAULT, ClusterInitializer
from vae_zoo.components.foreign import check_network
from vae_zoo.components.heads import Head, build_head
from vae_zoo.components.mixture_priors import HierarchicalMixtureOfNormals
from vae_zoo.components.posteriors import DiagonalNormal
from vae_zoo.distributions.divergence import kl_divergence
from vae_zoo.distributions.product import Product
from vae_zoo.fitting import labels
from vae_zoo.models.elbo_model import weighted_mean
from vae_zoo.models.kl_weight import Weight, at_present_step, check_weights
from vae_zoo.models.vae import VAE, serialized


@keras.saving.register_keras_serializable("vae_zoo")
class GaussianMixtureVAE(VAE):
    """p(w) p(c) p(z|w, c) p(x|z) with q(z|x) q(w|x) p(c|z, w).

    w is N(0, I), c one of K clusters, z|w, c a normal whose location and scale a
    network makes of w: marginally, a cluster has any shape. p(c|z, w) is exact, by
    Bayes' rule, and c is summed over, not sampled.

    `fit` on x alone clusters. On (x, y) it learns from the labels y, integers [B] in
    -1..K-1, -1 where the label is unknown: cluster k is class k, and labelled examples
    enter with the bound on log p(x, y), from where the clusters start (after the epochs
    of `initialization`). With all labels known the model is a
    class-conditional generator, `sample(num_samples, cluster=k)`. At the end of `fit`
    on labels the clusters are fitted once more, in closed form, to where the encoder
    has put their examples, which is further than the optimizer moves them in few
    epochs (see `cluster_moments.fit_to_codes`).

    Args:
        input_shape: as in `VAE`.
        latent_dim: length D of z, as in `VAE`.
        num_clusters: K >= 2.
        noise_dim: length of w.
        cluster_network: layer w -> features, of which the clusters' locations and
            scales are linear. Default `MLP((128,), activation="tanh")`.
        noise_posterior: q(w|x), made of the encoder's features. Default
            `DiagonalNormal()`.
        full_covariance: whether p(z|w, c) has a full covariance.
        initialization: how clusters start from encoded data, one of
            `components.cluster_initializers`; None: at random.
        beta: weight of all divergences in training, >= 0; a number or a schedule.
            `elbo`, `evaluate` and `val_loss` stay at beta = 1.
        free_bits: lambda, nats that KL(p(c|z, w) || p(c)) may have at no cost in
            training, the mean over a batch by its sample weights, >= 0. It keeps
            clusters from being mixed up early. Under a uniform p(c) it is log K at
            most, and free above.
        classifier_weight: weight of -log p(c = y|z, w) of a labelled example beside
            the bound, >= 0. Kingma et al. take 0.1 N / N_l for N_l labels among N.
        **kwargs: as in `VAE`, but for `prior`.

    Raises:
        ValueError: if `num_clusters` is below 2, a weight is negative, labels are no
            integers in -1..K-1 or not as many as examples, all labels are unknown
            with a `classifier_weight`, or as in `VAE`.

    Source: Dilokthanakul et al. 2016; labels: Kingma et al. 2014, section 3.1.2 (M2,
    whose q(z|x, y) sees the label; here q(z|x) does not).
    """

    term_names = ("log_likelihood", "kl", "kl_z", "kl_w", "kl_c")
    learns_from_labels = True
    objective_weights = ("beta", "free_bits", "classifier_weight")
    beta = Weight()
    free_bits = Weight()
    classifier_weight = Weight()
    has_noise_posterior = True

    def __init__(
        self,
        input_shape,
        latent_dim,
        num_clusters=10,
        *,
        noise_dim=8,
        cluster_network: keras.layers.Layer | None = None,
        noise_posterior: Head | None = None,
        full_covariance=True,
        initialization: ClusterInitializer | None = DEFAULT,
        beta=1.0,
        free_bits=0.0,
        classifier_weight=0.0,
        **kwargs,
    ):
        check_weights(
            self, beta=beta, free_bits=free_bits, classifier_weight=classifier_weight
        )
        num_clusters = check_count("num_clusters", num_clusters, 2, "K")
        if cluster_network is not None:
            check_network("cluster_network", cluster_network)
        check_instance(
            "noise_posterior",
            noise_posterior,
            (Head, type(None)),
            "one of `components.posteriors`, such as DiagonalNormal(), or None",
        )
        prior = HierarchicalMixtureOfNormals(
            num_clusters,
            noise_dim,
            network=cluster_network,
            full_covariance=full_covariance,
            initialization=initialization,
        )
        # Before the base builds all weights.
        self.noise_head = (
            DiagonalNormal() if noise_posterior is None else noise_posterior
        )
        super().__init__(input_shape, latent_dim, prior=prior, **kwargs)
        self.beta = beta
        self.free_bits = free_bits
        self.classifier_weight = classifier_weight
        self._label_accuracy = keras.metrics.Mean("label_accuracy")

    def _components(self):
        return {**super()._components(), "noise_posterior": self.noise_head}

    def _build_components(self):
        super()._build_components()
        build_head(self.noise_head, self._features_shape, (self.prior_layer.noise_dim,))

    def joint_prior(self):
        """p(z, w): `distributions.HierarchicalMixture`, batch [], event [D + W]."""
        return self.prior_layer.joint()

    def joint_posterior(self, x, *, training=False):
        """q(z|x) q(w|x): `distributions.Product`, batch [B], event [D + W]."""
        features = self.encoder(self._as_data(x), training=training)
        heads = (self.posterior_head, self.noise_head)
        return Product([head.distribution(**head(features)) for head in heads])

    def elbo_terms_at(self, u, q, x, *, training=False):
        """See `VAE.elbo_terms_at`. In nats, [B] each, at z, w = u:

        `log_likelihood`: log p(x|z); `kl_z`: the conditional prior term,
        log q(z|x) - sum_c p(c|z, w) log p(z|w, c); `kl_w`: KL(q(w|x) || p(w));
        `kl_c`: KL(p(c|z, w) || p(c)); `kl`: the sum of these three.

        Source: Dilokthanakul et al. 2016, equation 5, with one sample of z in the
        conditional prior term too: p(c|z, w) depends on it.
        """
        z, w = u[:, : self.latent_dim], u[:, self.latent_dim :]
        q_z, q_w = q.distributions
        log_joint = self.prior_layer.log_joint(u)
        log_p_c_given_z = tf.nn.log_softmax(log_joint)
        log_p_c = tf.nn.log_softmax(self.prior_layer.logits)
        p_c_given_z = tf.exp(log_p_c_given_z)

        def expected(values):
            return tf.reduce_sum(p_c_given_z * values, axis=-1)

        divergences = {
            "kl_z": q_z.log_prob(z) - expected(log_joint - log_p_c),
            "kl_w": kl_divergence(q_w, self.joint_prior().noise(), w),
            "kl_c": expected(log_p_c_given_z - log_p_c),
        }
        return {
            **self.scored(x, z, training=training),
            "kl": sum(divergences.values()),
            **divergences,
        }

    def objective(self, terms, y=None, sample_weight=None):
        """See `VAE.objective`; for a labelled example minus the bound on log p(x, y).

        That is the bound on log p(x) and log p(c = y|z, w): the cluster is known.
        """
        kl_c, free_bits = terms["kl_c"], at_present_step(self, "free_bits")
        is_known = tf.zeros_like(kl_c, tf.bool)
        log_p_y = tf.zeros_like(kl_c)
        if y is not None:
            y = labels.as_indices(y)
            # While the clusters are all alike there is none to belong to.
            is_known = (y >= 0) & (self.prior_layer.is_initialized > 0)
            log_p_c = terms["cluster_log_probabilities"]
            log_p_y = tf.gather(log_p_c, tf.maximum(y, 0), axis=1, batch_dims=1)
        counts = tf.cast(~is_known, tf.float32)
        if sample_weight is not None:
            counts *= sample_weight
        missing_bits = free_bits - weighted_mean(kl_c, counts)
        kl = terms["kl"] + tf.where(is_known, -log_p_y, tf.nn.relu(missing_bits))
        classifier_loss = tf.where(is_known, -log_p_y, 0.0)
        return (
            at_present_step(self, "beta") * kl
            - terms["log_likelihood"]
            + at_present_step(self, "classifier_weight") * classifier_loss
        )

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """As in `VAE`; with labels also `label_accuracy`, over the known ones."""
        if y is not None:
            y = labels.as_indices(y)
            chosen = tf.argmax(y_pred["cluster_probabilities"], -1, tf.int32)
            is_known = tf.cast(y >= 0, tf.float32)
            counts = is_known if sample_weight is None else is_known * sample_weight
            self._label_accuracy.update_state(chosen == y, counts)
        results = super().compute_metrics(x, y, y_pred, sample_weight)
        if y is None:
            results.pop(self._label_accuracy.name, None)
        return results

    def get_metrics_result(self):
        """As in `ElboModel`; after a pass without labels no `label_accuracy`."""
        results = super().get_metrics_result()
        if tf.executing_eagerly() and self._label_accuracy.count == 0:
            results.pop(self._label_accuracy.name, None)
        return results

    def door(self):
        """See `ElboModel`; with the labels' rule."""
        return dataclasses.replace(
            super().door(), labels=labels.LabelRule(self.num_clusters)
        )

    def check_training_data(self, data, num_batches=None):
        """See `ElboModel`; a classifier weight needs a label."""
        if self.classifier_weight:
            labels.check_any_is_known(data, num_batches)

    def get_config(self):
        """The constructor's arguments."""
        config = super().get_config()
        prior = config.pop("prior")["config"]
        return {
            **config,
            "num_clusters": prior["num_components"],
            "noise_dim": prior["noise_dim"],
            "cluster_network": prior["network"],
            "full_covariance": prior["full_covariance"],
            "initialization": prior["initialization"],
            "noise_posterior": serialized(self.noise_head),
            "beta": serialized(self.beta),
            "free_bits": serialized(self.free_bits),
            "classifier_weight": serialized(self.classifier_weight),
        }
