"""The plan of a training run: its data, its length, its optimizer, its model."""

import dataclasses
import typing

from vae_zoo.datasets.defaults import (
    DEFAULT_MAX_GIB,
    HELD_OUT_BY_DEFAULT,
    TRAINED_ON_BY_DEFAULT,
    Binarization,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """The settings of a run: attributes for those of every run, a dict for its model's.

    Args:
        model: the model's name.
        options: the options of the model and of its parts, by name.
        dataset: digits, sprites, a TFDS name, a .npy or .npz file, an image folder.
        data_dir: where TFDS keeps its data.
        image_size: height and width to bring a folder's images to, by default their
            common size.
        image_fit: how images are brought to that size, by default scale-and-crop.
        max_gib: the most memory for an image folder or a .npz file, in GiB, > 0.
        binarize: draw x ~ Bernoulli(x) in each epoch (dynamic), once (fixed) or not at
            all (none), where auto is dynamic for grey values under a Bernoulli
            likelihood.
        split: the split to train on.
        validation_split: the split to validate on, by default a random tenth of the
            training data, the same in every run, of each class in proportion.
        init_from: start from the weights of a preset, a run or a SavedModel.
        dtype_policy: what encoder and decoder compute in, while the bound is always in
            float32.
        epochs: passes over the data.
        patience: stop this many epochs after the best validation ELBO, and export the
            weights of that epoch.
        batch_size: examples in a step.
        learning_rate: learning rate of Adam, > 0.
        cosine_decay: lower the learning rate to 0 by the end.
        weight_decay: decoupled weight decay of Adam.
        ema_momentum: momentum of the weights' moving averages, in [0, 1), where 0 is
            none.
        warmup_epochs: epochs in which beta, or a capacity, grows from 0.
        labels_per_class: learn from this many labels of each class, by default from
            none.
        seed: fixes weights, noise and order, >= 0.
        distribute: train on all GPUs, or as one of the workers that TF_CONFIG names.
        seconds_between_checkpoints: least time between two saves of the model.
    """

    model: str
    options: dict
    dataset: str
    data_dir: str | None = None
    image_size: tuple[int, int] | None = None
    image_fit: typing.Literal["scale-and-crop", "crop", "stretch", None] = None
    max_gib: float = DEFAULT_MAX_GIB
    binarize: typing.Literal["auto", "dynamic", "fixed", None] = "auto"
    split: str = TRAINED_ON_BY_DEFAULT
    validation_split: str = HELD_OUT_BY_DEFAULT
    init_from: str | None = None
    dtype_policy: typing.Literal["float32", "mixed_bfloat16"] = "float32"
    epochs: int = 100
    patience: int | None = None
    batch_size: int = 128
    learning_rate: float = 1e-3
    cosine_decay: bool = False
    weight_decay: float = 0.0
    ema_momentum: float = 0.0
    warmup_epochs: float = 0.0
    labels_per_class: int | None = None
    seed: int = 0
    distribute: bool = False
    seconds_between_checkpoints: float = 10.0

    @property
    def binarization(self) -> Binarization:
        """`binarize` after "auto" has been resolved; see `runs.binarization`."""
        if self.binarize == "auto":
            raise ValueError("`binarize` must be resolved first. Received: 'auto'")
        return self.binarize

    def as_settings(self) -> dict:
        """All settings as one dict, as `train` takes them and `run.json` has them."""
        own = {k: v for k, v in vars(self).items() if k not in ("model", "options")}
        found = {"model": self.model, **own, **self.options}
        return {k: v for k, v in found.items() if FOR_MODELS_WITH.get(k, k) in found}


# Settings of only those runs that have another setting.
FOR_MODELS_WITH = {"warmup_epochs": "beta", "labels_per_class": "classifier_weight"}
