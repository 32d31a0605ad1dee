"""Towers layer by layer: those of the literature, and this project's own."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from .layers import BatchNormalization, Conv2D, EfficientChannelAttention, MaxPooling2D

_SCALED = 0.025
"""Standard deviation of the dense weights of Koch's tower, where it starts scaled."""


def _unit(x: Any, filters: int, kernel: int = 3, strides: int = 1, relu: bool = True) -> Any:
    x = Conv2D(filters, kernel, strides=strides, padding="same", use_bias=False)(x)
    x = BatchNormalization()(x)
    return layers.ReLU()(x) if relu else x


def _residual(x: Any, filters: int, strides: int) -> Any:
    """Adds a residual block of the published network: biases, and a plain 1x1 shortcut."""
    y = Conv2D(filters, 3, strides=strides, padding="same")(x)
    y = BatchNormalization()(y)
    y = layers.LeakyReLU(0.2)(y)
    y = Conv2D(filters, 3, padding="same")(y)
    y = BatchNormalization()(y)
    if strides > 1:
        x = Conv2D(filters, 1, strides=strides)(x)
    return layers.ReLU()(layers.Add()([x, y]))


def resnet18(kernels: tuple[int, ...] | None = None) -> keras.Model:
    """Makes the published network's tower, from (B, 32, 32, 3) to (B, 512).

    Args:
        kernels: Kernel sizes of the channel attention after each of the four
            stages; None for a tower without channel attention.
    """
    image = keras.Input((32, 32, 3), name="image")
    x = Conv2D(64, 3, padding="same")(image)
    x = BatchNormalization()(x)
    x = layers.LeakyReLU(0.2)(x)
    x = MaxPooling2D(3, strides=1, padding="same")(x)
    for stage, filters in enumerate((64, 128, 256, 512)):
        x = _residual(x, filters, 1 if stage == 0 else 2)
        x = _residual(x, filters, 1)
        if kernels:
            x = EfficientChannelAttention(kernels[stage])(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(512)(x), name="resnet18-eca" if kernels else "resnet18")


def vgg16(normalised: bool = False) -> keras.Model:
    """Makes VGG16 (configuration D), from (B, 32, 32, 3) to (B, 4096).

    Args:
        normalised: Whether batches are normalised after every convolution.
    """
    image = x = keras.Input((32, 32, 3), name="image")
    for filters, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            x = Conv2D(filters, 3, padding="same", activation=None if normalised else "relu")(x)
            if normalised:
                x = layers.ReLU()(BatchNormalization()(x))
        x = MaxPooling2D()(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dense(4096, activation="relu")(x)
    return keras.Model(image, x, name="vgg16-bn" if normalised else "vgg16")


def koch(scaled: bool = False) -> keras.Model:
    """Makes the tower of Koch et al., from (B, 105, 105, 1) to (B, 4096).

    Initial weights and biases are those of the paper: weights N(0, 0.01),
    biases N(0.5, 0.01), and weights N(0, 0.2) for the dense layer. Its
    sigmoids are then saturated, and the same for all images.

    Args:
        scaled: Whether weights start so that embeddings differ: by He et al.
            (2015), without biases, and in the dense layer so wide that the
            sums before the sigmoids have a standard deviation of about 1
            between characters.
    """
    normal: Any = keras.initializers.RandomNormal
    start: dict[str, Any] = {"kernel_initializer": "he_normal"}
    last: dict[str, Any] = {"kernel_initializer": normal(0.0, _SCALED)}
    if not scaled:
        start = {"kernel_initializer": normal(0.0, 0.01), "bias_initializer": normal(0.5, 0.01)}
        last = {**start, "kernel_initializer": normal(0.0, 0.2)}
    image = x = keras.Input((105, 105, 1), name="image")
    for filters, kernel in ((64, 10), (128, 7), (128, 4), (256, 4)):
        x = Conv2D(filters, kernel, activation="relu", **start)(x)
        if filters < 256:
            x = MaxPooling2D()(x)
    x = layers.Dense(4096, activation="sigmoid", **last)(layers.Flatten()(x))
    return keras.Model(image, x, name="koch-scaled" if scaled else "koch")


def conv_4() -> keras.Model:
    """Makes the usual four blocks of 64 filters, from (B, 28, 28, 1) to (B, 64)."""
    image = x = keras.Input((28, 28, 1), name="image")
    for _ in range(4):
        x = Conv2D(64, 3, padding="same")(x)
        x = BatchNormalization()(x)
        x = MaxPooling2D()(layers.ReLU()(x))
    return keras.Model(image, layers.Flatten()(x), name="conv-4")


def conv_4_maps() -> keras.Model:
    """Makes the embedding of Sung et al., from (B, 28, 28, 1) to maps (B, 5 * 5 * 64)."""
    image = x = keras.Input((28, 28, 1), name="image")
    for block in range(4):
        x = Conv2D(64, 3, padding="valid" if block < 2 else "same")(x)
        x = layers.ReLU()(BatchNormalization()(x))
        if block < 2:
            x = MaxPooling2D()(x)
    return keras.Model(image, layers.Flatten()(x), name="conv-4-maps")


def glyphnet() -> keras.Model:
    """Makes this project's small tower, from (B, 40, 40, 1) to unit vectors (B, 192).

    It has few filters where images are large, because memory is the limit
    there. It flattens the last map, because the place of a stroke matters.
    """
    image = keras.Input((40, 40, 1), name="image")
    x = _unit(image, 32, kernel=5, strides=2)
    x = _unit(x, 64)
    x = MaxPooling2D()(x)
    for filters in (128, 160):
        x = _unit(x, filters)
        y = _unit(_unit(x, filters), filters, relu=False)
        x = layers.ReLU()(layers.Add()([x, y]))
        if filters == 128:
            x = MaxPooling2D()(x)
    x = layers.Flatten()(x)
    x = layers.Dense(192, use_bias=False)(x)
    x = BatchNormalization()(x)
    return keras.Model(image, layers.UnitNormalization(dtype="float32")(x), name="glyphnet")
