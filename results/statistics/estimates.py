"""Estimates of accuracy: a value and its interval."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from ..errors import ResultError
from .influences import Influence

LEVEL = 0.95
"""Default nominal coverage of intervals."""

RESAMPLES = 9_999
"""Resamples of the bootstrap; its random numbers are the same at every call."""


@dataclass(frozen=True)
class Estimate:
    """An accuracy with its interval, as fractions.

    Attributes:
        value: Mean credit.
        low: Lower end of the interval; None if there is no interval.
        high: Upper end of the interval; None if there is no interval.
        level: Nominal coverage.
        method: The method of the interval, or why there is none, in words.
        n: Number of trials.
        clusters: Number of clusters (alphabets, characters, runs or episodes);
            None if the method does not cluster trials.
    """

    value: float
    low: float | None
    high: float | None
    level: float
    method: str
    n: int
    clusters: int | None

    @property
    def reach(self) -> float | None:
        """The larger of the two distances from the value to the ends; None without an interval."""
        if self.low is None or self.high is None:
            return None
        return max(self.high - self.value, self.value - self.low)

    @property
    def halfwidth(self) -> float | None:
        """Half of the interval's width; None without an interval."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2

    def as_json(self) -> dict[str, Any]:
        """Gives the fields of the JSON interface; there n is a field of the run."""
        fields = asdict(self)
        del fields["n"]
        return fields


def without_interval(value: float, level: float, problem: str, n: int) -> Estimate:
    """Gives an estimate without an interval.

    Args:
        value: The mean.
        level: Nominal coverage.
        problem: Why no interval can be computed, in words.
        n: Number of trials.
    """
    return Estimate(value, None, None, level, f"none ({problem})", n, None)


def wilson(credit: np.ndarray, level: float = LEVEL) -> Estimate:
    """Computes Wilson's score interval, as if trials were independent (Wilson 1927).

    Args:
        credit: float ndarray (n,), from 0 to 1; ties have a share of 1.
        level: Nominal coverage.
    """
    n, mean = len(credit), math.fsum(credit) / len(credit)
    z = float(special.ndtri((1 + level) / 2))
    centre = (mean + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(mean * (1 - mean) / n + z**2 / (4 * n**2))
    low, high = max(0.0, float(centre - half)), min(1.0, float(centre + half))
    return Estimate(mean, min(low, mean), max(high, mean), level, "wilson", n, None)


def clopper_pearson(credit: np.ndarray, level: float = LEVEL) -> Estimate:
    """Computes the exact binomial interval, as if trials were independent.

    Source: Clopper and Pearson 1934.

    Args:
        credit: float ndarray (n,), from 0 to 1; ties have a share of 1.
        level: Nominal coverage.
    """
    n, total = len(credit), math.fsum(credit)
    tail = (1 - level) / 2
    low = float(special.betaincinv(total, n - total + 1, tail)) if total > 0 else 0.0
    high = float(special.betainccinv(total + 1, n - total, tail)) if total < n else 1.0
    return Estimate(total / n, low, high, level, "clopper-pearson", n, None)


def clustered(
    credit: np.ndarray, cluster: np.ndarray, level: float = LEVEL, what: str = "alphabet"
) -> Estimate:
    """Computes the t interval for a mean over clusters of unequal size.

    For G clusters, the variance is that of the clusters' sums of residuals,
    times G / (G - 1) (Liang and Zeger 1986; Miller 2024, section 2.2, omits
    this factor), and the quantile is that of t with G - 1 degrees of freedom.
    Unlike intervals over trials, it covers new clusters of the same kind.

    Args:
        credit: float ndarray (n,), from 0 to 1.
        cluster: int ndarray (n,), the number of each trial's cluster, from 0
            to G - 1; every number occurs.
        level: Nominal coverage.
        what: Name of one cluster, for the method's name and for messages.

    Raises:
        ResultError: There are fewer than two clusters.
    """
    mean, error, clusters = _clustered_error(credit, cluster, what)
    half = float(special.stdtrit(clusters - 1, (1 + level) / 2) * error)
    low, high = max(0.0, mean - half), min(1.0, mean + half)
    return Estimate(mean, low, high, level, f"t by {what}", len(credit), clusters)


def _clustered_error(
    credit: np.ndarray, cluster: np.ndarray, what: str
) -> tuple[float, float, int]:
    sizes = np.bincount(cluster)
    n, clusters = len(credit), len(sizes)
    if clusters < 2:
        raise ResultError(
            f"an interval for new {what}s needs at least 2, there is 1; ask for --interval "
            "population"
        )
    mean = math.fsum(credit) / n
    residuals = np.bincount(cluster, weights=credit) - mean * sizes
    return mean, np.sqrt(clusters / (clusters - 1) * np.sum(residuals**2)) / n, clusters


def sampler(trials: pd.DataFrame, level: float = LEVEL, normal: bool = False) -> Estimate:
    """Computes the interval of most papers, which covers only other episodes of the same images.

    If all episodes have the same number of queries, it is the mean of the
    episodes' accuracies, plus or minus a quantile times their standard error.

    Args:
        trials: Trials with the columns credit and episode.
        level: Nominal coverage.
        normal: Whether to use the normal quantile, 1.96 for 95 %, as in most
            papers; the default is the quantile of t.

    Raises:
        ResultError: There is only one episode.
    """
    credit = trials["credit"].to_numpy(np.float64)
    episode = np.unique(trials["episode"].to_numpy(), return_inverse=True)[1]
    if not normal:
        return clustered(credit, episode, level, "episode")
    mean, error, episodes = _clustered_error(credit, episode, "episode")
    z = 1.96 if level == 0.95 else float(special.ndtri((1 + level) / 2))
    # Papers divide by the number of episodes minus one for the standard deviation, as here.
    low, high = max(0.0, mean - z * error), min(1.0, mean + z * error)
    return Estimate(
        mean, low, high, level, f"{z:.4g} standard errors, episodes", len(credit), episodes
    )


def on_logit_scale(
    found: Influence, level: float = LEVEL, looks: int = 1, endless: bool = False
) -> Estimate:
    """Computes the population interval.

    It covers new alphabets, their characters and images, and other episodes;
    or, of the influence of characters, new characters of the same alphabets.
    It is a t interval for the log-odds, by the delta method: near 100 % an
    accuracy is so skewed that a symmetric interval contains the true value too
    rarely (docs/coverage.md). The variance is `Influence.population_variance`,
    a jackknife; the degrees of freedom are `Influence.freedom`.

    Args:
        found: The influence of the alphabets, or of the characters, on an
            accuracy that is neither 0 nor 1.
        level: Nominal coverage.
        looks: Number of interim looks: how often the evaluation could have
            stopped because of its results so far. The noise of episodes gets
            the quantile of Bonferroni's correction for so many looks.
        endless: Whether to compute the interval for infinitely many episodes.
    """
    mean = found.value
    variance = found.lasting_variance
    if not endless:
        quantiles = special.ndtri([(1 - level) / 2, (1 - level) / 2 / looks])
        widening = float(quantiles[1] / quantiles[0]) ** 2 - 1
        variance = found.population_variance + widening * found.sampler_variance
    low, high = log_odds_ends(mean, variance, found.freedom, level)
    method = f"jackknife by {found.kind}, log-odds" + (f", {looks} looks" if looks > 1 else "")
    return Estimate(mean, low, high, level, method, found.n, len(found.clusters))


def log_odds_ends(
    mean: float, variance: float, freedom: float, level: float
) -> tuple[float, float]:
    """Computes the ends of the t interval for an accuracy's log-odds, by the delta method.

    Args:
        mean: The accuracy, neither 0 nor 1.
        variance: Variance of the accuracy.
        freedom: Degrees of freedom of the variance.
        level: Nominal coverage.

    Returns:
        The lower and the upper end, as accuracies.
    """
    error = math.sqrt(variance) / (mean * (1 - mean))
    half = float(special.stdtrit(freedom, (1 + level) / 2)) * error
    middle = math.log(mean / (1 - mean))
    low, high = (float(special.expit(middle + sign * half)) for sign in (-1, 1))
    # Where nothing varies, rounding in the logarithms must not part the ends from the value.
    return min(low, mean), max(high, mean)


def bootstrap(found: Influence, level: float = LEVEL) -> Estimate:
    """Computes the BCa bootstrap over alphabets (Efron 1987), an alternative to `on_logit_scale`.

    It resamples alphabets, each with its sum of credits and its number of
    trials. If episodes mix alphabets, the sum includes the alphabet's influence
    as distractor.

    Args:
        found: The influence of the alphabets; at least two must differ.
        level: Nominal coverage.
    """
    # Takes longer to import than a hundred runs to read.
    from scipy import stats

    # Rounded, because ties between resamples must not depend on the order of additions.
    sums = np.round(found.value * found.sizes + found.n * found.totals, 9)
    ends = stats.bootstrap(
        (sums, found.sizes),
        lambda sums, sizes, axis=-1: sums.sum(axis=axis) / sizes.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        confidence_level=level,
        method="BCa",
        rng=np.random.default_rng(np.random.SeedSequence(RESAMPLES)),
    ).confidence_interval
    low, high = max(0.0, float(ends.low)), min(1.0, float(ends.high))
    clusters = len(found.clusters)
    return Estimate(found.value, low, high, level, "BCa bootstrap by alphabet", found.n, clusters)
