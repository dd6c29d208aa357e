"""The posterior p(z|x) as a density, and a sampler that moves on it."""

import tensorflow as tf
import tensorflow_probability as tfp

from vae_zoo.distributions.noise import fold_in
from vae_zoo.models.proposal import DefensiveProposal

# Draws of q(z|x) whose mean and deviation are the origin and unit of the states.
NUM_DRAWS = 64
MIN_DEVIATION = 1e-4
# Of Hamiltonian Monte Carlo: the share of moves to accept, the leapfrog steps of a
# move, and the moves that find each example's step size. On states about a standard
# normal wide, few steps are best: the paths are periodic, and longer ones turn back.
ACCEPTANCE = 0.8
NUM_LEAPFROG_STEPS = 3
NUM_ADAPTATION_STEPS = 50


class LatentTarget:
    """Log-densities over states s of R^U, one for each example of a batch.

    A state stands for the point m + d s of the geometry's chart, m and d the mean and
    deviation of q(z|x) there: on the scale of q the posterior is about one unit wide.

    Args:
        model: a model with `joint_posterior`, `joint_prior` and `likelihood`.
        x: float [B, *input_shape].
        num_starts: how many states `starts` draws for each example.
        prior_share: of these, as in `DefensiveProposal`.
        seed: int32 [2].
    """

    def __init__(self, model, x, num_starts, prior_share, seed):
        self.model = model
        self.x = tf.cast(tf.convert_to_tensor(x), tf.float32)
        q = model.joint_posterior(self.x)
        self.proposal = DefensiveProposal(
            q, model.joint_prior(), num_starts, prior_share
        )
        drawn = q.sample(NUM_DRAWS, seed=seed)
        points = model.geometry.lift(drawn, fold_in(seed, 0))
        self._mean = tf.reduce_mean(points, axis=0)
        deviation = tf.math.reduce_std(points, axis=0)
        self._deviation = tf.maximum(deviation, MIN_DEVIATION)
        self._log_unit = tf.reduce_sum(tf.math.log(self._deviation), axis=-1)
        anywhere = self.proposal.prior.sample(NUM_DRAWS, seed=fold_in(seed, 1))
        spread = tf.math.reduce_std(
            model.geometry.lift(anywhere, fold_in(seed, 2)), axis=0
        )
        self._prior_widths = tf.maximum(spread / self._deviation, 1.0)

    def whiten(self, u, seed):
        """A state that stands for the latents u [..., B, U]."""
        return (self.model.geometry.lift(u, seed) - self._mean) / self._deviation

    def latents(self, states):
        """The latents that states [..., B, U] stand for."""
        return self.model.geometry.project(self._points(states))

    def starts(self, seed):
        """States of draws of the proposal: [num_starts, B, U]."""
        return self.whiten(self.proposal.sample(seed), fold_in(seed, 2))

    def widths(self, share):
        """How wide p(z)^(1 - share) p(z|x)^share is, were both normal: [B, U]."""
        return tf.math.rsqrt(share + (1 - share) / self._prior_widths**2)

    def log_start(self, states):
        """The log-density of `starts` at states [..., B, U]: [..., B]."""
        points = self._points(states)
        u = self.model.geometry.project(points)
        return self.proposal.log_prob(u) + self._log_volume(points)

    def log_joint(self, states):
        """log p(x, z) as a density of states [..., B, U]: [..., B]."""
        points = self._points(states)
        u = self.model.geometry.project(points)
        rows = tf.reshape(u[..., : self.model.latent_dim], [-1, self.model.latent_dim])
        batch = tf.shape(u)[:-1]
        x = tf.broadcast_to(self.x, tf.concat([batch, tf.shape(self.x)[1:]], axis=0))
        x = tf.reshape(x, [-1, *self.model.input_shape])
        log_likelihood = tf.reshape(self.model.likelihood(rows).log_prob(x), batch)
        log_prior = self.model.joint_prior().log_prob(u)
        return log_likelihood + log_prior + self._log_volume(points)

    def _points(self, states):
        return self._mean + self._deviation * states

    def _log_volume(self, points):
        return self.model.geometry.log_volume(points) + self._log_unit


def adapted_kernel(log_density, start, seed):
    """Hamiltonian Monte Carlo with a step size of its own for each example.

    Args:
        log_density: function of states [C, B, U] to [C, B].
        start: states [C, B, U] to find the step sizes from.
        seed: int32 [2].

    Returns:
        `tfp.mcmc.HamiltonianMonteCarlo`.
    """
    hamiltonian = tfp.mcmc.HamiltonianMonteCarlo(
        log_density,
        step_size=tf.fill([tf.shape(start)[1], 1], 0.5),
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
