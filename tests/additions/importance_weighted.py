"""An objective written outside of the package: the importance-weighted bound."""

import math

import keras
import tensorflow as tf

from vae_zoo.arguments import check_count
from vae_zoo.components.draw import total
from vae_zoo.components.objectives import Objective


@keras.saving.register_keras_serializable("tests")
class ImportanceWeighted(Objective):
    """-log (1/K) sum_k w_k, w_k = p(x, z_k) / q(z_k|x), z_k ~ q(z|x).

    Source: Burda et al. 2016, equation 8.
    """

    def __init__(self, num_samples=5, **kwargs):
        super().__init__(**kwargs)
        self.num_samples = check_count("num_samples", num_samples, 1, "K")

    def loss(self, step):
        """See `Objective`."""
        log_w = total(step.log_joint()) - total(step.log_q())
        return math.log(self.num_samples) - tf.reduce_logsumexp(log_w, axis=0)

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "num_samples": self.num_samples}
