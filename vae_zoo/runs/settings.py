"""What the settings of a training run must be to each other, without TensorFlow."""

from collections.abc import Iterator

from vae_zoo.arguments import Config
from vae_zoo.runs import options
from vae_zoo.runs.plan import Plan
from vae_zoo.serving.layout import find_version, read_metadata
from vae_zoo.zoo import presets
from vae_zoo.zoo.catalogue import DISTORTED

LARGEST_SEED = 2**32 - 1
# Of the bound: other objectives have none of them.
WEIGHTS_OF_BOUND = (
    "beta",
    "normalized",
    "capacity",
    "free_bits",
    "classifier_weight",
)
# Parts of a model's configuration that do not change which function it is: names, how
# it computes and how it is trained.
NOT_ARCHITECTURE = (
    "name",
    "trainable",
    "dtype",
    "build_config",
    "seed",
    "dropout_rate",
    "decoder_dropout_rate",
    "objective",
    *WEIGHTS_OF_BOUND,
    "initialization",
    "schedule",
)


def completed(settings: Config) -> Plan:
    """The `Plan` of `settings`, with the defaults of those left out.

    Raises:
        ValueError: if they do not make a run, as far as no data say.
    """
    plan = options.completed(settings)
    if plan.seed > LARGEST_SEED:
        raise ValueError(
            f"`seed` must be at most {LARGEST_SEED}. Received: seed={plan.seed}"
        )
    _check_patience(plan)
    _check_objective(plan)
    weight = plan.options.get("classifier_weight")
    if weight and plan.labels_per_class is None:
        raise ValueError(
            "`labels_per_class` must come with a classifier weight. Received: None, "
            f"classifier_weight={weight:g}"
        )
    return plan


def last_warmup(plan: Plan) -> tuple[str, float]:
    """The setting whose epochs end last before the whole bound is trained on."""
    # Neither part of the KL term nor a model without its clusters is what counts.
    ends = {
        "warmup_epochs": plan.warmup_epochs,
        "pretraining_epochs": plan.options.get("pretraining_epochs", 0),
    }
    last = max(ends, key=ends.__getitem__)
    return last, ends[last]


def _check_objective(plan: Plan) -> None:
    """Raises ValueError if something weighs a bound that the run does not train on."""
    objective = plan.options.get("objective", "elbo")
    if objective == "elbo":
        return
    known = options.of_model(plan.model)
    weights = {
        "warmup_epochs": (plan.warmup_epochs, 0),
        "labels_per_class": (plan.labels_per_class, None),
        **{
            name: (plan.options[name], known[name].defaults[None])
            for name in WEIGHTS_OF_BOUND
            if name in plan.options and known[name].owner is None
        },
    }
    for name, (value, default) in weights.items():
        if value != default:
            raise ValueError(
                f"`{name}` must be left out with objective={objective!r}, which has no "
                f"such part; it is for elbo. Received: {name}={value!r}"
            )


def _check_patience(plan: Plan) -> None:
    if plan.patience is None:
        return
    if plan.ema_momentum:
        raise ValueError(
            "`patience` must be left out with weight averaging, whose weights are made "
            f"at the end. Received: ema_momentum={plan.ema_momentum}"
        )
    last, end = last_warmup(plan)
    if end >= plan.epochs:
        raise ValueError(
            f"`{last}` must be below `epochs` with `patience`, which counts from its "
            f"end. Received: {last}={end:g}, epochs={plan.epochs}"
        )


def check_initial_model(plan: Plan) -> None:
    """Raises ValueError unless the model of `init_from` may give the first weights."""
    name = plan.init_from
    if name is None:
        return
    # A model that no run made is not known before it is loaded.
    training = read_metadata(find_version(presets.find(name))).get("training", {})
    for key in _architecture(plan):
        if key in training and plan.options[key] != training[key]:
            raise ValueError(
                f"`{key}` must be {training[key]!r}, as in {name!r}, whose weights "
                f"`init_from` takes over. Received: {key}={plan.options[key]!r}"
            )


def _architecture(plan: Plan) -> Iterator[str]:
    """The options that say which function the model is."""
    known = options.of_model(plan.model)
    for name in plan.options:
        owner = known[name].owner
        about = {name} if owner is None else {name, owner.name}
        if not about & {*NOT_ARCHITECTURE, *DISTORTED.arguments}:
            yield name


def check_extension(found: Config, epochs: int) -> None:
    """Raises ValueError if a run cannot go on for more epochs than it was to have.

    Args:
        found: the settings recorded.
        epochs: how many it is to have now.
    """
    reasons = {
        "cosine_decay": "lowers the learning rate to 0 at the last of them",
        "ema_momentum": "puts averaged weights in after the last of them",
        "labels_per_class": "fits the clusters once more after the last of them",
    }
    if found.get("pretraining_epochs", 0) >= found["epochs"]:
        reasons["pretraining_epochs"] = "had the clusters start after the last of them"
    for name, reason in reasons.items():
        if found.get(name):
            raise ValueError(
                f"`epochs` must be {found['epochs']}, since `{name}` {reason}: start "
                "another run from this one's weights by `init_from`. Received: "
                f"epochs={epochs}"
            )
