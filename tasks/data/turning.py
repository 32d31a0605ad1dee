"""Turning: rows of images, which name each image in four orientations."""

from __future__ import annotations

from typing import Any

import numpy as np


def split(rows: Any, count: int, orientations: int = 4) -> tuple[np.ndarray, np.ndarray, tuple]:
    """Takes rows apart: row `i + turns * count` is image `i` after so many quarter turns.

    Args:
        rows: Whatever indexes an array: a number, a slice, or an ndarray of int or bool.
        count: Number of images.
        orientations: 4, or 1 where images cannot be turned.

    Returns:
        Quarter turns and images, int ndarrays (n,), and the shape of the rows.

    Raises:
        IndexError: There are no such rows.
    """
    if isinstance(rows, slice):
        rows = np.arange(*rows.indices(count))
    rows = np.asarray(rows)
    if rows.dtype == bool:
        rows = np.flatnonzero(rows)
    most = orientations * count
    if rows.size and not -count <= rows.min() <= rows.max() < most:
        raise IndexError(f"rows {rows.min()} to {rows.max()}, expected below {most}")
    return *np.divmod(rows.reshape(-1), count), rows.shape


def turn(pixels: np.ndarray, turns: np.ndarray) -> None:
    """Turns each image counter-clockwise, in place.

    Args:
        pixels: ndarray (n, side, side) or (n, side, side, channels).
        turns: int ndarray (n,), quarter turns.
    """
    for quarter in (1, 2, 3):
        turned = turns == quarter
        if turned.any():
            pixels[turned] = np.rot90(pixels[turned], quarter, axes=(1, 2))
