"""The data of a training run: which examples, in which batches."""

from vae_zoo.datasets import open_source, with_few_labels


def open_sources(settings):
    """The sources that a run trains on and validates on.

    Raises:
        ValueError: as `datasets.load` does, or if a classifier has a weight but no
            labels.
    """
    sources = {
        role: open_source(settings["dataset"], split, data_dir=settings["data_dir"])
        for role, split in (
            ("train", settings["split"]),
            ("validation", settings["validation_split"]),
        )
    }
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
