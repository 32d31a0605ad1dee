"""From one-bit images to the small grey images that towers see."""

from __future__ import annotations

import numpy as np


def area_matrix(source: int, target: int) -> np.ndarray:
    """Shrinks a row of pixels by averaging over areas.

    Args:
        source: Pixels before.
        target: Pixels after, at most as many.

    Returns:
        float32 ndarray (target, source) whose rows sum to 1.
    """
    edges = np.arange(target + 1) * (source / target)
    pixels = np.arange(source)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    overlap = np.maximum(overlap, 0)
    return (overlap / overlap.sum(axis=1, keepdims=True)).astype(np.float32)


def linear_matrix(source: int, target: int) -> np.ndarray:
    """Resamples a row of pixels by linear interpolation between their centres.

    Args:
        source: Pixels before.
        target: Pixels after.

    Returns:
        float32 ndarray (target, source) whose rows sum to 1.
    """
    centres = np.clip((np.arange(target) + 0.5) * (source / target) - 0.5, 0, source - 1)
    return np.maximum(1 - np.abs(centres[:, None] - np.arange(source)), 0).astype(np.float32)


def shrink(images: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Applies a resampling matrix to both axes of images.

    Args:
        images: ndarray of shape (B, side, side), any dtype, ink = 1.
        matrix: float32 ndarray (size, side).

    Returns:
        float32 ndarray of shape (B, size, size, 1), between 0 (paper) and 1.
    """
    return (matrix @ images.astype(np.float32) @ matrix.T)[..., None]


def tower_matrix(side: int, size: int) -> np.ndarray:
    """The resampling with which towers see whole, undistorted images.

    It is the path that training images take when nothing distorts them:
    averaged over areas to 1.5 times the tower's size, then interpolated.

    Args:
        side: Height and width of the images.
        size: Height and width of the tower's input.

    Returns:
        float32 ndarray (size, side).
    """
    between = between_size(side, size)
    return linear_matrix(between, size) @ area_matrix(side, between)


def between_size(side: int, size: int) -> int:
    """Height and width at which training images are kept; see `tower_matrix`."""
    return min(side, size * 3 // 2)
