"""TFP's Bernoulli distribution, its log-density with one softplus, not two."""

import tensorflow as tf
import tensorflow_probability as tfp


class Bernoulli(tfp.distributions.Bernoulli):
    """p(x) = sigmoid(logits)^x sigmoid(-logits)^(1 - x).

    `tfd.Bernoulli`, whose arguments it takes, with a log-density in two thirds of the
    time: beside a decoder's matrix products it is most of what there is to compute.
    """

    def _quantile(self, share: tf.Tensor) -> tf.Tensor:
        return tf.cast(share >= 1 - self.probs_parameter(), self.dtype)

    def _log_prob(self, event: tf.Tensor) -> tf.Tensor:
        if self.logits is None:
            return super()._log_prob(event)
        logits = tf.convert_to_tensor(self.logits)
        # Exact where one outcome is all but certain, which event * logits -
        # softplus(logits) is not, and with the right derivative at 0.
        is_positive = logits >= 0
        positive = tf.where(is_positive, logits, 0)
        negative = tf.where(is_positive, -logits, logits)
        linear = tf.cast(event, logits.dtype) * logits - positive
        return linear - tf.math.log1p(tf.exp(negative))
