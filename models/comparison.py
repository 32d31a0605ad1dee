"""Comparing embeddings that are already there, in NumPy alone.

The slow definition is `siamese.Comparison`, the Keras layer; every join and
head gives the same scores here, for all pairs of an episode at once.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

JOINS = ("difference", "squared", "product", "cosine")
"""How two embeddings a and b become one vector: |a - b|, (a - b)², a b, and
the product of a and b brought to length one."""

HEADS = ("dense", "weighted", "similarity")
"""How that vector becomes a logit: a dense layer of 512 with ReLU and a dense
layer of 1 (the published network), a learned weighting and a bias (Koch et
al. 2015), or its plain sum (for the two differences: minus that)."""

_PAIRS = 4096
"""Pairs of a dense head that are joined together, about."""


def unit(embedding: np.ndarray) -> np.ndarray:
    """Brings embeddings (..., D) to length one; zero stays zero."""
    length = np.linalg.norm(embedding, axis=-1, keepdims=True)
    return embedding / np.maximum(length, np.float32(1e-12))


def joined(join: str, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Joins embeddings (..., D) with embeddings (..., D), broadcasting.

    Args:
        join: One of `JOINS`; for `cosine` the embeddings have length one.
        first: float32 ndarray.
        second: float32 ndarray.
    """
    if join == "difference":
        return np.abs(first - second)
    if join == "squared":
        return np.square(first - second)
    return first * second


def _dense(
    join: str, weights: Mapping[str, np.ndarray], query: np.ndarray, support: np.ndarray
) -> np.ndarray:
    ways, width = support.shape[-2:]
    shape = (*query.shape[:-1], ways)
    # One query a row, whichever episode it is of.
    rows = query.reshape(-1, width)
    episodes = np.broadcast_to(support, (*query.shape[:-2], ways, width)).reshape(-1, ways, width)
    of_row = np.repeat(np.arange(len(episodes)), query.shape[-2])
    scores = np.empty((len(rows), ways), dtype=np.float32)
    step = max(_PAIRS // ways, 1)
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        block = joined(join, rows[part, None], episodes[of_row[part]])
        # A product for each query by itself: its last digits do not depend on
        # the queries beside it, as they would in one product over all pairs.
        hidden = np.maximum(block @ weights["hidden_kernel"] + weights["hidden_bias"], 0)
        scores[part] = (hidden * weights["weighting"]).sum(axis=-1)
    return (scores + weights["bias"]).reshape(shape)


def compare(
    join: str,
    head: str,
    weights: Mapping[str, np.ndarray],
    query: np.ndarray,
    support: np.ndarray,
) -> np.ndarray:
    """Compares every query with every support embedding.

    Args:
        join: One of `JOINS`.
        head: One of `HEADS`.
        weights: What the head has learned: `weighting` (D,) and `bias` () for
            `weighted`, for `dense` also `hidden_kernel` (D, 512) and
            `hidden_bias` (512,), with a `weighting` (512,).
        query: float32 ndarray (..., Q, D).
        support: float32 ndarray (..., S, D).

    Returns:
        float32 ndarray (..., Q, S): logits that two images show one character.
    """
    if join == "cosine":
        query, support = unit(query), unit(support)
    if head == "dense":
        return _dense(join, weights, query, support)
    learned = head == "weighted"
    weighting = weights["weighting"] if learned else np.ones(query.shape[-1], dtype=np.float32)
    bias = weights["bias"] if learned else np.float32(0)
    if join in ("product", "cosine"):
        return (query * weighting) @ np.swapaxes(support, -1, -2) + bias
    sign = np.float32(1 if learned else -1)
    scores = np.empty((*query.shape[:-1], support.shape[-2]), dtype=np.float32)
    for i in range(support.shape[-2]):
        apart = joined(join, query, support[..., i, None, :])
        scores[..., i] = (apart * (sign * weighting)).sum(axis=-1)
    return scores + bias
