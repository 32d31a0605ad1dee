"""Comparing embeddings with NumPy alone, for all pairs of an episode at once.

The slow definition is the Keras layer `siamese.Comparison`; every join and head
gives the same scores here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from ..threads import blas, share
from .relation import relate

JOINS = ("difference", "squared", "product", "cosine")
"""How two embeddings a and b become one vector: |a - b|, (a - b)², a b, and the
product of a and b after both are normalised to length one."""

HEADS = ("dense", "weighted", "similarity")
"""How this vector becomes a logit: a dense layer of 512 with ReLU and a dense
layer of 1 (the published network); a weighted sum with bias (Koch et al.
2015); or the sum, with a minus sign for the two differences."""

OF_EPISODES = (("cosine", "attention"), ("concatenation", "relation"))
"""Joins and heads that go only with one another. `attention`: the exponential of
the cosine, whose mean over the shots is the attention of Vinyals et al. (2016).
`relation`: the network of Sung et al. (2018); see `relation_head.RelationHead`."""

_TILE = 2**17
"""Numbers in the joined pairs that are computed at once: they fit the processor's cache."""

_NOISE = 1e-14
"""Squared distances, relative to squared lengths, below which float32 cannot resolve them."""

_WORTH_A_THREAD = 2**22
"""Numbers in the joined pairs from which another thread saves time."""


def pooling(join: str, head: str) -> str:
    """Gives how several shots become one class: `prototype` or `mean`.

    Means of embeddings (prototypes) for joins by product, for the squared
    distances of Snell et al. (2017), and for the relation head; else means of
    scores, because a head on differences was never trained on mean embeddings.

    Args:
        join: The join of a network.
        head: The head of a network.
    """
    if head == "attention":
        return "mean"
    averaged = join in ("product", "cosine", "concatenation")
    return "prototype" if averaged or (join, head) == ("squared", "similarity") else "mean"


def unit(embedding: np.ndarray) -> np.ndarray:
    """Normalises embeddings (..., D) to length one; zero stays zero."""
    length = np.linalg.norm(embedding, axis=-1, keepdims=True)
    return embedding / np.maximum(length, np.float32(1e-12))


def joined(
    join: str, first: np.ndarray, second: np.ndarray, out: np.ndarray | None = None
) -> np.ndarray:
    """Joins embeddings (..., D) with embeddings (..., D), broadcasting.

    Args:
        join: One of `JOINS`; for `cosine` the embeddings must have length one.
        first: float32 ndarray (..., D).
        second: float32 ndarray (..., D).
        out: The ndarray for the result, or None for a new one; may be `first`
            or `second`.

    Returns:
        float32 ndarray (..., D).
    """
    if join in ("product", "cosine"):
        return np.multiply(first, second, out=out)
    apart = np.subtract(first, second, out=out)
    return (np.abs if join == "difference" else np.square)(apart, out=apart)


@lru_cache(maxsize=16)
def _even(width: int, hidden: int, most: int) -> bool:
    """Tells whether a row's product is the same at every place and for every number of threads.

    This is not so with OpenBLAS's kernels for AVX2.
    """
    rng = np.random.Generator(np.random.PCG64(0))
    row = rng.random((1, width), dtype=np.float32)
    kernel = rng.random((width, hidden), dtype=np.float32)
    several = [np.repeat(row, count, axis=0) for count in {64, most}]
    products = [rows @ kernel for rows in several]
    with blas().limit(limits=1):
        products += [rows @ kernel for rows in several]
    return all((product == products[0][0]).all() for product in products)


def _by_pairs(
    join: str, head: str, weights: Mapping[str, np.ndarray], query: np.ndarray, support: np.ndarray
) -> np.ndarray:
    """Joins and scores pairs in tiles, which all have the same number of pairs.

    In this way a query's scores do not depend on the other queries or on their
    number, to the last digit. If a row's product depends on its place, a tile
    holds the pairs of one query.
    """
    (queries, width), ways = query.shape[-2:], support.shape[-2]
    shape = (*query.shape[:-1], ways)
    support = np.broadcast_to(support, (*query.shape[:-2], ways, width))
    first, second = query.reshape(-1, width), support.reshape(-1, width)
    count = len(first) * ways
    most = 64 * max(_TILE // width // 64, 1)
    size = min(most, 64 * max(-(-count // 64), 1))
    if head == "dense" and not _even(*weights["hidden_kernel"].shape, most):
        size = ways
    # The last tile is filled up with pairs that are not used.
    scores = np.empty(-(-count // size) * size, dtype=np.float32)
    rows, others = np.zeros((2, len(scores)), dtype=np.intp)
    rows[:count] = np.repeat(np.arange(len(first)), ways)
    of_query = np.arange(len(second)).reshape(-1, 1, ways)
    others[:count] = np.broadcast_to(of_query, (len(of_query), queries, ways)).ravel()

    def fill(tiles: slice) -> None:
        mine, theirs = np.empty((2, size, width), dtype=np.float32)
        for start in range(tiles.start * size, tiles.stop * size, size):
            part = slice(start, start + size)
            first.take(rows[part], axis=0, out=mine, mode="clip")
            second.take(others[part], axis=0, out=theirs, mode="clip")
            features = joined(join, mine, theirs, out=mine)
            if head == "dense":
                features = features @ weights["hidden_kernel"]
                features += weights["hidden_bias"]
                np.maximum(features, 0, out=features)
            scores[part] = np.vecdot(features, weights["weighting"])

    share(fill, len(scores) // size, max(_WORTH_A_THREAD // (size * width), 1))
    return scores[:count].reshape(shape) + weights["bias"]


def _alike(query: np.ndarray, support: np.ndarray) -> np.ndarray:
    """Computes minus the squared Euclidean distances by products, five times as fast.

    It uses double precision, so that the cancellation of large lengths changes
    no digit of float32. Equal embeddings have exactly distance 0.
    """
    first, second = query.astype(np.float64), support.astype(np.float64)
    lengths = np.vecdot(first, first)[..., :, None] + np.vecdot(second, second)[..., None, :]
    scores = first @ np.swapaxes(second, -1, -2)
    scores *= 2
    scores -= lengths
    lengths *= -_NOISE
    return np.where(scores < lengths, scores, 0).astype(np.float32)


def compare(
    join: str,
    head: str,
    weights: Mapping[str, np.ndarray],
    query: np.ndarray,
    support: np.ndarray,
) -> np.ndarray:
    """Compares every query with every support embedding.

    Args:
        join: One of `JOINS`, or of `OF_EPISODES`.
        head: One of `HEADS`, or of `OF_EPISODES`.
        weights: The weights of the head. For `weighted`: `weighting` (D,) and
            `bias` (). For `dense`: `hidden_kernel` (D, 512), `hidden_bias`
            (512,), `weighting` (512,) and `bias` (). For `relation`: those of
            `relation_head.RelationHead`. For others: none.
        query: float32 ndarray (..., Q, D).
        support: float32 ndarray (..., S, D).

    Returns:
        float32 ndarray (..., Q, S): logits that two images show the same
        character.
    """
    if head == "relation":
        return relate(weights, query, support)
    if head == "attention":
        return np.exp(compare(join, "similarity", weights, query, support))
    if join == "cosine":
        query, support = unit(query), unit(support)
    if (join, head) == ("squared", "similarity"):
        return _alike(query, support)
    if head == "similarity":
        sign = np.float32(1 if join in ("product", "cosine") else -1)
        weights = {"weighting": np.full(query.shape[-1], sign), "bias": np.zeros((), np.float32)}
    if head != "dense" and join in ("product", "cosine"):
        return (query * weights["weighting"]) @ np.swapaxes(support, -1, -2) + weights["bias"]
    return _by_pairs(join, head, weights, query, support)
