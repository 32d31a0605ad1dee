"""Pairwise: scorers of pairs that stand beside each other, as a service takes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .precision import received


def score(scorer: Any, query: np.ndarray, support: np.ndarray) -> Any:
    """Compares every query image with every support image, by `score` or else `score_pairs`.

    Args:
        scorer: A scorer of level 2.
        query: ndarray (Q, height, width).
        support: ndarray (S, height, width).

    Returns:
        What the scorer gives: (Q, S).

    Raises:
        ValueError: `score_pairs` gave something else than a number for each pair.
    """
    if hasattr(scorer, "score"):
        return scorer.score(query, support)
    first = np.repeat(query, len(support), axis=0)
    second = np.concatenate([support] * len(query))
    scores = received(scorer.score_pairs(first, second))
    if scores.shape != (len(first),):
        raise ValueError(f"score_pairs gave shape {scores.shape}, expected ({len(first)},)")
    return scores.reshape(len(query), len(support))
