"""Scores of the relation head (Sung et al., CVPR 2018) with NumPy alone.

The slow definition is the Keras layer `relation_head.RelationHead`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

FILTERS = 64
"""Filters of the maps of an embedding, and of the head's convolutions."""

EPSILON = 1e-3
"""What is added to the variances of the head's normalisations."""


def side_of(width: int) -> int:
    """Gives height and width of the maps in embeddings; 0 if they are no square maps.

    Args:
        width: Dimensions of an embedding.
    """
    side = math.isqrt(width // FILTERS)
    return side if side * side * FILTERS == width else 0


def _convolved(maps: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolves maps (n, side, side, C) with filters (3, 3, C, F); the maps keep their size."""
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.moveaxis(sliding_window_view(padded, (3, 3), axis=(1, 2)), 3, 5)
    rows = windows.reshape(-1, 9 * maps.shape[-1])
    return (rows @ kernel.reshape(len(rows[0]), -1)).reshape(*maps.shape[:3], -1)


def _block(maps: np.ndarray, weights: Mapping[str, np.ndarray], block: int) -> np.ndarray:
    """Does what follows a convolution: bias, normalisation, ReLU, and the largest of 2 x 2."""
    names = ("bias", "gamma", "beta", "mean", "variance")
    bias, gamma, beta, mean, variance = (weights[f"{name}_{block}"] for name in names)
    scale = gamma / np.sqrt(variance + np.float32(EPSILON))
    maps = np.maximum(maps * scale + ((bias - mean) * scale + beta), 0)
    half = maps.shape[1] // 2
    cut = maps[:, : 2 * half, : 2 * half].reshape(len(maps), half, 2, half, 2, -1)
    return cut.max(axis=(2, 4))


def relate(weights: Mapping[str, np.ndarray], query: np.ndarray, support: np.ndarray) -> np.ndarray:
    """Scores every query with every support embedding.

    One query at a time, so that its scores do not depend on the other queries.
    The first convolution is linear in both images, so that it is done once for
    each image, and not for each pair.

    Args:
        weights: The head's weights by name.
        query: float32 ndarray (..., Q, side * side * 64).
        support: float32 ndarray (..., S, side * side * 64).

    Returns:
        float32 ndarray (..., Q, S): logits that two images show the same
        character.
    """
    width, side = query.shape[-1], side_of(query.shape[-1])
    shape = (*query.shape[:-1], support.shape[-2])
    support = np.broadcast_to(support, (*query.shape[:-2], *support.shape[-2:]))
    episodes = zip(
        query.reshape(-1, *query.shape[-2:]), support.reshape(-1, *support.shape[-2:]), strict=True
    )
    of_query, of_support = np.split(weights["kernel_1"], 2, axis=2)
    scores = np.empty((math.prod(shape[:-2]), *shape[-2:]), dtype=np.float32)
    for queries, ways, found in ((*both, scores[i]) for i, both in enumerate(episodes)):
        theirs = _convolved(ways.reshape(-1, side, side, width // side**2), of_support)
        for place, one in enumerate(queries):
            mine = _convolved(one.reshape(1, side, side, -1), of_query)
            maps = _block(mine + theirs, weights, 1)
            maps = _block(_convolved(maps, weights["kernel_2"]), weights, 2)
            hidden = maps.reshape(len(ways), -1) @ weights["hidden_kernel"]
            hidden = np.maximum(hidden + weights["hidden_bias"], 0)
            found[place] = np.vecdot(hidden, weights["weighting"])
    return scores.reshape(shape) + weights["bias"]
