"""What a training run is, whatever its model: its data, its length, its optimizer."""

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
    """The settings of a run: those of every run by name, its model's in a dict.

    Args:
        model: the model's name.
        options: those of the model and of its parts, by name.
        dataset: digits, sprites, a TFDS name, a .npy or .npz file, an image folder.
        data_dir: where TFDS keeps its data.
        image_size: height and width that the images of a folder get, by default they
            have one size.
        image_fit: how they get it, by default scale-and-crop.
        max_gib: refuse image folders and .npz files that grow to more, > 0.
        binarize: x ~ Bernoulli(x) anew in each epoch (dynamic), once (fixed) or not
            (none), auto: dynamic for grey values under a Bernoulli likelihood.
        split: what to train on.
        validation_split: what to validate on, by default a tenth drawn at random, the
            same one each time, of each class in proportion.
        init_from: start from the weights of a preset, a run or a SavedModel.
        dtype_policy: what encoder and decoder compute in, while the bound is always in
            float32.
        epochs: passes over the data.
        patience: stop so many epochs after the best validation ELBO, and export its
            weights.
        batch_size: examples in a step.
        learning_rate: of Adam, > 0.
        cosine_decay: lower the rate to 0 by the end.
        weight_decay: decoupled, of Adam.
        ema_momentum: of averages of the weights, in [0, 1), 0: no averages.
        warmup_epochs: epochs in which beta, or a capacity, grows from 0.
        labels_per_class: learn from so many labels of each class, by default from none.
        seed: fixes weights, noise and order, >= 0.
        distribute: on all GPUs, or as one of the workers that TF_CONFIG names.
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
        """`binarize`, once "auto" has been resolved; see `runs.binarization`."""
        if self.binarize == "auto":
            raise ValueError("`binarize` must be resolved first. Received: 'auto'")
        return self.binarize

    def as_settings(self) -> dict:
        """All settings as one dict, as `train` takes them and `run.json` has them."""
        own = {k: v for k, v in vars(self).items() if k not in ("model", "options")}
        found = {"model": self.model, **own, **self.options}
        return {k: v for k, v in found.items() if FOR_MODELS_WITH.get(k, k) in found}


# Settings of those runs alone that have another one.
FOR_MODELS_WITH = {"warmup_epochs": "beta", "labels_per_class": "classifier_weight"}
