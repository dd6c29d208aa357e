"""What a trained model is used for, beside its own methods."""

import math

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from vae_zoo.arguments import check_count, check_number, shown
from vae_zoo.components.randomness import as_seed
from vae_zoo.evaluation.estimate import Batches, Data, check_model, mapped
from vae_zoo.fitting.examples import as_numbers
from vae_zoo.models import importance, restoration
from vae_zoo.models.input_checks import check_values, is_binary
from vae_zoo.models.traced import traced
from vae_zoo.models.vae import VAE
from vae_zoo.tensors import ModelInput, Seed, TensorLike


def denoise(
    model: VAE, y: TensorLike, noise: float, num_steps: int, seed: Seed | None = None
) -> tf.Tensor:
    """Draws x from p(x|y), y being x with noise on each element.

    By the Markov chain of `model.impute`. The mean of several draws is the estimate of
    least squared error.

    Args:
        model: a model of the package.
        y: float [B, *input_shape].
        noise: under a Bernoulli likelihood the probability that an element of x was
            flipped, between 0 and 1; under the others the standard deviation of normal
            noise, in units of the data.
        num_steps: length of the chain, >= 1.
        seed: integer or int32 [2], or one for each row, [B, 2]; None draws from the
            model's generator.

    Returns:
        Float32 [B, *input_shape].

    Raises:
        ValueError: if an argument is of another type, a number or the shape is off, y
            is not finite, or not of zeros and ones under a Bernoulli likelihood (values
            are checked eagerly).

    Source: Mattei & Frellsen 2018, algorithm 1, with another p(x|z, what is known).
    """
    head = check_model(model).likelihood_head
    check_count("num_steps", num_steps, 1, "the length of the chain")
    y = model.door().examples.in_shape(y, "y")
    if head.is_binary:
        meaning, limit = "a probability between 0 and 1", 1.0
        check_values("y", y, is_binary, "0 and 1 under a Bernoulli likelihood")
    else:
        meaning, limit = "a positive standard deviation", math.inf
        check_values("y", y, np.isfinite, "finite values")
    amount = check_number("noise", noise, meaning)
    if not 0 < amount < limit:
        raise ValueError(f"`noise` must be {meaning}. Received: noise={shown(noise)}")
    seed = as_seed(seed, model.seed_generator)
    return restoration.denoise(model, y, amount, num_steps, seed)


def super_resolve(
    model: VAE, x: TensorLike, num_steps: int, seed: Seed | None = None
) -> tf.Tensor:
    """Draws images given their means over blocks of pixels.

    By the Markov chain of `model.impute`; the blocks of what is drawn have exactly the
    means given (up to rounding under a Normal likelihood).

    Args:
        model: a model of images, with a Bernoulli or a Normal likelihood.
        x: float [B, H / f, W / f, C], the means of blocks of f x f pixels, f an integer
            that follows from the shape.
        num_steps: length of the chain, >= 1.
        seed: integer or int32 [2], or one for each row, [B, 2]; None draws from the
            model's generator.

    Returns:
        Float32 [B, H, W, C].

    Raises:
        ValueError: if the model is not of images or has another likelihood, a shape or
            number is off, or under a Bernoulli likelihood a mean is none of f x f zeros
            and ones (checked eagerly).

    Source: as in `denoise`; under a Bernoulli likelihood, Chen, Dempster & Liu 1994.
    """
    check_model(model)
    check_count("num_steps", num_steps, 1, "the length of the chain")
    x = tf.convert_to_tensor(as_numbers(x, "x"))
    factor = _block_size(model.input_shape, x.shape)
    if model.likelihood_head.is_binary:
        count = factor**2
        check_values(
            "x",
            x * count,
            lambda sums: np.abs(sums - np.clip(np.round(sums), 0, count)) < 1e-3,
            f"multiples of 1/{count} from 0 to 1, times {count} a number of ones, "
            "under a Bernoulli likelihood",
        )
    seed = as_seed(seed, model.seed_generator)
    return restoration.super_resolve(model, x, factor, num_steps, seed)


def _block_size(full: tuple[int, ...], small: tf.TensorShape) -> int:
    """The f for which images of shape `full` have block means of shape [B, *small]."""
    factor = 0
    if len(full) == small.rank - 1 == 3 and small[1]:
        factor = full[0] // small[1]
    if not factor or tuple(small[1:]) != (full[0] / factor, full[1] / factor, full[2]):
        raise ValueError(
            "`x` must have shape [B, H / f, W / f, C] for a model of images [H, W, C]. "
            f"Received: shape {tuple(small)}, and a model with input shape {full}"
        )
    return factor


def anomaly_scores(
    model: VAE,
    data: Data,
    num_samples: int = 100,
    *,
    seed: int = 0,
    verbose: int = 0,
) -> npt.NDArray[np.float32]:
    """-log p(x) of each example, in nats: the larger, the less the model expects it.

    Scores of examples known to be normal give a threshold, such as their 99th
    percentile. A plain image of another data set may score low: p(x) says how probable
    an image is, not whether it is of the same kind.

    Args:
        model: a model of the package.
        data: `tf.data.Dataset` of x or (x, …), x float [B, *input_shape], or an array.
        num_samples: importance samples per example, >= 1.
        seed: fixes the draws.
        verbose: 1 shows Keras' progress bar.

    Returns:
        Float [N], in the order of the data.

    Raises:
        ValueError: if `num_samples` is below 1, or the data do not fit the model.

    Source: Burda et al. 2016, equation 8; Nalisnick et al. 2019 for what it is not.
    """
    check_count("num_samples", num_samples, 1, "the draws from q(z|x) per example")

    batches = Batches(model, data)
    score = traced(_score, model, num_samples, jit_compile=model.gains_by_xla())
    return mapped(score, batches, seed, verbose)


def _score(model: VAE, num_samples: int, x: ModelInput, key: tf.Tensor) -> tf.Tensor:
    return -importance.log_marginal_likelihood(
        model, model.as_inputs(x), num_samples, key
    )


def analogy(
    model: VAE, start: TensorLike, end: TensorLike, x: TensorLike, amount: float = 1.0
) -> tf.Tensor:
    """What `x` is if it changes as `start` has to change to become `end`.

    The mean code of `start` is moved to that of `end`, and the codes of `x` alike: by
    the same vector, on a sphere by the same rotation. With faces without and with
    glasses as `start` and `end`, x puts glasses on.

    Args:
        model: a model of the package.
        start: float [N, *input_shape], examples without an attribute.
        end: float [M, *input_shape], examples with it.
        x: float [B, *input_shape].
        amount: how much of the way to go; 1 is all of it, 0 reconstructs x.

    Returns:
        Float32 [B, *input_shape], the means of p(x|z).

    Raises:
        ValueError: if a shape is off or a batch empty.

    Source: Larsen et al. 2016, section 4.2; White 2016.
    """
    space = check_model(model).geometry
    amount = check_number("amount", amount, "how much of the way to go, 1 being all")
    codes = []
    for name, examples in (("start", start), ("end", end), ("x", x)):
        examples = model.door().examples.as_tensor(examples, name)
        if name != "x" and examples.shape[0] is not None:
            check_count(f"len({name})", len(examples), 1, "the examples to average")
        codes.append(model.encode(examples))
    z_start, z_end = (space.mean(each) for each in codes[:2])
    share = tf.constant([amount], tf.float32)
    return model.decode(space.move(codes[2], z_start, z_end, share))
