"""Estimates of accuracy: a value, and an interval that says what it covers."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from .errors import ResultError

LEVEL = 0.95
"""Nominal coverage of intervals."""

FEWEST_CLUSTERS = 5
"""With fewer alphabets, the spread between them cannot be estimated."""

INTERVALS = ("population", "wilson")
"""What can be asked for; see `estimate`."""


@dataclass(frozen=True)
class Estimate:
    """An accuracy with its interval, as fractions.

    Attributes:
        value: Mean credit.
        low: Lower end of the interval.
        high: Upper end.
        level: Nominal coverage.
        method: `t by alphabet` or `wilson`.
        n: Trials.
        clusters: Alphabets, where the method clusters by them; else None.
    """

    value: float
    low: float
    high: float
    level: float
    method: str
    n: int
    clusters: int | None

    def as_json(self) -> dict[str, Any]:
        """The fields of the JSON interface; n stands beside it there."""
        fields = asdict(self)
        del fields["n"]
        return fields


def wilson(credit: np.ndarray, level: float = LEVEL) -> Estimate:
    """Wilson's score interval, as if trials were independent (Wilson 1927).

    Args:
        credit: float ndarray (n,), from 0 to 1; shared credit counts in part.
        level: Nominal coverage.
    """
    n, mean = len(credit), math.fsum(credit) / len(credit)
    z = float(stats.norm.ppf((1 + level) / 2))
    centre = (mean + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(mean * (1 - mean) / n + z**2 / (4 * n**2))
    low, high = max(0.0, float(centre - half)), min(1.0, float(centre + half))
    return Estimate(mean, min(low, mean), max(high, mean), level, "wilson", n, None)


def clustered(credit: np.ndarray, cluster: np.ndarray, level: float = LEVEL) -> Estimate:
    """The t interval for a mean over clusters of unequal size.

    The variance is that of the cluster sums of residuals with the factor
    G / (G - 1) for G clusters (Liang and Zeger 1986; Miller 2024, section
    2.2, adds no such factor), the quantile that of t with G - 1 degrees of
    freedom. It covers new clusters of the kind, unlike intervals over trials.

    Args:
        credit: float ndarray (n,), from 0 to 1.
        cluster: int ndarray (n,), from 0 to G - 1, each occurring.
        level: Nominal coverage.

    Raises:
        ResultError: There are fewer than two clusters.
    """
    sizes = np.bincount(cluster)
    n, clusters = len(credit), len(sizes)
    if clusters < 2:
        raise ResultError("one alphabet alone says nothing of others; ask for --interval wilson")
    mean = math.fsum(credit) / n
    residuals = np.bincount(cluster, weights=credit) - mean * sizes
    error = np.sqrt(clusters / (clusters - 1) * np.sum(residuals**2)) / n
    half = float(stats.t.ppf((1 + level) / 2, clusters - 1) * error)
    return Estimate(
        mean, max(0.0, mean - half), min(1.0, mean + half), level, "t by alphabet", n, clusters
    )


def estimate(trials: pd.DataFrame, interval: str = "population", level: float = LEVEL) -> Estimate:
    """Estimates the accuracy of stored trials.

    Args:
        trials: With the columns credit and alphabet.
        interval: `population`: `clustered` by alphabet where there are at
            least five alphabets and their accuracies differ (no spread does
            not mean no doubt), else `wilson`; or `wilson`. A constant scorer's
            credit, the same in all trials, has no doubt about it.
        level: Nominal coverage.

    Raises:
        ResultError: There are no trials, or the interval is unknown.
    """
    if interval not in INTERVALS:
        raise ResultError(f"unknown interval {interval!r}; known are {', '.join(INTERVALS)}")
    if not 0 < level < 1:
        raise ResultError(f"level {level} is impossible, expected between 0 and 1, such as 0.95")
    credit = trials["credit"].to_numpy(dtype=np.float64)
    if not len(credit):
        raise ResultError("no trials to estimate from")
    codes, alphabets = pd.factorize(trials["alphabet"])
    accuracies = np.bincount(codes, weights=credit) / np.bincount(codes)
    constant = credit.min() == credit.max() and 0 < credit[0] < 1
    level_off = np.ptp(accuracies) < 1e-12 and not constant
    if interval == "wilson" or len(alphabets) < FEWEST_CLUSTERS or level_off:
        return wilson(credit, level)
    return clustered(credit, codes, level)
