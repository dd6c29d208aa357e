"""The models and their parts, by their names on the command line.

One line registers a class. Its options are the arguments of its constructor, read from
the source, so that nothing here imports TensorFlow.
"""

import dataclasses
import importlib

from vae_zoo.zoo.constructors import Argument, arguments_of

# Not options, since they follow from the data.
NOT_OPTIONS = ("input_shape", "name")
# Options that have a clearer name than the argument.
RENAMED = {"encoder": "network", "num_epochs": "pretraining_epochs"}
# For arguments without a default, or whose defaults differ between networks.
DEFAULTS = {"latent_dim": 16, "hidden_units": (512, 256)}


@dataclasses.dataclass(frozen=True)
class Entry:
    """A class of the zoo.

    Attributes:
        path: the class, "module.Class".
        summary: one line for a list to choose from.
        given: arguments that the name already determines, which are no options.
        parts: the model's own choices in place of `PARTS`, by argument.
        renamed: options with another name than the argument's, beside `RENAMED`.
    """

    path: str
    summary: str = ""
    given: dict = dataclasses.field(default_factory=dict)
    parts: dict = dataclasses.field(default_factory=dict)
    renamed: dict[str, str] = dataclasses.field(default_factory=dict)

    def option(self, argument: str) -> str:
        """The name of the option for an argument."""
        return self.renamed.get(argument, RENAMED.get(argument, argument))

    @property
    def arguments(self) -> dict[str, Argument]:
        """The arguments of the constructor that may be options, by name."""
        left_out = (*NOT_OPTIONS, *self.given)
        found = arguments_of(self.path)
        return {name: each for name, each in found.items() if name not in left_out}

    @property
    def choices(self) -> dict[str, dict]:
        """The arguments that are parts: name -> the choices."""
        parts = PARTS | self.parts
        return {name: parts[name] for name in self.arguments if name in parts}

    def load(self) -> type:
        """The class, imported."""
        module, _, name = self.path.rpartition(".")
        return getattr(importlib.import_module(module), name)


_COMPONENTS = "vae_zoo.components"
NETWORKS = {
    "mlp": Entry(f"{_COMPONENTS}.networks.MLP"),
    "conv": Entry(f"{_COMPONENTS}.networks.Conv"),
    "resnet": Entry(f"{_COMPONENTS}.networks.ResNet"),
}
POSTERIORS = {
    "diagonal-normal": Entry(f"{_COMPONENTS}.posteriors.DiagonalNormal"),
    "full-covariance-normal": Entry(f"{_COMPONENTS}.posteriors.FullCovarianceNormal"),
    "inverse-autoregressive-flow": Entry(
        f"{_COMPONENTS}.posteriors.InverseAutoregressiveFlow",
        renamed={"hidden_units": "flow_units"},
    ),
    "planar-flow": Entry(f"{_COMPONENTS}.posteriors.Planar"),
    "sylvester-flow": Entry(
        f"{_COMPONENTS}.posteriors.Sylvester", renamed={"kind": "sylvester_kind"}
    ),
}
SPHERICAL_POSTERIORS = {
    "von-mises-fisher": Entry(f"{_COMPONENTS}.posteriors.VonMisesFisher"),
    "power-spherical": Entry(f"{_COMPONENTS}.posteriors.PowerSpherical"),
}
PRIORS = {
    "standard-normal": Entry(f"{_COMPONENTS}.priors.StandardNormal"),
    "vamp": Entry(
        f"{_COMPONENTS}.priors.VampPrior",
        renamed={"start_from": "pseudo_inputs_from"},
    ),
    "flow": Entry(
        f"{_COMPONENTS}.priors.Flow", renamed={"hidden_units": "prior_units"}
    ),
    "mixture": Entry(f"{_COMPONENTS}.priors.MixtureDensity"),
}
_NORMAL = f"{_COMPONENTS}.likelihoods.Normal"
_LEARNED = {"scale": None, "per_channel": False, "per_element": False}
LIKELIHOODS = {
    "bernoulli": Entry(f"{_COMPONENTS}.likelihoods.Bernoulli"),
    "continuous-bernoulli": Entry(f"{_COMPONENTS}.likelihoods.ContinuousBernoulli"),
    "normal": Entry(_NORMAL, given={"per_channel": False, "per_element": False}),
    "normal-per-channel": Entry(_NORMAL, given={**_LEARNED, "per_channel": True}),
    "normal-per-element": Entry(_NORMAL, given={**_LEARNED, "per_element": True}),
}
INITIALIZATIONS = {
    "gaussian-mixture": Entry(f"{_COMPONENTS}.cluster_initializers.GaussianMixture"),
    "k-means": Entry(f"{_COMPONENTS}.cluster_initializers.KMeans"),
    "neighbor-embedding": Entry(
        f"{_COMPONENTS}.cluster_initializers.NeighborEmbedding"
    ),
    "none": None,
}
_OBJECTIVES = f"{_COMPONENTS}.objectives"
# The objectives of every model other than the ELBO.
OTHER_OBJECTIVES = {
    "importance-weighted": Entry(f"{_OBJECTIVES}.ImportanceWeighted"),
    "renyi": Entry(f"{_OBJECTIVES}.Renyi"),
    "score-function": Entry(f"{_OBJECTIVES}.ScoreFunction"),
    "wake-sleep": Entry(f"{_OBJECTIVES}.WakeSleep"),
}
OBJECTIVES = {"elbo": Entry(f"{_OBJECTIVES}.Elbo"), **OTHER_OBJECTIVES}
# For a model that takes the arguments of its ELBO itself.
OWN_OBJECTIVES = {"elbo": None, **OTHER_OBJECTIVES}
# Arguments of models that are parts: name -> the choices, the default first.
PARTS = {
    "encoder": NETWORKS,
    "posterior": POSTERIORS,
    "prior": PRIORS,
    "likelihood": LIKELIHOODS,
    "objective": OBJECTIVES,
    "initialization": INITIALIZATIONS,
}
# How beta, or a capacity, grows from 0 over a run's warm-up.
_WARMUP = {"start": 0.0, "stop": None, "num_steps": None}
SCHEDULES = {
    "linear": Entry(f"{_COMPONENTS}.schedules.Linear", given=_WARMUP),
    "cosine": Entry(f"{_COMPONENTS}.schedules.Cosine", given=_WARMUP),
    "cyclical": Entry(f"{_COMPONENTS}.schedules.Cyclical", given=_WARMUP),
}
# The encoder may be wrapped in this.
DISTORTED = Entry("vae_zoo.components.distortions.Distorted")
MODELS = {
    "vae": Entry(
        "vae_zoo.models.VAE",
        "variational autoencoder (Kingma & Welling 2014)",
    ),
    "beta-vae": Entry(
        "vae_zoo.models.BetaVAE",
        "KL term weighed, scheduled or held at a capacity (Higgins et al.)",
        parts={"objective": OWN_OBJECTIVES},
    ),
    "gaussian-mixture-vae": Entry(
        "vae_zoo.models.GaussianMixtureVAE",
        "clusters, labels where there are any (Dilokthanakul et al. 2016)",
        parts={"objective": OWN_OBJECTIVES},
    ),
    "hyperspherical-vae": Entry(
        "vae_zoo.models.HypersphericalVAE",
        "latents on the unit sphere (Davidson et al. 2018)",
        parts={
            "posterior": SPHERICAL_POSTERIORS,
            "prior": {},
            "objective": OWN_OBJECTIVES,
        },
    ),
}
