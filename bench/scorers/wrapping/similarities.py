"""Similarities of embeddings, for all pairs of an episode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ....models.networks import compare
from .outputs import as_array

Similarity = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From embeddings (..., Q, D) and (..., S, D) to (..., Q, S)."""


def _by_join(join: str) -> Similarity:
    return lambda query, support: compare(
        join, "similarity", {}, *(one.astype(np.float32, copy=False) for one in (query, support))
    )


def _euclidean(query: np.ndarray, support: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(-_by_join("squared")(query, support), 0))


SIMILARITIES: dict[str, Similarity] = {
    "cosine": _by_join("cosine"),
    "euclidean": _euclidean,
    "dot": _by_join("product"),
}
"""The similarities by name; `euclidean` is a distance."""

DISTANCES = frozenset({"euclidean"})
"""Those that are smaller the more alike two images are."""

PAIRS = 2**22
"""Numbers in the embeddings of pairs that a head gets at once."""


def episode_by_episode(
    function: Callable[..., Any], query: np.ndarray, support: np.ndarray
) -> np.ndarray:
    """Compares by a function that takes one episode at a time.

    Args:
        function: From (Q, D) and (S, D) to (Q, S).
        query: ndarray (..., Q, D).
        support: ndarray (..., S, D).
    """
    lead = query.shape[:-2]
    queries, supports = (one.reshape(-1, *one.shape[-2:]) for one in (query, support))
    # Copies, because the function may use the same array again in its next call.
    scores = [np.array(as_array(function(*both))) for both in zip(queries, supports, strict=True)]
    wanted = query.shape[-2], support.shape[-2]
    if any(one.shape != wanted for one in scores):
        raise TypeError(f"compare gave shape {scores[0].shape}, expected {wanted}")
    return np.stack(scores).reshape(*lead, *wanted)


def pair_by_pair(
    join: Callable[[np.ndarray, np.ndarray], np.ndarray], query: np.ndarray, support: np.ndarray
) -> np.ndarray:
    """Compares by a head that takes as many first as second embeddings.

    Args:
        join: From (n, D) and (n, D) to (n,) or (n, 1).
        query: ndarray (..., Q, D).
        support: ndarray (..., S, D).
    """
    width = query.shape[-1]
    shape = (*query.shape[:-1], support.shape[-2])
    first = np.broadcast_to(query[..., :, None, :], (*shape, width))
    second = np.broadcast_to(support[..., None, :, :], (*shape, width))
    count = int(np.prod(shape))
    scores = np.empty(count, dtype=np.float32)
    at_once = max(1, PAIRS // max(1, width))
    for start in range(0, count, at_once):
        chosen = np.unravel_index(range(start, min(start + at_once, count)), shape)
        scores[start : start + at_once] = flat(join(first[chosen], second[chosen]), len(chosen[0]))
    return scores.reshape(shape)


def flat(scores: np.ndarray, count: int) -> np.ndarray:
    """Gives the scores of pairs as (n,).

    Args:
        scores: ndarray (n,) or (n, 1).
        count: The number of pairs, n.
    """
    if scores.size != count:
        raise TypeError(f"gave shape {scores.shape} for {count} pairs, expected ({count},)")
    return scores.reshape(-1)
