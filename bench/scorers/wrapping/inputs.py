"""Inputs of models: one-bit images turned into what a model was trained on."""

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
    minus the mean, divided by the standard deviation.

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
        """Makes a float32 array of uint8 images (B, height, width), ink = 1."""
        grey = resized(images, self.size or images.shape[1:])
        grey = np.float32(self.paper) + np.float32(self.ink - self.paper) * grey
        if self.mean == (0.0,) and self.std == (1.0,):
            pixels = np.repeat(grey, self.channels, axis=-1) if self.channels > 1 else grey
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


def resized(images: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Resizes images.

    Args:
        images: uint8 ndarray (B, height, width), ink = 1.
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
    """Makes pictures with black ink on white paper, as the files of Omniglot are.

    Args:
        images: uint8 ndarray (B, height, width), ink = 1.
        mode: Mode of Pillow, such as `L` or `RGB`.
    """
    return [Image.fromarray(255 * (1 - image)).convert(mode) for image in images]


class Transform:
    """Calls a preprocessing of the user's.

    What it gets depends on whose it is. torchvision's gets one picture of Pillow at a time,
    Hugging Face's image processors get a list of pictures: black ink on white paper, as
    `torchvision.datasets.Omniglot` gives them, with three channels if the model takes three.
    Layers of Keras get a float tensor (B, 105, 105, C), other modules of PyTorch one of
    (B, C, 105, 105), and functions a float32 array (B, 105, 105), all with ink = 1.
    """

    def __init__(self, transform: Callable[..., Any], channels: int) -> None:
        """Keeps a transform.

        Args:
            transform: The user's object.
            channels: Channels of the model's input.
        """
        self._transform, self._channels = transform, channels

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Makes the model's input of uint8 images (B, height, width), ink = 1."""
        transform, mode = self._transform, "RGB" if self._channels == 3 else "L"
        module = type(transform).__module__.partition(".")[0]
        if module == "torchvision":
            made = [as_array(transform(one)) for one in pictures(images, mode)]
            return np.stack(made)
        if hasattr(transform, "image_mean") or hasattr(transform, "image_processor_type"):
            # Their processors know no pictures without colours.
            found = transform(images=pictures(images, "RGB"), return_tensors="np")
            return as_array(found["pixel_values"])
        grey = images.astype(np.float32)
        keras, torch = sys.modules.get("keras"), sys.modules.get("torch")
        if keras is not None and isinstance(transform, keras.layers.Layer):
            seen = keras.ops.convert_to_tensor(np.repeat(grey[..., None], self._channels, axis=-1))
            return as_array(keras.ops.convert_to_numpy(transform(seen, training=False)))
        if torch is not None and isinstance(transform, torch.nn.Module):
            seen = np.repeat(grey[:, None], self._channels, axis=1)
            with torch.no_grad():
                return as_array(transform(torch.from_numpy(seen)))
        return as_array(transform(grey))
