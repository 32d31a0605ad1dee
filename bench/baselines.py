"""Scorers that have learned nothing."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.spatial import KDTree


class Chance:
    """Finds all images equally alike: shared credit makes it exactly chance."""

    name = "chance"
    digest = "chance 1"
    trained_on = ()
    parameters = 0

    def embed(self, images: np.ndarray) -> np.ndarray:
        """Gives zeros, float32 ndarray (B, 1)."""
        return np.zeros((len(images), 1), dtype=np.float32)

    def compare(self, query: np.ndarray, support: np.ndarray) -> np.ndarray:
        """Gives zeros (..., Q, S)."""
        return query @ np.swapaxes(support, -1, -2)


class _Pixels:
    """Compares pixels; everything is counted in whole numbers, so that ties are ties."""

    trained_on = ()
    parameters = 0

    def embed(self, images: np.ndarray) -> np.ndarray:
        """Packs the pixels into words, uint64 ndarray (B, words)."""
        bits = np.packbits(images.reshape(len(images), -1), axis=1)
        words = np.zeros((len(images), -(-bits.shape[1] // 8) * 8), dtype=np.uint8)
        words[:, : bits.shape[1]] = bits
        return words.view(np.uint64)

    def _counts(
        self, query: np.ndarray, support: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Counts common ink (..., Q, S), and the ink of each image."""
        # One query at a time, as the words of all pairs would fill the memory.
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
    """Cosine between the pixels as they are, ink = 1; 0 to an image without ink."""

    name = "pixel-cosine"
    digest = "pixel-cosine 1"

    def compare(self, query: np.ndarray, support: np.ndarray) -> np.ndarray:
        """Gives the cosines, float64 ndarray (..., Q, S)."""
        both, first, second = self._counts(query, support)
        return both / np.sqrt(np.maximum(first * second, 1))


class PixelEuclidean(_Pixels):
    """Euclidean distance between the pixels as they are."""

    name = "pixel-euclidean"
    digest = "pixel-euclidean 1"
    smaller_is_closer = True

    def compare(self, query: np.ndarray, support: np.ndarray) -> np.ndarray:
        """Gives the distances, float64 ndarray (..., Q, S)."""
        both, first, second = self._counts(query, support)
        return np.sqrt(first + second - 2 * both)


class Hausdorff:
    """The modified Hausdorff distance (Dubuisson and Jain 1994) between ink pixels.

    As in Lake et al. (2015): ink points (row, column) minus their mean; the
    larger of the two mean distances to the nearest point of the other image.
    An image without ink is as far from any other as the image is wide.
    """

    name = "hausdorff"
    digest = "hausdorff 1"
    smaller_is_closer = True
    trained_on = ()
    parameters = 0

    def score(self, query_images: np.ndarray, support_images: np.ndarray) -> np.ndarray:
        """Gives the distances in pixels, float64 ndarray (Q, S)."""
        side = query_images.shape[-1]
        queries, supports = (
            [_ink(image.tobytes(), side) for image in images]
            for images in (query_images, support_images)
        )
        distances = np.empty((len(queries), len(supports)))
        for i, (query, query_tree) in enumerate(queries):
            for j, (support, support_tree) in enumerate(supports):
                if query_tree is None or support_tree is None:
                    distances[i, j] = 0.0 if query_tree is support_tree else side
                else:
                    distances[i, j] = max(
                        support_tree.query(query)[0].mean(), query_tree.query(support)[0].mean()
                    )
        return distances


@lru_cache(maxsize=4096)
def _ink(pixels: bytes, side: int) -> tuple[np.ndarray, KDTree | None]:
    """Ink points (n, 2) around their mean, and a tree of them; no tree where there is no ink.

    Remembered, as an image comes up in many pairs.
    """
    points = np.argwhere(np.frombuffer(pixels, np.uint8).reshape(-1, side)).astype(np.float64)
    if not len(points):
        return points, None
    points -= points.mean(axis=0)
    # Trees without balance or compact nodes give the same distances, sooner.
    return points, KDTree(points, leafsize=32, balanced_tree=False, compact_nodes=False)
