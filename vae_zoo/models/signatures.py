"""The functions that a model offers to a server, and the specs of what they take."""

from collections.abc import Mapping

import tensorflow as tf

from vae_zoo.arguments import check_count
from vae_zoo.components.signature import Signature, row_spec
from vae_zoo.distributions.noise import fold_in
from vae_zoo.models.model_base import ModelBase

# Inputs that have another name in a request.
_REQUEST_NAMES = {"x": "inputs"}


class ModelSignatures(ModelBase):
    """The signatures of every model; a prior adds its own."""

    def input_specs(self) -> tuple[tf.TensorSpec, ...]:
        """The specs of the inputs in a request, where x is called `inputs`."""
        return tuple(
            row_spec(_REQUEST_NAMES.get(name, name), rule.shape)
            for name, rule in self.input_rules().items()
        )

    def named_inputs(self, request: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The inputs in a request, name -> tensor, by the names that methods take."""
        names = {_REQUEST_NAMES.get(name, name): name for name in self.input_rules()}
        return {names[key]: value for key, value in request.items() if key in names}

    def signatures(
        self, *, num_importance_samples: int = 128, num_imputation_steps: int = 50
    ) -> dict[str, Signature]:
        """The functions that a server calls, by name.

        A row of an answer depends on its own row of the request alone: its random
        numbers are those of the row's seed.

        Args:
            num_importance_samples: draws for each row of `score`.
            num_imputation_steps: steps of the chain for each row of `impute`.
        """
        check_count("num_importance_samples", num_importance_samples, 1, "draws")
        check_count("num_imputation_steps", num_imputation_steps, 1, "steps")
        x = self.input_specs()
        given = tuple(spec for spec in x if spec.name == "condition")
        z = row_spec("latents", (self.latent_dim,))
        seeds = row_spec("seeds", (2,), tf.int32)

        def serving_default(**request: tf.Tensor) -> dict[str, tf.Tensor]:
            inputs = self.as_inputs(self.named_inputs(request))
            located = self.locations(inputs)
            return {
                "latents": located[self.top_latent],
                "reconstructions": self.points(located, inputs),
            }

        def encode(**request: tf.Tensor) -> dict[str, tf.Tensor]:
            # The location and the parameters in one pass through the encoder.
            features = self.features(self.named_inputs(request))
            features = self.features_of_top(features)
            head = self.posterior_heads[self.top_latent]
            return {"latents": head.location(features), **head(features)}

        def decode(
            latents: tf.Tensor, condition: tf.Tensor | None = None
        ) -> dict[str, tf.Tensor]:
            return {"outputs": self.decode(latents, condition=condition)}

        def reconstruct(**request: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"outputs": self.reconstruct(self.named_inputs(request))}

        def sample(
            seeds: tf.Tensor, condition: tf.Tensor | None = None
        ) -> dict[str, tf.Tensor]:
            inputs = self.given(condition)
            z = self.draw_prior(tf.shape(seeds)[:1], seeds, inputs)
            return {"outputs": self.points(z, inputs)}

        def draw(
            seeds: tf.Tensor, condition: tf.Tensor | None = None
        ) -> dict[str, tf.Tensor]:
            inputs = self.given(condition)
            z = self.draw_prior(tf.shape(seeds)[:1], seeds, inputs)
            return {"outputs": self.draw_x(z, seeds, inputs)}

        def score(seeds: tf.Tensor, **request: tf.Tensor) -> dict[str, tf.Tensor]:
            inputs = self.named_inputs(request)
            log_likelihood = self.log_marginal_likelihood(
                inputs, num_importance_samples, seed=seeds
            )
            bound = self.elbo(inputs, seed=fold_in(seeds, 1))
            return {"log_marginal_likelihood": log_likelihood, "elbo": bound}

        def impute(
            mask: tf.Tensor, seeds: tf.Tensor, **request: tf.Tensor
        ) -> dict[str, tf.Tensor]:
            inputs = self.named_inputs(request)
            outputs = self.impute(inputs, mask, num_imputation_steps, seeds)
            return {"outputs": outputs}

        mask = row_spec("mask", self.input_shape)
        offered = {
            "serving_default": Signature(serving_default, x),
            "encode": Signature(encode, x),
            "decode": Signature(decode, (z, *given)),
            "reconstruct": Signature(reconstruct, x),
            "sample": Signature(sample, (seeds, *given)),
            "draw": Signature(draw, (seeds, *given)),
            "score": Signature(score, (*x, seeds), is_log_density=True),
            "impute": Signature(impute, (x[0], mask, *x[1:], seeds), masked=True),
            **self.prior_layer.signatures(self),
        }
        if not all(head.has_density for head in self.posterior_heads.values()):
            del offered["impute"]
        return offered
