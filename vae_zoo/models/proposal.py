"""What latents are drawn from to estimate log p(x)."""

import math

import tensorflow as tf

from vae_zoo.arguments import check_number, shown
from vae_zoo.distributions.noise import fold_in


class DefensiveProposal:
    """q(u|x) mixed with the prior, so many draws from each.

    Where q misses a part of the posterior, q alone has weights of infinite variance,
    and draws of it do not tell. With a share s of the prior no weight exceeds
    p(x|u) / s.

    Args:
        q: a joint posterior, batch [B], event [U].
        prior: the joint prior, event [U].
        num_draws: C >= 1, how many `sample` draws for each example.
        prior_share: s in [0, 1); of the C draws s C, rounded, are from the prior: at
            least one and not all, if s is not 0 and C not 1.

    Source: Hesterberg 1995; Owen & Zhou 2000, section 3 (fixed numbers of each).
    """

    def __init__(self, q, prior, num_draws, prior_share):
        self.q, self.prior = q, prior
        num_prior = min(max(1, round(prior_share * num_draws)), num_draws - 1)
        num_prior = num_prior if prior_share else 0
        self.sizes = (num_draws - num_prior, num_prior)

    def sample(self, seed):
        """Draws float [C, B, U], those of the prior last."""
        num_posterior, num_prior = self.sizes
        drawn = self.q.sample(num_posterior, seed=seed)
        if not num_prior:
            return drawn
        shape = tf.concat([[num_prior], self.q.batch_shape_tensor()], axis=0)
        more = self.prior.sample(shape, seed=fold_in(seed, 1))
        return tf.concat([drawn, more], axis=0)

    def log_prob(self, u):
        """The mixture's log-density at u [..., B, U]: [..., B]."""
        log_q, (num_posterior, num_prior) = self.q.log_prob(u), self.sizes
        if not num_prior:
            return log_q
        share = num_prior / (num_posterior + num_prior)
        parts = (log_q + math.log1p(-share), self.prior.log_prob(u) + math.log(share))
        return tf.reduce_logsumexp(parts, axis=0)


def check_prior_share(prior_share):
    """`prior_share` as a float; raises ValueError unless it is in [0, 1)."""
    meaning = "the share of draws from the prior"
    share = check_number("prior_share", prior_share, f"{meaning}, in [0, 1)")
    if not 0 <= share < 1:
        raise ValueError(
            f"`prior_share` must lie in [0, 1), {meaning}. Received: "
            f"prior_share={shown(prior_share)}"
        )
    return share
