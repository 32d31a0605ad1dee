"""Calibration: whether predicted probabilities agree with observed frequencies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ResultError
from .verification import weights


@dataclass(frozen=True)
class Bin:
    """Pairs with about the same probability.

    Attributes:
        low: Lowest probability, included.
        high: Highest probability, included in the last bin only.
        count: Number of pairs with a weight above 0.
        probability: Mean probability of the pairs.
        share: Share of same pairs among them.
    """

    low: float
    high: float
    count: int
    probability: float
    share: float


@dataclass(frozen=True)
class Calibration:
    """Errors of predicted probabilities.

    Attributes:
        ece: Expected calibration error: the mean over pairs of the distance,
            in the pair's bin, between mean probability and share of same
            pairs.
        brier: Mean squared distance of the probability from 1 for same pairs
            and from 0 for different pairs (Brier 1950; the original score sums
            over both outcomes and is twice as large).
        bins: The bins with pairs, ascending.
    """

    ece: float
    brier: float
    bins: tuple[Bin, ...]


def calibration(
    probability: np.ndarray,
    same: np.ndarray,
    bins: int = 15,
    weight: np.ndarray | None = None,
) -> Calibration:
    """Measures calibration over bins of equal width.

    Pairs are sorted into bins by the probability of being the same (Naeini et
    al. 2015), not by the probability of the more likely answer (Guo et al.
    2017).

    Args:
        probability: float ndarray (pairs,), from 0 to 1: the probability that
            both are the same character.
        same: bool ndarray (pairs,): whether both are the same character.
        bins: Number of bins; 15 as in Guo et al. 2017.
        weight: float ndarray (pairs,), not negative, for example to give same
            and different pairs equal weight; None for equal weights.

    Raises:
        ResultError: A probability is not from 0 to 1, weights or bins are
            impossible, or no pair has a weight.
    """
    if bins < 1:
        raise ResultError(f"{bins} bins are impossible, expected 1 or more, such as 15")
    if not ((probability >= 0) & (probability <= 1)).all():
        raise ResultError(
            "a probability is NaN or not from 0 to 1; turn log-odds x into 1 / (1 + exp(-x))"
        )
    weight = weights(weight, len(probability)).astype(np.float64)
    total = weight.sum()
    if not total:
        raise ResultError("no pairs with a weight above 0, expected one or more; add trials")
    probability = probability.astype(np.float64)
    edges = np.arange(bins + 1) / bins
    place = np.searchsorted(edges[1:-1], probability, "right")
    count = np.bincount(place[weight > 0], minlength=bins)
    sizes, probabilities, shares = (
        np.bincount(place, weight * summed, bins) for summed in (1.0, probability, same)
    )
    found = tuple(
        Bin(
            float(edges[one]),
            float(edges[one + 1]),
            int(count[one]),
            float(probabilities[one] / sizes[one]),
            float(shares[one] / sizes[one]),
        )
        for one in np.flatnonzero(count)
    )
    ece = float(np.sum(np.abs(probabilities - shares)) / total)
    brier = float(np.sum(weight * (probability - same) ** 2) / total)
    return Calibration(ece, brier, found)
