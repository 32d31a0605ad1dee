"""Pairings: the p-values of all pairs of several scorers, computed together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy import special

from .influences import Influence
from .recipes import Side, p_value_between

_CLEAR = 1e-6
"""A variance of a difference relative to that of its two means, below which the difference is
taken trial by trial: the scorers agree in nearly all, and a product would lose the digits."""

Pair = tuple[int, int]


def pair_p_values(sides: Sequence[Side]) -> dict[Pair, float | None]:
    """Tests whether the two sides of each pair differ.

    Many scorers have many pairs, so the variances of all differences come from one product
    of each cluster's influences, and not from the trials of each pair.

    Args:
        sides: The sides, of the same episodes.

    Returns:
        The p-value of each pair (i, j), i < j, as from `p_value_between`.

    Raises:
        ResultError: The sides are of different episodes or trials.
    """
    found: dict[Pair, float | None] = dict.fromkeys(combinations(range(len(sides)), 2))
    if len(sides) > 2 and not any(one.seeds for one in sides):
        for one in sides[1:]:
            # Complains if the trials are others.
            _ = sides[0].outcome - one.outcome
        influences = [one.outcome.influence for one in sides]
        if not influences[0].problem:
            found |= _together(influences)
    for pair in found:
        if found[pair] is None:
            first, second = pair
            found[pair] = p_value_between(sides[first], sides[second])
    return found


def _together(influences: Sequence[Influence]) -> dict[Pair, float]:
    """The p-values of the pairs that differ clearly in their trials."""
    one = influences[0]
    without, totals = (
        np.stack([getattr(each, name) for each in influences]) for name in ("without", "totals")
    )
    values = np.array([each.value for each in influences])
    sampler = _squares(np.stack([each.residuals for each in influences], axis=1)) / one.n**2
    groups = [np.flatnonzero(one.groups == each) for each in range(int(one.groups.max()) + 1)]
    noise = _noise(influences, groups) if one.mixed else np.zeros_like(sampler)
    own = np.diag(sampler)
    found: dict[Pair, float] = {}
    for first in range(len(influences) - 1):
        others = slice(first + 1, None)
        between = _of_difference(sampler, first)
        moved = without[first] - without[others]
        jackknife = sum((len(each) - 1) * moved[:, each].var(axis=1) for each in groups)
        variance = jackknife
        if one.mixed:
            variance = np.maximum(jackknife - _of_difference(noise, first), 0) + between
        clear = between > _CLEAR * (own[first] + own[others])
        clear &= np.abs(totals[first] - totals[others]).max(axis=1) >= 1e-12
        clear &= variance > _CLEAR * between
        size = np.abs(values[first] - values[others]) / np.sqrt(np.where(clear, variance, 1))
        p_values = 2 * special.stdtr(one.reduced_freedom(moved), -size)
        for place in np.flatnonzero(clear):
            found[first, first + 1 + int(place)] = float(p_values[place])
    return found


def _of_difference(products: np.ndarray, first: int) -> np.ndarray:
    """Variances of the differences of one mean from those after it, by (co)variances of all."""
    own, others = np.diag(products), slice(first + 1, None)
    return own[first] + own[others] - 2 * products[first, others]


def _squares(parts: np.ndarray) -> np.ndarray:
    """The (co)variances of sums over the first axis of (parts, means), which are independent."""
    count = len(parts)
    centred = parts - parts.mean(axis=0)
    return count / (count - 1) * (centred.T @ centred)


def _noise(influences: Sequence[Influence], groups: Sequence[np.ndarray]) -> np.ndarray:
    """What `Influence.population_variance` subtracts, as (co)variances of all means."""
    one = influences[0]
    noise = np.zeros((len(influences), len(influences)))
    for members in groups:
        trials = one.sizes[members].sum()
        for cluster in members:
            parts = np.stack([each.parts[:, cluster] for each in influences], axis=1)
            left = one.n / trials * (trials - one.sizes[cluster])
            noise += (len(members) - 1) / len(members) * _squares(parts) / left**2
    return noise
