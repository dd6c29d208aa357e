"""A model written outside of the package: a ladder of two latents."""

import keras
import tensorflow as tf

from vae_zoo import VAE
from vae_zoo.components.draw import Draw, DrawOfOne
from vae_zoo.components.foreign import build_network
from vae_zoo.components.heads import build_head
from vae_zoo.components.networks import MLP
from vae_zoo.components.posteriors import DiagonalNormal
from vae_zoo.components.rows import over_rows
from vae_zoo.distributions.multivariate_normal import MultivariateNormalDiag
from vae_zoo.distributions.noise import fold_in
from vae_zoo.models.composition import serialized


@keras.saving.register_keras_serializable("tests")
class TwoLevelLadder(VAE):
    """p(z2) p(z1|z2) p(x|z1), and q(z1|x, z2) the product of p(z1|z2) and a normal.

    Source: Sonderby et al. 2016, section 2.
    """

    top_latent, decoded_latent = "z2", "z1"
    term_names = ("log_likelihood", "kl", "kl_z2", "kl_z1")

    def __init__(self, input_shape, latent_dim, bottom_dim, *, upper=None, **kwargs):
        self.bottom_dim = bottom_dim
        self.upper = MLP((8,), activation="tanh") if upper is None else upper
        self.descent = MLP((8,), activation="tanh")
        self.bottom_posterior, self.bottom_prior = DiagonalNormal(), DiagonalNormal()
        super().__init__(input_shape, latent_dim, **kwargs)

    @property
    def latent_shapes(self):
        return {"z2": (self.latent_dim,), "z1": (self.bottom_dim,)}

    def components(self):
        return {
            **super().components(),
            "upper": self.upper,
            "descent": self.descent,
        }

    def build_components(self):
        super().build_components()
        x_shape, z_shape = (None, *self.input_shape), (None, self.latent_dim)
        shape = build_network("upper", self.upper, x_shape)
        build_head(self.bottom_posterior, shape, (self.bottom_dim,))
        shape = build_network("descent", self.descent, z_shape)
        build_head(self.bottom_prior, shape, (self.bottom_dim,))

    def below(self, z2):
        """The parameters of p(z1|z2)."""
        return over_rows(lambda z: self.bottom_prior(self.descent(z)), z2)

    def story(self, z, inputs, *, training=False):
        yield "z2", self.prior_layer.distribution(self)
        yield "z1", self.bottom_prior.distribution(**self.below(z["z2"]))
        yield "x", self._likelihood(z, inputs, training)

    def completed(self, z):
        return {"z2": z, "z1": self.below(z)["loc"]}

    def features(self, inputs, *, training=False):
        x = self.as_inputs(inputs).x
        return self.encoder(x, training=training), self.bottom_posterior(self.upper(x))

    def features_of_top(self, features):
        return features[0]

    def bottom(self, upward, z2):
        """q(z1|x, z2): the two normals merged by their precisions."""
        p = self.below(z2)
        precisions = [1 / each["scale_diag"] ** 2 for each in (p, upward)]
        variance = 1 / tf.add(*precisions)
        loc = variance * (p["loc"] * precisions[0] + upward["loc"] * precisions[1])
        return MultivariateNormalDiag(loc, tf.sqrt(variance))

    def infer(
        self,
        inputs,
        num_samples=1,
        *,
        z=None,
        features=None,
        seed=None,
        training=False,
    ):
        if features is None:
            features = self.features(inputs, training=training)
        z = {} if z is None else self.checked_latents(z)
        seed = self.as_seed(seed) if not z else None
        top, upward = features
        z2 = self.posterior_head.infer(top, num_samples, seed, z=z.get("z2"))
        q = self.bottom(upward, z2.z)
        z1 = z["z1"] if z else q.sample(seed=fold_in(seed, 1))
        return Draw.of({"z2": z2, "z1": DrawOfOne(z1, q.log_prob(z1), q)})

    def locations(self, inputs, *, features=None):
        top, upward = self.features(inputs) if features is None else features
        z2 = self.posterior_head.location(top)
        return {"z2": z2, "z1": self.bottom(upward, z2).mean()}

    def get_config(self):
        return {
            **super().get_config(),
            "bottom_dim": self.bottom_dim,
            "upper": serialized(self.upper),
        }
