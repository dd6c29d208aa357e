"""Transposed convolutions that double the size, for CPUs with bfloat16."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf


class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose` with strides of 2, padding "same" and a bias.

    This is for bfloat16 on CPUs. There the convolution takes a third of its time in
    float32, and less than adding the bias and applying the activation to an image of
    four times the size. TensorFlow fuses the three only for plain convolutions. So the
    forward pass is a plain convolution at the size of the input; see `stretched`.
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Float tensor [B, 2 H, 2 W, filters]."""
        on_cpu = not tf.config.list_physical_devices("GPU")
        if self.compute_dtype != "bfloat16" or not on_cpu or self.kernel_size[0] < 2:
            return super().call(x)
        kernel, bias = (tf.cast(each, x.dtype) for each in (self.kernel, self.bias))
        has_relu = self.activation is keras.activations.relu
        y = stretched(x, kernel, bias, has_relu)
        return y if has_relu else self.activation(y)


def smooth_kernel(
    shape: Sequence[int], dtype: tf.DType | str | None = None
) -> tf.Tensor:
    """Initial values [K, K, O, I] for strides of 2 that leave no checkerboard.

    Each of the four parts of `stretched` sees other weights of the kernel. Independent
    random weights would give even a constant image a pattern that repeats every two
    pixels, which training has to undo. This kernel first enlarges the image, to blocks
    of 2 x 2 for an even K and linearly for an odd K, and then convolves it with values
    of Glorot's size.

    Source: Aitken et al. 2017, "Checkerboard artifact free sub-pixel convolution";
    Odena, Dumoulin & Olah 2016.
    """
    size, _, *channels = shape
    count = size // 2
    if not count:  # A kernel of one pixel leaves holes anyway.
        return keras.initializers.GlorotUniform()(shape, dtype)
    # As large as Keras' initial values, whose fans count all pixels of the kernel.
    coarse = keras.initializers.GlorotUniform()((count, count, *channels), dtype)
    enlarge = np.zeros((size, count))
    window = [1.0, 1.0] if size % 2 == 0 else [0.5, 1.0, 0.5]
    for index in range(count):
        enlarge[2 * index : 2 * index + len(window), index] += window
    enlarge = tf.constant(enlarge, coarse.dtype)
    kernel = tf.einsum("ka,lb,aboi->kloi", enlarge, enlarge, coarse)
    return kernel * (count / size)


def stretched(
    x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, has_relu: bool = False
) -> tf.Tensor:
    """A transposed convolution with strides of 2 and padding "same", plus `bias`.

    An output at 2 p + f, where f is 0 or 1, is a sum over inputs next to p with every
    other weight of the kernel. So the four parts of the output, one for each f in both
    directions, are channels of one plain convolution of the input. The gradients are
    those of the transposed convolution, which cost less.

    Args:
        x: float [B, H, W, I].
        kernel: [K, K, O, I], K at least 2.
        bias: [O].
        has_relu: whether to return the positive part.

    Returns:
        Float [B, 2 H, 2 W, O].

    Source: Shi et al. 2016, "Is the deconvolution layer the same as a convolutional
    layer?"
    """

    @tf.custom_gradient
    def forward(
        x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, ...]]]:
        weights = _plain_kernel(kernel)
        y = tf.nn.bias_add(tf.nn.conv2d(x, weights, 1, "SAME"), tf.tile(bias, [4]))
        y = tf.nn.depth_to_space(tf.nn.relu(y) if has_relu else y, 2)

        def gradients(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            if has_relu:
                upstream = tf.raw_ops.ReluGrad(gradients=upstream, features=y)
            by_kernel = tf.raw_ops.Conv2DBackpropFilter(
                input=upstream,
                filter_sizes=kernel.shape,
                out_backprop=x,
                strides=[1, 2, 2, 1],
                padding="SAME",
            )
            by_x = tf.nn.conv2d(upstream, kernel, 2, "SAME")
            return by_x, by_kernel, tf.reduce_sum(upstream, axis=[0, 1, 2])

        return y, gradients

    return forward(x, kernel, bias)


def _plain_kernel(kernel: tf.Tensor) -> tf.Tensor:
    """From [K, K, O, I] to [T, T, I, 4 O]: neighbours' weights for the four parts."""
    size, _, num_out, num_in = kernel.shape
    before = (size - 2) // 2
    reach = (size - 1 - before) // 2

    def index(step: int, part: int) -> int:
        """The weight of the input `step` away for an output's part; `size` for none."""
        place = part + before - 2 * step
        return place if 0 <= place < size else size

    steps = range(-reach, reach + 1)
    indices = [[index(step, part) for part in (0, 1)] for step in steps]
    padded = tf.pad(kernel, [[0, 1], [0, 1], [0, 0], [0, 0]])
    weights = tf.gather(tf.gather(padded, indices, axis=0), indices, axis=2)
    weights = tf.transpose(weights, [0, 2, 5, 1, 3, 4])
    return tf.reshape(weights, [len(steps), len(steps), num_in, 4 * num_out])
