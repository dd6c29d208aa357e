"""Values that arguments of each kind cannot have."""

import math

import keras
import numpy as np

import vae_zoo
from vae_zoo.components import networks, objectives, posteriors

NAN, INFINITY = math.nan, math.inf
NOT_NUMBERS = ["3", int, [1, 2], {}, object(), 1j, NAN, INFINITY]
NOT_ARRAYS = [
    "digits",
    {},
    object(),
    np.array([["a", "b"]]),
    np.full((4, 6, 5, 1), NAN),
    np.zeros((4, 7)),
    np.zeros((4, 6, 5, 1)) * 1j,
    [[0, 1], [0]],
]
INVALID = {
    "count": [*NOT_NUMBERS, 2.5, -1, 0, True],
    "whole": [*NOT_NUMBERS, 2.5, -1, True],
    "integer": [*NOT_NUMBERS, 2.5, True],
    "index": [*NOT_NUMBERS, 2.5, -1, 99, True],
    "number": NOT_NUMBERS,
    "positive": [*NOT_NUMBERS, -1.0, 0.0],
    "amount": [*NOT_NUMBERS, -1.0],
    "share": [*NOT_NUMBERS, -0.1, 1.5],
    "weight": [*NOT_NUMBERS[:-3], -1.0, NAN, INFINITY],
    "seed": ["3", 2.5, NAN, int, [1, 2, 3], np.zeros((3, 3), "int32"), object()],
    "flag": ["yes", 2, [], object()],
    "array": NOT_ARRAYS,
    "data": NOT_ARRAYS,
    # Whatever it is, but for its length.
    "later": [],
    "ignored": [3, np.zeros(3)],
    "images": ["digits", {}, object(), np.zeros(3), np.array([["a"]]), 3],
    "latents": ["z", {}, object(), np.zeros((4, 7)), np.zeros(2), [[0], [0, 1]]],
    "model": ["vae_mnist", vae_zoo.VAE, keras.Sequential(), object(), 3],
    "layer": ["mlp", networks.MLP, len, 3, object(), {}],
    "array or none": NOT_ARRAYS,
    "draw": [3, "z", [1], {}, {"w": np.zeros((4, 2))}, {"z": "a"}, np.zeros((4, 2))],
    "latent": [3, "w", object(), ["z"]],
    "condition": [3, "a", np.zeros((4, 2)), object()],
    "objective": ["elbo", objectives.Elbo, len, 3, object(), {}, posteriors],
    "component": ["normal", posteriors.DiagonalNormal, len, 3, object(), {}],
    "shape": ["8", 8, (), (0, 3), (2.5, 3), ("3",), (1, 2, 3, 4), [None]],
    "sizes": [8, "8", (0,), (2.5,), ("3",), (True,), NAN, (-1,)],
    "choice": ["nonsense", 3, object(), []],
    "path": [3, object(), [], ""],
    "text": [3, object(), ["a"]],
    "concentration": ["3", NAN, INFINITY, -1.0, object()],
    "direction": ["x", np.full((3,), NAN), object(), {}],
    "sums": ["3", -1.0, 99.0, 1.5, NAN],
    "dict": ["a", 3, [1], object()],
    "objects": ["csv", [3], len, object()],
    "split": [3, "train[", "nine", "", object()],
}
