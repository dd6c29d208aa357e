"""The bound on log p(x), its terms, and the importance-sampled estimate."""

import tensorflow as tf

from vae_zoo.arguments import check_count, check_flag
from vae_zoo.fitting.inputs import InputsLike
from vae_zoo.models import importance
from vae_zoo.models.model_base import ModelBase
from vae_zoo.tensors import Seed, TensorLike


class Bounds(ModelBase):
    """Bounds on log p(x), which follow from a model's `Story`."""

    def elbo_terms(
        self,
        x: InputsLike,
        *,
        condition: TensorLike | None = None,
        seed: Seed | None = None,
        training: bool = False,
    ) -> dict[str, tf.Tensor]:
        """The terms of the evidence lower bound, from one draw of z per example.

        Args:
            x: float [B, *input_shape], or a dict of inputs.
            condition: of a conditional model, a row for each of x.
            seed: integer or int32 [2], or one for each row, [B, 2]; None draws from
                the model's generator.
            training: whether layers such as dropout are in training mode.

        Returns:
            Dict of float32 [B], in nats: `log_likelihood` log p(x|z), `kl` KL(q(z|x) ||
            p(z)), and the terms that a model with several latents adds.

        Source: Kingma & Welling 2014, equation 7 (closed-form KL) and 6.
        """
        check_flag("training", training)
        inputs = self.as_inputs(x, condition)
        draw = self.infer(inputs, seed=seed, training=training)
        conditionals = self.conditionals(draw.z, inputs, training=training)
        terms = self.terms(draw, inputs, conditionals)
        return {name: terms[name] for name in self.term_names}

    def elbo(
        self,
        x: InputsLike,
        *,
        condition: TensorLike | None = None,
        seed: Seed | None = None,
    ) -> tf.Tensor:
        """The evidence lower bound at beta = 1: float32 [B], nats; see `elbo_terms`."""
        terms = self.elbo_terms(x, condition=condition, seed=seed)
        return terms["log_likelihood"] - terms["kl"]

    def log_marginal_likelihood(
        self,
        x: InputsLike,
        num_samples: int,
        *,
        condition: TensorLike | None = None,
        seed: Seed | None = None,
    ) -> tf.Tensor:
        """Importance-sampled log p(x), with q(z|x) as the proposal.

        log (1/K) sum_k p(x|z_k) p(z_k) / q(z_k|x): a lower bound in expectation
        that tightens as K grows. Memory does not grow with `num_samples`.

        Args:
            x: float [B, *input_shape], or a dict of inputs.
            num_samples: K, the draws from q(z|x) per example, >= 1.
            condition: of a conditional model, a row for each of x.
            seed: integer or int32 [2], or one for each row, [B, 2]; None draws from
                the model's generator.

        Returns:
            Float32 [B], nats.

        Raises:
            ValueError: if `num_samples` is below 1.

        Source: Burda et al. 2016, equation 8.
        """
        what = "the draws from q(z|x) per example"
        check_count("num_samples", num_samples, 1, what)
        return importance.log_marginal_likelihood(
            self, self.as_inputs(x, condition), num_samples, self.as_seed(seed)
        )
