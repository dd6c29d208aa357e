"""The models by the names that the command line uses, without importing them."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Entry:
    """A model of the zoo.

    Attributes:
        class_name: its class, an attribute of `vae_zoo`.
        summary: one line for people who choose.
    """

    class_name: str
    summary: str


MODELS = {
    "vae": Entry("VAE", "variational autoencoder (Kingma & Welling 2014)"),
    "beta-vae": Entry(
        "BetaVAE", "KL term weighed, scheduled or held at a capacity (Higgins et al.)"
    ),
}
