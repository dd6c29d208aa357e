"""The base of the classes that a model is made of; type checkers see all methods."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Every model is a `Composition`.
    from vae_zoo.models.composition import Composition as ModelBase
else:
    ModelBase = object

__all__ = ["ModelBase"]
