"""Mixtures of multivariate normals."""

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from vae_zoo.arguments import check_count
from vae_zoo.distributions.finite import check_parameter, is_positive
from vae_zoo.distributions.multivariate_normal import MultivariateNormalTriL
from vae_zoo.distributions.noise import fold_in, standard_normal, uniform
from vae_zoo.tensors import Array, Seed, TensorLike


class MixtureOfNormals(tfd.Distribution):
    """p(z) = sum_c p(c) p(z|c), with an exact sum over the component c.

    Component c is the normal of z = loc_c + U_c^-1 (scale_c * noise), where `unmixing`
    U_c makes the elements of z - loc_c independent. The density, which training
    evaluates, only multiplies with U_c, and only sampling solves a system; for a factor
    of the covariance it is the other way round. Samples are the same with and without
    XLA.

    Args:
        logits: float [..., K], log p(c) up to a constant.
        loc: float [..., K, D].
        scale_diag: float [..., K, D], positive.
        unmixing: float [K, D, D], lower triangular with ones on the diagonal; None for
            the identity, which gives diagonal covariances.

    Raises:
        ValueError: if the shapes do not match, there is no such component, a parameter
            is not finite, or a scale is not positive (checked eagerly).
    """

    def __init__(
        self,
        logits: TensorLike,
        loc: tf.Tensor,
        scale_diag: tf.Tensor,
        unmixing: tf.Tensor | None = None,
        name: str = "MixtureOfNormals",
    ) -> None:
        parameters = dict(locals())
        _check_shapes(logits, loc, scale_diag, unmixing)
        self.logits, self.loc, self.scale_diag = logits, loc, scale_diag
        self.unmixing = unmixing
        check_parameter("logits", logits)
        check_parameter("loc", loc)
        check_parameter("scale_diag", scale_diag, is_positive, "finite and > 0")
        super().__init__(
            dtype=tf.float32,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=False,
            parameters=parameters,
            name=name,
        )

    def log_joint(self, z: Array) -> tf.Tensor:
        """log p(c) p(z|c) of every component c: z [..., D], returns [..., K], nats."""
        offset = z[..., None, :] - self.loc
        if self.unmixing is not None:
            offset = tf.einsum("kij,...kj->...ki", self.unmixing, offset)
        normal = tfd.Normal(0.0, self.scale_diag)
        log_density = tf.reduce_sum(normal.log_prob(offset), axis=-1)
        return self.log_weights() + log_density

    def log_probabilities(self, z: Array) -> tf.Tensor:
        """log p(c|z) of every component c, by Bayes' rule: z [..., D], [..., K]."""
        return tf.nn.log_softmax(self.log_joint(z))

    def log_weights(self) -> tf.Tensor:
        """log p(c) of every component c: [..., K]."""
        return tf.nn.log_softmax(self.logits)

    def component(self, index: int) -> MultivariateNormalTriL:
        """p(z|c) of one component: `tfd.MultivariateNormalTriL`, batch [...]."""
        count = self.loc.shape[-2]
        index = check_count("index", index, 0, f"a component in 0..{count - 1}")
        if index >= count:
            raise ValueError(
                f"`index` must be a component in 0..{count - 1}. Received: "
                f"index={index}"
            )
        scale = tf.linalg.diag(self.scale_diag[..., index, :])
        if self.unmixing is not None:
            factor = tf.broadcast_to(self.unmixing[index], tf.shape(scale))
            scale = tf.linalg.triangular_solve(factor, scale)
        return MultivariateNormalTriL(self.loc[..., index, :], scale)

    def _log_prob(self, z: tf.Tensor) -> tf.Tensor:
        return tf.reduce_logsumexp(self.log_joint(z), axis=-1)

    def _sample_n(self, n: TensorLike, seed: Seed | None = None) -> tf.Tensor:
        seed = tfp.random.sanitize_seed(seed)
        batch = tf.concat([[n], self.batch_shape_tensor()], axis=0)
        shares = tf.cumsum(tf.nn.softmax(self.logits), axis=-1)
        drawn = uniform(batch, fold_in(seed, 0))[..., None]
        # The last share is 1 only up to rounding, and no draw may exceed it.
        index = tf.reduce_sum(tf.cast(drawn >= shares[..., :-1], tf.int32), axis=-1)
        chosen = tf.one_hot(index, self.loc.shape[-2])[..., None]
        loc = tf.reduce_sum(chosen * self.loc, axis=-2)
        scale = tf.reduce_sum(chosen * self.scale_diag, axis=-2)
        noise = scale * standard_normal(tf.shape(loc), fold_in(seed, 1))
        if self.unmixing is not None:
            factors = tf.gather(self.unmixing, index)
            noise = tf.linalg.triangular_solve(factors, noise[..., None])[..., 0]
        return loc + noise

    def _event_shape(self) -> tf.TensorShape:
        return self.loc.shape[-1:]

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.shape(self.loc)[-1:]

    def _batch_shape(self) -> tf.TensorShape:
        return self.loc.shape[:-2]

    def _batch_shape_tensor(self) -> tf.Tensor:
        return tf.shape(self.loc)[:-2]


def _check_shapes(
    logits: TensorLike,
    loc: tf.Tensor,
    scale_diag: tf.Tensor,
    unmixing: tf.Tensor | None,
) -> None:
    given = {
        name: tf.TensorShape(() if value is None else np.shape(value))
        for name, value in (
            ("logits", logits),
            ("loc", loc),
            ("scale_diag", scale_diag),
            ("unmixing", unmixing),
        )
    }
    if given["loc"].rank is not None and given["loc"].rank >= 2:
        count, dim = given["loc"][-2:]
        fits = (
            given["logits"][-1:].is_compatible_with([count])
            and given["scale_diag"][-2:].is_compatible_with([count, dim])
            and (
                unmixing is None
                or given["unmixing"].is_compatible_with([count, dim, dim])
            )
        )
        if fits:
            return
    raise ValueError(
        "`logits` must have shape [..., K], `loc` and `scale_diag` [..., K, D], and "
        "`unmixing`, unless it is None, [K, D, D]. Received: "
        + ", ".join(f"{name} of shape {shape}" for name, shape in given.items())
    )


def unmixed(scale_tril: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The scales [..., D] and unmixing [..., D, D] for a covariance's factor."""
    scale = tf.linalg.diag_part(scale_tril)
    mixing = scale_tril / scale[..., None, :]
    identity = tf.eye(scale.shape[-1], batch_shape=scale.shape[:-1])
    return scale, tf.linalg.triangular_solve(mixing, identity)
