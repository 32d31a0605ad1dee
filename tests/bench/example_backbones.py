"""Backbones that the tests name as example_backbones:NAME, quick to train."""

from __future__ import annotations

import keras
from keras import layers
from wayshot.models.networks.layers import BatchNormalization, Conv2D, MaxPooling2D


def _tower(image, *, flat: bool, name: str) -> keras.Model:
    x = Conv2D(8, 5, strides=2, padding="same", use_bias=False)(image)
    x = layers.ReLU()(BatchNormalization()(x))
    x = MaxPooling2D()(x)
    x = Conv2D(16, 3, padding="same", use_bias=False)(x)
    x = layers.ReLU()(BatchNormalization()(x))
    x = layers.Flatten()(x) if flat else layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(32)(x), name=name)


def tiny() -> keras.Model:
    """From (B, 20, 20, 1) to (B, 32)."""
    return _tower(keras.Input((20, 20, 1), name="image"), flat=True, name="tiny")


def pooled() -> keras.Model:
    """As `tiny`, but ends in global pooling: its weights fit any size."""
    return _tower(keras.Input((20, 20, 1), name="image"), flat=False, name="pooled")


def mapped() -> keras.Model:
    """From (B, 20, 20, 1) to maps of 64 filters, (B, 5 * 5 * 64)."""
    image = keras.Input((20, 20, 1), name="image")
    x = layers.ReLU()(BatchNormalization()(Conv2D(64, 4, strides=4, use_bias=False)(image)))
    return keras.Model(image, layers.Flatten()(x), name="mapped")


def sequential() -> keras.Model:
    """A sequential model that ends in global pooling, from (B, 20, 20, 1) to (B, 16)."""
    return keras.Sequential(
        [
            keras.Input((20, 20, 1)),
            Conv2D(8, 3, strides=2),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(16),
        ]
    )


def forgetful() -> keras.Model:
    """As `pooled`, with layers that draw at random while it is trained."""
    image = keras.Input((20, 20, 1), name="image")
    x = layers.GaussianNoise(0.1)(image)
    x = layers.ReLU()(BatchNormalization()(Conv2D(8, 5, strides=2, use_bias=False)(x)))
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, layers.Dense(32)(x), name="forgetful")


def coloured() -> keras.Model:
    """From (B, 24, 24, 3) to (B, 32)."""
    return _tower(keras.Input((24, 24, 3), name="image"), flat=True, name="coloured")


def stacked() -> keras.Model:
    """A sequential model, from (B, 28, 28, 1) to (B, 5)."""
    return keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(5)])


def transposed() -> keras.Model:
    """From (B, 10, 10, 1) to (B, 576), with a layer whose FLOPs wayshot cannot count."""
    image = keras.Input((10, 10, 1))
    x = layers.Conv2DTranspose(4, 3)(image)
    return keras.Model(image, layers.Flatten()(x))


def oblong() -> keras.Model:
    return keras.Sequential([keras.Input((28, 14, 1)), layers.Flatten(), layers.Dense(5)])


def maps() -> keras.Model:
    return keras.Sequential([keras.Input((28, 28, 1)), layers.Conv2D(5, 3)])


def unbuilt() -> keras.Model:
    return keras.Sequential([layers.Flatten(), layers.Dense(5)])


def forked() -> keras.Model:
    image = keras.Input((28, 28, 1))
    x = layers.Flatten()(image)
    return keras.Model(image, [layers.Dense(5)(x), layers.Dense(5)(x)])


def fails() -> keras.Model:
    raise RuntimeError("out of\nluck")


not_a_backbone = 5
