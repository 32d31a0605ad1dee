"""Baselines: scorers without training."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np


class Chance:
    """Gives all images the same score; with shared credit its accuracy is exactly chance."""

    name = "chance"
    digest = "chance 1"
    trained_on = ()
    parameters = 0
    baseline = True

    def embed(self, images: np.ndarray) -> np.ndarray:
        """Gives zeros, float32 ndarray (B, 1)."""
        return np.zeros((len(images), 1), dtype=np.float32)

    def compare(self, query: np.ndarray, support: np.ndarray) -> np.ndarray:
        """Gives zeros, float32 ndarray (..., Q, S).

        Args:
            query: Embeddings (..., Q, 1).
            support: Embeddings (..., S, 1).
        """
        return query @ np.swapaxes(support, -1, -2)


class _Pixels:
    """Compares pixels by counting in whole numbers, so that equal scores are exactly equal."""

    trained_on = ()
    parameters = 0
    baseline = True
    wants: ClassVar = {"kind": ("ink", "unit", "color"), "polarity": "bright"}

    def embed(self, images: np.ndarray) -> np.ndarray:
        """Gives the pixels as they are compared.

        Args:
            images: uint8 ndarray (B, height, width), ink = 1; float32 from 0 to 1 for gray; or
                uint8 (B, height, width, 3).

        Returns:
            Bits in words, uint64 ndarray (B, words), for ink; uint8 ndarray (B, pixels) of
            shades otherwise.
        """
        if images.dtype.kind == "f":
            return np.rint(255 * images).astype(np.uint8).reshape(len(images), -1)
        if images.ndim == 4:
            return images.reshape(len(images), -1)
        bits = np.packbits(images.reshape(len(images), -1), axis=1)
        words = np.zeros((len(images), -(-bits.shape[1] // 8) * 8), dtype=np.uint8)
        words[:, : bits.shape[1]] = bits
        return words.view(np.uint64)

    def _counts(
        self, query: np.ndarray, support: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Counts common ink (..., Q, S), and the ink of each image.

        Shades have their products and squares instead, as shares of white.
        """
        if query.dtype == np.uint8:
            # Whole numbers below 2**53, so that sums in any order are exact.
            first, second = query.astype(np.float64), support.astype(np.float64)
            return (
                first @ np.swapaxes(second, -1, -2) / 255**2,
                np.square(first).sum(axis=-1)[..., :, None] / 255**2,
                np.square(second).sum(axis=-1)[..., None, :] / 255**2,
            )
        # One query at a time, because the words of all pairs would fill the memory.
        both = [
            np.bitwise_count(query[..., i, None, :] & support).sum(axis=-1, dtype=np.float64)
            for i in range(query.shape[-2])
        ]
        return (
            np.stack(both, axis=-2),
            np.bitwise_count(query).sum(axis=-1, dtype=np.float64)[..., :, None],
            np.bitwise_count(support).sum(axis=-1, dtype=np.float64)[..., None, :],
        )


class PixelCosine(_Pixels):
    """The cosine between the pixels, ink = 1; it is 0 for an image without ink.

    Gray pixels are as bright as there is ink; in colour, all channels count alike.
    """

    name = "pixel-cosine"
    digest = "pixel-cosine 1"

    def compare(self, query: np.ndarray, support: np.ndarray) -> np.ndarray:
        """Gives the cosines, float64 ndarray (..., Q, S).

        Args:
            query: Pixels from `embed` (..., Q, D).
            support: Pixels from `embed` (..., S, D).
        """
        both, first, second = self._counts(query, support)
        product = first * second
        return both / np.sqrt(np.where(product > 0, product, 1))


class PixelEuclidean(_Pixels):
    """The Euclidean distance between the pixels."""

    name = "pixel-euclidean"
    digest = "pixel-euclidean 1"
    smaller_is_closer = True

    def compare(self, query: np.ndarray, support: np.ndarray) -> np.ndarray:
        """Gives the distances, float64 ndarray (..., Q, S).

        Args:
            query: Pixels from `embed` (..., Q, D).
            support: Pixels from `embed` (..., S, D).
        """
        both, first, second = self._counts(query, support)
        # Rounding may make it negative for equal shades.
        return np.sqrt(np.maximum(first + second - 2 * both, 0))


class Hausdorff:
    """The modified Hausdorff distance (Dubuisson and Jain 1994) between ink pixels.

    As in Lake et al. (2015), the points are the ink pixels (row, column) minus
    their mean. The distance is the larger of the two mean distances to the
    nearest point of the other image. An image without ink has the image's width
    as its distance to any image with ink.
    """

    name = "hausdorff"
    digest = "hausdorff 1"
    wants: ClassVar = {"kind": "ink"}
    smaller_is_closer = True
    trained_on = ()
    parameters = 0
    baseline = True

    def score(self, query_images: np.ndarray, support_images: np.ndarray) -> np.ndarray:
        """Gives the distances in pixels, float64 ndarray (Q, S).

        Args:
            query_images: uint8 ndarray (Q, height, width).
            support_images: uint8 ndarray (S, height, width).
        """
        side = query_images.shape[-1]
        queries, supports = (
            [_ink(image.tobytes(), side) for image in images]
            for images in (query_images, support_images)
        )
        distances = np.empty((len(queries), len(supports)))
        for i, query in enumerate(queries):
            for j, support in enumerate(supports):
                if query is None or support is None:
                    distances[i, j] = 0.0 if query is support else side
                else:
                    distances[i, j] = max(query.distance_to(support), support.distance_to(query))
        return distances


@dataclass(frozen=True)
class _Ink:
    """Ink points of an image around their mean, and tables to find the nearest of them.

    Attributes:
        rows: Of the rows with ink, the distance below the mean, (R,).
        columns: Of the columns with ink, the distance right of the mean, (C,).
        row, column: Places of each point (n,) in these two.
        centre: Column of the mean.
        left: For each row of ink the last column of ink before column k, or
            minus infinity, float32 (side + 1, R).
        right: The first from column k on, or infinity.
    """

    rows: np.ndarray
    columns: np.ndarray
    row: np.ndarray
    column: np.ndarray
    centre: float
    left: np.ndarray
    right: np.ndarray

    def distance_to(self, other: _Ink) -> float:
        """Computes the mean distance of the points to the nearest point of another image.

        In each row of the other image, the nearest point is the first one to
        the left or to the right, so that two points of each row are enough.
        """
        edge = len(other.left) - 1
        k = np.clip(np.floor(self.columns + other.centre).astype(np.intp) + 1, 0, edge)
        left, right = (
            np.square(self.columns[:, None] - (side[k].astype(np.float64) - other.centre))
            for side in (other.left, other.right)
        )
        across = np.minimum(left, right, out=left)
        down = np.square(self.rows[:, None] - other.rows)
        squares = across.take(self.column, axis=0)
        squares += down.take(self.row, axis=0)
        # Three times as fast as a minimum over the second axis.
        starts = np.arange(0, squares.size, squares.shape[1])
        return float(np.sqrt(np.minimum.reduceat(squares.ravel(), starts)).mean())


@lru_cache(maxsize=2048)
def _ink(pixels: bytes, side: int) -> _Ink | None:
    """Finds the ink of an image, or None; cached, because an image occurs in many pairs."""
    image = np.frombuffer(pixels, np.uint8).reshape(-1, side) != 0
    row, column = np.nonzero(image)
    if not len(row):
        return None
    middle, centre = row.mean(), column.mean()
    (rows, row), (columns, column) = (
        np.unique(places, return_inverse=True) for places in (row, column)
    )
    ink, positions, none = image[rows], np.arange(side), np.full((len(rows), 1), np.inf)
    left = np.maximum.accumulate(np.where(ink, positions, -np.inf), axis=1)
    right = np.minimum.accumulate(np.where(ink, positions, np.inf)[:, ::-1], axis=1)[:, ::-1]
    return _Ink(
        rows - middle,
        columns - centre,
        row,
        column,
        float(centre),
        np.hstack([-none, left]).T.astype(np.float32, order="C"),
        np.hstack([right, none]).T.astype(np.float32, order="C"),
    )


BASELINES = {one.name: one for one in (Chance, PixelCosine, PixelEuclidean, Hausdorff)}
"""The bundled scorers that have learned nothing, by name."""
