"""Calibration: whether a probability of being the same is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ResultError
from .verification import weights


@dataclass(frozen=True)
class Bin:
    """Pairs of about the same probability.

    Attributes:
        low: Least probability, included.
        high: Greatest probability, included in the last bin only.
        count: How many pairs, those of no weight left out.
        probability: Their mean probability.
        share: Their share of same pairs.
    """

    low: float
    high: float
    count: int
    probability: float
    share: float


@dataclass(frozen=True)
class Calibration:
    """How far probabilities are from what came of them.

    Attributes:
        ece: Expected calibration error: the mean over pairs of how far, in
            their bin, the mean probability is from the share of same pairs.
        brier: Mean squared distance of the probability from 1 for same and 0
            for different pairs (Brier 1950, whose own score sums over both
            outcomes and is twice this).
        bins: Those that hold pairs, ascending.
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

    What is binned is the probability of being the same (Naeini et al. 2015),
    not that of the likelier answer (Guo et al. 2017).

    Args:
        probability: float ndarray (pairs,), from 0 to 1, of being the same.
        same: bool ndarray (pairs,), whether both are the same character.
        bins: How many; 15 as Guo et al. 2017.
        weight: float ndarray (pairs,), not negative, such as to give same
            and different pairs equal parts; None where all weigh alike.

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
        raise ResultError("no pairs of any weight, expected one or more; add trials")
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
