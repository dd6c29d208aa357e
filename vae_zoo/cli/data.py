"""Which data `evaluate` and `plot` look at: the run's own, or those of the options."""

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
    """What to look at.

    Attributes:
        dataset: as in `datasets.load`.
        reading: likewise, further arguments by name.
        split: the one that the options name, or None.
        binarize: None, "fixed" or "dynamic".
        training: the settings of the run that made the model, {} where there was none.
    """

    dataset: str
    reading: Config
    split: str | None
    binarize: Binarization
    training: Config

    @property
    def is_of_the_run(self) -> bool:
        """Whether the data set is the one that the model was trained on."""
        return self.training.get("dataset") == self.dataset

    @property
    def has_labels(self) -> bool:
        """Whether the model may have seen labels: False if it is known not to have."""
        return self.training.get("labels_per_class", 1) is not None

    def described(self, split: str) -> str:
        """One line that says what was looked at."""
        return f"{self.dataset} {split}, {BINARIZED[self.binarize]}"


def data_of(options: argparse.Namespace) -> Data:
    """The `Data` that the options of a command mean, without TensorFlow.

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
        binarize = "fixed"  # As in the run's own validation.
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
    """The examples, a `datasets.Source`, and the split that they are.

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
    """Why figures on these data are not to be compared with those of the run: lines.

    Args:
        data: a `Data`.
        source: what it opens.
        split: likewise, the split that it is.
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
