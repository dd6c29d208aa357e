"""The data of a training run: which examples, in which batches."""

import sys
from typing import Any

import numpy as np
import tensorflow as tf

from vae_zoo.arguments import Config
from vae_zoo.datasets import open_sources as open_splits, with_few_labels
from vae_zoo.datasets.defaults import OPENING_OPTIONS
from vae_zoo.datasets.source import Source
from vae_zoo.runs.plan import Plan


def opening_options(plan: Plan) -> Config:
    """How a run reads its data set, for `datasets.open_source`.

    The default holds where an option is None.
    """
    given = {key: getattr(plan, key) for key in OPENING_OPTIONS}
    return {key: value for key, value in given.items() if value is not None}


def open_sources(plan: Plan) -> dict[str, Source]:
    """The sources that a run trains on and validates on.

    Says on stderr so if they have examples in common.

    Raises:
        ValueError: as `datasets.load` does.
    """
    splits = [plan.split, plan.validation_split]
    train, validation = open_splits(plan.dataset, splits, **opening_options(plan))
    sources = {"train": train, "validation": validation}
    if num_shared := train.num_shared_with(validation):
        print(
            f"vae-zoo: note: {num_shared} of the {len(validation)} examples of "
            f"--validation-split {splits[1]!r} are among those of --split "
            f"{splits[0]!r}, so validation is too favourable",
            file=sys.stderr,
        )
    if plan.labels_per_class is not None:
        sources["train"] = with_few_labels(
            sources["train"],
            plan.labels_per_class,
            plan.seed,
            num_classes=plan.options["num_clusters"],
        )
    return sources


def first_batch(plan: Plan, source: Source) -> np.ndarray:
    """Some examples, x alone: an array [B, ...]."""
    data = source.batches(plan.batch_size, labels=False)
    return next(iter(data)).numpy()


def training_batches(plan: Plan, source: Source, **which: Any) -> tf.data.Dataset:
    """The batches that the model trains on; `which` is as in `Source.batches`.

    Each is a function of the seed and the epoch's number, so a resumed run sees those
    that the uninterrupted one would have seen.
    """
    return source.batches(
        plan.batch_size,
        shuffle=True,
        seed=plan.seed,
        binarize=plan.binarization,
        labels=_has_labels(plan),
        **which,
    )


def validation_batches(plan: Plan, source: Source, **share: Any) -> tf.data.Dataset:
    """The batches that it is measured on, the same ones each time."""
    binarize = plan.binarize and "fixed"
    return source.batches(
        plan.batch_size,
        binarize=binarize,
        labels=_has_labels(plan),
        seed=plan.seed,
        **share,
    )


def _has_labels(plan: Plan) -> bool:
    return plan.labels_per_class is not None
