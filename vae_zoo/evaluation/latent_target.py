"""The posterior p(z|x) as a density, and a sampler that moves on it."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import tensorflow as tf
import tensorflow_probability as tfp

from vae_zoo.components.draw import total
from vae_zoo.distributions.noise import fold_in
from vae_zoo.models.proposal import DefensiveProposal
from vae_zoo.models.vae import VAE
from vae_zoo.tensors import ModelInput

# A point for each latent, [..., B, D]; below, a function of these points.
State: TypeAlias = list[tf.Tensor]
LogDensity: TypeAlias = Callable[..., tf.Tensor]

# Draws of q(z|x) whose mean and deviation are the origin and unit of the states.
NUM_DRAWS = 64
MIN_DEVIATION = 1e-4
# Hamiltonian Monte Carlo: the share of moves to accept, the leapfrog steps of a move,
# and the moves that find each example's step size. For states about as wide as a
# standard normal, few steps are best: the paths are periodic, and longer ones turn
# back.
ACCEPTANCE = 0.8
NUM_LEAPFROG_STEPS = 3
NUM_ADAPTATION_STEPS = 50


class LatentTarget:
    """Log-densities over states of all latents, for each example of a batch.

    A state is a list of float [..., B, D], one for each latent in the model's order.
    Its part s stands for the point m + d s in the geometry's coordinates, where m and d
    are the mean and deviation of q(z|x). So the posterior is about one unit wide.

    Args:
        model: a model of the package whose latents are vectors.
        x: float [B, *input_shape], or a dict of inputs.
        num_starts: the number of states that `starts` draws for each example.
        prior_share: share of these from the prior, as in `DefensiveProposal`.
        seed: int32 [2].
    """

    def __init__(
        self,
        model: VAE,
        x: ModelInput,
        num_starts: int,
        prior_share: float,
        seed: tf.Tensor,
    ) -> None:
        self.model, self.inputs = model, model.as_inputs(x)
        self.charts = model.geometries
        features = model.features(self.inputs)
        self.proposal = DefensiveProposal(
            model, self.inputs, features, num_starts, prior_share
        )
        drawn = model.infer(self.inputs, NUM_DRAWS, features=features, seed=seed).z
        points = self._lifted(drawn, fold_in(seed, 0))
        self._means = [tf.reduce_mean(each, axis=0) for each in points]
        self._deviations = [
            tf.maximum(tf.math.reduce_std(each, axis=0), MIN_DEVIATION)
            for each in points
        ]
        log_units = [tf.reduce_sum(tf.math.log(d), axis=-1) for d in self._deviations]
        self._log_unit = sum(log_units)
        anywhere = self.proposal.draw_prior(NUM_DRAWS, fold_in(seed, 1))
        spreads = [
            tf.math.reduce_std(each, axis=0)
            for each in self._lifted(anywhere, fold_in(seed, 2))
        ]
        self._prior_widths = [
            tf.maximum(spread / deviation, 1.0)
            for spread, deviation in zip(spreads, self._deviations, strict=True)
        ]

    def whiten(self, z: dict[str, tf.Tensor], seed: tf.Tensor) -> State:
        """A state that stands for the latents z, name -> [..., B, D]."""
        points = zip(self._lifted(z, seed), self._means, self._deviations, strict=True)
        return [(point - mean) / deviation for point, mean, deviation in points]

    def latents(self, states: State) -> dict[str, tf.Tensor]:
        """The latents that a state stands for, name -> [..., B, D]."""
        return self._projected(self._points(states))

    def starts(self, seed: tf.Tensor) -> State:
        """States of draws from the proposal: [num_starts, B, D] for each latent."""
        return self.whiten(self.proposal.sample(seed).z, fold_in(seed, 2))

    def widths(self, share: tf.Tensor) -> list[tf.Tensor]:
        """Widths of p(z)^(1 - share) p(z|x)^share, were both normal: [B, D] each."""
        return [
            tf.math.rsqrt(share + (1 - share) / width**2)
            for width in self._prior_widths
        ]

    def log_start(self, *states: tf.Tensor) -> tf.Tensor:
        """The log-density of `starts` at a state [..., B, D]: [..., B]."""
        points = self._points(states)
        log_density = self.proposal.log_prob(self._projected(points))
        return log_density + self._log_volume(points)

    def log_joint(self, *states: tf.Tensor) -> tf.Tensor:
        """log p(x, z) as a density of a state [..., B, D]: [..., B]."""
        points = self._points(states)
        log_joint = self.model.log_joint(self._projected(points), self.inputs)
        return total(log_joint) + self._log_volume(points)

    def _points(self, states: Sequence[tf.Tensor]) -> State:
        three = zip(self._means, self._deviations, states, strict=True)
        return [mean + deviation * state for mean, deviation, state in three]

    def _lifted(self, z: dict[str, tf.Tensor], seed: tf.Tensor) -> State:
        return [
            chart.lift(z[name], fold_in(seed, number) if number else seed)
            for number, (name, chart) in enumerate(self.charts.items())
        ]

    def _projected(self, points: State) -> dict[str, tf.Tensor]:
        pairs = zip(self.charts.items(), points, strict=True)
        return {name: chart.project(point) for (name, chart), point in pairs}

    def _log_volume(self, points: State) -> tf.Tensor:
        pairs = zip(self.charts.values(), points, strict=True)
        volumes = [chart.log_volume(point) for chart, point in pairs]
        return sum(volumes) + self._log_unit


def adapted_kernel(
    log_density: LogDensity, start: State, seed: tf.Tensor
) -> tfp.mcmc.HamiltonianMonteCarlo:
    """Hamiltonian Monte Carlo with a separate step size for each example.

    Args:
        log_density: function from the parts of states, [C, B, D] each, to [C, B].
        start: states, a list of [C, B, D], to find the step sizes from.
        seed: int32 [2].

    Returns:
        `tfp.mcmc.HamiltonianMonteCarlo`.
    """
    hamiltonian = tfp.mcmc.HamiltonianMonteCarlo(
        log_density,
        step_size=tf.fill([tf.shape(start[0])[1], 1], 0.5),
        num_leapfrog_steps=NUM_LEAPFROG_STEPS,
    )
    adaptation = tfp.mcmc.SimpleStepSizeAdaptation(
        hamiltonian,
        num_adaptation_steps=NUM_ADAPTATION_STEPS,
        target_accept_prob=ACCEPTANCE,
        adaptation_rate=0.05,
    )
    _, step_sizes = tfp.mcmc.sample_chain(
        1,
        start,
        kernel=adaptation,
        num_burnin_steps=NUM_ADAPTATION_STEPS,
        trace_fn=lambda _, results: results.new_step_size,
        seed=seed,
    )
    return hamiltonian.copy(step_size=step_sizes[-1])
