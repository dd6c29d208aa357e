"""What the classes that a model is made of know of each other, for type checkers."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Every model is one.
    from vae_zoo.models.composition import Composition as ModelBase
else:
    ModelBase = object

__all__ = ["ModelBase"]
