"""The base class of posteriors q(z|x) that transform a normal by a flow."""

import functools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from vae_zoo.components.draw import DrawOfOne
from vae_zoo.components.heads import build_head
from vae_zoo.components.posteriors.normal import DiagonalNormal
from vae_zoo.components.posteriors.posterior import Posterior
from vae_zoo.distributions.flowed import Flowed
from vae_zoo.tensors import BatchShape, Seed


class FlowPosterior(Posterior):
    """q(z|x): a normal with a diagonal covariance, transformed by a few flow steps.

    Each draw comes with its density. The density of other points is not available,
    because the flow has no fast inverse. A new flow is the identity.

    A subclass defines the flow's weights (`build_flow`), the parameters that it makes
    of the features (`flow_parameters`) and the transformation (`flow`).
    """

    has_density = False

    def build(self, features_shape: BatchShape, event_shape: Sequence[int]) -> None:
        """Features [B, ...] to events [D]."""
        self.base = DiagonalNormal(name="base")
        build_head(self.base, features_shape, event_shape)
        self.build_flow(features_shape, event_shape[0])

    def build_flow(self, features_shape: BatchShape, size: int) -> None:
        """Creates the flow's weights for features [B, ...] and z [..., size]."""
        raise NotImplementedError

    def flow_parameters(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """The flow's parameters, made of the features: a dict of tensors [B, ...]."""
        raise NotImplementedError

    # `*args` as in `Head.distribution`.
    def flow(
        self, z: tf.Tensor, *args: Any, **parameters: Any
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """f(z) and log |det df/dz|.

        Args:
            z: float [..., B, D].
            **parameters: what `flow_parameters` returned.

        Returns:
            Float [..., B, D] and [..., B].
        """
        raise NotImplementedError

    def call(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """`loc` and `scale_diag` of the normal, [B, D], and those of the flow."""
        return {**self.base(features), **self.flow_parameters(features)}

    def distribution(
        self, loc: tf.Tensor, scale_diag: tf.Tensor, **parameters: tf.Tensor
    ) -> Flowed:
        """`distributions.Flowed`, batch [B], event [D]: see there for `log_prob`."""
        return Flowed(
            self.base.distribution(loc, scale_diag),
            functools.partial(self.flow, **parameters),
            owner=type(self).__name__,
        )

    def infer(
        self,
        features: tf.Tensor,
        num_samples: int = 1,
        seed: Seed | None = None,
        training: bool = False,
        *,
        z: tf.Tensor | None = None,
    ) -> DrawOfOne:
        """See `Posterior`; `z` must be None."""
        del training
        if z is not None:
            self.check_density("`infer` at a given `z`")
        q = self.distribution(**self(features))
        drawn = q.sample(num_samples, seed=seed)
        return DrawOfOne(drawn, q.log_prob(drawn), None)

    def location(self, features: tf.Tensor) -> tf.Tensor:
        """The normal's mean, transformed by the flow: [B, D]."""
        parameters = self(features)
        loc, _ = parameters.pop("loc"), parameters.pop("scale_diag")
        return self.flow(loc, **parameters)[0]
