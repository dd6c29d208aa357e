"""Measures of trained models, with their errors."""

from vae_zoo.evaluation.annealed import (
    BidirectionalEstimate,
    annealed_marginal_likelihood,
    bidirectional,
)
from vae_zoo.evaluation.clustering import (
    ClusteringScores,
    evaluate_clusters,
    score_clusters,
)
from vae_zoo.evaluation.disentanglement import (
    DisentanglementScores,
    evaluate_disentanglement,
    score_disentanglement,
)
from vae_zoo.evaluation.distortion_choice import compare_distortions
from vae_zoo.evaluation.estimate import Estimate
from vae_zoo.evaluation.hamiltonian import hamiltonian_marginal_likelihood
from vae_zoo.evaluation.latent_usage import LatentUsage, latent_usage
from vae_zoo.evaluation.marginal_likelihood import marginal_likelihood

__all__ = [
    "BidirectionalEstimate",
    "ClusteringScores",
    "DisentanglementScores",
    "Estimate",
    "LatentUsage",
    "annealed_marginal_likelihood",
    "bidirectional",
    "compare_distortions",
    "evaluate_clusters",
    "evaluate_disentanglement",
    "hamiltonian_marginal_likelihood",
    "latent_usage",
    "marginal_likelihood",
    "score_clusters",
    "score_disentanglement",
]
