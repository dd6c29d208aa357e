"""The data of a training run: which examples, in which batches."""

import sys

from vae_zoo.datasets import open_sources as open_splits, with_few_labels
from vae_zoo.datasets.defaults import OPENING_OPTIONS


def opening_options(settings):
    """What `settings` say of how a data set is read, for `datasets.open_source`.

    The default holds where an option is None or, as in earlier runs, missing.
    """
    given = {key: settings.get(key) for key in OPENING_OPTIONS}
    return {key: value for key, value in given.items() if value is not None}


def open_sources(settings):
    """The sources that a run trains on and validates on.

    Says on stderr so if they have examples in common.

    Raises:
        ValueError: as `datasets.load` does, or if a classifier has a weight but no
            labels.
    """
    splits = [settings["split"], settings["validation_split"]]
    train, validation = open_splits(
        settings["dataset"], splits, **opening_options(settings)
    )
    sources = {"train": train, "validation": validation}
    if num_shared := train.num_shared_with(validation):
        print(
            f"vae-zoo: note: {num_shared} of the {len(validation)} examples of "
            f"--validation-split {splits[1]!r} are among those of --split "
            f"{splits[0]!r}, so validation is too favourable",
            file=sys.stderr,
        )
    if _has_labels(settings):
        sources["train"] = with_few_labels(
            sources["train"],
            settings["labels_per_class"],
            settings["seed"],
            num_classes=settings["num_clusters"],
        )
    elif settings.get("classifier_weight"):
        raise ValueError(
            "`labels_per_class` must come with a classifier weight. Received: None, "
            f"classifier_weight={settings['classifier_weight']:g}"
        )
    return sources


def first_batch(settings, source):
    """Some examples, x alone: an array [B, ...]."""
    data = source.batches(settings["batch_size"], labels=False)
    return next(iter(data)).numpy()


def training_batches(settings, source, **which):
    """The batches that the model trains on; `which` is as in `Source.batches`.

    Each is a function of the seed and the epoch's number, so a resumed run sees those
    that the uninterrupted one would have seen.
    """
    return source.batches(
        settings["batch_size"],
        shuffle=True,
        seed=settings["seed"],
        binarize=settings["binarize"],
        labels=_has_labels(settings),
        **which,
    )


def validation_batches(settings, source, **share):
    """The batches that it is measured on, the same ones each time."""
    binarize = settings["binarize"] and "fixed"
    return source.batches(
        settings["batch_size"],
        binarize=binarize,
        labels=_has_labels(settings),
        seed=settings["seed"],
        **share,
    )


def _has_labels(settings):
    return settings.get("labels_per_class") is not None
