"""Kullback-Leibler divergence between any two distributions of TFP."""

import tensorflow as tf
from tensorflow_probability import distributions as tfd


def kl_divergence(
    q: tfd.Distribution,
    p: tfd.Distribution,
    z: tf.Tensor,
    *,
    log_q: tf.Tensor | None = None,
) -> tf.Tensor:
    """KL(q || p) per example, in nats: closed form, else log q(z) - log p(z).

    Args:
        q: distribution with batch shape [B] and event shape [D].
        p: distribution with event shape [D].
        z: float tensor [B, D], one sample of `q`; used only where TFP
            registers no closed form for the two types.
        log_q: log q(z), float [B], if it is already known.

    Returns:
        Float tensor [B]. The closed form is >= 0 up to rounding; the
        single-sample estimate is unbiased and may be negative.

    Raises:
        ValueError: if the event shapes differ.

    Source: Kingma & Welling 2014, appendix B.
    """
    if not q.event_shape.is_compatible_with(p.event_shape):
        raise ValueError(
            "`q` and `p` must have the same event shape. Received: "
            f"q.event_shape={q.event_shape}, p.event_shape={p.event_shape}"
        )
    try:
        return tfd.kl_divergence(q, p)
    except NotImplementedError:
        log_q = q.log_prob(z) if log_q is None else log_q
        return log_q - p.log_prob(z)
