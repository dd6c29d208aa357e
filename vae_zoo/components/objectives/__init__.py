"""Objectives, which training minimizes."""

from vae_zoo.components.objectives.elbo import Elbo
from vae_zoo.components.objectives.importance_weighted import ImportanceWeighted
from vae_zoo.components.objectives.mixture_elbo import MixtureElbo
from vae_zoo.components.objectives.objective import Objective
from vae_zoo.components.objectives.renyi import Renyi
from vae_zoo.components.objectives.score_function import ScoreFunction
from vae_zoo.components.objectives.wake_sleep import WakeSleep

__all__ = [
    "Elbo",
    "ImportanceWeighted",
    "MixtureElbo",
    "Objective",
    "Renyi",
    "ScoreFunction",
    "WakeSleep",
]
