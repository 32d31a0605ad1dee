"""Towers: convolutional networks that turn an image into an embedding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from .errors import ModelError


@dataclass(frozen=True)
class Backbone:
    """An architecture of a tower.

    Attributes:
        name: Its name in recipes.
        size: Height and width of its input, in pixels; one channel, ink = 1.
        source: Where it comes from.
        build: Makes the Keras model, from (B, size, size, 1) to (B, D).
    """

    name: str
    size: int
    source: str
    build: Callable[[], keras.Model]


def _convolution(x: Any, filters: int, kernel: int = 3, strides: int = 1) -> Any:
    x = layers.Conv2D(filters, kernel, strides=strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.ReLU()(x)


def _strided() -> keras.Model:
    image = keras.Input((40, 40, 1), name="image")
    x = _convolution(image, 32, kernel=5, strides=2)
    x = _convolution(x, 64)
    x = layers.MaxPooling2D()(x)
    x = _convolution(x, 128)
    x = _convolution(x, 128)
    x = layers.MaxPooling2D()(x)
    x = _convolution(x, 192)
    x = layers.Flatten()(x)
    x = layers.Dense(256, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return keras.Model(image, layers.UnitNormalization()(x), name="strided")


BACKBONES = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            "strided",
            40,
            "this project: a strided 5x5 stem and four 3x3 convolutions, for two CPU cores",
            _strided,
        ),
    )
}


def backbone(name: str) -> Backbone:
    """Gives an architecture by name.

    Raises:
        ModelError: There is none such.
    """
    if name not in BACKBONES:
        raise ModelError(f"unknown backbone {name!r}; known are {', '.join(BACKBONES)}")
    return BACKBONES[name]
