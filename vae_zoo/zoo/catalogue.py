"""The models by the names that the command line uses, without importing them."""

import dataclasses

NORMAL_POSTERIORS = ("diagonal-normal", "full-covariance-normal")
SPHERICAL_POSTERIORS = ("von-mises-fisher", "power-spherical")
LIKELIHOODS = (
    "bernoulli",
    "continuous-bernoulli",
    "normal",
    "normal-per-channel",
    "normal-per-element",
)


@dataclasses.dataclass(frozen=True)
class Entry:
    """A model of the zoo.

    Attributes:
        class_name: its class, an attribute of `vae_zoo`.
        summary: one line for people who choose.
        posteriors: names of the q(z|x) it goes with, the default first.
        weights: names of what weighs its KL term: "beta", "capacity".
        has_clusters: whether it is a mixture that learns from labels.
    """

    class_name: str
    summary: str
    posteriors: tuple[str, ...] = NORMAL_POSTERIORS
    weights: tuple[str, ...] = ()
    has_clusters: bool = False


MODELS = {
    "vae": Entry("VAE", "variational autoencoder (Kingma & Welling 2014)"),
    "beta-vae": Entry(
        "BetaVAE",
        "KL term weighed, scheduled or held at a capacity (Higgins et al.)",
        weights=("beta", "capacity"),
    ),
    "gaussian-mixture-vae": Entry(
        "GaussianMixtureVAE",
        "clusters, labels where there are any (Dilokthanakul et al. 2016)",
        weights=("beta",),
        has_clusters=True,
    ),
    "hyperspherical-vae": Entry(
        "HypersphericalVAE",
        "latents on the unit sphere (Davidson et al. 2018)",
        posteriors=SPHERICAL_POSTERIORS,
        weights=("beta",),
    ),
}
