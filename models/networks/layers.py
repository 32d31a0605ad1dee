"""Layers of the towers: three of Keras that are faster on PyTorch, and two new ones.

On the PyTorch backend, Keras copies images between memory layouts around every
convolution and pooling, and normalises batches in several passes. The three
layers with Keras's names avoid this: with them, ResNet-18 trains about 1.4
times as fast on CPUs. On other backends they are Keras's layers.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

# Keras's annotations have None wherever a tensor may come.
ops: Any = keras.ops

_register = keras.saving.register_keras_serializable(package="wayshot")


def _torch(x: Any) -> Any:
    """Gives PyTorch if it holds the data; None otherwise and while shapes are inferred."""
    if keras.config.backend() != "torch" or keras.config.image_data_format() != "channels_last":
        return None
    import torch  # pyright: ignore[reportMissingImports]

    return torch if isinstance(x, torch.Tensor) and x.device.type != "meta" else None


def _missing(length: int, kernel: int, stride: int) -> int:
    """Gives the number of pixels that padding `same` adds to an axis."""
    return max((-(-length // stride) - 1) * stride + kernel - length, 0)


@_register
class Conv2D(layers.Conv2D):
    """`keras.layers.Conv2D`, faster on PyTorch."""

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolves, without bias and activation.

        Args:
            inputs: Images (B, height, width, C).
            kernel: Filters (height, width, C, filters).
        """
        torch = _torch(inputs)
        if torch is None or self.dilation_rate != (1, 1) or self.data_format != "channels_last":
            return super().convolution_op(inputs, kernel)
        images = inputs.permute(0, 3, 1, 2)
        kernel = ops.cast(kernel, self.compute_dtype).permute(3, 2, 0, 1)
        padding: Any = 0
        strides = self.strides
        if self.kernel_size == (1, 1):
            # PyTorch 2.13 gives wrong gradients for such filters with strides on a CPU.
            images, strides = images[:, :, :: strides[0], :: strides[1]], (1, 1)
        elif self.padding == "same":
            sizes = zip(images.shape[2:], self.kernel_size, self.strides, strict=True)
            down, right = (_missing(*one) for one in sizes)
            if down % 2 == right % 2 == 0:
                padding = (down // 2, right // 2)
            else:
                sides = (right // 2, right - right // 2, down // 2, down - down // 2)
                images = torch.nn.functional.pad(images, sides)
        found = torch.nn.functional.conv2d(
            images, kernel, None, strides, padding, groups=self.groups
        )
        return found.permute(0, 2, 3, 1)


@_register
class MaxPooling2D(layers.MaxPooling2D):
    """`keras.layers.MaxPooling2D`, faster on PyTorch."""

    def call(self, inputs: Any) -> Any:
        """Gives the largest value of each window of images (B, height, width, C)."""
        torch = _torch(inputs)
        if torch is None or self.data_format != "channels_last":
            return super().call(inputs)
        images = inputs.permute(0, 3, 1, 2)
        if self.padding == "same":
            sizes = zip(images.shape[2:], self.pool_size, self.strides, strict=True)
            down, right = (_missing(*one) for one in sizes)
            sides = (right // 2, right - right // 2, down // 2, down - down // 2)
            images = torch.nn.functional.pad(images, sides, value=float("-inf"))
        found = torch.nn.functional.max_pool2d(images, self.pool_size, self.strides)
        return found.permute(0, 2, 3, 1)


@_register
class BatchNormalization(layers.BatchNormalization):
    """`keras.layers.BatchNormalization` over the last axis, faster on PyTorch."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalises, by the batch in training and by the moving averages otherwise.

        Args:
            inputs: Tensor (..., C).
            training: Whether to normalise by the batch.
            mask: As in Keras.
        """
        torch = _torch(inputs)
        if torch is None or mask is not None or not (self.center and self.scale):
            return super().call(inputs, training=training, mask=mask)
        x = inputs.movedim(-1, 1)
        gamma, beta = (ops.convert_to_tensor(weight) for weight in (self.gamma, self.beta))
        if training and self.trainable:
            x, mean, inverse = torch.native_batch_norm(
                x, gamma, beta, None, None, True, 0.0, self.epsilon
            )
            with torch.no_grad():
                variance = inverse**-2 - self.epsilon
                averages: Any = (self.moving_mean, self.moving_variance)
                for average, value in zip(averages, (mean, variance), strict=True):
                    old = ops.convert_to_tensor(average)
                    average.assign(old + (1 - self.momentum) * (value - old))
        else:
            averages = (
                ops.convert_to_tensor(one) for one in (self.moving_mean, self.moving_variance)
            )
            x = torch.nn.functional.batch_norm(x, *averages, gamma, beta, False, 0.0, self.epsilon)
        return x.movedim(1, -1)


@_register
class EfficientChannelAttention(layers.Layer):
    """Scales channels by weights from the means of neighbouring channels.

    Global average pooling, one convolution along the channels (one filter,
    same padding, no bias), sigmoid; the result scales the channels. Source:
    Wang et al., CVPR 2020.
    """

    def __init__(self, kernel_size: int, **options: Any) -> None:
        """Makes the convolution along the channels.

        Args:
            kernel_size: Number of neighbouring channels in a window.
            **options: Options of every Keras layer.
        """
        super().__init__(**options)
        self.kernel_size = kernel_size
        self.convolution = layers.Conv1D(
            1, kernel_size, padding="same", use_bias=False, activation="sigmoid"
        )

    def build(self, input_shape: Any) -> None:
        """Makes the filter for inputs of a shape (B, height, width, C)."""
        self.convolution.build((None, input_shape[-1], 1))

    def call(self, inputs: Any) -> Any:
        """Scales the channels of images (B, height, width, C)."""
        means = ops.mean(inputs, axis=(1, 2))
        weights = self.convolution(ops.expand_dims(means, -1))
        return inputs * ops.reshape(weights, (-1, 1, 1, inputs.shape[-1]))

    def get_config(self) -> dict[str, Any]:
        """Describes the layer, for `from_config`."""
        return {**super().get_config(), "kernel_size": self.kernel_size}


@_register
class QuarterTurns(layers.Layer):
    """One network applied to an image in all four orientations.

    A network that was trained on characters in all four orientations gives
    different features for each of them. The four embeddings together make fewer
    errors than one of them, without more parameters.
    """

    def __init__(self, network: keras.Model, **options: Any) -> None:
        """Keeps the network.

        Args:
            network: From (B, size, size, C) to (B, D).
            **options: Options of every Keras layer.
        """
        super().__init__(**options)
        self.network = network

    def build(self, input_shape: Any) -> None:
        """Makes nothing, because the network is built already."""

    def call(self, images: Any, training: bool | None = None) -> Any:
        """Embeds images; the result is halved, so that unit vectors stay unit vectors.

        Args:
            images: Tensor (B, size, size, C).
            training: Whether batches are normalised by themselves.

        Returns:
            Tensor (B, 4 D).
        """
        turned = [ops.rot90(images, k, axes=(1, 2)) for k in range(4)]
        embedded = self.network(ops.concatenate(turned), training=training)
        embedded = ops.reshape(embedded, (4, -1, embedded.shape[-1]))
        embedded = ops.transpose(embedded, (1, 0, 2)) / 2
        return ops.reshape(embedded, (-1, 4 * embedded.shape[-1]))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Gives the shape (B, 4 D)."""
        return (input_shape[0], 4 * self.network.output_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Describes the layer, for `from_config`."""
        network = keras.saving.serialize_keras_object(self.network)
        return {**super().get_config(), "network": network}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> QuarterTurns:
        """Makes the layer that `get_config` described, without its weights.

        Args:
            config: As from `get_config`.
            custom_objects: As in Keras.
        """
        network = keras.saving.deserialize_keras_object(config.pop("network"), custom_objects)
        return cls(network, **config)
