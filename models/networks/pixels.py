"""Pixels: one-bit images resampled to the small grey images that towers take."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..threads import share

_WORTH_A_THREAD = 64
"""Number of images from which another thread saves time."""

_PART = 32
"""Images that are shrunk at once: they fit the processor's cache."""

_BANDS = 4
"""Bands of a resampling matrix; more bands need less arithmetic but more calls."""


def area_matrix(source: int, target: int) -> np.ndarray:
    """Gives the matrix that shrinks a row of pixels by averaging over areas.

    Args:
        source: Number of pixels before.
        target: Number of pixels after, at most `source`.

    Returns:
        float32 ndarray (target, source) whose rows sum to 1.
    """
    edges = np.arange(target + 1) * (source / target)
    pixels = np.arange(source)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    overlap = np.maximum(overlap, 0)
    return (overlap / overlap.sum(axis=1, keepdims=True)).astype(np.float32)


def linear_matrix(source: int, target: int) -> np.ndarray:
    """Gives the matrix that resamples a row of pixels by linear interpolation.

    Args:
        source: Number of pixels before.
        target: Number of pixels after.

    Returns:
        float32 ndarray (target, source) whose rows sum to 1.
    """
    centres = np.clip((np.arange(target) + 0.5) * (source / target) - 0.5, 0, source - 1)
    return np.maximum(1 - np.abs(centres[:, None] - np.arange(source)), 0).astype(np.float32)


@lru_cache(maxsize=16)
def _bands(content: bytes, size: int) -> list[tuple[slice, slice, np.ndarray]]:
    """Divides a resampling matrix into bands: rows, their source pixels, and the matrix.

    A pixel depends on a few neighbours, so that most of the whole matrix is 0.
    """
    matrix = np.frombuffer(content, np.float32).reshape(size, -1)
    found = []
    for rows in np.array_split(np.arange(size), min(_BANDS, size)):
        used = np.flatnonzero(matrix[rows].any(axis=0))
        here, there = slice(rows[0], rows[-1] + 1), slice(used[0], used[-1] + 1)
        found.append((here, there, np.ascontiguousarray(matrix[here, there])))
    return found


def shrink(images: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Applies a resampling matrix to both axes of images.

    Args:
        images: ndarray of shape (B, side, side), any dtype, ink = 1.
        matrix: float32 ndarray (size, side).

    Returns:
        float32 ndarray of shape (B, size, size, 1), between 0 (paper) and 1.
    """
    if len(images) == 1:
        # For one image, the calls below would take longer than the arithmetic.
        return (matrix @ images.astype(np.float32) @ matrix.T)[..., None]
    size = len(matrix)
    small = np.empty((len(images), size, size), dtype=np.float32)
    bands = _bands(matrix.tobytes(), size)

    def fill(part: slice) -> None:
        most = min(_PART, part.stop - part.start)
        # Memory is reused, because new memory takes longer than the arithmetic.
        pixels = np.empty((most, *images.shape[1:]), dtype=np.float32)
        lower = np.empty((most, size, images.shape[2]), dtype=np.float32)
        for start in range(part.start, part.stop, _PART):
            few = slice(start, min(start + _PART, part.stop))
            count = few.stop - few.start
            pixels[:count] = images[few]
            for rows, sources, band in bands:
                np.matmul(band, pixels[:count, sources], out=lower[:count, rows])
            np.matmul(lower[:count], matrix.T, out=small[few])

    share(fill, len(images), _WORTH_A_THREAD)
    return small[..., None]


@lru_cache(maxsize=16)
def tower_matrix(side: int, size: int) -> np.ndarray:
    """Gives the matrix that resamples whole, undistorted images for towers.

    It does the same as training does without distortions: average over areas to
    1.5 times the tower's size, then interpolate.

    Args:
        side: Height and width of the images.
        size: Height and width of the tower's input.

    Returns:
        float32 ndarray (size, side).
    """
    between = between_size(side, size)
    matrix = linear_matrix(between, size) @ area_matrix(side, between)
    # It is cached and shared.
    matrix.flags.writeable = False
    return matrix


def between_size(side: int, size: int) -> int:
    """Gives the height and width at which training images are kept; see `tower_matrix`.

    Args:
        side: Height and width of the images.
        size: Height and width of the tower's input.
    """
    return min(side, size * 3 // 2)


VIEWS = ("area", "qucy")
"""How whole images are prepared for towers. `area`: `tower_matrix`, ink = 1.
`qucy`: as in training the published network, nearest neighbours and paper = 1;
see `crops`."""

_ENLARGED, _CROP = 130, 105


def crops(images: np.ndarray, size: int, offsets: np.ndarray) -> np.ndarray:
    """Crops images as in training the published network.

    Images are enlarged to 130 x 130 by nearest neighbours, cropped to 105 x 105,
    and shrunk by nearest neighbours.

    Args:
        images: ndarray (B, side, side), any dtype, ink = 1.
        size: Height and width of the result.
        offsets: int ndarray (B, 2): row and column of each crop, 0 to 25.

    Returns:
        float32 ndarray (B, size, size, 1), paper = 1.
    """
    place = ((np.arange(size) + 0.5) * (_CROP / size)).astype(np.int64)
    place = (offsets[:, :, None] + place + 0.5) * (images.shape[1] / _ENLARGED)
    rows, columns = place.astype(np.int64).transpose(1, 0, 2)
    chosen = images[np.arange(len(images))[:, None, None], rows[:, :, None], columns[:, None, :]]
    return (1 - chosen.astype(np.float32))[..., None]


def view(images: np.ndarray, size: int, pixels: str) -> np.ndarray:
    """Prepares images for a tower.

    Args:
        images: uint8 ndarray (B, side, side), ink = 1.
        size: Height and width of the tower's input.
        pixels: One of `VIEWS`; for `qucy` it is the crop in the middle.

    Returns:
        float32 ndarray (B, size, size, 1).
    """
    if pixels == "qucy":
        middle = np.full((len(images), 2), (_ENLARGED - _CROP) // 2)
        return crops(images, size, middle)
    return shrink(images, tower_matrix(images.shape[1], size))
