"""Bands: intervals of several accuracies that hold all at once, with one probability."""

from __future__ import annotations

from collections.abc import Sequence

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
    generator = np.random.default_rng(np.random.SeedSequence(DRAWS))
    normal = np.abs(generator.standard_normal((DRAWS, len(found))) @ root.T)
    shared = generator.random(DRAWS)
    smallest = np.ones(DRAWS)
    for place, one in enumerate(found):
        freedom = one.freedom if one.spreads else np.inf
        scale = np.ones(DRAWS)
        if np.isfinite(freedom):
            # Variances of the points come from the same clusters: all are too small together.
            scale = np.sqrt(2 * special.gammaincinv(freedom / 2, shared) / freedom)
        t = normal[:, place] / scale
        p = 2 * (special.stdtr(freedom, -t) if np.isfinite(freedom) else special.ndtr(-t))
        smallest = np.minimum(smallest, p)
    least = (1 - level) / len(found)
    return 1 - min(max(float(np.quantile(smallest, 1 - level)), least), 1 - level)


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
