"""Disentanglement: how well single latents represent single factors of variation."""

import dataclasses

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from vae_zoo.arguments import check_count, shown
from vae_zoo.arrays import as_array, as_floats
from vae_zoo.evaluation.disentanglement_measures import (
    attribute_predictability,
    beta_vae_score,
    dci,
    factor_vae_score,
    mutual_information_gap,
)
from vae_zoo.evaluation.estimate import (
    Batches,
    Estimate,
    checked_seed,
    first_examples,
    float_inputs,
)
from vae_zoo.models.input_checks import plain_value_errors
from vae_zoo.models.traced import traced
from vae_zoo.models.vae import VAE
from vae_zoo.tensors import ModelInput

ROWS_PER_STEP = 500


@dataclasses.dataclass(frozen=True)
class DisentanglementScores:
    """Measures of disentanglement; the best value is 1 unless stated otherwise.

    Attributes:
        beta_vae_score: accuracy with which a linear classifier finds the factor that
            pairs of examples share (Higgins et al. 2017). 1/F by chance.
        factor_vae_score: accuracy with which the latent that varies least among
            examples that share a factor identifies it (Kim & Mnih 2018). 1/F by chance.
        mutual_information_gap: MIG (Chen et al. 2018). 0 by chance.
        disentanglement: DCI (Eastwood & Williams 2018), whether a latent is important
            for only one factor. 0 if each is equally important for all.
        completeness: whether only one latent is important for a factor.
        informativeness: share of correct predictions of the factors from the latents.
        attribute_predictability: SAP (Kumar et al. 2018), how much better the best
            latent predicts a factor than the second best; 1 - 1/V at best for V values.
        num_examples: N.
    """

    beta_vae_score: float
    factor_vae_score: float
    mutual_information_gap: float
    disentanglement: float
    completeness: float
    informativeness: float
    attribute_predictability: float
    num_examples: int


def evaluate_disentanglement(
    model: VAE,
    data: tf.data.Dataset,
    *,
    num_examples: int = 50_000,
    num_parts: int = 3,
    seed: int = 0,
) -> dict[str, Estimate]:
    """The `DisentanglementScores` of a model, with their errors.

    The examples are split into parts, each of which is scored separately; the mean and
    its standard error are over the parts.

    Args:
        model: a model of the package.
        data: `tf.data.Dataset` of (x, y), y integer factors [B, F], in random order;
            `datasets.load("sprites")` is one.
        num_examples: N, the number of first examples to use; those that share a factor
            are found within a part.
        num_parts: the number of parts, >= 1; with one there is no error.
        seed: fixes the draws.

    Returns:
        Dict of `Estimate`, one for each score of `DisentanglementScores`.

    Raises:
        ValueError: if `num_parts` is below 1, the data have no factors, or as in
            `score_disentanglement`.
    """
    check_count("num_parts", num_parts, 1, "the parts to score")
    check_count("num_examples", num_examples, 1, "the examples to score")
    seed = checked_seed(seed) % 2**32
    batches = Batches(model, data)
    spec = getattr(data, "element_spec", None)
    if not isinstance(spec, tuple) or len(spec) < 2 or spec[1].shape.rank != 2:
        raise ValueError(
            "`data` must be a tf.data.Dataset of (x, y) with factors of variation y "
            "[B, F], as the data set 'sprites' has. Received: elements "
            f"{spec or shown(data)}"
        )
    encode = traced(_encode, model)
    with plain_value_errors():
        # A generator, so that not all images are in memory at once.
        coded = (
            {"codes": encode(float_inputs(x)), "factors": y} for x, y, *_ in batches
        )
        found, _ = first_examples(coded, num_examples)
    codes, factors = found["codes"], found["factors"]
    parts = [
        score_disentanglement(
            codes[part::num_parts], factors[part::num_parts], seed=seed + part
        )
        for part in range(num_parts)
    ]
    names = [field.name for field in dataclasses.fields(DisentanglementScores)]
    names.remove("num_examples")
    of_all = (
        Estimate.of([getattr(part, name) for part in parts], num_examples=len(codes))
        for name in names
    )
    return dict(zip(names, of_all, strict=True))


def _encode(model: VAE, x: ModelInput) -> tf.Tensor:
    return model.encode(x)


def score_disentanglement(
    codes: npt.ArrayLike, factors: npt.ArrayLike, *, seed: int = 0
) -> DisentanglementScores:
    """`DisentanglementScores` of codes.

    Args:
        codes: float [N, D].
        factors: integers [N, F], each with at least two values.
        seed: fixes the draws.

    Raises:
        ValueError: if the shapes do not match, a factor is no integer or has only one
            value, or there are fewer than two factors.
    """
    codes, factors = _checked(codes, factors)
    seed = checked_seed(seed) % 2**32
    informative, complete, disentangled = dci(codes, factors, seed=seed)
    return DisentanglementScores(
        beta_vae_score=beta_vae_score(codes, factors, seed=seed),
        factor_vae_score=factor_vae_score(codes, factors, seed=seed),
        mutual_information_gap=mutual_information_gap(codes, factors),
        disentanglement=disentangled,
        completeness=complete,
        informativeness=informative,
        attribute_predictability=attribute_predictability(codes, factors, seed=seed),
        num_examples=len(codes),
    )


def _checked(
    codes: npt.ArrayLike, factors: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.integer]]:
    codes, factors = as_floats("codes", codes), as_array("factors", factors)
    if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors):
        raise ValueError(
            "`codes` [N, D] and `factors` [N, F] must have as many rows. Received: "
            f"shapes {codes.shape} and {factors.shape}"
        )
    if not np.issubdtype(factors.dtype, np.integer) or factors.shape[1] < 2:
        raise ValueError(
            "`factors` must be integers [N, F] of F >= 2 factors. Received: "
            f"{factors.dtype} {factors.shape}"
        )
    check_count("len(codes)", len(codes), 100, "the examples to score")
    for index, factor in enumerate(factors.T):
        if (factor == factor[0]).all():
            raise ValueError(
                "`factors` must vary among the examples. Received: factor "
                f"{index}, always {factor[0]}"
            )
    return codes, factors
