"""Which data `evaluate` and `plot` use: the run's own, or what the options name."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING

from vae_zoo.arguments import Config
from vae_zoo.datasets.defaults import OPENING_OPTIONS, Binarization
from vae_zoo.serving.layout import find_version, read_metadata
from vae_zoo.zoo import presets

if TYPE_CHECKING:
    from vae_zoo.components.likelihoods.likelihood import Likelihood
    from vae_zoo.datasets.source import Source

BINARIZED = {None: "not binarized", "fixed": "binarized once", "dynamic": "binarized"}


@dataclasses.dataclass(frozen=True)
class Data:
    """The data set that a command reads.

    Attributes:
        dataset: as in `datasets.load`.
        reading: further arguments of `datasets.load`, by name.
        split: the split that the options name, or None.
        binarize: None, "fixed" or "dynamic".
        training: the settings of the run that made the model, or {} if no run did.
    """

    dataset: str
    reading: Config
    split: str | None
    binarize: Binarization
    training: Config

    @property
    def is_of_the_run(self) -> bool:
        """Whether the model was trained on this data set."""
        return self.training.get("dataset") == self.dataset

    @property
    def has_labels(self) -> bool:
        """False if the model is known not to have seen labels, else True."""
        return self.training.get("labels_per_class", 1) is not None

    def described(self, split: str) -> str:
        """One line that names the data."""
        return f"{self.dataset} {split}, {BINARIZED[self.binarize]}"


def data_of(options: argparse.Namespace) -> Data:
    """The `Data` that a command's options name; needs no TensorFlow.

    Raises:
        ValueError: if there is no such model, or neither it nor the options name a
            data set.
    """
    metadata = read_metadata(find_version(presets.find(options.source)))
    training = metadata.get("training") or {}
    dataset = options.dataset or training.get("dataset") or metadata.get("dataset")
    if not isinstance(dataset, str):
        raise ValueError(
            "`dataset` must be given, since the model does not say which data it was "
            f"trained on. Received: None, and the model '{options.source}'"
        )
    given = {name: getattr(options, name, None) for name in OPENING_OPTIONS}
    is_of_the_run = training.get("dataset") == dataset
    reading = training if is_of_the_run else {}
    reading = reading | {k: v for k, v in given.items() if v is not None}
    binarize = options.binarize
    if binarize is None and training.get("binarize"):
        binarize = "fixed"  # As the run's own validation has it.
    return Data(
        dataset=dataset,
        reading={
            name: reading[name]
            for name in OPENING_OPTIONS
            if reading.get(name) is not None
        },
        split=options.split,
        binarize=None if binarize == "none" else binarize,
        training=training,
    )


def opened(data: Data) -> tuple[Source, str]:
    """The examples as a `datasets.Source`, and the name of their split.

    Raises:
        ValueError: as `datasets.load` does.
    """
    from vae_zoo.datasets import open_held_out, open_source

    if data.split is not None:
        return open_source(data.dataset, data.split, **data.reading), data.split
    validation = data.training.get("validation_split") if data.is_of_the_run else None
    return open_held_out(data.dataset, validation_split=validation, **data.reading)


def warnings_about(
    data: Data, source: Source, split: str, likelihood: Likelihood
) -> list[str]:
    """The reasons, one per line, why figures on these data differ from the run's.

    Args:
        data: a `Data`.
        source: the source that `data` opens.
        split: the name of its split.
        likelihood: of the model.
    """
    import numpy as np

    found = []
    x = next(iter(source.first(100).batches(100, labels=False))).numpy()
    is_grey = not np.isin(x, (0, 1)).all()
    was_binarized = data.training.get("binarize") is not None
    kinds = {True: "binarized values", False: "values as they are"}
    if data.training and not data.is_of_the_run:
        found.append(
            f"the model was trained on '{data.training.get('dataset')}', so figures on "
            f"'{data.dataset}' do not compare with those of its run"
        )
    elif shared := set(split.split("+")) & set(
        data.training.get("split", "").split("+")
    ):
        found.append(
            f"the model was trained on '{'+'.join(sorted(shared))}', so figures on it "
            "do not compare with those on examples that it has not seen"
        )
    if data.training and is_grey and was_binarized != (data.binarize is not None):
        found.append(
            f"the model was trained on {kinds[was_binarized]}, so figures on "
            f"{kinds[not was_binarized]} do not compare with those of its run"
        )
    if is_grey and likelihood.is_binary and data.binarize is None:
        found.append(
            "a Bernoulli likelihood of grey values is no likelihood; --binarize fixed "
            "gives it binary ones"
        )
    return found
