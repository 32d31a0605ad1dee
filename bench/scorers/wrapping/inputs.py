"""Inputs of models: images turned into what a model was trained on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ....models.networks import area_matrix, linear_matrix, shrink
from .outputs import as_array


@dataclass(frozen=True)
class Pixels:
    """Makes a float array of images.

    Images are resized by averaging over areas where they shrink and linearly where they grow.
    A pixel then is `paper` where there is none of the ink and `ink` where there is all of it,
    minus the mean, divided by the standard deviation. In colour, it is the shade from 0 to 1
    instead.

    Attributes:
        size: Height and width, or None for that of the images.
        channels: Number of channels, all equal before `mean` and `std`.
        layout: As `Model.layout`.
        ink: Value of ink.
        paper: Value of paper.
        mean: Mean, one number or one a channel.
        std: Standard deviation, one number or one a channel.
    """

    size: tuple[int, int] | None
    channels: int
    layout: str
    ink: float
    paper: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Makes a float32 array of images.

        Args:
            images: uint8 ndarray (B, height, width), ink = 1; float32 from 0 to 1; or uint8
                (B, height, width, 3).
        """
        size = self.size or images.shape[1:3]
        if images.ndim == 4:
            shades = images.astype(np.float32) / np.float32(255)
            grey = np.concatenate([resized(shades[..., i], size) for i in range(3)], axis=-1)
        else:
            grey = resized(images, size)
            grey = np.float32(self.paper) + np.float32(self.ink - self.paper) * grey
        deep = grey.shape[-1] != self.channels
        if self.mean == (0.0,) and self.std == (1.0,):
            pixels = np.repeat(grey, self.channels, axis=-1) if deep else grey
        else:
            mean, std = (
                np.broadcast_to(np.asarray(one, dtype=np.float32), self.channels)
                for one in (self.mean, self.std)
            )
            pixels = (grey - mean) / std
        if self.layout == "first":
            return np.ascontiguousarray(np.moveaxis(pixels, -1, 1))
        if self.layout == "none":
            return pixels[..., 0]
        return pixels.reshape(len(pixels), -1) if self.layout == "flat" else pixels


def shades_wanted(channels: int, ink: float | None, paper: float | None) -> dict[str, Any]:
    """Says which images `Pixels` and `Transform` take, as the attribute `wants` of a scorer.

    Args:
        channels: Number of channels; pictures in colour need three.
        ink: Value of ink. Whoever gives it gets it from every data set; None leaves gray
            pictures as they are.
        paper: Value of paper, likewise.
    """
    return {
        "kind": ("ink", "unit", "color") if channels == 3 else ("ink", "unit"),
        "polarity": None if ink is None and paper is None else "bright",
    }


def resized(images: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Resizes images.

    Args:
        images: ndarray (B, height, width), ink = 1.
        size: Height and width of the result.

    Returns:
        float32 ndarray (B, height, width, 1), from 0 (paper) to 1.
    """
    if tuple(size) == images.shape[1:]:
        return images.astype(np.float32)[..., None]
    rows, columns = (
        (area_matrix if target <= source else linear_matrix)(source, target)
        for source, target in zip(images.shape[1:], size, strict=True)
    )
    if images.shape[1] == images.shape[2] and size[0] == size[1]:
        return shrink(images, rows)
    return (rows @ images.astype(np.float32) @ columns.T)[..., None]


def pictures(images: np.ndarray, mode: str) -> list[Image.Image]:
    """Makes pictures: of ink, black on white, as the files of Omniglot are.

    Args:
        images: uint8 ndarray (B, height, width), ink = 1; float32 from 0 for black to 1 for
            white; or uint8 (B, height, width, 3).
        mode: Mode of Pillow, such as `L` or `RGB`.
    """
    if images.dtype.kind == "f":
        images = np.rint(255 * images).astype(np.uint8)
    elif images.ndim == 3:
        images = 255 * (1 - images)
    return [Image.fromarray(image).convert(mode) for image in images]


class Transform:
    """Calls a preprocessing of the user's.

    What it gets depends on whose it is. torchvision's gets one picture of Pillow at a time,
    Hugging Face's image processors get a list of pictures: black ink on white paper, as
    `torchvision.datasets.Omniglot` gives them, with three channels if the model takes three.
    Layers of Keras get a float tensor (B, 105, 105, C), other modules of PyTorch one of
    (B, C, 105, 105), and functions a float32 array (B, 105, 105), all with ink = 1. Gray and
    colour data come in their own size: as pictures of the files, or as shades from 0 to 1,
    (B, height, width, 3) for functions where they are in colour.
    """

    def __init__(self, transform: Callable[..., Any], channels: int) -> None:
        """Keeps a transform.

        Args:
            transform: The user's object.
            channels: Channels of the model's input.
        """
        self._transform, self._channels = transform, channels

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Makes the model's input of images.

        Args:
            images: As for `Pixels`.
        """
        transform, mode = self._transform, "RGB" if self._channels == 3 else "L"
        module = type(transform).__module__.partition(".")[0]
        if module == "torchvision":
            made = [as_array(transform(one)) for one in pictures(images, mode)]
            return np.stack(made)
        if hasattr(transform, "image_mean") or hasattr(transform, "image_processor_type"):
            # Their processors know no pictures without colours.
            found = transform(images=pictures(images, "RGB"), return_tensors="np")
            return as_array(found["pixel_values"])
        shades = images.astype(np.float32)
        if images.ndim == 4:
            shades /= np.float32(255)
        deep = shades if images.ndim == 4 else np.repeat(shades[..., None], self._channels, axis=-1)
        keras, torch = sys.modules.get("keras"), sys.modules.get("torch")
        if keras is not None and isinstance(transform, keras.layers.Layer):
            seen = keras.ops.convert_to_tensor(deep)
            return as_array(keras.ops.convert_to_numpy(transform(seen, training=False)))
        if torch is not None and isinstance(transform, torch.nn.Module):
            seen = np.ascontiguousarray(np.moveaxis(deep, -1, 1))
            with torch.no_grad():
                return as_array(transform(torch.from_numpy(seen)))
        return as_array(transform(shades))
