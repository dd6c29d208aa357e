"""Honest numbers for trained models."""

from vae_zoo.evaluation.clustering import (
    ClusteringScores,
    evaluate_clusters,
    score_clusters,
)
from vae_zoo.evaluation.marginal_likelihood import Estimate, marginal_likelihood

__all__ = [
    "ClusteringScores",
    "Estimate",
    "evaluate_clusters",
    "marginal_likelihood",
    "score_clusters",
]
