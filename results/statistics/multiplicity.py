"""Multiplicity: many comparisons of scorers at once, on the same clusters of trials."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import special

FLIPS = 4_999
"""Random sign flips where there are more in all; they are the same at every call."""

FEWEST_CLUSTERS = 8
"""Clusters below which Holm's correction alone is used: 2**7 flips are too coarse for 5 %."""

_AT_ONCE = 2**22

_ROUNDING = 1e-9


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusts p-values for multiple tests by Holm's step-down method (Holm 1979).

    The smallest of m p-values is multiplied by m, the next by m - 1, and so on.
    None becomes smaller than the one before it, or larger than 1.

    Args:
        p_values: The p-values.

    Returns:
        The adjusted p-values, in the same order.
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for done, place in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - done) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def step_down(
    parts: np.ndarray, pairs: Sequence[tuple[int, int]], p_values: Sequence[float | None]
) -> list[float]:
    """Adjusts the p-values of pairs of scorers for their number, by sign flips of the clusters.

    If no scorer differs from another, the signs of each cluster's differences are random,
    together for all pairs. The largest statistic of all pairs under such flips is what chance
    gives; then the largest of all but the first pair, and so on (the step-down maxT method of
    Westfall and Young 1993; Romano and Wolf 2005). Unlike Holm's method, it uses that
    comparisons with a scorer in common are alike. Where Holm's p-value is smaller, which holds
    too, it is given; with fewer than `FEWEST_CLUSTERS` clusters always.

    Args:
        parts: float64 ndarray (clusters, scorers): each cluster's part of each accuracy.
        pairs: The pairs of scorers.
        p_values: The two-sided p-value of each pair; None if it cannot be tested.

    Returns:
        The adjusted p-values, in the same order; 1 where nothing can be tested.
    """
    adjusted = holm([1.0 if one is None else one for one in p_values])
    if len(parts) < FEWEST_CLUSTERS or len(pairs) < 2:
        return adjusted
    seen = _statistics(p_values, len(parts))
    sums, squares = _flipped(parts)
    order = np.argsort(-seen, kind="stable")
    # Rows are read from end to end.
    sums = np.ascontiguousarray(sums.T)
    largest, size = np.zeros(sums.shape[1]), np.empty(sums.shape[1])
    shares = np.empty(len(pairs))
    # From the last: the maximum over a pair and all that follow it.
    for place in order[::-1]:
        i, j = pairs[place]
        if squares[i, j] > 0:
            np.subtract(sums[i], sums[j], out=size)
            np.abs(size, out=size)
            size /= math.sqrt(squares[i, j])
            np.maximum(largest, size, out=largest)
        shares[place] = _share(largest, float(seen[place]))
    reached = 0.0
    for place in order:
        reached = max(reached, float(shares[place]))
        adjusted[place] = min(adjusted[place], reached)
    return adjusted


def _statistics(p_values: Sequence[float | None], clusters: int) -> np.ndarray:
    """Gives the statistic of a sign flip that has each p-value, from 0 to sqrt(clusters).

    For a sum d of differences and the sum s of their squares it is d / sqrt(s), which increases
    with the t statistic.
    """
    known = np.array([1.0 if one is None else one for one in p_values])
    t = -special.stdtrit(clusters - 1, np.maximum(known, np.finfo(float).tiny) / 2)
    with np.errstate(over="ignore"):
        return np.sqrt(clusters / (1 + (clusters - 1) / np.maximum(t, 1e-100) ** 2))


def _flipped(parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums the clusters' parts after flips of signs.

    Returns:
        float64 ndarray (flips, scorers), of which only differences mean something, the first
        without any flip; and float64 ndarray (scorers, scorers) of the sums of squared
        differences.
    """
    clusters = len(parts)
    centred = parts - parts.mean(axis=1, keepdims=True)
    # Neither the names of clusters nor the order of scorers must matter.
    centred = centred[np.argsort(np.abs(centred).sum(axis=1), kind="stable")]
    products = centred.T @ centred
    own = np.diag(products)
    squares = own[:, None] + own[None] - 2 * products
    squares[squares < 1e-24 + 1e-12 * (own[:, None] + own[None])] = 0
    if 2 ** (clusters - 1) <= FLIPS + 1:
        bits = np.arange(2**clusters)[:, None] >> np.arange(clusters)
        return (1.0 - 2 * (bits & 1)) @ centred, squares
    generator = np.random.default_rng(np.random.SeedSequence(FLIPS))
    sums = [centred.sum(axis=0, keepdims=True)]
    at_once = max(1, _AT_ONCE // clusters)
    for start in range(0, FLIPS, at_once):
        flips = generator.integers(0, 2, (min(at_once, FLIPS - start), clusters), np.int8)
        sums.append((1 - 2 * flips.astype(np.float64)) @ centred)
    return np.concatenate(sums), squares


def _share(found: np.ndarray, seen: float) -> float:
    """The share of flips whose statistic is at least as large as the one that was seen."""
    return max(int(np.count_nonzero(found >= seen - _ROUNDING)), 1) / len(found)
