"""Bands: intervals of several accuracies that hold all at once, with one probability."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import special

from ..errors import ResultError
from .estimates import LEVEL
from .influences import Influence

DRAWS = 20_000
"""Random draws of the largest t statistic; the random numbers are the same at every call."""


def pointwise_level(found: Sequence[Influence], level: float = LEVEL) -> float:
    """Computes the level of single intervals which hold together at another level.

    The statistics of the points are taken as multivariate t (Hothorn, Bretz and Westfall 2008).
    Their correlations are those of the clusters' influences, so that points of a curve which rise
    and fall with the same alphabets cost little more than a single one. Each point keeps its own
    degrees of freedom. A point whose clusters do not differ is taken as independent of the others.

    Args:
        found: The influence of the clusters on the accuracy of each point. The points may be of
            other episodes, and have only some of the clusters in common.
        level: Probability that all intervals hold.

    Returns:
        The level for each single interval, from `level` to what Bonferroni's correction gives.

    Raises:
        ResultError: There are no points, or the level is impossible.
    """
    if not 0 < level < 1:
        raise ResultError(f"level {level} is impossible, expected between 0 and 1, such as 0.95")
    if not found:
        raise ResultError("no points of a curve, expected at least 1")
    if len(found) == 1:
        return level
    correlations = _correlations(found)
    values, vectors = np.linalg.eigh(correlations)
    root = vectors * np.sqrt(np.maximum(values, 0))
    normal = np.abs(_drawn(len(found))[0] @ root.T)
    # A quantile needs the smallest p-values alone, which are those of the largest t.
    few = min(int((1 - level) * DRAWS) + 2, DRAWS)
    smallest = np.ones(DRAWS)
    for place, one in enumerate(found):
        freedom = one.freedom if one.spreads else np.inf
        t = normal[:, place]
        if np.isfinite(freedom):
            t = t / _scale(len(found), freedom)
        largest = np.argpartition(-t, few - 1)[:few]
        t = t[largest]
        p = 2 * (special.stdtr(freedom, -t) if np.isfinite(freedom) else special.ndtr(-t))
        smallest[largest] = np.minimum(smallest[largest], p)
    least = (1 - level) / len(found)
    return 1 - min(max(float(np.quantile(smallest, 1 - level)), least), 1 - level)


@lru_cache(maxsize=4)
def _drawn(points: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws normal numbers, ndarray (draws, points), and uniform ones, ndarray (draws,)."""
    generator = np.random.default_rng(np.random.SeedSequence(DRAWS))
    return generator.standard_normal((DRAWS, points)), generator.random(DRAWS)


# Scorers on the same episodes mostly have the same degrees of freedom.
@lru_cache(maxsize=64)
def _scale(points: int, freedom: float) -> np.ndarray:
    """Draws estimates of a standard deviation of 1, ndarray (draws,).

    Variances of the points come from the same clusters: all are too small together.
    """
    shared = _drawn(points)[1]
    return np.sqrt(2 * special.gammaincinv(freedom / 2, shared) / freedom)


def _correlations(found: Sequence[Influence]) -> np.ndarray:
    """Gives the correlations of the points' means over clusters, ndarray (points, points)."""
    names = {
        name: place for place, name in enumerate(sorted({n for f in found for n in f.clusters}))
    }
    values = np.zeros((len(found), len(names)))
    for row, one in zip(values, found, strict=True):
        if one.spreads:
            without = one.without.copy()
            for group in np.unique(one.groups):
                without[one.groups == group] -= without[one.groups == group].mean()
            row[[names[name] for name in one.clusters]] = without
    lengths = np.linalg.norm(values, axis=1)
    values /= np.where(lengths > 0, lengths, 1)[:, None]
    products = values @ values.T
    np.fill_diagonal(products, 1)
    return products
