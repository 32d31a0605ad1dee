"""Comparison heads on embeddings that are already there, in NumPy alone."""

from __future__ import annotations

import numpy as np


def weighted_product(
    query: np.ndarray, support: np.ndarray, weights: np.ndarray, bias: float
) -> np.ndarray:
    """Compares every query with every support embedding; see `siamese.WeightedProduct`.

    Args:
        query: float32 ndarray (..., Q, D).
        support: float32 ndarray (..., S, D).
        weights: float32 ndarray (D,).
        bias: Added to every score.

    Returns:
        float32 ndarray (..., Q, S): logits that two images show one character.
    """
    return (query * weights) @ np.swapaxes(support, -1, -2) + np.float32(bias)
