"""Augmentation: random distortions of whole batches, the same on every Keras backend.

Random numbers are drawn on the host, a few for each image; tensors compute what becomes of the
pixels, so that a compiled step does it on the device.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from ..networks import linear_matrix
from .recipe import Distortion

# Keras's annotations have None wherever a tensor may come.
ops: Any = keras.ops


def draw(rng: np.random.Generator, count: int, distortion: Distortion) -> dict[str, np.ndarray]:
    """Draws the distortions of images.

    Rotation, shear, scale, stretch and shift are uniform in their ranges; each
    is applied with the distortion's probability (Koch et al. 2015: 0.5). Then
    follows a smooth elastic warp, whose displacements are drawn on a coarse
    grid.

    Args:
        rng: Source of random numbers.
        count: Number of images.
        distortion: The ranges.

    Returns:
        float32 ndarrays: `matrix` (count, 2, 2), `shift` (count, 2) and `warp`
        (count, 2, knots, knots), which give for each place of the distorted
        image, row and column from -1 to 1, its place in the source image;
        `stroke` (count,), how many pixels strokes become wider; and `wiped`
        (count, 3), row and column from 0 to 1 of the centre of the erased
        square, and 1 if it is erased.
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
    knots = distortion.elastic_knots
    warp = rng.standard_normal((count, 2, knots, knots)) * distortion.elastic * 2
    stroke, wiped = np.zeros(count), np.zeros((count, 3))
    if distortion.stroke:
        stroke = rng.uniform(-distortion.stroke, distortion.stroke, count)
    if distortion.cutout:
        wiped[:, :2], wiped[:, 2] = rng.random((count, 2)), rng.random(count) < 0.5
    drawn = {
        "matrix": matrix,
        "shift": np.stack(moved, axis=-1) * 2,
        "warp": warp,
        "stroke": stroke,
        "wiped": wiped,
    }
    return {name: array.astype(np.float32) for name, array in drawn.items()}


def turned(
    drawn: dict[str, np.ndarray], turns: np.ndarray, mirrored: np.ndarray
) -> dict[str, np.ndarray]:
    """Turns and then mirrors source images before their distortions.

    Args:
        drawn: As from `draw`.
        turns: int ndarray (count,), quarter turns as `np.rot90` makes them.
        mirrored: bool ndarray (count,), whether left and right are exchanged.

    Returns:
        As from `draw`.
    """
    kinds = np.array([np.linalg.matrix_power([[0, 1], [-1, 0]], turn) for turn in range(4)])
    back = kinds[turns] * np.where(mirrored, -1, 1)[:, None, None] ** np.array([0, 1])
    back = back.astype(np.float32)
    return {
        **drawn,
        "matrix": back @ drawn["matrix"],
        "shift": np.einsum("bij,bj->bi", back, drawn["shift"]),
        "warp": np.einsum("bij,bjkl->bikl", back, drawn["warp"]),
    }


def places(drawn: dict[str, Any], size: int) -> Any:
    """Computes, for each pixel of each distorted image, its place in the source image.

    Args:
        drawn: As from `draw`, ndarrays or tensors.
        size: Height and width of the distorted images.

    Returns:
        Float32 tensor (B, size, size, 2): row and column in the source image,
        which extends from -1 to 1.
    """
    centres = ops.convert_to_tensor(((np.arange(size) + 0.5) * (2 / size) - 1).astype(np.float32))
    down, right = centres[:, None], centres[None, :]
    matrix, shift, warp = (
        ops.convert_to_tensor(drawn[name]) for name in ("matrix", "shift", "warp")
    )
    smooth = ops.convert_to_tensor(linear_matrix(warp.shape[-1], size).astype(np.float32))
    warped = ops.matmul(ops.matmul(smooth, warp), ops.transpose(smooth))
    found = [
        matrix[:, i, 0, None, None] * down
        + matrix[:, i, 1, None, None] * right
        + shift[:, i, None, None]
        + warped[:, i]
        for i in range(2)
    ]
    return ops.stack(found, axis=-1)


def sample(images: Any, where: Any) -> Any:
    """Reads images at given places by bilinear interpolation; places outside are paper.

    Args:
        images: Float32 tensor (B, side + 2, side + 2), with a margin of one
            pixel of paper.
        where: Float32 tensor (B, size, size, 2) as from `places`.

    Returns:
        Float32 tensor (B, size, size, 1); places far outside differ from paper
        by less than 0.001.
    """
    width = images.shape[1]
    flat = ops.reshape(images, (-1,))
    # Places outside are moved to the margin.
    reached = ops.clip((where + 1) * (width / 2 - 1) + 0.5, 0, width - 1.001)
    corner = ops.floor(reached)
    fraction = reached - corner
    corner = ops.cast(corner, "int32")
    start = ops.arange(ops.shape(images)[0], dtype="int32")[:, None, None] * width**2
    first = corner[..., 0] * width + corner[..., 1] + start
    down, right = fraction[..., 0], fraction[..., 1]
    top = ops.take(flat, first) * (1 - right) + ops.take(flat, first + 1) * right
    first = first + width
    bottom = ops.take(flat, first) * (1 - right) + ops.take(flat, first + 1) * right
    return ops.expand_dims(top * (1 - down) + bottom * down, -1)


def restroke(images: Any, drawn: dict[str, Any], distortion: Distortion) -> Any:
    """Makes strokes thicker or thinner, and erases squares.

    Args:
        images: Float32 tensor (B, size, size, 1), ink = 1.
        drawn: As from `draw`, ndarrays or tensors.
        distortion: The ranges, of which `stroke` and `cutout` are used.

    Returns:
        Float32 tensor of the same shape.
    """
    size = images.shape[1]
    if distortion.stroke:
        amount = ops.reshape(ops.convert_to_tensor(drawn["stroke"]), (-1, 1, 1, 1))
        wide = ops.max_pool(images, 3, strides=1, padding="same")
        thin = -ops.max_pool(-images, 3, strides=1, padding="same")
        more, less = ops.maximum(amount, 0), ops.maximum(-amount, 0)
        images = images + more * (wide - images) + less * (thin - images)
    if distortion.cutout:
        wiped = ops.convert_to_tensor(drawn["wiped"])
        centres = ops.convert_to_tensor(((np.arange(size) + 0.5) / size).astype(np.float32))
        apart = ops.abs(centres - wiped[:, :2, None]) < distortion.cutout / 2
        apart = ops.cast(apart, "float32")
        square = apart[:, 0, :, None] * apart[:, 1, None, :] * wiped[:, 2, None, None]
        images = images * (1 - square)[..., None]
    return images
