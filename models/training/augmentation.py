"""Augmentation: random distortions of whole batches, the same on every Keras backend."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from ..networks import linear_matrix
from .recipe import Distortion

# Keras's annotations have None wherever a tensor may come.
ops: Any = keras.ops


def draw(rng: np.random.Generator, count: int, size: int, distortion: Distortion) -> np.ndarray:
    """Draws, for each pixel of each distorted image, its place in the source image.

    Rotation, shear, scale, stretch and shift are uniform in their ranges; each
    is applied with the distortion's probability (Koch et al. 2015: 0.5). Then
    follows a smooth elastic warp, whose displacements are drawn on a coarse
    grid.

    Args:
        rng: Source of random numbers.
        count: Number of images.
        size: Height and width of the result.
        distortion: The ranges.

    Returns:
        float32 ndarray (count, size, size, 2): row and column in the source
        image, which extends from -1 to 1.
    """

    def between(low: float, high: float) -> np.ndarray:
        applied = rng.random(count) < distortion.probability
        return np.where(applied, rng.uniform(low, high, count), 0.0)

    angle = np.deg2rad(between(-distortion.rotation, distortion.rotation))
    shear = between(-distortion.shear, distortion.shear)
    # Exponents, so that enlarging and shrinking are equally likely.
    low, high = np.log(distortion.scale)
    scale = np.exp(between(low, high))
    stretch = np.exp(between(-distortion.stretch, distortion.stretch))
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    matrix = np.empty((count, 2, 2))
    matrix[:, 0, 0], matrix[:, 0, 1] = cos * stretch, -sin * stretch
    matrix[:, 1, 0] = (sin + shear * cos) / stretch
    matrix[:, 1, 1] = (cos - shear * sin) / stretch
    moved = [between(-distortion.shift, distortion.shift) for _ in range(2)]
    shift = np.stack(moved, axis=-1)[:, None, None, :] * 2
    centres = (np.arange(size) + 0.5) * (2 / size) - 1
    grid = np.stack(np.meshgrid(centres, centres, indexing="ij"), axis=-1)
    where = (grid.reshape(1, -1, 2) @ matrix.transpose(0, 2, 1)).reshape(count, size, size, 2)
    knots = distortion.elastic_knots
    smooth = linear_matrix(knots, size).astype(np.float64)
    warp = rng.standard_normal((count, 2, knots, knots)) * distortion.elastic * 2
    warp = smooth @ warp @ smooth.T
    return (where + shift + np.moveaxis(warp, 1, -1)).astype(np.float32)


def sample(images: np.ndarray, where: np.ndarray) -> Any:
    """Reads images at given places by bilinear interpolation; places outside are paper.

    Args:
        images: float32 ndarray (B, side, side).
        where: float32 ndarray (B, size, size, 2) as from `draw`.

    Returns:
        Float32 tensor (B, size, size, 1); places far outside differ from paper
        by less than 0.001.
    """
    count, side = images.shape[:2]
    # A margin of one pixel of paper; places outside are moved to it.
    padded = ops.pad(ops.convert_to_tensor(images), ((0, 0), (1, 1), (1, 1)))
    flat = ops.reshape(padded, (-1,))
    places = ops.clip((ops.convert_to_tensor(where) + 1) * (side / 2) + 0.5, 0, side + 0.999)
    corner = ops.floor(places)
    fraction = places - corner
    corner = ops.cast(corner, "int32")
    start = np.arange(count, dtype=np.int32)[:, None, None] * (side + 2) ** 2
    first = corner[..., 0] * (side + 2) + corner[..., 1] + start
    down, right = fraction[..., 0], fraction[..., 1]
    top = ops.take(flat, first) * (1 - right) + ops.take(flat, first + 1) * right
    first = first + (side + 2)
    bottom = ops.take(flat, first) * (1 - right) + ops.take(flat, first + 1) * right
    return ops.expand_dims(top * (1 - down) + bottom * down, -1)


def restroke(images: Any, rng: np.random.Generator, distortion: Distortion) -> Any:
    """Makes strokes thicker or thinner, and erases squares.

    Args:
        images: Float32 tensor (B, size, size, 1), ink = 1.
        rng: Source of random numbers.
        distortion: The ranges, of which `stroke` and `cutout` are used.

    Returns:
        Float32 tensor of the same shape.
    """
    count, size = images.shape[:2]
    if distortion.stroke:
        amount = rng.uniform(-distortion.stroke, distortion.stroke, (count, 1, 1, 1))
        wide = ops.max_pool(images, 3, strides=1, padding="same")
        thin = -ops.max_pool(-images, 3, strides=1, padding="same")
        more, less = (
            ops.convert_to_tensor(np.maximum(sign * amount, 0).astype(np.float32))
            for sign in (1, -1)
        )
        images = images + more * (wide - images) + less * (thin - images)
    if distortion.cutout:
        centre = rng.random((count, 2, 1))
        apart = np.abs((np.arange(size) + 0.5) / size - centre) < distortion.cutout / 2
        wiped = apart[:, 0, :, None] & apart[:, 1, None, :]
        wiped &= (rng.random(count) < 0.5)[:, None, None]
        images = images * ops.convert_to_tensor((~wiped).astype(np.float32)[..., None])
    return images
