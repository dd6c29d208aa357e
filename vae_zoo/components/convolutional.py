"""Convolutional networks.

Images are [H, W, C]. A rank-2 input [H, W] is an image with a single channel, and a
rank-1 input [N] is an image with a single column. Any size works: the encoder halves
sizes with rounding up, and the decoder crops.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, Unpack, get_args

import keras

from vae_zoo.arguments import Config, check_choice, check_count
from vae_zoo.components.network import (
    Activation,
    Network,
    NetworkOptions,
    check_activation,
    check_sizes,
)
from vae_zoo.components.residual_block import ResidualBlock
from vae_zoo.components.transposed_convolution import Conv2DTranspose, smooth_kernel

Upsampling: TypeAlias = Literal["transposed", "nearest", "bilinear"]


def as_image(shape: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` of rank 1 to 3 as (height, width, channels)."""
    return shape + (1,) * (3 - len(shape))


class _Convolutional(Network):
    """The base of convolutional networks, whose stages halve or double the size."""

    def __init__(
        self,
        filters: Sequence[int],
        hidden_units: Sequence[int],
        kernel_size: int,
        num_blocks: int,
        activation: Activation,
        upsampling: Upsampling,
        name: str | None,
        **kwargs: Unpack[NetworkOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.upsampling = check_choice("upsampling", upsampling, get_args(Upsampling))
        self.filters = check_sizes("filters", filters, 1)
        self.hidden_units = check_sizes("hidden_units", hidden_units)
        self.kernel_size = check_count("kernel_size", kernel_size, 1, "in pixels")
        self.num_blocks = num_blocks
        self.activation = check_activation(activation)

    def encoder_stack(self, input_shape: tuple[int, ...]) -> list[keras.Layer]:
        """Halves the size and refines in each stage; then flattens, dense layers."""
        layers = [keras.layers.Reshape(as_image(input_shape), dtype=self.dtype_policy)]
        for filters in self.filters:
            layers.append(self._convolution(keras.layers.Conv2D, filters, 2))
            layers.extend(self._blocks(filters, self.dropout_rate))
        layers.append(keras.layers.Flatten("channels_last", dtype=self.dtype_policy))
        rate = self.dropout_rate
        return layers + self.dense(self.hidden_units, self.activation, rate)

    def decoder_stack(self, output_shape: tuple[int, ...]) -> list[keras.Layer]:
        """Dense layers; then refines and doubles in each stage. Features [H, W, F]."""
        sizes = [as_image(output_shape)[:2]]
        for _ in self.filters:
            sizes.append(tuple(math.ceil(length / 2) for length in sizes[-1]))
        start = (*sizes[-1], self.filters[-1])
        rate = self.decoder_dropout_rate
        layers = self.dense(self.hidden_units[::-1], self.activation, rate)
        layers += self.dense([math.prod(start)], self.activation, 0.0)
        layers.append(keras.layers.Reshape(start, dtype=self.dtype_policy))
        for stage in reversed(range(len(self.filters))):
            layers.extend(self._blocks(self.filters[stage], rate))
            next_filters = self.filters[max(stage - 1, 0)]
            layers.extend(self._enlarge(next_filters))
            surplus = tuple(
                (0, 2 * small - large)
                for small, large in zip(sizes[stage + 1], sizes[stage], strict=True)
            )
            # Even a layer that crops nothing takes a tenth of a step.
            if any(map(any, surplus)):
                layers.append(
                    keras.layers.Cropping2D(
                        surplus, data_format="channels_last", dtype=self.dtype_policy
                    )
                )
        return layers

    def _blocks(self, filters: int, dropout_rate: float) -> list[keras.Layer]:
        return [
            ResidualBlock(
                filters,
                activation=self.activation,
                dropout_rate=dropout_rate,
                dtype=self.dtype_policy,
            )
            for _ in range(self.num_blocks)
        ]

    def _enlarge(self, filters: int) -> list[keras.Layer]:
        """Layers that double the size."""
        if self.upsampling == "transposed":
            return [
                self._convolution(
                    Conv2DTranspose, filters, 2, kernel_initializer=smooth_kernel
                )
            ]
        enlarge = keras.layers.UpSampling2D(
            data_format="channels_last",
            interpolation=self.upsampling,
            dtype=self.dtype_policy,
        )
        return [enlarge, self._convolution(keras.layers.Conv2D, filters, 1)]

    def _convolution(
        self,
        layer_class: type[keras.Layer],
        filters: int,
        strides: int,
        **kwargs: Any,
    ) -> keras.Layer:
        return layer_class(
            filters,
            self.kernel_size,
            strides=strides,
            padding="same",
            data_format="channels_last",
            activation=self.activation,
            dtype=self.dtype_policy,
            **kwargs,
        )

    def get_config(self) -> Config:
        """The constructor's arguments that both networks share."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "hidden_units": self.hidden_units,
            "kernel_size": self.kernel_size,
            "upsampling": self.upsampling,
            "activation": keras.activations.serialize(self.activation),
        }


@keras.saving.register_keras_serializable("vae_zoo")
class Conv(_Convolutional):
    """Strided convolutions, then dense layers.

    Args:
        filters: channels of each stage; each halves height and width.
        hidden_units: units of the dense layers that follow.
        kernel_size: kernel size of every convolution.
        activation: activation of every layer; anything Keras takes.
        upsampling: how the decoder doubles the size: by "transposed" convolutions,
            or by a resize, "nearest" or "bilinear", before a plain convolution. That
            takes about four times as long, and can leave no pattern that repeats
            every two pixels, as transposed convolutions may on smooth images.
        dropout_rate: share of units dropped after each dense layer, in [0, 1).
        decoder_dropout_rate: the same in the decoder that mirrors it.

    Raises:
        ValueError: if a size is not a positive integer, a rate off range, or
            `activation` no function, or `upsampling` none of those.
    """

    def __init__(
        self,
        filters: Sequence[int] = (32, 64),
        *,
        hidden_units: Sequence[int] = (256,),
        kernel_size: int = 4,
        activation: Activation = "relu",
        upsampling: Upsampling = "transposed",
        name: str | None = None,
        **kwargs: Unpack[NetworkOptions],
    ) -> None:
        super().__init__(
            filters,
            hidden_units,
            kernel_size,
            0,
            activation,
            upsampling,
            name,
            **kwargs,
        )


@keras.saving.register_keras_serializable("vae_zoo")
class ResNet(_Convolutional):
    """Strided convolutions with residual blocks in between, then dense layers.

    Args:
        filters: channels of each stage; each halves height and width.
        num_blocks: residual blocks after each halving.
        hidden_units: units of the dense layers that follow.
        kernel_size: kernel size of the halving convolutions; in the blocks it is 3.
        activation: activation of every layer; anything Keras takes.
        upsampling: how the decoder doubles the size: by "transposed" convolutions,
            or by a resize, "nearest" or "bilinear", before a plain convolution. That
            takes about four times as long, and can leave no pattern that repeats
            every two pixels, as transposed convolutions may on smooth images.
        dropout_rate: share of units dropped in each block and after each dense
            layer, in [0, 1).
        decoder_dropout_rate: the same in the decoder that mirrors it.

    Raises:
        ValueError: if a size is not a positive integer, a rate off range, or
            `activation` no function, or `upsampling` none of those.
    """

    def __init__(
        self,
        filters: Sequence[int] = (32, 64),
        *,
        num_blocks: int = 2,
        hidden_units: Sequence[int] = (256,),
        kernel_size: int = 4,
        activation: Activation = "relu",
        upsampling: Upsampling = "transposed",
        name: str | None = None,
        **kwargs: Unpack[NetworkOptions],
    ) -> None:
        check_count("num_blocks", num_blocks, 1, "blocks after each halving")
        super().__init__(
            filters,
            hidden_units,
            kernel_size,
            num_blocks,
            activation,
            upsampling,
            name,
            **kwargs,
        )

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {**super().get_config(), "num_blocks": self.num_blocks}
