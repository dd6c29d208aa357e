"""Every measure that applies to a model and a data set."""

import dataclasses
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, TypeVar

import tensorflow as tf

from vae_zoo.arguments import check_choice, check_count, check_instance
from vae_zoo.datasets.defaults import Binarization
from vae_zoo.datasets.source import BINARIZATIONS, Source
from vae_zoo.evaluation import hamiltonian
from vae_zoo.evaluation.annealed import annealed_marginal_likelihood, bidirectional
from vae_zoo.evaluation.clustering import (
    bootstrapped_errors,
    probabilities_and_labels,
    score_clusters,
)
from vae_zoo.evaluation.disentanglement import evaluate_disentanglement
from vae_zoo.evaluation.estimate import (
    Estimate,
    Interrupted,
    check_model,
    check_verbose,
    checked_seed,
)
from vae_zoo.evaluation.latent_usage import latent_usage
from vae_zoo.evaluation.marginal_likelihood import marginal_likelihood
from vae_zoo.evaluation.measurement import Measurement, Report
from vae_zoo.models.input_checks import check_shape
from vae_zoo.models.proposal import check_prior_share
from vae_zoo.models.vae import VAE

NUM_CHAINS = 10
Found: TypeAlias = dict[str, Measurement]
ResultT = TypeVar("ResultT")


@dataclasses.dataclass(frozen=True)
class Plan:
    """The settings of `report`.

    Args:
        num_samples: samples of z per example for the estimate of log p(x).
        prior_share: share of these drawn from p(z), for few latents, where q(z|x)
            misses modes, in [0, 1).
        binarize: as in `datasets.load`.
        batch_size: examples at a time.
        annealing_steps: steps of annealed importance sampling for log p(x), on the
            model's own data from both sides, >= 0, where 0 is off.
        hamiltonian_samples: draws of Hamiltonian Monte Carlo for log p(x) by a density
            estimate, for at most four latents, >= 0, where 0 is off.
        num_chain_examples: number of examples for these two slow measures.
        seed: fixes the draws, >= 0.
        binarization_seed: fixes the draws of `binarize`; the seed of the model's run.
        verbose: 1 prints what is being measured and shows progress bars.
    """

    num_samples: int = 100
    prior_share: float = 0.0
    binarize: Binarization = None
    batch_size: int = 100
    annealing_steps: int = 0
    hamiltonian_samples: int = 0
    num_chain_examples: int = 100
    seed: int = 0
    binarization_seed: int = 0
    verbose: int = 0

    def check(self) -> None:
        """Raises ValueError if a number is out of range."""
        check_count("num_samples", self.num_samples, 1, "the draws for each example")
        check_prior_share(self.prior_share)
        check_choice("binarize", self.binarize, BINARIZATIONS)
        check_count("batch_size", self.batch_size, 1, "the examples at a time")
        for name in ("annealing_steps", "hamiltonian_samples"):
            check_count(name, getattr(self, name), 0, "where 0 leaves it out")
        check_count("num_chain_examples", self.num_chain_examples, 1, "to look at")
        checked_seed(self.seed)
        checked_seed(self.binarization_seed)
        check_verbose(self.verbose)


def report(model: VAE, source: Source, plan: Plan) -> Report:
    """Measures everything that applies to a model and a data set.

    The measures are the use of the latents; the agreement of clusters with classes, for
    mixture models and data with classes; disentanglement, for data with factors; the
    bound, its terms and log p(x). Ctrl-C returns what has been measured so far. A
    measure that the data do not allow, with too few examples for instance, is left out
    with a warning.

    Args:
        model: a model of the package.
        source: the examples, as `datasets.open_source` returns them.
        plan: a `Plan`.

    Returns:
        `Report`.

    Raises:
        ValueError: if a number is out of range, or the data do not fit the model.
    """
    check_model(model)
    check_instance("source", source, Source, "what `datasets.open_source` gives")
    check_instance("plan", plan, Plan, "a Plan, such as Plan(num_samples=100)")
    plan.check()
    if plan.hamiltonian_samples:
        hamiltonian.check(model, plan.hamiltonian_samples, "hamiltonian_samples")
    # Shapes are checked before anything is measured.
    check_shape((None, *source.element_shape), model.input_shape)
    found: Found = {}
    try:
        for name, measure in _measures(model, source, plan):
            if plan.verbose:
                print(name)
            found |= _measured(name, measure, model, source, plan)
    except Interrupted as stop:
        return Report(found | stop.partial, is_interrupted=True)
    except KeyboardInterrupt:
        return Report(found, is_interrupted=True)
    return Report(found)


def _measured(
    name: str,
    measure: Callable[[VAE, Source, Plan], Found],
    model: VAE,
    source: Source,
    plan: Plan,
) -> Found:
    """The result of `measure`, or {} and a warning if the data do not allow it."""
    try:
        return measure(model, source, plan)
    except ValueError as error:
        if measure is _importance_sampling:
            raise  # The report needs this measure; the others are extras.
        warnings.warn(f"{name} was left out: {error}", stacklevel=3)
        return {}


def _measures(
    model: VAE, source: Source, plan: Plan
) -> Iterator[tuple[str, Callable[[VAE, Source, Plan], Found]]]:
    """The measures that apply, fast ones first: pairs of a name and a function."""
    yield "latent usage", _latent_usage
    if model.num_clusters and source.has_classes:
        yield "clusters against classes", _clusters
    if source.factor_names:
        yield "disentanglement", _disentanglement
    yield "importance sampling", _importance_sampling
    if plan.annealing_steps:
        yield "annealed importance sampling", _annealing
        yield "annealing from both sides", _both_sides
    if plan.hamiltonian_samples:
        yield "Hamiltonian Monte Carlo", _hamiltonian
    if plan.annealing_steps or plan.hamiltonian_samples:
        yield "importance sampling of the same examples", _importance_sampling_of_few


def _data(source: Source, plan: Plan, **options: Any) -> tf.data.Dataset:
    options = {"seed": plan.binarization_seed, **options}
    return source.batches(plan.batch_size, binarize=plan.binarize, **options)


def _converted(
    measure: Callable[[], ResultT], convert: Callable[[ResultT], Found]
) -> Found:
    """`convert` of the result of `measure`, or of the part done before Ctrl-C."""
    try:
        return convert(measure())
    except Interrupted as stop:
        raise Interrupted(convert(stop.partial)) from None


def _latent_usage(model: VAE, source: Source, plan: Plan) -> Found:
    usage = latent_usage(model, _data(source, plan, labels=False), seed=plan.seed)
    count = usage.num_examples
    found = {"active_units": Measurement(usage.num_active, "", count)}
    estimates = {
        "mutual_information": usage.mutual_information,
        "aggregate_gap": usage.aggregate_gap,
    }
    for name, estimate in estimates.items():
        if estimate is not None:
            found[name] = Measurement.of(estimate, "nats", 1)
    found["latent_variances"] = Measurement(usage.variances, "", count)
    if usage.kl_per_dimension is not None:
        found["kl_per_dimension"] = Measurement(
            usage.kl_per_dimension, "nats", count, standard_error=usage.kl_errors
        )
    return found


def _clusters(model: VAE, source: Source, plan: Plan) -> Found:
    pairs = probabilities_and_labels(model, _data(source, plan, labels=True))
    scores = vars(score_clusters(*pairs))
    errors: dict[str, float | tuple[float, ...]] = {
        **bootstrapped_errors(*pairs, seed=plan.seed)
    }
    count = scores.pop("num_examples")
    shares = scores["cluster_shares"]
    errors["cluster_shares"] = tuple((p * (1 - p) / count) ** 0.5 for p in shares)
    if not model.learns_from_labels:
        # Training gave no cluster the class of its number.
        del scores["label_accuracy"]
    return {
        name: Measurement(value, "", count, standard_error=errors.get(name))
        for name, value in scores.items()
    }


def _disentanglement(model: VAE, source: Source, plan: Plan) -> Found:
    # Shuffled, since data sets of factors are often stored in the factors' order.
    data = _data(source, plan, labels=True, shuffle=True, seed=plan.seed)
    scores = evaluate_disentanglement(model, data, seed=plan.seed)
    return {name: Measurement.of(score) for name, score in scores.items()}


def _importance_sampling(
    model: VAE, source: Source, plan: Plan, suffix: str = ""
) -> Found:
    def measurements(estimates: dict[str, Estimate]) -> Found:
        size = estimates.pop("effective_sample_size")
        log_p = estimates.pop("log_marginal_likelihood")
        found = {
            name + suffix: Measurement.of(estimate, "nats", 1)
            for name, estimate in estimates.items()
        }
        for name, estimate, unit in (
            ("effective_sample_size", size, "samples"),
            ("log_marginal_likelihood", log_p, "nats"),
        ):
            found[name + suffix] = Measurement.of(estimate, unit, plan.num_samples)
        return found

    data, options = _data(source, plan, labels=False), _options(plan)
    return _converted(
        lambda: marginal_likelihood(
            model, data, plan.num_samples, prior_share=plan.prior_share, **options
        ),
        measurements,
    )


def _importance_sampling_of_few(model: VAE, source: Source, plan: Plan) -> Found:
    few = source.first(plan.num_chain_examples)
    return _importance_sampling(model, few, plan, suffix=f"[:{len(few)}]")


def _annealing(model: VAE, source: Source, plan: Plan) -> Found:
    few = source.first(plan.num_chain_examples)
    name = f"annealed_log_marginal_likelihood[:{len(few)}]"
    data, options = _data(few, plan, labels=False), _options(plan)
    return _converted(
        lambda: annealed_marginal_likelihood(
            model, data, plan.annealing_steps, num_chains=NUM_CHAINS, **options
        ),
        lambda estimate: {name: Measurement.of(estimate, "nats", NUM_CHAINS)},
    )


def _both_sides(model: VAE, source: Source, plan: Plan) -> Found:
    del source  # The model draws the data.
    return _converted(
        lambda: bidirectional(
            model,
            plan.num_chain_examples,
            plan.annealing_steps,
            num_chains=NUM_CHAINS,
            batch_size=plan.batch_size,
            **_options(plan),
        ),
        lambda found: {
            "bidirectional_lower": Measurement.of(found.lower, "nats", NUM_CHAINS),
            "bidirectional_upper": Measurement.of(found.upper, "nats", 1),
            "bidirectional_gap": Measurement.of(found.gap, "nats", NUM_CHAINS),
        },
    )


def _hamiltonian(model: VAE, source: Source, plan: Plan) -> Found:
    few = source.first(plan.num_chain_examples)
    name = f"hamiltonian_log_marginal_likelihood[:{len(few)}]"
    count = plan.hamiltonian_samples
    data, options = _data(few, plan, labels=False), _options(plan)
    return _converted(
        lambda: hamiltonian.hamiltonian_marginal_likelihood(
            model, data, count, **options
        ),
        lambda estimate: {name: Measurement.of(estimate, "nats", count)},
    )


def _options(plan: Plan) -> dict[str, int]:
    return {"seed": plan.seed, "verbose": plan.verbose}
