"""What each setting of a training run must be, without TensorFlow."""

import difflib
import functools

from vae_zoo.arguments import (
    check_choice,
    check_count,
    check_flag,
    check_instance,
    check_number,
    shown,
)
from vae_zoo.datasets.defaults import IMAGE_FITS
from vae_zoo.zoo.catalogue import LIKELIHOODS, MODELS

# What goes into JSON as it is.
PLAIN = (bool, int, float, str, type(None))
LARGEST_SEED = 2**32 - 1


def _text(name, value):
    check_instance(name, value, str, "text")
    if not value.strip():
        raise ValueError(f"`{name}` must not be empty. Received: {name}={value!r}")


def _count(name, value, minimum=1, meaning="as `vae-zoo train --help` says"):
    check_count(name, value, minimum, meaning)


def _number(name, value, **limits):
    check_number(name, value, "as `vae-zoo train --help` says", **limits)


def _share(name, value):
    _number(name, value, minimum=0)
    if value >= 1:
        raise ValueError(
            f"`{name}` must be a number in [0, 1). Received: {name}={shown(value)}"
        )


def _sizes(name, value, count=None):
    if not isinstance(value, list) or not value or count not in (None, len(value)):
        number = "" if count is None else f"{count} "
        raise ValueError(
            f"`{name}` must be a list of {number}integers >= 1. Received: "
            f"{name}={shown(value)}"
        )
    for each in value:
        _count(name, each)


def _seed(name, value):
    if check_count(name, value, 0, "of all randomness") > LARGEST_SEED:
        raise ValueError(
            f"`{name}` must be at most {LARGEST_SEED}. Received: {name}={value}"
        )


def _choice(*choices):
    return lambda name, value: check_choice(name, value, choices)


def _or_none(check):
    return lambda name, value: value is None or check(name, value)


non_negative = functools.partial(_number, minimum=0)
positive = functools.partial(_number, above=0)

# Of every run,
REQUIRED = {
    "dataset": _text,
    "data_dir": _or_none(_text),
    "split": _text,
    "validation_split": _text,
    "binarize": _choice(None, "auto", "dynamic", "fixed"),
    "latent_dim": _count,
    "network": _choice("mlp", "conv", "resnet"),
    "hidden_units": _sizes,
    "filters": _or_none(_sizes),
    "num_blocks": _or_none(_count),
    "activation": _text,
    "dtype_policy": _choice("float32", "mixed_bfloat16"),
    "rotation": non_negative,
    "shear": non_negative,
    "zoom": non_negative,
    "translation": non_negative,
    "elastic": non_negative,
    "dropout_rate": _share,
    "decoder_dropout_rate": _share,
    "likelihood": _choice(*LIKELIHOODS),
    "epochs": _count,
    "batch_size": _count,
    "learning_rate": positive,
    "cosine_decay": check_flag,
    "weight_decay": non_negative,
    "ema_momentum": _share,
    "seed": _seed,
    "seconds_between_checkpoints": non_negative,
}
# of one that wants them,
OPTIONAL = {
    "patience": _or_none(_count),
    "distribute": check_flag,
    "init_from": _or_none(_text),
    "image_size": _or_none(functools.partial(_sizes, count=2)),
    "image_fit": _or_none(_choice(*IMAGE_FITS)),
    "max_gib": positive,
}
# and of the models that have what they set.
WITH_BETA = {"beta": non_negative, "warmup_epochs": non_negative}
WITH_CAPACITY = {"normalized": check_flag, "capacity": _or_none(non_negative)}
WITH_CLUSTERS = {
    "num_clusters": functools.partial(_count, minimum=2),
    "noise_dim": _count,
    "initialization": _choice(
        "gaussian-mixture", "k-means", "neighbor-embedding", "none"
    ),
    "pretraining_epochs": _or_none(functools.partial(_count, minimum=0)),
    "free_bits": non_negative,
    "labels_per_class": _or_none(_count),
    "classifier_weight": non_negative,
}


def check(settings):
    """Raises ValueError unless `settings` has what a run needs, and nothing else.

    Args:
        settings: dict of plain values, one for each option of `vae-zoo train MODEL`,
            with `model`.
    """
    check_instance(
        "settings", settings, dict, "a dict of the options of `vae-zoo train MODEL`"
    )
    if "model" not in settings:
        raise ValueError(
            f"`settings` must have 'model', one of {', '.join(map(repr, MODELS))}. "
            f"Received: {shown(sorted(map(str, settings)))}"
        )
    model = check_choice("model", settings["model"], tuple(MODELS))
    required = required_of(model)
    known = {**required, **OPTIONAL}
    if missing := [name for name in required if name not in settings]:
        raise ValueError(
            f"`settings` must have {', '.join(map(repr, missing))} for {model!r}, as "
            f"`vae-zoo train {model} --help` says. Received: "
            f"{shown(sorted(map(str, settings)))}"
        )
    for name, value in settings.items():
        if name == "model":
            continue
        if name not in known:
            raise _unknown(name, known, model)
        _check_plain(name, value)
        known[name](name, value)


def required_of(model):
    """The check of each setting that a run of `model` must have, by its name."""
    entry = MODELS[model]
    return {
        **REQUIRED,
        "posterior": _choice(*entry.posteriors),
        **(WITH_BETA if "beta" in entry.weights else {}),
        **(WITH_CAPACITY if "capacity" in entry.weights else {}),
        **(WITH_CLUSTERS if entry.has_clusters else {}),
    }


def _unknown(name, known, model):
    near = difflib.get_close_matches(str(name), known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return ValueError(
        f"`settings` must have options of `vae-zoo train {model}` alone{hint} "
        f"Received: {shown(name)}"
    )


def _check_plain(name, value):
    parts = value if isinstance(value, list) else [value]
    if not all(type(each) in PLAIN for each in parts):
        raise ValueError(
            f"`{name}` must be a plain value or a list of them, as JSON has them. "
            f"Received: {name}={shown(value)} of type {type(value).__name__}"
        )
