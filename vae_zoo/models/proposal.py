"""What latents are drawn from to estimate log p(x)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from vae_zoo.arguments import check_number, shown
from vae_zoo.components.draw import Draw, total
from vae_zoo.distributions.noise import fold_in
from vae_zoo.fitting.inputs import Inputs
from vae_zoo.models.input_checks import check_density

if TYPE_CHECKING:
    from vae_zoo.models.vae import VAE


class DefensiveProposal:
    """q(z|x) mixed with the prior, so many draws from each, of all latents together.

    Where q misses a part of the posterior, q alone has weights of infinite variance,
    and draws of it do not tell. With a share s of the prior no weight exceeds
    p(x|z) / s.

    Args:
        model: a model of the package.
        inputs: `Inputs`, B rows.
        features: what the model's `features` returned for these.
        num_draws: C >= 1, how many `sample` draws for each example.
        prior_share: s in [0, 1); of the C draws s C, rounded, are from the prior: at
            least one and not all, if s is not 0 and C not 1.

    Source: Hesterberg 1995; Owen & Zhou 2000, section 3 (fixed numbers of each).
    """

    def __init__(
        self,
        model: VAE,
        inputs: Inputs,
        features: tf.Tensor,
        num_draws: int,
        prior_share: float,
    ) -> None:
        self.model, self.inputs, self.features = model, inputs, features
        num_prior = min(max(1, round(prior_share * num_draws)), num_draws - 1)
        num_prior = num_prior if prior_share else 0
        if num_prior:
            check_density(model, "a `prior_share`, draws of p(z) whose q(z|x) counts")
        self.sizes = (num_draws - num_prior, num_prior)

    def sample(self, seed: tf.Tensor) -> Draw:
        """A `Draw`, [C, B, …], those of the prior last; it has no distribution q."""
        num_posterior, num_prior = self.sizes
        drawn = self._infer(num_posterior, seed=seed)
        if not num_prior:
            return drawn
        more = self._infer(z=self.draw_prior(num_prior, fold_in(seed, 1)))
        z, log_q = (
            {name: tf.concat([own[name], others[name]], axis=0) for name in own}
            for own, others in zip(drawn[:2], more[:2], strict=True)
        )
        return Draw(z, log_q, {})

    def draw_prior(self, count: int, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Draws of the prior for each example, name -> [count, B, *event]."""
        shape = tf.stack([count, tf.shape(self.inputs.x)[0]])
        return self.model.draw_prior(shape, seed, self.inputs)

    def log_prob(self, z: dict[str, tf.Tensor]) -> tf.Tensor:
        """The mixture's log-density at latents z, name -> [K, B, *event]: [K, B]."""
        log_q = total(self._infer(z=z).log_q)
        if not self.sizes[1]:
            return log_q
        return self.log_density(log_q, total(self.model.log_prior(z, self.inputs)))

    def log_density(self, log_q: tf.Tensor, log_prior: tf.Tensor) -> tf.Tensor:
        """The mixture's log-density where those of its two parts are known: [K, B]."""
        num_posterior, num_prior = self.sizes
        if not num_prior:
            return log_q
        share = num_prior / (num_posterior + num_prior)
        parts = (log_q + math.log1p(-share), log_prior + math.log(share))
        return tf.reduce_logsumexp(parts, axis=0)

    def _infer(self, num_samples: int = 1, **options: Any) -> Draw:
        return self.model.infer(
            self.inputs, num_samples, features=self.features, **options
        )


def check_prior_share(prior_share: object) -> float:
    """`prior_share` as a float; raises ValueError unless it is in [0, 1)."""
    meaning = "the share of draws from the prior"
    share = check_number("prior_share", prior_share, f"{meaning}, in [0, 1)")
    if not 0 <= share < 1:
        raise ValueError(
            f"`prior_share` must lie in [0, 1), {meaning}. Received: "
            f"prior_share={shown(prior_share)}"
        )
    return share
