from . import (
    arguments as arguments,
    arrays as arrays,
    atomic as atomic,
    callbacks as callbacks,
    cli as cli,
    components as components,
    datasets as datasets,
    distributions as distributions,
    evaluation as evaluation,
    fitting as fitting,
    models as models,
    plotting as plotting,
    runs as runs,
    serving as serving,
    tasks as tasks,
    tensors as tensors,
    zoo as zoo,
)
from .models.beta_vae import BetaVAE as BetaVAE
from .models.gaussian_mixture_vae import GaussianMixtureVAE as GaussianMixtureVAE
from .models.hyperspherical_vae import HypersphericalVAE as HypersphericalVAE
from .models.vae import VAE as VAE
from .serving.saved_model import export as export

__version__: str
__all__: list[str]
